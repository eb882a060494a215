/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: bit numbers run on over the words of a bitmap; set_bit() and its
 * like are atomic without order, test_and_…() are full barriers, those with
 * __ in front are plain.
 */
#ifndef _LINUX_BITOPS_H
#define _LINUX_BITOPS_H

#include <strings.h>

#include <linux/bits.h>
#include <linux/types.h>

#define BITS_TO_LONGS(nr) (((nr) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define BITS_TO_U64(nr) (((nr) + 63) / 64)
#define BITS_TO_U32(nr) (((nr) + 31) / 32)
#define BITS_TO_BYTES(nr) (((nr) + 7) / 8)
#define BITS_PER_TYPE(type) (sizeof(type) * BITS_PER_BYTE)

static __always_inline unsigned long *sp_bit_word(unsigned long nr,
						  volatile unsigned long *map)
{
	return (unsigned long *)map + BIT_WORD(nr);
}

static __always_inline void set_bit(long nr, volatile unsigned long *map)
{
	__atomic_fetch_or(sp_bit_word((unsigned long)nr, map), BIT_MASK(nr),
			  __ATOMIC_RELAXED);
}

static __always_inline void clear_bit(long nr, volatile unsigned long *map)
{
	__atomic_fetch_and(sp_bit_word((unsigned long)nr, map), ~BIT_MASK(nr),
			   __ATOMIC_RELAXED);
}

static __always_inline void change_bit(long nr, volatile unsigned long *map)
{
	__atomic_fetch_xor(sp_bit_word((unsigned long)nr, map), BIT_MASK(nr),
			   __ATOMIC_RELAXED);
}

static __always_inline void clear_bit_unlock(long nr,
					     volatile unsigned long *map)
{
	__atomic_fetch_and(sp_bit_word((unsigned long)nr, map), ~BIT_MASK(nr),
			   __ATOMIC_RELEASE);
}

