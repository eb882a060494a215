/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: a class's key, and a map for what is no lock of the kernel's. */
#ifndef __LINUX_LOCKDEP_TYPES_H
#define __LINUX_LOCKDEP_TYPES_H

#include <linux/types.h>
#include <shrinkpy/lock.h>

#define MAX_LOCKDEP_SUBCLASSES 8UL

struct lock_class_key {
	char address;
};

struct lockdep_map {
	struct sp_lock lock;
};

#endif
