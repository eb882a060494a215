/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: true is overflow; sizes saturate, so that their allocation fails. */
#ifndef _LINUX_OVERFLOW_H
#define _LINUX_OVERFLOW_H

#include <linux/compiler.h>
#include <linux/const.h>
#include <linux/limits.h>
#include <linux/types.h>

#define SP_HALF_MAX(t) ((t)1 << (8 * sizeof(t) - 1 - is_signed_type(t)))
#define type_max(t)                                                            \
	((typeof(t))(SP_HALF_MAX(typeof(t)) - 1 + SP_HALF_MAX(typeof(t))))
#define type_min(t) ((typeof(t))((typeof(t))-type_max(t) - (typeof(t))1))

static inline bool __must_check __must_check_overflow(bool overflow)
{
	return unlikely(overflow);
}

#define check_add_overflow(a, b, d)                                            \
	__must_check_overflow(__builtin_add_overflow(a, b, d))
#define check_sub_overflow(a, b, d)                                            \
	__must_check_overflow(__builtin_sub_overflow(a, b, d))
#define check_mul_overflow(a, b, d)                                            \
	__must_check_overflow(__builtin_mul_overflow(a, b, d))

#define wrapping_add(type, a, b)                                               \
	({                                                                     \
		type sp_sum_;                                                  \
		(void)__builtin_add_overflow(a, b, &sp_sum_);                  \
		sp_sum_;                                                       \
	})
#define wrapping_sub(type, a, b)                                               \
	({                                                                     \
		type sp_diff_;                                                 \
		(void)__builtin_sub_overflow(a, b, &sp_diff_);                 \
		sp_diff_;                                                      \
	})
#define wrapping_mul(type, a, b)                                               \
	({                                                                     \
		type sp_product_;                                              \
		(void)__builtin_mul_overflow(a, b, &sp_product_);              \
		sp_product_;                                                   \
	})
#define wrapping_assign_add(var, n) ((var) = wrapping_add(typeof(var), var, n))
#define wrapping_assign_sub(var, n) ((var) = wrapping_sub(typeof(var), var, n))

/* a << s into *d: do bits fall out, or the sign change? */
#define check_shl_overflow(a, s, d)                                            \
	__must_check_overflow(({                                               \
		typeof(a) sp_a_ = (a);                                         \
		typeof(s) sp_s_ = (s);                                         \
		typeof(d) sp_to_ = (d);                                        \
		unsigned int sp_by_ =                                          \
			sp_s_ < 0 || (u64)sp_s_ >= 8 * sizeof(*sp_to_) ?       \
				0 :                                            \
				(unsigned int)sp_s_;                           \
		*sp_to_ = (typeof(*sp_to_))((u64)sp_a_ << sp_by_);             \
		sp_by_ != (u64)sp_s_ ||                                        \
			*sp_to_<0 || sp_a_<0 || (u64) * sp_to_>> sp_by_ !=     \
				(u64)sp_a_;                                    \
	}))

#define overflows_type(n, t)                                                   \
	({                                                                     \
		typeof(t) sp_fits_;                                            \
		__builtin_add_overflow(n, 0, &sp_fits_);                       \
	})
#define castable_to_type(n, t) (!overflows_type(n, t))

/* Does start, size leave 0 … max - 1? */
#define range_overflows(start, size, max)                                      \
	({                                                                     \
		typeof(start) sp_start_ = (start);                             \
		typeof(size) sp_size_ = (size);                                \
		typeof(max) sp_max_ = (max);                                   \
		sp_start_ >= sp_max_ || sp_size_ > sp_max_ - sp_start_;        \
	})
#define range_overflows_t(type, start, size, max)                              \
	range_overflows((type)(start), (type)(size), (type)(max))

static inline size_t __must_check size_mul(size_t a, size_t b)
{
	size_t out;

	return __builtin_mul_overflow(a, b, &out) ? SIZE_MAX : out;
}

static inline size_t __must_check size_add(size_t a, size_t b)
{
	size_t out;

	return __builtin_add_overflow(a, b, &out) ? SIZE_MAX : out;
}

/* SIZE_MAX is no number but an overflow, and stays one. */
static inline size_t __must_check size_sub(size_t a, size_t b)
{
	size_t out;

	if (a == SIZE_MAX || b == SIZE_MAX)
		return SIZE_MAX;
	return __builtin_sub_overflow(a, b, &out) ? SIZE_MAX : out;
}

#define array_size(a, b) size_mul(a, b)
#define array3_size(a, b, c) size_mul(size_mul(a, b), c)
#define flex_array_size(p, member, n) size_mul(n, sizeof(*(p)->member))
#define struct_size(p, member, n)                                              \
	size_add(sizeof(*(p)), flex_array_size(p, member, n))
#define struct_size_t(type, member, n) struct_size((type *)NULL, member, n)

/* One on the stack, with room for n. */
#define DEFINE_RAW_FLEX(type, name, member, n)                                 \
	union {                                                                \
		u8 sp_bytes_[sizeof(type) +                                    \
			     (n) * sizeof(*((type *)0)->member)];              \
		type obj;                                                      \
	} name##_sp_room = { { 0 } };                                          \
	type *name = &name##_sp_room.obj
#define DEFINE_FLEX(type, name, member, counter, n)                            \
	DEFINE_RAW_FLEX(type, name, member, n);                                \
	name->counter = (n)

#endif
