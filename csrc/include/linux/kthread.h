/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: threads that a driver starts, and has to stop. */
#ifndef _LINUX_KTHREAD_H
#define _LINUX_KTHREAD_H

#include <linux/err.h>
#include <linux/freezer.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

/* Not running before wake_up_process(). */
struct task_struct *kthread_create(int (*fn)(void *arg), void *arg,
				   const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define kthread_create_on_node(fn, arg, node, ...)                             \
	kthread_create(fn, arg, __VA_ARGS__)
#define kthread_run(fn, arg, ...)                                              \
	({                                                                     \
		struct task_struct *t_ = kthread_create(fn, arg, __VA_ARGS__); \
		if (!IS_ERR(t_))                                               \
			wake_up_process(t_);                                   \
		t_;                                                            \
	})
/* What fn returned; -EINTR: it never ran. */
int kthread_stop(struct task_struct *t);
bool kthread_should_stop(void);

/* ---- works of a thread of one's own: of an ordered workqueue ----------- */

struct kthread_worker {
	struct task_struct *task; /* NULL before the first work runs */
	struct workqueue_struct *wq;
};

struct kthread_work;
typedef void (*kthread_work_func_t)(struct kthread_work *work);

struct kthread_work {
	struct work_struct work;
	kthread_work_func_t func;
	struct kthread_worker *worker;
};

struct kthread_delayed_work {
	struct kthread_work work;
	struct timer_list timer;
};

void kthread_init_work_fn(struct kthread_work *work, kthread_work_func_t func);
#define kthread_init_work(w, f) kthread_init_work_fn(w, f)
struct kthread_worker *kernel_kthread_worker(const char *where, const char *fmt,
					     ...)
	__attribute__((format(printf, 2, 3)));
#define kthread_create_worker(flags, ...)                                      \
	((void)(flags), kernel_kthread_worker(KERNEL_HERE, __VA_ARGS__))
#define kthread_run_worker kthread_create_worker
void kthread_destroy_worker(struct kthread_worker *worker);
/* false: it was queued already. */
bool kthread_queue_work(struct kthread_worker *worker,
			struct kthread_work *work);
void kthread_flush_work(struct kthread_work *work);
void kthread_flush_worker(struct kthread_worker *worker);
bool kthread_cancel_work_sync(struct kthread_work *work);

#endif
