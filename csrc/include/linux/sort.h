/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: in place, not stable; without a swap function it copies bytes. */
#ifndef _LINUX_SORT_H
#define _LINUX_SORT_H

#include <linux/types.h>

void sort(void *base, size_t n, size_t size, cmp_func_t cmp, swap_func_t swap);
void sort_r(void *base, size_t n, size_t size, cmp_r_func_t cmp,
	    swap_r_func_t swap, const void *priv);

#endif
