// SPDX-License-Identifier: GPL-2.0-only
/* list_lru.h, by the tree's mm/list_lru.c. */
#include <stdlib.h>

#include <shrinkpy/list_lru.h>

#include "original.h"

struct sp_list_lru {
	struct machine *machine;
	void *twin;
	bool memcg_aware;
	struct list_node list; /* of the machine; under its lock */
};

/* ---- calls ------------------------------------------------------------------- */

static bool bad_nid(const struct sp_list_lru *lru, int nid)
{
	return nid < 0 || nid >= lru->machine->nr_nodes;
}

static void *twin_of(struct mem_cgroup *memcg)
{
	return memcg ? memcg->twin : NULL;
}

static struct tree_call call_of(struct sp_list_lru *lru, int nid,
				struct mem_cgroup *memcg)
{
	return (struct tree_call){
		.twin = lru->twin,
		.parent = lru->memcg_aware ? twin_of(memcg) : NULL,
		.nid = nid,
	};
}

/* What it reads stays as memory: a look that is no pass. */
static enum sp_status enter(struct machine *m, void (*fn)(struct tree_call *),
			    struct tree_call *c, struct sp_reason *reason)
{
	struct reclaimer *r;
	enum sp_status status = reader_enter(m, &r);

	if (status != SP_OK)
		return status;
	status = has_globals(m) ? enter_tree_unlocked(fn, c, true, reason) :
				  SP_CLOSED;
	reader_exit(m, r);
	return status;
}

static enum sp_status no_such_node(const struct sp_list_lru *lru, int nid,
				   struct sp_reason *reason)
{
	return explain(reason, SP_INVAL, NULL, nid, NULL,
		       "a node is 0 to %d, not %d", lru->machine->nr_nodes - 1,
		       nid);
}

/* Why a call of a node's lists did not come back, in words. */
static enum sp_status explain_list(struct sp_list_lru *lru,
				   enum sp_status status,
				   const struct tree_call *c,
				   struct mem_cgroup *memcg, const char *where,
				   struct sp_reason *reason)
{
	struct sp_lock *lock = tree_lru_lock(lru->twin, c->nid, c->parent);

	if (status == SP_OOPS &&
	    !tree_lru_has_room(lru->twin, c->nid, c->parent))
		return explain(reason, status, NULL, c->nid, memcg,
			       "the list_lru has no lists for the cgroup: a "
			       "NULL dereference; call memcg_list_lru_alloc() "
			       "before");
	if (status != SP_DEADLOCK)
		return status;
	if (lock && sp_lock_is_mine(lock))
		return explain(reason, status, NULL, c->nid, NULL,
			       "%s() while this thread holds the lock of the "
			       "node's lists: a walk callback runs under it",
			       where);
	return explain(reason, status, NULL, c->nid, NULL,
		       "%s(): whoever has the lock of the node's lists, in a "
		       "walk callback, waits, directly or through others, for "
		       "this thread",
		       where);
}

/* ---- made and destroyed -------------------------------------------------------- */

static void do_create(struct tree_call *c)
{
	c->out = tree_lru_create(c->flags, c->twin, c->parent);
}

static void do_destroy(struct tree_call *c)
{
	tree_lru_destroy(c->twin);
}

enum sp_status sp_list_lru_create(struct machine *m, bool memcg_aware,
				  struct shrinker *s, const void *key,
				  struct sp_list_lru **out)
{
	struct sp_list_lru *lru = calloc(1, sizeof(*lru));
	struct tree_call c = { .flags = memcg_aware && m->memcg,
			       .twin = s ? s->twin : NULL,
			       .parent = (void *)(key ? key : lru) };
	enum sp_status status;

	*out = NULL;
	if (!lru)
		return SP_NOMEM;
	lru->machine = m;
	if (READ_ONCE(m->closed))
		status = SP_CLOSED;
	else
		status = enter(m, do_create, &c, NULL);
	if (status == SP_OK && !c.out)
		status = SP_NOMEM;
	if (status != SP_OK) {
		free(lru);
		return status;
	}
	lru->twin = c.out;
	lru->memcg_aware = tree_lru_is_memcg_aware(lru->twin);
	machine_lock(m);
	list_add_tail(&lru->list, &m->list_lrus);
	machine_unlock(m);
	*out = lru;
	return SP_OK;
}

