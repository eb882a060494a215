/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: spin_lock() and theirs in their irq, bh, raw and nested forms.
 * Otherwise: there are no interrupts to switch off; a lock taken twice by its
 * holder is an oops instead of a CPU that spins for ever.
 */
#ifndef __LINUX_SPINLOCK_H
#define __LINUX_SPINLOCK_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/cleanup.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/irqflags.h>
#include <linux/spinlock_types.h>

#define KERNEL_LOCK_SETUP_(l, how, text)                                       \
	do {                                                                   \
		static const struct lock_class_key key_;                       \
		*(l) = (struct sp_lock){ .kind = (how),                        \
					 .key = &key_,                         \
					 .name = (text) };                     \
	} while (0)

#define spin_lock_init(l) KERNEL_LOCK_SETUP_(l, SP_LOCK_SPIN, #l)
#define raw_spin_lock_init(l) spin_lock_init(KERNEL_LOCK_(l))

#define spin_lock_nested(l, subclass)                                          \
	((void)kernel_lock_take(l, SP_LOCK_WAIT, subclass, false, KERNEL_HERE))
#define spin_lock(l) spin_lock_nested(l, 0)
#define spin_trylock(l)                                                        \
	(!kernel_lock_take(l, SP_LOCK_TRY, 0, true, KERNEL_HERE))
#define spin_unlock(l) kernel_lock_give(l, KERNEL_HERE)
#define spin_is_locked(l) sp_lock_is_held(l)
#define assert_spin_locked(l) BUG_ON(!spin_is_locked(l))
#define spin_is_contended(l) (0)
#define spin_lock_nest_lock(l, other) spin_lock(l)

#define spin_lock_irq(l) spin_lock(l)
#define spin_unlock_irq(l) spin_unlock(l)
#define spin_lock_bh(l) spin_lock(l)
#define spin_unlock_bh(l) spin_unlock(l)
#define spin_trylock_irq(l) spin_trylock(l)
#define spin_trylock_bh(l) spin_trylock(l)
#define spin_lock_irqsave(l, flags)                                            \
	do {                                                                   \
		(flags) = 0;                                                   \
		spin_lock(l);                                                  \
	} while (0)
#define spin_lock_irqsave_nested(l, flags, subclass)                           \
	do {                                                                   \
		(flags) = 0;                                                   \
		spin_lock_nested(l, subclass);                                 \
	} while (0)
#define spin_trylock_irqsave(l, flags)                                         \
	({                                                                     \
		(flags) = 0;                                                   \
		spin_trylock(l);                                               \
	})
#define spin_unlock_irqrestore(l, flags)                                       \
	do {                                                                   \
		(void)(flags);                                                 \
		spin_unlock(l);                                                \
	} while (0)

#define raw_spin_lock(l) spin_lock(KERNEL_LOCK_(l))
#define raw_spin_lock_nested(l, subclass)                                      \
	spin_lock_nested(KERNEL_LOCK_(l), subclass)
#define raw_spin_trylock(l) spin_trylock(KERNEL_LOCK_(l))
#define raw_spin_unlock(l) spin_unlock(KERNEL_LOCK_(l))
#define raw_spin_is_locked(l) spin_is_locked(KERNEL_LOCK_(l))
#define raw_spin_lock_irq(l) spin_lock_irq(KERNEL_LOCK_(l))
#define raw_spin_unlock_irq(l) spin_unlock_irq(KERNEL_LOCK_(l))
#define raw_spin_lock_bh(l) spin_lock_bh(KERNEL_LOCK_(l))
#define raw_spin_unlock_bh(l) spin_unlock_bh(KERNEL_LOCK_(l))
#define raw_spin_lock_irqsave(l, flags)                                        \
	spin_lock_irqsave(KERNEL_LOCK_(l), flags)
#define raw_spin_unlock_irqrestore(l, flags)                                   \
	spin_unlock_irqrestore(KERNEL_LOCK_(l), flags)
#define raw_spin_trylock_irqsave(l, flags)                                     \
	spin_trylock_irqsave(KERNEL_LOCK_(l), flags)

/* ---- rwlock_t ---------------------------------------------------------- */

#define rwlock_is_contended(l) (0)
#define rwlock_init(l) KERNEL_LOCK_SETUP_(&(l)->lock, SP_LOCK_RW, #l)
#define read_lock(l)                                                           \
	((void)kernel_lock_take(&(l)->lock, SP_LOCK_SHARED, 0, false,          \
				KERNEL_HERE))
#define write_lock(l)                                                          \
	((void)kernel_lock_take(&(l)->lock, SP_LOCK_WAIT, 0, false,            \
				KERNEL_HERE))
#define read_trylock(l)                                                        \
	(!kernel_lock_take(&(l)->lock, SP_LOCK_SHARED | SP_LOCK_TRY, 0, true,  \
			   KERNEL_HERE))
#define write_trylock(l)                                                       \
	(!kernel_lock_take(&(l)->lock, SP_LOCK_TRY, 0, true, KERNEL_HERE))
#define read_unlock(l) kernel_lock_give(&(l)->lock, KERNEL_HERE)
#define write_unlock(l) kernel_lock_give(&(l)->lock, KERNEL_HERE)
#define read_lock_irq read_lock
#define read_unlock_irq read_unlock
#define read_lock_bh read_lock
#define read_unlock_bh read_unlock
#define write_lock_irq write_lock
#define write_unlock_irq write_unlock
#define write_lock_bh write_lock
#define write_unlock_bh write_unlock
#define read_lock_irqsave(l, flags)                                            \
	do {                                                                   \
		(flags) = 0;                                                   \
		read_lock(l);                                                  \
	} while (0)
#define write_lock_irqsave(l, flags)                                           \
	do {                                                                   \
		(flags) = 0;                                                   \
		write_lock(l);                                                 \
	} while (0)
#define read_unlock_irqrestore(l, flags)                                       \
	do {                                                                   \
		(void)(flags);                                                 \
		read_unlock(l);                                                \
	} while (0)
#define write_unlock_irqrestore(l, flags)                                      \
	do {                                                                   \
		(void)(flags);                                                 \
		write_unlock(l);                                               \
	} while (0)

/* 1: it came to 0, and the lock is held. */
int kernel_dec_and_lock(atomic_t *v, spinlock_t *l, const char *where);
#define atomic_dec_and_lock(v, l) kernel_dec_and_lock(v, l, KERNEL_HERE)
#define atomic_dec_and_lock_irqsave(v, l, flags)                               \
	((flags) = 0, atomic_dec_and_lock(v, l))

DEFINE_GUARD(spinlock, spinlock_t *, spin_lock(_T), spin_unlock(_T))
DEFINE_GUARD(spinlock_irq, spinlock_t *, spin_lock(_T), spin_unlock(_T))
DEFINE_GUARD(spinlock_bh, spinlock_t *, spin_lock(_T), spin_unlock(_T))
DEFINE_GUARD(spinlock_irqsave, spinlock_t *, spin_lock(_T), spin_unlock(_T))
DEFINE_GUARD(raw_spinlock, raw_spinlock_t *, spin_lock(_T), spin_unlock(_T))
DEFINE_GUARD(raw_spinlock_irq, raw_spinlock_t *, spin_lock(_T), spin_unlock(_T))
DEFINE_GUARD(raw_spinlock_irqsave, raw_spinlock_t *, spin_lock(_T),
	     spin_unlock(_T))
DEFINE_GUARD(read_lock, rwlock_t *, read_lock(_T), read_unlock(_T))
DEFINE_GUARD(write_lock, rwlock_t *, write_lock(_T), write_unlock(_T))

#endif
