/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the ranges; a ceil or a length of 0 gives anything.
 * Otherwise: a generator of the runtime's own, the same numbers in each load,
 * so that a test that failed fails again. Nothing for secrets.
 */
#ifndef __KERNEL__
#include_next <linux/random.h>
#elif !defined(_LINUX_RANDOM_H)
#define _LINUX_RANDOM_H

#include <linux/types.h>

u64 get_random_u64(void);
void get_random_bytes(void *buf, size_t len);

static inline u32 get_random_u32(void)
{
	return (u32)(get_random_u64() >> 32);
}

static inline u16 get_random_u16(void)
{
	return (u16)(get_random_u64() >> 48);
}

static inline u8 get_random_u8(void)
{
	return (u8)(get_random_u64() >> 56);
}

static inline unsigned long get_random_long(void)
{
	return get_random_u64();
}

static inline u32 get_random_u32_below(u32 ceil)
{
	return ceil ? (u32)((u64)get_random_u32() * ceil >> 32) :
		      get_random_u32();
}

static inline u32 get_random_u32_above(u32 floor)
{
	return floor + 1 + get_random_u32_below(~0U - floor);
}

/* Both of them in. */
static inline u32 get_random_u32_inclusive(u32 floor, u32 ceil)
{
	return floor + get_random_u32_below(ceil - floor + 1);
}

#include <linux/prandom.h>

#endif
