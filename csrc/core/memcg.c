// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cgroup tree, and what each cgroup knows of shrinkers: shrinker_info.
 *
 * An info is replaced by a larger one when ids grow; its units (the bits and
 * deferred counts themselves) move over. Both go through limbo.
 */
#include <stdlib.h>

#include "arith.h"
#include "internal.h"

/* ---- the tree ---------------------------------------------------------- */

static struct mem_cgroup *sibling_of(struct list_node *n)
{
	return container_of(n, struct mem_cgroup, sibling);
}

/* Pre-order below top, under the lock; pos NULL starts, NULL ends. */
struct mem_cgroup *memcg_next(struct mem_cgroup *top, struct mem_cgroup *pos)
{
	if (!pos)
		return top;
	if (!list_empty(&pos->children))
		return sibling_of(pos->children.next);
	while (pos != top) {
		if (pos->sibling.next != &pos->parent->children)
			return sibling_of(pos->sibling.next);
		pos = pos->parent;
	}
	return NULL;
}

struct mem_cgroup *sp_memcg_iter(struct machine *m, struct mem_cgroup *top,
				 struct mem_cgroup *prev)
{
	struct mem_cgroup *next;

	machine_lock(m);
	if (!top)
		top = m->root;
	next = top ? memcg_next(top, prev) : NULL;
	if (next)
		sp_memcg_get(next);
	machine_unlock(m);
	if (prev)
		sp_memcg_put(prev);
	return next;
}

/* ---- shrinker_info ----------------------------------------------------- */

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

/* Makes room for id everywhere; a failure keeps what has grown already. */
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

static void free_shrinker_info(struct mem_cgroup *memcg)
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

static enum sp_status alloc_shrinker_info(struct mem_cgroup *memcg)
{
	struct machine *m = memcg->machine;
	struct shrinker_info *info;
	int nid;

	for (nid = 0; nid < m->nr_nodes; nid++) {
		info = make_info(m, nid, m->nr_max, NULL);
		if (!info) {
			free_shrinker_info(memcg);
			return SP_NOMEM;
		}
		STORE_RELEASE(memcg->info[nid], info);
	}
	return SP_OK;
}

/* The child keeps its counts, and its bits are not handed on. */
static void reparent_shrinker_deferred(struct mem_cgroup *memcg,
				       struct mem_cgroup *parent)
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

/* ---- a cgroup's life --------------------------------------------------- */

enum sp_status sp_memcg_create(struct machine *m, struct mem_cgroup *parent,
			       unsigned long ino, struct mem_cgroup **out)
{
	struct mem_cgroup *memcg;

	*out = NULL;
	memcg = calloc(1, sizeof(*memcg) +
				  (size_t)m->nr_nodes * sizeof(memcg->info[0]));
	if (!memcg)
		return SP_NOMEM;
	machine_lock(m);
	if (m->closed || (!parent && m->root)) {
		machine_unlock(m);
		free(memcg);
		return m->closed ? SP_CLOSED : SP_EXIST;
	}
	memcg->machine = m;
	memcg->refs = 1;
	memcg->parent = parent;
	memcg->ino = ino ? ino : m->next_ino;
	if (memcg->ino >= m->next_ino)
		m->next_ino = memcg->ino + 1;
	list_init(&memcg->children);
	m->nr_memcgs++;
	if (parent) {
		sp_memcg_get(parent);
		list_add_tail(&memcg->sibling, &parent->children);
	} else {
		list_init(&memcg->sibling);
		STORE_RELEASE(m->root, memcg);
	}
	machine_unlock(m);
	*out = memcg;
	return SP_OK;
}

enum sp_status sp_memcg_online(struct mem_cgroup *memcg)
{
	struct machine *m = memcg->machine;
	enum sp_status status = SP_BUSY;

	machine_lock(m);
	if (!memcg->info[0])
		status = alloc_shrinker_info(memcg);
	if (status == SP_OK) {
		sp_memcg_get(memcg); /* until offline */
		STORE_RELEASE(memcg->takes_items, true);
		STORE_RELEASE(memcg->online, true);
	}
	limbo_drain_lazily(m);
	machine_unlock(m);
	return status;
}

enum sp_status sp_memcg_offline(struct mem_cgroup *memcg,
				struct sp_reason *reason)
{
	struct machine *m = memcg->machine;
	struct mem_cgroup *parent;
	enum sp_status status;
	bool was_online, oops;

