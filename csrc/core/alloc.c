// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations of the code under test, and what a task is to them: its scopes,
 * whose memory it takes, and whether it is the one that reclaims.
 *
 * No memory is taken here, only counted. Short of it is who goes over the
 * limit, or whose turn sp_reclaim_nth() said it is.
 */
#include <stdio.h>
#include <string.h>

#include <shrinkpy/oops.h>

#include "internal.h"

enum { PATIENCE = 64 };

/* ---- the task ---------------------------------------------------------- */

static __thread unsigned int scopes;

unsigned int sp_scope_save(unsigned int more)
{
	const unsigned int saved = scopes & more;

	scopes |= more;
	return saved;
}

void sp_scope_restore(unsigned int given, unsigned int saved)
{
	scopes = (scopes & ~given) | saved;
}

unsigned int sp_scoped_gfp(unsigned int gfp_mask)
{
	if (scopes & SP_NOIO)
		return gfp_mask & ~(unsigned int)(SP_GFP_IO | SP_GFP_FS);
	if (scopes & SP_NOFS)
		return gfp_mask & ~(unsigned int)SP_GFP_FS;
	return gfp_mask;
}

bool sp_task_reclaims(struct machine *m)
{
	const struct reclaimer *r = reclaimer_find(m);

	return r && (r->depth || r->memalloc);
}

struct sp_place sp_task_place(struct machine *m)
{
	const struct reclaimer *r = reclaimer_find(m);

	return r ? r->place : (struct sp_place){ 0 };
}

struct sp_place sp_task_move(struct machine *m, struct sp_place to)
{
	/* Where there is no memory to move to, it stays. */
	struct reclaimer *r = reclaimer_get(m);
	struct sp_place was = { 0 };

	if (r) {
		was = r->place;
		r->place = to;
	}
	return was;
}

/* ---- one allocation ---------------------------------------------------- */

struct request {
	unsigned int gfp; /* as the scopes leave it */
	size_t bytes;
	const char *where;
	bool inside;        /* PF_MEMALLOC: it lives on reserves */
	bool due;           /* reclaims although it would fit */
	bool reclaimed;     /* it did, at least once */
	unsigned long idle; /* reclaims in a row that got nothing */
};

static bool may_reclaim(const struct request *q)
{
	return q->gfp & SP_GFP_DIRECT_RECLAIM && !q->inside;
}

/* It needs what it has not got, and may not wait for it, in a callback. */
static void note_inside(struct machine *m, const struct request *q)
{
	const unsigned long n = m->alloc.in_callbacks++ % SP_KEPT_PLACES;

	snprintf(m->alloc_where[n], sizeof(m->alloc_where[n]), "%s",
		 q->where ? q->where : "");
}

/* Under the lock. What fault injection says holds at once, as failslab's. */
static enum sp_status begin(struct machine *m, struct request *q)
{
	if (m->closed)
		return SP_CLOSED;
	m->alloc.allocations++;
	if (q->inside && q->gfp & SP_GFP_DIRECT_RECLAIM)
		note_inside(m, q);
	if (!(q->gfp & SP_GFP_NOFAIL) && !site_attempt(m, SP_SITE_KMALLOC, -1))
		return SP_NOMEM;
	if (may_reclaim(q) && m->reclaim_nth)
		q->due = --m->reclaim_nth == 0;
	return SP_OK;
}

static bool fits(const struct machine *m, const struct request *q)
{
	if (q->due)
		return false;
	if (!m->limit || (q->inside && !(q->gfp & SP_GFP_NOMEMALLOC)))
		return true;
	return m->alloc.charged <= m->limit &&
	       q->bytes <= m->limit - m->alloc.charged;
}

static enum sp_status would_spin(struct machine *m, const struct request *q)
{
	struct sp_reason reason;

	explain(&reason, SP_SPIN, NULL, -1, NULL,
		"an allocation of %zu bytes that must not fail (__GFP_NOFAIL) "
		"reclaimed %lu times in a row and got nothing: the kernel "
		"would go on for ever",
		q->bytes, q->idle);
	if (m->hooks.report)
		m->hooks.report(m->hooks_data, &reason);
	return SP_SPIN;
}

/* May it try once more, after what the last reclaim brought? */
static enum sp_status once_more(struct machine *m, struct request *q,
				bool progress)
{
	const unsigned long bound = READ_ONCE(m->max_stall);

	q->idle = progress ? 0 : q->idle + 1;
	if (q->due) {
		q->due = false; /* asked for, and done */
		return SP_OK;
	}
	if (q->gfp & SP_GFP_NOFAIL)
		return q->idle && q->idle == bound ? would_spin(m, q) : SP_OK;
	if (q->gfp & SP_GFP_NORETRY)
		return SP_BUSY; /* what it brought may do; no second one */
	return q->idle < SP_MAX_RECLAIM_RETRIES ? SP_OK : SP_NOMEM;
}

