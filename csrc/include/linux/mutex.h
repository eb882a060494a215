/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: struct mutex; trylock says 1 when it has it.
 * Otherwise: taken twice by its holder, or given by another, is an oops.
 */
#ifndef __LINUX_MUTEX_H
#define __LINUX_MUTEX_H

#include <linux/mutex_types.h>
#include <linux/spinlock.h>

#define __MUTEX_INITIALIZER(n) { .lock = KERNEL_LOCK_INIT_(SP_LOCK_MUTEX, #n) }
#define DEFINE_MUTEX(n) struct mutex n = __MUTEX_INITIALIZER(n)
#define mutex_init(l) KERNEL_LOCK_SETUP_(&(l)->lock, SP_LOCK_MUTEX, #l)
#define __mutex_init(l, n, k)                                                  \
	((void)((l)->lock = (struct sp_lock){                                  \
			.kind = SP_LOCK_MUTEX, .key = (k), .name = (n) }))
#define mutex_destroy(l) WARN_ON(mutex_is_locked(l))
#define mutex_is_locked(l) sp_lock_is_held(&(l)->lock)

#define mutex_lock_nested(l, subclass)                                         \
	((void)kernel_lock_take(&(l)->lock, SP_LOCK_WAIT, subclass, false,     \
				KERNEL_HERE))
#define mutex_lock_interruptible_nested(l, subclass)                           \
	kernel_lock_take(&(l)->lock, SP_LOCK_WAIT, subclass, true, KERNEL_HERE)
#define mutex_lock_killable_nested mutex_lock_interruptible_nested
#define mutex_lock(l) mutex_lock_nested(l, 0)
#define mutex_lock_io mutex_lock
#define mutex_lock_nest_lock(l, other) mutex_lock(l)
#define mutex_lock_interruptible(l) mutex_lock_interruptible_nested(l, 0)
#define mutex_lock_killable(l) mutex_lock_interruptible_nested(l, 0)
#define mutex_trylock(l)                                                       \
	(!kernel_lock_take(&(l)->lock, SP_LOCK_TRY, 0, true, KERNEL_HERE))
#define mutex_unlock(l) kernel_lock_give(&(l)->lock, KERNEL_HERE)

DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))

#endif
