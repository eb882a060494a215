// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/shrinker.c: what a cgroup knows of shrinkers, a shrinker_info a node.
 *
 * An info is replaced by a larger one when ids grow; its units (the bits and
 * deferred counts themselves) move over. Both go through limbo.
 */
#include "arith.h"
#include "port.h"

enum sp_status mm_memcg_create(struct mem_cgroup *memcg)
{
	(void)memcg; /* all zeros: no info yet */
	return SP_OK;
}

void mm_memcg_free(struct mem_cgroup *memcg)
{
	list_lru_forget(memcg->machine, memcg);
}

int mm_map_nr_max(struct mem_cgroup *memcg, int nid)
{
	const struct shrinker_info *info = memcg_info(memcg, nid);

	return info ? info->map_nr_max : -1;
}

struct shrinker_info *memcg_info(struct mem_cgroup *memcg, int nid)
{
	return LOAD_ACQUIRE(memcg->info[nid]);
}

struct shrinker_info_unit *unit_of(struct mem_cgroup *memcg, int nid, int id)
{
	struct shrinker_info *info = memcg_info(memcg, nid);

	if (!info || id < 0 || id >= info->map_nr_max)
		return NULL;
	return info->unit[id / SHRINKER_UNIT_BITS];
}

long *memcg_deferred(struct mem_cgroup *memcg, int nid, int id)
{
	struct shrinker_info_unit *unit = unit_of(memcg, nid, id);

	return unit ? &unit->nr_deferred[id % SHRINKER_UNIT_BITS] : NULL;
}

static void free_info_struct(struct machine *m, struct limbo *l)
{
	site_free(m, SP_SITE_INFO,
		  container_of(l, struct shrinker_info, limbo));
}

static void free_unit(struct machine *m, struct limbo *l)
{
	site_free(m, SP_SITE_UNIT,
		  container_of(l, struct shrinker_info_unit, limbo));
}

/* Of an info that nobody has seen yet, the units from first on and itself. */
static void discard_info(struct machine *m, struct shrinker_info *info,
			 int first, int nr_units)
{
	while (nr_units-- > first)
		site_free(m, SP_SITE_UNIT, info->unit[nr_units]);
	site_free(m, SP_SITE_INFO, info);
}

/*
 * One for nr_max ids, with the units of old and new ones for the rest; in the
 * kernel's order of allocations.
 */
static struct shrinker_info *make_info(struct machine *m, int nid, int nr_max,
				       const struct shrinker_info *old)
{
	int i, nr_old = old ? old->map_nr_max / SHRINKER_UNIT_BITS : 0;
	int nr_units = nr_max / SHRINKER_UNIT_BITS;
	struct shrinker_info *info;

	info = site_alloc(m, SP_SITE_INFO, nid,
			  sizeof(*info) +
				  (size_t)nr_units * sizeof(info->unit[0]));
	if (!info)
		return NULL;
	info->map_nr_max = nr_max;
	for (i = 0; i < nr_units; i++) {
		info->unit[i] = i < nr_old ? old->unit[i] :
					     site_alloc(m, SP_SITE_UNIT, nid,
							sizeof(*info->unit[i]));
		if (!info->unit[i]) {
			discard_info(m, info, nr_old, i);
			return NULL;
		}
	}
	return info;
}

static enum sp_status expand_one(struct mem_cgroup *memcg, int nr_max)
{
	struct machine *m = memcg->machine;
	struct shrinker_info *info, *old;
	int nid;

	for (nid = 0; nid < m->nr_nodes; nid++) {
		old = memcg->info[nid];
		if (!old)
			return SP_OK; /* it has none, or all */
		if (old->map_nr_max >= nr_max)
			continue;
		info = make_info(m, nid, nr_max, old);
		if (!info)
			return SP_NOMEM;
		STORE_RELEASE(memcg->info[nid], info);
		limbo_add(m, &old->limbo, free_info_struct);
	}
	return SP_OK;
}

