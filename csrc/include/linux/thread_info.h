/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the checks of a copy against the object it is from or to.
 * Otherwise: a task has no thread_info, and so no flags of its own there.
 */
#ifndef _LINUX_THREAD_INFO_H
#define _LINUX_THREAD_INFO_H

#include <asm/current.h>
#include <asm/thread_info.h>
#include <linux/bug.h>
#include <linux/limits.h>
#include <linux/types.h>

static __always_inline bool check_copy_size(const void *p, size_t n,
					    bool is_source)
{
	const size_t room = __builtin_object_size(p, 0);

	(void)is_source;
	if (WARN(room != ~(size_t)0 && room < n,
		 "a copy of %zu bytes, and an object of %zu\n", n, room))
		return false;
	return !WARN_ON_ONCE(n > INT_MAX);
}

#endif
