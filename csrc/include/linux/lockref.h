/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: a count under a lock; negative: dead. */
#ifndef __LINUX_LOCKREF_H
#define __LINUX_LOCKREF_H

#include <linux/spinlock.h>

struct lockref {
	spinlock_t lock;
	int count;
};

void lockref_get(struct lockref *ref);
/* 1: there is a reference more, since there was one. */
int lockref_get_not_zero(struct lockref *ref);
/* The new count; -1: it would be the last one, or there is none. */
int lockref_put_return(struct lockref *ref);
/* 1: there is one less, and still one. */
int lockref_put_not_zero(struct lockref *ref);
/* 0: it is the last one, is not given, and the lock is held. */
int lockref_put_or_lock(struct lockref *ref);
/* With the lock held. */
void lockref_mark_dead(struct lockref *ref);
int lockref_get_not_dead(struct lockref *ref);

static inline bool __lockref_is_dead(const struct lockref *ref)
{
	return ref->count < 0;
}

#endif
