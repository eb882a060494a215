/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Otherwise: who waits lets other threads run. Preemption is not the driver's
 * to turn off, so a lock's holder may be interrupted at any time. These locks
 * have no class: lockdep does not know of them.
 */
#ifndef _LINUX_BIT_SPINLOCK_H
#define _LINUX_BIT_SPINLOCK_H

#include <linux/bitops.h>

/* libc's, without the rest of <sched.h>. */
extern int sched_yield(void);

static inline void bit_spin_lock(int nr, unsigned long *word)
{
	while (test_and_set_bit_lock(nr, word))
		while (test_bit((unsigned long)nr, word))
			sched_yield();
}

static inline int bit_spin_trylock(int nr, unsigned long *word)
{
	return !test_and_set_bit_lock(nr, word);
}

static inline void bit_spin_unlock(int nr, unsigned long *word)
{
	clear_bit_unlock(nr, word);
}

static inline void __bit_spin_unlock(int nr, unsigned long *word)
{
	clear_bit_unlock(nr, word);
}

static inline int bit_spin_is_locked(int nr, unsigned long *word)
{
	return test_bit((unsigned long)nr, word);
}

#endif
