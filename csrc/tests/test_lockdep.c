// SPDX-License-Identifier: GPL-2.0-only
/* Locks between threads, the orders that lockdep sees, allocations under both. */
#include <pthread.h>

#include <shrinkpy/alloc.h>
#include <shrinkpy/lock.h>
#include <shrinkpy/code.h>

#include "check.h"

enum { GFP_NOFS = 0xc40, GFP_ATOMIC = 0x820 };

static void take(struct machine *m, struct sp_lock *l, unsigned int how)
{
	CHECK_EQ(sp_lock_take(m, l, how, 0, NULL), SP_OK);
}

static void give(struct machine *m, struct sp_lock *l)
{
	CHECK_EQ(sp_lock_give(m, l), SP_OK);
}

/* ---- locks ------------------------------------------------------------- */

static void one_holder_at_a_time(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock l = { .name = "l" };

	CHECK(!sp_lock_is_held(&l));
	CHECK_EQ(sp_lock_give(m, &l), SP_INVAL);
	take(m, &l, SP_LOCK_WAIT);
	CHECK(sp_lock_is_held(&l) && sp_lock_is_mine(&l));
	CHECK_EQ(sp_lock_take(m, &l, SP_LOCK_TRY, 0, NULL), SP_BUSY);
	CHECK_EQ(sp_lock_take(m, &l, SP_LOCK_WAIT, 0, NULL), SP_DEADLOCK);
	CHECK_EQ(sp_lock_take(m, &l, SP_LOCK_SHARED, 0, NULL), SP_DEADLOCK);
	give(m, &l);
	CHECK(!sp_lock_is_held(&l) && !sp_lock_is_mine(&l));
	/* What struck is told by the status alone. */
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	sp_machine_destroy(m);
}

static void a_recursive_one_counts(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock l = { .name = "l" };

	take(m, &l, SP_LOCK_RECURSIVE);
	take(m, &l, SP_LOCK_RECURSIVE);
	give(m, &l);
	CHECK(sp_lock_is_mine(&l));
	give(m, &l);
	CHECK(!sp_lock_is_held(&l));
	CHECK_EQ(sp_lock_give(m, &l), SP_INVAL);
	sp_machine_destroy(m);
}

static void readers_share(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock l = { .name = "l", .kind = SP_LOCK_RW };

	take(m, &l, SP_LOCK_SHARED | SP_LOCK_RECURSIVE);
	take(m, &l, SP_LOCK_SHARED | SP_LOCK_RECURSIVE);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	CHECK_EQ(sp_lock_take(m, &l, SP_LOCK_TRY, 0, NULL), SP_BUSY);
	CHECK_EQ(sp_lock_take(m, &l, SP_LOCK_WAIT, 0, NULL), SP_DEADLOCK);
	give(m, &l);
	CHECK(sp_lock_is_mine(&l));
	give(m, &l);
	take(m, &l, SP_LOCK_TRY);
	give(m, &l);
	sp_machine_destroy(m);
}

struct sharer {
	struct machine *m;
	struct sp_lock *l;
	bool shared; /* under the lock */
};

static void *share(void *data)
{
	struct sharer *s = data;

	take(s->m, s->l, SP_LOCK_SHARED);
	__atomic_store_n(&s->shared, true, __ATOMIC_RELEASE);
	CHECK_EQ(sp_lock_downgrade(s->m, s->l), SP_INVAL);
	give(s->m, s->l);
	return NULL;
}

