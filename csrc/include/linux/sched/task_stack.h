/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what is on the current task's stack. */
#ifndef _LINUX_SCHED_TASK_STACK_H
#define _LINUX_SCHED_TASK_STACK_H

#include <linux/sched.h>

bool kernel_on_stack(const void *p);
#define object_is_on_stack(p) kernel_on_stack(p)

#endif
