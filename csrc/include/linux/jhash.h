/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: Bob Jenkins' lookup3 of words and of bytes, with its published
 * rotations and the kernel's initial value.
 */
#ifndef _LINUX_JHASH_H
#define _LINUX_JHASH_H

#include <linux/bitops.h>
#include <linux/types.h>
#include <linux/unaligned.h>

#define JHASH_INITVAL 0xdeadbeef

static inline void sp_jhash_mix(u32 v[3])
{
	static const u8 by[6] = { 4, 6, 8, 16, 19, 4 };
	unsigned int i;

	/* a -= c, a ^= c <<< by, c += b; and on with the names turned. */
	for (i = 0; i < 6; i++) {
		u32 *a = &v[i % 3], *b = &v[(i + 1) % 3], *c = &v[(i + 2) % 3];

		*a = (*a - *c) ^ rol32(*c, by[i]);
		*c += *b;
	}
}

static inline u32 sp_jhash_final(u32 v[3])
{
	static const u8 by[7] = { 14, 11, 25, 16, 4, 14, 24 };
	unsigned int i;

	/* c ^= b, c -= b <<< by; then a by c, b by a, and round again. */
	for (i = 0; i < 7; i++) {
		u32 *to = &v[(i + 2) % 3], from = v[(i + 1) % 3];

		*to = (*to ^ from) - rol32(from, by[i]);
	}
	return v[2];
}

static inline u32 jhash2(const u32 *key, u32 n, u32 initval)
{
	u32 start = JHASH_INITVAL + (n << 2) + initval;
	u32 v[3] = { start, start, start }, i;

	for (; n > 3; n -= 3, key += 3) {
		for (i = 0; i < 3; i++)
			v[i] += key[i];
		sp_jhash_mix(v);
	}
	for (i = 0; i < n; i++)
		v[i] += key[i];
	return n ? sp_jhash_final(v) : v[2];
}

static inline u32 jhash(const void *key, u32 n, u32 initval)
{
	u32 start = JHASH_INITVAL + n + initval;
	u32 v[3] = { start, start, start }, i;
	const u8 *at = key;

	for (; n > 12; n -= 12, at += 12) {
		for (i = 0; i < 3; i++)
			v[i] += get_unaligned((const u32 *)(at + 4 * i));
		sp_jhash_mix(v);
	}
	for (i = 0; i < n; i++)
		v[i / 4] += (u32)at[i] << 8 * (i % 4);
	return n ? sp_jhash_final(v) : v[2];
}

static inline u32 jhash_3words(u32 a, u32 b, u32 c, u32 initval)
{
	u32 start = JHASH_INITVAL + (3 << 2) + initval;
	u32 v[3] = { a + start, b + start, c + start };

	return sp_jhash_final(v);
}

static inline u32 jhash_2words(u32 a, u32 b, u32 initval)
{
	u32 start = JHASH_INITVAL + (2 << 2) + initval;
	u32 v[3] = { a + start, b + start, start };

	return sp_jhash_final(v);
}

static inline u32 jhash_1word(u32 a, u32 initval)
{
	u32 start = JHASH_INITVAL + (1 << 2) + initval;
	u32 v[3] = { a + start, start, start };

	return sp_jhash_final(v);
}

#endif
