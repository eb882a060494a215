/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who calls shrink_slab(): the loops of mm/vmscan.c, with shrinkers as all that
 * there is to reclaim from.
 */
#ifndef SHRINKPY_RECLAIM_H
#define SHRINKPY_RECLAIM_H

#include <shrinkpy/core.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sp_reclaim_kind {
	SP_RECLAIM_DROP,   /* drop_slab() */
	SP_RECLAIM_DIRECT, /* try_to_free_pages() */
	SP_RECLAIM_KSWAPD, /* balance_pgdat() */
	SP_RECLAIM_MEMCG,  /* try_to_free_mem_cgroup_pages() */
	SP_NR_RECLAIM_KINDS,
};

/* One shrink_slab() of a reclaim. */
struct sp_reclaim_pass {
	int priority;
	int nid;
	int round;                /* of drop_slab() and kswapd; from 0 */
	struct mem_cgroup *memcg; /* NULL: cgroups are disabled */
	enum sp_status status;
	struct sp_pass pass;
};

struct sp_reclaim {
	enum sp_reclaim_kind kind;
	unsigned int gfp_mask;       /* not of DROP and KSWAPD: GFP_KERNEL */
	int nid;                     /* -1: all nodes; of KSWAPD: its own */
	struct mem_cgroup *memcg;    /* the subtree; NULL: the root's */
	unsigned long nr_to_reclaim; /* objects, not of DROP */
	/* After each pass, in its thread, or NULL. false: no more passes. */
	bool (*pass)(void *data, const struct sp_reclaim_pass *p);
	void *data;
};

struct sp_reclaimed {
	unsigned long freed;
	unsigned long scanned;
	unsigned long nr_passes;
	int priority;            /* of the last pass */
	struct sp_reason reason; /* of the status, if it is not SP_OK */
};

/*
 * SP_OK, also when it fell short. SP_SPIN: as of sp_shrink_slab(), it went on.
 * Others end it; *out says what was done.
 */
SP_API enum sp_status sp_reclaim(struct machine *m,
				 const struct sp_reclaim *how,
				 struct sp_reclaimed *out);

/* vmstat: how often each was begun (drop_slab, allocstall, pageoutrun). */
SP_API unsigned long sp_reclaim_count(const struct machine *m,
				      enum sp_reclaim_kind kind);

#ifdef __cplusplus
}
#endif
#endif
