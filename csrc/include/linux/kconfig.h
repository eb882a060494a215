/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: IS_ENABLED() of what is defined as 1.
 * Otherwise: there is no .config; an option is on if whoever compiles says so.
 */
#ifndef _LINUX_KCONFIG_H
#define _LINUX_KCONFIG_H

/* A 1 becomes two arguments, and moves the answer to the second place. */
#define SP_ONE_1 0,
#define SP_SECOND(first, second, ...) second
#define SP_IS_1_PASTED(pasted) SP_SECOND(pasted 1, 0, 0)
#define SP_IS_1_EXPANDED(x) SP_IS_1_PASTED(SP_ONE_##x)
#define __is_defined(x) SP_IS_1_EXPANDED(x)

#define IS_BUILTIN(option) __is_defined(option)
#define IS_MODULE(option) __is_defined(option##_MODULE)
#define IS_ENABLED(option) (IS_BUILTIN(option) || IS_MODULE(option))
#define IS_REACHABLE(option) IS_ENABLED(option)

#endif
