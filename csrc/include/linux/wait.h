/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: wait queues, wait_event() and theirs, prepare_to_wait().
 * Otherwise: a wait that a task cannot be interrupted in, and that is given up
 * from outside, ends as an oops.
 */
#ifndef _LINUX_WAIT_H
#define _LINUX_WAIT_H

#include <linux/errno.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <shrinkpy/runtime.h>

struct wait_queue_entry;
typedef int (*wait_queue_func_t)(struct wait_queue_entry *entry,
				 unsigned int mode, int flags, void *key);

struct wait_queue_entry {
	unsigned int flags;
	void *private;
	wait_queue_func_t func;
	struct list_head entry;
};

typedef struct wait_queue_entry wait_queue_entry_t;

struct wait_queue_head {
	struct kernel_leaf leaf;
	struct list_head head;
};

typedef struct wait_queue_head wait_queue_head_t;

#define WQ_FLAG_EXCLUSIVE 0x01
#define WQ_FLAG_WOKEN 0x02
#define __WAIT_QUEUE_HEAD_INITIALIZER(n)                                       \
	{                                                                      \
		.head = { &(n).head, &(n).head }                               \
	}
#define DECLARE_WAIT_QUEUE_HEAD(n)                                             \
	wait_queue_head_t n = __WAIT_QUEUE_HEAD_INITIALIZER(n)
#define DECLARE_WAIT_QUEUE_HEAD_ONSTACK DECLARE_WAIT_QUEUE_HEAD
#define DEFINE_WAIT_FUNC(n, fn)                                                \
	struct wait_queue_entry n = { .private = current,                      \
				      .func = (fn),                            \
				      .entry = { &(n).entry, &(n).entry } }
#define DEFINE_WAIT(n) DEFINE_WAIT_FUNC(n, autoremove_wake_function)
#define DECLARE_WAITQUEUE(n, task)                                             \
	struct wait_queue_entry n = { .private = (task),                       \
				      .func = default_wake_function }

void init_waitqueue_head(struct wait_queue_head *q);
void init_wait_entry(struct wait_queue_entry *entry, int flags);
int default_wake_function(struct wait_queue_entry *entry, unsigned int mode,
			  int flags, void *key);
int autoremove_wake_function(struct wait_queue_entry *entry, unsigned int mode,
			     int flags, void *key);
/* A wake between two looks at the condition is not lost: entry remembers. */
int woken_wake_function(struct wait_queue_entry *entry, unsigned int mode,
			int flags, void *key);
long wait_woken(struct wait_queue_entry *entry, unsigned int mode,
		long timeout);
void add_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *entry);
void add_wait_queue_exclusive(struct wait_queue_head *q,
			      struct wait_queue_entry *entry);
void remove_wait_queue(struct wait_queue_head *q,
		       struct wait_queue_entry *entry);
void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *entry,
		     int state);
bool prepare_to_wait_exclusive(struct wait_queue_head *q,
			       struct wait_queue_entry *entry, int state);
/* -ERESTARTSYS: a signal. */
long prepare_to_wait_event(struct wait_queue_head *q,
			   struct wait_queue_entry *entry, int state);
void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *entry);
bool waitqueue_active(struct wait_queue_head *q);
#define wq_has_sleeper(q) waitqueue_active(q)
/* nr: exclusive ones; 0, all. */
void kernel_wake_up(struct wait_queue_head *q, unsigned int mode, int nr,
		    void *key);

#define __wake_up(q, mode, nr, key) kernel_wake_up(q, mode, nr, key)
#define init_wait(entry) init_wait_entry(entry, 0)
#define wake_up(q) kernel_wake_up(q, TASK_NORMAL, 1, NULL)
#define wake_up_nr(q, nr) kernel_wake_up(q, TASK_NORMAL, nr, NULL)
#define wake_up_all(q) kernel_wake_up(q, TASK_NORMAL, 0, NULL)
#define wake_up_interruptible(q) kernel_wake_up(q, TASK_INTERRUPTIBLE, 1, NULL)
#define wake_up_interruptible_all(q)                                           \
	kernel_wake_up(q, TASK_INTERRUPTIBLE, 0, NULL)
#define wake_up_sync(q) wake_up(q)

