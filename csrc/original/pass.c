// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pass of the tree's shrink_slab(), from outside: what it calls and what it
 * tells on its way is noted, and where it would not come back it is left.
 */
#include <stdio.h>
#include <string.h>

#include "original.h"

/* How the tree's code was left, if not by its return. */
enum left { CAME_BACK, ENDED, DIED };

/* One call into the tree's files that calls callbacks, inside others maybe. */
struct level {
	struct level *outer;
	struct machine *m;
	struct reclaimer *r;
	struct shrinker **slot;
	struct sp_pass *out; /* NULL: a file of debugfs */
	unsigned int gfp_mask;
	int nid;
	int priority;
	struct mem_cgroup *memcg;
	bool tracing;
	unsigned long spins;
	unsigned long turns;     /* references that it asked for */
	unsigned int read_sides; /* of RCU, outside of this */

	/* The turn of one shrinker. */
	struct shrink_control sc; /* as the callback found it */
	long batch; /* before its count, which is when it is read */
	unsigned long counted;
	unsigned long freed; /* by its scans */
	unsigned long scanned;
	long total_scan;
	unsigned long stalled; /* scans in a row without progress */
	long lowest;           /* total_scan before them */
	bool stop;             /* it would go on for ever */

	bool in_callback;
	const struct sp_boundary *boundary;
	void *env[5];
	enum sp_status left_as; /* where it did not come back */
	char text[200];         /* why */
	enum left left;
};

static __thread struct level *innermost;

/* ---- references ------------------------------------------------------------ */

/* It goes on to another one, or is over, and has not given it back. */
static void lose_reference(struct level *l)
{
	struct shrinker *s = *l->slot;

	machine_lock(l->m);
	if (!s->leaked) {
		s->leaked_nid = l->nid;
		s->leaked_ino = l->memcg ? l->memcg->ino : 0;
	}
	WRITE_ONCE(s->leaked, s->leaked + 1);
	machine_unlock(l->m);
	shrinker_put(l->m, l->slot);
}

static _Noreturn void leave(struct level *l, enum left how)
{
	l->left = how;
	__builtin_longjmp(l->env, 1);
}

bool seam_hold(void *handle)
{
	struct level *l = innermost;
	struct shrinker *s = handle;

	if (!l)
		return true;
	if (*l->slot)
		lose_reference(l);
	if (l->r->ends)
		leave(l, ENDED);
	/* Each shrinker has one turn, and there are no more than were made. */
	if (++l->turns > READ_ONCE(l->m->next_serial) + SHRINKER_UNIT_BITS)
		seam_leave(SP_SPIN, "the pass calls again what it has called: "
				    "the kernel would go on for ever");
	sign_of_life();
	if (!shrinker_try_get(l->m, l->slot, s)) {
		shrinker_put(l->m, l->slot);
		return false;
	}
	tree_shrinker_set(s->twin, READ_ONCE(s->seeks), READ_ONCE(s->batch));
	return true;
}

void seam_drop(void *handle)
{
	struct level *l = innermost;

	if (l && *l->slot == handle)
		shrinker_put(l->m, l->slot);
}

/* ---- callbacks -------------------------------------------------------------- */

static void to_core(const struct seam_control *from, struct shrink_control *to)
{
	*to = (struct shrink_control){
		.gfp_mask = from->gfp_mask,
		.nid = from->nid,
		.nr_to_scan = from->nr_to_scan,
		.nr_scanned = from->nr_scanned,
		.memcg = tree_memcg_handle(from->memcg),
	};
}

static void to_tree(const struct shrink_control *from, struct seam_control *to)
{
	to->gfp_mask = from->gfp_mask;
	to->nid = from->nid;
	to->nr_to_scan = from->nr_to_scan;
	to->nr_scanned = from->nr_scanned;
	to->memcg = from->memcg ? from->memcg->twin : NULL;
}

static unsigned long call(struct shrinker *s, sp_shrink_fn fn,
			  struct seam_control *control,
			  struct shrink_control *sc)
{
	struct level *l = innermost;
	unsigned int read_sides = tree_rcu_sides(0);
	unsigned long ret;
	void *entry;

	if (read_sides)
		seam_warn(false,
			  "a callback, which may sleep, inside rcu_read_lock()",
			  s->name);
	to_core(control, sc);
	entry = callback_begin();
	l->in_callback = true;
	ret = fn(s, sc);
	l->in_callback = false;
	callback_end(entry);
	to_tree(sc, control);
	/* What it wrote to the handle the tree reads in the twin. */
	if (s->twin)
		tree_shrinker_set(s->twin, READ_ONCE(s->seeks),
				  READ_ONCE(s->batch));
	tree_rcu_sides(read_sides);
	return ret;
}

