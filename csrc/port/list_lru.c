// SPDX-License-Identifier: GPL-2.0-only
/*
 * list_lru: lists of items by node and, when memcg-aware, by cgroup; what is
 * done with them under the node's lock. Who has lists is list_lru_memcg.c's.
 */
#include <stdlib.h>

#include "list_lru.h"

/* ---- made and destroyed ------------------------------------------------- */

/* The lowest free id, and its place; under the lock. */
static struct list_node *place_for(struct machine *m, int *id)
{
	struct list_node *pos;

	*id = 0;
	list_for_each (pos, &m->list_lrus) {
		if (container_of(pos, struct sp_list_lru, list)->id != *id)
			break;
		++*id;
	}
	return pos;
}

static void init_nodes(struct sp_list_lru *lru, const void *key)
{
	int nid;

	for (nid = 0; nid < lru->machine->nr_nodes; nid++) {
		struct list_lru_node *node = &lru->node[nid];

		node->lock.kind = SP_LOCK_SPIN;
		node->lock.key = key ? key : lru;
		node->lock.name = "&lru->node[i].lock";
		item_init(&node->lru.list);
	}
}

enum sp_status sp_list_lru_create(struct machine *m, bool memcg_aware,
				  struct shrinker *s, const void *key,
				  struct sp_list_lru **out)
{
	struct sp_list_lru *lru;
	enum sp_status status;

	*out = NULL;
	lru = calloc(1, sizeof(*lru));
	if (!lru)
		return SP_NOMEM;
	lru->machine = m;
	lru->memcg_aware = memcg_aware && m->memcg && READ_ONCE(m->kmem);
	lru->shrinker_id = s ? sp_shrinker_id(s) : -1;
	machine_lock(m);
	status = m->closed ? SP_CLOSED : SP_NOMEM;
	if (!m->closed)
		lru->node =
			site_alloc(m, SP_SITE_LIST_LRU, -1,
				   (size_t)m->nr_nodes * sizeof(*lru->node));
	if (lru->node) {
		init_nodes(lru, key);
		list_add_tail(&lru->list, place_for(m, &lru->id));
		status = SP_OK;
	}
	machine_unlock(m);
	if (status == SP_OK)
		*out = lru;
	else
		free(lru);
	return status;
}

enum sp_status sp_list_lru_destroy(struct sp_list_lru *lru)
{
	enum sp_status status;
	struct machine *m;
	bool items = false;
	int nid;

	if (!lru)
		return SP_OK;
	m = lru->machine;
	machine_lock(m);
	status = lru_wait_for_leavers(lru);
	if (status == SP_OK)
		lru_unlink(lru);
	machine_unlock(m);
	if (status != SP_OK)
		return status;
	for (nid = 0; nid < m->nr_nodes; nid++)
		items = items || sp_list_lru_count_node(lru, nid);
	sp_lock_forget(m, lru, sizeof(*lru));
	sp_lock_forget(m, lru->node, (size_t)m->nr_nodes * sizeof(*lru->node));
	machine_lock(m);
	site_free(m, SP_SITE_LIST_LRU, lru->node);
	machine_unlock(m);
	free(lru);
	return items ? SP_BUSY : SP_OK;
}

/* With the machine: those that nobody destroyed, before its cgroups. */
void list_lru_exit(struct machine *m)
{
	while (!list_empty(&m->list_lrus))
		sp_list_lru_destroy(container_of(m->list_lrus.next,
						 struct sp_list_lru, list));
}

/* In a child of fork: nobody will give back what other threads held. */
void list_lru_forked(struct machine *m)
{
	struct list_node *pos;
	int nid;

	list_for_each (pos, &m->list_lrus) {
		struct sp_list_lru *lru =
			container_of(pos, struct sp_list_lru, list);

		lru->leaving = 0;
		lru->leaver = NULL;
		for (nid = 0; nid < m->nr_nodes; nid++) {
			struct sp_lock *lock = &lru->node[nid].lock;

			if (sp_lock_is_mine(lock))
				continue;
			lock->word = lock->depth = 0;
			lock->owner = NULL;
		}
	}
}

