/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: sets of bits; those past the end of the last word are not looked at. */
#ifndef _LINUX_BITMAP_H
#define _LINUX_BITMAP_H

#include <linux/align.h>
#include <linux/bitops.h>
#include <linux/string.h>
#include <linux/types.h>

#define BITMAP_LAST_WORD_MASK(n) (~0UL >> (-(n) & (BITS_PER_LONG - 1)))
#define BITMAP_FIRST_WORD_MASK(n) (~0UL << ((n) & (BITS_PER_LONG - 1)))
#define bitmap_size(n) (ALIGN(n, BITS_PER_LONG) / BITS_PER_BYTE)
#define bitmap_alloc(n, gfp) ((unsigned long *)kmalloc(bitmap_size(n), gfp))
#define bitmap_zalloc(n, gfp) ((unsigned long *)kzalloc(bitmap_size(n), gfp))
#define bitmap_free(map) kfree(map)

static inline void bitmap_zero(unsigned long *to, unsigned int n)
{
	memset(to, 0, bitmap_size(n));
}

static inline void bitmap_fill(unsigned long *to, unsigned int n)
{
	memset(to, 0xff, bitmap_size(n));
}

static inline void bitmap_copy(unsigned long *to, const unsigned long *from,
			       unsigned int n)
{
	memcpy(to, from, bitmap_size(n));
}

/* Word i of the map, without what is past the end. */
static inline unsigned long sp_bitmap_word(const unsigned long *map,
					   unsigned int i, unsigned int n)
{
	return i < n / BITS_PER_LONG ? map[i] :
				       map[i] & BITMAP_LAST_WORD_MASK(n);
}

/* Is there a bit in the result? */
#define SP_BITMAP_OP(name, expr)                                               \
	static inline bool bitmap_##name(unsigned long *to,                    \
					 const unsigned long *a,               \
					 const unsigned long *b,               \
					 unsigned int n)                       \
	{                                                                      \
		unsigned int i;                                                \
		bool some = false;                                             \
                                                                               \
		for (i = 0; i < BITS_TO_LONGS(n); i++) {                       \
			to[i] = expr;                                          \
			some |= sp_bitmap_word(to, i, n) != 0;                 \
		}                                                              \
		return some;                                                   \
	}

SP_BITMAP_OP(and, a[i] & b[i])
SP_BITMAP_OP(andnot, a[i] & ~b[i])
SP_BITMAP_OP(or, a[i] | b[i])
SP_BITMAP_OP(xor, a[i] ^ b[i])

static inline void bitmap_complement(unsigned long *to,
				     const unsigned long *from, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(n); i++)
		to[i] = ~from[i];
}

static inline bool bitmap_equal(const unsigned long *a, const unsigned long *b,
				unsigned int n)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(n); i++)
		if (sp_bitmap_word(a, i, n) != sp_bitmap_word(b, i, n))
			return false;
	return true;
}

static inline bool bitmap_intersects(const unsigned long *a,
				     const unsigned long *b, unsigned int n)
{
	return find_first_and_bit(a, b, n) < n;
}

static inline bool bitmap_subset(const unsigned long *a, const unsigned long *b,
				 unsigned int n)
{
	return find_next_andnot_bit(a, b, n, 0) >= n;
}

static inline bool bitmap_empty(const unsigned long *map, unsigned int n)
{
	return find_first_bit(map, n) >= n;
}

static inline bool bitmap_full(const unsigned long *map, unsigned int n)
{
	return find_first_zero_bit(map, n) >= n;
}

static inline unsigned int bitmap_weight(const unsigned long *map,
					 unsigned int n)
{
	unsigned int i, sum = 0;

	for (i = 0; i < BITS_TO_LONGS(n); i++)
		sum += (unsigned int)hweight_long(sp_bitmap_word(map, i, n));
	return sum;
}

static inline void bitmap_set(unsigned long *map, unsigned int start,
			      unsigned int n)
{
	while (n--)
		__set_bit(start + n, map);
}

static inline void bitmap_clear(unsigned long *map, unsigned int start,
				unsigned int n)
{
	while (n--)
		__clear_bit(start + n, map);
}

/* n clear bits from `start` on, the first of them aligned; over size: none. */
static inline unsigned long bitmap_find_next_zero_area(unsigned long *map,
						       unsigned long size,
						       unsigned long start,
						       unsigned int n,
						       unsigned long align_mask)
{
	for (;;) {
		unsigned long at = find_next_zero_bit(map, size, start), used;

		at = (at + align_mask) & ~align_mask;
		if (at + n > size)
			return at + n;
		used = find_next_bit(map, at + n, at);
		if (used >= at + n)
			return at;
		start = used + 1;
	}
}

#endif
