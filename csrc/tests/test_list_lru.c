// SPDX-License-Identifier: GPL-2.0-only
/* list_lru: the lists, walks, the bit, cgroups that go offline under them. */
#include <pthread.h>
#include <sched.h>

#include <shrinkpy/list_lru.h>

#include "check.h"

enum { MANY = 64 };

struct object {
	struct list_head lru; /* first: an item is an object */
	int nr;
};

static void init_objects(struct object *o, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		o[i].lru.next = o[i].lru.prev = &o[i].lru;
		o[i].nr = i;
	}
}

static struct sp_list_lru *make_lru(struct machine *m, bool memcg_aware,
				    struct shrinker *s)
{
	struct sp_list_lru *lru;

	if (sp_list_lru_create(m, memcg_aware, s, NULL, &lru))
		abort();
	return lru;
}

static bool add(struct sp_list_lru *lru, struct object *o, int nid,
		struct mem_cgroup *memcg)
{
	bool done;

	if (sp_list_lru_prepare(lru, memcg) ||
	    sp_list_lru_add(lru, &o->lru, nid, memcg, &done, NULL))
		abort();
	return done;
}

static bool del(struct sp_list_lru *lru, struct object *o, int nid,
		struct mem_cgroup *memcg)
{
	bool done;

	if (sp_list_lru_del(lru, &o->lru, nid, memcg, &done, NULL))
		abort();
	return done;
}

/* What a walk callback is to say for its i-th call, and what it saw. */
struct script {
	const enum lru_status *say;
	int nr_said;
	int seen[4 * MANY];
	struct machine *machine;
	void (*unlocked)(void *data); /* with the lock given away */
	void *data;
};

static enum lru_status act(struct list_head *item, struct list_lru_one *list,
			   struct sp_lock *lock, void *cb_arg)
{
	struct script *s = cb_arg;
	const enum lru_status say = s->say[s->nr_said];
	bool dropped = say == LRU_RETRY || say == LRU_REMOVED_RETRY;

	CHECK(sp_lock_is_mine(lock));
	s->seen[s->nr_said++] = ((struct object *)item)->nr;
	if (say == LRU_REMOVED || say == LRU_REMOVED_RETRY)
		sp_list_lru_isolate(list, item);
	if (dropped) {
		CHECK_EQ(sp_lock_give(s->machine, lock), SP_OK);
		if (s->unlocked)
			s->unlocked(s->data);
		CHECK_EQ(sp_lock_take(s->machine, lock, 0, 0, NULL), SP_OK);
	}
	return say;
}

static unsigned long walk(struct sp_list_lru *lru, struct mem_cgroup *memcg,
			  struct script *s, unsigned long *nr_to_walk)
{
	unsigned long isolated;

	s->machine = sp_list_lru_machine(lru);
	CHECK_EQ(sp_list_lru_walk_one(lru, 0, memcg, act, s, nr_to_walk,
				      &isolated),
		 SP_OK);
	return isolated;
}

/* Compares what was seen with numbers up to a -1. */
static void saw(const struct script *s, const int *numbers)
{
	int i;

	for (i = 0; numbers[i] >= 0; i++)
		CHECK_EQ(s->seen[i], numbers[i]);
	CHECK_EQ(s->nr_said, i);
}

#define SAW(s, ...) saw(s, (const int[]){ __VA_ARGS__, -1 })
#define SAY(...)                                                               \
	(const enum lru_status[])                                              \
	{                                                                      \
		__VA_ARGS__                                                    \
	}

/* ---- add, del, count --------------------------------------------------- */

static void an_item_is_on_one_list(void)
{
	struct machine *m = make_machine(2, true);
	struct sp_list_lru *lru = make_lru(m, false, NULL);
	struct object o[2];
	bool done;

	init_objects(o, 2);
	CHECK(add(lru, &o[0], 0, NULL));
	CHECK(!add(lru, &o[0], 0, NULL));
	CHECK(add(lru, &o[1], 1, NULL));
	CHECK_EQ(sp_list_lru_count_node(lru, 0), 1);
	CHECK_EQ(sp_list_lru_count_one(lru, 1, NULL), 1);
	CHECK(del(lru, &o[0], 0, NULL));
	CHECK(!del(lru, &o[0], 0, NULL));
	CHECK_EQ(sp_list_lru_count_node(lru, 0), 0);
	CHECK_EQ(sp_list_lru_add(lru, &o[0].lru, 2, NULL, &done, NULL),
		 SP_INVAL);
	CHECK(!done);
	CHECK_EQ(sp_list_lru_count_one(lru, -1, NULL), 0);
	CHECK_EQ(sp_list_lru_destroy(lru), SP_BUSY);
	sp_machine_destroy(m);
}

