/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: struct timer_list. */
#ifndef _LINUX_TIMER_TYPES_H
#define _LINUX_TIMER_TYPES_H

#include <linux/types.h>

struct timer_list {
	struct timer_list
		*next; /* of those that are pending, the first first */
	bool pending;
	unsigned long expires;
	void (*function)(struct timer_list *t);
	unsigned int flags;
};

#endif
