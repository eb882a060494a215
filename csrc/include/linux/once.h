/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the function is called once, with the arguments of the first.
 * Otherwise: who comes while it is being called does not wait for its end.
 */
#ifndef _LINUX_ONCE_H
#define _LINUX_ONCE_H

#include <linux/types.h>

#define DO_ONCE(fn, ...)                                                       \
	({                                                                     \
		static bool sp_done_;                                          \
		bool sp_first_ = !__atomic_exchange_n(&sp_done_, true,         \
						      __ATOMIC_ACQ_REL);       \
		if (sp_first_)                                                 \
			fn(__VA_ARGS__);                                       \
		sp_first_;                                                     \
	})
#define DO_ONCE_SLEEPABLE(fn, ...) DO_ONCE(fn, __VA_ARGS__)
#define DO_ONCE_LITE(fn, ...) DO_ONCE(fn, __VA_ARGS__)
#define DO_ONCE_LITE_IF(condition, fn, ...)                                    \
	({                                                                     \
		bool sp_if_ = !!(condition);                                   \
		if (sp_if_)                                                    \
			DO_ONCE(fn, __VA_ARGS__);                              \
		sp_if_;                                                        \
	})
#define get_random_once(buf, len) DO_ONCE(get_random_bytes, buf, len)

#endif