static void a_cgroup_without_room_is_an_oops(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	struct sp_reason reason;
	struct object o;
	bool done;

	init_objects(&o, 1);
	CHECK_EQ(sp_list_lru_add(lru, &o.lru, 0, a, &done, &reason), SP_OOPS);
	CHECK(!done && o.lru.next == &o.lru);
	CHECK_EQ(reason.memcg_ino, sp_memcg_ino(a));
	CHECK_EQ(sp_list_lru_count_one(lru, 0, a), 0);
	CHECK(add(lru, &o, 0, a));
	CHECK_EQ(sp_list_lru_count_one(lru, 0, a), 1);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, NULL), 0);
	CHECK_EQ(sp_list_lru_count_node(lru, 0), 1);
	CHECK(del(lru, &o, 0, a));
	CHECK_EQ(sp_list_lru_destroy(lru), SP_OK);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

static void room_is_made_for_all_ancestors_or_none(void)
{
	struct machine *m = make_machine(2, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct mem_cgroup *b = add_memcg(m, a), *c = add_memcg(m, b);
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	struct sp_ledger before, after;
	unsigned long nth;

	sp_ledger_read(m, &before);
	for (nth = 1; nth <= 3; nth++) {
		sp_fault_fail_nth(m, nth, 1u << SP_SITE_LIST_LRU);
		CHECK_EQ(sp_list_lru_prepare(lru, c), SP_NOMEM);
		sp_ledger_read(m, &after);
		CHECK_EQ(after.bytes, before.bytes);
	}
	sp_fault_fail_nth(m, 4, 1u << SP_SITE_LIST_LRU);
	CHECK_EQ(sp_list_lru_prepare(lru, c), SP_OK);
	CHECK_EQ(sp_fault_pending(m), 1);
	CHECK_EQ(sp_list_lru_prepare(lru, a), SP_OK);
	CHECK_EQ(sp_fault_pending(m), 1);
	sp_ledger_read(m, &after);
	CHECK_EQ(after.live[SP_SITE_LIST_LRU], 4);
	CHECK_EQ(sp_list_lru_destroy(lru), SP_OK);
	sp_ledger_read(m, &after);
	CHECK_EQ(after.live[SP_SITE_LIST_LRU], 0);
	sp_memcg_put(c);
	sp_memcg_put(b);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

static void ids_are_given_anew(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct sp_list_lru *lru[100];
	struct object o[100];
	int i;

	init_objects(o, 100);
	for (i = 0; i < 100; i++) {
		lru[i] = make_lru(m, true, NULL);
		CHECK(add(lru[i], &o[i], 0, a));
	}
	for (i = 0; i < 100; i += 3) {
		CHECK(del(lru[i], &o[i], 0, a));
		CHECK_EQ(sp_list_lru_destroy(lru[i]), SP_OK);
		lru[i] = make_lru(m, true, NULL);
		CHECK_EQ(sp_list_lru_count_one(lru[i], 0, a), 0);
		CHECK(add(lru[i], &o[i], 0, a));
	}
	for (i = 0; i < 100; i++)
		CHECK_EQ(sp_list_lru_count_one(lru[i], 0, a), 1);
	sp_memcg_put(a);
	sp_machine_destroy(m); /* takes them along */
}

static void without_kmem_there_is_one_list_a_node(void)
{
	struct machine *m = make_machine(1, false);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	struct object o;

	init_objects(&o, 1);
	CHECK(!sp_list_lru_memcg_aware(lru));
	CHECK(add(lru, &o, 0, a));
	CHECK_EQ(sp_list_lru_count_one(lru, 0, NULL), 1);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

static void a_closed_machine_takes_no_more(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct sp_list_lru *lru = make_lru(m, true, NULL), *late;
	unsigned long nr = 1, isolated;
	struct object o[2];
	bool done;

	init_objects(o, 2);
	CHECK(add(lru, &o[0], 0, NULL));
	CHECK_EQ(sp_machine_close(m, NULL), SP_OK);
	CHECK_EQ(sp_list_lru_add(lru, &o[1].lru, 0, NULL, &done, NULL),
		 SP_CLOSED);
	CHECK_EQ(sp_list_lru_prepare(lru, a), SP_CLOSED);
	CHECK_EQ(sp_list_lru_walk_one(lru, 0, NULL, act, NULL, &nr, &isolated),
		 SP_CLOSED);
	CHECK_EQ(sp_list_lru_walk_node(lru, 0, act, NULL, &nr, &isolated),
		 SP_CLOSED);
	CHECK_EQ(sp_list_lru_create(m, true, NULL, NULL, &late), SP_CLOSED);
	CHECK(del(lru, &o[0], 0, NULL));
	CHECK_EQ(sp_list_lru_destroy(lru), SP_OK);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

/* ---- walks ------------------------------------------------------------- */

static void a_walk_does_what_its_callback_says(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_list_lru *lru = make_lru(m, false, NULL);
	struct script s = { .say = SAY(LRU_REMOVED, LRU_SKIP, LRU_ROTATE,
				       LRU_STOP) };
	unsigned long nr = 10;
	struct object o[5];
	int i;

	init_objects(o, 5);
	for (i = 0; i < 5; i++)
		add(lru, &o[i], 0, NULL);
	CHECK_EQ(walk(lru, NULL, &s, &nr), 1);
	SAW(&s, 0, 1, 2, 3);
	CHECK_EQ(nr, 6);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, NULL), 4);
	/* Rotated to the tail: 1 3 4 2. */
	s = (struct script){ .say = SAY(LRU_SKIP, LRU_REMOVED_RETRY, LRU_RETRY,
					LRU_SKIP, LRU_SKIP, LRU_SKIP) };
	nr = 6;
	CHECK_EQ(walk(lru, NULL, &s, &nr), 1);
	SAW(&s, 1, 3, 1, 1, 4, 2);
	CHECK_EQ(nr, 0);
	CHECK_EQ(sp_list_lru_count_node(lru, 0), 3);
	sp_machine_destroy(m);
}

static void a_walk_ends_after_nr_to_walk(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_list_lru *lru = make_lru(m, false, NULL);
	struct script s = { .say = SAY(LRU_ROTATE, LRU_ROTATE, LRU_ROTATE) };
	unsigned long nr = 3;
	struct object o[2];

	init_objects(o, 2);
	add(lru, &o[0], 0, NULL);
	add(lru, &o[1], 0, NULL);
	CHECK_EQ(walk(lru, NULL, &s, &nr), 0);
	SAW(&s, 0, 1, 0); /* rotated ones come again */
	CHECK_EQ(nr, 0);
	CHECK_EQ(walk(lru, NULL, &s, &nr), 0);
	SAW(&s, 0, 1, 0);
	sp_machine_destroy(m);
}

static enum lru_status give_away(struct list_head *item,
				 struct list_lru_one *list,
				 struct sp_lock *lock, void *cb_arg)
{
	(void)item, (void)list;
	sp_lock_give(cb_arg, lock);
	return LRU_SKIP;
}

static enum lru_status say_nonsense(struct list_head *item,
				    struct list_lru_one *list,
				    struct sp_lock *lock, void *cb_arg)
{
	(void)item, (void)list, (void)lock, (void)cb_arg;
	return (enum lru_status)6;
}

static void what_the_kernel_would_die_of_is_an_oops(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_list_lru *lru = make_lru(m, false, NULL);
	unsigned long nr = 9, isolated;
	struct object o;

	init_objects(&o, 1);
	add(lru, &o, 0, NULL);
	CHECK_EQ(sp_list_lru_walk_one(lru, 0, NULL, give_away, m, &nr,
				      &isolated),
		 SP_OOPS);
	CHECK_EQ(sp_list_lru_walk_node(lru, 0, say_nonsense, m, &nr, &isolated),
		 SP_OOPS);
	CHECK_EQ(sp_list_lru_walk_one(lru, 1, NULL, act, m, &nr, &isolated),
		 SP_INVAL);
	CHECK(del(lru, &o, 0, NULL));
	sp_machine_destroy(m);
}

struct trespass {
	struct sp_list_lru *lru;
	struct mem_cgroup *memcg;
	struct object *other;
};

static enum lru_status use_the_same(struct list_head *item,
				    struct list_lru_one *list,
				    struct sp_lock *lock, void *cb_arg)
{
	unsigned long nr = 1, isolated;
	struct trespass *t = cb_arg;
	struct sp_reason reason;
	bool done;

	(void)lock;
	CHECK_EQ(sp_list_lru_add(t->lru, &t->other->lru, 0, NULL, &done, NULL),
		 SP_DEADLOCK);
	CHECK_EQ(sp_list_lru_del(t->lru, item, 0, NULL, &done, &reason),
		 SP_DEADLOCK);
	CHECK(strstr(reason.text, "list_lru_del") != NULL);
	CHECK_EQ(sp_list_lru_walk_one(t->lru, 0, NULL, use_the_same, t, &nr,
				      &isolated),
		 SP_DEADLOCK);
	CHECK_EQ(sp_memcg_offline(t->memcg, &reason), SP_DEADLOCK);
	CHECK(sp_memcg_is_online(t->memcg));
	CHECK_EQ(sp_list_lru_one_items(list), 1);
	CHECK_EQ(sp_list_lru_count_node(t->lru, 0), 1);
	CHECK_EQ(sp_list_lru_add(t->lru, &t->other->lru, 1, NULL, &done, NULL),
		 SP_OK);
	return LRU_STOP;
}

static void a_callback_runs_under_the_lock(void)
{
	struct machine *m = make_machine(2, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	unsigned long nr = 9, isolated;
	struct object o[2];
	struct trespass t = { lru, a, &o[1] };

	init_objects(o, 2);
	add(lru, &o[0], 0, NULL);
	CHECK_EQ(sp_list_lru_walk_one(lru, 0, NULL, use_the_same, &t, &nr,
				      &isolated),
		 SP_OK);
	CHECK_EQ(nr, 8);
	CHECK_EQ(sp_list_lru_count_node(lru, 1), 1);
	CHECK_EQ(sp_memcg_offline(a, NULL), SP_OK);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

static enum lru_status move_away(struct list_head *item,
				 struct list_lru_one *list,
				 struct sp_lock *lock, void *cb_arg)
{
	(void)lock;
	sp_list_lru_isolate_move(list, item, cb_arg);
	return LRU_REMOVED;
}

static void a_node_is_the_root_then_every_cgroup(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct mem_cgroup *b = add_memcg(m, a);
	struct mem_cgroup *c = add_memcg(m, sp_memcg_root(m));
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	struct list_head away = { &away, &away };
	unsigned long nr = 3, isolated;
	struct object o[4];

	init_objects(o, 4);
	add(lru, &o[0], 0, c);
	add(lru, &o[1], 0, b);
	add(lru, &o[2], 0, a);
	add(lru, &o[3], 0, NULL);
	CHECK_EQ(sp_list_lru_walk_node(lru, 0, move_away, &away, &nr,
				       &isolated),
		 SP_OK);
	CHECK_EQ(isolated, 3);
	CHECK_EQ(nr, 0);
	/* Each at the head: the last one first. */
	CHECK(away.next == &o[1].lru && away.next->next == &o[2].lru &&
	      away.prev == &o[3].lru);
	CHECK_EQ(sp_list_lru_count_node(lru, 0), 1);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, c), 1);
	sp_memcg_put(c);
	sp_memcg_put(b);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

/* ---- the bit ----------------------------------------------------------- */

static void the_first_item_sets_the_bit(void)
{
	struct machine *m = make_machine(2, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct cache cache = { .empty = SHRINK_EMPTY };
	struct shrinker *s = add_cache(m, SHRINKER_MEMCG_AWARE, "s", &cache);
	struct sp_list_lru *lru = make_lru(m, true, s);
	struct object o[2];
	struct sp_pass out;

	init_objects(o, 2);
	CHECK(!sp_peek_bit(a, 1, sp_shrinker_id(s)));
	add(lru, &o[0], 1, a);
	CHECK(sp_peek_bit(a, 1, sp_shrinker_id(s)));
	CHECK(!sp_peek_bit(a, 0, sp_shrinker_id(s)));
	/* A pass that finds nothing takes it; the second item brings none. */
	CHECK_EQ(sp_shrink_slab(m, 0, 1, a, 0, &out), SP_OK);
	CHECK(!sp_peek_bit(a, 1, sp_shrinker_id(s)));
	add(lru, &o[1], 1, a);
	CHECK(!sp_peek_bit(a, 1, sp_shrinker_id(s)));
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

static void a_shrinker_that_comes_later_gets_its_bits(void)
{
	struct machine *m = make_machine(2, true), *other;
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	struct cache cache = { .n = 1 }, foreign = { .n = 1 };
	struct shrinker *s;
	struct object o[2];

	init_objects(o, 2);
	add(lru, &o[0], 1, a);
	s = add_cache(m, SHRINKER_MEMCG_AWARE, "s", &cache);
	CHECK(!sp_peek_bit(a, 1, sp_shrinker_id(s)));
	CHECK_EQ(sp_list_lru_attach(lru, s, NULL), SP_OK);
	CHECK(sp_peek_bit(a, 1, sp_shrinker_id(s)));
	CHECK(!sp_peek_bit(a, 0, sp_shrinker_id(s)));
	add(lru, &o[1], 0, a);
	CHECK(sp_peek_bit(a, 0, sp_shrinker_id(s)));
	other = make_machine(1, true);
	s = add_cache(other, 0, "s", &foreign);
	CHECK_EQ(sp_list_lru_attach(lru, s, NULL), SP_INVAL);
	CHECK_EQ(sp_list_lru_attach(lru, NULL, NULL), SP_OK);
	sp_machine_destroy(other);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

/* ---- offline ----------------------------------------------------------- */

static void items_go_to_the_parent(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct mem_cgroup *b = add_memcg(m, a);
	struct cache cache = { .n = 1 };
	struct shrinker *s = add_cache(m, SHRINKER_MEMCG_AWARE, "s", &cache);
	struct sp_list_lru *lru = make_lru(m, true, s);
	struct script seen = { .say = SAY(LRU_SKIP, LRU_SKIP, LRU_SKIP,
					  LRU_SKIP) };
	struct sp_ledger ledger;
	unsigned long nr = 9;
	struct object o[4];

	init_objects(o, 4);
	add(lru, &o[0], 0, b);
	add(lru, &o[1], 0, b);
	CHECK(!sp_peek_bit(a, 0, sp_shrinker_id(s)));
	CHECK_EQ(sp_memcg_offline(b, NULL), SP_OK);
	CHECK(sp_peek_bit(a, 0, sp_shrinker_id(s)));
	sp_ledger_read(m, &ledger);
	CHECK_EQ(ledger.live[SP_SITE_LIST_LRU], 2);
	CHECK(add(lru, &o[2], 0, a));
	CHECK(add(lru, &o[3], 0, b));
	CHECK_EQ(sp_list_lru_count_one(lru, 0, a), 4);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, b), 4);
	CHECK_EQ(walk(lru, b, &seen, &nr), 0);
	SAW(&seen, 0, 1, 2, 3);
	CHECK(del(lru, &o[3], 0, b));
	CHECK_EQ(sp_memcg_offline(a, NULL), SP_OK);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, NULL), 3);
	CHECK(del(lru, &o[0], 0, b));
	CHECK_EQ(sp_list_lru_count_node(lru, 0), 2);
	CHECK_EQ(sp_list_lru_destroy(lru), SP_BUSY);
	sp_memcg_put(b);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

static void a_parent_may_go_first(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct mem_cgroup *b = add_memcg(m, a);
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	struct object o[2];

	init_objects(o, 2);
	add(lru, &o[0], 0, b);
	CHECK_EQ(sp_memcg_offline(a, NULL), SP_OK);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, b), 1);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, a), 0);
	CHECK_EQ(sp_memcg_offline(b, NULL), SP_OK);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, NULL), 1);
	sp_memcg_put(b);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

