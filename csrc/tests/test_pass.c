// SPDX-License-Identifier: GPL-2.0-only
/* Passes: the arithmetic, the cgroups, nesting, and where the kernel dies. */
#include <limits.h>

#include "../port/arith.h"
#include "check.h"

static void arithmetic(void)
{
	/* (1000 >> 4) * 4 / 2 = 124; half whatever the priority; 4 / -1 */
	CHECK_EQ(sp_delta(1000, 4, 2), 124);
	CHECK_EQ(sp_delta(1000, 4, 0), 500);
	CHECK_EQ(sp_delta(1000, 0, 3), 1333);
	CHECK_EQ(sp_delta(1000, 0, -1), 0);
	CHECK_EQ(sp_delta(-5, 1, 0), -2);
	CHECK_EQ(sp_delta(LONG_MIN, 0, 1), 0);
	CHECK_EQ(sp_total_scan(1000, 24, 0, 100), 200);
	CHECK_EQ(sp_total_scan(-9, 0, 1, 100), -5);
	CHECK_EQ(sp_total_scan(LONG_MAX, 1, 0, 100), LONG_MIN);
	CHECK_EQ(sp_next_deferred(10, 5, 20, 100), 0);
	CHECK_EQ(sp_next_deferred(500, 0, 0, 100), 200);
	CHECK_EQ(sp_next_deferred(500, 0, 0, -100), -200);
	CHECK(sp_goes_on(128, 128, 1000) && !sp_goes_on(127, 128, 1000));
	CHECK(sp_goes_on(5, 128, 5) && !sp_goes_on(4, 128, 5));
	CHECK_EQ(sp_nr_max_for(63), 64);
	CHECK_EQ(sp_nr_max_for(64), 128);
}

static void batches_and_deferral(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 1000 };
	struct shrinker *s = add_cache(m, 0, "s", &c);
	struct sp_pass pass;
	long deferred;

	/* delta 1000, seven batches of 128; 104 are left over */
	CHECK_EQ(sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 1, &pass), SP_OK);
	CHECK_EQ(pass.freed, 896);
	CHECK_EQ(pass.nr_scans, 7);
	CHECK_EQ(pass.deferred, 104);
	CHECK(sp_peek_deferred(s, NULL, 0, &deferred));
	CHECK_EQ(deferred, 104);
	CHECK_EQ(sp_machine_slabs_scanned(m), 896);
	sp_machine_destroy(m);
}

static void empty_clears_the_bit_and_zero_does_not(void)
{
	struct machine *m = make_machine(2, true);
	struct mem_cgroup *child = add_memcg(m, sp_memcg_root(m));
	struct cache c = { .empty = SHRINK_EMPTY };
	struct shrinker *s = add_cache(m, SHRINKER_MEMCG_AWARE, "s", &c);
	struct sp_pass pass;

	sp_set_shrinker_bit(m, child, 1, 0, NULL);
	sp_shrink_slab(m, 0, 1, child, 0, &pass);
	CHECK_EQ(c.counts, 2);
	CHECK(!sp_peek_bit(child, 1, 0));
	sp_set_shrinker_bit(m, child, 1, 0, NULL);
	c.empty = 0;
	sp_shrink_slab(m, 0, 1, child, 0, &pass);
	CHECK_EQ(c.counts, 3);
	CHECK(sp_peek_bit(child, 1, 0));
	sp_shrinker_free(s, NULL);
	/* the bit of a shrinker that is gone is cleared by who meets it */
	sp_shrink_slab(m, 0, 1, child, 0, &pass);
	CHECK(!sp_peek_bit(child, 1, 0));
	sp_machine_destroy(m);
}