static void a_writer_becomes_a_reader_without_a_gap(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock l = { .name = "l", .kind = SP_LOCK_RW };
	struct sharer s = { .m = m, .l = &l };
	pthread_t thread;

	CHECK_EQ(sp_lock_downgrade(m, &l), SP_INVAL);
	take(m, &l, SP_LOCK_WAIT);
	pthread_create(&thread, NULL, share, &s);
	CHECK(!__atomic_load_n(&s.shared, __ATOMIC_ACQUIRE));
	CHECK_EQ(sp_lock_downgrade(m, &l), SP_OK);
	/* It is shared now: the other one needs nobody to give it back. */
	pthread_join(thread, NULL);
	CHECK(s.shared);
	CHECK_EQ(sp_lock_take(m, &l, SP_LOCK_TRY, 0, NULL), SP_BUSY);
	CHECK_EQ(sp_lock_downgrade(m, &l), SP_INVAL);
	give(m, &l);
	take(m, &l, SP_LOCK_TRY);
	give(m, &l);
	sp_machine_destroy(m);
}

static void many_may_be_held_and_given_in_any_order(void)
{
	enum { N = 100 };
	struct machine *m = make_machine(1, true);
	struct sp_lock l[N] = { 0 };
	int i;

	for (i = 0; i < N; i++)
		take(m, &l[i], SP_LOCK_WAIT);
	for (i = 0; i < N; i += 2)
		give(m, &l[i]);
	for (i = N - 1; i > 0; i -= 2)
		give(m, &l[i]);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	sp_machine_destroy(m);
}

struct counter {
	struct machine *m;
	struct sp_lock lock;
	unsigned long n, seen;
};

enum { ROUNDS = 20000 };

static void *count_up(void *arg)
{
	struct counter *c = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (sp_lock_take(c->m, &c->lock, SP_LOCK_WAIT, 0, NULL))
			abort();
		c->n++;
		sp_lock_give(c->m, &c->lock);
		if (sp_lock_take(c->m, &c->lock, SP_LOCK_SHARED, 0, NULL))
			abort();
		__atomic_fetch_add(&c->seen, c->n != 0, __ATOMIC_RELAXED);
		sp_lock_give(c->m, &c->lock);
	}
	return NULL;
}

static void threads_exclude_each_other(void)
{
	struct machine *m = make_machine(1, true);
	struct counter c = { .m = m, .lock = { .name = "counter" } };
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, count_up, &c);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(c.n, 4 * ROUNDS);
	CHECK_EQ(c.seen, 4 * ROUNDS);
	CHECK(!sp_lock_is_held(&c.lock));
	sp_machine_destroy(m);
}

/* Each has one, and wants the other's. */
struct ring {
	struct machine *m;
	struct sp_lock lock[2];
	pthread_barrier_t both;
	int next;
	enum sp_status status[2];
};

static void *close_ring(void *arg)
{
	struct ring *r = arg;
	const int i = __atomic_fetch_add(&r->next, 1, __ATOMIC_RELAXED);

	take(r->m, &r->lock[i], SP_LOCK_WAIT);
	pthread_barrier_wait(&r->both);
	r->status[i] = sp_lock_take(r->m, &r->lock[!i], SP_LOCK_WAIT, 0, NULL);
	if (r->status[i] == SP_OK)
		give(r->m, &r->lock[!i]);
	give(r->m, &r->lock[i]);
	return NULL;
}

static void who_closes_a_ring_is_told(void)
{
	struct machine *m = make_machine(1, true);
	struct ring r = { .m = m,
			  .lock = { { .name = "a" }, { .name = "b" } } };
	pthread_t thread[2];
	int i;

	pthread_barrier_init(&r.both, NULL, 2);
	for (i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, close_ring, &r);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(r.status[0] + r.status[1], SP_OK + SP_DEADLOCK);
	/* And lockdep has seen both orders. */
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	pthread_barrier_destroy(&r.both);
	sp_machine_destroy(m);
}

static bool give_up(void *data)
{
	++*(int *)data;
	return true;
}

static void *try_interrupted(void *arg)
{
	struct counter *c = arg;

	return (void *)(intptr_t)sp_lock_take(c->m, &c->lock, SP_LOCK_WAIT, 0,
					      NULL);
}