static enum sp_status direct_reclaim(struct machine *m, struct request *q)
{
	const struct sp_reclaim how = { .kind = SP_RECLAIM_DIRECT,
					.gfp_mask = q->gfp,
					.nid = q->gfp & SP_GFP_THISNODE ?
						       sp_task_place(m).nid :
						       -1,
					.nr_to_reclaim = SP_SWAP_CLUSTER_MAX };
	struct reclaimer *r = reclaimer_get(m);
	struct sp_reclaimed done;
	enum sp_status status;

	if (!r)
		return SP_NOMEM;
	q->reclaimed = true;
	sp_fs_reclaim_acquire(m, q->gfp, q->where);
	r->memalloc = true;
	status = sp_reclaim(m, &how, &done);
	r->memalloc = false;
	sp_fs_reclaim_release(m, q->gfp);
	if (status == SP_SPIN)
		status = SP_OK; /* told already, and it went on */
	if (status == SP_OOPS && m->hooks.report)
		m->hooks.report(m->hooks_data, &done.reason);
	return status == SP_OK ? once_more(m, q, done.freed) : status;
}

/*
 * Before it tries again, in vain so far: others get to run, who may free
 * something. Now and then only, for that may take its time.
 */
static bool gave_up(struct machine *m, const struct request *q)
{
	if (!q->idle || q->idle % PATIENCE)
		return false;
	sp_wait_begin(m);
	sp_wait_end(m);
	return sp_wait_poll(m);
}

/* Under the lock, which is given up while it reclaims. */
static enum sp_status make_room(struct machine *m, struct request *q)
{
	enum sp_status status = SP_OK;
	unsigned long charged;

	while (!fits(m, q)) {
		if (status == SP_BUSY || !may_reclaim(q))
			return SP_NOMEM;
		charged = m->alloc.charged;
		machine_unlock(m);
		status = direct_reclaim(m, q);
		if (status == SP_OK && gave_up(m, q))
			status = SP_INTR;
		machine_lock(m);
		if (m->alloc.charged < charged)
			q->idle = 0;
		if (m->closed)
			return SP_CLOSED;
		if (status != SP_OK && status != SP_BUSY)
			return status;
	}
	return SP_OK;
}

enum sp_status sp_charge(struct machine *m, unsigned int gfp_mask, size_t bytes,
			 const char *where)
{
	struct request q = { .gfp = sp_scoped_gfp(gfp_mask),
			     .bytes = bytes,
			     .where = where,
			     .inside = sp_task_reclaims(m) };
	enum sp_status status;

	sp_fs_reclaim_acquire(m, q.gfp, where);
	sp_fs_reclaim_release(m, q.gfp);
	machine_lock(m);
	status = begin(m, &q);
	if (status == SP_OK)
		status = make_room(m, &q);
	m->alloc.reclaims += q.reclaimed;
	if (status == SP_OK) {
		m->alloc.charged += bytes;
		m->live[SP_SITE_KMALLOC]++;
		m->bytes += bytes;
	} else {
		m->alloc.failures++;
	}
	machine_unlock(m);
	return status;
}

void sp_uncharge(struct machine *m, size_t bytes)
{
	machine_lock(m);
	m->alloc.charged -= bytes;
	m->live[SP_SITE_KMALLOC]--;
	m->bytes -= bytes;
	machine_unlock(m);
}

/* ---- what is set, and what is told ------------------------------------- */

void sp_set_limit(struct machine *m, size_t bytes)
{
	machine_lock(m);
	WRITE_ONCE(m->limit, bytes);
	machine_unlock(m);
}

size_t sp_limit(const struct machine *m)
{
	return READ_ONCE(m->limit);
}

void sp_reclaim_nth(struct machine *m, unsigned long nth)
{
	machine_lock(m);
	m->reclaim_nth = nth;
	machine_unlock(m);
}

void sp_alloc_read(struct machine *m, struct sp_alloc_stats *out)
{
	machine_lock(m);
	*out = m->alloc;
	machine_unlock(m);
}

bool sp_alloc_in_callback(struct machine *m, unsigned int i, char where[128])
{
	unsigned long n;
	bool kept;

	machine_lock(m);
	n = m->alloc.in_callbacks;
	kept = i < n && i < SP_KEPT_PLACES;
	if (kept)
		memcpy(where, m->alloc_where[(n - 1 - i) % SP_KEPT_PLACES],
		       sizeof(m->alloc_where[0]));
	machine_unlock(m);
	return kept;
}
