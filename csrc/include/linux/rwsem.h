/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: struct rw_semaphore. */
#ifndef _LINUX_RWSEM_H
#define _LINUX_RWSEM_H

#include <linux/spinlock.h>

struct rw_semaphore {
	struct sp_lock lock;
};

#define __RWSEM_INITIALIZER(n) { .lock = KERNEL_LOCK_INIT_(SP_LOCK_RW, #n) }
#define DECLARE_RWSEM(n) struct rw_semaphore n = __RWSEM_INITIALIZER(n)
#define init_rwsem(l) KERNEL_LOCK_SETUP_(&(l)->lock, SP_LOCK_RW, #l)
#define __init_rwsem(l, n, k)                                                  \
	((void)((l)->lock = (struct sp_lock){                                  \
			.kind = SP_LOCK_RW, .key = (k), .name = (n) }))
#define rwsem_is_locked(l) sp_lock_is_held(&(l)->lock)
#define rwsem_is_contended(l) (0)
#define rwsem_assert_held(l) lockdep_assert_held(l)
#define rwsem_assert_held_write(l) lockdep_assert_held(l)

#define KERNEL_RWSEM_(l, how, subclass, may_fail)                              \
	kernel_lock_take(&(l)->lock, how, subclass, may_fail, KERNEL_HERE)
#define down_read_nested(l, subclass)                                          \
	((void)KERNEL_RWSEM_(l, SP_LOCK_SHARED, subclass, false))
#define down_read(l) down_read_nested(l, 0)
#define down_read_interruptible(l) KERNEL_RWSEM_(l, SP_LOCK_SHARED, 0, true)
#define down_read_killable(l) down_read_interruptible(l)
#define down_read_trylock(l)                                                   \
	(!KERNEL_RWSEM_(l, SP_LOCK_SHARED | SP_LOCK_TRY, 0, true))
#define down_write_nested(l, subclass)                                         \
	((void)KERNEL_RWSEM_(l, SP_LOCK_WAIT, subclass, false))
#define down_write(l) down_write_nested(l, 0)
#define down_write_killable(l) KERNEL_RWSEM_(l, SP_LOCK_WAIT, 0, true)
#define down_write_trylock(l) (!KERNEL_RWSEM_(l, SP_LOCK_TRY, 0, true))
#define up_read(l) kernel_lock_give(&(l)->lock, KERNEL_HERE)
#define up_write(l) kernel_lock_give(&(l)->lock, KERNEL_HERE)
#define downgrade_write(l) kernel_lock_downgrade(&(l)->lock, KERNEL_HERE)

DEFINE_GUARD(rwsem_read, struct rw_semaphore *, down_read(_T), up_read(_T))
DEFINE_GUARD(rwsem_write, struct rw_semaphore *, down_write(_T), up_write(_T))

#endif