unsigned long seam_count(void *handle, struct seam_control *control)
{
	struct level *l = innermost;
	struct shrinker *s = handle;
	struct shrink_control sc;
	unsigned long ret;

	if (!l->out) /* a file has no turns that an end could wait for */
		return l->r->ends ? 0 : call(s, s->count, control, &sc);
	l->out->nr_counts++;
	l->freed = l->scanned = l->stalled = 0;
	l->stop = false;
	l->batch = READ_ONCE(s->batch);
	if (!l->batch)
		l->batch = SHRINK_BATCH;
	ret = call(s, s->count, control, &sc);
	l->counted = ret;
	l->sc = sc;
	return ret;
}

/*
 * Progress is total_scan below its lowest so far; none, a call for which there
 * was no reason any more.
 */
static void note_progress(struct level *l, struct shrinker *s,
			  const struct shrink_control *sc)
{
	const long before = l->total_scan;
	const bool due = before >= l->batch || before >= (long)l->counted;
	struct sp_reason reason;

	l->total_scan = (long)((unsigned long)before - sc->nr_scanned);
	if (due && l->total_scan < before && !l->stalled)
		return;
	if (!l->stalled)
		l->lowest = before;
	if (due && l->total_scan < l->lowest) {
		l->stalled = 0;
		return;
	}
	if (++l->stalled != READ_ONCE(l->m->max_stall))
		return;
	l->stop = true;
	report_spin(s, sc, l->stalled, &reason);
	l->stalled = 0;
	if (!l->spins++)
		l->out->reason = reason;
}

unsigned long seam_scan(void *handle, struct seam_control *control)
{
	struct level *l = innermost;
	struct shrinker *s = handle;
	struct shrink_control sc;
	unsigned long ret;

	if (!l->out)
		return call(s, s->scan, control, &sc);
	if (l->stop)
		return SHRINK_STOP;
	l->out->nr_scans++;
	ret = call(s, s->scan, control, &sc);
	if (ret == SHRINK_STOP)
		return ret;
	l->freed += ret;
	l->scanned += sc.nr_scanned;
	note_progress(l, s, &sc);
	return ret;
}

/* ---- what it tells on its way ------------------------------------------------ */

void seam_scanned(unsigned long n)
{
	struct reclaimer *r = innermost->r;

	WRITE_ONCE(r->slabs_scanned, r->slabs_scanned + n);
}

void seam_trace_start(void *handle, long nr, long freeable, unsigned long delta,
		      long total_scan, int priority)
{
	struct level *l = innermost;

	l->total_scan = total_scan;
	if (l->tracing && READ_ONCE(l->m->trace_on))
		trace_start_event(l->r, handle, &l->sc, nr, freeable, delta,
				  total_scan, priority);
}

void seam_trace_end(void *handle, int nid, unsigned long freed, long nr,
		    long new_nr, long total_scan)
{
	struct level *l = innermost;
	struct shrink_control sc = l->sc;

	sc.nid = nid;
	if (l->tracing && READ_ONCE(l->m->trace_on))
		trace_end_event(l->r, handle, &sc, freed, nr, new_nr,
				total_scan);
	l->out->freed += l->freed;
	l->out->freeable += l->counted;
	l->out->scanned += l->scanned;
	l->out->deferred += (unsigned long)new_nr;
}

/* ---- oopses -------------------------------------------------------------------- */

void pass_takes_end(enum sp_status status, const char *text)
{
	struct level *l = innermost;

	/* Not one of who is called from there, or of who calls it. */
	if (!l || !l->boundary || sp_boundary_innermost != l->boundary)
		return;
	strncpy(l->text, text, sizeof(l->text) - 1);
	l->left_as = status;
	leave(l, DIED);
}

/* What it was about, as far as can be told from where it stood. */
static enum sp_status explain_oops(struct level *l, struct sp_reason *reason)
{
	struct shrinker *s = *l->slot;
	struct shrink_control *sc = &l->sc;
	int nr_max;

	if (l->left_as == SP_SPIN) {
		nr_max = 0; /* no cgroup's affair */
	} else if (s && s->flags & SHRINKER_MEMCG_AWARE && sc->memcg) {
		nr_max = mm_map_nr_max(sc->memcg, sc->nid);
		if (nr_max <= s->id)
			return explain_no_deferred(reason, s, sc, nr_max >= 0);
	} else if (s && s->flags & SHRINKER_MEMCG_AWARE && !s->nr_deferred) {
		return explain_no_deferred(reason, s, sc, false);
	}
	return explain(reason, l->left_as, s, l->nid, l->memcg, "%s", l->text);
}

/* ---- shrink_slab() ---------------------------------------------------------------- */

static enum sp_status end_pass(struct level *l, unsigned long freed)
{
	enum sp_status status = SP_OK;
	struct shrinker *s = *l->slot;

