/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * list_lru, as mm/list_lru.c of 6.12 has it: a list of items for each node, and
 * when memcg-aware for each cgroup on it.
 *
 * An item is a struct list_head in a structure of the caller's; an empty one
 * (next is itself) is on no list. Where the kernel takes the node's lock, so
 * does this: callbacks of a walk run under it.
 */
#ifndef SHRINKPY_LIST_LRU_H
#define SHRINKPY_LIST_LRU_H

#include <shrinkpy/core.h>
#include <shrinkpy/list_head.h>
#include <shrinkpy/lock.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sp_list_lru;
struct list_lru_one; /* the list of one node and cgroup */

enum lru_status {
	LRU_REMOVED,       /* the callback has taken it off the list */
	LRU_REMOVED_RETRY, /* the same, and the lock was dropped: start anew */
	LRU_ROTATE,        /* to the tail */
	LRU_SKIP,
	LRU_RETRY, /* the lock was dropped: start anew */
	LRU_STOP,  /* no more of this walk */
};

/* lock is held, and may be dropped by those that then say so. */
typedef enum lru_status (*list_lru_walk_cb)(struct list_head *item,
					    struct list_lru_one *list,
					    struct sp_lock *lock, void *cb_arg);

/*
 * list_lru_init(), or _init_memcg() when memcg_aware: then s (may be NULL) is
 * whose bit the first item of a cgroup's list sets. key: the lock class of its
 * nodes' locks, NULL for one of its own.
 */
SP_API enum sp_status sp_list_lru_create(struct machine *m, bool memcg_aware,
					 struct shrinker *s, const void *key,
					 struct sp_list_lru **out);
/*
 * SP_BUSY: there are items; it is freed, they stay linked to each other. Waits
 * for cgroups that hand items over. SP_DEADLOCK: one of them waits, directly or
 * through others, for this thread; nothing has changed.
 */
SP_API enum sp_status sp_list_lru_destroy(struct sp_list_lru *lru);
/* memcg_list_lru_alloc(): room for memcg's items, and its ancestors'. */
SP_API enum sp_status sp_list_lru_prepare(struct sp_list_lru *lru,
					  struct mem_cgroup *memcg);
/*
 * memcg NULL: the root's list, as of an lru that is not memcg-aware. Of a
 * cgroup that went offline, here and below: the list that took its items, the
 * nearest ancestor's; the bit that an add sets is memcg's own all the same, as
 * in 6.12, where no pass looks any more. *done:
 * was it on no list before (added), on one (deleted). SP_OOPS: there is no room
 * for the cgroup, sp_list_lru_prepare() was left out. SP_INVAL: nid.
 * SP_DEADLOCK: in a callback of a walk of this node, under its lock.
 */
SP_API enum sp_status sp_list_lru_add(struct sp_list_lru *lru,
				      struct list_head *item, int nid,
				      struct mem_cgroup *memcg, bool *done,
				      struct sp_reason *reason);
SP_API enum sp_status sp_list_lru_del(struct sp_list_lru *lru,
				      struct list_head *item, int nid,
				      struct mem_cgroup *memcg, bool *done,
				      struct sp_reason *reason);
/* Of walk callbacks, under the lock: off the list, or onto another one. */
SP_API void sp_list_lru_isolate(struct list_lru_one *list,
				struct list_head *item);
SP_API void sp_list_lru_isolate_move(struct list_lru_one *list,
				     struct list_head *item,
				     struct list_head *head);
SP_API unsigned long sp_list_lru_count_one(struct sp_list_lru *lru, int nid,
					   struct mem_cgroup *memcg);
SP_API unsigned long sp_list_lru_count_node(struct sp_list_lru *lru, int nid);
/*
 * Each item visited takes one off *nr_to_walk, before its callback. *isolated:
 * how many callbacks said REMOVED or REMOVED_RETRY, also where the status is
 * not SP_OK. SP_OOPS: a callback gave no status that there is, or did not take
 * the lock again. SP_DEADLOCK: as above. A cgroup that goes offline while the
 * lock is given away ends the walk of its list.
 */
SP_API enum sp_status
sp_list_lru_walk_one(struct sp_list_lru *lru, int nid, struct mem_cgroup *memcg,
		     list_lru_walk_cb isolate, void *cb_arg,
		     unsigned long *nr_to_walk, unsigned long *isolated);
/* The root's list, then every cgroup's, in the order in which they came online. */
SP_API enum sp_status sp_list_lru_walk_node(struct sp_list_lru *lru, int nid,
					    list_lru_walk_cb isolate,
					    void *cb_arg,
					    unsigned long *nr_to_walk,
					    unsigned long *isolated);
SP_API struct machine *sp_list_lru_machine(const struct sp_list_lru *lru);
/* As asked for, unless the machine has no cgroups or no kmem accounting. */
SP_API bool sp_list_lru_memcg_aware(const struct sp_list_lru *lru);
/* Was the machine? Then add, prepare and walks say SP_CLOSED. */
SP_API bool sp_list_lru_closed(const struct sp_list_lru *lru);
/* In a walk callback: items on this list. */
SP_API long sp_list_lru_one_items(const struct list_lru_one *list);
/*
 * For an lru that was there before its shrinker: from now on first items set
 * s's bit (NULL: none's), and here the lists that have items do. SP_INVAL: s is
 * another machine's.
 */
SP_API enum sp_status sp_list_lru_attach(struct sp_list_lru *lru,
					 struct shrinker *s,
					 struct sp_reason *reason);

#ifdef __cplusplus
}
#endif
#endif