static void a_wait_can_be_given_up(void)
{
	struct machine *m = make_machine(1, true);
	struct counter c = { .m = m, .lock = { .name = "l" } };
	int asked = 0;
	const struct sp_hooks hooks = { .wait_poll = give_up };
	pthread_t thread;
	void *status;

	sp_machine_set_hooks(m, &hooks, &asked);
	take(m, &c.lock, SP_LOCK_WAIT);
	pthread_create(&thread, NULL, try_interrupted, &c);
	pthread_join(thread, &status);
	CHECK_EQ((intptr_t)status, SP_INTR);
	CHECK_EQ(asked, 1);
	give(m, &c.lock);
	CHECK(!sp_lock_is_held(&c.lock));
	sp_machine_set_hooks(m, &(struct sp_hooks){ 0 }, NULL);
	sp_machine_destroy(m);
}

/* ---- orders ------------------------------------------------------------ */

static void in_order(struct machine *m, struct sp_lock *a, unsigned int how_a,
		     struct sp_lock *b, unsigned int how_b)
{
	take(m, a, how_a);
	take(m, b, how_b);
	give(m, b);
	give(m, a);
}

static void both_orders_are_one_report(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock a = { .name = "a" }, b = { .name = "b" };
	struct sp_lockdep_step step;
	char *text;
	size_t len;
	int i;

	for (i = 0; i < 3; i++) {
		in_order(m, &a, SP_LOCK_WAIT, &b, SP_LOCK_WAIT);
		CHECK_EQ(sp_lockdep_nr_reports(m), i > 0);
		in_order(m, &b, SP_LOCK_WAIT, &a, SP_LOCK_WAIT);
		CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	}
	CHECK_EQ(sp_lockdep_report(m, 0, &text, &len), SP_OK);
	CHECK(strstr(text, "possible circular locking dependency"));
	CHECK(strstr(text, "b -> a -> b"));
	CHECK_EQ(strlen(text), len);
	sp_text_free(&text);
	CHECK_EQ(sp_lockdep_step(m, 0, 0, &step), SP_OK);
	CHECK(!strcmp(step.held, "b") && !strcmp(step.taken, "a"));
	CHECK_EQ(sp_lockdep_step(m, 0, 1, &step), SP_OK);
	CHECK(!strcmp(step.held, "a") && !strcmp(step.taken, "b"));
	CHECK_EQ(sp_lockdep_step(m, 0, 2, &step), SP_NOENT);
	CHECK_EQ(sp_lockdep_report(m, 1, &text, &len), SP_NOENT);
	sp_machine_destroy(m);
}

static void a_try_does_not_wait(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock a = { .name = "a" }, b = { .name = "b" };

	in_order(m, &a, SP_LOCK_WAIT, &b, SP_LOCK_WAIT);
	in_order(m, &b, SP_LOCK_WAIT, &a, SP_LOCK_TRY);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	/* What a try took counts as held. */
	in_order(m, &b, SP_LOCK_TRY, &a, SP_LOCK_WAIT);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	sp_machine_destroy(m);
}

static void readers_that_recurse_do_not_wait_for_readers(void)
{
	const unsigned int reader = SP_LOCK_SHARED,
			   recursive = SP_LOCK_SHARED | SP_LOCK_RECURSIVE;
	struct sp_lock a = { .name = "a" }, b = { .name = "b" };
	struct machine *m = make_machine(1, true);

	in_order(m, &a, recursive, &b, recursive);
	in_order(m, &b, recursive, &a, recursive);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	/* Behind a writer that waits, others do. */
	in_order(m, &a, reader, &b, reader);
	in_order(m, &b, reader, &a, reader);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	sp_machine_destroy(m);
}

