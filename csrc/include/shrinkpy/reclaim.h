/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who calls shrink_slab(): the loops of mm/vmscan.c, with shrinkers as all that
 * there is to reclaim from. What the kernel counts in pages is objects here.
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

enum sp_reclaim_constants {
	SP_SWAP_CLUSTER_MAX = 32,    /* the least that MEMCG aims at */
	SP_MAX_RECLAIM_RETRIES = 16, /* of sp_memory_reclaim(), in vain */
};

/* One shrink_slab() of a reclaim. */
struct sp_reclaim_pass {
	unsigned int gfp_mask; /* what its callbacks saw */
	int priority;
	int nid;
	int round;                /* from 0; a try of sp_memory_reclaim() */
	struct mem_cgroup *memcg; /* NULL: cgroups are disabled; borrowed */
	enum sp_status status;
	struct sp_pass pass;
};

struct sp_reclaim {
	enum sp_reclaim_kind kind;
	unsigned int gfp_mask;       /* not of DROP and KSWAPD: GFP_KERNEL */
	int nid;                     /* -1: all; KSWAPD's own; not of DROP */
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
	unsigned long nr_rounds; /* begun; of DIRECT and MEMCG, priorities */
	int priority;            /* of the last pass */
	struct sp_reason reason; /* of the status, if it is not SP_OK */
};

/*
 * SP_OK, also when it fell short. SP_SPIN: as of sp_shrink_slab(), it went on.
 * Others end it; *out says what was done. SP_INVAL: a bad kind or nid, and
 * nothing was begun.
 *
 * A priority is gone through wholly, over all nodes and cgroups, before it is
 * asked whether it was enough: the kernel's full walk. DIRECT and MEMCG with a
 * mask that must not reclaim do nothing. DROP and KSWAPD take the whole tree,
 * whatever memcg says.
 */
SP_API enum sp_status sp_reclaim(struct machine *m,
				 const struct sp_reclaim *how,
				 struct sp_reclaimed *out);

/*
 * A write to memory.reclaim of how->memcg: one MEMCG after the other, each for
 * a quarter of what is missing, until enough was freed, or too many tries freed
 * nothing. SP_OK, also when it fell short: the kernel's -EAGAIN is out->freed <
 * how->nr_to_reclaim. how->kind is not looked at.
 */
SP_API enum sp_status sp_memory_reclaim(struct machine *m,
					const struct sp_reclaim *how,
					struct sp_reclaimed *out);

/* vmstat: how often each was begun (drop_slab, allocstall, pageoutrun). */
SP_API unsigned long sp_reclaim_count(const struct machine *m,
				      enum sp_reclaim_kind kind);

#ifdef __cplusplus
}
#endif
#endif
