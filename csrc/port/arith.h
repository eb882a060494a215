/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arithmetic of do_shrink_slab(), one pure function a rule.
 *
 * Everything wraps in two's complement and shifts of negative numbers are
 * arithmetic, as in a kernel built with -fno-strict-overflow; this is compiled
 * with -fwrapv. Which comparison is signed is part of the rule.
 */
#ifndef SP_ARITH_H
#define SP_ARITH_H

#include <shrinkpy/core.h>

static inline long sp_min(long a, long b)
{
	return a < b ? a : b;
}

static inline long sp_max(long a, long b)
{
	return a > b ? a : b;
}

static inline long sp_batch_size(long batch)
{
	return batch ? batch : SHRINK_BATCH;
}

/*
 * How much of the cache this priority asks for. Objects that cost no seek to
 * bring back are trimmed by half whatever the priority. The divisor is taken
 * as unsigned 32 bits: negative seeks make it huge.
 */
static inline unsigned long sp_delta(long freeable, int priority, int seeks)
{
	unsigned long delta = (unsigned long)(freeable >> priority) * 4;

	if (seeks == DEFAULT_SEEKS) /* spares nearly everybody the division */
		return delta / DEFAULT_SEEKS;
	if (!seeks)
		return (unsigned long)(freeable / 2);
	return delta / (unsigned int)seeks;
}

/* At most twice the cache in one turn, however much was deferred. */
static inline long sp_total_scan(long nr, unsigned long delta, int priority,
				 long freeable)
{
	long total = (long)((unsigned long)(nr >> priority) + delta);

	return sp_min(total, 2 * freeable);
}

/* A turn goes on for whole batches, or while all that is there is asked for. */
static inline bool sp_goes_on(long total_scan, long batch_size, long freeable)
{
	return total_scan >= batch_size || total_scan >= freeable;
}

/* First the floor, then the cap: a negative cap gives a negative result. */
static inline long sp_next_deferred(long nr, unsigned long delta,
				    unsigned long scanned, long freeable)
{
	long left = (long)((unsigned long)nr + delta - scanned);

	return sp_min(sp_max(left, 0), 2 * freeable);
}

/* shrinker_nr_max for an id: whole units. */
static inline int sp_nr_max_for(int id)
{
	return (id / SHRINKER_UNIT_BITS + 1) * SHRINKER_UNIT_BITS;
}

#endif