static void a_class_in_itself_is_one_report(void)
{
	static const char key, other;
	struct machine *m = make_machine(1, true);
	struct sp_lock a = { .name = "a", .key = &key },
		       b = { .name = "a", .key = &key },
		       c = { .name = "c", .key = &other },
		       d = { .name = "c", .key = &other };

	take(m, &c, SP_LOCK_WAIT);
	CHECK_EQ(sp_lock_take(m, &d, SP_LOCK_WAIT, 1, NULL), SP_OK);
	give(m, &d);
	give(m, &c);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	in_order(m, &a, SP_LOCK_WAIT, &b, SP_LOCK_WAIT);
	in_order(m, &b, SP_LOCK_WAIT, &a, SP_LOCK_WAIT);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	sp_machine_destroy(m);
}

static void what_is_freed_is_another_class_afterwards(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock a = { .name = "a" }, b = { .name = "b" };

	in_order(m, &a, SP_LOCK_WAIT, &b, SP_LOCK_WAIT);
	sp_lock_forget(m, &a, sizeof(a));
	in_order(m, &b, SP_LOCK_WAIT, &a, SP_LOCK_WAIT);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	/* Freed while held: reported, and not held any more. */
	take(m, &a, SP_LOCK_WAIT);
	sp_lock_forget(m, &a, sizeof(a));
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	CHECK_EQ(sp_lock_give(m, &a), SP_INVAL);
	sp_machine_destroy(m);
}

static void off_is_off(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock a = { .name = "a" }, b = { .name = "b" };

	sp_lockdep_enable(m, false);
	in_order(m, &a, SP_LOCK_WAIT, &b, SP_LOCK_WAIT);
	sp_lockdep_enable(m, true);
	in_order(m, &b, SP_LOCK_WAIT, &a, SP_LOCK_WAIT);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	in_order(m, &a, SP_LOCK_WAIT, &b, SP_LOCK_WAIT);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	sp_machine_destroy(m);
}

struct orders {
	struct machine *m;
	struct sp_lock lock[4];
};

static void *go_round(void *arg)
{
	struct orders *o = arg;
	int i;

	/* They share: no ring comes to be, but all orders are seen. */
	for (i = 0; i < 2000; i++) {
		struct sp_lock *a = &o->lock[i % 4], *b = &o->lock[(i + 1) % 4];

		if (sp_lock_take(o->m, a, SP_LOCK_SHARED, 0, "here"))
			abort();
		if (sp_lock_take(o->m, b, SP_LOCK_SHARED, 0, "there"))
			abort();
		sp_lock_give(o->m, a);
		sp_lock_give(o->m, b);
	}
	return NULL;
}

static void threads_that_see_the_same_report_it_once(void)
{
	struct machine *m = make_machine(1, true);
	struct orders o = { .m = m,
			    .lock = { { .name = "a" },
				      { .name = "b" },
				      { .name = "c" },
				      { .name = "d" } } };
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, go_round, &o);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	sp_machine_destroy(m);
}

/* ---- fs_reclaim -------------------------------------------------------- */

/* A cache that takes a lock in its scan. */
struct locking {
	struct cache cache;
	struct machine *m;
	struct sp_lock lock;
	unsigned int how;
	unsigned int gfp; /* of an allocation in scan, or 0 */
	enum sp_status status;
};

static unsigned long locking_scan(struct shrinker *s, struct shrink_control *sc)
{
	struct locking *l = sp_shrinker_private(s);

	if (l->gfp) {
		l->status = sp_charge(l->m, l->gfp, 1, "scan.c:1");
		if (l->status == SP_OK)
			sp_uncharge(l->m, 1);
	}
	l->status = sp_lock_take(l->m, &l->lock, l->how, 0, "scan.c:2");
	if (l->status)
		return SHRINK_STOP;
	sp_lock_give(l->m, &l->lock);
	return cache_scan(s, sc);
}

static struct machine *machine_with(struct locking *l, unsigned int how)
{
	struct shrinker *s;

	*l = (struct locking){ .cache = { .n = 1000 },
			       .m = make_machine(1, true),
			       .lock = { .name = "cache lock" },
			       .how = how };
	s = add_cache(l->m, 0, "cache", &l->cache);
	sp_shrinker_set_callbacks(s, cache_count, locking_scan);
	return l->m;
}

