// SPDX-License-Identifier: GPL-2.0-only
/* Counts under a lock, and counts that may end under one. */
#include <linux/lockref.h>

static int add_unless(struct lockref *ref, int below, int n)
{
	int done = 0;

	spin_lock(&ref->lock);
	if (ref->count >= below) {
		ref->count += n;
		done = 1;
	}
	spin_unlock(&ref->lock);
	return done;
}

void lockref_get(struct lockref *ref)
{
	spin_lock(&ref->lock);
	ref->count++;
	spin_unlock(&ref->lock);
}

int lockref_get_not_zero(struct lockref *ref)
{
	return add_unless(ref, 1, 1);
}

int lockref_get_not_dead(struct lockref *ref)
{
	return add_unless(ref, 0, 1);
}

int lockref_put_not_zero(struct lockref *ref)
{
	return add_unless(ref, 2, -1);
}

int lockref_put_return(struct lockref *ref)
{
	int left = -1;

	spin_lock(&ref->lock);
	if (ref->count > 0)
		left = --ref->count;
	spin_unlock(&ref->lock);
	return left;
}

int lockref_put_or_lock(struct lockref *ref)
{
	spin_lock(&ref->lock);
	if (ref->count <= 1)
		return 0;
	ref->count--;
	spin_unlock(&ref->lock);
	return 1;
}

void lockref_mark_dead(struct lockref *ref)
{
	assert_spin_locked(&ref->lock);
	ref->count = -128;
}

int kernel_dec_and_lock(atomic_t *v, spinlock_t *l, const char *where)
{
	if (atomic_add_unless(v, -1, 1))
		return 0;
	kernel_lock_take(l, SP_LOCK_WAIT, 0, false, where);
	if (atomic_dec_and_test(v))
		return 1;
	kernel_lock_give(l, where);
	return 0;
}
