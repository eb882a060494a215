// SPDX-License-Identifier: GPL-2.0-only
/* The loops over shrink_slab(): how often, where, and what ends them. */
#include <pthread.h>
#include <sched.h>

#include <shrinkpy/reclaim.h>

#include "check.h"

enum { GFP_KERNEL = 0xcc0, GFP_HIGHUSER_MOVABLE = 0x100cca, KEPT = 256 };

/* ---- what was done ----------------------------------------------------- */

struct step {
	int priority, nid, round;
	unsigned long ino;
};

struct seen {
	struct step step[KEPT];
	int n;
	int stop_after; /* 0: never */
};

static bool see(void *data, const struct sp_reclaim_pass *p)
{
	struct seen *seen = data;

	if (seen->n < KEPT)
		seen->step[seen->n] =
			(struct step){ p->priority, p->nid, p->round,
				       p->memcg ? sp_memcg_ino(p->memcg) : 0 };
	return ++seen->n != seen->stop_after;
}

static bool is_step(const struct seen *seen, int i, int priority, int nid,
		    int round, unsigned long ino)
{
	const struct step *s = &seen->step[i];

	return i < seen->n && s->priority == priority && s->nid == nid &&
	       s->round == round && s->ino == ino;
}

/* A cache that frees what next says at each scan, whatever it counts. */
struct giver {
	unsigned long count;
	unsigned long next[128];
	unsigned int n;
	unsigned int gfp_mask;
	void (*inside)(struct shrinker *s, struct giver *g);
	void *data;
};

static unsigned long giver_count(struct shrinker *s, struct shrink_control *sc)
{
	struct giver *g = sp_shrinker_private(s);

	g->gfp_mask = sc->gfp_mask;
	return g->count;
}

static unsigned long giver_scan(struct shrinker *s, struct shrink_control *sc)
{
	struct giver *g = sp_shrinker_private(s);

	(void)sc;
	if (g->inside)
		g->inside(s, g);
	return g->n < 128 ? g->next[g->n++] : 0;
}

static struct shrinker *add_giver(struct machine *m, struct giver *g)
{
	struct shrinker *s;

	if (sp_shrinker_alloc(m, 0, "giver", &s))
		abort();
	sp_shrinker_set_seeks(s, 4); /* delta is the count >> priority */
	sp_shrinker_set_callbacks(s, giver_count, giver_scan);
	sp_shrinker_set_private(s, g);
	if (sp_shrinker_register(s, NULL))
		abort();
	return s;
}

/* ---- drop_slab() ------------------------------------------------------- */

static void drop_goes_over_nodes_and_cgroups(void)
{
	struct machine *m = make_machine(2, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct mem_cgroup *b = add_memcg(m, a);
	struct mem_cgroup *c = add_memcg(m, sp_memcg_root(m));
	struct cache cache = { .n = 40 };
	struct seen seen = { 0 };
	struct sp_reclaim how = { .kind = SP_RECLAIM_DROP,
				  .pass = see,
				  .data = &seen };
	struct sp_reclaimed out;
	const unsigned long order[] = { 1, 2, 3, 4 };
	int i;

	add_cache(m, 0, "s", &cache);
	sp_memcg_offline(b, NULL); /* passed all the same */
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	/* 40 in the first round; 0 in the second, which ends it */
	CHECK_EQ(out.freed, 40);
	CHECK_EQ(out.scanned, 80); /* asked for twice what there is */
	CHECK_EQ(out.nr_rounds, 2);
	CHECK_EQ(out.nr_passes, 16);
	CHECK_EQ(out.priority, 0);
	CHECK_EQ(cache.n, 0);
	for (i = 0; i < 16; i++)
		CHECK(is_step(&seen, i, 0, i / 4 % 2, i / 8, order[i % 4]));
	CHECK_EQ(sp_reclaim_count(m, SP_RECLAIM_DROP), 1);
	CHECK_EQ(sp_reclaim_count(m, SP_RECLAIM_DIRECT), 0);
	CHECK_EQ(sp_reclaim_count(m, SP_NR_RECLAIM_KINDS), 0);
	sp_memcg_put(b);
	(void)c;
	sp_machine_destroy(m);
}

/* Round k goes on while what it freed, shifted by k, is more than 1. */
static void each_round_of_a_drop_asks_for_more(void)
{
	const struct {
		unsigned long freed;
		unsigned long rounds;
	} cases[] = { { 0, 1 },          { 1, 1 },          { 2, 2 },
		      { 3, 2 },          { 4, 3 },          { 7, 3 },
		      { 8, 4 },          { 255, 8 },        { 256, 9 },
		      { 1ul << 62, 63 }, { ~0ul >> 1, 63 }, { 1ul << 63, 64 } };
	struct sp_reclaim how = { .kind = SP_RECLAIM_DROP };
	struct sp_reclaimed out;
	struct machine *m;
	struct giver g;
	size_t i;
	int j;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		m = make_machine(1, true);
		g = (struct giver){ .count = 1 };
		for (j = 0; j < 128; j++)
			g.next[j] = cases[i].freed;
		add_giver(m, &g);
		CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
		CHECK_EQ(out.nr_rounds, cases[i].rounds);
		CHECK_EQ(out.nr_passes, cases[i].rounds);
		sp_machine_destroy(m);
	}
}

