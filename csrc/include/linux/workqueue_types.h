/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: struct work_struct. */
#ifndef _LINUX_WORKQUEUE_TYPES_H
#define _LINUX_WORKQUEUE_TYPES_H

#include <linux/timer_types.h>
#include <linux/types.h>

struct workqueue_struct;
struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);
void delayed_work_timer_fn(struct timer_list *t);

struct work_struct {
	unsigned long data; /* what it is in: pending, being cancelled */
	struct list_head entry;
	work_func_t func;
	struct workqueue_struct *wq; /* while it is pending */
	unsigned long serial;
};

#endif