static __always_inline bool test_and_set_bit(long nr,
					     volatile unsigned long *map)
{
	return __atomic_fetch_or(sp_bit_word((unsigned long)nr, map),
				 BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

static __always_inline bool test_and_set_bit_lock(long nr,
						  volatile unsigned long *map)
{
	return __atomic_fetch_or(sp_bit_word((unsigned long)nr, map),
				 BIT_MASK(nr), __ATOMIC_ACQUIRE) &
	       BIT_MASK(nr);
}

static __always_inline bool test_and_clear_bit(long nr,
					       volatile unsigned long *map)
{
	return __atomic_fetch_and(sp_bit_word((unsigned long)nr, map),
				  ~BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

static __always_inline bool test_and_change_bit(long nr,
						volatile unsigned long *map)
{
	return __atomic_fetch_xor(sp_bit_word((unsigned long)nr, map),
				  BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

static __always_inline bool test_bit(unsigned long nr,
				     const volatile unsigned long *map)
{
	return __atomic_load_n(map + BIT_WORD(nr), __ATOMIC_RELAXED) &
	       BIT_MASK(nr);
}

static __always_inline bool test_bit_acquire(unsigned long nr,
					     const volatile unsigned long *map)
{
	return __atomic_load_n(map + BIT_WORD(nr), __ATOMIC_ACQUIRE) &
	       BIT_MASK(nr);
}

static __always_inline void __set_bit(unsigned long nr,
				      volatile unsigned long *map)
{
	*sp_bit_word(nr, map) |= BIT_MASK(nr);
}

static __always_inline void __clear_bit(unsigned long nr,
					volatile unsigned long *map)
{
	*sp_bit_word(nr, map) &= ~BIT_MASK(nr);
}

static __always_inline void __change_bit(unsigned long nr,
					 volatile unsigned long *map)
{
	*sp_bit_word(nr, map) ^= BIT_MASK(nr);
}

static __always_inline void __clear_bit_unlock(unsigned long nr,
					       volatile unsigned long *map)
{
	clear_bit_unlock((long)nr, map);
}

static __always_inline bool __test_and_set_bit(unsigned long nr,
					       volatile unsigned long *map)
{
	unsigned long old = *sp_bit_word(nr, map);

	__set_bit(nr, map);
	return old & BIT_MASK(nr);
}

static __always_inline bool __test_and_clear_bit(unsigned long nr,
						 volatile unsigned long *map)
{
	unsigned long old = *sp_bit_word(nr, map);

	__clear_bit(nr, map);
	return old & BIT_MASK(nr);
}

static __always_inline bool __test_and_change_bit(unsigned long nr,
						  volatile unsigned long *map)
{
	unsigned long old = *sp_bit_word(nr, map);

	__change_bit(nr, map);
	return old & BIT_MASK(nr);
}

static __always_inline void assign_bit(long nr, volatile unsigned long *map,
				       bool value)
{
	if (value)
		set_bit(nr, map);
	else
		clear_bit(nr, map);
}

static __always_inline void
__assign_bit(unsigned long nr, volatile unsigned long *map, bool value)
{
	if (value)
		__set_bit(nr, map);
	else
		__clear_bit(nr, map);
}

/* The lowest and the highest bit, from 0; of no bits there is none. */
static __always_inline unsigned long __ffs(unsigned long word)
{
	return (unsigned long)__builtin_ctzl(word);
}

static __always_inline unsigned long __fls(unsigned long word)
{
	/* Of no bits it is anything, but may be asked for. */
	return 63UL - (unsigned long)__builtin_clzl(word | 1);
}

static __always_inline unsigned long ffz(unsigned long word)
{
	return __ffs(~word);
}

static __always_inline unsigned int __ffs64(u64 word)
{
	return (unsigned int)__builtin_ctzll(word);
}

/* From 1; of no bits it is 0. ffs() is libc's, and says the same. */

static __always_inline int fls(unsigned int word)
{
	return word ? 32 - __builtin_clz(word) : 0;
}

static __always_inline int fls64(u64 word)
{
	return word ? 64 - __builtin_clzll(word) : 0;
}

static __always_inline int fls_long(unsigned long word)
{
	return fls64(word);
}

#define hweight8(w) ((unsigned int)__builtin_popcount((u8)(w)))
#define hweight16(w) ((unsigned int)__builtin_popcount((u16)(w)))
#define hweight32(w) ((unsigned int)__builtin_popcount((u32)(w)))
#define hweight64(w) ((unsigned long)__builtin_popcountll((u64)(w)))
#define hweight_long(w) ((unsigned long)__builtin_popcountl((unsigned long)(w)))

static inline u64 rol64(u64 word, unsigned int n)
{
	return word << (n & 63) | word >> (-n & 63);
}

static inline u64 ror64(u64 word, unsigned int n)
{
	return word >> (n & 63) | word << (-n & 63);
}

static inline u32 rol32(u32 word, unsigned int n)
{
	return word << (n & 31) | word >> (-n & 31);
}

static inline u32 ror32(u32 word, unsigned int n)
{
	return word >> (n & 31) | word << (-n & 31);
}

static inline u16 rol16(u16 word, unsigned int n)
{
	return (u16)(word << (n & 15) | word >> (-n & 15));
}

static inline u16 ror16(u16 word, unsigned int n)
{
	return (u16)(word >> (n & 15) | word << (-n & 15));
}

static inline u8 rol8(u8 word, unsigned int n)
{
	return (u8)(word << (n & 7) | word >> (-n & 7));
}

static inline s32 sign_extend32(u32 value, int sign_bit)
{
	return (s32)(value << (31 - sign_bit)) >> (31 - sign_bit);
}

static inline s64 sign_extend64(u64 value, int sign_bit)
{
	return (s64)(value << (63 - sign_bit)) >> (63 - sign_bit);
}

static inline int get_count_order(unsigned int count)
{
	return count ? fls(count - 1) : -1;
}

static inline int get_count_order_long(unsigned long count)
{
	return count ? fls64(count - 1) : -1;
}

/* Sets the bits of mask to those of bits; gives what was there before. */
#define set_mask_bits(ptr, mask, bits)                                         \
	({                                                                     \
		const typeof(*(ptr)) sp_mask_ = (mask), sp_bits_ = (bits);     \
		typeof(*(ptr)) sp_old_ =                                       \
			__atomic_load_n(ptr, __ATOMIC_RELAXED);                \
		while (!__atomic_compare_exchange_n(                           \
			ptr, &sp_old_, (sp_old_ & ~sp_mask_) | sp_bits_, 0,    \
			__ATOMIC_SEQ_CST, __ATOMIC_RELAXED))                   \
			;                                                      \
		sp_old_;                                                       \
	})

#include <linux/find.h>

#endif
