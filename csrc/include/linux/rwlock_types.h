/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: rwlock_t, which spinlock.h has. */
#ifndef _LINUX_RWLOCK_TYPES_H
#define _LINUX_RWLOCK_TYPES_H
#include <linux/spinlock.h>
#endif
