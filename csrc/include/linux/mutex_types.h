/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: struct mutex. */
#ifndef __LINUX_MUTEX_TYPES_H
#define __LINUX_MUTEX_TYPES_H

#include <linux/lockdep_types.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

struct mutex {
	struct sp_lock lock;
};

#endif
