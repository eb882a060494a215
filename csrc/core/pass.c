// SPDX-License-Identifier: GPL-2.0-only
/*
 * Passes: shrink_slab(), the memcg pass, do_shrink_slab().
 *
 * A pass belongs to one thread. It takes no lock, reaches shrinkers through
 * lists and maps that writers replace under it, and holds the one it calls by
 * a slot of its nesting level.
 */
#include <limits.h>
#include <string.h>

#include "arith.h"
#include "internal.h"
#include "pass.h"

enum sp_status pass_enter(struct machine *m, struct reclaimer **out)
{
	struct reclaimer *r = reclaimer_get(m);

	*out = r;
	if (unlikely(!r))
		return SP_NOMEM;
	if (unlikely(r->depth == SP_MAX_DEPTH))
		return SP_DEPTH;
	if (r->depth++ == 0)
		reader_store(m, r->epoch, LOAD_ACQUIRE(m->epoch));
	return SP_OK;
}

void pass_exit(struct machine *m, struct reclaimer *r)
{
	shrinker_put(m, &r->slot[r->depth - 1]);
	r->abort = false;
	if (--r->depth)
		return;
	reader_store(m, r->epoch, 0ul);
	if (unlikely(reader_load(m, m->tidy)))
		reap(m);
}

/* ---- do_shrink_slab() -------------------------------------------------- */

/* One pass of one thread. */
struct turn {
	struct machine *m;
	struct reclaimer *r;
	struct shrinker **slot;
	int priority;
	struct sp_pass *out;
};

static long *own_deferred(struct shrinker *s, int nid)
{
	if (!s->nr_deferred)
		return NULL;
	return &s->nr_deferred[s->flags & SHRINKER_NUMA_AWARE ? nid : 0];
}

