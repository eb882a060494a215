// SPDX-License-Identifier: GPL-2.0-only
/* The cgroup tree: who is whose child, online or not, and until when. */
#include <stdlib.h>

#include "internal.h"
#include "mm.h"

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

struct mem_cgroup *memcg_next_online(struct machine *m, struct mem_cgroup *prev)
{
	struct mem_cgroup *next = NULL;
	struct list_node *pos;

	machine_lock(m);
	pos = prev ? prev->by_id.next : m->memcgs.next;
	if (pos != &m->memcgs) {
		next = container_of(pos, struct mem_cgroup, by_id);
		sp_memcg_get(next);
	}
	machine_unlock(m);
	if (prev)
		sp_memcg_put(prev);
	return next;
}

/* ---- a cgroup's life --------------------------------------------------- */

enum sp_status sp_memcg_create(struct machine *m, struct mem_cgroup *parent,
			       unsigned long ino, struct mem_cgroup **out)
{
	struct mem_cgroup *memcg;
	enum sp_status status;

	*out = NULL;
	memcg = calloc(1, sizeof(*memcg) +
				  (size_t)m->nr_nodes * sizeof(memcg->info[0]));
	if (!memcg)
		return SP_NOMEM;
	machine_lock(m);
	memcg->machine = m;
	memcg->parent = parent;
	if (m->closed)
		status = SP_CLOSED;
	else if (!parent && m->root)
		status = SP_EXIST;
	else
		status = mm_memcg_create(memcg);
	if (status != SP_OK) {
		machine_unlock(m);
		free(memcg);
		return status;
	}
	memcg->refs = 1;
	memcg->ino = ino ? ino : m->next_ino;
	if (memcg->ino >= m->next_ino)
		m->next_ino = memcg->ino + 1;
	list_init(&memcg->children);
	list_init(&memcg->by_id);
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
	if (!mm_is_there(m))
		status = SP_CLOSED;
	else if (mm_map_nr_max(memcg, 0) < 0)
		status = mm_memcg_online(memcg);
	if (status == SP_OK) {
		sp_memcg_get(memcg); /* until offline */
		list_add_tail(&memcg->by_id, &m->memcgs);
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
	int nr_max;

	machine_lock(m);
	parent = memcg->parent ? memcg->parent : m->root;
	/* The parent's is looked at for each count: there may be none. */
	nr_max = mm_map_nr_max(memcg, 0);
	oops = mm_is_there(m) &&
	       (nr_max < 0 || (nr_max && mm_map_nr_max(parent, 0) < 0));
	machine_unlock(m);
	if (oops)
		return explain(reason, SP_OOPS, NULL, 0, memcg,
			       "reparenting deferred work %s a cgroup that "
			       "has no shrinker_info: a NULL dereference",
			       nr_max < 0 ? "of" : "to");
	status = list_lru_reparent(memcg, reason);
	if (status != SP_OK)
		return status;
	machine_lock(m);
	was_online = memcg->online; /* of several threads, one finds it so */
	if (was_online)
		mm_memcg_offline(memcg, parent);
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

	(void)m;
	mm_memcg_free(memcg);
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
		list_del(&memcg->by_id);
		m->nr_memcgs--;
		mm_memcg_release(memcg);
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
		list_del(&memcg->by_id);
		mm_memcg_release(memcg);
		limbo_add(m, &memcg->limbo, free_memcg);
	}
	machine_unlock(m);
}

/* ---- what the kernel would not survive, in words ------------------------ */

enum sp_status explain_no_info(struct sp_reason *reason, int nid,
			       const struct mem_cgroup *memcg)
{
	return explain(reason, SP_OOPS, NULL, nid, memcg,
		       "set_shrinker_bit() on a cgroup that has no "
		       "shrinker_info: a NULL dereference");
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
