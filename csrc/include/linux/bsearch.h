/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: libc's own. */
#ifndef _LINUX_BSEARCH_H
#define _LINUX_BSEARCH_H

#include <linux/types.h>

void *bsearch(const void *key, const void *base, size_t n, size_t size,
	      cmp_func_t cmp);

#endif
