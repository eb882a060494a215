/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: atomic_t, atomic64_t and atomic_long_t. What gives a value is a full
 * barrier unless its name says less, what gives none orders nothing.
 * Arithmetic wraps.
 */
#ifndef _LINUX_ATOMIC_H
#define _LINUX_ATOMIC_H

#include <asm/barrier.h>
#include <asm/cmpxchg.h>
#include <linux/types.h>

/* a: of the functions' names; A: the type; T: of a value; order: a suffix. */
#define SP_ATOMIC_FETCH(a, A, T, op, builtin, order, ORDER)                    \
	static __always_inline T a##_fetch_##op##order(T i, A *v)              \
	{                                                                      \
		return (T)__atomic_fetch_##builtin(&v->counter, i, ORDER);     \
	}
#define SP_ATOMIC_RETURN(a, A, T, op, builtin, order, ORDER)                   \
	static __always_inline T a##_##op##_return##order(T i, A *v)           \
	{                                                                      \
		return (T)__atomic_##builtin##_fetch(&v->counter, i, ORDER);   \
	}
#define SP_ATOMIC_STEP(a, A, T, op, builtin, order, ORDER)                     \
	static __always_inline T a##_##op##_return##order(A *v)                \
	{                                                                      \
		return (T)__atomic_##builtin##_fetch(&v->counter, 1, ORDER);   \
	}                                                                      \
	static __always_inline T a##_fetch_##op##order(A *v)                   \
	{                                                                      \
		return (T)__atomic_fetch_##builtin(&v->counter, 1, ORDER);     \
	}

#define SP_ATOMIC_ORDERED(a, A, T, order, ORDER)                               \
	SP_ATOMIC_FETCH(a, A, T, add, add, order, ORDER)                       \
	SP_ATOMIC_FETCH(a, A, T, sub, sub, order, ORDER)                       \
	SP_ATOMIC_FETCH(a, A, T, and, and, order, ORDER)                       \
	SP_ATOMIC_FETCH(a, A, T, or, or, order, ORDER)                         \
	SP_ATOMIC_FETCH(a, A, T, xor, xor, order, ORDER)                       \
	SP_ATOMIC_RETURN(a, A, T, add, add, order, ORDER)                      \
	SP_ATOMIC_RETURN(a, A, T, sub, sub, order, ORDER)                      \
	SP_ATOMIC_STEP(a, A, T, inc, add, order, ORDER)                        \
	SP_ATOMIC_STEP(a, A, T, dec, sub, order, ORDER)                        \
	static __always_inline T a##_fetch_andnot##order(T i, A *v)            \
	{                                                                      \
		return (T)__atomic_fetch_and(&v->counter, ~i, ORDER);          \
	}                                                                      \
	static __always_inline T a##_xchg##order(A *v, T new)                  \
	{                                                                      \
		return (T)__atomic_exchange_n(&v->counter, new, ORDER);        \
	}                                                                      \
	static __always_inline bool a##_try_cmpxchg##order(A *v, T *old,       \
							   T new)              \
	{                                                                      \
		typeof(v->counter) seen = *old;                                \
		bool done = __atomic_compare_exchange_n(                       \
			&v->counter, &seen, new, 0, ORDER, __ATOMIC_RELAXED);  \
                                                                               \
		*old = (T)seen;                                                \
		return done;                                                   \
	}                                                                      \
	static __always_inline T a##_cmpxchg##order(A *v, T old, T new)        \
	{                                                                      \
		a##_try_cmpxchg##order(v, &old, new);                          \
		return old;                                                    \
	}

#define SP_ATOMIC_VOID(a, A, T, op, builtin)                                   \
	static __always_inline void a##_##op(T i, A *v)                        \
	{                                                                      \
		__atomic_fetch_##builtin(&v->counter, i, __ATOMIC_RELAXED);    \
	}