static struct machine *machine_with(bool memcg, enum sp_root root)
{
	struct sp_config config = {
		.nr_nodes = 2, .memcg = memcg, .kmem = true, .root = root
	};
	struct machine *m;

	if (sp_machine_create(&config, &m))
		abort();
	return m;
}

static void without_cgroups_there_is_one_pass_a_node(void)
{
	const struct {
		bool memcg;
		enum sp_root root;
	} machines[] = { { false, SP_ROOT_BARE },
			 { false, SP_ROOT_NONE },
			 { true, SP_ROOT_NONE } };
	struct sp_reclaim how = { .nid = -1,
				  .gfp_mask = GFP_KERNEL,
				  .nr_to_reclaim = 1,
				  .pass = see };
	struct sp_reclaimed out;
	struct machine *m;
	struct seen seen;
	struct cache c;
	size_t i;

	for (i = 0; i < 3; i++) {
		m = machine_with(machines[i].memcg, machines[i].root);
		c = (struct cache){ .n = 10000 };
		add_cache(m, SHRINKER_NUMA_AWARE, "s", &c);
		seen = (struct seen){ 0 };
		how.data = &seen;
		how.kind = SP_RECLAIM_DIRECT;
		CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
		/* 10000 >> 6 is the first that makes a batch; both nodes */
		CHECK_EQ(out.priority, 7);
		CHECK_EQ(out.nr_passes, 12);
		CHECK(is_step(&seen, 11, 7, 1, 0, 0));
		sp_machine_destroy(m);
	}
}

/* ---- direct reclaim ---------------------------------------------------- */

static void direct_reclaim_presses_harder_until_it_was_enough(void)
{
	struct machine *m = make_machine(1, true);
	struct giver g = { .count = 128 << 9, .next = { 5, 6, 7 } };
	struct seen seen = { 0 };
	struct sp_reclaim how = { .kind = SP_RECLAIM_DIRECT,
				  .gfp_mask = GFP_KERNEL,
				  .nr_to_reclaim = 12,
				  .nid = -1,
				  .pass = see,
				  .data = &seen };
	struct sp_reclaimed out;

	add_giver(m, &g);
	/* 12 to 10: less than a batch; 16, 32 and 64 deferred, so at 9 one */
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK(is_step(&seen, 0, 12, 0, 0, 1));
	CHECK_EQ(out.freed, 5 + 6 + 7);
	CHECK_EQ(out.priority, 8);
	CHECK_EQ(out.nr_passes, 5);
	CHECK_EQ(out.nr_rounds, 5);
	CHECK_EQ(g.gfp_mask, GFP_KERNEL);
	sp_machine_destroy(m);
}

static void direct_reclaim_that_finds_nothing_goes_down_to_0(void)
{
	struct machine *m = make_machine(1, true);
	struct giver g = { .count = 1000 };
	struct sp_reclaim how = { .kind = SP_RECLAIM_DIRECT,
				  .gfp_mask = GFP_KERNEL,
				  .nr_to_reclaim = 1 };
	struct sp_reclaimed out;

	add_giver(m, &g);
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.freed, 0);
	CHECK_EQ(out.nr_passes, 13);
	CHECK_EQ(out.priority, 0);
	/* what asks for nothing is done with one priority */
	how.nr_to_reclaim = 0;
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.nr_passes, 1);
	CHECK_EQ(sp_reclaim_count(m, SP_RECLAIM_DIRECT), 2);
	sp_machine_destroy(m);
}

