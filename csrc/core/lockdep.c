// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which classes of locks were taken while which were held, and whether all of
 * that can be one order.
 *
 * Classes and edges are never freed before their machine, and are reached
 * through chains that only grow at their heads: looking one up takes no lock,
 * which is all that is done when nothing is new. Adding, searching and
 * reporting are done under the machine's lock. The stack of a new edge is asked
 * for before that, since a hook gives it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "report.h"

enum { CLASS_CHAINS = 64, EDGE_CHAINS = 256 };

/*
 * What an edge held -> taken may be. The one who takes a class as a recursive
 * reader does not wait for other readers of it.
 */
enum {
	BY_READER = 1 << 1,    /* what is held is shared */
	TO_RECURSIVE = 1 << 0, /* what is taken, by a recursive reader */
};
/* Of the four kinds, a bit each: */
enum {
	FROM_WRITERS = 1 << 0 | 1 << TO_RECURSIVE,
	TO_WAITERS = 1 << 0 | 1 << BY_READER,
};

/* A class as the search reaches it: in any way, or as a recursive reader only. */
struct reached {
	unsigned long search;
	const struct lock_edge *by;
	const struct reached *from;
	const struct reached *next;
	struct lock_class *class;
	bool recursive;
};

struct lock_class {
	struct lock_class *chain;
	const void *key;
	int subclass;
	bool gone;     /* its key was freed */
	bool recursed; /* and that was reported */
	char *name;
	struct lock_edge *edges; /* from here */
	struct reached reached[2];
};

struct lock_edge {
	struct lock_edge *chain, *next;
	struct lock_class *from, *to;
	unsigned int kinds;
	char *stack; /* where it was first seen */
};

struct lockdep {
	struct lock_class *classes[CLASS_CHAINS];
	struct lock_edge *edges[EDGE_CHAINS];
	struct lock_class *fs_reclaim;
	unsigned long searches;
};

/* ---- classes and edges ------------------------------------------------- */

static const char fs_reclaim_key;

static size_t hash(const void *p, size_t more)
{
	return (((uintptr_t)p >> 4) + more) * 0x9e3779b97f4a7c15ul >> 40;
}

static struct lock_class *find_class(const struct lockdep *d, const void *key,
				     int subclass)
{
	struct lock_class *c;

	c = LOAD_ACQUIRE(
		d->classes[hash(key, (size_t)subclass) % CLASS_CHAINS]);
	while (c &&
	       (c->key != key || c->subclass != subclass || READ_ONCE(c->gone)))
		c = c->chain;
	return c;
}

static struct lock_edge **edge_chain(struct lockdep *d,
				     const struct lock_class *from,
				     const struct lock_class *to)
{
	return &d->edges[hash(from, hash(to, 0)) % EDGE_CHAINS];
}

static struct lock_edge *find_edge(struct lockdep *d,
				   const struct lock_class *from,
				   const struct lock_class *to)
{
	struct lock_edge *e = LOAD_ACQUIRE(*edge_chain(d, from, to));

	while (e && (e->from != from || e->to != to))
		e = e->chain;
	return e;
}

static char *class_name(const char *name, const void *key, int subclass)
{
	char *text;
	int n;

	if (!name)
		n = asprintf(&text, "lock %p", key);
	else if (subclass)
		n = asprintf(&text, "%s/%d", name, subclass);
	else
		n = asprintf(&text, "%s", name);
	return n < 0 ? NULL : text;
}

/* Under the lock. */
static struct lock_class *add_class(struct lockdep *d, const void *key,
				    int subclass, const char *name)
{
	struct lock_class **chain =
		&d->classes[hash(key, (size_t)subclass) % CLASS_CHAINS];
	struct lock_class *c = find_class(d, key, subclass);

	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->name = class_name(name, key, subclass);
	if (!c->name) {
		free(c);
		return NULL;
	}
	c->key = key;
	c->subclass = subclass;
	c->reached[0].class = c->reached[1].class = c;
	c->reached[1].recursive = true;
	c->chain = *chain;
	STORE_RELEASE(*chain, c);
	return c;
}

