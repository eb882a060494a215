/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: seqcount_t, its forms that go with a lock, and seqlock_t. */
#ifndef __LINUX_SEQLOCK_TYPES_H
#define __LINUX_SEQLOCK_TYPES_H

#include <linux/mutex_types.h>
#include <linux/spinlock_types.h>

typedef struct seqcount {
	unsigned int sequence;
} seqcount_t;

/* The lock: the writer's, whom a reader must not wait for. */
#define SP_SEQCOUNT(suffix, type)                                              \
	typedef struct seqcount_##suffix {                                     \
		seqcount_t seqcount;                                           \
		type *lock;                                                    \
	} seqcount_##suffix##_t

SP_SEQCOUNT(raw_spinlock, raw_spinlock_t);
SP_SEQCOUNT(spinlock, spinlock_t);
SP_SEQCOUNT(rwlock, rwlock_t);
SP_SEQCOUNT(mutex, struct mutex);

/* Of two copies, one of which a reader may always read. */
typedef struct {
	seqcount_t seqcount;
} seqcount_latch_t;

typedef struct {
	seqcount_spinlock_t seqcount;
	spinlock_t lock;
} seqlock_t;

#endif
