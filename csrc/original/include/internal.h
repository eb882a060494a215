/* SPDX-License-Identifier: GPL-2.0-only */
/* mm/internal.h, as far as the tree's files need it. */
#ifndef __MM_INTERNAL_H
#define __MM_INTERNAL_H

#include "tree_env.h"

/* What of a mask is about reclaim, and goes on to allocations made for another. */
#define GFP_RECLAIM_MASK                                                       \
	(__GFP_RECLAIM | __GFP_HIGH | __GFP_IO | __GFP_FS | __GFP_NOWARN |     \
	 __GFP_RETRY_MAYFAIL | __GFP_NOFAIL | __GFP_NORETRY | __GFP_MEMALLOC | \
	 __GFP_NOMEMALLOC | __GFP_NOLOCKDEP)

#endif
