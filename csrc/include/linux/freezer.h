/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: nothing is frozen. */
#ifndef FREEZER_H_INCLUDED
#define FREEZER_H_INCLUDED

#include <linux/sched.h>
#include <linux/wait.h>

#define set_freezable() ((void)0)
#define try_to_freeze() (false)
#define freezing(t) ((void)(t), false)
#define frozen(t) ((void)(t), false)
#define freezer_do_not_count() ((void)0)
#define freezer_count() ((void)0)
#define freezable_schedule() schedule()
#define freezable_schedule_timeout(timeout) schedule_timeout(timeout)

#endif
