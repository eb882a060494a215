/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: a rw_semaphore; its readers are not cheaper. */
#ifndef _LINUX_PERCPU_RWSEM_H
#define _LINUX_PERCPU_RWSEM_H

#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/rwsem.h>

struct percpu_rw_semaphore {
	struct sp_lock lock;
};

#define DEFINE_PERCPU_RWSEM(n)                                                 \
	struct percpu_rw_semaphore n = { .lock = KERNEL_LOCK_INIT_(SP_LOCK_RW, \
								   #n) }
#define DEFINE_STATIC_PERCPU_RWSEM(n) static DEFINE_PERCPU_RWSEM(n)
#define __percpu_init_rwsem(l, n, k)                                           \
	((void)((l)->lock = (struct sp_lock){ .kind = SP_LOCK_RW,              \
					      .key = (k),                      \
					      .name = (n) }),                  \
	 0)
#define percpu_init_rwsem(l)                                                   \
	({                                                                     \
		init_rwsem(l);                                                 \
		0;                                                             \
	})
#define percpu_free_rwsem(l) WARN_ON(sp_lock_is_held(&(l)->lock))
#define percpu_down_read down_read
#define percpu_down_read_trylock down_read_trylock
#define percpu_up_read up_read
#define percpu_down_write down_write
#define percpu_up_write up_write
#define percpu_is_write_locked(l) sp_lock_is_held(&(l)->lock)
#define percpu_is_read_locked(l) sp_lock_is_held(&(l)->lock)
#define percpu_rwsem_is_held(l) lockdep_is_held(l)
#define percpu_rwsem_assert_held(l) lockdep_assert_held(l)
/* Whose it is for lockdep; here whoever took it gives it. */
#define percpu_rwsem_release(l, ip) ((void)(l))
#define percpu_rwsem_acquire(l, read, ip) ((void)(l))

#endif
