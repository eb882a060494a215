/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: who asks for a kill, and who is told before it.
 * Otherwise: nobody is killed; a test calls the chain by
 * kernel_oom_notify().
 */
#ifndef __INCLUDE_LINUX_OOM_H
#define __INCLUDE_LINUX_OOM_H

#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/sched/coredump.h>
#include <linux/types.h>

#define OOM_SCORE_ADJ_MIN (-1000)
#define OOM_SCORE_ADJ_MAX 1000

int register_oom_notifier(struct notifier_block *nb);
int unregister_oom_notifier(struct notifier_block *nb);
/* How many pages those of the chain say that they have freed. */
unsigned long kernel_oom_notify(void);

#define oom_killer_disabled (false)
#define tsk_is_oom_victim(t) ((void)(t), false)
#define oom_task_origin(t) ((void)(t), false)
#define set_current_oom_origin() ((void)0)
#define clear_current_oom_origin() ((void)0)
#define mm_is_oom_victim(mm) ((void)(mm), false)

#endif
