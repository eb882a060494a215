/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: the next bit from a place on; size, where there is none. */
#ifndef _LINUX_FIND_H
#define _LINUX_FIND_H

#include <linux/bits.h>
#include <linux/types.h>

/* Of a ^ flip, or of a & (b ^ flip): all the searches there are. */
static inline unsigned long sp_find_bit(const unsigned long *a,
					const unsigned long *b,
					unsigned long flip, unsigned long size,
					unsigned long from)
{
	while (from < size) {
		unsigned long at = from / BITS_PER_LONG;
		unsigned long word =
			b ? READ_ONCE(a[at]) & (READ_ONCE(b[at]) ^ flip) :
			    READ_ONCE(a[at]) ^ flip;

		word &= ~0UL << from % BITS_PER_LONG;
		if (word) {
			from = at * BITS_PER_LONG +
			       (unsigned long)__builtin_ctzl(word);
			return from < size ? from : size;
		}
		from = (at + 1) * BITS_PER_LONG;
	}
	return size;
}

static inline unsigned long
find_next_bit(const unsigned long *map, unsigned long size, unsigned long from)
{
	return sp_find_bit(map, NULL, 0, size, from);
}

static inline unsigned long find_next_zero_bit(const unsigned long *map,
					       unsigned long size,
					       unsigned long from)
{
	return sp_find_bit(map, NULL, ~0UL, size, from);
}

static inline unsigned long find_next_and_bit(const unsigned long *a,
					      const unsigned long *b,
					      unsigned long size,
					      unsigned long from)
{
	return sp_find_bit(a, b, 0, size, from);
}

static inline unsigned long find_next_andnot_bit(const unsigned long *a,
						 const unsigned long *b,
						 unsigned long size,
						 unsigned long from)
{
	return sp_find_bit(a, b, ~0UL, size, from);
}

static inline unsigned long find_first_bit(const unsigned long *map,
					   unsigned long size)
{
	return find_next_bit(map, size, 0);
}

static inline unsigned long find_first_zero_bit(const unsigned long *map,
						unsigned long size)
{
	return find_next_zero_bit(map, size, 0);
}

static inline unsigned long find_first_and_bit(const unsigned long *a,
					       const unsigned long *b,
					       unsigned long size)
{
	return find_next_and_bit(a, b, size, 0);
}

static inline unsigned long find_last_bit(const unsigned long *map,
					  unsigned long size)
{
	unsigned long nr = size;

	while (nr--)
		if (map[nr / BITS_PER_LONG] & BIT_MASK(nr))
			return nr;
	return size;
}

/* The next one round the end of the map, up to where it began. */
static inline unsigned long find_next_bit_wrap(const unsigned long *map,
					       unsigned long size,
					       unsigned long from)
{
	unsigned long nr = find_next_bit(map, size, from);

	if (nr < size || !from)
		return nr;
	nr = find_next_bit(map, from < size ? from : size, 0);
	return nr < from ? nr : size;
}

#define for_each_set_bit(bit, map, size)                                       \
	for ((bit) = find_first_bit(map, size); (bit) < (size);                \
	     (bit) = find_next_bit(map, size, (bit) + 1))

#define for_each_set_bit_from(bit, map, size)                                  \
	for ((bit) = find_next_bit(map, size, bit); (bit) < (size);            \
	     (bit) = find_next_bit(map, size, (bit) + 1))

#define for_each_clear_bit(bit, map, size)                                     \
	for ((bit) = find_first_zero_bit(map, size); (bit) < (size);           \
	     (bit) = find_next_zero_bit(map, size, (bit) + 1))

#define for_each_clear_bit_from(bit, map, size)                                \
	for ((bit) = find_next_zero_bit(map, size, bit); (bit) < (size);       \
	     (bit) = find_next_zero_bit(map, size, (bit) + 1))

#define for_each_and_bit(bit, a, b, size)                                      \
	for ((bit) = find_first_and_bit(a, b, size); (bit) < (size);           \
	     (bit) = find_next_and_bit(a, b, size, (bit) + 1))

#endif
