// SPDX-License-Identifier: GPL-2.0-only
/* Cgroups over the core's, and the place of the current task. */
#include <linux/list_lru.h>
#include <linux/memcontrol.h>
#include <linux/numa.h>

#include "slab.h"

int numa_node_id(void)
{
	return sp_task_place(kernel_machine).nid;
}

static struct mem_cgroup *or_root(struct mem_cgroup *memcg)
{
	return memcg ? memcg : sp_memcg_root(kernel_machine);
}

struct mem_cgroup *mem_cgroup_from_task(struct task_struct *t)
{
	(void)t;
	return or_root(sp_task_place(kernel_machine).memcg);
}

struct mem_cgroup *get_mem_cgroup_from_mm(struct mm_struct *mm)
{
	struct mem_cgroup *memcg =
		mm ? or_root(mm->memcg) : mem_cgroup_from_task(NULL);

	mem_cgroup_get(memcg);
	return memcg;
}

struct mem_cgroup *mem_cgroup_from_slab_obj(void *p)
{
	struct kernel_object o;

	return object_at(p, &o) ? object_memcg(&o) : NULL;
}

void mem_cgroup_get(struct mem_cgroup *memcg)
{
	if (memcg)
		sp_memcg_get(memcg);
}

bool mem_cgroup_tryget(struct mem_cgroup *memcg)
{
	mem_cgroup_get(memcg);
	return true;
}

bool mem_cgroup_tryget_online(struct mem_cgroup *memcg)
{
	if (memcg && !sp_memcg_is_online(memcg))
		return false;
	return mem_cgroup_tryget(memcg);
}

void mem_cgroup_put(struct mem_cgroup *memcg)
{
	if (memcg)
		sp_memcg_put(memcg);
}

struct mem_cgroup *mem_cgroup_iter(struct mem_cgroup *root,
				   struct mem_cgroup *prev,
				   struct mem_cgroup_reclaim_cookie *cookie)
{
	(void)cookie;
	if (mem_cgroup_disabled())
		return NULL;
	return sp_memcg_iter(kernel_machine, root, prev);
}

void mem_cgroup_iter_break(struct mem_cgroup *root, struct mem_cgroup *prev)
{
	(void)root;
	mem_cgroup_put(prev);
}

struct mem_cgroup *set_active_memcg(struct mem_cgroup *memcg)
{
	struct sp_place to = sp_task_place(kernel_machine);

	to.memcg = memcg;
	return sp_task_move(kernel_machine, to).memcg;
}

int shrinker_id(struct shrinker *s)
{
	return sp_shrinker_id(s);
}

void set_shrinker_bit(struct mem_cgroup *memcg, int nid, int id)
{
	struct sp_reason reason;

	if (id >= 0 && memcg && !mem_cgroup_is_root(memcg) &&
	    sp_set_shrinker_bit(kernel_machine, memcg, nid, id, &reason) ==
		    SP_OOPS)
		kernel_oops("set_shrinker_bit(): %s", reason.text);
}