enum sp_status sp_list_lru_destroy(struct sp_list_lru *lru)
{
	struct tree_call c = { 0 };
	enum sp_status status;
	struct machine *m;
	bool items = false;
	int nid;

	if (!lru)
		return SP_OK;
	m = lru->machine;
	c.twin = lru->twin;
	for (nid = 0; nid < m->nr_nodes; nid++)
		items = items || sp_list_lru_count_node(lru, nid);
	/* Its wait is for who hands items over, and ends by itself. */
	status = has_globals(m) ?
			 enter_tree_unlocked(do_destroy, &c, false, NULL) :
			 SP_OK;
	if (status == SP_DEADLOCK)
		return status;
	sp_lock_forget(m, lru, sizeof(*lru));
	machine_lock(m);
	list_del(&lru->list);
	machine_unlock(m);
	free(lru);
	return items ? SP_BUSY : SP_OK;
}

void list_lru_exit(struct machine *m)
{
	while (!list_empty(&m->list_lrus))
		sp_list_lru_destroy(container_of(m->list_lrus.next,
						 struct sp_list_lru, list));
}

/* One cgroup goes at a time; the tree counts on that. */
static struct sp_lock cgroup_mutex = { .kind = SP_LOCK_MUTEX,
				       .name = "cgroup_mutex" };

/* ---- every lock that there is ---------------------------------------------------- */

/* fn() until it gives true; nid: of which node. */
static bool any_lock(struct machine *m, bool (*fn)(struct sp_lock *), int *nid)
{
	struct list_node *pos;

	list_for_each (pos, &m->list_lrus) {
		struct sp_list_lru *lru =
			container_of(pos, struct sp_list_lru, list);

		for (*nid = 0; *nid < m->nr_nodes; ++*nid) {
			struct mem_cgroup *memcg = NULL;

			do {
				struct sp_lock *lock = tree_lru_lock(
					lru->twin, *nid, twin_of(memcg));

				if (lock && fn(lock))
					return true;
				memcg = m->root ? memcg_next(m->root, memcg) :
						  NULL;
			} while (memcg);
		}
	}
	return false;
}

static bool is_mine(struct sp_lock *lock)
{
	return sp_lock_is_mine(lock);
}

/* Nobody will give back what other threads held. */
static bool free_others(struct sp_lock *lock)
{
	if (!sp_lock_is_mine(lock)) {
		lock->word = lock->depth = 0;
		lock->owner = NULL;
	}
	return false;
}

void list_lru_forked(struct machine *m)
{
	struct list_node *pos;
	int nid;

	if (!has_globals(m))
		return;
	any_lock(m, free_others, &nid);
	free_others(&cgroup_mutex);
	list_for_each (pos, &m->list_lrus)
		tree_lru_forked(
			container_of(pos, struct sp_list_lru, list)->twin);
	tree_list_lrus_forked();
}

/* ---- a cgroup's lists -------------------------------------------------------------- */

static void do_prepare(struct tree_call *c)
{
	c->ret = tree_lru_prepare(c->twin, c->parent);
}

enum sp_status sp_list_lru_prepare(struct sp_list_lru *lru,
				   struct mem_cgroup *memcg)
{
	struct tree_call c = { .twin = lru->twin, .parent = twin_of(memcg) };
	enum sp_status status;

	if (sp_list_lru_closed(lru))
		return SP_CLOSED;
	if (!memcg || !lru->memcg_aware)
		return SP_OK;
	status = enter(lru->machine, do_prepare, &c, NULL);
	return status == SP_OK ? (enum sp_status)c.ret : status;
}

static void do_reparent(struct tree_call *c)
{
	tree_memcg_reparent_lrus(c->twin, c->parent);
}

static enum sp_status reparent(struct mem_cgroup *memcg,
			       struct sp_reason *reason)
{
	struct tree_call c = { .twin = memcg->twin,
			       .parent = memcg->parent->twin };
	enum sp_status status;

