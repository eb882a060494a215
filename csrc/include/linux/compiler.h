/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: hints, READ_ONCE() and its like.
 * Otherwise: compiletime_assert() is a _Static_assert, which needs a constant
 * expression and not an optimizer.
 */
#ifndef __KERNEL__
#include_next <linux/compiler.h>
#elif !defined(_LINUX_COMPILER_H)
#define _LINUX_COMPILER_H

#include <linux/compiler_types.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define likely_notrace(x) likely(x)
#define unlikely_notrace(x) unlikely(x)

#define barrier() __asm__ __volatile__("" ::: "memory")
#define barrier_data(p) __asm__ __volatile__("" : : "r"(p) : "memory")
#define OPTIMIZER_HIDE_VAR(v) __asm__("" : "+r"(v))
#define RELOC_HIDE(p, off) ((typeof(p))((unsigned long)(p) + (off)))
#ifndef unreachable
#define unreachable() __builtin_unreachable()
#endif

#define __READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define READ_ONCE(x) __READ_ONCE(x)
#define READ_ONCE_NOCHECK(x) __READ_ONCE(x)
#define __WRITE_ONCE(x, v)                                                     \
	do {                                                                   \
		*(volatile typeof(x) *)&(x) = (v);                             \
	} while (0)
#define WRITE_ONCE(x, v) __WRITE_ONCE(x, v)
#define data_race(expr) (expr)
#define ASSERT_EXCLUSIVE_WRITER(x) ((void)0)
#define ASSERT_EXCLUSIVE_ACCESS(x) ((void)0)

#define __UNIQUE_ID(prefix) __PASTE(__PASTE(sp_id_, prefix), __COUNTER__)

/* Is x an integer constant expression? Never evaluates it. */
#define __is_constexpr(x)                                                      \
	__builtin_types_compatible_p(                                          \
		typeof(1 ? (void *)((long)(x) * 0) : (int *)0), int *)

#define is_signed_type(t) ((t)(-1) < (t)1)
#define is_unsigned_type(t) (!is_signed_type(t))

#define compiletime_assert(cond, msg) _Static_assert(cond, msg)
#define compiletime_assert_atomic_type(t)                                      \
	compiletime_assert(__native_word(t), "no word of the machine")

#define statically_true(x) (__builtin_constant_p(x) && (x))

#ifndef __must_be_array
#define __must_be_array(a)                                                     \
	(sizeof(char[1 - 2 * !!__same_type((a), &(a)[0])]) - 1)
#endif

#endif
