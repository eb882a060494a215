/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches. abs() is a macro: libc's <stdlib.h> has to come first. */
#ifndef _LINUX_MATH_H
#define _LINUX_MATH_H

#include <linux/const.h>
#include <linux/types.h>

/* y is a power of two. */
#define round_up(x, y) ((((x) - 1) | ((typeof(x))((y) - 1))) + 1)
#define round_down(x, y) ((x) & ~((typeof(x))((y) - 1)))

#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_POW2(n, d) ((n) / (d) + !!((n) & ((d) - 1)))
#define DIV_ROUND_UP_ULL(n, d)                                                 \
	(((unsigned long long)(n) + (unsigned long long)(d) - 1) / (d))
#define DIV_ROUND_DOWN_ULL(n, d) ((unsigned long long)(n) / (d))
#define DIV_ROUND_UP_SECTOR_T(n, d) DIV_ROUND_UP(n, d)

/* <sys/param.h> has one that evaluates y twice. */
#undef roundup
#define roundup(x, y)                                                          \
	({                                                                     \
		typeof(y) sp_unit_ = (y);                                      \
		((x) + (sp_unit_ - 1)) / sp_unit_ *sp_unit_;                   \
	})
#define rounddown(x, y)                                                        \
	({                                                                     \
		typeof(x) sp_whole_ = (x);                                     \
		sp_whole_ - sp_whole_ % (y);                                   \
	})
/* Half rounds away from zero. */
#define DIV_ROUND_CLOSEST(x, d)                                                \
	({                                                                     \
		typeof(x) sp_n_ = (x);                                         \
		typeof(d) sp_d_ = (d);                                         \
		bool sp_against_ = (sp_n_ <= 0 && sp_n_ != 0) !=               \
				   (sp_d_ <= 0 && sp_d_ != 0);                 \
		sp_against_ ? (sp_n_ - sp_d_ / 2) / sp_d_ :                    \
			      (sp_n_ + sp_d_ / 2) / sp_d_;                     \
	})
#define DIV_ROUND_CLOSEST_ULL(x, d)                                            \
	({                                                                     \
		typeof(d) sp_d_ = (d);                                         \
		((unsigned long long)(x) + sp_d_ / 2) / sp_d_;                 \
	})

/* x * n / d, which overflows only where the result does. */
#define mult_frac(x, n, d)                                                     \
	({                                                                     \
		typeof(x) sp_mx_ = (x);                                        \
		typeof(n) sp_mn_ = (n);                                        \
		typeof(d) sp_md_ = (d);                                        \
		sp_mx_ / sp_md_ *sp_mn_ + sp_mx_ % sp_md_ *sp_mn_ / sp_md_;    \
	})

#define sector_div(n, base)                                                    \
	({                                                                     \
		u32 sp_base_ = (base);                                         \
		u32 sp_rest_ = (u32)((n) % sp_base_);                          \
		(n) /= sp_base_;                                               \
		sp_rest_;                                                      \
	})

#define abs(x)                                                                 \
	({                                                                     \
		__auto_type sp_abs_ = (x) + 0;                                 \
		sp_abs_ < 0 ? -sp_abs_ : sp_abs_;                              \
	})
#define abs_diff(a, b)                                                         \
	({                                                                     \
		__auto_type sp_da_ = (a);                                      \
		__auto_type sp_db_ = (b);                                      \
		sp_da_ > sp_db_ ? sp_da_ - sp_db_ : sp_db_ - sp_da_;           \
	})

/* value, out of all of u32, to 0 … end - 1. */
static inline u32 reciprocal_scale(u32 value, u32 end)
{
	return (u32)((u64)value * end >> 32);
}

/* The root rounded down. */
static inline u32 int_sqrt64(u64 x)
{
	u64 root = 0, bit;

	for (bit = 1ULL << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	return (u32)root;
}

static inline unsigned long int_sqrt(unsigned long x)
{
	return int_sqrt64(x);
}

#endif