	/* Another thread may have done it meanwhile. */
	if (!READ_ONCE(memcg->takes_items))
		return SP_OK;
	status = enter_tree_unlocked(do_reparent, &c, true, reason);
	if (status == SP_OK)
		STORE_RELEASE(memcg->takes_items, false);
	else
		tree_memcg_keep_items(memcg->twin);
	return status;
}

enum sp_status list_lru_reparent(struct mem_cgroup *memcg,
				 struct sp_reason *reason)
{
	struct machine *m = memcg->machine;
	enum sp_status status;
	struct reclaimer *r;
	bool mine;
	int nid;

	if (!memcg->parent || !READ_ONCE(memcg->takes_items) || !has_globals(m))
		return SP_OK;
	machine_lock(m);
	mine = any_lock(m, is_mine, &nid);
	machine_unlock(m);
	if (mine)
		return explain(reason, SP_DEADLOCK, NULL, nid, memcg,
			       "taking a cgroup offline in the walk callback "
			       "of a list_lru, under the lock that handing its "
			       "items over takes");
	status = reader_enter(m, &r);
	if (status != SP_OK)
		return status;
	status = sp_lock_take(m, &cgroup_mutex, SP_LOCK_WAIT, 0, NULL);
	if (status == SP_OK) {
		status = reparent(memcg, reason);
		sp_lock_give(m, &cgroup_mutex);
	}
	reader_exit(m, r);
	return status;
}

/* ---- add, del, counts ----------------------------------------------------------------- */

static void do_add(struct tree_call *c)
{
	c->ret = tree_lru_add(c->twin, c->item, c->nid, c->parent);
}

static void do_del(struct tree_call *c)
{
	c->ret = tree_lru_del(c->twin, c->item, c->nid, c->parent);
}

static enum sp_status change(struct sp_list_lru *lru, struct list_head *item,
			     int nid, struct mem_cgroup *memcg, bool *done,
			     void (*fn)(struct tree_call *), const char *where,
			     struct sp_reason *reason)
{
	struct tree_call c = call_of(lru, nid, memcg);
	enum sp_status status;

	*done = false;
	if (bad_nid(lru, nid))
		return no_such_node(lru, nid, reason);
	if (!has_globals(lru->machine))
		return SP_CLOSED;
	c.item = item;
	status = enter(lru->machine, fn, &c, reason);
	if (status != SP_OK)
		return explain_list(lru, status, &c, memcg, where, reason);
	*done = c.ret;
	return SP_OK;
}

enum sp_status sp_list_lru_add(struct sp_list_lru *lru, struct list_head *item,
			       int nid, struct mem_cgroup *memcg, bool *done,
			       struct sp_reason *reason)
{
	*done = false;
	if (sp_list_lru_closed(lru))
		return SP_CLOSED;
	return change(lru, item, nid, memcg, done, do_add, "list_lru_add",
		      reason);
}

enum sp_status sp_list_lru_del(struct sp_list_lru *lru, struct list_head *item,
			       int nid, struct mem_cgroup *memcg, bool *done,
			       struct sp_reason *reason)
{
	return change(lru, item, nid, memcg, done, do_del, "list_lru_del",
		      reason);
}

void sp_list_lru_isolate(struct list_lru_one *list, struct list_head *item)
{
	tree_lru_isolate(list, item);
}

void sp_list_lru_isolate_move(struct list_lru_one *list, struct list_head *item,
			      struct list_head *head)
{
	tree_lru_isolate_move(list, item, head);
}

static void do_count_one(struct tree_call *c)
{
	c->ret = (long)tree_lru_count_one(c->twin, c->nid, c->parent);
}

static void do_count_node(struct tree_call *c)
{
	c->ret = (long)tree_lru_count_node(c->twin, c->nid);
}

unsigned long sp_list_lru_count_one(struct sp_list_lru *lru, int nid,
				    struct mem_cgroup *memcg)
{
	struct tree_call c = call_of(lru, nid, memcg);

	if (bad_nid(lru, nid) || !has_globals(lru->machine))
		return 0;
	return enter(lru->machine, do_count_one, &c, NULL) == SP_OK ?
		       (unsigned long)c.ret :
		       0;
}

