// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads at each other: registering, freeing, reclaiming, cgroups coming and
 * going. The argument is how many frees a thread does (default 3000).
 */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

enum { NR_THREADS = 4, LIVE = 16 };

static unsigned long nr_frees = 3000;

/* ---- churn ------------------------------------------------------------- */

struct object {
	atomic_int alive;
	atomic_int called;
};

static unsigned long object_count(struct shrinker *s, struct shrink_control *sc)
{
	struct object *o = sp_shrinker_private(s);

	(void)sc;
	/* A callback after its free returned would find it dead. */
	if (!atomic_load(&o->alive))
		abort();
	atomic_fetch_add(&o->called, 1);
	return 200;
}

static unsigned long object_scan(struct shrinker *s, struct shrink_control *sc)
{
	struct object *o = sp_shrinker_private(s);

	if (!atomic_load(&o->alive))
		abort();
	return sc->nr_to_scan;
}

static struct shrinker *add_object(struct machine *m, unsigned int flags)
{
	struct object *o = calloc(1, sizeof(*o));
	struct shrinker *s;

	atomic_store(&o->alive, 1);
	if (sp_shrinker_alloc(m, flags, "churn", &s))
		abort();
	sp_shrinker_set_callbacks(s, object_count, object_scan);
	sp_shrinker_set_private(s, o);
	sp_shrinker_register(s, NULL);
	return s;
}

static void free_object(struct shrinker *s)
{
	struct object *o = sp_shrinker_private(s);

	if (sp_shrinker_free(s, NULL) != SP_OK)
		abort();
	atomic_store(&o->alive, 0);
	free(o);
}

static void *churn(void *arg)
{
	struct machine *m = arg;
	struct shrinker *mine[LIVE] = { NULL };
	struct mem_cgroup *memcg = NULL;
	unsigned long i, seed = (unsigned long)(uintptr_t)&seed;
	struct sp_pass pass;

	for (i = 0; i < nr_frees; i++) {
		unsigned int at = (unsigned int)(i % LIVE);

		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		if (mine[at])
			free_object(mine[at]);
		mine[at] = add_object(m, seed >> 60 & 1 ? SHRINKER_MEMCG_AWARE :
							  0);
		if (seed >> 61 == 0) {
			if (memcg) {
				sp_memcg_offline(memcg, NULL);
				sp_memcg_put(memcg);
			}
			memcg = add_memcg(m, sp_memcg_root(m));
		}
		if (memcg) {
			sp_set_shrinker_bit(m, memcg, 0,
					    sp_shrinker_id(mine[at]), NULL);
			sp_shrink_slab(m, 0, 0, memcg, 3, &pass);
		}
		if (seed >> 58 == 0)
			sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 2, &pass);
	}
	for (i = 0; i < LIVE; i++) {
		if (mine[i])
			free_object(mine[i]);
	}
	if (memcg) {
		sp_memcg_offline(memcg, NULL);
		sp_memcg_put(memcg);
	}
	return NULL;
}

static void churning_threads_leave_nothing(void)
{
	struct machine *m = make_machine(1, true);
	pthread_t thread[NR_THREADS];
	struct sp_ledger ledger;
	int i;

	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&thread[i], NULL, churn, m);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	sp_ledger_read(m, &ledger);
	CHECK_EQ(ledger.registered, 0);
	CHECK_EQ(ledger.live[SP_SITE_SHRINKER], 0);
	CHECK_EQ(ledger.live[SP_SITE_NAME], 0);
	CHECK_EQ(ledger.live[SP_SITE_INFO], 1);
	CHECK_EQ(ledger.memcgs, 1);
	CHECK_EQ(ledger.limbo, 0);
	sp_machine_destroy(m);
}

/* ---- waiting ----------------------------------------------------------- */

/* A door that a callback stands in until it is opened. */
struct door {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool entered, open;
};

#define DOOR                                                                   \
	{ PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false }

