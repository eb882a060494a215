// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who calls shrink_slab(): drop_slab(), direct reclaim, kswapd, memory.reclaim.
 *
 * All of it stands on core.h, as an embedder's loop would: cgroups may come and
 * go between two passes, and the machine may be closed.
 */
#include <string.h>

#include <shrinkpy/alloc.h>
#include <shrinkpy/reclaim.h>

#include "internal.h"

enum {
	GFP_HIGHUSER_MOVABLE = 0x100cca,
	/*
	 * What reclaim for a cgroup keeps of its caller's mask: whether it may
	 * sleep, enter file systems, start I/O, fail, how hard it tries, and
	 * whether lockdep hears of it.
	 */
	GFP_RECLAIM_MASK = 0xbece0 | SP_GFP_NOLOCKDEP,
};

/* One reclaim of one thread. */
struct walk {
	struct machine *m;
	const struct sp_reclaim *how;
	struct sp_reclaimed *out;
	struct mem_cgroup *top;
	unsigned int gfp_mask;
	int first_nid, last_nid;
	int round; /* as the passes tell it */
	/* Of the walk over nodes and cgroups that is under way. */
	unsigned long freed, scanned;
	enum sp_status status;
	bool ends;
};

/* Or was it refused before it began? */
static bool was_pass(enum sp_status status)
{
	return status == SP_OK || status == SP_SPIN || status == SP_ABORTED ||
	       status == SP_OOPS;
}

/* What one pass did, into the sums and to whoever watches. */
static void note(struct walk *w, const struct sp_reclaim_pass *p)
{
	struct sp_reclaimed *out = w->out;

	w->freed += p->pass.freed;
	w->scanned += p->pass.scanned;
	out->freed += p->pass.freed;
	out->scanned += p->pass.scanned;
	out->priority = p->priority;
	out->nr_passes++;
	if (w->how->pass && !w->how->pass(w->how->data, p))
		w->ends = true;
}

static void one_pass(struct walk *w, int nid, struct mem_cgroup *memcg,
		     int priority)
{
	struct sp_reclaim_pass p = { .gfp_mask = w->gfp_mask,
				     .priority = priority,
				     .nid = nid,
				     .round = w->round,
				     .memcg = memcg };

	p.status = sp_shrink_slab(w->m, w->gfp_mask, nid, memcg, priority,
				  &p.pass);
	if (p.status != SP_OK && p.status != SP_SPIN)
		w->ends = true;
	/* The first spin is told, unless something worse ends it. */
	if (p.status != SP_OK && (w->ends || w->status == SP_OK)) {
		w->status = p.status;
		w->out->reason = p.pass.reason;
		w->out->reason.status = p.status;
	}
	if (was_pass(p.status))
		note(w, &p);
}

/* A node's cgroups in pre-order; offline ones too, whose passes give 0. */
static void walk_node(struct walk *w, int nid, int priority)
{
	struct mem_cgroup *memcg = NULL;

	if (w->m->memcg)
		memcg = sp_memcg_iter(w->m, w->top, NULL);
	do {
		one_pass(w, nid, memcg, priority);
	} while (!w->ends && memcg &&
		 (memcg = sp_memcg_iter(w->m, w->top, memcg)));
	sp_memcg_put(memcg);
}

static void walk_nodes(struct walk *w, int priority)
{
	int nid;

	w->freed = w->scanned = 0;
	w->out->nr_rounds++;
	for (nid = w->first_nid; nid <= w->last_nid && !w->ends; nid++)
		walk_node(w, nid, priority);
}

/* ---- the loops --------------------------------------------------------- */

static void drop(struct walk *w)
{
	int shift = 0;

	do {
		walk_nodes(w, 0);
		w->round++;
	} while (!w->ends && (w->freed >> shift++) > 1);
}

/* Gives what this call of it freed: memory.reclaim makes several. */
static unsigned long priorities(struct walk *w, unsigned long nr_to_reclaim)
{
	int priority = DEF_PRIORITY;
	unsigned long freed = 0;

	do {
		walk_nodes(w, priority);
		freed += w->freed;
	} while (!w->ends && freed < nr_to_reclaim && priority--);
	return freed;
}

static void kswapd(struct walk *w)
{
	const unsigned long target = w->how->nr_to_reclaim;
	int priority = DEF_PRIORITY;

	/* Enough scanned and something freed: no need to press harder. */
	while (!w->ends && w->out->freed < target && priority >= 1) {
		walk_nodes(w, priority);
		w->round++;
		if (w->scanned < target || !w->freed)
			priority--;
	}
}

