/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: a count that, where it would overflow, or come back from zero,
 * warns and stays where it can do no harm.
 */
#ifndef _LINUX_REFCOUNT_H
#define _LINUX_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/refcount_types.h>
#include <linux/spinlock_types.h>

#define REFCOUNT_INIT(n) { .refs = ATOMIC_INIT(n) }
#define REFCOUNT_MAX INT_MAX
#define REFCOUNT_SATURATED (INT_MIN / 2)

/* Where it can do no harm: whatever is counted stays for ever. */
static inline void sp_refcount_park(refcount_t *r, const char *why)
{
	atomic_set(&r->refs, REFCOUNT_SATURATED);
	WARN_ONCE(1, "refcount_t: %s\n", why);
}

static inline void refcount_set(refcount_t *r, int n)
{
	atomic_set(&r->refs, n);
}

static inline unsigned int refcount_read(const refcount_t *r)
{
	return (unsigned int)atomic_read(&r->refs);
}

/* Moves it, unless it is except; gives what it was. */
static inline int sp_refcount_move(refcount_t *r, int by, int except)
{
	int was = atomic_read(&r->refs);

	while (was != except && !atomic_try_cmpxchg(&r->refs, &was, was + by))
		;
	return was;
}

/* No count is that: nothing is excepted. */
#define SP_REFCOUNT_ANY INT_MIN

static inline void sp_refcount_check_more(refcount_t *r, int was, int by)
{
	if (was > INT_MAX - by || was < 0)
		sp_refcount_park(r,
				 "too many: it stays, and so does the memory");
}

static inline bool __must_check refcount_add_not_zero(int i, refcount_t *r)
{
	const int was = sp_refcount_move(r, i, 0);

	if (was)
		sp_refcount_check_more(r, was, i);
	return was;
}

static inline bool __must_check refcount_inc_not_zero(refcount_t *r)
{
	return refcount_add_not_zero(1, r);
}

static inline void refcount_add(int i, refcount_t *r)
{
	const int was = sp_refcount_move(r, i, SP_REFCOUNT_ANY);

	if (was)
		sp_refcount_check_more(r, was, i);
	else
		sp_refcount_park(r, "taken from 0: it may be freed already");
}

static inline void refcount_inc(refcount_t *r)
{
	refcount_add(1, r);
}

static inline bool __must_check refcount_sub_and_test(int i, refcount_t *r)
{
	const int was = sp_refcount_move(r, -i, SP_REFCOUNT_ANY);

	if (was < i)
		sp_refcount_park(r, "given back more often than taken");
	return was == i;
}

static inline bool __must_check refcount_dec_and_test(refcount_t *r)
{
	return refcount_sub_and_test(1, r);
}

static inline void refcount_dec(refcount_t *r)
{
	if (refcount_sub_and_test(1, r))
		sp_refcount_park(r,
				 "the last one given back, and nobody looks");
}

static inline bool __must_check refcount_dec_if_one(refcount_t *r)
{
	int one = 1;

	return atomic_try_cmpxchg(&r->refs, &one, 0);
}

static inline bool __must_check refcount_dec_not_one(refcount_t *r)
{
	const int was = sp_refcount_move(r, -1, 1);

	if (was < 1)
		sp_refcount_park(r, "given back more often than taken");
	return was != 1;
}

/* With the lock held, if it was the last one. Macros: any lock will do. */
#define SP_REFCOUNT_LOCK(r, lock, unlock)                                      \
	({                                                                     \
		bool sp_last_ = false;                                         \
		if (!refcount_dec_not_one(r)) {                                \
			lock;                                                  \
			sp_last_ = refcount_dec_and_test(r);                   \
			if (!sp_last_)                                         \
				unlock;                                        \
		}                                                              \
		sp_last_;                                                      \
	})
#define refcount_dec_and_lock(r, l)                                            \
	SP_REFCOUNT_LOCK(r, spin_lock(l), spin_unlock(l))
#define refcount_dec_and_lock_irqsave(r, l, flags)                             \
	SP_REFCOUNT_LOCK(r, spin_lock_irqsave(l, *(flags)),                    \
			 spin_unlock_irqrestore(l, *(flags)))
#define refcount_dec_and_mutex_lock(r, l)                                      \
	SP_REFCOUNT_LOCK(r, mutex_lock(l), mutex_unlock(l))

#endif
