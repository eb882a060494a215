/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: divisions, which 64-bit machines just do. */
#ifndef _LINUX_MATH64_H
#define _LINUX_MATH64_H

#include <linux/math.h>
#include <linux/types.h>

static inline u64 div_u64_rem(u64 n, u32 d, u32 *rest)
{
	*rest = (u32)(n % d);
	return n / d;
}

static inline s64 div_s64_rem(s64 n, s32 d, s32 *rest)
{
	*rest = (s32)(n % d);
	return n / d;
}

static inline u64 div64_u64_rem(u64 n, u64 d, u64 *rest)
{
	*rest = n % d;
	return n / d;
}

static inline u64 div64_u64(u64 n, u64 d)
{
	return n / d;
}

static inline s64 div64_s64(s64 n, s64 d)
{
	return n / d;
}

static inline u64 div_u64(u64 n, u32 d)
{
	return n / d;
}

static inline s64 div_s64(s64 n, s32 d)
{
	return n / d;
}

#define div64_long(n, d) div64_s64(n, d)
#define div64_ul(n, d) div64_u64(n, d)

/* Divides n itself, and gives what is left. */
#define do_div(n, base)                                                        \
	({                                                                     \
		u32 sp_div_ = (base);                                          \
		u32 sp_rem_ = (u32)((u64)(n) % sp_div_);                       \
		(n) = (u64)(n) / sp_div_;                                      \
		sp_rem_;                                                       \
	})

static inline u64 mul_u32_u32(u32 a, u32 b)
{
	return (u64)a * b;
}

static inline u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift)
{
	return (u64)((unsigned __int128)a * b >> shift);
}

static inline u64 mul_u64_u32_shr(u64 a, u32 b, unsigned int shift)
{
	return mul_u64_u64_shr(a, b, shift);
}

static inline u64 mul_u64_u32_div(u64 a, u32 b, u32 d)
{
	return (u64)((unsigned __int128)a * b / d);
}

static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 d)
{
	return (u64)((unsigned __int128)a * b / d);
}

#define DIV64_U64_ROUND_UP(n, d)                                               \
	({                                                                     \
		u64 sp_d64_ = (d);                                             \
		div64_u64((n) + sp_d64_ - 1, sp_d64_);                         \
	})
#define DIV_U64_ROUND_UP(n, d)                                                 \
	({                                                                     \
		u32 sp_d32_ = (d);                                             \
		div_u64((n) + sp_d32_ - 1, sp_d32_);                           \
	})
#define DIV64_U64_ROUND_CLOSEST(n, d)                                          \
	({                                                                     \
		u64 sp_d64_ = (d);                                             \
		div64_u64((n) + sp_d64_ / 2, sp_d64_);                         \
	})
#define DIV_U64_ROUND_CLOSEST(n, d)                                            \
	({                                                                     \
		u32 sp_d32_ = (d);                                             \
		div_u64((n) + sp_d32_ / 2, sp_d32_);                           \
	})

static inline u64 roundup_u64(u64 x, u32 y)
{
	return DIV_U64_ROUND_UP(x, y) * y;
}

#endif
