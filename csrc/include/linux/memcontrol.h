/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: cgroups as a shrinker's driver meets them; struct mem_cgroup is
 * the core's.
 */
#ifndef _LINUX_MEMCONTROL_H
#define _LINUX_MEMCONTROL_H

#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <shrinkpy/alloc.h>
#include <shrinkpy/runtime.h>

struct mem_cgroup_reclaim_cookie {
	int nid;
	unsigned int generation;
};

#define root_mem_cgroup sp_memcg_root(kernel_machine)
#define mem_cgroup_disabled() (!sp_machine_memcg_enabled(kernel_machine))
#define memcg_kmem_online() sp_machine_kmem(kernel_machine)
#define mem_cgroup_is_root(memcg) ((memcg) == root_mem_cgroup)
#define mem_cgroup_online(memcg) sp_memcg_is_online(memcg)
#define parent_mem_cgroup(memcg) sp_memcg_parent(memcg)
#define mem_cgroup_ino(memcg) ((memcg) ? sp_memcg_ino(memcg) : 0)

/* Of t, which is the current one. Borrowed. */
struct mem_cgroup *mem_cgroup_from_task(struct task_struct *t);
/* Whose an accounted object is, or its ancestor's when that is offline. */
struct mem_cgroup *mem_cgroup_from_slab_obj(void *p);
#define mem_cgroup_from_obj(p) mem_cgroup_from_slab_obj(p)
/* With a reference; mm NULL: of the current task. */
struct mem_cgroup *get_mem_cgroup_from_mm(struct mm_struct *mm);
#define get_mem_cgroup_from_current() get_mem_cgroup_from_mm(NULL)
void mem_cgroup_get(struct mem_cgroup *memcg);
bool mem_cgroup_tryget(struct mem_cgroup *memcg);
bool mem_cgroup_tryget_online(struct mem_cgroup *memcg);
void mem_cgroup_put(struct mem_cgroup *memcg);
struct mem_cgroup *mem_cgroup_iter(struct mem_cgroup *root,
				   struct mem_cgroup *prev,
				   struct mem_cgroup_reclaim_cookie *cookie);
void mem_cgroup_iter_break(struct mem_cgroup *root, struct mem_cgroup *prev);
struct shrinker;
void set_shrinker_bit(struct mem_cgroup *memcg, int nid, int shrinker_id);
int shrinker_id(struct shrinker *s);

#endif
