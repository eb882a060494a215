// SPDX-License-Identifier: GPL-2.0-only
/* Who waits for whom, and who must not. */
#include <pthread.h>

#include "check.h"

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

/* Two callbacks, each of which frees the other's shrinker. */
struct pair {
	pthread_barrier_t both_in;
	struct shrinker *s[2];
	enum sp_status status[2];
	struct machine *machine[2];
	struct mem_cgroup *memcg[2];
};

static void free_the_other(struct shrinker *s, struct shrink_control *sc,
			   struct cache *c)
{
	struct pair *p = c->data;
	int me = s == p->s[1];

	(void)sc;
	pthread_barrier_wait(&p->both_in);
	p->status[me] = sp_shrinker_free(p->s[!me], NULL);
}

static void *reclaim_first(void *arg)
{
	struct pair *p = arg;
	struct sp_pass pass;

	sp_shrink_slab(p->machine[0], 0, 0, p->memcg[0], 0, &pass);
	return NULL;
}

static void *reclaim_second(void *arg)
{
	struct pair *p = arg;
	struct sp_pass pass;

	sp_shrink_slab(p->machine[1], 0, 0, p->memcg[1], 0, &pass);
	return NULL;
}

static void free_each_other(struct pair *p)
{
	struct cache c[2] = { { .inside = free_the_other, .data = p },
			      { .inside = free_the_other, .data = p } };
	pthread_t thread[2];
	int i;

	pthread_barrier_init(&p->both_in, NULL, 2);
	for (i = 0; i < 2; i++) {
		p->memcg[i] =
			add_memcg(p->machine[i], sp_memcg_root(p->machine[i]));
		p->s[i] = add_cache(p->machine[i], SHRINKER_MEMCG_AWARE, "s",
				    &c[i]);
		sp_set_shrinker_bit(p->machine[i], p->memcg[i], 0,
				    sp_shrinker_id(p->s[i]), NULL);
	}
	pthread_create(&thread[0], NULL, reclaim_first, p);
	pthread_create(&thread[1], NULL, reclaim_second, p);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	/* One closed the ring; the other got what it waited for. */
	CHECK((p->status[0] == SP_DEADLOCK && p->status[1] == SP_OK) ||
	      (p->status[1] == SP_DEADLOCK && p->status[0] == SP_OK));
	pthread_barrier_destroy(&p->both_in);
}

static void two_that_free_each_other_are_found(void)
{
	struct machine *m = make_machine(1, true);
	struct pair p = { .machine = { m, m } };

	free_each_other(&p);
	sp_machine_destroy(m);
}

static void so_are_two_on_two_machines(void)
{
	struct pair p = { .machine = { make_machine(1, true),
				       make_machine(1, true) } };

	free_each_other(&p);
	sp_machine_destroy(p.machine[0]);
	sp_machine_destroy(p.machine[1]);
}

/* A release that frees the shrinker whose callback waits for that release. */
static struct {
	struct door in_callback, in_release;
	struct shrinker *releasing, *calling;
	enum sp_status outer, inner;
} loop = { .in_callback = DOOR, .in_release = DOOR };

static void free_the_calling(void *owner)
{
	(void)owner;
	pass_through(&loop.in_release);
	loop.inner = sp_shrinker_free(loop.calling, NULL);
}

static void free_the_releasing(struct shrinker *s, struct shrink_control *sc,
			       struct cache *c)
{
	(void)sc, (void)c;
	if (s != loop.calling)
		return;
	pass_through(&loop.in_callback);
	loop.outer = sp_shrinker_free(loop.releasing, NULL);
}

static void a_ring_through_a_release_is_found(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .inside = free_the_releasing };
	pthread_t reclaimer, freer;

	loop.releasing = add_cache(m, 0, "releasing", &c);
	sp_shrinker_set_owner(loop.releasing, NULL, free_the_calling);
	sp_shrinker_pin(loop.releasing);
	loop.calling = add_cache(m, 0, "calling", &c);
	sp_shrinker_pin(loop.calling);
	pthread_create(&reclaimer, NULL, reclaim, m);
	wait_entered(&loop.in_callback);
	pthread_create(&freer, NULL, free_it, loop.releasing);
	wait_entered(&loop.in_release);
	open_door(&loop.in_callback);
	open_door(&loop.in_release);
	pthread_join(reclaimer, NULL);
	pthread_join(freer, NULL);
	CHECK((loop.outer == SP_DEADLOCK && loop.inner == SP_OK) ||
	      (loop.outer == SP_GONE && loop.inner == SP_DEADLOCK));
	sp_shrinker_unpin(loop.releasing);
	sp_shrinker_unpin(loop.calling);
	sp_machine_destroy(m);
}

/* ---- the embedder's locks ---------------------------------------------- */

/* What a GIL is to the core: whoever may block must give it up. */
static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t driver_lock = PTHREAD_MUTEX_INITIALIZER;
static struct door driver_locked = DOOR;

static void give_up(void *data)
{
	(void)data;
	pthread_mutex_unlock(&big_lock);
}

static void take_back(void *data)
{
	(void)data;
	pthread_mutex_lock(&big_lock);
}

static void lock_the_driver(struct shrinker *s, struct shrink_control *sc,
			    struct cache *c)
{
	struct machine *m = sp_shrinker_machine(s);

	(void)sc, (void)c;
	while (pthread_mutex_trylock(&driver_lock)) {
		sp_wait_begin(m);
		pthread_mutex_lock(&driver_lock);
		pthread_mutex_unlock(&driver_lock);
		sp_wait_end(m);
	}
	pthread_mutex_unlock(&driver_lock);
}

static void *lock_driver_then_big(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&driver_lock);
	pass_through(&driver_locked);
	pthread_mutex_lock(&big_lock);
	pthread_mutex_unlock(&big_lock);
	pthread_mutex_unlock(&driver_lock);
	return NULL;
}

static void a_callback_gives_up_the_embedders_lock_to_wait(void)
{
	const struct sp_hooks hooks = { .wait_begin = give_up,
					.wait_end = take_back };
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 0, .inside = lock_the_driver };
	pthread_t thread;

	sp_machine_set_hooks(m, &hooks, NULL);
	add_cache(m, 0, "driver", &c);
	pthread_mutex_lock(&big_lock);
	pthread_create(&thread, NULL, lock_driver_then_big, NULL);
	wait_entered(&driver_locked);
	open_door(&driver_locked);
	reclaim(m);
	pthread_mutex_unlock(&big_lock);
	pthread_join(thread, NULL);
	CHECK_EQ(c.counts, 1);
	sp_machine_set_hooks(m, &(struct sp_hooks){ 0 }, NULL);
	sp_machine_destroy(m);
}

int main(void)
{
	free_waits_for_this_callback_only();
	a_second_free_waits_for_the_first();
	two_that_free_each_other_are_found();
	so_are_two_on_two_machines();
	a_ring_through_a_release_is_found();
	a_callback_gives_up_the_embedders_lock_to_wait();
	return report("test_threads");
}
