// SPDX-License-Identifier: GPL-2.0-only
/*
 * Into the tree's files and out of them again: by their return, or from the
 * middle, where the kernel would oops, wait for ever, or go round for ever.
 *
 * Writers of mm/shrinker.c are called under machine->lock, which stands for the
 * tree's own locks meanwhile. Calls of mm/list_lru.c are not: its locks are the
 * core's, which sleep and tell rings of waits; whoever leaves from the middle
 * gives back what was taken on the way.
 */
#include <stdio.h>

#include "original.h"

enum {
	MOST_LOCKS = 8,
	/* Steps of the tree's code, basic blocks, between two signs of life. */
	MOST_STEPS = 1 << 25,
};

/* One call into the tree's files, inside others maybe. */
struct entry {
	struct entry *outer;
	bool locked; /* under machine->lock */
	bool in_callback;
	bool may_give_up;
	const char *about;
	enum sp_status left_as; /* where it was left from the middle */
	struct sp_lock *taken[MOST_LOCKS];
	unsigned int nr_taken;
	unsigned int read_sides; /* of RCU, outside of this */
};

static __thread struct entry *innermost;
static __thread unsigned long steps;

bool seam_locked(void)
{
	return innermost && innermost->locked;
}

void seam_took(struct sp_lock *l)
{
	struct entry *e = innermost;

	if (e && e->nr_taken < MOST_LOCKS)
		e->taken[e->nr_taken++] = l;
}

void seam_gave(const struct sp_lock *l)
{
	struct entry *e = innermost;
	unsigned int i;

	for (i = 0; e && i < e->nr_taken; i++) {
		if (e->taken[i] == l) {
			e->taken[i] = e->taken[--e->nr_taken];
			return;
		}
	}
}

/* What it still has; a callback may have given away some of it. */
static void give_back(struct entry *e)
{
	while (e->nr_taken) {
		struct sp_lock *l = e->taken[--e->nr_taken];

		if (sp_lock_is_mine(l))
			sp_lock_give(the_machine, l);
	}
	if (e->locked)
		tree_locks_forget();
}

void check_read_sides(unsigned int outside, bool came_back)
{
	if (tree_rcu_sides(outside) && came_back)
		seam_warn(false, "rcu_read_lock() without rcu_read_unlock()",
			  "mm/");
}

/* Out of line: the function that has the boundary keeps nothing else. */
static __attribute__((noinline)) enum sp_status
run(struct entry *e, void (*fn)(struct tree_call *), struct tree_call *c,
    char *text, size_t size)
{
	struct sp_boundary b;

	if (sp_boundary_oopsed(&b)) {
		innermost = e->outer;
		give_back(e);
		tree_rcu_sides(e->read_sides);
		/* Of a callback it is not ours: on, to who called us. */
		if (e->in_callback)
			sp_oops(the_machine, "%s", b.reason.text);
		snprintf(text, size, "%s", b.reason.text);
		return e->left_as == SP_OK ? SP_OOPS : e->left_as;
	}
	fn(c);
	sp_boundary_leave(&b);
	return SP_OK;
}

static enum sp_status enter(struct entry *e, void (*fn)(struct tree_call *),
			    struct tree_call *c, struct sp_reason *reason)
{
	char text[sizeof(reason->text)];
	enum sp_status status;

	e->outer = innermost;
	e->about = c->about;
	innermost = e;
	e->read_sides = tree_rcu_sides(0);
	steps = 0;
	status = run(e, fn, c, text, sizeof(text));
	check_read_sides(e->read_sides, status == SP_OK);
	innermost = e->outer;
	if (status == SP_OK || status == SP_INTR)
		return status;
	return explain(reason, status, NULL, -1, NULL, "%s", text);
}

enum sp_status enter_tree(void (*fn)(struct tree_call *), struct tree_call *c,
			  struct sp_reason *reason)
{
	struct entry e = { .locked = true };

	return enter(&e, fn, c, reason);
}

void enter_tree_told(void (*fn)(struct tree_call *), struct tree_call *c,
		     const char *what)
{
	struct sp_reason reason;

	if (enter_tree(fn, c, &reason) != SP_OK)
		warn(the_machine, SP_WARN, reason.text, "%s", what);
}

enum sp_status enter_tree_unlocked(void (*fn)(struct tree_call *),
				   struct tree_call *c, bool may_give_up,
				   struct sp_reason *reason)
{
	struct entry e = { .may_give_up = may_give_up };

	return enter(&e, fn, c, reason);
}

enum sp_status look_at_tree(void (*fn)(struct tree_call *), struct tree_call *c)
{
	struct entry e = { .locked = seam_locked() };

	return enter(&e, fn, c, NULL);
}

void *callback_begin(void)
{
	struct entry *e = innermost;

	if (e)
		e->in_callback = true;
	/* What it calls of us begins anew; what it takes is its own. */
	innermost = NULL;
	return e;
}

void callback_end(void *entry)
{
	innermost = entry;
	if (innermost)
		innermost->in_callback = false;
	steps = 0;
}

/* ---- out, from the middle ------------------------------------------------- */

void seam_leave(int status, const char *text)
{
	/* A pass ends as passes do. */
	if (status == SP_OOPS || status == SP_SPIN)
		pass_takes_end((enum sp_status)status, text);
	if (innermost)
		innermost->left_as = (enum sp_status)status;
	sp_oops(the_machine, "%s", text);
}

void seam_oops(const char *fmt, va_list ap)
{
	char text[200];

	vsnprintf(text, sizeof(text), fmt, ap);
	seam_leave(SP_OOPS, text);
}

bool seam_may_give_up(void)
{
	return innermost && innermost->may_give_up;
}

void sign_of_life(void)
{
	steps = 0;
}

/* Of each basic block of the tree's three files, as they are compiled. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	if (unlikely(++steps == MOST_STEPS))
		seam_leave(SP_SPIN,
			   "mm/ goes round without an end: the kernel would "
			   "go on for ever");
}

void seam_warn(bool pr_warn, const char *text, const char *where)
{
	struct machine *m = the_machine;
	const bool locked = seam_locked();

	if (innermost && innermost->about)
		where = innermost->about;
	if (!locked)
		machine_lock(m);
	warn(m, pr_warn ? SP_PR_WARN : SP_WARN, text, "%s", where);
	if (!locked)
		machine_unlock(m);
}