	if (l->left == DIED) {
		status = explain_oops(l, &l->out->reason);
		/* Of a turn that has no end it is told in the same way. */
		if (status == SP_SPIN && l->m->hooks.report)
			l->m->hooks.report(l->m->hooks_data, &l->out->reason);
		/* Who oopses gives nothing back; frees would wait for that. */
		if (s)
			tree_shrinker_put(s->twin);
	} else if (s) {
		lose_reference(l);
	}
	if (l->left == CAME_BACK)
		l->out->freed = freed;
	if (status == SP_OK && (l->left == ENDED || l->r->ends))
		status = SP_ABORTED;
	l->out->nr_spins = l->spins;
	check_read_sides(l->read_sides, l->left == CAME_BACK);
	innermost = l->outer;
	pass_exit(l->m, l->r);
	return status == SP_OK && l->spins ? SP_SPIN : status;
}

static void level_enter(struct level *l, struct machine *m, struct reclaimer *r)
{
	l->outer = innermost;
	l->m = m;
	l->r = r;
	l->read_sides = tree_rcu_sides(0);
	sign_of_life();
	l->slot = &r->slot[r->depth - 1];
	innermost = l;
}

/* Left by an oops that is not its own: what the core's slot is ends by itself. */
static void level_end(struct level *l)
{
	if (*l->slot)
		tree_shrinker_put((*l->slot)->twin);
	tree_rcu_sides(l->read_sides);
	innermost = l->outer;
}

/* Out of line: the function that has the boundaries keeps nothing else. */
static __attribute__((noinline)) unsigned long run(struct level *l)
{
	struct mem_cgroup *memcg = l->memcg;
	struct sp_boundary b;
	unsigned long freed = 0;

	if (sp_boundary_oopsed(&b)) {
		/* The tree's own, where it jumped to what is no code. */
		if (!l->in_callback) {
			snprintf(l->text, sizeof(l->text), "%s", b.reason.text);
			l->left_as = SP_OOPS;
			l->left = DIED;
			return 0;
		}
		/* Of a callback: it goes on outwards, and that pass is over. */
		level_end(l);
		sp_oops(l->m, "%s", b.reason.text);
	}
	l->boundary = &b;
	if (__builtin_setjmp(l->env) == 0)
		freed = tree_shrink_slab(l->gfp_mask, l->nid,
					 memcg ? memcg->twin : NULL,
					 l->priority);
	sp_boundary_leave(&b);
	return freed;
}

enum sp_status sp_shrink_slab(struct machine *m, unsigned int gfp_mask, int nid,
			      struct mem_cgroup *memcg, int priority,
			      struct sp_pass *out)
{
	struct level l = { .out = out,
			   .gfp_mask = gfp_mask,
			   .nid = nid,
			   .priority = priority,
			   .memcg = memcg };
	struct reclaimer *r;
	enum sp_status status;

	memset(out, 0, sizeof(*out));
	status =
		shrink_slab_enter(m, gfp_mask, nid, memcg, priority,
				  __builtin_frame_address(0), &r, &out->reason);
	if (status != SP_OK)
		return status;
	if (!has_globals(m)) {
		pass_exit(m, r);
		return SP_CLOSED;
	}
	level_enter(&l, m, r);
	/* Not before the epoch is stored: sp_trace_start() looks for that. */
	l.tracing = reader_load(m->trace_on);
	return end_pass(&l, run(&l));
}

/* ---- the files of debugfs ------------------------------------------------------- */

/* As run(): an oops of a callback goes on outwards. */
static __attribute__((noinline)) enum sp_status
run_file(struct level *l, void (*fn)(struct tree_call *), struct tree_call *c)
{
	enum sp_status status;
	struct sp_boundary b;

	if (sp_boundary_oopsed(&b)) {
		level_end(l);
		sp_oops(l->m, "%s", b.reason.text);
	}
	status = enter_tree_unlocked(fn, c, false, NULL);
	sp_boundary_leave(&b);
	return status;
}

enum sp_status file_call(struct shrinker *s, void (*fn)(struct tree_call *),
			 struct tree_call *c)
{
	struct machine *m = s->machine;
	enum sp_status status;
	struct reclaimer *r;
	struct level l = { 0 };

	status = pass_enter(m, __builtin_frame_address(0), &r);
	if (status != SP_OK)
		return status;
	if (!has_globals(m)) {
		pass_exit(m, r);
		return SP_CLOSED;
	}
	level_enter(&l, m, r);
	if (!shrinker_try_get(m, l.slot, s)) {
		status = SP_NOENT;
	} else if (!tree_shrinker_get(s->twin)) {
		status = SP_NOENT;
	} else {
		/* Held for who looks: the kernel's debugfs counts itself. */
		status = run_file(&l, fn, c);
		tree_shrinker_put(s->twin);
		if (status == SP_OK && r->ends)
			status = SP_ABORTED;
	}
	tree_rcu_sides(l.read_sides);
	innermost = l.outer;
	pass_exit(m, r);
	return status;
}
