// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/shrinker.c: shrink_slab(), the memcg pass, do_shrink_slab().
 *
 * A pass belongs to one thread. It takes no lock, reaches shrinkers through
 * lists and maps that writers replace under it, and holds the one it calls by
 * a slot of its nesting level.
 */
#include <limits.h>
#include <string.h>

#include "../core/pass.h"
#include "arith.h"
#include "port.h"

/* ---- do_shrink_slab() -------------------------------------------------- */

/* One pass of one thread. */
struct turn {
	struct machine *m;
	struct reclaimer *r;
	struct shrinker **slot;
	struct mem_cgroup *memcg;
	unsigned int gfp_mask;
	int nid;
	int priority;
	bool tracing;
	unsigned long stalled; /* scans in a row without progress */
	long lowest;           /* total_scan before them */
	enum sp_status status;
	struct sp_reason *reason;
	/* Of struct sp_pass; at hand here, where they are added to. */
	unsigned long freed, freeable, scanned, deferred;
	unsigned long nr_counts, nr_scans, nr_spins;
};

/* What each callback finds: nothing of what another one wrote. */
static inline void fresh_control(const struct turn *t,
				 struct shrink_control *sc)
{
	sc->gfp_mask = t->gfp_mask;
	sc->nid = t->nid;
	sc->nr_to_scan = 0;
	sc->nr_scanned = 0;
	sc->memcg = t->memcg;
}

/* The counter for (nid, memcg); NULL where the kernel would find none. */
static inline long *deferred_of(struct shrinker *s,
				const struct shrink_control *sc)
{
	const int nid = s->flags & SHRINKER_NUMA_AWARE ? sc->nid : 0;

	/* Exactly those that are not memcg-aware have counters of their own. */
	if (likely(s->nr_deferred))
		return &s->nr_deferred[nid];
	return sc->memcg ? memcg_deferred(sc->memcg, nid, s->id) : NULL;
}

/* Both look before they lock the bus: most counters are 0 most of the time. */
static long take_deferred(long *place)
{
	return READ_ONCE(*place) ? XCHG(*place, 0l) : 0;
}

static long add_deferred(long *place, long value)
{
	if (!value)
		return READ_ONCE(*place);
	return (long)((unsigned long)__atomic_fetch_add(place, value,
							__ATOMIC_SEQ_CST) +
		      (unsigned long)value);
}

/*
 * Progress is total_scan below its lowest so far. Called from the first scan on
 * that made none: before it, every one did, and total_scan was the lowest.
 * Gives whether the turn has to end.
 */
static NOINLINE bool stalled(struct turn *t, struct shrinker *s,
			     const struct shrink_control *sc, long before,
			     long now)
{
	struct sp_reason reason;

	if (!t->stalled)
		t->lowest = before;
	if (now < t->lowest) {
		t->stalled = 0;
		return false;
	}
	if (++t->stalled != READ_ONCE(t->m->max_stall))
		return false;
	report_spin(s, sc, t->stalled, &reason);
	t->stalled = 0;
	if (!t->nr_spins++)
		*t->reason = reason;
	return true;
}

static NOINLINE unsigned long oops(struct turn *t, struct shrinker *s,
				   const struct shrink_control *sc)
{
	t->status = explain_no_deferred(
		t->reason, s, sc, sc->memcg && memcg_info(sc->memcg, sc->nid));
	t->r->ends = true;
	return 0;
}

/* The scan calls of one turn. */
struct scans {
	unsigned long freed;
	unsigned long scanned;
	long total_scan; /* what is left of it */
};

