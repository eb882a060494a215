/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: keys, lockdep_assert_held() and theirs, for every lock of this
 * kernel: each begins with its struct sp_lock.
 * Otherwise: asserting is always on.
 */
#ifndef _LINUX_LOCKDEP_H
#define _LINUX_LOCKDEP_H

#include <linux/bug.h>
#include <linux/lockdep_types.h>
#include <shrinkpy/lock.h>
#include <shrinkpy/runtime.h>

#define SINGLE_DEPTH_NESTING 1

/* 0, -EBUSY of a try, -EINTR: given up. Where the kernel would hang: an oops. */
int kernel_lock_take(struct sp_lock *l, unsigned int how, int subclass,
		     bool may_fail, const char *where);
void kernel_lock_give(struct sp_lock *l, const char *where);
void kernel_lock_downgrade(struct sp_lock *l, const char *where);

#define KERNEL_LOCK_(l) ((struct sp_lock *)(void *)(l))

enum {
	LOCK_STATE_UNKNOWN = -1,
	LOCK_STATE_NOT_HELD = 0,
	LOCK_STATE_HELD = 1,
};

#define lockdep_is_held(l) sp_lock_is_mine(KERNEL_LOCK_(l))
#define lockdep_is_held_type(l, r) lockdep_is_held(l)
#define lockdep_assert(condition) WARN_ON(!(condition))
#define lockdep_assert_once(condition) WARN_ON_ONCE(!(condition))
#define lockdep_assert_held(l) lockdep_assert(lockdep_is_held(l))
#define lockdep_assert_held_write(l) lockdep_assert(lockdep_is_held(l))
#define lockdep_assert_held_read(l) lockdep_assert(lockdep_is_held(l))
#define lockdep_assert_held_once(l) lockdep_assert_once(lockdep_is_held(l))
#define lockdep_assert_not_held(l) lockdep_assert(!lockdep_is_held(l))
#define lockdep_assert_none_held_once() ((void)0)
#define lockdep_set_class(l, k) ((void)(KERNEL_LOCK_(l)->key = (k)))
#define lockdep_set_class_and_name(l, k, n)                                    \
	((void)(KERNEL_LOCK_(l)->key = (k), KERNEL_LOCK_(l)->name = (n)))
#define lockdep_set_subclass(l, subclass) ((void)(subclass))
#define lockdep_register_key(k) ((void)(k))
#define lockdep_unregister_key(k) ((void)(k))
/* What is no lock of the kernel's is not watched; map need not be there. */
#define lockdep_init_map(map, n, k, subclass) ((void)(n), (void)(k))
#define lock_acquire(map, subclass, try, read, check, nest, ip) ((void)(ip))
#define lock_acquire_exclusive(map, subclass, try, nest, ip) ((void)(ip))
#define lock_acquire_shared(map, subclass, try, nest, ip) ((void)(ip))
#define lock_acquire_shared_recursive(map, subclass, try, nest, ip) ((void)(ip))
#define lock_release(map, ip) ((void)(ip))
#define lock_map_acquire(map) ((void)0)
#define lock_map_acquire_read(map) ((void)0)
#define lock_map_release(map) ((void)0)
#define rwsem_acquire(map, subclass, try, ip) ((void)(ip))
#define rwsem_acquire_read(map, subclass, try, ip) ((void)(ip))
#define rwsem_release(map, ip) ((void)(ip))
#define mutex_acquire(map, subclass, try, ip) ((void)(ip))
#define mutex_release(map, ip) ((void)(ip))
#define lockdep_on() ((void)0)
#define lockdep_off() ((void)0)
#define lockdep_assert_in_softirq() ((void)0)
#define lockdep_copy_map(to, from) ((void)0)
#define lockdep_match_class(l, k) (KERNEL_LOCK_(l)->key == (const void *)(k))
#define lockdep_set_novalidate_class(l) ((void)(l))
#define lockdep_set_notrack_class(l) ((void)(l))
#define debug_locks (1)

/* might_lock(): as if it were taken here for a moment. */
#define might_lock(l)                                                          \
	do {                                                                   \
		kernel_lock_take(KERNEL_LOCK_(l), SP_LOCK_WAIT, 0, false,      \
				 KERNEL_HERE);                                 \
		kernel_lock_give(KERNEL_LOCK_(l), KERNEL_HERE);                \
	} while (0)

/* A promise that it stays held, which nobody checks. */
struct pin_cookie {
	char nothing_[0];
};
#define NIL_COOKIE ((struct pin_cookie){})
#define lockdep_pin_lock(l) ((void)(l), NIL_COOKIE)
#define lockdep_repin_lock(l, cookie) ((void)(l), (void)(cookie))
#define lockdep_unpin_lock(l, cookie) ((void)(l), (void)(cookie))

#endif
