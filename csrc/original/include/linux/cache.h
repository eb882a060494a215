/* SPDX-License-Identifier: GPL-2.0-only */
/* For mm/ itself: what it allocates stands where malloc() puts it. */
#ifndef SP_TREE_CACHE_H
#define SP_TREE_CACHE_H

#include_next <linux/cache.h>
#undef ____cacheline_aligned_in_smp
#define ____cacheline_aligned_in_smp

#endif
