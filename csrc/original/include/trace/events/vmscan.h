/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two events of mm/shrinker.c. Later versions pass more, behind what 6.7
 * does: what the core does not keep is dropped.
 */
#ifndef _TRACE_VMSCAN_H
#define _TRACE_VMSCAN_H

#include "tree.h"

#define trace_mm_shrink_slab_start(shrinker, sc, nr, freeable, delta, total,   \
				   priority, ...)                              \
	seam_trace_start((shrinker)->private_data, nr, freeable,               \
			 (unsigned long)(delta), total, priority)
#define trace_mm_shrink_slab_end(shrinker, nid, freed, nr, new_nr, total, ...) \
	seam_trace_end((shrinker)->private_data, nid, freed, nr, new_nr, total)

#endif