static void room_is_made_where_the_items_will_go(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct mem_cgroup *b = add_memcg(m, a);
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	struct object o;

	init_objects(&o, 1);
	CHECK_EQ(sp_memcg_offline(b, NULL), SP_OK);
	CHECK(add(lru, &o, 0, b));
	CHECK_EQ(sp_list_lru_count_one(lru, 0, a), 1);
	CHECK(del(lru, &o, 0, b));
	sp_memcg_put(b);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

static void go_offline(void *memcg)
{
	CHECK_EQ(sp_memcg_offline(memcg, NULL), SP_OK);
}

static void a_walk_ends_where_its_list_goes(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	struct script s = { .say = SAY(LRU_REMOVED_RETRY, LRU_SKIP),
			    .unlocked = go_offline,
			    .data = a };
	unsigned long nr = 9;
	struct object o[2];

	init_objects(o, 2);
	add(lru, &o[0], 0, a);
	add(lru, &o[1], 0, a);
	CHECK_EQ(walk(lru, a, &s, &nr), 1);
	SAW(&s, 0);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, NULL), 1);
	CHECK_EQ(sp_list_lru_count_node(lru, 0), 1);
	sp_memcg_put(a);
	sp_machine_destroy(m);
}

static void items_that_have_nowhere_to_go_are_an_oops(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_list_lru *lru = make_lru(m, true, NULL);
	struct mem_cgroup *late, *child;
	struct sp_reason reason;
	struct object o;

	/* It comes online after its child, whose items it needed no room for. */
	CHECK_EQ(sp_memcg_create(m, NULL, 0, &late), SP_EXIST);
	CHECK_EQ(sp_memcg_create(m, sp_memcg_root(m), 0, &late), SP_OK);
	child = add_memcg(m, late);
	init_objects(&o, 1);
	add(lru, &o, 0, child);
	CHECK_EQ(sp_memcg_online(late), SP_OK);
	CHECK_EQ(sp_memcg_offline(child, &reason), SP_OOPS);
	CHECK_EQ(reason.memcg_ino, sp_memcg_ino(late));
	CHECK(sp_memcg_is_online(child));
	CHECK_EQ(sp_list_lru_prepare(lru, late), SP_OK);
	CHECK_EQ(sp_memcg_offline(child, &reason), SP_OK);
	CHECK_EQ(sp_list_lru_count_one(lru, 0, late), 1);
	CHECK(del(lru, &o, 0, child));
	sp_memcg_put(child);
	sp_memcg_put(late);
	sp_machine_destroy(m);
}

