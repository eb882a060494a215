// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which cgroup has lists of which list_lru: room that is made for it and for
 * its ancestors, lists that go with their lru or with their cgroup, items that
 * go to the parent. Under machine->lock, but for the items.
 */
#include <stdlib.h>

#include "list_lru.h"

/* ---- room for a cgroup ------------------------------------------------- */

/* Room for the pointer; a piece of bookkeeping that the kernel has not. */
static struct list_lru_memcg **slot_of(const struct sp_list_lru *lru,
				       struct mem_cgroup *memcg)
{
	unsigned int slot, part = part_of(lru->id, &slot);
	struct list_lru_memcg **slots = memcg->lru_part[part];

	if (!slots) {
		slots = calloc(part_size(part), sizeof(*slots));
		if (!slots)
			return NULL;
		STORE_RELEASE(memcg->lru_part[part], slots);
	}
	return &slots[slot];
}

static bool has_room(const struct sp_list_lru *lru, struct mem_cgroup *memcg)
{
	return !LOAD_ACQUIRE(memcg->takes_items) || lists_of(lru, memcg);
}

static struct list_lru_memcg *make_lists(struct sp_list_lru *lru,
					 struct mem_cgroup *memcg)
{
	struct machine *m = lru->machine;
	struct list_lru_memcg *lists;
	int nid;

	if (!slot_of(lru, memcg))
		return NULL;
	lists = site_alloc(m, SP_SITE_LIST_LRU, -1,
			   sizeof(*lists) + (size_t)m->nr_nodes *
						    sizeof(lists->node[0]));
	if (!lists)
		return NULL;
	lists->memcg = memcg;
	for (nid = 0; nid < m->nr_nodes; nid++)
		item_init(&lists->node[nid].list);
	return lists;
}

/* All of them, or none: the first to be seen may be used at once. */
static enum sp_status make_room(struct sp_list_lru *lru,
				struct mem_cgroup *memcg)
{
	struct list_lru_memcg *made = NULL, *lists, *next;
	struct machine *m = lru->machine;
	enum sp_status status = SP_OK;

	for (; memcg && memcg != m->root && status == SP_OK;
	     memcg = memcg->parent) {
		if (has_room(lru, memcg))
			continue;
		lists = make_lists(lru, memcg);
		if (lists) {
			lists->next = made;
			made = lists;
		} else {
			status = SP_NOMEM;
		}
	}
	/* Ancestors first: whoever sees one may need theirs. */
	for (lists = made; lists; lists = next) {
		next = lists->next;
		if (status == SP_OK)
			STORE_RELEASE(*slot_of(lru, lists->memcg), lists);
		else
			site_free(m, SP_SITE_LIST_LRU, lists);
	}
	return status;
}

/* Who has lists has them for all ancestors too; who went offline needs none. */
static bool is_prepared(const struct sp_list_lru *lru, struct mem_cgroup *memcg)
{
	const struct mem_cgroup *root = READ_ONCE(lru->machine->root);

	for (; memcg && memcg != root; memcg = memcg->parent) {
		if (LOAD_ACQUIRE(memcg->takes_items))
			return lists_of(lru, memcg);
	}
	return true;
}

enum sp_status sp_list_lru_prepare(struct sp_list_lru *lru,
				   struct mem_cgroup *memcg)
{
	struct machine *m = lru->machine;
	enum sp_status status;

	if (sp_list_lru_closed(lru))
		return SP_CLOSED;
	if (!lru->memcg_aware || is_prepared(lru, memcg))
		return SP_OK;
	machine_lock(m);
	status = m->closed ? SP_CLOSED : make_room(lru, memcg);
	machine_unlock(m);
	return status;
}

/* ---- lists that go ------------------------------------------------------ */

void lru_unlink(struct sp_list_lru *lru)
{
	struct machine *m = lru->machine;
	struct mem_cgroup *memcg = NULL;

	while (m->root && (memcg = memcg_next(m->root, memcg))) {
		unsigned int slot, part = part_of(lru->id, &slot);
		struct list_lru_memcg **slots = memcg->lru_part[part];

		if (!slots)
			continue;
		site_free(m, SP_SITE_LIST_LRU, slots[slot]);
		STORE_RELEASE(slots[slot], NULL);
	}
	list_del(&lru->list);
}

/* With the cgroup's memory. */
void list_lru_forget(struct machine *m, struct mem_cgroup *memcg)
{
	unsigned int part;
	size_t slot;

	for (part = 0; part < SP_LRU_PARTS; part++) {
		struct list_lru_memcg **slots = memcg->lru_part[part];

		for (slot = 0; slots && slot < part_size(part); slot++)
			site_free(m, SP_SITE_LIST_LRU, slots[slot]);
		free(slots);
	}
}

