// SPDX-License-Identifier: GPL-2.0-only
/*
 * list_lru: lists of items by node and, when memcg-aware, by cgroup.
 *
 * Two locks. A node's own (struct sp_lock) guards its lists; callbacks of walks
 * run under it, and machine->lock may be taken under it, never the other way
 * round. machine->lock guards which lrus there are, and who has lists in which.
 *
 * A cgroup's lists of an lru are found without either: the cgroup has a table
 * by the lru's id, whose parts never move, and lists that were emptied into an
 * ancestor's stay as memory, marked dead node by node, until the cgroup's own
 * memory goes. So whoever may name the cgroup may look, and whoever has the
 * node's lock finds the one list that takes its items.
 */
#include <stdlib.h>

#include <shrinkpy/list_lru.h>

#include "internal.h"

struct list_lru_one {
	struct list_head list;
	long nr_items;
	bool dead; /* an ancestor's has its items, and gets them from now on */
};

/* What one cgroup has in one lru. */
struct list_lru_memcg {
	struct list_lru_memcg *next; /* being made together, not seen yet */
	struct mem_cgroup *memcg;
	struct list_lru_one node[]; /* one a node */
};

struct list_lru_node {
	struct sp_lock lock;
	struct list_lru_one lru; /* the root's */
	long nr_items;           /* of all lists on it */
};

struct sp_list_lru {
	struct machine *machine;
	struct list_lru_node *node;
	bool memcg_aware;
	int shrinker_id;
	/* Under machine->lock. */
	int id;
	unsigned int refs; /* its owner's, and those of cgroups going offline */
	struct list_node list; /* of the machine, by id */
};

/* ---- list.h for items -------------------------------------------------- */

static void item_init(struct list_head *item)
{
	WRITE_ONCE(item->next, item);
	item->prev = item;
}

static void item_insert(struct list_head *item, struct list_head *prev,
			struct list_head *next)
{
	next->prev = item;
	item->next = next;
	item->prev = prev;
	prev->next = item;
}

static void item_unlink(struct list_head *item)
{
	item->next->prev = item->prev;
	item->prev->next = item->next;
}

/* Written under the node's lock, read without. */
static void add_to(long *n, long more)
{
	WRITE_ONCE(*n, *n + more);
}

/* ---- a cgroup's lists --------------------------------------------------- */

/* Parts of 8, 16, 32 … slots: what is found once stays where it is. */
enum { FIRST_PART = 3 };

static unsigned int part_of(int id, unsigned int *slot)
{
	unsigned int at = (unsigned int)id + (1u << FIRST_PART);
	unsigned int top = 31 - (unsigned int)__builtin_clz(at);

	*slot = at - (1u << top);
	return top - FIRST_PART;
}

static size_t part_size(unsigned int part)
{
	return (size_t)1 << (part + FIRST_PART);
}

static struct list_lru_memcg *lists_of(const struct sp_list_lru *lru,
				       struct mem_cgroup *memcg)
{
	unsigned int slot, part = part_of(lru->id, &slot);
	struct list_lru_memcg **slots = LOAD_ACQUIRE(memcg->lru_part[part]);

	return slots ? LOAD_ACQUIRE(slots[slot]) : NULL;
}

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

/*
 * The one that takes the items of memcg on this node: its own, or that of the
 * nearest ancestor that its own went to. NULL: there should be one and is none.
 * owner: whose it is, NULL for the root.
 */
static struct list_lru_one *find_one(const struct sp_list_lru *lru, int nid,
				     struct mem_cgroup *memcg,
				     struct mem_cgroup **owner)
{
	const struct mem_cgroup *root = READ_ONCE(lru->machine->root);

	for (; lru->memcg_aware && memcg && memcg != root;
	     memcg = memcg->parent) {
		/* Before the lists: none are made once it is cleared. */
		const bool takes = LOAD_ACQUIRE(memcg->takes_items);
		struct list_lru_memcg *lists = lists_of(lru, memcg);

		if (lists && !READ_ONCE(lists->node[nid].dead)) {
			*owner = memcg;
			return &lists->node[nid];
		}
		if (!lists && takes)
			return NULL;
	}
	*owner = NULL;
	return &lru->node[nid].lru;
}

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
	lru->refs = 1;
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

/* Under the lock. */
static void tear_down(struct sp_list_lru *lru)
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
	site_free(m, SP_SITE_LIST_LRU, lru->node);
	free(lru);
}

static void put(struct sp_list_lru *lru)
{
	if (--lru->refs == 0)
		tear_down(lru);
}

enum sp_status sp_list_lru_destroy(struct sp_list_lru *lru)
{
	struct machine *m;
	bool items = false;
	int nid;

	if (!lru)
		return SP_OK;
	m = lru->machine;
	for (nid = 0; nid < m->nr_nodes; nid++)
		items = items || sp_list_lru_count_node(lru, nid);
	machine_lock(m);
	put(lru);
	machine_unlock(m);
	return items ? SP_BUSY : SP_OK;
}

