/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: checks at compile time. */
#ifndef _LINUX_BUILD_BUG_H
#define _LINUX_BUILD_BUG_H

#include <linux/compiler.h>

#define BUILD_BUG_ON_ZERO(e) ((int)(sizeof(struct { int : -!!(e); })))
#define BUILD_BUG_ON_INVALID(e) ((void)sizeof((long)(e)))
#define BUILD_BUG_ON_NOT_POWER_OF_2(n)                                         \
	BUILD_BUG_ON((n) == 0 || (((n) & ((n) - 1)) != 0))

/* Some uses are constant to an optimizer only, so not a _Static_assert. */
#define BUILD_BUG_ON_MSG(cond, msg)                                            \
	((void)sizeof(char[__builtin_constant_p(!(cond)) && (cond) ? -1 : 1]))
#define BUILD_BUG_ON(cond) BUILD_BUG_ON_MSG(cond, "not so: " #cond)
#define BUILD_BUG() __builtin_unreachable()

#define static_assert(expr, ...) SP_STATIC_ASSERT(expr, ##__VA_ARGS__, #expr)
#define SP_STATIC_ASSERT(expr, msg, ...) _Static_assert(expr, msg)

#endif