static void reclaim(struct machine *m, unsigned int gfp)
{
	struct sp_pass pass;

	CHECK_EQ(sp_shrink_slab(m, gfp, 0, sp_memcg_root(m), 0, &pass), SP_OK);
}

static void allocate(struct machine *m, unsigned int gfp)
{
	CHECK_EQ(sp_charge(m, gfp, 10, "allocate.c:1"), SP_OK);
	sp_uncharge(m, 10);
}

static void held_over_an_allocation_and_taken_in_scan(void)
{
	struct locking l;
	struct machine *m = machine_with(&l, SP_LOCK_WAIT);
	char *text;
	size_t len;

	reclaim(m, SP_GFP_KERNEL);
	take(m, &l.lock, SP_LOCK_WAIT);
	allocate(m, GFP_ATOMIC);
	allocate(m, GFP_NOFS);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	allocate(m, SP_GFP_KERNEL);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	allocate(m, SP_GFP_KERNEL);
	give(m, &l.lock);
	reclaim(m, SP_GFP_KERNEL);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	CHECK_EQ(sp_lockdep_report(m, 0, &text, &len), SP_OK);
	CHECK(strstr(text, "cache lock -> fs_reclaim -> cache lock"));
	CHECK(strstr(text, "allocate.c:1") && strstr(text, "scan.c:2"));
	sp_text_free(&text);
	sp_machine_destroy(m);
}

static void in_a_scope_it_is_none(void)
{
	const unsigned int scopes[] = { SP_NOFS, SP_NOIO };
	struct locking l;
	struct machine *m = machine_with(&l, SP_LOCK_WAIT);
	unsigned int saved;
	size_t i;

	reclaim(m, SP_GFP_KERNEL);
	take(m, &l.lock, SP_LOCK_WAIT);
	for (i = 0; i < 2; i++) {
		saved = sp_scope_save(scopes[i]);
		allocate(m, SP_GFP_KERNEL);
		sp_scope_restore(scopes[i], saved);
	}
	give(m, &l.lock);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	sp_machine_destroy(m);
}

static void a_try_in_scan_is_none(void)
{
	struct locking l;
	struct machine *m = machine_with(&l, SP_LOCK_TRY);

	reclaim(m, SP_GFP_KERNEL);
	take(m, &l.lock, SP_LOCK_WAIT);
	allocate(m, SP_GFP_KERNEL);
	give(m, &l.lock);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	sp_machine_destroy(m);
}

static void a_pass_that_may_not_enter_file_systems_has_not_got_it(void)
{
	struct locking l;
	struct machine *m = machine_with(&l, SP_LOCK_WAIT);

	take(m, &l.lock, SP_LOCK_WAIT);
	allocate(m, SP_GFP_KERNEL);
	give(m, &l.lock);
	reclaim(m, GFP_NOFS);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	l.cache.n = 1000;
	reclaim(m, SP_GFP_KERNEL);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	sp_machine_destroy(m);
}

static void it_strikes_and_is_reported(void)
{
	struct locking l;
	struct machine *m = machine_with(&l, SP_LOCK_WAIT);

	take(m, &l.lock, SP_LOCK_WAIT);
	sp_reclaim_nth(m, 1);
	allocate(m, SP_GFP_KERNEL);
	give(m, &l.lock);
	CHECK_EQ(l.status, SP_DEADLOCK);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	sp_machine_destroy(m);
}