/* As long as the value is such, it becomes next. */
#define SP_ATOMIC_WHILE(a, v, such, next)                                      \
	do {                                                                   \
		if (!(such))                                                   \
			return false;                                          \
	} while (!a##_try_cmpxchg(v, &old, next));                             \
	return true

#define SP_ATOMIC(a, A, T)                                                     \
	static __always_inline T a##_read(const A *v)                          \
	{                                                                      \
		return (T)__atomic_load_n(&v->counter, __ATOMIC_RELAXED);      \
	}                                                                      \
	static __always_inline T a##_read_acquire(const A *v)                  \
	{                                                                      \
		return (T)__atomic_load_n(&v->counter, __ATOMIC_ACQUIRE);      \
	}                                                                      \
	static __always_inline void a##_set(A *v, T i)                         \
	{                                                                      \
		__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);            \
	}                                                                      \
	static __always_inline void a##_set_release(A *v, T i)                 \
	{                                                                      \
		__atomic_store_n(&v->counter, i, __ATOMIC_RELEASE);            \
	}                                                                      \
	SP_ATOMIC_VOID(a, A, T, add, add)                                      \
	SP_ATOMIC_VOID(a, A, T, sub, sub)                                      \
	SP_ATOMIC_VOID(a, A, T, and, and)                                      \
	SP_ATOMIC_VOID(a, A, T, or, or)                                        \
	SP_ATOMIC_VOID(a, A, T, xor, xor)                                      \
	static __always_inline void a##_andnot(T i, A *v)                      \
	{                                                                      \
		a##_and(~i, v);                                                \
	}                                                                      \
	static __always_inline void a##_inc(A *v)                              \
	{                                                                      \
		a##_add(1, v);                                                 \
	}                                                                      \
	static __always_inline void a##_dec(A *v)                              \
	{                                                                      \
		a##_sub(1, v);                                                 \
	}                                                                      \
	SP_ATOMIC_ORDERED(a, A, T, , __ATOMIC_SEQ_CST)                         \
	SP_ATOMIC_ORDERED(a, A, T, _relaxed, __ATOMIC_RELAXED)                 \
	SP_ATOMIC_ORDERED(a, A, T, _acquire, __ATOMIC_ACQUIRE)                 \
	SP_ATOMIC_ORDERED(a, A, T, _release, __ATOMIC_RELEASE)                 \
	static __always_inline bool a##_sub_and_test(T i, A *v)                \
	{                                                                      \
		return a##_sub_return(i, v) == 0;                              \
	}                                                                      \
	static __always_inline bool a##_dec_and_test(A *v)                     \
	{                                                                      \
		return a##_dec_return(v) == 0;                                 \
	}                                                                      \
	static __always_inline bool a##_inc_and_test(A *v)                     \
	{                                                                      \
		return a##_inc_return(v) == 0;                                 \
	}                                                                      \
	static __always_inline bool a##_add_negative(T i, A *v)                \
	{                                                                      \
		return a##_add_return(i, v) < 0;                               \
	}                                                                      \
	static __always_inline T a##_fetch_add_unless(A *v, T i, T unless)     \
	{                                                                      \
		T old = a##_read(v);                                           \
                                                                               \
		while (old != unless && !a##_try_cmpxchg(v, &old, old + i))    \
			;                                                      \
		return old;                                                    \
	}                                                                      \
	static __always_inline bool a##_add_unless(A *v, T i, T unless)        \
	{                                                                      \
		return a##_fetch_add_unless(v, i, unless) != unless;           \
	}                                                                      \
	static __always_inline bool a##_inc_not_zero(A *v)                     \
	{                                                                      \
		return a##_add_unless(v, 1, 0);                                \
	}                                                                      \
	static __always_inline bool a##_inc_unless_negative(A *v)              \
	{                                                                      \
		T old = a##_read(v);                                           \
                                                                               \
		SP_ATOMIC_WHILE(a, v, old >= 0, old + 1);                      \
	}                                                                      \
	static __always_inline bool a##_dec_unless_positive(A *v)              \
	{                                                                      \
		T old = a##_read(v);                                           \
                                                                               \
		SP_ATOMIC_WHILE(a, v, old <= 0, old - 1);                      \
	}                                                                      \
	/* What it would be without the check; negative: it was not done. */   \
	static __always_inline T a##_dec_if_positive(A *v)                     \
	{                                                                      \
		T old = a##_read(v);                                           \
                                                                               \
		while (old > 0 && !a##_try_cmpxchg(v, &old, old - 1))          \
			;                                                      \
		return old - 1;                                                \
	}

SP_ATOMIC(atomic, atomic_t, int)
SP_ATOMIC(atomic64, atomic64_t, s64)
SP_ATOMIC(atomic_long, atomic_long_t, long)

#define ATOMIC64_INIT(i) ATOMIC_INIT(i)
#define ATOMIC_LONG_INIT(i) ATOMIC_INIT(i)

#define atomic_cond_read_relaxed(v, c) smp_cond_load_relaxed(&(v)->counter, c)
#define atomic_cond_read_acquire(v, c) smp_cond_load_acquire(&(v)->counter, c)
#define atomic_long_cond_read_acquire(v, c)                                    \
	smp_cond_load_acquire(&(v)->counter, c)

#endif