static void a_mask_that_must_not_reclaim_does_nothing(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 100 };
	struct sp_reclaim how = { .gfp_mask = GFP_KERNEL & ~0x400u,
				  .nr_to_reclaim = 1 };
	struct sp_reclaimed out;

	add_cache(m, 0, "s", &c);
	for (how.kind = SP_RECLAIM_DIRECT; how.kind <= SP_RECLAIM_MEMCG;
	     how.kind += 2) {
		CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
		CHECK_EQ(out.nr_passes, 0);
		CHECK_EQ(sp_reclaim_count(m, how.kind), 0);
	}
	CHECK_EQ(sp_memory_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(c.counts, 0);
	/* nobody asks these for a mask */
	how.kind = SP_RECLAIM_KSWAPD;
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK(out.nr_passes > 0);
	sp_machine_destroy(m);
}

/* ---- kswapd ------------------------------------------------------------ */

static void kswapd_stays_at_a_priority_that_scans_and_frees_enough(void)
{
	struct machine *m = make_machine(2, true);
	/* at 12 it scans 128, and frees 40, then 0, then 60 */
	struct giver g = { .count = 128 << 12, .next = { 40, 0, 30, 30 } };
	struct seen seen = { 0 };
	struct sp_reclaim how = { .kind = SP_RECLAIM_KSWAPD,
				  .nid = 1,
				  .nr_to_reclaim = 100,
				  .pass = see,
				  .data = &seen };
	struct sp_reclaimed out;

	add_giver(m, &g);
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.freed, 100);
	CHECK_EQ(out.nr_passes, 3);
	CHECK(is_step(&seen, 0, 12, 1, 0, 1));
	CHECK(is_step(&seen, 1, 12, 1, 1, 1)); /* 40 were freed: no harder */
	CHECK(is_step(&seen, 2, 11, 1, 2, 1)); /* none was */
	CHECK_EQ(g.gfp_mask, GFP_KERNEL);
	sp_machine_destroy(m);
}

static void kswapd_gives_up_after_priority_1(void)
{
	struct machine *m = make_machine(1, true);
	struct giver g = { .count = 1000 };
	struct sp_reclaim how = { .kind = SP_RECLAIM_KSWAPD,
				  .nr_to_reclaim = 10 };
	struct sp_reclaimed out;

	add_giver(m, &g);
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.nr_passes, 12);
	CHECK_EQ(out.priority, 1);
	/* nothing is asked for, nothing is done, and it was begun */
	how.nr_to_reclaim = 0;
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.nr_passes, 0);
	CHECK_EQ(sp_reclaim_count(m, SP_RECLAIM_KSWAPD), 2);
	sp_machine_destroy(m);
}

/* ---- memory.reclaim ---------------------------------------------------- */

static void a_cgroup_is_reclaimed_from_with_those_below_it(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *a = add_memcg(m, sp_memcg_root(m));
	struct mem_cgroup *b = add_memcg(m, a);
	struct mem_cgroup *c = add_memcg(m, sp_memcg_root(m));
	struct seen seen = { 0 };
	struct sp_reclaim how = { .kind = SP_RECLAIM_MEMCG,
				  .gfp_mask = GFP_KERNEL,
				  .nid = -1,
				  .memcg = a,
				  .nr_to_reclaim = 1,
				  .pass = see,
				  .data = &seen };
	struct giver g = { .count = 128 };
	struct sp_reclaimed out;
	struct shrinker *s = NULL;
	int i;

	CHECK_EQ(sp_shrinker_alloc(m, SHRINKER_MEMCG_AWARE, "s", &s), SP_OK);
	sp_shrinker_set_callbacks(s, giver_count, giver_scan);
	sp_shrinker_set_private(s, &g);
	CHECK_EQ(sp_shrinker_register(s, NULL), SP_OK);
	sp_set_shrinker_bit(m, b, 0, 0, NULL);
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.nr_passes, 26);
	for (i = 0; i < 26; i++)
		CHECK(is_step(&seen, i, 12 - i / 2, 0, 0,
			      sp_memcg_ino(i % 2 ? b : a)));
	/* the mask of the caller, in that of user pages */
	CHECK_EQ(g.gfp_mask, GFP_HIGHUSER_MOVABLE);
	/* NOFS, NOFAIL, ACCOUNT, NOLOCKDEP */
	how.gfp_mask = 0xc40 | 0x8000 | 0x400000 | 0x1000000;
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(g.gfp_mask,
		 (GFP_HIGHUSER_MOVABLE & ~0x80) | 0x8000 | 0x1000000);
	(void)c;
	sp_machine_destroy(m);
}

