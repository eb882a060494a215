// SPDX-License-Identifier: GPL-2.0-only
/* The tree's mm/list_lru.c, unmodified, and its lists for the core. */
#include <linux/list_lru.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "tree.h"
#include "tree_env.h"

/* A table that goes with the call that made it is no list's. */
static void *kmalloc_site(size_t n, size_t size, gfp_t flags, int node)
{
	return seam_alloc(SP_SITE_LIST_LRU, node, n * size, flags & __GFP_ZERO);
}

#define kernel_kmalloc(size, flags, node, where)                               \
	kmalloc_site(1, size, flags, node)
#define kernel_kmalloc_array(n, size, flags, node, where)                      \
	((flags) & __GFP_ZERO ? kmalloc_site(n, size, flags, node) :           \
				kernel_kvmalloc(n, size, flags, node, where))

/* Before 6.8 the place of an item is where its memory is. */
static __thread struct mem_cgroup *memcg_of_item;
static __thread int nid_of_item;
#define mem_cgroup_from_slab_obj(item) ((void)(item), memcg_of_item)
#define mem_cgroup_from_virt(item) mem_cgroup_from_slab_obj(item)
#undef virt_to_page
#define virt_to_page(item) ((struct page *)(item))
#define page_to_nid(page) ((void)(page), nid_of_item)

#include TREE_FILE

/* ---- made and destroyed ---------------------------------------------------- */

void *tree_lru_create(bool memcg_aware, void *shrinker, const void *key)
{
	struct lock_class_key *class = (struct lock_class_key *)key;
	struct list_lru *lru =
		seam_alloc(SEAM_PLAIN, NUMA_NO_NODE, sizeof(*lru), true);
	int error;

	if (!lru)
		return NULL;
#ifdef HAVE_LRU_KEEPS_KEY
	lru->key = class;
#endif
#ifdef HAVE_LRU_INIT_TAKES_KEY
	error = __list_lru_init(lru, memcg_aware, class, shrinker);
#else
	(void)class;
	error = __list_lru_init(lru, memcg_aware, shrinker);
#endif
	if (!error)
		return lru;
	seam_free(lru);
	return NULL;
}

void tree_lru_destroy(void *lru)
{
	list_lru_destroy(lru);
	seam_free(lru);
}

bool tree_lru_is_memcg_aware(void *lru)
{
	return list_lru_memcg_aware(lru);
}

void tree_lru_set_shrinker(void *lru, void *shrinker)
{
	const int id = shrinker ? ((struct shrinker *)shrinker)->id : -1;

	WRITE_ONCE(((struct list_lru *)lru)->shrinker_id, id);
}

/* ---- a cgroup's lists -------------------------------------------------------- */

int tree_lru_prepare(void *lru, void *memcg)
{
	return memcg_list_lru_alloc(memcg, lru, GFP_KERNEL);
}

static struct list_lru_one *own_list(struct list_lru *lru, int nid,
				     const struct mem_cgroup *memcg)
{
	const int id = memcg ? memcg->first_kmemcg_id : -1;

	return id < 0 || !list_lru_memcg_aware(lru) ?
		       NULL :
		       list_lru_from_memcg_idx(lru, nid, id);
}

long tree_lru_own_items(void *lru, int nid, void *memcg)
{
	const struct list_lru_one *one = own_list(lru, nid, memcg);

	return one ? READ_ONCE(one->nr_items) : 0;
}

bool tree_lru_has_room(void *lru, int nid, void *memcg)
{
	return list_lru_from_memcg_idx(lru, nid, memcg_kmem_id(memcg));
}

void tree_memcg_reparent_lrus(void *twin, void *parent)
{
	struct mem_cgroup *memcg = twin;

	memcg->css.dying = true;
	memcg_reparent_list_lrus(memcg, parent);
}

static void free_others(struct sp_lock *lock)
{
	if (sp_lock_is_mine(lock))
		return;
	lock->word = lock->depth = 0;
	lock->owner = NULL;
}

void tree_list_lrus_forked(void)
{
	free_others(&list_lrus_mutex.lock);
}

void tree_lru_forked(void *lru)
{
	free_others(&((struct list_lru *)lru)->xa.xa_lock);
}

static struct sp_lock *lock_of(struct list_lru_one *one,
			       struct list_lru_node *node)
{
#ifdef HAVE_LRU_LOCK_OF_NODE
	(void)one;
	return &node->lock;
#else
	(void)node;
	return &one->lock;
#endif
}

struct sp_lock *tree_lru_lock(void *twin, int nid, void *memcg)
{
	struct list_lru *lru = twin;
	struct list_lru_node *node = &lru->node[nid];
	struct list_lru_one *one =
		memcg ? own_list(lru, nid, memcg) : &node->lru;

	return one ? lock_of(one, node) : NULL;
}

/* ---- items ------------------------------------------------------------------- */

bool tree_lru_add(void *lru, struct list_head *item, int nid, void *memcg)
{
#ifdef HAVE_LRU_ADD_TAKES_MEMCG
	return list_lru_add(lru, item, nid, memcg);
#else
	nid_of_item = nid;
	memcg_of_item = memcg;
	return list_lru_add(lru, item);
#endif
}

bool tree_lru_del(void *lru, struct list_head *item, int nid, void *memcg)
{
#ifdef HAVE_LRU_ADD_TAKES_MEMCG
	return list_lru_del(lru, item, nid, memcg);
#else
	nid_of_item = nid;
	memcg_of_item = memcg;
	return list_lru_del(lru, item);
#endif
}

void tree_lru_isolate(void *one, struct list_head *item)
{
	list_lru_isolate(one, item);
}

void tree_lru_isolate_move(void *one, struct list_head *item,
			   struct list_head *head)
{
	list_lru_isolate_move(one, item, head);
}

long tree_lru_one_items(const void *one)
{
	return READ_ONCE(((const struct list_lru_one *)one)->nr_items);
}

unsigned long tree_lru_count_one(void *lru, int nid, void *memcg)
{
	return list_lru_count_one(lru, nid, memcg);
}

unsigned long tree_lru_count_node(void *lru, int nid)
{
	return list_lru_count_node(lru, nid);
}

/* ---- walks ------------------------------------------------------------------- */

#ifdef HAVE_LRU_CALLBACK_GETS_LOCK
static enum lru_status isolate(struct list_head *item, struct list_lru_one *one,
			       spinlock_t *lock, void *walk)
{
	return (enum lru_status)seam_isolate(walk, item, one, lock);
}
#else
/* Whoever says that it dropped the lock has dropped it; ours have it again. */
static enum lru_status isolate(struct list_head *item, struct list_lru_one *one,
			       void *walk)
{
	enum lru_status said =
		(enum lru_status)seam_isolate(walk, item, one, &one->lock);

	if (said == LRU_REMOVED_RETRY || said == LRU_RETRY || said == LRU_STOP)
		spin_unlock(&one->lock);
	return said;
}
#endif

unsigned long tree_lru_walk_one(void *lru, int nid, void *memcg, void *walk,
				unsigned long *nr_to_walk)
{
	return list_lru_walk_one(lru, nid, memcg, isolate, walk, nr_to_walk);
}

unsigned long tree_lru_walk_node(void *lru, int nid, void *walk,
				 unsigned long *nr_to_walk)
{
	return list_lru_walk_node(lru, nid, isolate, walk, nr_to_walk);
}
