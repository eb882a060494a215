// SPDX-License-Identifier: GPL-2.0-only
/* The runtime with a small driver, linked into one program with the core. */
#include "../check.h"
#include "sample.c"

#include <shrinkpy/driver.h>
#include <shrinkpy/oops.h>

static unsigned int reported;
static char reason_text[200];

static void on_report(void *data, const struct sp_reason *reason)
{
	(void)data;
	__atomic_fetch_add(&reported, 1, __ATOMIC_SEQ_CST);
	snprintf(reason_text, sizeof(reason_text), "%s", reason->text);
}

static struct machine *load(void)
{
	static const struct sp_hooks hooks = { .report = on_report };
	struct machine *m = make_machine(2, true);

	sp_machine_set_hooks(m, &hooks, NULL);
	CHECK_EQ(sp_driver_attach(m), 0);
	CHECK_EQ(sp_driver_init(), 0);
	return m;
}

static bool text_has(enum sp_status (*get)(char **, size_t *), const char *part)
{
	size_t len;
	char *text;
	bool has;

	if (get(&text, &len) != SP_OK)
		return false;
	has = part[0] ? strstr(text, part) != NULL : len == 0;
	if ((!part[0] && len) || (part[0] == 'W' && has))
		fprintf(stderr, "%s", text);
	sp_text_free(&text);
	return has;
}

static enum sp_status whole_log(char **text, size_t *len)
{
	return sp_driver_log(0, text, len);
}

static void unload(struct machine *m)
{
	sp_driver_exit();
	sp_driver_detach();
	sp_machine_destroy(m);
}

static void what_a_driver_uses(void)
{
	struct machine *m = load();

	CHECK_EQ(sample_memory(), 0);
	CHECK_EQ(sample_pages(), 0);
	CHECK_EQ(sample_locks(), 0);
	CHECK_EQ(sample_works(), 0);
	CHECK_EQ(sample_rcu(), 0);
	CHECK_EQ(sample_waits(), 0);
	CHECK_EQ(sample_text(), 0);
	CHECK(text_has(whole_log, "<6>sample: loaded\n"));
	CHECK(text_has(whole_log, "<6>sample: half of a line\n"));
	CHECK(text_has(whole_log, ", two\n<6>lines\n"));
	CHECK(!text_has(whole_log, "WARNING"));
	CHECK_EQ(sp_warnings(m, SP_WARN), 0);
	sp_driver_exit();
	CHECK(text_has(sp_driver_leaks, ""));
	sp_driver_detach();
	sp_machine_destroy(m);
}

static void passes_call_its_shrinker(void)
{
	struct machine *m = load();
	struct shrinker *s[2];
	struct sp_pass pass;

	CHECK_EQ(sp_driver_shrinkers(s, 2), 1);
	sample_fill(300);
	CHECK_EQ(sp_shrink_slab(m, 0xcc0, 0, sp_memcg_root(m), 0, &pass),
		 SP_OK);
	CHECK_EQ(pass.freeable, 300);
	CHECK_EQ(sample_left(), 300 - (long)pass.freed);
	CHECK(pass.freed >= 256);
	unload(m);
}

static void an_oops_ends_the_turn(void)
{
	struct machine *m = load();
	struct sp_pass pass;

	sample_fill(300);
	sample_scan_bugs = true;
	reported = 0;
	CHECK_EQ(sp_shrink_slab(m, 0xcc0, 0, sp_memcg_root(m), 0, &pass),
		 SP_OK);
	CHECK_EQ(pass.freed, 0);
	CHECK_EQ(pass.nr_scans, 1);
	CHECK_EQ(reported, 1);
	CHECK(strstr(reason_text, "kernel BUG at"));
	CHECK_EQ(sp_pass_depth(m), 0);
	CHECK(text_has(whole_log, "<0>kernel BUG at"));
	unload(m);
}

static void die(void (*fn)(void), const char *text)
{
	struct machine *m = load();
	struct sp_boundary b;

	if (sp_boundary_oopsed(&b)) {
		CHECK_EQ(b.reason.status, SP_OOPS);
		CHECK(strstr(b.reason.text, text));
		unload(m);
		return;
	}
	fn();
	sp_boundary_leave(&b);
	CHECK(!text);
}

static void a_leak_is_told_and_freed(void)
{
	struct machine *m = load();

	sample_leak();
	sp_driver_exit();
	CHECK(text_has(sp_driver_leaks, "kmalloc 123 "));
	sp_driver_detach();
	sp_machine_destroy(m);
}

static void a_work_that_oopses_is_reported(void)
{
	struct machine *m = load();

	reported = 0;
	sample_flush_self();
	CHECK_EQ(reported, 1);
	CHECK(text_has(whole_log, "would wait for itself"));
	unload(m);
}

static void every_allocation_may_fail(void)
{
	struct machine *m;
	unsigned long nth;
	int ret = -1;

	for (nth = 1; ret; nth++) {
		m = make_machine(1, true);
		CHECK_EQ(sp_driver_attach(m), 0);
		sp_fault_fail_nth(m, nth, ~0u);
		ret = sp_driver_init();
		CHECK(!ret || ret == SP_NOMEM);
		sp_fault_fail_nth(m, 0, 0);
		if (!ret)
			sp_driver_exit();
		CHECK(text_has(sp_driver_leaks, ""));
		sp_driver_detach();
		sp_machine_destroy(m);
	}
	CHECK(nth > 4);
}

int main(void)
{
	what_a_driver_uses();
	passes_call_its_shrinker();
	an_oops_ends_the_turn();
	die(sample_bug, "kernel BUG at");
	die(sample_lock_twice, "would wait for itself");
	die(sample_downgrade_reader,
	    "downgraded by who has not got it for writing");
	die(sample_free_twice, "was freed at");
	die(sample_free_wild, "no allocation gave");
	die(sample_synchronize_in_reader, "would wait for itself");
	a_leak_is_told_and_freed();
	a_work_that_oopses_is_reported();
	every_allocation_may_fail();
	return report("test_runtime");
}