/* With the machine: those that nobody destroyed, before its cgroups. */
void list_lru_exit(struct machine *m)
{
	machine_lock(m);
	while (!list_empty(&m->list_lrus))
		tear_down(container_of(m->list_lrus.next, struct sp_list_lru,
				       list));
	machine_unlock(m);
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

/* In a child of fork: nobody will give back what other threads held. */
void list_lru_forked(struct machine *m)
{
	struct list_node *pos;
	int nid;

	list_for_each (pos, &m->list_lrus) {
		struct sp_list_lru *lru =
			container_of(pos, struct sp_list_lru, list);

		for (nid = 0; nid < m->nr_nodes; nid++) {
			struct sp_lock *lock = &lru->node[nid].lock;

			if (sp_lock_is_mine(lock))
				continue;
			lock->word = lock->depth = 0;
			lock->owner = NULL;
		}
	}
}

/* ---- room for a cgroup ------------------------------------------------- */

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

/* ---- add, del ---------------------------------------------------------- */

static bool bad_nid(const struct sp_list_lru *lru, int nid)
{
	return nid < 0 || nid >= lru->machine->nr_nodes;
}

/* The bit of whose list it is. */
static enum sp_status set_bit(struct sp_list_lru *lru, struct mem_cgroup *memcg,
			      int nid, struct sp_reason *reason)
{
	/* Either attach() finds the items, or this finds its shrinker. */
	atomic_thread_fence(memory_order_seq_cst);
	return sp_set_shrinker_bit(lru->machine, memcg, nid,
				   READ_ONCE(lru->shrinker_id), reason);
}

static enum sp_status take_node(struct sp_list_lru *lru, int nid,
				const char *where, struct sp_reason *reason)
{
	enum sp_status status;

	if (bad_nid(lru, nid))
		return explain(reason, SP_INVAL, NULL, nid, NULL,
			       "a node is 0 to %d, not %d",
			       lru->machine->nr_nodes - 1, nid);
	status = sp_lock_take(lru->machine, &lru->node[nid].lock, SP_LOCK_WAIT,
			      0, where);
	if (status == SP_DEADLOCK)
		return explain(reason, status, NULL, nid, NULL,
			       "%s() while this thread holds the lock of the "
			       "node's lists: a walk callback runs under it",
			       where);
	return status;
}

static void give_node(struct sp_list_lru *lru, int nid)
{
	sp_lock_give(lru->machine, &lru->node[nid].lock);
}

static enum sp_status no_room(struct sp_reason *reason, int nid,
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
		return no_room(reason, nid, memcg);
	item_insert(item, l->list.prev, &l->list);
	add_to(&l->nr_items, 1);
	add_to(&node->nr_items, 1);
	/* After it is counted: a pass clears the bit, then counts again. */
	if (l->nr_items == 1 && owner)
		status = set_bit(lru, owner, nid, reason);
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
	status = take_node(lru, nid, "list_lru_add", reason);
	if (status != SP_OK)
		return status;
	if (item->next == item) {
		status = add_locked(lru, item, nid, memcg, reason);
		*done = status == SP_OK;
	}
	give_node(lru, nid);
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
	status = take_node(lru, nid, "list_lru_del", reason);
	if (status != SP_OK)
		return status;
	if (item->next != item) {
		l = find_one(lru, nid, memcg, &owner);
		if (l) {
			sp_list_lru_isolate(l, item);
			add_to(&lru->node[nid].nr_items, -1);
			*done = true;
		} else {
			status = no_room(reason, nid, memcg);
		}
	}
	give_node(lru, nid);
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

	status = take_node(lru, nid, where, NULL);
	if (status != SP_OK)
		return status;
	l = find_one(lru, nid, memcg, &owner);
	if (l && (!own || owner == memcg))
		status = walk_locked(&lru->node[nid], l, w);
	if (sp_lock_is_mine(&lru->node[nid].lock))
		give_node(lru, nid);
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
	       (memcg = sp_memcg_iter(m, NULL, memcg))) {
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
				status = set_bit(lru, memcg, nid, reason);
		}
	}
	sp_memcg_put(memcg);
	return status;
}

/* ---- a cgroup goes offline --------------------------------------------- */

/* The next that has lists of memcg, with a reference; gives prev's back. */
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
			found->refs++;
			break;
		}
	}
	if (prev)
		put(prev);
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

	status = take_node(lru, nid, "memcg_reparent_list_lrus", reason);
	if (status != SP_OK)
		return status;
	n = from->nr_items;
	to = from->dead ? NULL : find_one(lru, nid, memcg->parent, &owner);
	if (to) {
		splice(from, to);
		add_to(&to->nr_items, n);
		add_to(&from->nr_items, -n);
		WRITE_ONCE(from->dead, true);
		if (n && owner)
			status = set_bit(lru, owner, nid, reason);
	}
	give_node(lru, nid);
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
			put(lru);
		machine_unlock(m);
		if (status != SP_OK)
			break;
	}
	return status;
}