	machine_lock(m);
	parent = memcg->parent ? memcg->parent : m->root;
	/* The parent's is looked at for each count: there may be none. */
	oops = !memcg->info[0] ||
	       (!parent->info[0] && memcg->info[0]->map_nr_max);
	machine_unlock(m);
	if (oops)
		return explain(reason, SP_OOPS, NULL, 0, memcg,
			       "reparenting deferred work %s a cgroup that "
			       "has no shrinker_info: a NULL dereference",
			       memcg->info[0] ? "to" : "of");
	status = list_lru_reparent(memcg, reason);
	if (status != SP_OK)
		return status;
	machine_lock(m);
	was_online = memcg->online; /* of several threads, one finds it so */
	if (was_online)
		reparent_shrinker_deferred(memcg, parent);
	STORE_RELEASE(memcg->online, false);
	machine_unlock(m);
	if (was_online)
		sp_memcg_put(memcg);
	return SP_OK;
}

void sp_memcg_get(struct mem_cgroup *memcg)
{
	ADD_RELAXED(memcg->refs, 1ul);
}

static void free_memcg(struct machine *m, struct limbo *l)
{
	struct mem_cgroup *memcg = container_of(l, struct mem_cgroup, limbo);

	list_lru_forget(m, memcg);
	free(memcg);
}

static bool drop_ref(struct mem_cgroup *memcg)
{
	return __atomic_sub_fetch(&memcg->refs, 1, __ATOMIC_ACQ_REL) == 0;
}

void sp_memcg_put(struct mem_cgroup *memcg)
{
	struct machine *m;

	if (!memcg)
		return;
	m = memcg->machine;
	machine_lock(m);
	/* A child holds its parent: the last one may take a chain along. */
	while (memcg && drop_ref(memcg)) {
		struct mem_cgroup *parent = memcg->parent;

		if (parent)
			list_del(&memcg->sibling);
		else
			STORE_RELEASE(m->root, NULL);
		m->nr_memcgs--;
		free_shrinker_info(memcg);
		limbo_add(m, &memcg->limbo, free_memcg);
		memcg = parent;
	}
	limbo_drain_lazily(m);
	machine_unlock(m);
}

enum sp_status memcg_init(struct machine *m, const struct sp_config *config)
{
	struct mem_cgroup *root;
	enum sp_status status;

	if (config->root == SP_ROOT_NONE)
		return SP_OK;
	status = sp_memcg_create(m, NULL, 0, &root);
	if (status == SP_OK && config->root == SP_ROOT_ONLINE) {
		status = sp_memcg_online(root);
		if (status != SP_OK)
			sp_memcg_put(root);
	}
	return status;
}

/* Those that nobody removed; references on them are worth nothing now. */
void memcg_exit(struct machine *m)
{
	struct mem_cgroup *memcg;

	machine_lock(m);
	while ((memcg = m->root)) {
		while (!list_empty(&memcg->children))
			memcg = sibling_of(memcg->children.next);
		if (memcg->parent)
			list_del(&memcg->sibling);
		else
			m->root = NULL;
		free_shrinker_info(memcg);
		limbo_add(m, &memcg->limbo, free_memcg);
	}
	machine_unlock(m);
}

/* ---- asked ------------------------------------------------------------- */

struct mem_cgroup *sp_memcg_root(struct machine *m)
{
	return READ_ONCE(m->root);
}

struct mem_cgroup *sp_memcg_parent(const struct mem_cgroup *memcg)
{
	return memcg->parent;
}

bool sp_memcg_is_online(const struct mem_cgroup *memcg)
{
	return READ_ONCE(memcg->online);
}

unsigned long sp_memcg_ino(const struct mem_cgroup *memcg)
{
	return memcg->ino;
}

void sp_memcg_set_private(struct mem_cgroup *memcg, void *data)
{
	memcg->private_data = data;
}

void *sp_memcg_private(const struct mem_cgroup *memcg)
{
	return memcg->private_data;
}

/* In a pass, or under the lock: the info may be replaced. */
static enum sp_status set_bit_of(struct mem_cgroup *memcg, int nid, int id,
				 struct sp_reason *reason)
{
	struct shrinker_info *info = memcg_info(memcg, nid);
	unsigned long *map;

	if (!info)
		return explain(reason, SP_OOPS, NULL, nid, memcg,
			       "set_shrinker_bit() on a cgroup that has no "
			       "shrinker_info: a NULL dereference");
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
