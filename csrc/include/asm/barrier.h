/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: barriers, as C11 fences. */
#ifndef _ASM_BARRIER_H
#define _ASM_BARRIER_H

#include <linux/compiler.h>

#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define mb() smp_mb()
#define rmb() smp_mb()
#define wmb() smp_mb()
#define smp_mb__before_atomic() smp_mb()
#define smp_mb__after_atomic() smp_mb()
#define smp_mb__after_spinlock() smp_mb()
#define smp_mb__after_unlock_lock() smp_mb()
#define smp_acquire__after_ctrl_dep() smp_rmb()

#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)                                                \
	do {                                                                   \
		typeof(*(p)) sp_v_ = (v);                                      \
		__atomic_store_n(p, sp_v_, __ATOMIC_RELEASE);                  \
	} while (0)
#define smp_store_mb(var, v)                                                   \
	do {                                                                   \
		WRITE_ONCE(var, v);                                            \
		smp_mb();                                                      \
	} while (0)

#if defined(__x86_64__)
#define SP_RELAX() __builtin_ia32_pause()
#else
#define SP_RELAX() barrier()
#endif

/* VAL in cond is what was read last. */
#define smp_cond_load_relaxed(p, cond)                                         \
	({                                                                     \
		__unqual_scalar_typeof(*(p)) VAL;                              \
		while (VAL = __atomic_load_n(p, __ATOMIC_RELAXED), !(cond))    \
			SP_RELAX();                                            \
		VAL;                                                           \
	})
#define smp_cond_load_acquire(p, cond)                                         \
	({                                                                     \
		__auto_type sp_seen_ = smp_cond_load_relaxed(p, cond);         \
		smp_rmb();                                                     \
		sp_seen_;                                                      \
	})

#endif