enum sp_status expand_shrinker_info(struct machine *m, int id)
{
	const int nr_max = sp_nr_max_for(id);
	struct mem_cgroup *memcg = NULL;
	enum sp_status status;

	while (m->root && (memcg = memcg_next(m->root, memcg))) {
		status = expand_one(memcg, nr_max);
		if (status != SP_OK)
			return status;
	}
	WRITE_ONCE(m->nr_max, nr_max);
	return SP_OK;
}

void mm_memcg_release(struct mem_cgroup *memcg)
{
	struct machine *m = memcg->machine;
	struct shrinker_info *info;
	int nid, i;

	for (nid = 0; nid < m->nr_nodes; nid++) {
		info = memcg->info[nid];
		if (!info)
			continue;
		STORE_RELEASE(memcg->info[nid], NULL);
		for (i = 0; i < info->map_nr_max / SHRINKER_UNIT_BITS; i++)
			limbo_add(m, &info->unit[i]->limbo, free_unit);
		limbo_add(m, &info->limbo, free_info_struct);
	}
}

enum sp_status mm_memcg_online(struct mem_cgroup *memcg)
{
	struct machine *m = memcg->machine;
	struct shrinker_info *info;
	int nid;

	for (nid = 0; nid < m->nr_nodes; nid++) {
		info = make_info(m, nid, m->nr_max, NULL);
		if (!info) {
			mm_memcg_release(memcg);
			return SP_NOMEM;
		}
		STORE_RELEASE(memcg->info[nid], info);
	}
	return SP_OK;
}

/* The child keeps its counts, and its bits are not handed on. */
void mm_memcg_offline(struct mem_cgroup *memcg, struct mem_cgroup *parent)
{
	int nid, id;

	for (nid = 0; nid < memcg->machine->nr_nodes; nid++) {
		for (id = 0; id < memcg->info[nid]->map_nr_max; id++) {
			long nr = READ_ONCE(*memcg_deferred(memcg, nid, id));
			long *to = memcg_deferred(parent, nid, id);

			if (nr && to)
				ADD_RELAXED(*to, nr);
		}
	}
}

/* ---- the bit of a shrinker --------------------------------------------- */

/* In a pass, or under the lock: the info may be replaced. */
static enum sp_status set_bit_of(struct mem_cgroup *memcg, int nid, int id,
				 struct sp_reason *reason)
{
	struct shrinker_info *info = memcg_info(memcg, nid);
	unsigned long *map;

	if (!info)
		return explain_no_info(reason, nid, memcg);
	if (id >= info->map_nr_max)
		return SP_INVAL;
	/* Its barrier pairs with the one of the pass's clear_bit(). */
	map = &info->unit[id / SHRINKER_UNIT_BITS]->map;
	__atomic_fetch_or(map, 1ul << id % SHRINKER_UNIT_BITS,
			  __ATOMIC_SEQ_CST);
	return SP_OK;
}

enum sp_status sp_set_shrinker_bit(struct machine *m, struct mem_cgroup *memcg,
				   int nid, int id, struct sp_reason *reason)
{
	enum sp_status status;

	if (id < 0 || !memcg || memcg == READ_ONCE(m->root))
		return SP_OK;
	if (nid < 0 || nid >= m->nr_nodes)
		return SP_INVAL;
	if (sp_pass_depth(m)) {
		status = set_bit_of(memcg, nid, id, reason);
		if (status != SP_INVAL)
			return status;
	}
	machine_lock(m);
	status = set_bit_of(memcg, nid, id, reason);
	if (status == SP_INVAL) {
		warn(m, SP_WARN, "shrinker_id >= info->map_nr_max",
		     "id %d, map_nr_max %d, cgroup %lu, node %d", id,
		     memcg_info(memcg, nid)->map_nr_max, memcg->ino, nid);
		status = SP_OK;
	}
	machine_unlock(m);
	return status;
}