static inline void scan_batches(struct turn *t, struct shrink_control *sc,
				struct shrinker *s, long batch_size,
				long freeable, struct scans *n)
{
	unsigned long ret;
	long before;

	while (sp_goes_on(n->total_scan, batch_size, freeable)) {
		before = n->total_scan;
		sc->nr_to_scan = (unsigned long)sp_min(batch_size, before);
		sc->nr_scanned = sc->nr_to_scan;
		t->nr_scans++;
		ret = s->scan(s, sc);
		if (ret == SHRINK_STOP)
			break;
		n->freed += ret;
		n->scanned += sc->nr_scanned;
		n->total_scan = (long)((unsigned long)before - sc->nr_scanned);
		if (unlikely(n->total_scan >= before || t->stalled) &&
		    stalled(t, s, sc, before, n->total_scan))
			break;
	}
	t->stalled = 0;
	WRITE_ONCE(t->r->slabs_scanned, t->r->slabs_scanned + n->scanned);
}

/* tracing is known when this is compiled: see do_shrink_slab(). */
static ALWAYS_INLINE unsigned long turn_of(struct turn *t,
					   struct shrink_control *sc,
					   struct shrinker *s,
					   const bool tracing)
{
	/* Before the count: what that changes is for the next turn. */
	const long batch_size = sp_batch_size(READ_ONCE(s->batch));
	struct scans n = { 0 };
	unsigned long counted, delta;
	long freeable, nr, new_nr;
	long *deferred;

	t->nr_counts++;
	counted = s->count(s, sc);
	if (counted == 0 || counted == SHRINK_EMPTY)
		return counted;
	freeable = (long)counted;
	deferred = deferred_of(s, sc);
	if (unlikely(!deferred))
		return oops(t, s, sc);

	nr = take_deferred(deferred);
	delta = sp_delta(freeable, t->priority, READ_ONCE(s->seeks));
	n.total_scan = sp_total_scan(nr, delta, t->priority, freeable);
	if (tracing && READ_ONCE(t->m->trace_on))
		trace_start_event(t->r, s, sc, nr, freeable, delta,
				  n.total_scan, t->priority);
	scan_batches(t, sc, s, batch_size, freeable, &n);
	new_nr = add_deferred(deferred,
			      sp_next_deferred(nr, delta, n.scanned, freeable));
	if (tracing && READ_ONCE(t->m->trace_on))
		trace_end_event(t->r, s, sc, n.freed, nr, new_nr, n.total_scan);

	t->freeable += counted;
	t->scanned += n.scanned;
	t->deferred += (unsigned long)new_nr;
	return n.freed;
}

static NOINLINE unsigned long traced(struct turn *t, struct shrink_control *sc,
				     struct shrinker *s)
{
	return turn_of(t, sc, s, true);
}

static ALWAYS_INLINE unsigned long
do_shrink_slab(struct turn *t, struct shrink_control *sc, struct shrinker *s)
{
	if (unlikely(t->tracing))
		return traced(t, sc, s);
	return turn_of(t, sc, s, false);
}

/* ---- the global pass --------------------------------------------------- */

static void global_pass(struct turn *t)
{
	struct list_node *head = &t->m->shrinker_list, *pos;
	struct shrink_control sc;
	unsigned long ret;

	for (pos = LOAD_ACQUIRE(head->next); pos != head && !t->r->ends;
	     pos = LOAD_ACQUIRE(pos->next)) {
		struct shrinker *s = container_of(pos, struct shrinker, list);

		if (!shrinker_try_get(t->m, t->slot, s))
			continue;
		fresh_control(t, &sc);
		ret = do_shrink_slab(t, &sc, s);
		if (ret != SHRINK_EMPTY)
			t->freed += ret;
	}
}

/* ---- the memcg pass ---------------------------------------------------- */

static void clear_bit(unsigned long *map, int bit)
{
	__atomic_fetch_and(map, ~(1ul << bit), __ATOMIC_SEQ_CST);
}

static struct shrinker *shrinker_by_id(struct machine *m, int id)
{
	struct id_table *t = LOAD_ACQUIRE(m->idr);

	if (!t || (size_t)id >= t->size)
		return NULL;
	return LOAD_ACQUIRE(t->slot[id]);
}

static NOINLINE void lose_reference(const struct turn *t, struct shrinker *s)
{
	machine_lock(t->m);
	if (!s->leaked) {
		s->leaked_nid = t->nid;
		s->leaked_ino = t->memcg->ino;
	}
	WRITE_ONCE(s->leaked, s->leaked + 1);
	machine_unlock(t->m);
}

