// SPDX-License-Identifier: GPL-2.0-only
/* introspect.h, asked of the tree's files. */
#include <stdlib.h>

#include "original.h"

/* ---- shrinkers ------------------------------------------------------------------ */

int sp_peek_nr_max(struct machine *m)
{
	int nr_max;

	machine_lock(m);
	nr_max = tree_nr_max();
	machine_unlock(m);
	return nr_max;
}

size_t sp_peek_list(struct machine *m, unsigned long *serials, size_t max)
{
	void **handles = max ? calloc(max, sizeof(*handles)) : NULL;
	size_t n, i;

	if (!handles)
		max = 0;
	machine_lock(m);
	n = tree_list(handles, max);
	for (i = 0; i < n && i < max; i++)
		serials[i] = ((struct shrinker *)handles[i])->serial;
	machine_unlock(m);
	free(handles);
	return n;
}

static bool read_locked(struct shrinker *s, struct tree_shrinker *twin)
{
	bool is_there;

	machine_lock(s->machine);
	is_there = s->twin;
	if (is_there)
		tree_shrinker_read(s->twin, twin);
	machine_unlock(s->machine);
	return is_there;
}

long sp_peek_refcount(struct shrinker *s)
{
	struct tree_shrinker twin;

	return read_locked(s, &twin) ? twin.refcount : 0;
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

static long *deferred_place(struct shrinker *s, struct mem_cgroup *memcg,
			    int nid)
{
	if (nid < 0 || nid >= s->machine->nr_nodes)
		return NULL;
	if (memcg)
		return tree_deferred(memcg->twin, nid, s->id);
	return nid < sp_peek_nr_own_deferred(s) ? &s->nr_deferred[nid] : NULL;
}

bool sp_peek_deferred(struct shrinker *s, struct mem_cgroup *memcg, int nid,
		      long *value)
{
	long *place;

	machine_lock(s->machine);
	place = deferred_place(s, memcg, nid);
	if (place)
		*value = READ_ONCE(*place);
	machine_unlock(s->machine);
	return place;
}

bool sp_poke_deferred(struct shrinker *s, struct mem_cgroup *memcg, int nid,
		      long value)
{
	long *place;

	machine_lock(s->machine);
	place = deferred_place(s, memcg, nid);
	if (place)
		WRITE_ONCE(*place, value);
	machine_unlock(s->machine);
	return place;
}

void sp_poke_flags(struct shrinker *s, unsigned int clear, unsigned int set)
{
	machine_lock(s->machine);
	s->flags = (s->flags & ~clear) | set;
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
	const unsigned long *map;
	bool set;

	machine_lock(memcg->machine);
	map = tree_map(memcg->twin, nid, id);
	set = map && (READ_ONCE(*map) >> id % SHRINKER_UNIT_BITS) & 1;
	machine_unlock(memcg->machine);
	return set;
}

bool sp_peek_unit_deferred(struct mem_cgroup *memcg, int nid, int id,
			   long *value)
{
	long *place;

	machine_lock(memcg->machine);
	place = tree_deferred(memcg->twin, nid, id);
	if (place)
		*value = READ_ONCE(*place);
	machine_unlock(memcg->machine);
	return place;
}
