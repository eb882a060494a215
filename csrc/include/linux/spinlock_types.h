/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: spinlock_t, raw_spinlock_t, rwlock_t and their initialisers.
 * Otherwise: each of them sleeps, and knows its holder. What DEFINE_*() made
 * is a class of its own, what *_init() made is of its line's.
 */
#ifndef __LINUX_SPINLOCK_TYPES_H
#define __LINUX_SPINLOCK_TYPES_H

#include <shrinkpy/lock.h>

typedef struct sp_lock spinlock_t;
typedef struct sp_lock raw_spinlock_t;
/* For who names the tags. */
struct spinlock {
	struct sp_lock lock;
};
struct raw_spinlock {
	struct sp_lock lock;
};

typedef struct {
	struct sp_lock lock;
} rwlock_t;

#define KERNEL_LOCK_INIT_(how, text) { .kind = (how), .name = (text) }

#define __SPIN_LOCK_UNLOCKED(n)                                                \
	((spinlock_t)KERNEL_LOCK_INIT_(SP_LOCK_SPIN, #n))
#define __RAW_SPIN_LOCK_UNLOCKED(n) __SPIN_LOCK_UNLOCKED(n)
#define DEFINE_SPINLOCK(n) spinlock_t n = KERNEL_LOCK_INIT_(SP_LOCK_SPIN, #n)
#define DEFINE_RAW_SPINLOCK(n)                                                 \
	raw_spinlock_t n = KERNEL_LOCK_INIT_(SP_LOCK_SPIN, #n)
#define __RW_LOCK_UNLOCKED(n) { .lock = KERNEL_LOCK_INIT_(SP_LOCK_RW, #n) }
#define DEFINE_RWLOCK(n) rwlock_t n = __RW_LOCK_UNLOCKED(n)

#endif