static void pass_through(struct door *d)
{
	pthread_mutex_lock(&d->lock);
	d->entered = true;
	pthread_cond_broadcast(&d->changed);
	while (!d->open)
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

static void wait_entered(struct door *d)
{
	pthread_mutex_lock(&d->lock);
	while (!d->entered)
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

static void open_door(struct door *d)
{
	pthread_mutex_lock(&d->lock);
	d->open = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static void stand_in_door(struct shrinker *s, struct shrink_control *sc,
			  struct cache *c)
{
	(void)s, (void)sc;
	pass_through(c->data);
}

static void *reclaim(void *arg)
{
	struct machine *m = arg;
	struct sp_pass pass;

	sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 0, &pass);
	return NULL;
}

static void free_waits_for_this_callback_only(void)
{
	struct machine *m = make_machine(1, true);
	struct door door = DOOR;
	struct cache held = { .n = 0, .inside = stand_in_door, .data = &door };
	struct cache other = { .n = 1 };
	struct shrinker *o = add_cache(m, 0, "other", &other), *h;
	pthread_t thread;

	h = add_cache(m, 0, "held", &held);
	pthread_create(&thread, NULL, reclaim, m);
	wait_entered(&door);
	/* Waiting for the pass would be for ever: nobody opens the door. */
	CHECK_EQ(sp_shrinker_free(o, NULL), SP_OK);
	CHECK_EQ(sp_peek_refcount(h), 2);
	open_door(&door);
	CHECK_EQ(sp_shrinker_free(h, NULL), SP_OK);
	pthread_join(thread, NULL);
	sp_machine_destroy(m);
}

static void *free_it(void *s)
{
	return (void *)(intptr_t)sp_shrinker_free(s, NULL);
}

static void a_second_free_waits_for_the_first(void)
{
	struct machine *m = make_machine(1, true);
	struct door door = DOOR;
	struct cache held = { .n = 0, .inside = stand_in_door, .data = &door };
	struct shrinker *s = add_cache(m, 0, "held", &held);
	pthread_t reclaimer, first, second;
	void *a, *b;

	sp_shrinker_pin(s);
	pthread_create(&reclaimer, NULL, reclaim, m);
	wait_entered(&door);
	pthread_create(&first, NULL, free_it, s);
	pthread_create(&second, NULL, free_it, s);
	CHECK(!sp_shrinker_freed(s));
	open_door(&door);
	pthread_join(first, &a);
	pthread_join(second, &b);
	CHECK_EQ((intptr_t)a + (intptr_t)b, SP_OK + SP_GONE);
	CHECK(sp_shrinker_freed(s));
	pthread_join(reclaimer, NULL);
	sp_shrinker_unpin(s);
	sp_machine_destroy(m);
}

/* ---- rings ------------------------------------------------------------- */

struct pair {
	pthread_barrier_t both_in;
	struct shrinker *s[2];
	enum sp_status status[2];
};

static void free_the_other(struct shrinker *s, struct shrink_control *sc,
			   struct cache *c)
{
	struct pair *p = c->data;
	int me = s == p->s[1];

	/* Only the cgroup's passes: each thread then runs one of the two. */
	if (sc->memcg == sp_memcg_root(sp_shrinker_machine(s)))
		return;
	pthread_barrier_wait(&p->both_in);
	p->status[me] = sp_shrinker_free(p->s[!me], NULL);
}

static void *reclaim_memcg(void *arg)
{
	struct mem_cgroup *memcg = ((void **)arg)[1];
	struct sp_pass pass;

	sp_shrink_slab(((void **)arg)[0], 0, 0, memcg, 0, &pass);
	return NULL;
}

static void two_that_free_each_other_are_found(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *memcg[2];
	struct pair p;
	struct cache c[2] = { { .inside = free_the_other, .data = &p },
			      { .inside = free_the_other, .data = &p } };
	void *args[2][2];
	pthread_t thread[2];
	int i;

	pthread_barrier_init(&p.both_in, NULL, 2);
	for (i = 0; i < 2; i++) {
		memcg[i] = add_memcg(m, sp_memcg_root(m));
		p.s[i] = add_cache(m, SHRINKER_MEMCG_AWARE, "s", &c[i]);
		sp_set_shrinker_bit(m, memcg[i], 0, sp_shrinker_id(p.s[i]),
				    NULL);
	}
	for (i = 0; i < 2; i++) {
		args[i][0] = m;
		args[i][1] = memcg[i];
		pthread_create(&thread[i], NULL, reclaim_memcg, args[i]);
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	/* One closed the ring; the other got what it waited for. */
	CHECK((p.status[0] == SP_DEADLOCK && p.status[1] == SP_OK) ||
	      (p.status[1] == SP_DEADLOCK && p.status[0] == SP_OK));
	pthread_barrier_destroy(&p.both_in);
	sp_machine_destroy(m);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		nr_frees = strtoul(argv[1], NULL, 10);
	churning_threads_leave_nothing();
	free_waits_for_this_callback_only();
	a_second_free_waits_for_the_first();
	two_that_free_each_other_are_found();
	return report("test_threads");
}
