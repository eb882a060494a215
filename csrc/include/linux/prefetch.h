/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches. */
#ifndef _LINUX_PREFETCH_H
#define _LINUX_PREFETCH_H

#include <linux/cache.h>

#define prefetch(p) __builtin_prefetch(p)
#define prefetchw(p) __builtin_prefetch(p, 1)
#define prefetch_range(p, len) ((void)(p), (void)(len))

#endif