static void memcg_turn(struct turn *t, struct shrinker_info_unit *unit, int id)
{
	const int bit = id % SHRINKER_UNIT_BITS;
	struct shrinker *s = shrinker_by_id(t->m, id);
	struct shrink_control sc;
	unsigned long ret;

	if (!s || !shrinker_try_get(t->m, t->slot, s)) {
		clear_bit(&unit->map, bit);
		return;
	}
	/*
	 * 6.12 goes on here without giving the reference back; so does this.
	 * Whoever frees the shrinker finds out.
	 */
	if (!READ_ONCE(t->m->kmem) && !(s->flags & SHRINKER_NONSLAB)) {
		lose_reference(t, s);
		return;
	}
	fresh_control(t, &sc);
	ret = do_shrink_slab(t, &sc, s);
	if (ret == SHRINK_EMPTY) {
		/*
		 * An object added after the first count, whose bit we have
		 * just cleared, must be seen by the second: the barrier is
		 * in clear_bit(), its other half in sp_set_shrinker_bit().
		 */
		clear_bit(&unit->map, bit);
		ret = do_shrink_slab(t, &sc, s);
		if (ret == SHRINK_EMPTY)
			ret = 0;
		else
			sp_set_shrinker_bit(t->m, sc.memcg, sc.nid, id, NULL);
	}
	t->freed += ret;
}

static void memcg_pass(struct turn *t)
{
	struct shrinker_info *info;
	int index, bit;

	if (!LOAD_ACQUIRE(t->memcg->online))
		return;
	/* The info is looked up for each unit: it may grow meanwhile. */
	for (index = 0; (info = memcg_info(t->memcg, t->nid)) &&
			index < info->map_nr_max / SHRINKER_UNIT_BITS;
	     index++) {
		struct shrinker_info_unit *unit = info->unit[index];

		for (bit = 0; bit < SHRINKER_UNIT_BITS; bit++) {
			unsigned long ahead = LOAD_ACQUIRE(unit->map) >> bit;

			if (!ahead)
				break;
			if (unlikely(t->r->ends))
				return;
			bit += __builtin_ctzl(ahead);
			memcg_turn(t, unit, index * SHRINKER_UNIT_BITS + bit);
		}
	}
}

/* ---- shrink_slab() ----------------------------------------------------- */

/* Where its loop lies in cache lines shows: what is linked before it moves. */
__attribute__((aligned(64))) enum sp_status
sp_shrink_slab(struct machine *m, unsigned int gfp_mask, int nid,
	       struct mem_cgroup *memcg, int priority, struct sp_pass *out)
{
	struct turn t = { .m = m,
			  .memcg = memcg,
			  .gfp_mask = gfp_mask,
			  .nid = nid,
			  .priority = priority,
			  .reason = &out->reason };
	enum sp_status status;

	memset(out, 0, offsetof(struct sp_pass, reason));
	out->reason.status = SP_OK;
	out->reason.text[0] = 0;
	status = shrink_slab_enter(m, gfp_mask, nid, memcg, priority,
				   __builtin_frame_address(0), &t.r,
				   &out->reason);
	if (unlikely(status != SP_OK))
		return status;
	/* Not before the epoch is stored: sp_trace_start() looks for that. */
	t.tracing = reader_load(m->trace_on);
	t.slot = &t.r->slot[t.r->depth - 1];
	if (m->memcg && memcg != READ_ONCE(m->root))
		memcg_pass(&t);
	else
		global_pass(&t);
	if (unlikely(t.r->ends) && t.status == SP_OK)
		t.status = SP_ABORTED;
	pass_exit(m, t.r);
	out->freed = t.freed;
	out->freeable = t.freeable;
	out->scanned = t.scanned;
	out->deferred = t.deferred;
	out->nr_counts = t.nr_counts;
	out->nr_scans = t.nr_scans;
	out->nr_spins = t.nr_spins;
	return t.status == SP_OK && out->nr_spins ? SP_SPIN : t.status;
}