/* The counter for (nid, memcg); NULL where the kernel would find none. */
static long *deferred_of(struct shrinker *s, const struct shrink_control *sc)
{
	if (!(s->flags & SHRINKER_MEMCG_AWARE) || !sc->memcg)
		return own_deferred(s, sc->nid);
	return memcg_deferred(sc->memcg,
			      s->flags & SHRINKER_NUMA_AWARE ? sc->nid : 0,
			      s->id);
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

static void report_spin(struct turn *t, struct shrinker *s,
			const struct shrink_control *sc, unsigned long calls)
{
	struct sp_reason reason;

	explain(&reason, SP_SPIN, s, sc->nid, sc->memcg,
		"%lu scans in a row made no progress (the last left "
		"nr_scanned at %ld): the kernel would go on for ever",
		calls, (long)sc->nr_scanned);
	if (!t->out->nr_spins++ && t->out->reason.status == SP_OK)
		t->out->reason = reason;
	if (t->m->hooks.report)
		t->m->hooks.report(t->m->hooks_data, &reason);
}

static enum sp_status oops(struct turn *t, struct shrinker *s,
			   const struct shrink_control *sc)
{
	return explain(&t->out->reason, SP_OOPS, s, sc->nid, sc->memcg,
		       sc->memcg ? "the cgroup has no shrinker_info to keep "
				   "deferred work in: a NULL dereference" :
				   "memcg-aware with objects while no cgroup "
				   "is given: nr_deferred is NULL");
}

/* The scan calls of one turn. */
struct scans {
	unsigned long freed;
	unsigned long scanned;
	long total_scan; /* what is left of it */
};

static void scan_batches(struct turn *t, struct shrink_control *sc,
			 struct shrinker *s, long freeable, struct scans *n)
{
	const unsigned long max_stall = READ_ONCE(t->m->max_stall);
	const long batch_size = sp_batch_size(READ_ONCE(s->batch));
	unsigned long stalled = 0, ret;
	long lowest = n->total_scan;

	while (sp_goes_on(n->total_scan, batch_size, freeable)) {
		sc->nr_to_scan = (unsigned long)sp_min(batch_size,
						       n->total_scan);
		sc->nr_scanned = sc->nr_to_scan;
		t->out->nr_scans++;
		ret = s->scan_objects(s, sc);
		if (ret == SHRINK_STOP)
			break;
		n->freed += ret;
		n->scanned += sc->nr_scanned;
		n->total_scan = (long)((unsigned long)n->total_scan -
				       sc->nr_scanned);
		if (likely(n->total_scan < lowest)) {
			lowest = n->total_scan;
			stalled = 0;
		} else if (++stalled == max_stall) {
			report_spin(t, s, sc, stalled);
			break;
		}
	}
	WRITE_ONCE(t->r->slabs_scanned, t->r->slabs_scanned + n->scanned);
}

static enum sp_status do_shrink_slab(struct turn *t, struct shrink_control *sc,
				     struct shrinker *s, unsigned long *result)
{
	struct scans n = { 0 };
	unsigned long counted, delta;
	long freeable, nr, new_nr;
	long *deferred;

	t->out->nr_counts++;
	counted = s->count_objects(s, sc);
	if (counted == 0 || counted == SHRINK_EMPTY) {
		*result = counted;
		return SP_OK;
	}
	freeable = (long)counted;
	deferred = deferred_of(s, sc);
	if (unlikely(!deferred))
		return oops(t, s, sc);

	nr = take_deferred(deferred);
	delta = sp_delta(freeable, t->priority, READ_ONCE(s->seeks));
	n.total_scan = sp_total_scan(nr, delta, t->priority, freeable);
	if (unlikely(READ_ONCE(t->m->trace_on)))
		trace_start_event(t->r, s, sc, nr, freeable, delta,
				  n.total_scan, t->priority);
	if (!unlikely(t->r->abort))
		scan_batches(t, sc, s, freeable, &n);
	new_nr = add_deferred(deferred, sp_next_deferred(nr, delta, n.scanned,
							 freeable));
	if (unlikely(READ_ONCE(t->m->trace_on)))
		trace_end_event(t->r, s, sc, n.freed, nr, new_nr,
				n.total_scan);

	t->out->freeable += counted;
	t->out->scanned += n.scanned;
	t->out->deferred += (unsigned long)new_nr;
	*result = n.freed;
	return SP_OK;
}

/* ---- the global pass --------------------------------------------------- */

static enum sp_status global_pass(struct turn *t,
				  const struct shrink_control *fresh)
{
	struct list_node *head = &t->m->shrinker_list, *pos;
	enum sp_status status;
	unsigned long ret;

	for (pos = LOAD_ACQUIRE(head->next); pos != head;
	     pos = LOAD_ACQUIRE(pos->next)) {
		struct shrinker *s = container_of(pos, struct shrinker, list);
		struct shrink_control sc = *fresh;

		if (!shrinker_try_get(t->m, t->slot, s))
			continue;
		status = do_shrink_slab(t, &sc, s, &ret);
		if (unlikely(status != SP_OK))
			return status;
		if (ret != SHRINK_EMPTY)
			t->out->freed += ret;
		if (unlikely(t->r->abort))
			return SP_ABORTED;
	}
	return SP_OK;
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

static enum sp_status memcg_turn(struct turn *t,
				 const struct shrink_control *fresh,
				 struct shrinker_info_unit *unit, int id)
{
	const int bit = id % SHRINKER_UNIT_BITS;
	struct shrinker *s = shrinker_by_id(t->m, id);
	struct shrink_control sc = *fresh;
	enum sp_status status;
	unsigned long ret;

	if (!s || !shrinker_try_get(t->m, t->slot, s)) {
		clear_bit(&unit->map, bit);
		return SP_OK;
	}
	/*
	 * 6.12 goes on here without giving the reference back; so does this.
	 * Whoever frees the shrinker finds out.
	 */
	if (!READ_ONCE(t->m->kmem) && !(s->flags & SHRINKER_NONSLAB)) {
		ADD_RELAXED(s->leaked, 1ul);
		return SP_OK;
	}
	status = do_shrink_slab(t, &sc, s, &ret);
	if (status == SP_OK && ret == SHRINK_EMPTY) {
		/*
		 * An object added after the first count, whose bit we have
		 * just cleared, must be seen by the second: the barrier is
		 * in clear_bit(), its other half in sp_set_shrinker_bit().
		 */
		clear_bit(&unit->map, bit);
		status = do_shrink_slab(t, &sc, s, &ret);
		if (status == SP_OK && ret == SHRINK_EMPTY)
			ret = 0;
		else if (status == SP_OK)
			sp_set_shrinker_bit(t->m, sc.memcg, sc.nid, id, NULL);
	}
	if (status == SP_OK)
		t->out->freed += ret;
	return status;
}

static enum sp_status memcg_pass(struct turn *t,
				 const struct shrink_control *fresh)
{
	struct mem_cgroup *memcg = fresh->memcg;
	struct shrinker_info *info;
	enum sp_status status;
	int index, bit;

	if (!LOAD_ACQUIRE(memcg->online))
		return SP_OK;
	/* The info is looked up for each unit: it may grow meanwhile. */
	for (index = 0; (info = memcg_info(memcg, fresh->nid)) &&
			index < info->map_nr_max / SHRINKER_UNIT_BITS;
	     index++) {
		struct shrinker_info_unit *unit = info->unit[index];

		for (bit = 0; bit < SHRINKER_UNIT_BITS; bit++) {
			unsigned long ahead = LOAD_ACQUIRE(unit->map) >> bit;

			if (!ahead)
				break;
			bit += __builtin_ctzl(ahead);
			status = memcg_turn(t, fresh, unit,
					    index * SHRINKER_UNIT_BITS + bit);
			if (unlikely(status != SP_OK))
				return status;
			if (unlikely(t->r->abort))
				return SP_ABORTED;
		}
	}
	return SP_OK;
}

/* ---- shrink_slab() ----------------------------------------------------- */

static enum sp_status check_pass(struct machine *m, int nid,
				 struct mem_cgroup *memcg, int priority,
				 struct sp_reason *reason)
{
	if (nid < 0 || nid >= m->nr_nodes || priority < 0 || priority > 63)
		return SP_INVAL;
	if (unlikely(READ_ONCE(m->closed)))
		return SP_CLOSED;
	if (m->memcg && !memcg && READ_ONCE(m->root))
		return explain(reason, SP_OOPS, NULL, nid, NULL,
			       "shrink_slab() was given no cgroup although "
			       "there is a root: a NULL dereference");
	return SP_OK;
}

enum sp_status sp_shrink_slab(struct machine *m, unsigned int gfp_mask,
			      int nid, struct mem_cgroup *memcg, int priority,
			      struct sp_pass *out)
{
	const struct shrink_control fresh = { .gfp_mask = gfp_mask,
					      .nid = nid,
					      .memcg = memcg };
	struct turn t = { .m = m, .priority = priority, .out = out };
	enum sp_status status;

	memset(out, 0, offsetof(struct sp_pass, reason));
	out->reason.status = SP_OK;
	out->reason.text[0] = 0;
	status = check_pass(m, nid, memcg, priority, &out->reason);
	if (unlikely(status != SP_OK))
		return status;
	status = pass_enter(m, &t.r);
	if (unlikely(status == SP_DEPTH))
		return explain(&out->reason, status, NULL, nid, memcg,
			       "passes are nested deeper than %d",
			       SP_MAX_DEPTH);
	if (unlikely(status != SP_OK))
		return status;
	t.slot = &t.r->slot[t.r->depth - 1];
	if (m->memcg && memcg != READ_ONCE(m->root))
		status = memcg_pass(&t, &fresh);
	else
		status = global_pass(&t, &fresh);
	pass_exit(m, t.r);
	return status == SP_OK && out->nr_spins ? SP_SPIN : status;
}

void sp_pass_abort(struct machine *m)
{
	struct reclaimer *r = reclaimer_find(m);

	if (r && r->depth)
		r->abort = true;
}

int sp_pass_depth(struct machine *m)
{
	const struct reclaimer *r = reclaimer_find(m);

	return r ? r->depth : 0;
}
