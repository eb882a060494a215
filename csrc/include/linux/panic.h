/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: panic() ends as BUG() does. */
#ifndef _LINUX_PANIC_H
#define _LINUX_PANIC_H

#include <linux/bug.h>

#define panic(fmt, ...)                                                        \
	do {                                                                   \
		WARN(1, fmt, ##__VA_ARGS__);                                   \
		BUG();                                                         \
	} while (0)
#define add_taint(flag, lockdep) ((void)0)
#define oops_in_progress 0

#endif