static void acquire_and_release_are_a_lock(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock a = { .name = "a" };

	sp_fs_reclaim_acquire(m, SP_GFP_KERNEL, NULL);
	take(m, &a, SP_LOCK_WAIT);
	give(m, &a);
	sp_fs_reclaim_release(m, SP_GFP_KERNEL);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	take(m, &a, SP_LOCK_WAIT);
	sp_fs_reclaim_acquire(m, GFP_NOFS, NULL);
	sp_fs_reclaim_release(m, GFP_NOFS);
	sp_fs_reclaim_acquire(m, SP_GFP_KERNEL | SP_GFP_NOLOCKDEP, NULL);
	sp_fs_reclaim_release(m, SP_GFP_KERNEL | SP_GFP_NOLOCKDEP);
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	sp_fs_reclaim_acquire(m, SP_GFP_KERNEL, NULL);
	sp_fs_reclaim_release(m, SP_GFP_KERNEL);
	CHECK_EQ(sp_lockdep_nr_reports(m), 1);
	give(m, &a);
	sp_machine_destroy(m);
}

static char *my_stack(void *data)
{
	/* No lock of the core is held: it may be asked. */
	sp_lockdep_nr_reports(data);
	CHECK(!sp_machine_busy(data));
	return strdup("  my stack\n");
}

static void the_embedder_says_where_it_is(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock a = { .name = "a" }, b = { .name = "b" };
	const struct sp_hooks hooks = { .stack = my_stack };
	struct sp_lockdep_step step;

	sp_machine_set_hooks(m, &hooks, m);
	in_order(m, &a, SP_LOCK_WAIT, &b, SP_LOCK_WAIT);
	in_order(m, &b, SP_LOCK_WAIT, &a, SP_LOCK_WAIT);
	CHECK_EQ(sp_lockdep_step(m, 0, 1, &step), SP_OK);
	CHECK(strstr(step.stack, "my stack"));
	sp_machine_destroy(m);
}

static const char *my_name(const void *address, unsigned long *offset)
{
	(void)address;
	*offset = 0x77;
	return "static_function";
}

static const char *no_name(const void *address, unsigned long *offset)
{
	(void)address;
	(void)offset;
	return NULL;
}

/* a -> b, b -> a, and the stack of the second. */
static bool stack_has(const char *text)
{
	struct machine *m = make_machine(1, true);
	struct sp_lock a = { .name = "a" }, b = { .name = "b" };
	struct sp_lockdep_step step;
	bool has;

	in_order(m, &a, SP_LOCK_WAIT, &b, SP_LOCK_WAIT);
	in_order(m, &b, SP_LOCK_WAIT, &a, SP_LOCK_WAIT);
	CHECK_EQ(sp_lockdep_step(m, 0, 1, &step), SP_OK);
	has = strstr(step.stack, text);
	sp_machine_destroy(m);
	return has;
}

static void code_has_the_names_that_were_added_for_it(void)
{
	struct sp_code all = { .len = -1ul, .name = my_name };
	struct sp_code none = { .start = &none, .len = 1 };

	CHECK(!stack_has("static_function"));
	sp_code_add(&all);
	sp_code_add(&none);
	CHECK(stack_has("  C: static_function+0x77 ("));
	all.name = no_name;
	CHECK(!stack_has("static_function"));
	sp_code_remove(&all);
	sp_code_remove(&none);
	CHECK(!stack_has("static_function"));
}

/* ---- allocations ------------------------------------------------------- */

static struct sp_alloc_stats stats_of(struct machine *m)
{
	struct sp_alloc_stats stats;

	sp_alloc_read(m, &stats);
	return stats;
}

static void scopes_nest(void)
{
	const unsigned int all = 0xcc0;
	unsigned int outer, inner;

	CHECK_EQ(sp_scoped_gfp(all), all);
	outer = sp_scope_save(SP_NOFS);
	CHECK_EQ(sp_scoped_gfp(all), GFP_NOFS);
	inner = sp_scope_save(SP_NOIO);
	CHECK_EQ(sp_scoped_gfp(all), 0xc00);
	sp_scope_restore(SP_NOIO, inner);
	inner = sp_scope_save(SP_NOFS);
	sp_scope_restore(SP_NOFS, inner);
	CHECK_EQ(sp_scoped_gfp(all), GFP_NOFS);
	sp_scope_restore(SP_NOFS, outer);
	CHECK_EQ(sp_scoped_gfp(all), all);
}