/* ---- threads ----------------------------------------------------------- */

/* Threads that go offline, asleep for the lock of a walk. */
struct leaving {
	struct sp_list_lru *lru;
	struct mem_cgroup *memcg;
	pthread_t walker, thread[2];
	int nr_threads, asleep, may_wake;
};

static void falls_asleep(void *data)
{
	struct leaving *l = data;

	if (pthread_equal(pthread_self(), l->walker))
		__atomic_store_n(&l->may_wake, 1, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_add(&l->asleep, 1, __ATOMIC_SEQ_CST);
}

static void wakes_up(void *data)
{
	struct leaving *l = data;

	while (!pthread_equal(pthread_self(), l->walker) &&
	       !__atomic_load_n(&l->may_wake, __ATOMIC_SEQ_CST))
		sched_yield();
}

static void *leaves(void *arg)
{
	struct leaving *l = arg;

	CHECK_EQ(sp_memcg_offline(l->memcg, NULL), SP_OK);
	return NULL;
}

static enum lru_status start_leaving(struct list_head *item,
				     struct list_lru_one *list,
				     struct sp_lock *lock, void *cb_arg)
{
	struct leaving *l = cb_arg;
	int i;

	(void)item, (void)list, (void)lock;
	for (i = 0; i < l->nr_threads; i++)
		pthread_create(&l->thread[i], NULL, leaves, l);
	while (__atomic_load_n(&l->asleep, __ATOMIC_SEQ_CST) < l->nr_threads)
		sched_yield();
	return LRU_STOP;
}

/* Gives when they are asleep, and nobody has the lock. */
static void leave_under_a_walk(struct leaving *l)
{
	const struct sp_hooks hooks = { .wait_begin = falls_asleep,
					.wait_end = wakes_up };
	unsigned long nr = 1, isolated;

	l->walker = pthread_self();
	sp_machine_set_hooks(sp_list_lru_machine(l->lru), &hooks, l);
	CHECK_EQ(sp_list_lru_walk_one(l->lru, 0, l->memcg, start_leaving, l,
				      &nr, &isolated),
		 SP_OK);
}

static void items_are_handed_over_before_it_is_destroyed(void)
{
	struct machine *m = make_machine(1, true);
	struct leaving l = { .lru = make_lru(m, true, NULL), .nr_threads = 1 };
	struct object *o = calloc(1, sizeof(*o));

	l.memcg = add_memcg(m, sp_memcg_root(m));
	init_objects(o, 1);
	add(l.lru, o, 0, l.memcg);
	leave_under_a_walk(&l);
	CHECK_EQ(sp_list_lru_destroy(l.lru), SP_BUSY);
	free(o); /* nobody touches it any more */
	__atomic_store_n(&l.may_wake, 1, __ATOMIC_SEQ_CST);
	pthread_join(l.thread[0], NULL);
	CHECK(!sp_memcg_is_online(l.memcg));
	sp_memcg_put(l.memcg);
	sp_machine_destroy(m);
}

static enum lru_status destroy_in_it(struct list_head *item,
				     struct list_lru_one *list,
				     struct sp_lock *lock, void *cb_arg)
{
	struct leaving *l = cb_arg;

	start_leaving(item, list, lock, l);
	CHECK_EQ(sp_list_lru_destroy(l->lru), SP_DEADLOCK);
	return LRU_STOP;
}

static void in_a_walk_that_they_wait_for_it_is_not_destroyed(void)
{
	struct machine *m = make_machine(1, true);
	struct leaving l = { .lru = make_lru(m, true, NULL), .nr_threads = 1 };
	const struct sp_hooks hooks = { .wait_begin = falls_asleep };
	unsigned long nr = 1, isolated;
	struct object o;

	l.memcg = add_memcg(m, sp_memcg_root(m));
	init_objects(&o, 1);
	add(l.lru, &o, 0, l.memcg);
	sp_machine_set_hooks(m, &hooks, &l);
	CHECK_EQ(sp_list_lru_walk_one(l.lru, 0, l.memcg, destroy_in_it, &l, &nr,
				      &isolated),
		 SP_OK);
	pthread_join(l.thread[0], NULL);
	CHECK_EQ(sp_list_lru_count_one(l.lru, 0, NULL), 1);
	CHECK_EQ(sp_list_lru_destroy(l.lru), SP_BUSY);
	sp_memcg_put(l.memcg);
	sp_machine_destroy(m);
}

static void of_two_that_take_it_offline_one_defers(void)
{
	struct machine *m = make_machine(1, true);
	struct leaving l = { .lru = make_lru(m, true, NULL), .nr_threads = 2 };
	struct cache cache = { .n = 0 };
	struct shrinker *s = add_cache(m, SHRINKER_MEMCG_AWARE, "s", &cache);
	struct object o;
	long deferred;
	int i;

	l.memcg = add_memcg(m, sp_memcg_root(m));
	init_objects(&o, 1);
	add(l.lru, &o, 0, l.memcg);
	CHECK(sp_poke_deferred(s, l.memcg, 0, 100));
	leave_under_a_walk(&l);
	__atomic_store_n(&l.may_wake, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < 2; i++)
		pthread_join(l.thread[i], NULL);
	CHECK_EQ(sp_memcg_offline(l.memcg, NULL), SP_OK);
	CHECK(sp_peek_deferred(s, sp_memcg_root(m), 0, &deferred));
	CHECK_EQ(deferred, 100);
	CHECK(del(l.lru, &o, 0, NULL));
	sp_memcg_put(l.memcg);
	sp_machine_destroy(m);
}

struct crowd {
	struct machine *machine;
	struct sp_list_lru *lru;
	struct mem_cgroup *memcg[3]; /* a chain: each the parent of the next */
	long added, gone;
	int stop;
};

static enum lru_status take_some(struct list_head *item,
				 struct list_lru_one *list,
				 struct sp_lock *lock, void *cb_arg)
{
	struct crowd *c = cb_arg;
	struct object *o = (struct object *)item;

	switch (o->nr % 4) {
	case 0:
		sp_list_lru_isolate(list, item);
		__atomic_fetch_add(&c->gone, 1, __ATOMIC_RELAXED);
		return LRU_REMOVED;
	case 1:
		return LRU_ROTATE;
	case 2:
		sp_lock_give(c->machine, lock);
		sp_lock_take(c->machine, lock, 0, 0, NULL);
		return LRU_RETRY;
	default:
		return LRU_SKIP;
	}
}

static void *adds_and_dels(void *arg)
{
	static const int rounds = 300;
	struct crowd *c = arg;
	struct object *o = calloc(MANY, sizeof(*o));
	int i, round;

	init_objects(o, MANY);
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < MANY; i++) {
			if (add(c->lru, &o[i], i % 2, c->memcg[i % 3]))
				__atomic_fetch_add(&c->added, 1,
						   __ATOMIC_RELAXED);
		}
		for (i = 0; i < MANY; i++) {
			if (del(c->lru, &o[i], i % 2, c->memcg[i % 3]))
				__atomic_fetch_add(&c->gone, 1,
						   __ATOMIC_RELAXED);
		}
	}
	free(o);
	return NULL;
}

