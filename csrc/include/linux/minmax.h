/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: each argument is evaluated once; a signed and an unsigned one do not
 * compile, unless the signed one is a constant that is not negative, or fits
 * the promoted type of the other.
 */
#ifndef _LINUX_MINMAX_H
#define _LINUX_MINMAX_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/types.h>

#define SP_SIGNED(x) (((typeof((x) + 0))-1) < (typeof((x) + 0))1)
#define SP_TYPE_SIGNED(x) (((typeof(x))-1) < (typeof(x))1)
#define SP_CONST_POSITIVE(x)                                                   \
	(__builtin_choose_expr(__is_constexpr(x), (x), -1) > -1 ||             \
	 __builtin_choose_expr(__is_constexpr(x), !SP_SIGNED(x), 0))
#define SP_COMPARABLE(x, y)                                                    \
	(SP_SIGNED(x) == SP_SIGNED(y) ||                                       \
	 SP_TYPE_SIGNED(x) == SP_TYPE_SIGNED(y) || SP_CONST_POSITIVE(x) ||     \
	 SP_CONST_POSITIVE(y))
#define SP_CHECK_COMPARABLE(name, x, y)                                        \
	_Static_assert(SP_COMPARABLE(x, y),                                    \
		       name "(" #x ", " #y "): one is signed, the other not")

#define SP_PICK(op, x, y)                                                      \
	({                                                                     \
		__auto_type sp_x_ = (x);                                       \
		__auto_type sp_y_ = (y);                                       \
		sp_x_ op sp_y_ ? sp_x_ : sp_y_;                                \
	})
#define SP_PICK_OF(type, op, x, y)                                             \
	({                                                                     \
		type sp_x_ = (x);                                              \
		type sp_y_ = (y);                                              \
		sp_x_ op sp_y_ ? sp_x_ : sp_y_;                                \
	})

#define min(x, y)                                                              \
	({                                                                     \
		SP_CHECK_COMPARABLE("min", x, y);                              \
		SP_PICK(<, x, y);                                              \
	})
#define max(x, y)                                                              \
	({                                                                     \
		SP_CHECK_COMPARABLE("max", x, y);                              \
		SP_PICK(>, x, y);                                              \
	})
#define min3(x, y, z) min(min(x, y), z)
#define max3(x, y, z) max(max(x, y), z)
#define min_t(type, x, y) SP_PICK_OF(type, <, x, y)
#define max_t(type, x, y) SP_PICK_OF(type, >, x, y)
#define umin(x, y) SP_PICK(<, (x) + 0ull, (y) + 0ull)
#define umax(x, y) SP_PICK(>, (x) + 0ull, (y) + 0ull)
#define min_not_zero(x, y)                                                     \
	({                                                                     \
		__auto_type sp_p_ = (x);                                       \
		__auto_type sp_q_ = (y);                                       \
		sp_p_ == 0 ? sp_q_ : sp_q_ == 0 ? sp_p_ : min(sp_p_, sp_q_);   \
	})
#define SP_CLAMP(type, v, low, high)                                           \
	({                                                                     \
		type sp_v_ = (v);                                              \
		type sp_low_ = (low);                                          \
		type sp_high_ = (high);                                        \
		sp_v_ <= sp_low_  ? sp_low_ :                                  \
		sp_v_ >= sp_high_ ? sp_high_ :                                 \
				    sp_v_;                                     \
	})
#define clamp(v, low, high)                                                    \
	({                                                                     \
		SP_CHECK_COMPARABLE("clamp", v, low);                          \
		SP_CHECK_COMPARABLE("clamp", v, high);                         \
		SP_CLAMP(__auto_type, v, low, high);                           \
	})
#define clamp_t(type, v, low, high) SP_CLAMP(type, v, low, high)
#define clamp_val(v, low, high) SP_CLAMP(typeof(v), v, low, high)

#define SP_PICK_ARRAY(op, array, len)                                          \
	({                                                                     \
		typeof(&(array)[0]) sp_at_ = (array);                          \
		size_t sp_left_ = (len);                                       \
		__unqual_scalar_typeof(*sp_at_) sp_best_ = *sp_at_;            \
		while (--sp_left_)                                             \
			if (*++sp_at_ op sp_best_)                             \
				sp_best_ = *sp_at_;                            \
		sp_best_;                                                      \
	})
#define min_array(array, len) SP_PICK_ARRAY(<, array, len)
#define max_array(array, len) SP_PICK_ARRAY(>, array, len)

/* Of constants, where no statement may stand. libc has the same. */
#ifndef MIN
#define MIN(a, b) (((a) < (b)) ? (a) : (b))
#define MAX(a, b) (((a) > (b)) ? (a) : (b))
#endif
#define MIN_T(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define MAX_T(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))

static inline bool in_range64(u64 value, u64 start, u64 len)
{
	return value - start < len;
}

static inline bool in_range32(u32 value, u32 start, u32 len)
{
	return value - start < len;
}

#define in_range(value, start, len)                                            \
	((sizeof(value) | sizeof(start) | sizeof(len)) <= sizeof(u32) ?        \
		 in_range32((u32)(value), (u32)(start), (u32)(len)) :          \
		 in_range64(value, start, len))

#define swap(a, b)                                                             \
	do {                                                                   \
		typeof(a) sp_kept_ = (a);                                      \
		(a) = (b);                                                     \
		(b) = sp_kept_;                                                \
	} while (0)

#endif
