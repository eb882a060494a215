/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For mm/ itself: cgroups with what it keeps in them. Which there are, who is
 * whose child, and who is online is the core's affair.
 */
#ifndef _LINUX_MEMCONTROL_H
#define _LINUX_MEMCONTROL_H

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/kernel.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <linux/vmstat.h>

struct shrinker_info;

struct cgroup {
	int level;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	bool dying;
};

static inline bool css_is_dying(const struct cgroup_subsys_state *css)
{
	return READ_ONCE(css->dying);
}

struct mem_cgroup_per_node {
	struct shrinker_info *shrinker_info;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	int kmemcg_id;
	int first_kmemcg_id; /* before it was anybody else's */
	/* Below: of the core, and where the pointers above point to. */
	void *handle;
	struct mem_cgroup *parent;
	struct cgroup cgroup;
	struct mem_cgroup_per_node *nodeinfo[];
};

struct mem_cgroup_reclaim_cookie {
	int nid;
	unsigned int generation;
};

extern struct mem_cgroup *root_mem_cgroup;
bool mem_cgroup_disabled(void);
bool memcg_kmem_online(void);
bool mem_cgroup_online(struct mem_cgroup *memcg);
/* What debugfs prints: up to 6.18, and from then on. */
unsigned long mem_cgroup_ino(struct mem_cgroup *memcg);
u64 mem_cgroup_id(struct mem_cgroup *memcg);
#define mem_cgroup_kmem_disabled() (!memcg_kmem_online())

/* Pre-order, NULL starts and ends; of either argument only prev matters. */
struct mem_cgroup *mem_cgroup_iter(struct mem_cgroup *root,
				   struct mem_cgroup *prev,
				   struct mem_cgroup_reclaim_cookie *cookie);
void mem_cgroup_iter_break(struct mem_cgroup *root, struct mem_cgroup *prev);
/* With a reference, or NULL. */
struct mem_cgroup *mem_cgroup_get_from_ino(unsigned long ino);
struct mem_cgroup *mem_cgroup_get_from_id(u64 id);
/* Of the index that its lists have; no reference, or NULL. */
struct mem_cgroup *mem_cgroup_from_private_id(unsigned short id);
/* memcg may be NULL: false. */
bool mem_cgroup_tryget(struct mem_cgroup *memcg);
void mem_cgroup_put(struct mem_cgroup *memcg);
/* No folio is any cgroup's here. */
static inline struct mem_cgroup *folio_memcg(struct folio *folio)
{
	return (void)folio, NULL;
}

static inline struct mem_cgroup *get_mem_cgroup_from_folio(struct folio *folio)
{
	return folio_memcg(folio);
}
struct cgroup_subsys_state *
css_next_descendant_pre(struct cgroup_subsys_state *pos,
			struct cgroup_subsys_state *root);

static inline bool mem_cgroup_is_root(struct mem_cgroup *memcg)
{
	return memcg == root_mem_cgroup;
}

static inline struct mem_cgroup *parent_mem_cgroup(struct mem_cgroup *memcg)
{
	return memcg->parent;
}

static inline struct mem_cgroup *
mem_cgroup_from_css(struct cgroup_subsys_state *css)
{
	return css ? container_of(css, struct mem_cgroup, css) : NULL;
}

static inline int memcg_kmem_id(struct mem_cgroup *memcg)
{
	return memcg ? memcg->kmemcg_id : -1;
}

#define css_for_each_descendant_pre(pos, css)                                  \
	for ((pos) = css_next_descendant_pre(NULL, (css)); (pos);              \
	     (pos) = css_next_descendant_pre((pos), (css)))

int alloc_shrinker_info(struct mem_cgroup *memcg);
void free_shrinker_info(struct mem_cgroup *memcg);
void set_shrinker_bit(struct mem_cgroup *memcg, int nid, int shrinker_id);
void reparent_shrinker_deferred(struct mem_cgroup *memcg);

#endif