static void it_aims_at_32_at_least(void)
{
	struct machine *m = make_machine(1, true);
	struct giver g = { .count = 128 << 12, .next = { 31, 1, 500 } };
	struct sp_reclaim how = { .kind = SP_RECLAIM_MEMCG,
				  .gfp_mask = GFP_KERNEL,
				  .nr_to_reclaim = 1 };
	struct sp_reclaimed out;

	add_giver(m, &g);
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.freed, 532);
	CHECK_EQ(out.nr_passes, 2);
	sp_machine_destroy(m);
}

static void memory_reclaim_tries_17_times_in_vain(void)
{
	struct machine *m = make_machine(1, true);
	struct giver g = { .count = 128, .next = { 0, 0, 3 } };
	struct seen seen = { 0 };
	struct sp_reclaim how = { .gfp_mask = GFP_KERNEL,
				  .nr_to_reclaim = 1000,
				  .pass = see,
				  .data = &seen };
	struct sp_reclaimed out;

	add_giver(m, &g);
	CHECK_EQ(sp_memory_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.freed, 3);
	/* one try freed something, and takes none of the 16 + 1 away */
	CHECK_EQ(out.nr_passes, 18 * 13);
	CHECK_EQ(seen.step[12].round, 0);
	CHECK_EQ(seen.step[18 * 13 - 1].round, 17);
	CHECK_EQ(sp_reclaim_count(m, SP_RECLAIM_MEMCG), 1);
	sp_machine_destroy(m);
}

static void memory_reclaim_asks_for_a_quarter_of_what_is_missing(void)
{
	struct machine *m = make_machine(1, true);
	struct giver g = { .count = 128 << 12 };
	struct sp_reclaim how = { .gfp_mask = GFP_KERNEL,
				  .nr_to_reclaim = 1000 };
	struct sp_reclaimed out;
	int i;

	/* 250: three priorities of 100 (1, 2, 4 scans of 25); then 175, … */
	for (i = 0; i < 128; i++)
		g.next[i] = 100;
	add_giver(m, &g);
	CHECK_EQ(sp_memory_reclaim(m, &how, &out), SP_OK);
	/*
	 * A try scans 1, 2, 4 … batches a priority: 100, 200 | 100, 200 |
	 * 100 for (1000 - 600) / 4 | 100 | 100 | 100.
	 */
	CHECK_EQ(out.freed, 1000);
	CHECK_EQ(out.nr_passes, 8);
	how.nr_to_reclaim = 0;
	CHECK_EQ(sp_memory_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.nr_passes, 0);
	sp_machine_destroy(m);
}

/* ---- what ends it ------------------------------------------------------ */

static void abort_pass(struct shrinker *s, struct giver *g)
{
	if (g->n == 1)
		sp_pass_abort(sp_shrinker_machine(s));
}

static void an_aborted_pass_ends_the_reclaim(void)
{
	struct machine *m = make_machine(2, true);
	struct giver g = { .count = 1,
			   .next = { 8, 8, 8, 8 },
			   .inside = abort_pass };
	struct sp_reclaim how = { .kind = SP_RECLAIM_DROP };
	struct sp_reclaimed out;

	add_giver(m, &g);
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_ABORTED);
	CHECK_EQ(out.reason.status, SP_ABORTED);
	CHECK_EQ(out.freed, 16);
	CHECK_EQ(out.nr_passes, 2);
	sp_machine_destroy(m);
}

static void an_oops_ends_the_reclaim_and_says_why(void)
{
	struct machine *m = machine_with(true, SP_ROOT_NONE);
	struct cache c = { .n = 3 };
	struct sp_reclaim how = { .kind = SP_RECLAIM_DIRECT,
				  .gfp_mask = GFP_KERNEL,
				  .nr_to_reclaim = 1 };
	struct sp_reclaimed out;

	add_cache(m, SHRINKER_MEMCG_AWARE, "aware", &c);
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OOPS);
	CHECK_EQ(out.nr_passes, 1);
	CHECK(!strcmp(out.reason.shrinker, "aware"));
	CHECK(strstr(out.reason.text, "nr_deferred is NULL"));
	sp_machine_destroy(m);
}

