/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: 6.12's interface.
 * Otherwise: of an item that is in no object, list_lru_add_obj() takes node 0
 * and no cgroup. Where the kernel's lists would be NULL, an oops says so.
 */
#ifndef _LRU_LIST_H
#define _LRU_LIST_H

#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/nodemask.h>
#include <linux/shrinker.h>
#include <shrinkpy/list_lru.h>
#include <shrinkpy/runtime.h>

struct list_lru {
	union {
		struct sp_list_lru *lru;
		struct sp_list_lru *node; /* NULL: there is none */
	};
	bool memcg_aware;
};

int kernel_list_lru_init(struct list_lru *lru, bool memcg_aware,
			 struct lock_class_key *key, struct shrinker *shrinker,
			 const char *where);
void list_lru_destroy(struct list_lru *lru);
int memcg_list_lru_alloc(struct mem_cgroup *memcg, struct list_lru *lru,
			 gfp_t gfp);
bool list_lru_add(struct list_lru *lru, struct list_head *item, int nid,
		  struct mem_cgroup *memcg);
bool list_lru_add_obj(struct list_lru *lru, struct list_head *item);
bool list_lru_del(struct list_lru *lru, struct list_head *item, int nid,
		  struct mem_cgroup *memcg);
bool list_lru_del_obj(struct list_lru *lru, struct list_head *item);
unsigned long list_lru_count_one(struct list_lru *lru, int nid,
				 struct mem_cgroup *memcg);
unsigned long list_lru_count_node(struct list_lru *lru, int nid);
void list_lru_isolate(struct list_lru_one *list, struct list_head *item);
void list_lru_isolate_move(struct list_lru_one *list, struct list_head *item,
			   struct list_head *head);
unsigned long list_lru_walk_one(struct list_lru *lru, int nid,
				struct mem_cgroup *memcg,
				list_lru_walk_cb isolate, void *cb_arg,
				unsigned long *nr_to_walk);
unsigned long list_lru_walk_node(struct list_lru *lru, int nid,
				 list_lru_walk_cb isolate, void *cb_arg,
				 unsigned long *nr_to_walk);

#define __list_lru_init(lru, aware, key, shrinker)                             \
	kernel_list_lru_init(lru, aware, key, shrinker, KERNEL_HERE)
#define list_lru_init(lru) __list_lru_init(lru, false, NULL, NULL)
#define list_lru_init_key(lru, key) __list_lru_init(lru, false, key, NULL)
#define list_lru_init_memcg(lru, shrinker)                                     \
	__list_lru_init(lru, true, NULL, shrinker)
#define list_lru_walk_one_irq list_lru_walk_one

static inline bool list_lru_memcg_aware(struct list_lru *lru)
{
	return lru->memcg_aware;
}

static inline unsigned long list_lru_shrink_count(struct list_lru *lru,
						  struct shrink_control *sc)
{
	return list_lru_count_one(lru, sc->nid, sc->memcg);
}

static inline unsigned long list_lru_shrink_walk(struct list_lru *lru,
						 struct shrink_control *sc,
						 list_lru_walk_cb isolate,
						 void *cb_arg)
{
	return list_lru_walk_one(lru, sc->nid, sc->memcg, isolate, cb_arg,
				 &sc->nr_to_scan);
}

#define list_lru_shrink_walk_irq list_lru_shrink_walk

static inline unsigned long list_lru_count(struct list_lru *lru)
{
	unsigned long count = 0;
	int nid;

	for_each_node(nid) count += list_lru_count_node(lru, nid);
	return count;
}

static inline unsigned long list_lru_walk(struct list_lru *lru,
					  list_lru_walk_cb isolate,
					  void *cb_arg,
					  unsigned long nr_to_walk)
{
	unsigned long isolated = 0;
	int nid;

	for_each_node(nid)
	{
		if (!nr_to_walk)
			break;
		isolated += list_lru_walk_node(lru, nid, isolate, cb_arg,
					       &nr_to_walk);
	}
	return isolated;
}

#endif
