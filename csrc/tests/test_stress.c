// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads at each other: registering, freeing, growing the id space, running
 * global and cgroup passes, also nested in callbacks, making, bringing online
 * and removing cgroups, setting bits, reading what is shown of them.
 *
 *	test_stress [frees a thread] [seed]
 */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

enum {
	NR_THREADS = 4,
	NR_NODES = 2,
	LIVE = 80,     /* shrinkers a thread; all of them grow past 256 ids */
	NR_SHARED = 6, /* cgroups that all threads use and remove */
	ROUND = 2000,  /* frees a thread on one machine: ids grow from 0 anew */
	NESTED = 3,
};

struct object {
	atomic_bool alive;
};

struct world {
	struct machine *m;
	pthread_mutex_t lock;
	struct mem_cgroup *memcg[NR_SHARED];
};

struct worker {
	struct world *w;
	unsigned long seed;
	unsigned long frees, nested, rings;
	struct shrinker *live[LIVE];
};

static __thread struct worker *self;

static unsigned int roll(unsigned int sides)
{
	self->seed = self->seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned int)(self->seed >> 33) % sides;
}

/* ---- cgroups ----------------------------------------------------------- */

/* One of the shared ones with a reference, or NULL. */
static struct mem_cgroup *borrow_memcg(void)
{
	struct mem_cgroup *memcg;

	pthread_mutex_lock(&self->w->lock);
	memcg = self->w->memcg[roll(NR_SHARED)];
	if (memcg)
		sp_memcg_get(memcg);
	pthread_mutex_unlock(&self->w->lock);
	return memcg;
}

static void remove_memcg(struct mem_cgroup *memcg)
{
	if (!memcg)
		return;
	if (sp_memcg_offline(memcg, NULL) != SP_OK)
		abort();
	sp_memcg_put(memcg);
}

/* A new one, below the root or another one, in the place of an old one. */
static void replace_memcg(void)
{
	struct mem_cgroup *parent = roll(2) ? borrow_memcg() : NULL;
	struct mem_cgroup *memcg, *old;
	int at = (int)roll(NR_SHARED);

	memcg = add_memcg(self->w->m,
			  parent ? parent : sp_memcg_root(self->w->m));
	sp_memcg_put(parent);
	pthread_mutex_lock(&self->w->lock);
	old = self->w->memcg[at];
	self->w->memcg[at] = memcg;
	pthread_mutex_unlock(&self->w->lock);
	remove_memcg(old);
}

static void walk_memcgs(void)
{
	struct mem_cgroup *memcg = NULL;

	while ((memcg = sp_memcg_iter(self->w->m, NULL, memcg)))
		sp_memcg_is_online(memcg);
}

/* ---- passes ------------------------------------------------------------ */

static void run_pass(void)
{
	struct mem_cgroup *memcg = roll(4) ? borrow_memcg() : NULL;
	struct machine *m = self->w->m;
	struct sp_pass pass;
	enum sp_status status;

	status = sp_shrink_slab(m, 0, (int)roll(NR_NODES),
				memcg ? memcg : sp_memcg_root(m), (int)roll(4),
				&pass);
	if (status != SP_OK)
		abort();
	sp_memcg_put(memcg);
}

static void set_bit_of(struct shrinker *s)
{
	struct mem_cgroup *memcg = borrow_memcg();

	if (memcg && sp_shrinker_flags(s) & SHRINKER_MEMCG_AWARE)
		sp_set_shrinker_bit(self->w->m, memcg, (int)roll(NR_NODES),
				    sp_shrinker_id(s), NULL);
	sp_memcg_put(memcg);
}

/* ---- shrinkers --------------------------------------------------------- */

static void replace_one(void);

/* A callback after its free returned would find the object dead, or gone. */
static void must_be_alive(struct shrinker *s)
{
	struct object *o = sp_shrinker_private(s);

	if (!atomic_load_explicit(&o->alive, memory_order_relaxed))
		abort();
}

static unsigned long object_count(struct shrinker *s, struct shrink_control *sc)
{
	must_be_alive(s);
	if (sp_pass_depth(self->w->m) < NESTED && !roll(64)) {
		self->nested++;
		switch (roll(3)) {
		case 0:
			run_pass();
			break;
		case 1:
			replace_one();
			break;
		case 2:
			replace_memcg();
			break;
		}
		must_be_alive(s);
	}
	if (!roll(8))
		return SHRINK_EMPTY;
	return sc->memcg ? 200 : roll(300);
}

static unsigned long object_scan(struct shrinker *s, struct shrink_control *sc)
{
	must_be_alive(s);
	return roll(8) ? sc->nr_to_scan : SHRINK_STOP;
}

static struct shrinker *add_object(void)
{
	static const unsigned int flags[] = { 0, SHRINKER_NUMA_AWARE,
					      SHRINKER_MEMCG_AWARE,
					      SHRINKER_MEMCG_AWARE |
						      SHRINKER_NUMA_AWARE };
	struct object *o = calloc(1, sizeof(*o));
	struct shrinker *s;

