/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: one task that waits for a condition. */
#ifndef _LINUX_RCUWAIT_H_
#define _LINUX_RCUWAIT_H_

#include <linux/wait.h>

struct rcuwait {
	struct wait_queue_head wait;
};

#define __RCUWAIT_INITIALIZER(n)                                               \
	{ .wait = __WAIT_QUEUE_HEAD_INITIALIZER((n).wait) }
#define rcuwait_init(w) init_waitqueue_head(&(w)->wait)
#define rcuwait_active(w) waitqueue_active(&(w)->wait)
#define rcuwait_wake_up(w) wake_up_all(&(w)->wait)
#define rcuwait_wait_event(w, condition, state)                                \
	((state) == TASK_INTERRUPTIBLE ?                                       \
		 wait_event_interruptible((w)->wait, condition) :              \
		 ((void)wait_event((w)->wait, condition), 0))

#endif
