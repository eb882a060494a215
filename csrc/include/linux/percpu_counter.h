/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: one counter, so that every reading is exact. */
#ifndef _LINUX_PERCPU_COUNTER_H
#define _LINUX_PERCPU_COUNTER_H

#include <linux/atomic.h>
#include <linux/types.h>

struct percpu_counter {
	atomic64_t count;
};

static inline int percpu_counter_init(struct percpu_counter *c, s64 n,
				      gfp_t gfp)
{
	(void)gfp;
	atomic64_set(&c->count, n);
	return 0;
}

static inline void percpu_counter_destroy(struct percpu_counter *c)
{
	(void)c;
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
	return c;
}

#endif