	o->alive = true;
	if (sp_shrinker_alloc(self->w->m, flags[roll(4)], "object", &s))
		abort();
	sp_shrinker_set_callbacks(s, object_count, object_scan);
	sp_shrinker_set_private(s, o);
	sp_shrinker_set_batch(s, roll(2) * 32);
	if (sp_shrinker_register(s, NULL))
		abort();
	return s;
}

/* In a callback it may be refused: its own, or one that waits for us. */
static bool free_object(struct shrinker *s)
{
	struct object *o = sp_shrinker_private(s);
	enum sp_status status = sp_shrinker_free(s, NULL);

	if (status == SP_DEADLOCK && sp_pass_depth(self->w->m)) {
		self->rings++;
		return false;
	}
	if (status != SP_OK)
		abort();
	atomic_store_explicit(&o->alive, false, memory_order_relaxed);
	free(o);
	self->frees++;
	return true;
}

static void replace_one(void)
{
	unsigned int at = roll(LIVE);
	struct shrinker *s = self->live[at];

	if (s && !free_object(s))
		return;
	self->live[at] = add_object();
	set_bit_of(self->live[at]);
}

static void look_at_it(void)
{
	struct machine *m = self->w->m;
	struct shrinker *s = self->live[roll(LIVE)];
	struct sp_ledger ledger;
	size_t len;
	char *text;

	sp_ledger_read(m, &ledger);
	sp_machine_slabs_scanned(m);
	walk_memcgs();
	if (!s)
		return;
	if (sp_debugfs_count(s, &text, &len) == SP_OK)
		sp_text_free(&text);
	if (sp_debugfs_list(m, &text, &len) == SP_OK)
		sp_text_free(&text);
	sp_debugfs_rename(s, roll(2) ? "renamed" : "object");
	sp_debugfs_scan(s, "0 0 5", 5, &len);
}

/* ---- the threads ------------------------------------------------------- */

static void *work(void *arg)
{
	unsigned long until;
	int i;

	self = arg;
	until = self->frees + ROUND;
	while (self->frees < until) {
		replace_one();
		if (!roll(4))
			run_pass();
		if (!roll(32))
			replace_memcg();
		if (!roll(256))
			look_at_it();
	}
	for (i = 0; i < LIVE; i++) {
		if (self->live[i] && !free_object(self->live[i]))
			abort(); /* in no callback: nothing to refuse for */
		self->live[i] = NULL;
	}
	return NULL;
}

static void one_round(struct worker *workers, bool tracing)
{
	struct world w = { .m = make_machine(NR_NODES, true),
			   .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t thread[NR_THREADS];
	struct sp_ledger ledger;
	int i;

	sp_debugfs_init(w.m);
	if (tracing)
		sp_trace_start(w.m, 1024, SP_CLOCK_MONOTONIC);
	for (i = 0; i < NR_THREADS; i++) {
		workers[i].w = &w;
		pthread_create(&thread[i], NULL, work, &workers[i]);
	}
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < NR_SHARED; i++)
		remove_memcg(w.memcg[i]);

	sp_ledger_read(w.m, &ledger);
	if (sp_peek_nr_max(w.m) < 128)
		abort();
	CHECK_EQ(ledger.registered, 0);
	CHECK_EQ(ledger.live[SP_SITE_SHRINKER], 0);
	CHECK_EQ(ledger.live[SP_SITE_NAME], 0);
	CHECK_EQ(ledger.live[SP_SITE_NR_DEFERRED], 0);
	CHECK_EQ(ledger.live[SP_SITE_DENTRY], 0);
	CHECK_EQ(ledger.live[SP_SITE_INFO], NR_NODES);
	CHECK_EQ(ledger.memcgs, 1);
	CHECK_EQ(ledger.limbo, 0);
	sp_machine_destroy(w.m);
}

int main(int argc, char **argv)
{
	unsigned long nr_frees = argc > 1 ? strtoul(argv[1], NULL, 10) : 4000;
	unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	unsigned long round, frees = 0, nested = 0, rings = 0;
	struct worker workers[NR_THREADS] = { { 0 } };
	struct machine *m = make_machine(1, true);
	bool membarrier = sp_peek_membarrier(m);
	int i;

	sp_machine_destroy(m);

	for (i = 0; i < NR_THREADS; i++)
		workers[i].seed = seed * NR_THREADS + (unsigned long)i;
	for (round = 0; workers[0].frees < nr_frees; round++)
		one_round(workers, round % 2);
	for (i = 0; i < NR_THREADS; i++) {
		frees += workers[i].frees;
		nested += workers[i].nested;
		rings += workers[i].rings;
	}
	CHECK(frees >= nr_frees * NR_THREADS);
	CHECK(nested > 0);
	printf("test_stress: %lu frees (readers %s), %lu times nested in a "
	       "callback, %lu refused as deadlocks\n",
	       frees,
	       membarrier ? "plain, writers membarrier" :
			    "sequentially consistent",
	       nested, rings);
	return report("test_stress");
}
