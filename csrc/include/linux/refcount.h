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

static inline void sp_refcount_saturate(refcount_t *r, const char *why)
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

static inline bool __must_check refcount_add_not_zero(int i, refcount_t *r)
{
	int old = atomic_read(&r->refs);

	do {
		if (!old)
			return false;
	} while (!atomic_try_cmpxchg_relaxed(&r->refs, &old, old + i));
	if (unlikely(old < 0 || old + i < 0))
		sp_refcount_saturate(r, "saturated; leaking memory.");
	return true;
}

static inline bool __must_check refcount_inc_not_zero(refcount_t *r)
{
	return refcount_add_not_zero(1, r);
}

static inline void refcount_add(int i, refcount_t *r)
{
	int old = atomic_fetch_add_relaxed(i, &r->refs);

	if (unlikely(!old))
		sp_refcount_saturate(r, "addition on 0; use-after-free.");
	else if (unlikely(old < 0 || old + i < 0))
		sp_refcount_saturate(r, "saturated; leaking memory.");
}

static inline void refcount_inc(refcount_t *r)
{
	refcount_add(1, r);
}

static inline bool __must_check refcount_sub_and_test(int i, refcount_t *r)
{
	int old = atomic_fetch_sub_release(i, &r->refs);

	if (old > 0 && old == i) {
		smp_acquire__after_ctrl_dep();
		return true;
	}
	if (unlikely(old <= 0 || old - i < 0))
		sp_refcount_saturate(r, "underflow; use-after-free.");
	return false;
}

static inline bool __must_check refcount_dec_and_test(refcount_t *r)
{
	return refcount_sub_and_test(1, r);
}

static inline void refcount_dec(refcount_t *r)
{
	if (unlikely(atomic_fetch_sub_release(1, &r->refs) <= 1))
		sp_refcount_saturate(r, "decrement hit 0; leaking memory.");
}

static inline bool __must_check refcount_dec_if_one(refcount_t *r)
{
	int one = 1;

	return atomic_try_cmpxchg_release(&r->refs, &one, 0);
}

static inline bool __must_check refcount_dec_not_one(refcount_t *r)
{
	int old = atomic_read(&r->refs);

	do {
		if (old == 1)
			return false;
		if (unlikely(old == REFCOUNT_SATURATED))
			return true;
		if (unlikely(old <= 0)) {
			sp_refcount_saturate(r, "underflow; use-after-free.");
			return true;
		}
	} while (!atomic_try_cmpxchg_release(&r->refs, &old, old - 1));
	return true;
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
