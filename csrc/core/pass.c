// SPDX-License-Identifier: GPL-2.0-only
/* The bounds of a pass: who is in one, and how deep. What it does is mm's. */
#include "internal.h"
#include "pass.h"

/* What is unlinked from here on stays as memory until the outermost end. */
static ALWAYS_INLINE void read_begin(struct machine *m, struct reclaimer *r)
{
	if (r->reading++ == 0)
		reader_store(m, r->epoch, LOAD_ACQUIRE(m->epoch));
}

static ALWAYS_INLINE void read_end(struct machine *m, struct reclaimer *r)
{
	if (--r->reading)
		return;
	reader_store(m, r->epoch, 0ul);
	if (unlikely(reader_load(m->tidy)))
		reap(m);
}

enum sp_status pass_enter(struct machine *m, const void *frame,
			  struct reclaimer **out)
{
	struct reclaimer *r = reclaimer_get(m);

	*out = r;
	if (unlikely(!r))
		return SP_NOMEM;
	if (unlikely(r->depth == SP_MAX_DEPTH))
		return SP_DEPTH;
	r->frame[r->depth++] = frame;
	read_begin(m, r);
	return SP_OK;
}

void pass_exit(struct machine *m, struct reclaimer *r)
{
	shrinker_put(m, &r->slot[r->depth - 1]);
	r->ends = false;
	r->nofs &= ~(1u << --r->depth);
	read_end(m, r);
}

enum sp_status reader_enter(struct machine *m, struct reclaimer **out)
{
	*out = reclaimer_get(m);
	if (!*out)
		return SP_NOMEM;
	read_begin(m, *out);
	return SP_OK;
}

void reader_exit(struct machine *m, struct reclaimer *r)
{
	read_end(m, r);
}

void passes_unwind(const void *frame)
{
	struct reclaimer *r;

	for (r = myself()->reclaimers; r; r = r->thread_next) {
		if (!READ_ONCE(r->machine_id))
			continue;
		while (r->depth && r->frame[r->depth - 1] < frame)
			pass_exit(r->machine, r);
	}
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

enum sp_status shrink_slab_enter(struct machine *m, unsigned int gfp_mask,
				 int nid, struct mem_cgroup *memcg,
				 int priority, const void *frame,
				 struct reclaimer **out,
				 struct sp_reason *reason)
{
	enum sp_status status;

	status = check_pass(m, nid, memcg, priority, reason);
	if (unlikely(status != SP_OK))
		return status;
	status = pass_enter(m, frame, out);
	if (unlikely(status == SP_DEPTH))
		return explain(reason, status, NULL, nid, memcg,
			       "passes are nested deeper than %d",
			       SP_MAX_DEPTH);
	if (likely(status == SP_OK) && unlikely(!(gfp_mask & SP_GFP_FS)))
		(*out)->nofs |= 1u << ((*out)->depth - 1);
	return status;
}

enum sp_status explain_no_deferred(struct sp_reason *reason,
				   const struct shrinker *s,
				   const struct shrink_control *sc,
				   bool has_info)
{
	const char *text = "memcg-aware with objects while no cgroup is "
			   "given: nr_deferred is NULL";

	if (has_info)
		text = "its id is past the cgroup's shrinker_info, where its "
		       "deferred work is kept: an access out of bounds";
	else if (sc->memcg)
		text = "the cgroup has no shrinker_info to keep deferred work "
		       "in: a NULL dereference";
	return explain(reason, SP_OOPS, s, sc->nid, sc->memcg, "%s", text);
}

void report_spin(struct shrinker *s, const struct shrink_control *sc,
		 unsigned long scans, struct sp_reason *reason)
{
	struct machine *m = s->machine;

	explain(reason, SP_SPIN, s, sc->nid, sc->memcg,
		"%lu scans in a row made no progress (the last left "
		"nr_scanned at %ld): the kernel would go on for ever",
		scans, (long)sc->nr_scanned);
	if (m->hooks.report)
		m->hooks.report(m->hooks_data, reason);
}

void sp_pass_abort(struct machine *m)
{
	struct reclaimer *r = reclaimer_find(m);

	if (r && r->depth)
		r->ends = true;
}

int sp_pass_depth(struct machine *m)
{
	const struct reclaimer *r = reclaimer_find(m);

	return r ? r->depth : 0;
}
