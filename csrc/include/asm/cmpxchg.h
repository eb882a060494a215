/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: exchanges of any word; full barriers unless their name says less. */
#ifndef _ASM_CMPXCHG_H
#define _ASM_CMPXCHG_H

#include <linux/compiler.h>

#define SP_XCHG(p, v, order)                                                   \
	({                                                                     \
		typeof(*(p)) sp_new_ = (typeof(*(p)))(v);                      \
		(typeof(*(p)))__atomic_exchange_n(p, sp_new_, order);          \
	})
#define SP_CMPXCHG(p, o, n, order)                                             \
	({                                                                     \
		__unqual_scalar_typeof(*(p)) sp_old_ = (typeof(*(p)))(o);      \
		__atomic_compare_exchange_n(p, &sp_old_, (typeof(*(p)))(n), 0, \
					    order, __ATOMIC_RELAXED);          \
		sp_old_;                                                       \
	})
#define SP_TRY_CMPXCHG(p, po, n, order)                                        \
	__atomic_compare_exchange_n(p, po, (typeof(*(p)))(n), 0, order,        \
				    __ATOMIC_RELAXED)

#define xchg(p, v) SP_XCHG(p, v, __ATOMIC_SEQ_CST)
#define xchg_relaxed(p, v) SP_XCHG(p, v, __ATOMIC_RELAXED)
#define xchg_acquire(p, v) SP_XCHG(p, v, __ATOMIC_ACQUIRE)
#define xchg_release(p, v) SP_XCHG(p, v, __ATOMIC_RELEASE)
#define cmpxchg(p, o, n) SP_CMPXCHG(p, o, n, __ATOMIC_SEQ_CST)
#define cmpxchg_relaxed(p, o, n) SP_CMPXCHG(p, o, n, __ATOMIC_RELAXED)
#define cmpxchg_acquire(p, o, n) SP_CMPXCHG(p, o, n, __ATOMIC_ACQUIRE)
#define cmpxchg_release(p, o, n) SP_CMPXCHG(p, o, n, __ATOMIC_RELEASE)
#define cmpxchg_local(p, o, n) cmpxchg(p, o, n)
#define cmpxchg64(p, o, n) cmpxchg(p, o, n)
#define cmpxchg64_local(p, o, n) cmpxchg(p, o, n)
#define try_cmpxchg(p, po, n) SP_TRY_CMPXCHG(p, po, n, __ATOMIC_SEQ_CST)
#define try_cmpxchg_relaxed(p, po, n) SP_TRY_CMPXCHG(p, po, n, __ATOMIC_RELAXED)
#define try_cmpxchg_acquire(p, po, n) SP_TRY_CMPXCHG(p, po, n, __ATOMIC_ACQUIRE)
#define try_cmpxchg_release(p, po, n) SP_TRY_CMPXCHG(p, po, n, __ATOMIC_RELEASE)
#define try_cmpxchg64(p, po, n) try_cmpxchg(p, po, n)

#endif