static struct lockdep *make_lockdep(struct machine *m)
{
	struct lockdep *d;

	machine_lock(m);
	d = m->lockdep;
	if (!d)
		d = calloc(1, sizeof(*d));
	if (d && !m->lockdep) {
		d->fs_reclaim = add_class(d, &fs_reclaim_key, 0, "fs_reclaim");
		if (d->fs_reclaim) {
			STORE_RELEASE(m->lockdep, d);
		} else {
			free(d);
			d = NULL;
		}
	}
	machine_unlock(m);
	return d;
}

/* NULL: it is off, or there is no memory for it. */
static struct lockdep *lockdep_of(struct machine *m)
{
	struct lockdep *d = LOAD_ACQUIRE(m->lockdep);

	if (unlikely(READ_ONCE(m->no_lockdep)))
		return NULL;
	return likely(d) ? d : make_lockdep(m);
}

static struct lock_class *class_of(struct machine *m, struct lockdep *d,
				   const struct sp_lock *l, int subclass)
{
	const void *key = l->key ? l->key : l;
	struct lock_class *c = find_class(d, key, subclass);

	if (likely(c))
		return c;
	machine_lock(m);
	c = add_class(d, key, subclass, l->name);
	machine_unlock(m);
	return c;
}

/* ---- the search -------------------------------------------------------- */

static bool reach(struct lockdep *d, struct reached *r,
		  const struct lock_edge *by, const struct reached *from,
		  struct reached **tail)
{
	if (r->search == d->searches)
		return false;
	r->search = d->searches;
	r->by = by;
	r->from = from;
	r->next = NULL;
	if (*tail)
		(*tail)->next = r;
	*tail = r;
	return true;
}

/*
 * The shortest way that can block from what the edge leads to back to where it
 * comes from: its end, or NULL. Breadth first. Who came to a class as a
 * recursive reader only goes on where the class is held for itself.
 */
static const struct reached *
way_back(struct lockdep *d, const struct lock_edge *edge, unsigned int kind)
{
	struct reached *tail = NULL;
	const struct reached *at;
	const struct lock_edge *e;
	unsigned int kinds;

	d->searches++;
	reach(d, &edge->to->reached[!!(kind & TO_RECURSIVE)], NULL, NULL,
	      &tail);
	for (at = tail; at; at = at->next) {
		for (e = at->class->edges; e; e = e->next) {
			kinds = e->kinds;
			if (at->recursive)
				kinds &= FROM_WRITERS;
			if (!kinds || READ_ONCE(e->to->gone))
				continue;
			reach(d, &e->to->reached[!(kinds & TO_WAITERS)], e, at,
			      &tail);
			if (e->to == edge->from &&
			    (kinds & TO_WAITERS || !(kind & BY_READER)))
				return tail;
		}
	}
	return NULL;
}

/* ---- reports ----------------------------------------------------------- */

static void set_step(struct sp_lockdep_step *step, const struct lock_edge *e)
{
	*step = (struct sp_lockdep_step){ .held = e->from->name,
					  .taken = e->to->name,
					  .stack = e->stack };
}

/* The edge that closes it first, then the others as they follow on it. */
static void report_cycle(struct machine *m, const struct lock_edge *edge,
			 const struct reached *end)
{
	const struct reached *at;
	struct report *r;
	size_t n = 1;

	for (at = end; at->by; at = at->from)
		n++;
	r = report_alloc(REPORT_CYCLE, n);
	if (!r)
		return;
	set_step(&r->step[0], edge);
	for (at = end; at->by; at = at->from)
		set_step(&r->step[--n], at->by);
	report_add(m, r);
}

/* Takes the stack. Of one class. */
static void report_alone(struct machine *m, enum report_kind kind,
			 const struct lock_class *class, char *stack)
{
	struct report *r = report_alloc(kind, 1);

	if (!r) {
		free(stack);
		return;
	}
	r->stack = stack;
	r->step[0] = (struct sp_lockdep_step){ .held = class->name,
					       .taken = class->name,
					       .stack = stack };
	report_add(m, r);
}

/* ---- what is new ------------------------------------------------------- */

