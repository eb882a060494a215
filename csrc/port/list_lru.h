/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a list_lru is.
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
#ifndef SP_LIST_LRU_H
#define SP_LIST_LRU_H

#include <shrinkpy/list_lru.h>

#include "port.h"

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
	unsigned int leaving; /* cgroups that hand their items over just now */
	const struct thread *leaver; /* the last one's thread */
	struct list_node list;       /* of the machine, by id */
};

/* ---- list.h for items -------------------------------------------------- */

static inline void item_init(struct list_head *item)
{
	WRITE_ONCE(item->next, item);
	item->prev = item;
}

static inline void item_insert(struct list_head *item, struct list_head *prev,
			       struct list_head *next)
{
	next->prev = item;
	item->next = next;
	item->prev = prev;
	prev->next = item;
}

static inline void item_unlink(struct list_head *item)
{
	item->next->prev = item->prev;
	item->prev->next = item->next;
}

/* Written under the node's lock, read without. */
static inline void add_to(long *n, long more)
{
	WRITE_ONCE(*n, *n + more);
}

/* ---- a cgroup's lists --------------------------------------------------- */

/* Parts of 8, 16, 32 … slots: what is found once stays where it is. */
enum { FIRST_PART = 3 };

static inline unsigned int part_of(int id, unsigned int *slot)
{
	unsigned int at = (unsigned int)id + (1u << FIRST_PART);
	unsigned int top = 31 - (unsigned int)__builtin_clz(at);

	*slot = at - (1u << top);
	return top - FIRST_PART;
}

static inline size_t part_size(unsigned int part)
{
	return (size_t)1 << (part + FIRST_PART);
}

static inline struct list_lru_memcg *lists_of(const struct sp_list_lru *lru,
					      struct mem_cgroup *memcg)
{
	unsigned int slot, part = part_of(lru->id, &slot);
	struct list_lru_memcg **slots = LOAD_ACQUIRE(memcg->lru_part[part]);

	return slots ? LOAD_ACQUIRE(slots[slot]) : NULL;
}

/*
 * The one that takes the items of memcg on this node: its own, or that of the
 * nearest ancestor that its own went to. NULL: there should be one and is none.
 * owner: whose it is, NULL for the root.
 */
static inline struct list_lru_one *find_one(const struct sp_list_lru *lru,
					    int nid, struct mem_cgroup *memcg,
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

/* ---- list_lru.c -------------------------------------------------------- */

/* Of memcg, whose list has items now; the root has none. */
enum sp_status lru_set_bit(struct sp_list_lru *lru, struct mem_cgroup *memcg,
			   int nid, struct sp_reason *reason);
enum sp_status lru_take_node(struct sp_list_lru *lru, int nid,
			     const char *where, struct sp_reason *reason);
void lru_give_node(struct sp_list_lru *lru, int nid);
enum sp_status lru_no_room(struct sp_reason *reason, int nid,
			   const struct mem_cgroup *memcg);

/* ---- list_lru_memcg.c -------------------------------------------------- */

/* Under the lock. From here on no cgroup finds it, and its id is free. */
void lru_unlink(struct sp_list_lru *lru);
/* Under the lock, for cgroups that hand items over: SP_DEADLOCK. */
enum sp_status lru_wait_for_leavers(struct sp_list_lru *lru);

#endif
