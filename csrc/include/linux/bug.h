/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: BUG(), WARN() and theirs; the _ONCE forms speak once.
 * Otherwise: BUG() ends at the nearest boundary (shrinkpy/oops.h); a warning
 * is a line of the log, and counted by the machine.
 */
#ifndef _LINUX_BUG_H
#define _LINUX_BUG_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/printk.h>
#include <shrinkpy/runtime.h>

void kernel_warn(const char *where, const char *function, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define BUG() kernel_oops("kernel BUG at " KERNEL_HERE " in %s()", __func__)
#define BUG_ON(condition)                                                      \
	do {                                                                   \
		if (__builtin_expect(!!(condition), 0))                        \
			kernel_oops("kernel BUG at " KERNEL_HERE               \
				    " in %s(): %s",                            \
				    __func__, #condition);                     \
	} while (0)

#define KERNEL_WARN_(condition, fmt, ...)                                      \
	({                                                                     \
		const int warned_ = !!(condition);                             \
		if (__builtin_expect(warned_, 0))                              \
			kernel_warn(KERNEL_HERE, __func__,                     \
				    fmt, ##__VA_ARGS__);                       \
		warned_;                                                       \
	})
#define KERNEL_WARN_ONCE_(condition, fmt, ...)                                 \
	({                                                                     \
		static bool told_;                                             \
		const int warned_ = !!(condition);                             \
		if (__builtin_expect(warned_, 0) &&                            \
		    !__atomic_exchange_n(&told_, true, __ATOMIC_RELAXED))      \
			kernel_warn(KERNEL_HERE, __func__,                     \
				    fmt, ##__VA_ARGS__);                       \
		warned_;                                                       \
	})

#define WARN_ON(condition) KERNEL_WARN_(condition, "%s", #condition)
#define WARN_ON_ONCE(condition) KERNEL_WARN_ONCE_(condition, "%s", #condition)
#define WARN(condition, fmt, ...) KERNEL_WARN_(condition, fmt, ##__VA_ARGS__)
#define WARN_ONCE(condition, fmt, ...)                                         \
	KERNEL_WARN_ONCE_(condition, fmt, ##__VA_ARGS__)
#define WARN_TAINT(condition, taint, fmt, ...)                                 \
	WARN(condition, fmt, ##__VA_ARGS__)
#define WARN_ON_SMP WARN_ON

/* Is it, and says so? */
#define CHECK_DATA_CORRUPTION(condition, address, fmt, ...)                    \
	((void)(address), WARN(condition, fmt, ##__VA_ARGS__))

/* As under CONFIG_DEBUG_VM. */
#define VM_BUG_ON BUG_ON
#define VM_BUG_ON_PAGE(condition, page) BUG_ON(condition)
#define VM_WARN_ON WARN_ON
#define VM_WARN_ON_ONCE WARN_ON_ONCE
#define VM_WARN_ONCE WARN_ONCE

#endif
