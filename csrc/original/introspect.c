// SPDX-License-Identifier: GPL-2.0-only
/*
 * introspect.h, asked of the tree's files. What they left in a state that
 * cannot be read is answered as if it were not there.
 */
#include <stdlib.h>

#include "original.h"

/* ---- a look, under the lock ------------------------------------------------ */

static enum sp_status look(struct machine *m, void (*fn)(struct tree_call *),
			   struct tree_call *c)
{
	enum sp_status status = SP_CLOSED;

	machine_lock(m);
	if (has_globals(m))
		status = look_at_tree(fn, c);
	machine_unlock(m);
	return status;
}

static void do_nr_max(struct tree_call *c)
{
	c->ret = tree_nr_max();
}

static void do_list(struct tree_call *c)
{
	c->ret = (long)tree_list(c->out, c->len);
}

static void do_read(struct tree_call *c)
{
	tree_shrinker_read(c->twin, c->out);
}

static void do_get_own(struct tree_call *c)
{
	struct tree_shrinker twin;

	tree_shrinker_read(c->twin, &twin);
	*(long *)c->out = READ_ONCE(twin.nr_deferred[c->nid]);
	c->ret = true;
}

static void do_set_own(struct tree_call *c)
{
	struct tree_shrinker twin;

	tree_shrinker_read(c->twin, &twin);
	WRITE_ONCE(twin.nr_deferred[c->nid], *(long *)c->out);
	c->ret = true;
}

static void do_get_deferred(struct tree_call *c)
{
	c->ret = tree_deferred(c->twin, c->nid, c->id, c->out);
}

static void do_set_deferred(struct tree_call *c)
{
	c->ret = tree_set_deferred(c->twin, c->nid, c->id, *(long *)c->out);
}

static void do_bit(struct tree_call *c)
{
	c->ret = tree_bit(c->twin, c->nid, c->id);
}

/* ---- shrinkers ------------------------------------------------------------------ */

int sp_peek_nr_max(struct machine *m)
{
	struct tree_call c = { 0 };

	look(m, do_nr_max, &c);
	return (int)c.ret;
}

size_t sp_peek_list(struct machine *m, unsigned long *serials, size_t max)
{
	void **handles = max ? calloc(max, sizeof(*handles)) : NULL;
	struct tree_call c = { .out = handles, .len = handles ? max : 0 };
	size_t i;

	look(m, do_list, &c);
	for (i = 0; i < (size_t)c.ret && i < c.len; i++)
		serials[i] = ((struct shrinker *)handles[i])->serial;
	free(handles);
	return (size_t)c.ret;
}

long sp_peek_refcount(struct shrinker *s)
{
	struct tree_shrinker twin = { 0 };
	struct tree_call c = { .twin = s->twin, .out = &twin };

	if (s->twin)
		look(s->machine, do_read, &c);
	/* A free that waits for callbacks has yet to call the tree's. */
	return twin.refcount - (s->base_ref && !READ_ONCE(s->callable));
}

bool sp_peek_membarrier(struct machine *m)
{
	return m->asym;
}

unsigned long sp_peek_leaked(struct shrinker *s)
{
	return READ_ONCE(s->leaked);
}

int sp_peek_debugfs_id(struct shrinker *s)
{
	return s->debugfs_id;
}

int sp_peek_nr_own_deferred(struct shrinker *s)
{
	if (!s->nr_deferred)
		return 0;
	return s->flags & SHRINKER_NUMA_AWARE ? s->machine->nr_nodes : 1;
}

/* Where the counter is: fn of the shrinker's own, or of the cgroup's. */
static bool at_deferred(struct shrinker *s, struct mem_cgroup *memcg, int nid,
			long *value, void (*own)(struct tree_call *),
			void (*of_memcg)(struct tree_call *))
{
	struct tree_call c = { .twin = memcg ? memcg->twin : s->twin,
			       .nid = nid,
			       .id = s->id,
			       .out = value };

	if (nid < 0 || nid >= s->machine->nr_nodes ||
	    (!memcg && nid >= sp_peek_nr_own_deferred(s)))
		return false;
	look(s->machine, memcg ? of_memcg : own, &c);
	return c.ret;
}

bool sp_peek_deferred(struct shrinker *s, struct mem_cgroup *memcg, int nid,
		      long *value)
{
	return at_deferred(s, memcg, nid, value, do_get_own, do_get_deferred);
}

bool sp_poke_deferred(struct shrinker *s, struct mem_cgroup *memcg, int nid,
		      long value)
{
	return at_deferred(s, memcg, nid, &value, do_set_own, do_set_deferred);
}

void sp_poke_flags(struct shrinker *s, unsigned int clear, unsigned int set)
{
	machine_lock(s->machine);
	s->flags = (s->flags & ~clear) | set;
	if (s->twin && has_globals(s->machine))
		tree_shrinker_set_flags(s->twin, s->flags);
	machine_unlock(s->machine);
}

/* ---- cgroups ---------------------------------------------------------------------- */

int sp_peek_map_nr_max(struct mem_cgroup *memcg, int nid)
{
	int nr_max;

	machine_lock(memcg->machine);
	nr_max = mm_map_nr_max(memcg, nid);
	machine_unlock(memcg->machine);
	return nr_max;
}

bool sp_peek_bit(struct mem_cgroup *memcg, int nid, int id)
{
	struct tree_call c = { .twin = memcg->twin, .nid = nid, .id = id };

	look(memcg->machine, do_bit, &c);
	return c.ret;
}

bool sp_peek_unit_deferred(struct mem_cgroup *memcg, int nid, int id,
			   long *value)
{
	struct tree_call c = {
		.twin = memcg->twin, .nid = nid, .id = id, .out = value
	};

	look(memcg->machine, do_get_deferred, &c);
	return c.ret;
}