/* ---- add, del ---------------------------------------------------------- */

static bool bad_nid(const struct sp_list_lru *lru, int nid)
{
	return nid < 0 || nid >= lru->machine->nr_nodes;
}

enum sp_status lru_set_bit(struct sp_list_lru *lru, struct mem_cgroup *memcg,
			   int nid, struct sp_reason *reason)
{
	/* Either attach() finds the items, or this finds its shrinker. */
	atomic_thread_fence(memory_order_seq_cst);
	return sp_set_shrinker_bit(lru->machine, memcg, nid,
				   READ_ONCE(lru->shrinker_id), reason);
}

enum sp_status lru_take_node(struct sp_list_lru *lru, int nid,
			     const char *where, struct sp_reason *reason)
{
	struct sp_lock *lock;
	enum sp_status status;

	if (bad_nid(lru, nid))
		return explain(reason, SP_INVAL, NULL, nid, NULL,
			       "a node is 0 to %d, not %d",
			       lru->machine->nr_nodes - 1, nid);
	lock = &lru->node[nid].lock;
	status = sp_lock_take(lru->machine, lock, SP_LOCK_WAIT, 0, where);
	if (status != SP_DEADLOCK)
		return status;
	if (sp_lock_is_mine(lock))
		return explain(reason, status, NULL, nid, NULL,
			       "%s() while this thread holds the lock of the "
			       "node's lists: a walk callback runs under it",
			       where);
	return explain(reason, status, NULL, nid, NULL,
		       "%s(): whoever has the lock of the node's lists, in a "
		       "walk callback, waits, directly or through others, for "
		       "this thread",
		       where);
}

void lru_give_node(struct sp_list_lru *lru, int nid)
{
	sp_lock_give(lru->machine, &lru->node[nid].lock);
}

enum sp_status lru_no_room(struct sp_reason *reason, int nid,
			   const struct mem_cgroup *memcg)
{
	return explain(reason, SP_OOPS, NULL, nid, memcg,
		       "the list_lru has no lists for the cgroup: a NULL "
		       "dereference; call memcg_list_lru_alloc() before");
}

static enum sp_status add_locked(struct sp_list_lru *lru,
				 struct list_head *item, int nid,
				 struct mem_cgroup *memcg,
				 struct sp_reason *reason)
{
	struct list_lru_node *node = &lru->node[nid];
	enum sp_status status = SP_OK;
	struct mem_cgroup *owner;
	struct list_lru_one *l;

	l = find_one(lru, nid, memcg, &owner);
	if (!l)
		return lru_no_room(reason, nid, memcg);
	item_insert(item, l->list.prev, &l->list);
	add_to(&l->nr_items, 1);
	add_to(&node->nr_items, 1);
	/*
	 * After it is counted: a pass clears the bit, then counts again. 6.12
	 * sets that of memcg, not of whose list it is: of a cgroup that went
	 * offline no pass will see it.
	 */
	if (l->nr_items == 1 && lru->memcg_aware)
		status = lru_set_bit(lru, memcg, nid, reason);
	if (status != SP_OK) {
		item_unlink(item);
		item_init(item);
		add_to(&l->nr_items, -1);
		add_to(&node->nr_items, -1);
	}
	return status;
}

enum sp_status sp_list_lru_add(struct sp_list_lru *lru, struct list_head *item,
			       int nid, struct mem_cgroup *memcg, bool *done,
			       struct sp_reason *reason)
{
	enum sp_status status;

	*done = false;
	if (sp_list_lru_closed(lru))
		return SP_CLOSED;
	status = lru_take_node(lru, nid, "list_lru_add", reason);
	if (status != SP_OK)
		return status;
	if (item->next == item) {
		status = add_locked(lru, item, nid, memcg, reason);
		*done = status == SP_OK;
	}
	lru_give_node(lru, nid);
	return status;
}

