/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: keys, lockdep_assert_held() and theirs, for every lock of this
 * kernel: each begins with its struct sp_lock.
 * Otherwise: asserting is always on.
 */
#ifndef _LINUX_LOCKDEP_H
#define _LINUX_LOCKDEP_H

#include <linux/bug.h>
#include <shrinkpy/lock.h>
#include <shrinkpy/runtime.h>

struct lock_class_key {
	char address;
};

struct lockdep_map {
	struct sp_lock lock;
};

#define SINGLE_DEPTH_NESTING 1

/* 0, -EBUSY of a try, -EINTR: given up. Where the kernel would hang: an oops. */
int kernel_lock_take(struct sp_lock *l, unsigned int how, int subclass,
		     bool may_fail, const char *where);
void kernel_lock_give(struct sp_lock *l, const char *where);
void kernel_lock_downgrade(struct sp_lock *l, const char *where);

#define KERNEL_LOCK_(l) ((struct sp_lock *)(void *)(l))

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
#define lockdep_init_map(map, n, k, subclass)                                  \
	((void)((map)->lock = (struct sp_lock){ .key = (k), .name = (n) }))

/* might_lock(): as if it were taken here for a moment. */
#define might_lock(l)                                                          \
	do {                                                                   \
		kernel_lock_take(KERNEL_LOCK_(l), SP_LOCK_WAIT, 0, false,      \
				 KERNEL_HERE);                                 \
		kernel_lock_give(KERNEL_LOCK_(l), KERNEL_HERE);                \
	} while (0)

#endif