static unsigned long at_least_a_cluster(unsigned long nr)
{
	return nr < SP_SWAP_CLUSTER_MAX ? SP_SWAP_CLUSTER_MAX : nr;
}

static void memory_reclaim(struct walk *w)
{
	const unsigned long target = w->how->nr_to_reclaim;
	int left = SP_MAX_RECLAIM_RETRIES;
	unsigned long missing, freed;

	while (!w->ends && w->out->freed < target) {
		missing = target - w->out->freed;
		freed = priorities(w, at_least_a_cluster(missing / 4));
		w->round++;
		if (!freed && !left--)
			break;
	}
}

/* ---- begun ------------------------------------------------------------- */

/*
 * What the callbacks see. The one place where the scopes of the task, in which
 * file systems or I/O are not to be entered, bear on it.
 */
static unsigned int mask_of(const struct sp_reclaim *how,
			    enum sp_reclaim_kind kind)
{
	switch (kind) {
	case SP_RECLAIM_DIRECT:
		return sp_scoped_gfp(how->gfp_mask);
	case SP_RECLAIM_MEMCG:
		return (sp_scoped_gfp(how->gfp_mask) & GFP_RECLAIM_MASK) |
		       (GFP_HIGHUSER_MOVABLE & ~GFP_RECLAIM_MASK);
	default:
		return SP_GFP_KERNEL;
	}
}

static bool may_reclaim(const struct sp_reclaim *how, enum sp_reclaim_kind kind)
{
	return (kind != SP_RECLAIM_DIRECT && kind != SP_RECLAIM_MEMCG) ||
	       how->gfp_mask & SP_GFP_DIRECT_RECLAIM;
}

static bool is_valid(struct machine *m, const struct sp_reclaim *how,
		     enum sp_reclaim_kind kind)
{
	if ((unsigned int)kind >= SP_NR_RECLAIM_KINDS)
		return false;
	return kind == SP_RECLAIM_DROP ||
	       (how->nid >= (kind == SP_RECLAIM_KSWAPD ? 0 : -1) &&
		how->nid < m->nr_nodes);
}

/* false: there is nothing to do, and w->status says why. */
static bool begin(struct walk *w, struct machine *m,
		  const struct sp_reclaim *how, enum sp_reclaim_kind kind,
		  struct sp_reclaimed *out)
{
	const bool whole = kind == SP_RECLAIM_DROP || how->nid < 0;

	memset(out, 0, sizeof(*out));
	out->reason.nid = -1;
	out->priority = DEF_PRIORITY;
	*w = (struct walk){ .m = m, .how = how, .out = out };
	if (!is_valid(m, how, kind))
		w->status = SP_INVAL;
	else if (READ_ONCE(m->closed))
		w->status = SP_CLOSED;
	out->reason.status = w->status;
	if (w->status != SP_OK || !may_reclaim(how, kind))
		return false;
	if (kind == SP_RECLAIM_DIRECT || kind == SP_RECLAIM_MEMCG)
		w->top = how->memcg;
	w->gfp_mask = mask_of(how, kind);
	w->first_nid = whole ? 0 : how->nid;
	w->last_nid = whole ? m->nr_nodes - 1 : how->nid;
	ADD_RELAXED(m->reclaims[kind], 1ul);
	return true;
}

enum sp_status sp_reclaim(struct machine *m, const struct sp_reclaim *how,
			  struct sp_reclaimed *out)
{
	struct walk w;

	if (!begin(&w, m, how, how->kind, out))
		return w.status;
	switch (how->kind) {
	case SP_RECLAIM_DROP:
		drop(&w);
		break;
	case SP_RECLAIM_KSWAPD:
		kswapd(&w);
		break;
	case SP_RECLAIM_MEMCG:
		priorities(&w, at_least_a_cluster(how->nr_to_reclaim));
		break;
	default:
		priorities(&w, how->nr_to_reclaim);
	}
	return w.status;
}

enum sp_status sp_memory_reclaim(struct machine *m,
				 const struct sp_reclaim *how,
				 struct sp_reclaimed *out)
{
	struct walk w;

	if (begin(&w, m, how, SP_RECLAIM_MEMCG, out))
		memory_reclaim(&w);
	return w.status;
}

unsigned long sp_reclaim_count(const struct machine *m,
			       enum sp_reclaim_kind kind)
{
	return (unsigned int)kind < SP_NR_RECLAIM_KINDS ?
		       READ_ONCE(m->reclaims[kind]) :
		       0;
}