enum sp_status sp_list_lru_del(struct sp_list_lru *lru, struct list_head *item,
			       int nid, struct mem_cgroup *memcg, bool *done,
			       struct sp_reason *reason)
{
	struct mem_cgroup *owner;
	struct list_lru_one *l;
	enum sp_status status;

	*done = false;
	status = lru_take_node(lru, nid, "list_lru_del", reason);
	if (status != SP_OK)
		return status;
	if (item->next != item) {
		l = find_one(lru, nid, memcg, &owner);
		if (l) {
			sp_list_lru_isolate(l, item);
			add_to(&lru->node[nid].nr_items, -1);
			*done = true;
		} else {
			status = lru_no_room(reason, nid, memcg);
		}
	}
	lru_give_node(lru, nid);
	return status;
}

void sp_list_lru_isolate(struct list_lru_one *list, struct list_head *item)
{
	item_unlink(item);
	item_init(item);
	add_to(&list->nr_items, -1);
}

void sp_list_lru_isolate_move(struct list_lru_one *list, struct list_head *item,
			      struct list_head *head)
{
	item_unlink(item);
	item_insert(item, head, head->next);
	add_to(&list->nr_items, -1);
}

/* ---- counts ------------------------------------------------------------ */

static unsigned long read_count(const long *nr_items)
{
	long n = READ_ONCE(*nr_items);

	return n > 0 ? (unsigned long)n : 0;
}

unsigned long sp_list_lru_count_one(struct sp_list_lru *lru, int nid,
				    struct mem_cgroup *memcg)
{
	struct mem_cgroup *owner;
	struct list_lru_one *l;

	if (bad_nid(lru, nid))
		return 0;
	l = find_one(lru, nid, memcg, &owner);
	return l ? read_count(&l->nr_items) : 0;
}

unsigned long sp_list_lru_count_node(struct sp_list_lru *lru, int nid)
{
	return bad_nid(lru, nid) ? 0 : read_count(&lru->node[nid].nr_items);
}

long sp_list_lru_one_items(const struct list_lru_one *list)
{
	return READ_ONCE(list->nr_items);
}

struct machine *sp_list_lru_machine(const struct sp_list_lru *lru)
{
	return lru->machine;
}

bool sp_list_lru_memcg_aware(const struct sp_list_lru *lru)
{
	return lru->memcg_aware;
}

bool sp_list_lru_closed(const struct sp_list_lru *lru)
{
	return READ_ONCE(lru->machine->closed);
}

/* ---- walks ------------------------------------------------------------- */

struct walk {
	list_lru_walk_cb isolate;
	void *cb_arg;
	unsigned long *nr_to_walk;
	unsigned long *isolated;
};

/*
 * Under the node's lock, which callbacks may have given away and taken again.
 * SP_OOPS: one did not take it again, or gave no status that there is.
 */
static enum sp_status walk_locked(struct list_lru_node *node,
				  struct list_lru_one *l, const struct walk *w)
{
	struct list_head *item = l->list.next, *next;

	/* Emptied into the parent's while the lock was given away: the end. */
	while (item != &l->list && *w->nr_to_walk && !l->dead) {
		enum lru_status said;

		next = item->next;
		--*w->nr_to_walk;
		said = w->isolate(item, l, &node->lock, w->cb_arg);
		if (!sp_lock_is_mine(&node->lock))
			return SP_OOPS;
		switch (said) {
		case LRU_REMOVED:
		case LRU_REMOVED_RETRY:
			++*w->isolated;
			add_to(&node->nr_items, -1);
			break;
		case LRU_ROTATE:
			item_unlink(item);
			item_insert(item, l->list.prev, &l->list);
			break;
		case LRU_SKIP:
		case LRU_RETRY:
			break;
		case LRU_STOP:
			return SP_OK;
		default:
			return SP_OOPS;
		}
		item = said == LRU_REMOVED_RETRY || said == LRU_RETRY ?
			       l->list.next :
			       next;
	}
	return SP_OK;
}

