// SPDX-License-Identifier: GPL-2.0-only
/* alloc, register, free: orders, references, faults, what is left behind. */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void names_are_text(void)
{
	struct machine *m = make_machine(1, true);
	struct shrinker *s;
	char name[16];

	CHECK_EQ(sp_shrinker_alloc(m, 0, "100%d%s%n", &s), SP_OK);
	CHECK_EQ(sp_shrinker_name(s, name, sizeof(name)), 9);
	CHECK(!strcmp(name, "100%d%s%n"));
	CHECK_EQ(sp_shrinker_free(s, NULL), SP_OK);
	CHECK_EQ(sp_shrinker_free(NULL, NULL), SP_OK);
	sp_machine_destroy(m);
}

static void ids_are_the_lowest_free(void)
{
	struct machine *m = make_machine(2, true);
	struct shrinker *s[70];
	int i;

	for (i = 0; i < 70; i++) {
		sp_shrinker_alloc(m, SHRINKER_MEMCG_AWARE, "s", &s[i]);
		CHECK_EQ(sp_shrinker_id(s[i]), i);
	}
	CHECK_EQ(sp_peek_nr_max(m), 128);
	sp_shrinker_free(s[7], NULL);
	sp_shrinker_free(s[3], NULL);
	sp_shrinker_alloc(m, SHRINKER_MEMCG_AWARE, "s", &s[3]);
	CHECK_EQ(sp_shrinker_id(s[3]), 3);
	sp_machine_destroy(m);
}

static void faulty_alloc_leaves_nothing(void)
{
	struct machine *m = make_machine(3, true);
	struct mem_cgroup *child = add_memcg(m, sp_memcg_root(m));
	struct sp_ledger before, after;
	struct shrinker *s = NULL;
	unsigned long nth;

	sp_ledger_read(m, &before);
	for (nth = 1;; nth++) {
		sp_fault_fail_nth(m, nth, ~0u);
		if (sp_shrinker_alloc(m, SHRINKER_MEMCG_AWARE, "x", &s) ==
		    SP_OK)
			break;
		CHECK(!s);
		CHECK_EQ(sp_peek_nr_max(m), 0);
		sp_ledger_read(m, &after);
		CHECK_EQ(after.live[SP_SITE_SHRINKER], 0);
		CHECK_EQ(after.live[SP_SITE_NAME], 0);
		CHECK_EQ(after.live[SP_SITE_INFO], before.live[SP_SITE_INFO]);
	}
	/* shrinker, name, idr, then one at most of 6 * (info, unit) a try */
	CHECK(nth > 4);
	sp_fault_fail_nth(m, 0, 0);
	CHECK_EQ(sp_peek_nr_max(m), 64);
	sp_shrinker_free(s, NULL);
	sp_memcg_offline(child, NULL);
	sp_memcg_put(child);
	sp_machine_destroy(m);
}

static void register_asks_for_an_allocated_one(void)
{
	struct machine *m = make_machine(1, true);
	struct sp_reason reason;
	struct shrinker *s;
	char text[96], where[96];

	sp_shrinker_alloc(m, 0, "s", &s);
	sp_poke_flags(s, SHRINKER_ALLOCATED, 0);
	CHECK_EQ(sp_shrinker_register(s, &reason), SP_INVAL);
	CHECK_EQ(sp_warnings(m, SP_PR_WARN), 1);
	CHECK(sp_warning_text(m, 0, text, where));
	CHECK(strstr(text, "shrinker_alloc()"));
	CHECK(!strcmp(where, "shrinker s"));
	sp_poke_flags(s, 0, SHRINKER_ALLOCATED);
	CHECK_EQ(sp_shrinker_register(s, &reason), SP_OK);
	CHECK_EQ(sp_shrinker_register(s, &reason), SP_OOPS);
	CHECK_EQ(sp_peek_refcount(s), 1);
	sp_machine_destroy(m);
}

static void free_me(struct shrinker *s, struct shrink_control *sc,
		    struct cache *c)
{
	struct sp_reason reason;

	(void)sc;
	c->data = (void *)(intptr_t)sp_shrinker_free(s, &reason);
	CHECK(strstr(reason.text, "own callback"));
	CHECK(!strcmp(reason.shrinker, "suicidal"));
}