static unsigned long scan_stalls(struct shrinker *s, struct shrink_control *sc)
{
	(void)s;
	sc->nr_scanned = 0;
	return 0;
}

static void a_spin_is_told_and_it_goes_on(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 1 }, later = { .n = 50 };
	struct sp_reclaim how = { .kind = SP_RECLAIM_DROP };
	struct sp_reclaimed out;

	sp_shrinker_set_callbacks(add_cache(m, 0, "stalls", &c), cache_count,
				  scan_stalls);
	add_cache(m, 0, "later", &later);
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_SPIN);
	CHECK(!strcmp(out.reason.shrinker, "stalls"));
	CHECK_EQ(out.freed, 50);
	CHECK_EQ(out.nr_rounds, 2);
	sp_machine_destroy(m);
}

static void whoever_watches_may_end_it(void)
{
	struct machine *m = make_machine(4, true);
	struct seen seen = { .stop_after = 3 };
	struct sp_reclaim how = { .kind = SP_RECLAIM_DROP,
				  .pass = see,
				  .data = &seen };
	struct sp_reclaimed out;

	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK_EQ(out.nr_passes, 3);
	sp_machine_destroy(m);
}

static void what_is_refused_begins_nothing(void)
{
	struct machine *m = make_machine(2, true);
	const struct sp_reclaim bad[] = {
		{ .kind = SP_RECLAIM_DIRECT, .gfp_mask = GFP_KERNEL, .nid = 2 },
		{ .kind = SP_RECLAIM_MEMCG, .gfp_mask = GFP_KERNEL, .nid = -2 },
		{ .kind = SP_RECLAIM_KSWAPD, .nid = -1 },
		{ .kind = SP_NR_RECLAIM_KINDS },
	};
	struct sp_reclaim drop = { .kind = SP_RECLAIM_DROP };
	struct sp_reclaimed out;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(sp_reclaim(m, &bad[i], &out), SP_INVAL);
		CHECK_EQ(out.reason.status, SP_INVAL);
		CHECK_EQ(sp_reclaim_count(m, bad[i].kind), 0);
	}
	sp_machine_close(m, NULL);
	CHECK_EQ(sp_reclaim(m, &drop, &out), SP_CLOSED);
	CHECK_EQ(sp_memory_reclaim(m, &bad[1], &out), SP_INVAL);
	CHECK_EQ(sp_reclaim_count(m, SP_RECLAIM_DROP), 0);
	sp_machine_destroy(m);
}

/* ---- nested, and beside others ----------------------------------------- */

static void drop_inside(struct shrinker *s, struct giver *g)
{
	struct sp_reclaim how = { .kind = SP_RECLAIM_DROP };
	struct sp_reclaimed out;

	if (sp_reclaim(sp_shrinker_machine(s), &how, &out) == SP_DEPTH) {
		CHECK_EQ(out.nr_passes, 0);
		CHECK(strstr(out.reason.text, "nested deeper than 8"));
		g->data = g;
	}
}

static void reclaims_nest_eight_deep(void)
{
	struct machine *m = make_machine(1, true);
	struct giver g = { .count = 1, .inside = drop_inside };
	struct sp_reclaim how = { .kind = SP_RECLAIM_DROP };
	struct sp_reclaimed out;

	add_giver(m, &g);
	CHECK_EQ(sp_reclaim(m, &how, &out), SP_OK);
	CHECK(g.data == &g);
	CHECK_EQ(g.n, SP_MAX_DEPTH);
	CHECK_EQ(sp_pass_depth(m), 0);
	sp_machine_destroy(m);
}

/* Counts for several threads; it never runs out. */
static unsigned long steady_count(struct shrinker *s, struct shrink_control *sc)
{
	(void)s, (void)sc;
	return 100;
}

static unsigned long steady_scan(struct shrinker *s, struct shrink_control *sc)
{
	(void)s;
	return sc->nr_to_scan / 2;
}

