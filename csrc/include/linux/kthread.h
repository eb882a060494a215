/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: threads that a driver starts, and has to stop. */
#ifndef _LINUX_KTHREAD_H
#define _LINUX_KTHREAD_H

#include <linux/err.h>
#include <linux/sched.h>

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
#define set_freezable() ((void)0)
#define try_to_freeze() (false)

#endif