/* Under the lock. */
static struct lock_edge *add_edge(struct lockdep *d, struct lock_class *from,
				  struct lock_class *to, const char *stack)
{
	struct lock_edge **chain = edge_chain(d, from, to);
	struct lock_edge *e = find_edge(d, from, to);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->stack = strdup(stack);
	if (!e->stack) {
		free(e);
		return NULL;
	}
	e->from = from;
	e->to = to;
	e->next = from->edges;
	from->edges = e;
	e->chain = *chain;
	STORE_RELEASE(*chain, e);
	return e;
}

/* What is about to be taken. */
struct next {
	struct machine *m;
	struct lockdep *d;
	struct lock_class *class;
	const struct sp_lock *lock; /* NULL: fs_reclaim */
	bool reader, recursive_reader;
	const char *where;
};

static NOINLINE void new_edge(const struct next *n, struct lock_class *from,
			      struct lock_class *to, unsigned int kind)
{
	char *stack = stack_here(n->m, n->where);
	const struct reached *end;
	struct lock_edge *e;

	if (!stack)
		return;
	machine_lock(n->m);
	e = add_edge(n->d, from, to, stack);
	/* Another thread may have been quicker. */
	if (e && !(e->kinds & 1u << kind)) {
		WRITE_ONCE(e->kinds, e->kinds | 1u << kind);
		end = way_back(n->d, e, kind);
		if (end)
			report_cycle(n->m, e, end);
	}
	machine_unlock(n->m);
	free(stack);
}

static void edge(const struct next *n, struct lock_class *from,
		 struct lock_class *to, unsigned int kind)
{
	const struct lock_edge *e = find_edge(n->d, from, to);

	if (unlikely(!e || !(READ_ONCE(e->kinds) & 1u << kind)))
		new_edge(n, from, to, kind);
}

static NOINLINE void recursion(const struct next *n)
{
	char *stack;

	if (READ_ONCE(n->class->recursed))
		return;
	stack = stack_here(n->m, n->where);
	if (!stack)
		return;
	machine_lock(n->m);
	if (!n->class->recursed) {
		WRITE_ONCE(n->class->recursed, true);
		report_alone(n->m, REPORT_RECURSION, n->class, stack);
		stack = NULL;
	}
	machine_unlock(n->m);
	free(stack);
}

/* The passes up to the first that may enter file systems; 0: none may. */
static int fs_depth(struct machine *m)
{
	const struct reclaimer *r = reclaimer_find(m);
	unsigned int fs;

	if (!r || !r->depth)
		return 0;
	fs = ~r->nofs & ((1u << r->depth) - 1);
	return fs ? __builtin_ctz(fs) + 1 : 0;
}

static void edge_from(const struct next *n, const struct held *h)
{
	const bool shared = h->how & SP_LOCK_SHARED;

	if (h->class != n->class)
		edge(n, h->class, n->class,
		     (shared ? BY_READER : 0u) |
			     (n->recursive_reader ? TO_RECURSIVE : 0u));
	else if (shared && n->reader ? !n->recursive_reader :
				       h->lock != n->lock)
		recursion(n); /* the same one again is SP_DEADLOCK instead */
}

/*
 * fs_reclaim was taken with the pass, in between what was held before and what
 * was taken since; that is noted only when a lock is taken in it. By index: a
 * hook may take and give locks meanwhile.
 */
static void edges_from_held(const struct next *n)
{
	const struct thread *t = myself();
	const int depth = fs_depth(n->m);
	struct held h;
	size_t i;

	for (i = 0; i < t->nr_held; i++) {
		h = t->held[i];
		if (h.machine_id != n->m->id || !h.class)
			continue;
		if (depth && h.depth < depth && h.class != n->d->fs_reclaim)
			edge(n, h.class, n->d->fs_reclaim,
			     h.how & SP_LOCK_SHARED ? BY_READER : 0u);
		edge_from(n, &h);
	}
	if (depth && n->class != n->d->fs_reclaim)
		edge(n, n->d->fs_reclaim, n->class,
		     n->recursive_reader ? TO_RECURSIVE : 0u);
}

