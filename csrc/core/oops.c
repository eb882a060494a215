// SPDX-License-Identifier: GPL-2.0-only
/*
 * Oopses of drivers in C, and the boundaries where they end. Nothing is undone
 * but this thread's passes: their slots would keep shrinkers from being freed.
 */
#include <stdio.h>
#include <stdlib.h>

#include <shrinkpy/oops.h>

#include "internal.h"
#include "pass.h"

__thread struct sp_boundary *sp_boundary_innermost;

void sp_boundary_enter(struct sp_boundary *b)
{
	b->outer = sp_boundary_innermost;
	sp_boundary_innermost = b;
}

void sp_boundary_leave(struct sp_boundary *b)
{
	sp_boundary_innermost = b->outer;
}

void sp_oops_v(struct machine *m, const char *fmt, va_list ap)
{
	struct sp_boundary *b = sp_boundary_innermost;
	char text[sizeof(b->reason.text)];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (!b) {
		fprintf(stderr, "shrinkpy: the kernel would oops here: %s\n",
			text);
		abort();
	}
	(void)m;
	explain(&b->reason, SP_OOPS, NULL, -1, NULL, "%s", text);
	sp_boundary_innermost = b->outer;
	passes_unwind(b->frame);
	__builtin_longjmp(b->env, 1);
}

void sp_oops(struct machine *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sp_oops_v(m, fmt, ap);
}

static void report(struct machine *m, const struct sp_reason *reason)
{
	if (m->hooks.report)
		m->hooks.report(m->hooks_data, reason);
}

/* Out of line: the function that a boundary stands in is not inlined. */
static __attribute__((noinline)) void
report_turn(const struct sp_boundary *b, struct shrinker *s,
	    const struct shrink_control *sc)
{
	struct sp_reason reason;

	explain(&reason, SP_OOPS, s, sc->nid, sc->memcg, "%s", b->reason.text);
	report(s->machine, &reason);
}

unsigned long sp_call_bounded(struct shrinker *s, struct shrink_control *sc,
			      sp_shrink_fn fn, unsigned long otherwise)
{
	/* The driver may have written anything to sc. */
	const struct shrink_control given = *sc;
	struct sp_boundary b;
	unsigned long ret;

	if (sp_boundary_oopsed(&b)) {
		report_turn(&b, s, &given);
		return otherwise;
	}
	ret = fn(s, sc);
	sp_boundary_leave(&b);
	return ret;
}

bool sp_run_bounded(struct machine *m, void (*fn)(void *arg), void *arg)
{
	struct sp_boundary b;

	if (sp_boundary_oopsed(&b)) {
		report(m, &b.reason);
		return false;
	}
	fn(arg);
	sp_boundary_leave(&b);
	return true;
}

void sp_warn(struct machine *m, const char *text, const char *where)
{
	machine_lock(m);
	warn(m, SP_WARN, text, "%s", where);
	machine_unlock(m);
}

bool sp_wait_poll(struct machine *m)
{
	return m->hooks.wait_poll && m->hooks.wait_poll(m->hooks_data);
}