static void over_the_limit_it_reclaims_in_vain(void)
{
	struct locking l;
	struct machine *m = machine_with(&l, SP_LOCK_TRY);

	sp_set_limit(m, 10);
	allocate(m, SP_GFP_KERNEL);
	CHECK_EQ(stats_of(m).reclaims, 0);
	/* All there is goes, a cluster at a time, and then sixteen in vain. */
	CHECK_EQ(sp_charge(m, SP_GFP_KERNEL, 11, NULL), SP_NOMEM);
	CHECK_EQ(l.cache.n, 0);
	CHECK_EQ(stats_of(m).reclaims, 1);
	CHECK_EQ(stats_of(m).failures, 1);
	CHECK_EQ(sp_charge(m, GFP_ATOMIC, 11, NULL), SP_NOMEM);
	CHECK_EQ(sp_charge(m, SP_GFP_KERNEL | SP_GFP_NOFAIL, 11, NULL),
		 SP_SPIN);
	CHECK_EQ(stats_of(m).charged, 0);
	sp_machine_destroy(m);
}

static void in_a_callback_it_is_noted_and_never_reclaims(void)
{
	struct locking l;
	struct machine *m = machine_with(&l, SP_LOCK_TRY);
	char where[128];

	l.gfp = SP_GFP_KERNEL;
	sp_reclaim_nth(m, 1);
	CHECK(!sp_alloc_in_callback(m, 0, where));
	reclaim(m, SP_GFP_KERNEL);
	CHECK(stats_of(m).in_callbacks > 0);
	CHECK_EQ(stats_of(m).reclaims, 0);
	CHECK(sp_alloc_in_callback(m, 0, where));
	CHECK(!strcmp(where, "scan.c:1"));
	CHECK_EQ(sp_lockdep_nr_reports(m), 0);
	sp_machine_destroy(m);
}

static void a_task_moves(void)
{
	struct machine *m = make_machine(2, true);
	struct mem_cgroup *memcg = add_memcg(m, sp_memcg_root(m));
	struct sp_place was;

	CHECK(!sp_task_place(m).memcg);
	was = sp_task_move(m, (struct sp_place){ memcg, 1 });
	CHECK(!was.memcg && was.nid == 0);
	CHECK(sp_task_place(m).memcg == memcg && sp_task_place(m).nid == 1);
	was = sp_task_move(m, was);
	CHECK(was.memcg == memcg && !sp_task_place(m).memcg);
	sp_memcg_put(memcg);
	sp_machine_destroy(m);
}

int main(void)
{
	one_holder_at_a_time();
	a_recursive_one_counts();
	readers_share();
	a_writer_becomes_a_reader_without_a_gap();
	many_may_be_held_and_given_in_any_order();
	threads_exclude_each_other();
	who_closes_a_ring_is_told();
	a_wait_can_be_given_up();
	both_orders_are_one_report();
	a_try_does_not_wait();
	readers_that_recurse_do_not_wait_for_readers();
	a_class_in_itself_is_one_report();
	what_is_freed_is_another_class_afterwards();
	off_is_off();
	threads_that_see_the_same_report_it_once();
	held_over_an_allocation_and_taken_in_scan();
	in_a_scope_it_is_none();
	a_try_in_scan_is_none();
	a_pass_that_may_not_enter_file_systems_has_not_got_it();
	it_strikes_and_is_reported();
	acquire_and_release_are_a_lock();
	the_embedder_says_where_it_is();
	code_has_the_names_that_were_added_for_it();
	scopes_nest();
	over_the_limit_it_reclaims_in_vain();
	in_a_callback_it_is_noted_and_never_reclaims();
	a_task_moves();
	return report("test_lockdep");
}
