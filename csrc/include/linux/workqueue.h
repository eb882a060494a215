/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: works and delayed works, queues of one's own and the system's.
 * Otherwise: workers are threads that start with the first work, at most eight
 * a queue; there are no CPUs to be bound to. An oops in a work ends the work.
 */
#ifndef _LINUX_WORKQUEUE_H
#define _LINUX_WORKQUEUE_H

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/workqueue_types.h>

struct delayed_work {
	struct work_struct work;
	struct timer_list timer;
	struct workqueue_struct *wq;
};

struct rcu_work {
	struct work_struct work;
	struct rcu_head rcu;
	struct workqueue_struct *wq;
};

enum {
	WQ_BH = 1 << 0,
	WQ_UNBOUND = 1 << 1,
	WQ_FREEZABLE = 1 << 2,
	WQ_MEM_RECLAIM = 1 << 3,
	WQ_HIGHPRI = 1 << 4,
	WQ_CPU_INTENSIVE = 1 << 5,
	WQ_SYSFS = 1 << 6,
	WQ_POWER_EFFICIENT = 1 << 7,
	__WQ_ORDERED = 1 << 17,
	WQ_MAX_ACTIVE = 512,
	WQ_DFL_ACTIVE = 256,
	WORK_CPU_UNBOUND = 64,
};

extern struct workqueue_struct *const system_wq;
extern struct workqueue_struct *const system_highpri_wq;
extern struct workqueue_struct *const system_long_wq;
extern struct workqueue_struct *const system_unbound_wq;
extern struct workqueue_struct *const system_freezable_wq;
extern struct workqueue_struct *const system_power_efficient_wq;

#define __WORK_INITIALIZER(n, f)                                               \
	{ .entry = { &(n).entry, &(n).entry }, .func = (f) }
#define DECLARE_WORK(n, f) struct work_struct n = __WORK_INITIALIZER(n, f)
#define DECLARE_DELAYED_WORK(n, f)                                             \
	struct delayed_work n = { .work = __WORK_INITIALIZER((n).work, f),     \
				  .timer = { .function =                       \
						     delayed_work_timer_fn } }
#define INIT_WORK(w, f)                                                        \
	do {                                                                   \
		struct work_struct *work_ = (w);                               \
		*work_ = (struct work_struct)__WORK_INITIALIZER(*work_, f);    \
	} while (0)
#define INIT_WORK_ONSTACK INIT_WORK
#define destroy_work_on_stack(w) ((void)(w))
#define INIT_DELAYED_WORK(w, f)                                                \
	do {                                                                   \
		struct delayed_work *dwork_ = (w);                             \
		INIT_WORK(&dwork_->work, f);                                   \
		timer_setup(&dwork_->timer, delayed_work_timer_fn, 0);         \
		dwork_->wq = NULL;                                             \
	} while (0)
#define INIT_DEFERRABLE_WORK INIT_DELAYED_WORK
#define INIT_DELAYED_WORK_ONSTACK INIT_DELAYED_WORK
#define INIT_RCU_WORK(w, f) INIT_WORK(&(w)->work, f)

static inline struct delayed_work *to_delayed_work(struct work_struct *work)
{
	return (struct delayed_work *)work; /* its first member */
}

struct workqueue_struct *
kernel_alloc_workqueue(const char *where, const char *fmt, unsigned int flags,
		       int max_active, ...)
	__attribute__((format(printf, 2, 5)));
#define alloc_workqueue(fmt, flags, max_active, ...)                           \
	kernel_alloc_workqueue(KERNEL_HERE, fmt, flags,                        \
			       max_active, ##__VA_ARGS__)
#define alloc_ordered_workqueue(fmt, flags, ...)                               \
	alloc_workqueue(fmt, (flags) | WQ_UNBOUND | __WQ_ORDERED,              \
			1, ##__VA_ARGS__)
#define create_workqueue(n) alloc_workqueue("%s", WQ_MEM_RECLAIM, 1, n)
#define create_singlethread_workqueue(n)                                       \
	alloc_ordered_workqueue("%s", WQ_MEM_RECLAIM, n)
#define create_freezable_workqueue create_workqueue
void destroy_workqueue(struct workqueue_struct *wq);

/* false: it was pending already. */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
			unsigned long delay);
/* true: its timer was changed. */
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
		      unsigned long delay);
bool queue_rcu_work(struct workqueue_struct *wq, struct rcu_work *rwork);
bool flush_work(struct work_struct *work);
bool flush_delayed_work(struct delayed_work *dwork);
bool cancel_work(struct work_struct *work);
bool cancel_work_sync(struct work_struct *work);
bool cancel_delayed_work(struct delayed_work *dwork);
bool cancel_delayed_work_sync(struct delayed_work *dwork);
bool work_pending(const struct work_struct *work);
unsigned int work_busy(struct work_struct *work);
void kernel_flush_workqueue(struct workqueue_struct *wq);
void drain_workqueue(struct workqueue_struct *wq);
struct work_struct *current_work(void);

#define flush_workqueue(wq) kernel_flush_workqueue(wq)
#define __flush_workqueue(wq) kernel_flush_workqueue(wq)
#define delayed_work_pending(w)                                                \
	(work_pending(&(w)->work) || timer_pending(&(w)->timer))
#define schedule_work(w) queue_work(system_wq, w)
#define schedule_delayed_work(w, delay) queue_delayed_work(system_wq, w, delay)
#define schedule_work_on(cpu, w) schedule_work(w)
#define queue_work_on(cpu, wq, w) queue_work(wq, w)
#define queue_work_node(node, wq, w) queue_work(wq, w)
#define queue_delayed_work_on(cpu, wq, w, delay)                               \
	queue_delayed_work(wq, w, delay)
#define mod_delayed_work_on(cpu, wq, w, delay) mod_delayed_work(wq, w, delay)
#define flush_scheduled_work() kernel_flush_workqueue(system_wq)

#endif