struct lock_class *lockdep_take(struct machine *m, const struct sp_lock *l,
				unsigned int how, int subclass,
				const char *where)
{
	struct next n = { .m = m,
			  .d = lockdep_of(m),
			  .lock = l,
			  .reader = how & SP_LOCK_SHARED,
			  .recursive_reader = how & SP_LOCK_SHARED &&
					      how & SP_LOCK_RECURSIVE,
			  .where = where };

	if (!n.d)
		return NULL;
	n.class = class_of(m, n.d, l, subclass);
	if (n.class && !(how & SP_LOCK_TRY))
		edges_from_held(&n);
	return n.class;
}

/* ---- fs_reclaim -------------------------------------------------------- */

static bool enters_reclaim(struct machine *m, unsigned int gfp_mask)
{
	const unsigned int needs = SP_GFP_FS | SP_GFP_DIRECT_RECLAIM;
	const unsigned int gfp = sp_scoped_gfp(gfp_mask);

	return (gfp & needs) == needs && !(gfp & SP_GFP_NOLOCKDEP) &&
	       !sp_task_reclaims(m);
}

void sp_fs_reclaim_acquire(struct machine *m, unsigned int gfp_mask,
			   const char *where)
{
	struct next n = { .m = m, .where = where };

	if (!enters_reclaim(m, gfp_mask))
		return;
	n.d = lockdep_of(m);
	if (!n.d)
		return;
	n.class = n.d->fs_reclaim;
	edges_from_held(&n);
	if (held_reserve() == SP_OK)
		held_push(m, NULL, n.class, 0, where);
}

void sp_fs_reclaim_release(struct machine *m, unsigned int gfp_mask)
{
	struct held *h;

	if (!enters_reclaim(m, gfp_mask))
		return;
	h = held_find(m, NULL);
	if (h)
		held_remove(h);
}

/* ---- what is freed ----------------------------------------------------- */

static bool lies_in(const void *p, const void *memory, size_t len)
{
	return (uintptr_t)p - (uintptr_t)memory < len;
}

static void freed_while_held(struct machine *m, const struct held *h)
{
	char *stack = stack_here(m, h->where);

	if (!stack)
		return;
	machine_lock(m);
	report_alone(m, REPORT_FREED, h->class, stack);
	machine_unlock(m);
}

static void forget_held(struct machine *m, const void *memory, size_t len)
{
	struct thread *t = myself();
	size_t i = t->nr_held;
	struct held h;

	while (i--) {
		h = t->held[i];
		if (h.machine_id != m->id || !lies_in(h.lock, memory, len))
			continue;
		held_remove(&t->held[i]);
		if (h.class)
			freed_while_held(m, &h);
	}
}

void sp_lock_forget(struct machine *m, const void *memory, size_t len)
{
	struct lockdep *d = LOAD_ACQUIRE(m->lockdep);
	struct lock_class *c;
	size_t i;

	if (!len)
		return;
	forget_held(m, memory, len);
	for (i = 0; d && i < CLASS_CHAINS; i++) {
		for (c = LOAD_ACQUIRE(d->classes[i]); c; c = c->chain) {
			if (lies_in(c->key, memory, len))
				WRITE_ONCE(c->gone, true);
		}
	}
}

/* ---- off, and its end -------------------------------------------------- */

void sp_lockdep_enable(struct machine *m, bool on)
{
	WRITE_ONCE(m->no_lockdep, !on);
}

static void free_classes(struct lock_class *c)
{
	struct lock_class *next;

	for (; c; c = next) {
		next = c->chain;
		free(c->name);
		free(c);
	}
}

static void free_edges(struct lock_edge *e)
{
	struct lock_edge *next;

	for (; e; e = next) {
		next = e->chain;
		free(e->stack);
		free(e);
	}
}

void lockdep_exit(struct machine *m)
{
	struct lockdep *d = m->lockdep;
	size_t i;

	reports_exit(m);

	if (!d)
		return;
	for (i = 0; i < CLASS_CHAINS; i++)
		free_classes(d->classes[i]);
	for (i = 0; i < EDGE_CHAINS; i++)
		free_edges(d->edges[i]);
	free(d);
}
