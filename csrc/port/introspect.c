// SPDX-License-Identifier: GPL-2.0-only
/* What tests see and change behind the core's back: introspect.h. */
#include "port.h"

/* ---- shrinkers --------------------------------------------------------- */

int sp_peek_nr_max(struct machine *m)
{
	return READ_ONCE(m->nr_max);
}

size_t sp_peek_list(struct machine *m, unsigned long *serials, size_t max)
{
	struct list_node *pos;
	size_t n = 0;

	machine_lock(m);
	list_for_each (pos, &m->shrinker_list) {
		if (n < max)
			serials[n] = container_of(pos, struct shrinker, list)
					     ->serial;
		n++;
	}
	machine_unlock(m);
	return n;
}

long sp_peek_refcount(struct shrinker *s)
{
	struct machine *m = s->machine;
	const struct reclaimer *r;
	long count;
	int i;

	machine_lock(m);
	count = (s->base_ref && s->callable) + (long)s->leaked;
	for (r = m->reclaimers; r; r = r->next) {
		for (i = 0; i < SP_MAX_DEPTH; i++)
			count += READ_ONCE(r->slot[i]) == s;
	}
	machine_unlock(m);
	return count;
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
		return memcg_deferred(memcg, nid, s->id);
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
	return place != NULL;
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
	return place != NULL;
}

void sp_poke_flags(struct shrinker *s, unsigned int clear, unsigned int set)
{
	machine_lock(s->machine);
	s->flags = (s->flags & ~clear) | set;
	machine_unlock(s->machine);
}

/* ---- cgroups ----------------------------------------------------------- */

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
	struct shrinker_info_unit *unit;
	bool set;

	machine_lock(memcg->machine);
	unit = unit_of(memcg, nid, id);
	set = unit && (READ_ONCE(unit->map) >> id % SHRINKER_UNIT_BITS) & 1;
	machine_unlock(memcg->machine);
	return set;
}

bool sp_peek_unit_deferred(struct mem_cgroup *memcg, int nid, int id,
			   long *value)
{
	long *place;

	machine_lock(memcg->machine);
	place = memcg_deferred(memcg, nid, id);
	if (place)
		*value = READ_ONCE(*place);
	machine_unlock(memcg->machine);
	return place != NULL;
}