/* own: only a list that is the cgroup's own, not where its items went. */
static enum sp_status walk_memcg(struct sp_list_lru *lru, int nid,
				 struct mem_cgroup *memcg, bool own,
				 const struct walk *w, const char *where)
{
	struct mem_cgroup *owner;
	struct list_lru_one *l;
	enum sp_status status;

	status = lru_take_node(lru, nid, where, NULL);
	if (status != SP_OK)
		return status;
	l = find_one(lru, nid, memcg, &owner);
	if (l && (!own || owner == memcg))
		status = walk_locked(&lru->node[nid], l, w);
	if (sp_lock_is_mine(&lru->node[nid].lock))
		lru_give_node(lru, nid);
	return status;
}

enum sp_status sp_list_lru_walk_one(struct sp_list_lru *lru, int nid,
				    struct mem_cgroup *memcg,
				    list_lru_walk_cb isolate, void *cb_arg,
				    unsigned long *nr_to_walk,
				    unsigned long *isolated)
{
	const struct walk w = { isolate, cb_arg, nr_to_walk, isolated };

	*isolated = 0;
	if (sp_list_lru_closed(lru))
		return SP_CLOSED;
	return walk_memcg(lru, nid, memcg, false, &w, "list_lru_walk_one");
}

enum sp_status sp_list_lru_walk_node(struct sp_list_lru *lru, int nid,
				     list_lru_walk_cb isolate, void *cb_arg,
				     unsigned long *nr_to_walk,
				     unsigned long *isolated)
{
	const struct walk w = { isolate, cb_arg, nr_to_walk, isolated };
	const char *const where = "list_lru_walk_node";
	struct machine *m = lru->machine;
	struct mem_cgroup *memcg = NULL;
	enum sp_status status;

	*isolated = 0;
	if (sp_list_lru_closed(lru))
		return SP_CLOSED;
	status = walk_memcg(lru, nid, NULL, false, &w, where);
	if (!lru->memcg_aware)
		return status;
	while (status == SP_OK && *nr_to_walk &&
	       (memcg = memcg_next_online(m, memcg))) {
		/* The root's was first. No lists, no lock to take. */
		if (lists_of(lru, memcg))
			status = walk_memcg(lru, nid, memcg, true, &w, where);
	}
	sp_memcg_put(memcg);
	return status;
}

/* ---- a shrinker of its own --------------------------------------------- */

enum sp_status sp_list_lru_attach(struct sp_list_lru *lru, struct shrinker *s,
				  struct sp_reason *reason)
{
	struct machine *m = lru->machine;
	struct mem_cgroup *memcg = NULL;
	enum sp_status status = SP_OK;
	struct list_lru_memcg *lists;
	int nid;

	if (s && sp_shrinker_machine(s) != m)
		return explain(reason, SP_INVAL, s, -1, NULL,
			       "the shrinker belongs to another machine");
	/* From now on first items set its bits; those before, here. */
	WRITE_ONCE(lru->shrinker_id, s ? sp_shrinker_id(s) : -1);
	atomic_thread_fence(memory_order_seq_cst);
	while (s && status == SP_OK &&
	       (memcg = sp_memcg_iter(m, NULL, memcg))) {
		lists = lists_of(lru, memcg);
		for (nid = 0; lists && nid < m->nr_nodes; nid++) {
			if (status == SP_OK &&
			    !READ_ONCE(lists->node[nid].dead) &&
			    read_count(&lists->node[nid].nr_items))
				status = lru_set_bit(lru, memcg, nid, reason);
		}
	}
	sp_memcg_put(memcg);
	return status;
}