unsigned long sp_list_lru_count_node(struct sp_list_lru *lru, int nid)
{
	struct tree_call c = call_of(lru, nid, NULL);

	if (bad_nid(lru, nid) || !has_globals(lru->machine))
		return 0;
	return enter(lru->machine, do_count_node, &c, NULL) == SP_OK ?
		       (unsigned long)c.ret :
		       0;
}

long sp_list_lru_one_items(const struct list_lru_one *list)
{
	return tree_lru_one_items(list);
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

/* ---- walks ---------------------------------------------------------------------------- */

struct walk {
	list_lru_walk_cb isolate;
	void *cb_arg;
	unsigned long *isolated;
	unsigned long *nr_to_walk;
};

int seam_isolate(void *walk, struct list_head *item, void *one,
		 struct sp_lock *lock)
{
	const struct walk *w = walk;
	void *entry = callback_begin();
	enum lru_status said = w->isolate(item, one, lock, w->cb_arg);

	callback_end(entry);
	if (!sp_lock_is_mine(lock))
		seam_leave(SP_OOPS, "a walk callback came back without the "
				    "lock that it was called with");
	if (said == LRU_REMOVED || said == LRU_REMOVED_RETRY)
		++*w->isolated;
	return (int)said;
}

/* What the tree says, where it comes back; else what callbacks said. */
static void do_walk_one(struct tree_call *c)
{
	const struct walk *w = c->out;

	*w->isolated = tree_lru_walk_one(c->twin, c->nid, c->parent, c->out,
					 w->nr_to_walk);
}

static void do_walk_node(struct tree_call *c)
{
	const struct walk *w = c->out;

	*w->isolated =
		tree_lru_walk_node(c->twin, c->nid, c->out, w->nr_to_walk);
}

static enum sp_status walk(struct sp_list_lru *lru, int nid,
			   struct mem_cgroup *memcg,
			   void (*fn)(struct tree_call *), struct walk *w)
{
	struct tree_call c = call_of(lru, nid, memcg);

	*w->isolated = 0;
	if (sp_list_lru_closed(lru))
		return SP_CLOSED;
	if (bad_nid(lru, nid))
		return SP_INVAL;
	c.out = w;
	return enter(lru->machine, fn, &c, NULL);
}

enum sp_status sp_list_lru_walk_one(struct sp_list_lru *lru, int nid,
				    struct mem_cgroup *memcg,
				    list_lru_walk_cb isolate, void *cb_arg,
				    unsigned long *nr_to_walk,
				    unsigned long *isolated)
{
	struct walk w = { isolate, cb_arg, isolated, nr_to_walk };

	return walk(lru, nid, memcg, do_walk_one, &w);
}

enum sp_status sp_list_lru_walk_node(struct sp_list_lru *lru, int nid,
				     list_lru_walk_cb isolate, void *cb_arg,
				     unsigned long *nr_to_walk,
				     unsigned long *isolated)
{
	struct walk w = { isolate, cb_arg, isolated, nr_to_walk };

	return walk(lru, nid, NULL, do_walk_node, &w);
}

/* ---- a shrinker of its own ---------------------------------------------------------------- */

enum sp_status sp_list_lru_attach(struct sp_list_lru *lru, struct shrinker *s,
				  struct sp_reason *reason)
{
	struct machine *m = lru->machine;
	struct mem_cgroup *memcg = NULL;
	enum sp_status status = SP_OK;
	int nid;

	if (s && sp_shrinker_machine(s) != m)
		return explain(reason, SP_INVAL, s, -1, NULL,
			       "the shrinker belongs to another machine");
	/* From now on first items set its bits; those before, here. */
	if (!has_globals(m))
		return SP_CLOSED;
	tree_lru_set_shrinker(lru->twin, s ? s->twin : NULL);
	atomic_thread_fence(memory_order_seq_cst);
	while (s && status == SP_OK &&
	       (memcg = sp_memcg_iter(m, NULL, memcg))) {
		for (nid = 0; nid < m->nr_nodes && status == SP_OK; nid++) {
			if (tree_lru_own_items(lru->twin, nid, memcg->twin) > 0)
				status = sp_set_shrinker_bit(m, memcg, nid,
							     sp_shrinker_id(s),
							     reason);
		}
	}
	sp_memcg_put(memcg);
	return status;
}