static void *walks(void *arg)
{
	unsigned long nr, isolated, i = 0;
	struct crowd *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		nr = 100;
		i++;
		if (i % 3)
			sp_list_lru_walk_one(c->lru, (int)(i % 2),
					     c->memcg[i % 3], take_some, c, &nr,
					     &isolated);
		else
			sp_list_lru_walk_node(c->lru, (int)(i % 2), take_some,
					      c, &nr, &isolated);
		sp_list_lru_count_one(c->lru, 0, c->memcg[i % 3]);
	}
	return NULL;
}

static void all_at_once(void)
{
	struct machine *m = make_machine(2, true);
	struct cache cache = { .empty = SHRINK_EMPTY };
	struct shrinker *s = add_cache(m, SHRINKER_MEMCG_AWARE, "s", &cache);
	struct crowd c = { .machine = m, .lru = make_lru(m, true, s) };
	pthread_t adders[2], walkers[2];
	int i;

	for (i = 0; i < 3; i++)
		c.memcg[i] =
			add_memcg(m, i ? c.memcg[i - 1] : sp_memcg_root(m));
	for (i = 0; i < 2; i++) {
		pthread_create(&adders[i], NULL, adds_and_dels, &c);
		pthread_create(&walkers[i], NULL, walks, &c);
	}
	/* Others come and go meanwhile, and these go offline under them all. */
	for (i = 2; i >= 0; i--) {
		struct sp_list_lru *more = make_lru(m, true, s);
		struct sp_pass out;

		CHECK_EQ(sp_list_lru_prepare(more, c.memcg[i]), SP_OK);
		sp_shrink_slab(m, 0, 0, c.memcg[i], 0, &out);
		CHECK_EQ(sp_memcg_offline(c.memcg[i], NULL), SP_OK);
		CHECK_EQ(sp_list_lru_destroy(more), SP_OK);
	}
	for (i = 0; i < 2; i++)
		pthread_join(adders[i], NULL);
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(walkers[i], NULL);
	CHECK_EQ(c.added, c.gone);
	CHECK(c.added > 0);
	CHECK_EQ(sp_list_lru_count_node(c.lru, 0), 0);
	CHECK_EQ(sp_list_lru_count_node(c.lru, 1), 0);
	CHECK_EQ(sp_list_lru_count_one(c.lru, 1, NULL), 0);
	CHECK_EQ(sp_list_lru_destroy(c.lru), SP_OK);
	for (i = 2; i >= 0; i--)
		sp_memcg_put(c.memcg[i]);
	sp_machine_destroy(m);
}

int main(void)
{
	an_item_is_on_one_list();
	a_cgroup_without_room_is_an_oops();
	room_is_made_for_all_ancestors_or_none();
	ids_are_given_anew();
	without_kmem_there_is_one_list_a_node();
	a_closed_machine_takes_no_more();
	a_walk_does_what_its_callback_says();
	a_walk_ends_after_nr_to_walk();
	what_the_kernel_would_die_of_is_an_oops();
	a_callback_runs_under_the_lock();
	a_node_is_the_root_then_every_cgroup();
	the_first_item_sets_the_bit();
	a_shrinker_that_comes_later_gets_its_bits();
	items_go_to_the_parent();
	a_parent_may_go_first();
	room_is_made_where_the_items_will_go();
	a_walk_ends_where_its_list_goes();
	items_that_have_nowhere_to_go_are_an_oops();
	items_are_handed_over_before_it_is_destroyed();
	in_a_walk_that_they_wait_for_it_is_not_destroyed();
	of_two_that_take_it_offline_one_defers();
	all_at_once();
	return report("test_list_lru");
}