static void deferred_work_goes_to_the_parent(void)
{
	struct machine *m = make_machine(1, true);
	struct mem_cgroup *parent = add_memcg(m, sp_memcg_root(m));
	struct mem_cgroup *child = add_memcg(m, parent);
	struct cache c = { .n = 100 };
	struct shrinker *s = add_cache(m, SHRINKER_MEMCG_AWARE, "s", &c);
	struct sp_ledger ledger;
	struct sp_pass pass;
	long deferred = 0;

	sp_set_shrinker_bit(m, child, 0, 0, NULL);
	sp_shrink_slab(m, 0, 0, child, 2, &pass); /* 50 asked, below a batch */
	CHECK_EQ(pass.deferred, 50);
	CHECK_EQ(sp_memcg_offline(child, NULL), SP_OK);
	CHECK(sp_peek_deferred(s, parent, 0, &deferred));
	CHECK_EQ(deferred, 50);
	sp_shrink_slab(m, 0, 0, child, 0, &pass);
	CHECK_EQ(pass.nr_counts, 0);
	/* the memory stays with the last reference, and the parent's with it */
	sp_memcg_offline(parent, NULL);
	sp_memcg_put(parent);
	sp_ledger_read(m, &ledger);
	CHECK_EQ(ledger.memcgs, 3);
	sp_memcg_put(child);
	sp_ledger_read(m, &ledger);
	CHECK_EQ(ledger.memcgs, 1);
	CHECK_EQ(ledger.live[SP_SITE_INFO], 1);
	CHECK_EQ(ledger.live[SP_SITE_UNIT], 1);
	sp_machine_destroy(m);
}

static void nest(struct shrinker *s, struct shrink_control *sc, struct cache *c)
{
	struct machine *m = sp_shrinker_machine(s);
	struct sp_pass pass;
	enum sp_status status;

	status = sp_shrink_slab(m, 0, 0, sc->memcg, 0, &pass);
	if (status != SP_OK) {
		CHECK_EQ(status, SP_DEPTH);
		CHECK_EQ(sp_pass_depth(m), SP_MAX_DEPTH);
		c->data = c;
	}
}

static void passes_nest_eight_deep(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 0, .inside = nest };
	struct sp_pass pass;

	add_cache(m, 0, "s", &c);
	CHECK_EQ(sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 0, &pass), SP_OK);
	CHECK_EQ(c.counts, SP_MAX_DEPTH);
	CHECK(c.data == &c);
	CHECK_EQ(sp_pass_depth(m), 0);
	sp_machine_destroy(m);
}

static unsigned long scan_nothing(struct shrinker *s, struct shrink_control *sc)
{
	struct cache *c = sp_shrinker_private(s);

	c->scans++;
	sc->nr_scanned = 0;
	return 0;
}

static void a_spin_is_ended(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 1000 }, after = { .n = 1 };
	struct shrinker *s = add_cache(m, 0, "spinning", &c);
	struct sp_pass pass;

	sp_shrinker_set_callbacks(s, cache_count, scan_nothing);
	add_cache(m, 0, "after", &after);
	CHECK_EQ(sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 0, &pass), SP_SPIN);
	CHECK_EQ(c.scans, 1000);
	CHECK_EQ(pass.nr_spins, 1);
	CHECK_EQ(pass.reason.status, SP_SPIN);
	CHECK(!strcmp(pass.reason.shrinker, "spinning"));
	CHECK_EQ(after.scans, 1); /* the pass went on */
	sp_machine_destroy(m);
}

static void the_kernel_would_die(void)
{
	struct sp_config config = { .nr_nodes = 1,
				    .memcg = true,
				    .root = SP_ROOT_NONE };
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 100 };
	struct sp_pass pass;

	CHECK_EQ(sp_shrink_slab(m, 0, 0, NULL, 0, &pass), SP_OOPS);
	CHECK(strstr(pass.reason.text, "no cgroup"));
	CHECK_EQ(sp_shrink_slab(m, 0, 1, sp_memcg_root(m), 0, &pass), SP_INVAL);
	CHECK_EQ(sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 64, &pass),
		 SP_INVAL);
	sp_machine_destroy(m);

	/* early boot: nowhere to defer to */
	sp_machine_create(&config, &m);
	add_cache(m, SHRINKER_MEMCG_AWARE, "early", &c);
	CHECK_EQ(sp_shrink_slab(m, 0, 0, NULL, 0, &pass), SP_OOPS);
	CHECK(!strcmp(pass.reason.shrinker, "early"));
	CHECK_EQ(c.counts, 1);
	c.n = 0;
	CHECK_EQ(sp_shrink_slab(m, 0, 0, NULL, 0, &pass), SP_OK);
	sp_machine_destroy(m);
}