static void freeing_itself_is_found(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 10, .inside = free_me };
	struct shrinker *s = add_cache(m, 0, "suicidal", &c);
	struct sp_pass pass;

	CHECK_EQ(sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 0, &pass), SP_OK);
	CHECK_EQ((intptr_t)c.data, SP_DEADLOCK);
	CHECK_EQ(pass.freed, 10);
	c.inside = NULL;
	CHECK_EQ(sp_peek_refcount(s), 1);
	CHECK_EQ(sp_shrinker_free(s, NULL), SP_OK);
	sp_machine_destroy(m);
}

static void free_other(struct shrinker *s, struct shrink_control *sc,
		       struct cache *c)
{
	(void)s, (void)sc;
	if (c->data)
		CHECK_EQ(sp_shrinker_free(c->data, NULL), SP_OK);
	c->data = NULL;
}

/* The walker stands on the one before; its successor goes under its feet. */
static void a_callback_may_free_others(void)
{
	struct machine *m = make_machine(1, true);
	struct cache a = { .n = 1, .inside = free_other }, b = { .n = 1 },
		     d = { .n = 1 };
	struct sp_ledger ledger;
	struct sp_pass pass;

	add_cache(m, 0, "a", &a);
	a.data = add_cache(m, 0, "b", &b);
	add_cache(m, 0, "d", &d);
	CHECK_EQ(sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 0, &pass), SP_OK);
	CHECK_EQ(b.counts, 0);
	CHECK_EQ(d.counts, 1);
	sp_ledger_read(m, &ledger);
	CHECK_EQ(ledger.live[SP_SITE_SHRINKER], 2);
	CHECK_EQ(ledger.limbo, 0);
	sp_machine_destroy(m);
}

static void lost_references_hang_a_free(void)
{
	struct machine *m = make_machine(1, false);
	struct mem_cgroup *child = add_memcg(m, sp_memcg_root(m));
	struct cache c = { .n = 10 };
	struct shrinker *s = add_cache(m, SHRINKER_MEMCG_AWARE, "lost", &c);
	struct sp_reason reason;
	struct sp_pass pass;

	sp_set_shrinker_bit(m, child, 0, sp_shrinker_id(s), NULL);
	CHECK_EQ(sp_shrink_slab(m, 0, 0, child, 0, &pass), SP_OK);
	CHECK_EQ(pass.nr_counts, 0);
	CHECK_EQ(sp_peek_refcount(s), 2);
	CHECK(sp_peek_bit(child, 0, 0));
	CHECK_EQ(sp_shrinker_free(s, &reason), SP_HANG);
	CHECK_EQ(sp_shrinker_free(s, &reason), SP_HANG);
	CHECK_EQ(sp_peek_refcount(s), 1);
	/* still listed and callable */
	CHECK_EQ(sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 0, &pass), SP_OK);
	CHECK_EQ(pass.freed, 10);
	sp_memcg_offline(child, NULL);
	sp_memcg_put(child);
	sp_machine_destroy(m);
}

static int nr_released;

static void release(void *owner)
{
	nr_released += owner != NULL;
}

static void free_deferred(struct shrinker *s, struct shrink_control *sc,
			  struct cache *c)
{
	(void)sc, (void)c;
	CHECK(!sp_shrinker_free_deferred(s));
	CHECK_EQ(nr_released, 0);
}

static void a_deferred_free_ends_with_the_pass(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 10, .inside = free_deferred };
	struct sp_ledger ledger;
	struct sp_pass pass;

	sp_shrinker_set_owner(add_cache(m, 0, "s", &c), &c, release);
	sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 0, &pass);
	CHECK_EQ(pass.freed, 10);
	CHECK_EQ(nr_released, 1);
	sp_ledger_read(m, &ledger);
	CHECK_EQ(ledger.registered, 0);
	CHECK_EQ(ledger.live[SP_SITE_SHRINKER], 0);
	sp_machine_destroy(m);
}

