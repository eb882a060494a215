// SPDX-License-Identifier: GPL-2.0-only
/* linux/list_lru.h over the core's. */
#include <linux/errno.h>
#include <linux/list_lru.h>
#include <linux/memcontrol.h>

#include "slab.h"

struct entry {
	struct list_head list;
	struct sp_list_lru *lru;
	const char *where;
};

static struct kernel_leaf leaf;
static LIST_HEAD(entries);

static struct sp_list_lru *core_of(const struct list_lru *lru)
{
	if (!lru->lru)
		kernel_oops("a list_lru is used before its list_lru_init(), "
			    "or after its list_lru_destroy()");
	return lru->lru;
}

int kernel_list_lru_init(struct list_lru *lru, bool memcg_aware,
			 struct lock_class_key *key, struct shrinker *shrinker,
			 const char *where)
{
	struct entry *e = host_alloc(sizeof(*e), 0, true);
	enum sp_status status = SP_NOMEM;

	lru->lru = NULL;
	lru->memcg_aware =
		memcg_aware && sp_machine_memcg_enabled(kernel_machine);
	if (e)
		status = sp_list_lru_create(kernel_machine, lru->memcg_aware,
					    shrinker, key, &lru->lru);
	if (status != SP_OK) {
		host_free(e);
		return (int)status;
	}
	e->lru = lru->lru;
	e->where = where;
	kernel_leaf_lock(&leaf);
	list_add_tail(&e->list, &entries);
	kernel_leaf_unlock(&leaf);
	return 0;
}

void list_lru_destroy(struct list_lru *lru)
{
	struct entry *e, *found = NULL;

	if (!lru->lru)
		return;
	kernel_leaf_lock(&leaf);
	list_for_each_entry(e, &entries, list)
	{
		if (e->lru == lru->lru) {
			found = e;
			list_del(&e->list);
			break;
		}
	}
	kernel_leaf_unlock(&leaf);
	if (!found)
		kernel_oops("list_lru_destroy() of what is no list_lru");
	host_free(found);
	if (sp_list_lru_destroy(lru->lru) == SP_BUSY)
		kernel_warn("list_lru_destroy", "list_lru_destroy",
			    "there are items on it, which stay linked");
	lru->lru = NULL;
}

int memcg_list_lru_alloc(struct mem_cgroup *memcg, struct list_lru *lru,
			 gfp_t gfp)
{
	(void)gfp;
	if (!lru->memcg_aware || !memcg)
		return 0;
	return (int)sp_list_lru_prepare(core_of(lru), memcg);
}

typedef enum sp_status (*change_fn)(struct sp_list_lru *lru,
				    struct list_head *item, int nid,
				    struct mem_cgroup *memcg, bool *done,
				    struct sp_reason *reason);

static bool change(struct list_lru *lru, struct list_head *item, int nid,
		   struct mem_cgroup *memcg, change_fn fn, const char *what)
{
	struct sp_reason reason = { .text = "" };
	enum sp_status status;
	bool done = false;

	if (!lru->memcg_aware)
		memcg = NULL;
	status = fn(core_of(lru), item, nid, memcg, &done, &reason);
	if (status != SP_OK)
		kernel_oops("%s(): %s", what,
			    reason.text[0] ? reason.text :
					     "there is no such node");
	return done;
}

/* Where its memory is. */
static void place_of(struct list_head *item, int *nid,
		     struct mem_cgroup **memcg)
{
	struct kernel_object o;

	*nid = 0;
	*memcg = NULL;
	if (!object_at(item, &o))
		return;
	*nid = o.nid;
	*memcg = object_memcg(&o);
}

bool list_lru_add(struct list_lru *lru, struct list_head *item, int nid,
		  struct mem_cgroup *memcg)
{
	return change(lru, item, nid, memcg, sp_list_lru_add, "list_lru_add");
}

bool list_lru_del(struct list_lru *lru, struct list_head *item, int nid,
		  struct mem_cgroup *memcg)
{
	return change(lru, item, nid, memcg, sp_list_lru_del, "list_lru_del");
}

bool list_lru_add_obj(struct list_lru *lru, struct list_head *item)
{
	struct mem_cgroup *memcg;
	int nid;

	place_of(item, &nid, &memcg);
	return change(lru, item, nid, memcg, sp_list_lru_add,
		      "list_lru_add_obj");
}

bool list_lru_del_obj(struct list_lru *lru, struct list_head *item)
{
	struct mem_cgroup *memcg;
	int nid;

	place_of(item, &nid, &memcg);
	return change(lru, item, nid, memcg, sp_list_lru_del,
		      "list_lru_del_obj");
}

unsigned long list_lru_count_one(struct list_lru *lru, int nid,
				 struct mem_cgroup *memcg)
{
	return sp_list_lru_count_one(core_of(lru), nid,
				     lru->memcg_aware ? memcg : NULL);
}

unsigned long list_lru_count_node(struct list_lru *lru, int nid)
{
	return sp_list_lru_count_node(core_of(lru), nid);
}

void list_lru_isolate(struct list_lru_one *list, struct list_head *item)
{
	sp_list_lru_isolate(list, item);
}

void list_lru_isolate_move(struct list_lru_one *list, struct list_head *item,
			   struct list_head *head)
{
	sp_list_lru_isolate_move(list, item, head);
}

static unsigned long walked(enum sp_status status, unsigned long isolated)
{
	if (status == SP_INTR)
		kernel_oops("a list_lru walk: the wait for its lock was given "
			    "up");
	if (status == SP_DEADLOCK)
		kernel_oops("a list_lru walk would wait for itself");
	if (status == SP_SPIN)
		kernel_oops("a list_lru walk made no progress: the kernel "
			    "would go on for ever");
	if (status == SP_OOPS)
		kernel_oops("a list_lru walk: its callback came back without "
			    "the lock, or gave no status");
	return isolated;
}

unsigned long list_lru_walk_one(struct list_lru *lru, int nid,
				struct mem_cgroup *memcg,
				list_lru_walk_cb isolate, void *cb_arg,
				unsigned long *nr_to_walk)
{
	unsigned long isolated = 0;
	const enum sp_status status =
		sp_list_lru_walk_one(core_of(lru), nid,
				     lru->memcg_aware ? memcg : NULL, isolate,
				     cb_arg, nr_to_walk, &isolated);

	return walked(status, isolated);
}

unsigned long list_lru_walk_node(struct list_lru *lru, int nid,
				 list_lru_walk_cb isolate, void *cb_arg,
				 unsigned long *nr_to_walk)
{
	unsigned long isolated = 0;
	const enum sp_status status = sp_list_lru_walk_node(
		core_of(lru), nid, isolate, cb_arg, nr_to_walk, &isolated);

	return walked(status, isolated);
}

void list_lrus_leaks(struct text *t)
{
	struct entry *e;

	kernel_leaf_lock(&leaf);
	list_for_each_entry(e, &entries, list)
		text_printf(t, "list_lru %s\n", e->where);
	kernel_leaf_unlock(&leaf);
}

void list_lrus_exit(void)
{
	struct entry *e;

	while ((e = list_first_entry_or_null(&entries, struct entry, list))) {
		list_del(&e->list);
		sp_list_lru_destroy(e->lru);
		host_free(e);
	}
}