static void the_trace_overwrites_and_counts(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 1000 };
	struct sp_trace_ring info;
	struct sp_ring *ring;
	struct sp_pass pass;
	char symbol[128], name[128];
	int i;

	add_cache(m, 0, "traced", &c);
	CHECK_EQ(sp_trace_nr_rings(m), 0);
	CHECK_EQ(sp_trace_start(m, 3, SP_CLOCK_MONOTONIC), SP_OK);
	for (i = 0; i < 3; i++)
		sp_shrink_slab(m, 0xcc0, 0, sp_memcg_root(m), 12, &pass);
	sp_trace_stop(m);
	sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 12, &pass);
	CHECK_EQ(sp_trace_nr_rings(m), 1);
	CHECK(sp_trace_ring_get(m, 0, &ring));
	sp_trace_ring_read(ring, &info);
	CHECK_EQ(info.size, 4);
	CHECK_EQ(info.written, 6);
	CHECK_EQ(info.overrun, 2);
	CHECK_EQ(info.events[1].seq, 5);
	CHECK_EQ(info.events[1].kind, SP_TRACE_END);
	CHECK_EQ(info.events[0].gfp_mask, 0xcc0);
	CHECK_EQ(info.events[0].freeable, 1000);
	CHECK(info.events[0].time <= info.events[1].time);
	CHECK(sp_trace_name(m, info.events[0].name, symbol, name));
	CHECK(!strcmp(name, "traced"));
	sp_machine_destroy(m);
	CHECK_EQ(info.events[1].seq, 5); /* a reference keeps it */
	sp_trace_ring_put(&ring);
	CHECK(!ring);
}

static void debugfs(void)
{
	struct machine *m = make_machine(2, true);
	struct cache c = { .n = 7 };
	struct shrinker *s = add_cache(m, SHRINKER_NUMA_AWARE, "s", &c);
	struct sp_debugfs_dir dir;
	size_t len;
	char *text;

	CHECK_EQ(sp_debugfs_init(m), SP_OK);
	CHECK_EQ(sp_debugfs_list(m, &text, &len), SP_OK);
	CHECK(!strcmp(text, "s-0\ns-0/count\ns-0/scan\n"));
	sp_text_free(&text);
	CHECK_EQ(sp_debugfs_count(s, &text, &len), SP_OK);
	CHECK(!strcmp(text, "1 7 7\n"));
	sp_text_free(&text);
	CHECK_EQ(sp_debugfs_scan(s, " 0 1 3 junk", 11, &len), SP_OK);
	CHECK_EQ(len, 11);
	CHECK_EQ(c.n, 4);
	CHECK_EQ(sp_debugfs_scan(s, "1 0 3", 5, &len), SP_INVAL);
	CHECK_EQ(sp_debugfs_scan(s, "0 2 3", 5, &len), SP_INVAL);
	CHECK_EQ(sp_debugfs_scan(s, "0 0x1 3", 7, &len), SP_INVAL);
	CHECK_EQ(sp_debugfs_rename(s, "a/b"), SP_ACCES);
	CHECK_EQ(sp_debugfs_rename(s, "new"), SP_OK);
	CHECK_EQ(sp_debugfs_dirs(m, NULL, 0), 1);
	CHECK_EQ(sp_debugfs_dirs(m, &dir, 1), 1);
	CHECK(!strcmp(dir.name, "new-0") && dir.shrinker == s);
	sp_shrinker_free(s, NULL);
	CHECK(sp_shrinker_freed(s)); /* pinned */
	sp_debugfs_dirs_put(&dir, 1);
	CHECK(!dir.shrinker);
	CHECK_EQ(sp_debugfs_dirs(m, &dir, 1), 0);
	sp_debugfs_list(m, &text, &len);
	CHECK_EQ(len, 0);
	sp_text_free(&text);
	sp_machine_destroy(m);
}

int main(void)
{
	arithmetic();
	batches_and_deferral();
	empty_clears_the_bit_and_zero_does_not();
	deferred_work_goes_to_the_parent();
	passes_nest_eight_deep();
	a_spin_is_ended();
	the_kernel_would_die();
	the_trace_overwrites_and_counts();
	debugfs();
	return report("test_pass");
}
