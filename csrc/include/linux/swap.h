/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: how reclaim is told of pages freed beside the shrinker's count. */
#ifndef _LINUX_SWAP_H
#define _LINUX_SWAP_H

#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched.h>

struct reclaim_state {
	unsigned long reclaimed;
};

static inline bool current_is_kswapd(void)
{
	return current->flags & PF_KSWAPD;
}

static inline void mm_account_reclaimed_pages(unsigned long pages)
{
	struct reclaim_state *rs = current->reclaim_state;

	if (rs)
		rs->reclaimed += pages;
}

/* There is no swap, unless a test says how many pages of it. */
extern atomic_long_t nr_swap_pages;
extern long total_swap_pages;

static inline long get_nr_swap_pages(void)
{
	return atomic_long_read(&nr_swap_pages);
}

#endif