/* ---- a cgroup goes offline --------------------------------------------- */

/*
 * Whoever frees items when it is destroyed frees what a cgroup that hands them
 * over writes to: that is waited for, as by list_lrus_mutex in the kernel. It
 * ends by itself, and a finalizer may be waiting: no hook gives it up.
 */
enum sp_status lru_wait_for_leavers(struct sp_list_lru *lru)
{
	const struct wait leaver = { .named = &lru->leaver };

	while (lru->leaving) {
		if (!machine_doze(lru->machine, &leaver))
			return SP_DEADLOCK;
	}
	return SP_OK;
}

/* Under the lock: a cgroup hands nothing of it over any more. */
static void left_lru(struct sp_list_lru *lru)
{
	if (--lru->leaving == 0) {
		WRITE_ONCE(lru->leaver, NULL);
		machine_wake(lru->machine);
	}
}

/* The next that has lists of memcg, kept from being destroyed; prev no more. */
static struct sp_list_lru *next_lru(struct machine *m, struct mem_cgroup *memcg,
				    struct sp_list_lru *prev)
{
	struct sp_list_lru *lru, *found = NULL;
	const int after = prev ? prev->id : -1;
	struct list_node *pos;

	machine_lock(m);
	list_for_each (pos, &m->list_lrus) {
		lru = container_of(pos, struct sp_list_lru, list);
		if (lru->id > after && lists_of(lru, memcg)) {
			found = lru;
			found->leaving++;
			WRITE_ONCE(found->leaver, this_thread());
			break;
		}
	}
	if (prev)
		left_lru(prev);
	machine_unlock(m);
	return found;
}

static bool holds_a_node(struct machine *m, int *nid)
{
	struct list_node *pos;

	list_for_each (pos, &m->list_lrus) {
		struct sp_list_lru *lru =
			container_of(pos, struct sp_list_lru, list);

		for (*nid = 0; *nid < m->nr_nodes; ++*nid) {
			if (sp_lock_is_mine(&lru->node[*nid].lock))
				return true;
		}
	}
	return false;
}

/* All of from, in its order, before what to has. */
static void splice(struct list_lru_one *from, struct list_lru_one *to)
{
	struct list_head *first = from->list.next, *last = from->list.prev;

	if (first == &from->list)
		return;
	last->next = to->list.next;
	to->list.next->prev = last;
	to->list.next = first;
	first->prev = &to->list;
	item_init(&from->list);
}

static enum sp_status hand_over(struct sp_list_lru *lru, int nid,
				struct mem_cgroup *memcg,
				struct list_lru_one *from,
				struct sp_reason *reason)
{
	struct mem_cgroup *owner;
	enum sp_status status;
	struct list_lru_one *to;
	long n;

	status = lru_take_node(lru, nid, "memcg_reparent_list_lrus", reason);
	if (status != SP_OK)
		return status;
	n = from->nr_items;
	to = find_one(lru, nid, memcg->parent, &owner);
	if (!from->dead && !to) {
		status = lru_no_room(reason, nid, memcg->parent);
	} else if (!from->dead) {
		splice(from, to);
		add_to(&to->nr_items, n);
		add_to(&from->nr_items, -n);
		WRITE_ONCE(from->dead, true);
		if (n)
			status = lru_set_bit(lru, memcg->parent, nid, reason);
	}
	lru_give_node(lru, nid);
	return status;
}

enum sp_status list_lru_reparent(struct mem_cgroup *memcg,
				 struct sp_reason *reason)
{
	struct machine *m = memcg->machine;
	enum sp_status status = SP_OK;
	struct sp_list_lru *lru = NULL;
	struct list_lru_memcg *lists;
	int nid;

	if (!memcg->parent)
		return SP_OK;
	machine_lock(m);
	if (holds_a_node(m, &nid)) {
		machine_unlock(m);
		return explain(reason, SP_DEADLOCK, NULL, nid, memcg,
			       "taking a cgroup offline in the walk callback "
			       "of a list_lru, under the lock that handing its "
			       "items over takes");
	}
	/* No lists are made for it any more, so all there are get dead. */
	STORE_RELEASE(memcg->takes_items, false);
	machine_unlock(m);
	while ((lru = next_lru(m, memcg, lru))) {
		lists = lists_of(lru, memcg);
		for (nid = 0; nid < m->nr_nodes && status == SP_OK; nid++)
			status = hand_over(lru, nid, memcg, &lists->node[nid],
					   reason);
		machine_lock(m);
		if (status == SP_OK)
			site_retire(m, SP_SITE_LIST_LRU, lists);
		else
			left_lru(lru);
		machine_unlock(m);
		if (status != SP_OK)
			break;
	}
	return status;
}