struct reclaiming {
	struct machine *m;
	enum sp_reclaim_kind kind;
	bool until_closed;
	unsigned long reclaims;
	pthread_t thread;
};

static void *reclaim_thread(void *arg)
{
	struct reclaiming *r = arg;
	struct sp_reclaim how = { .kind = r->kind,
				  .gfp_mask = GFP_KERNEL,
				  .nr_to_reclaim = 200 };
	enum sp_status status = SP_OK;
	struct sp_reclaimed out;

	while (status == SP_OK && (r->until_closed || r->reclaims < 200)) {
		status = sp_reclaim(r->m, &how, &out);
		__atomic_fetch_add(&r->reclaims, 1, __ATOMIC_RELAXED);
	}
	CHECK_EQ(status, r->until_closed ? SP_CLOSED : SP_OK);
	return NULL;
}

static void reclaim_while(struct machine *m, struct reclaiming r[4],
			  bool until_closed)
{
	int i;

	for (i = 0; i < 4; i++) {
		r[i] = (struct reclaiming){ .m = m,
					    .kind = (enum sp_reclaim_kind)i,
					    .until_closed = until_closed };
		if (pthread_create(&r[i].thread, NULL, reclaim_thread, &r[i]))
			abort();
	}
}

static struct shrinker *add_steady(struct machine *m)
{
	struct shrinker *s;

	if (sp_shrinker_alloc(m, SHRINKER_MEMCG_AWARE, "steady", &s))
		abort();
	sp_shrinker_set_callbacks(s, steady_count, steady_scan);
	if (sp_shrinker_register(s, NULL))
		abort();
	return s;
}

static void cgroups_come_and_go_under_it(void)
{
	struct machine *m = make_machine(1, true);
	struct shrinker *s = add_steady(m);
	struct mem_cgroup *memcg, *child;
	struct reclaiming r[4];
	struct sp_ledger ledger;
	int i;

	reclaim_while(m, r, false);
	for (i = 0; i < 500; i++) {
		memcg = add_memcg(m, sp_memcg_root(m));
		child = add_memcg(m, memcg);
		sp_set_shrinker_bit(m, child, 0, sp_shrinker_id(s), NULL);
		sp_memcg_offline(child, NULL);
		sp_memcg_put(child);
		sp_memcg_offline(memcg, NULL);
		sp_memcg_put(memcg);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(r[i].thread, NULL);
		CHECK_EQ(sp_reclaim_count(m, r[i].kind), 200);
	}
	sp_ledger_read(m, &ledger);
	CHECK_EQ(ledger.memcgs, 1);
	sp_machine_destroy(m);
}

static void the_machine_is_closed_under_it(void)
{
	struct machine *m = make_machine(1, true);
	struct reclaiming r[4];
	int i;

	add_steady(m);
	reclaim_while(m, r, true);
	for (i = 0; i < 4; i++) {
		while (!__atomic_load_n(&r[i].reclaims, __ATOMIC_RELAXED))
			sched_yield();
	}
	CHECK_EQ(sp_machine_close(m, NULL), SP_OK);
	for (i = 0; i < 4; i++)
		pthread_join(r[i].thread, NULL);
	sp_machine_destroy(m);
}

int main(void)
{
	drop_goes_over_nodes_and_cgroups();
	each_round_of_a_drop_asks_for_more();
	without_cgroups_there_is_one_pass_a_node();
	direct_reclaim_presses_harder_until_it_was_enough();
	direct_reclaim_that_finds_nothing_goes_down_to_0();
	a_mask_that_must_not_reclaim_does_nothing();
	kswapd_stays_at_a_priority_that_scans_and_frees_enough();
	kswapd_gives_up_after_priority_1();
	a_cgroup_is_reclaimed_from_with_those_below_it();
	it_aims_at_32_at_least();
	memory_reclaim_tries_17_times_in_vain();
	memory_reclaim_asks_for_a_quarter_of_what_is_missing();
	an_aborted_pass_ends_the_reclaim();
	an_oops_ends_the_reclaim_and_says_why();
	a_spin_is_told_and_it_goes_on();
	whoever_watches_may_end_it();
	what_is_refused_begins_nothing();
	reclaims_nest_eight_deep();
	cgroups_come_and_go_under_it();
	the_machine_is_closed_under_it();
	return report("test_reclaim");
}
