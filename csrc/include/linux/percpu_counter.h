/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Otherwise: one counter, so that every reading is exact. Making one takes
 * memory all the same: it may fail, and has to be destroyed.
 */
#ifndef _LINUX_PERCPU_COUNTER_H
#define _LINUX_PERCPU_COUNTER_H

#include <linux/atomic.h>
#include <linux/percpu.h>
#include <linux/types.h>

struct percpu_counter {
	atomic64_t count;
	void *counters; /* NULL: destroyed */
};

static inline int kernel_percpu_counter_init(struct percpu_counter *c, s64 n,
					     gfp_t gfp, u32 many,
					     const char *where)
{
	void *memory =
		kernel_kmalloc(many * sizeof(s64), gfp, NUMA_NO_NODE, where);
	u32 i;

	if (!memory)
		return -ENOMEM;
	for (i = 0; i < many; i++) {
		atomic64_set(&c[i].count, n);
		c[i].counters = (s64 *)memory + i;
	}
	return 0;
}

#define percpu_counter_init(c, n, gfp)                                         \
	kernel_percpu_counter_init(c, n, gfp, 1, KERNEL_HERE)
#define percpu_counter_init_many(c, n, gfp, many)                              \
	kernel_percpu_counter_init(c, n, gfp, many, KERNEL_HERE)

static inline void percpu_counter_destroy_many(struct percpu_counter *c,
					       u32 many)
{
	u32 i;

	kfree(c->counters);
	for (i = 0; i < many; i++)
		c[i].counters = NULL;
}

static inline void percpu_counter_destroy(struct percpu_counter *c)
{
	percpu_counter_destroy_many(c, 1);
}

static inline void percpu_counter_sync(struct percpu_counter *c)
{
	(void)c;
}

/* false: it would pass the limit, which is below for a negative n. */
static inline bool percpu_counter_limited_add(struct percpu_counter *c,
					      s64 limit, s64 n)
{
	s64 was = atomic64_read(&c->count);

	do {
		if (n > 0 ? was + n > limit : n < 0 && was + n < limit)
			return false;
	} while (!atomic64_try_cmpxchg(&c->count, &was, was + n));
	return true;
}

static inline void percpu_counter_set(struct percpu_counter *c, s64 n)
{
	atomic64_set(&c->count, n);
}

static inline void percpu_counter_add(struct percpu_counter *c, s64 n)
{
	atomic64_add(n, &c->count);
}

static inline void percpu_counter_sub(struct percpu_counter *c, s64 n)
{
	atomic64_sub(n, &c->count);
}

static inline void percpu_counter_inc(struct percpu_counter *c)
{
	atomic64_inc(&c->count);
}

static inline void percpu_counter_dec(struct percpu_counter *c)
{
	atomic64_dec(&c->count);
}

static inline s64 percpu_counter_read(struct percpu_counter *c)
{
	return atomic64_read(&c->count);
}

static inline s64 percpu_counter_sum(struct percpu_counter *c)
{
	return atomic64_read(&c->count);
}

static inline s64 percpu_counter_read_positive(struct percpu_counter *c)
{
	s64 n = atomic64_read(&c->count);

	return n < 0 ? 0 : n;
}

static inline s64 percpu_counter_sum_positive(struct percpu_counter *c)
{
	return percpu_counter_read_positive(c);
}

static inline int percpu_counter_compare(struct percpu_counter *c, s64 n)
{
	s64 is = atomic64_read(&c->count);

	return is < n ? -1 : is > n;
}

static inline bool percpu_counter_initialized(struct percpu_counter *c)
{
	return c->counters;
}

#endif