/* timeout: what schedule_timeout() gets; *left what it gave. */
#define KERNEL_WAIT_(q, condition, state, exclusive, timeout, before, after)   \
	({                                                                     \
		struct wait_queue_entry entry_;                                \
		long left_ = (timeout), ret_ = 0;                              \
		init_wait_entry(&entry_, exclusive);                           \
		for (;;) {                                                     \
			ret_ = prepare_to_wait_event(&(q), &entry_, state);    \
			if (condition) {                                       \
				ret_ = 0;                                      \
				break;                                         \
			}                                                      \
			if (ret_ || !left_)                                    \
				break;                                         \
			before;                                                \
			left_ = schedule_timeout(left_);                       \
			after;                                                 \
		}                                                              \
		finish_wait(&(q), &entry_);                                    \
		ret_ ? ret_ : left_;                                           \
	})
#define KERNEL_WAIT_NOW_(q, condition, state, exclusive)                       \
	((void)((condition) ||                                                 \
		KERNEL_WAIT_(q, condition, state, exclusive,                   \
			     MAX_SCHEDULE_TIMEOUT, (void)0, (void)0)))
#define KERNEL_WAIT_INT_(q, condition, state, exclusive)                       \
	({                                                                     \
		long int_ = 0;                                                 \
		if (!(condition))                                              \
			int_ = KERNEL_WAIT_(q, condition, state, exclusive,    \
					    MAX_SCHEDULE_TIMEOUT, (void)0,     \
					    (void)0);                          \
		(int)(int_ < 0 ? int_ : 0);                                    \
	})
#define KERNEL_WAIT_TIME_(q, condition, state, timeout)                        \
	({                                                                     \
		long time_ = (timeout);                                        \
		bool met_ = false;                                             \
		if (!(condition))                                              \
			time_ = KERNEL_WAIT_(q, (met_ = (condition)), state,   \
					     0, time_, (void)0, (void)0);      \
		else                                                           \
			met_ = true;                                           \
		met_ && !time_ ? 1 : time_;                                    \
	})

#define wait_event(q, condition)                                               \
	KERNEL_WAIT_NOW_(q, condition, TASK_UNINTERRUPTIBLE, 0)
#define io_wait_event wait_event
#define wait_event_idle(q, condition)                                          \
	KERNEL_WAIT_NOW_(q, condition, TASK_IDLE, 0)
#define wait_event_exclusive_cmd(q, condition, before, after)                  \
	((void)((condition) ||                                                 \
		KERNEL_WAIT_(q, condition, TASK_UNINTERRUPTIBLE,               \
			     WQ_FLAG_EXCLUSIVE, MAX_SCHEDULE_TIMEOUT, before,  \
			     after)))
#define wait_event_cmd(q, condition, before, after)                            \
	((void)((condition) ||                                                 \
		KERNEL_WAIT_(q, condition, TASK_UNINTERRUPTIBLE, 0,            \
			     MAX_SCHEDULE_TIMEOUT, before, after)))
#define wait_event_lock_irq(q, condition, l)                                   \
	wait_event_cmd(q, condition, spin_unlock_irq(&(l)), spin_lock_irq(&(l)))
#define wait_event_interruptible(q, condition)                                 \
	KERNEL_WAIT_INT_(q, condition, TASK_INTERRUPTIBLE, 0)
#define wait_event_interruptible_exclusive(q, condition)                       \
	KERNEL_WAIT_INT_(q, condition, TASK_INTERRUPTIBLE, WQ_FLAG_EXCLUSIVE)
#define wait_event_killable(q, condition)                                      \
	KERNEL_WAIT_INT_(q, condition, TASK_KILLABLE, 0)
#define wait_event_freezable(q, condition)                                     \
	wait_event_interruptible(q, condition)
#define wait_event_freezable_timeout(q, condition, timeout)                    \
	wait_event_interruptible_timeout(q, condition, timeout)
#define wait_event_timeout(q, condition, timeout)                              \
	KERNEL_WAIT_TIME_(q, condition, TASK_UNINTERRUPTIBLE, timeout)
#define wait_event_interruptible_timeout(q, condition, timeout)                \
	KERNEL_WAIT_TIME_(q, condition, TASK_INTERRUPTIBLE, timeout)
#define wait_event_killable_timeout(q, condition, timeout)                     \
	KERNEL_WAIT_TIME_(q, condition, TASK_KILLABLE, timeout)

#include <linux/wait_bit.h>

#endif