static void every_free_releases_once(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 1 };
	struct shrinker *s[4];
	int i;

	nr_released = 0;
	for (i = 0; i < 4; i++) {
		s[i] = add_cache(m, 0, "s", &c);
		sp_shrinker_set_owner(s[i], sp_shrinker_private(s[i]), release);
	}
	CHECK_EQ(sp_shrinker_free(s[0], NULL), SP_OK);
	CHECK_EQ(nr_released, 1);
	CHECK(sp_shrinker_free_deferred(s[1]));
	CHECK_EQ(nr_released, 2);
	/* its owner wants to hear nothing */
	sp_shrinker_set_owner(s[2], NULL, NULL);
	sp_machine_close(m, NULL);
	CHECK_EQ(nr_released, 3);
	sp_machine_destroy(m);
}

static struct shrinker *releasing;

static void free_again(void *owner)
{
	struct machine *m = owner;

	nr_released++;
	CHECK_EQ(sp_shrinker_free(releasing, NULL), SP_GONE);
	CHECK(sp_shrinker_free_deferred(releasing));
	CHECK_EQ(sp_machine_close(m, NULL), SP_OK);
}

static void a_release_may_free_again_and_close(void)
{
	struct machine *m = make_machine(1, true);

	nr_released = 0;
	sp_shrinker_alloc(m, 0, "s", &releasing);
	sp_shrinker_set_callbacks(releasing, cache_count, cache_scan);
	sp_shrinker_set_private(releasing, m);
	sp_shrinker_set_owner(releasing, m, free_again);
	sp_shrinker_register(releasing, NULL);
	sp_shrinker_pin(releasing);
	CHECK_EQ(sp_shrinker_free(releasing, NULL), SP_OK);
	CHECK_EQ(nr_released, 1);
	sp_shrinker_unpin(releasing);
	sp_machine_destroy(m);
}

static void pins_outlive_the_free(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 1 };
	struct shrinker *s = add_cache(m, 0, "pinned", &c);
	struct sp_ledger ledger;

	sp_shrinker_pin(s);
	CHECK_EQ(sp_shrinker_free(s, NULL), SP_OK);
	CHECK(sp_shrinker_freed(s));
	sp_ledger_read(m, &ledger);
	CHECK_EQ(ledger.live[SP_SITE_SHRINKER], 0);
	CHECK_EQ(ledger.live[SP_SITE_NR_DEFERRED], 0);
	CHECK_EQ(sp_shrinker_free(s, NULL), SP_GONE);
	sp_shrinker_unpin(s);
	sp_machine_destroy(m);
}

static void a_closed_machine_says_so(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 1 };
	struct shrinker *s;
	struct sp_pass pass;

	add_cache(m, 0, "s", &c);
	CHECK_EQ(sp_machine_close(m, NULL), SP_OK);
	CHECK_EQ(sp_machine_close(m, NULL), SP_OK);
	CHECK_EQ(sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 0, &pass),
		 SP_CLOSED);
	CHECK_EQ(sp_shrinker_alloc(m, 0, "s", &s), SP_CLOSED);
	sp_machine_destroy(m);
}

static void a_child_of_fork_goes_on(void)
{
	struct machine *m = make_machine(1, true);
	struct cache c = { .n = 300 };
	struct shrinker *s = add_cache(m, 0, "s", &c);
	struct sp_pass pass;
	int status;
	pid_t pid;

	sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 12, &pass);
	pid = fork();
	if (!pid) {
		bool good =
			!sp_shrink_slab(m, 0, 0, sp_memcg_root(m), 0, &pass) &&
			pass.freed == 300 && !sp_shrinker_free(s, NULL);

		exit(!good); /* not _exit(): what was covered is written */
	}
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
	CHECK_EQ(c.n, 300);
	sp_machine_destroy(m);
}

int main(void)
{
	names_are_text();
	ids_are_the_lowest_free();
	faulty_alloc_leaves_nothing();
	register_asks_for_an_allocated_one();
	freeing_itself_is_found();
	a_callback_may_free_others();
	lost_references_hang_a_free();
	a_deferred_free_ends_with_the_pass();
	every_free_releases_once();
	a_release_may_free_again_and_close();
	pins_outlive_the_free();
	a_closed_machine_says_so();
	a_child_of_fork_goes_on();
	return report("test_life");
}
