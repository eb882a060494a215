/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: a refcount with a release; true: it was called. */
#ifndef _LINUX_KREF_H
#define _LINUX_KREF_H

#include <linux/refcount.h>
#include <linux/spinlock.h>

struct kref {
	refcount_t refcount;
};

#define KREF_INIT(n) { .refcount = REFCOUNT_INIT(n) }

static inline void kref_init(struct kref *k)
{
	refcount_set(&k->refcount, 1);
}

static inline unsigned int kref_read(const struct kref *k)
{
	return refcount_read(&k->refcount);
}

static inline void kref_get(struct kref *k)
{
	refcount_inc(&k->refcount);
}

static inline int __must_check kref_get_unless_zero(struct kref *k)
{
	return refcount_inc_not_zero(&k->refcount);
}

static inline int kref_put(struct kref *k, void (*release)(struct kref *))
{
	if (!refcount_dec_and_test(&k->refcount))
		return 0;
	release(k);
	return 1;
}

/* The release is called with the lock, and gives it back. */
#define kref_put_lock(k, release, lock)                                        \
	(refcount_dec_and_lock(&(k)->refcount, lock) ? ((release)(k), 1) : 0)
#define kref_put_mutex(k, release, lock)                                       \
	(refcount_dec_and_mutex_lock(&(k)->refcount, lock) ?                   \
		 ((release)(k), 1) :                                           \
		 0)

#endif
