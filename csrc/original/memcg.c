// SPDX-License-Identifier: GPL-2.0-only
/* A cgroup and its twin, the tree's struct mem_cgroup; both ways. */
#include <stdio.h>

#include "original.h"

/* ---- the core, of the tree's ---------------------------------------------- */

static void do_online(struct tree_call *c)
{
	c->ret = tree_memcg_online(c->twin);
}

static void do_offline(struct tree_call *c)
{
	tree_memcg_offline(c->twin);
}

static void do_delete(struct tree_call *c)
{
	tree_memcg_delete(c->twin);
}

static void do_release(struct tree_call *c)
{
	tree_memcg_release(c->twin);
}

static void do_new(struct tree_call *c)
{
	c->out = tree_memcg_new(c->twin, c->parent);
}

enum sp_status mm_memcg_create(struct mem_cgroup *memcg)
{
	struct mem_cgroup *parent = memcg->parent;
	struct tree_call c = { .twin = memcg,
			       .parent = parent ? parent->twin : NULL };

	enter_tree_told(do_new, &c, "a cgroup is made");
	memcg->twin = c.out;
	return memcg->twin ? SP_OK : SP_NOMEM;
}

enum sp_status mm_memcg_online(struct mem_cgroup *memcg)
{
	struct tree_call c = { .twin = memcg->twin };
	enum sp_status status = enter_tree(do_online, &c, NULL);
	if (status == SP_OK && c.ret)
		status = (enum sp_status)c.ret;
	if (status == SP_OK && memcg->parent)
		tree_memcg_has_items(memcg->twin);
	return status;
}

void mm_memcg_offline(struct mem_cgroup *memcg, struct mem_cgroup *parent)
{
	struct tree_call c = { .twin = memcg->twin };

	(void)parent; /* the tree finds it itself */
	if (has_globals(memcg->machine))
		enter_tree_told(do_offline, &c, "a cgroup goes offline");
}

void mm_memcg_release(struct mem_cgroup *memcg)
{
	struct tree_call c = { .twin = memcg->twin };

	if (!has_globals(memcg->machine))
		return;
	enter_tree_told(do_release, &c, "a cgroup is released");
}

void mm_memcg_free(struct mem_cgroup *memcg)
{
	struct tree_call c = { .twin = memcg->twin };

	if (!has_globals(memcg->machine))
		return;
	enter_tree_told(do_delete, &c, "a cgroup's memory goes");
}

static void do_map_nr_max(struct tree_call *c)
{
	c->ret = tree_map_nr_max(c->twin, c->nid);
}

int mm_map_nr_max(struct mem_cgroup *memcg, int nid)
{
	struct tree_call c = { .twin = memcg->twin, .nid = nid, .ret = -1 };

	if (has_globals(memcg->machine))
		look_at_tree(do_map_nr_max, &c);
	return (int)c.ret;
}

static void do_set_bit(struct tree_call *c)
{
	tree_set_bit(c->twin, c->nid, c->id);
}

enum sp_status sp_set_shrinker_bit(struct machine *m, struct mem_cgroup *memcg,
				   int nid, int id, struct sp_reason *reason)
{
	const bool in_pass = sp_pass_depth(m);
	struct tree_call c = { .nid = nid, .id = id };
	enum sp_status status;
	char about[96];
	int nr_max;

	if (id < 0 || !memcg || memcg == READ_ONCE(m->root))
		return SP_OK;
	if (nid < 0 || nid >= m->nr_nodes)
		return SP_INVAL;
	if (!has_globals(m))
		return SP_CLOSED;
	c.twin = memcg->twin;
	c.about = about;
	/* In a pass its info stays; else the lock keeps it. */
	if (!in_pass)
		machine_lock(m);
	nr_max = mm_map_nr_max(memcg, nid);
	snprintf(about, sizeof(about),
		 "id %d, map_nr_max %d, cgroup %lu, node %d", id, nr_max,
		 memcg->ino, nid);
	if (nr_max < 0)
		status = explain_no_info(reason, nid, memcg);
	else if (in_pass)
		status = look_at_tree(do_set_bit, &c);
	else
		status = enter_tree(do_set_bit, &c, reason);
	if (!in_pass)
		machine_unlock(m);
	return status;
}

/* ---- the tree's, of the core ----------------------------------------------- */

bool seam_memcg_disabled(void)
{
	return !the_machine->memcg;
}

bool seam_kmem(void)
{
	return READ_ONCE(the_machine->kmem);
}

bool seam_memcg_online(void *handle)
{
	return LOAD_ACQUIRE(((struct mem_cgroup *)handle)->online);
}

unsigned long seam_memcg_ino(void *handle)
{
	return ((struct mem_cgroup *)handle)->ino;
}

static void *twin_of(const struct mem_cgroup *memcg)
{
	return memcg ? memcg->twin : NULL;
}

void *seam_memcg_iter(void *prev)
{
	return twin_of(
		sp_memcg_iter(the_machine, NULL, tree_memcg_handle(prev)));
}

void *seam_memcg_next(void *top, void *pos)
{
	struct mem_cgroup *from = tree_memcg_handle(top), *next;

	if (!seam_locked())
		machine_lock(the_machine);
	if (!from)
		from = the_machine->root;
	next = from ? memcg_next(from, tree_memcg_handle(pos)) : NULL;
	if (!seam_locked())
		machine_unlock(the_machine);
	return twin_of(next);
}

void *seam_memcg_by_ino(unsigned long ino)
{
	struct mem_cgroup *memcg = NULL;

	while ((memcg = sp_memcg_iter(the_machine, NULL, memcg))) {
		if (memcg->ino == ino)
			break;
	}
	return twin_of(memcg);
}

void seam_memcg_get(void *handle)
{
	sp_memcg_get(handle);
}

void seam_memcg_put(void *handle)
{
	sp_memcg_put(handle);
}
