/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches. Of constants, constant expressions. */
#ifndef _LINUX_LOG2_H
#define _LINUX_LOG2_H

#include <linux/bitops.h>
#include <linux/types.h>

/* Of 0: -1 for a variable, 0 for a constant. */
#define ilog2(n)                                                               \
	(__builtin_constant_p(n) ?                                             \
		 ((u64)(n) < 2 ? 0 : 63 - __builtin_clzll((u64)(n) | 1)) :     \
		 fls64(n) - 1)
#define const_ilog2(n) ((u64)(n) < 2 ? 0 : 63 - __builtin_clzll((u64)(n) | 1))

static __always_inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline unsigned long __roundup_pow_of_two(unsigned long n)
{
	return 1UL << fls_long(n - 1);
}

static inline unsigned long __rounddown_pow_of_two(unsigned long n)
{
	return 1UL << (fls_long(n) - 1);
}

#define roundup_pow_of_two(n)                                                  \
	(__builtin_constant_p(n) ?                                             \
		 ((n) == 1 ? 1UL : 1UL << (ilog2((n) - 1) + 1)) :              \
		 __roundup_pow_of_two(n))
#define rounddown_pow_of_two(n)                                                \
	(__builtin_constant_p(n) ? 1UL << ilog2(n) : __rounddown_pow_of_two(n))

static inline int sp_order_base_2(unsigned long n)
{
	return n > 1 ? fls_long(n - 1) : 0;
}

#define order_base_2(n)                                                        \
	(__builtin_constant_p(n) ? ((n) < 2 ? 0 : ilog2((n) - 1) + 1) :        \
				   sp_order_base_2(n))
/* How many bits it takes to write n down; one for 0. */
#define bits_per(n) ((n) < 2 ? 1 : ilog2(n) + 1)

#endif
