// SPDX-License-Identifier: GPL-2.0-only
/* What lockdep found: in words, each thing once, and asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "report.h"

/* ---- in words ---------------------------------------------------------- */

static void print_steps(FILE *f, const struct report *r)
{
	size_t i;

	for (i = 0; i < r->nr_steps; i++)
		fprintf(f, "\n#%zu: %s taken while %s is held, first here:\n%s",
			i, r->step[i].taken, r->step[i].held, r->step[i].stack);
}

static void print_scenario(FILE *f, const struct report *r)
{
	const size_t n = r->nr_steps;
	size_t i;

	fprintf(f, "\nHow it would lock up, each in a task of its own:\n");
	for (i = 0; i < n; i++)
		fprintf(f, "  task %zu has %s\n", i, r->step[i].held);
	for (i = 0; i < n; i++)
		fprintf(f, "  task %zu waits for %s, which task %zu has\n", i,
			r->step[i].taken, (i + 1) % n);
	for (i = 0; i < n; i++) {
		if (!strcmp(r->step[i].held, "fs_reclaim"))
			fprintf(f, "Who has fs_reclaim runs shrinkers for an "
				   "allocation: where the task that allocates "
				   "does that itself, one task is enough.\n");
	}
}

static void print_cycle(FILE *f, const struct report *r)
{
	size_t i;

	fprintf(f, "WARNING: possible circular locking dependency detected\n");
	fprintf(f,
		"%s is about to be taken, and %s is held; before, it was "
		"the other way round:\n  %s",
		r->step[0].taken, r->step[0].held, r->step[0].held);
	for (i = 0; i < r->nr_steps; i++)
		fprintf(f, " -> %s", r->step[i].taken);
	fprintf(f, "\n");
	print_steps(f, r);
	print_scenario(f, r);
}

static void print_recursion(FILE *f, const struct report *r)
{
	fprintf(f,
		"WARNING: possible recursive locking detected\n"
		"%s is about to be taken, and one of the same class is held. "
		"Where two tasks take two of them in either order, each waits "
		"for the other. If there is an order, say so by a subclass.\n",
		r->step[0].taken);
	print_steps(f, r);
}

static void print_freed(FILE *f, const struct report *r)
{
	fprintf(f,
		"WARNING: held lock freed\n"
		"The memory of %s is freed while this thread has it, here:\n%s",
		r->step[0].held, r->step[0].stack);
}

static bool make_text(struct report *r)
{
	static void (*const print[NR_REPORT_KINDS])(FILE *f,
						    const struct report *r) = {
		[REPORT_CYCLE] = print_cycle,
		[REPORT_RECURSION] = print_recursion,
		[REPORT_FREED] = print_freed,
	};
	FILE *f = open_memstream(&r->text, &r->len);

	if (!f)
		return false;
	print[r->kind](f, r);
	return !fclose(f);
}

/* ---- kept -------------------------------------------------------------- */

struct report *report_alloc(enum report_kind kind, size_t nr_steps)
{
	struct report *r = calloc(1, sizeof(*r) + nr_steps * sizeof(*r->step));

	if (r) {
		r->kind = kind;
		r->nr_steps = nr_steps;
	}
	return r;
}

static void free_report(struct report *r)
{
	free(r->text);
	free(r->stack);
	free(r);
}

/* The steps as a ring, begun anywhere. */
static bool same_cycle(const struct report *a, const struct report *b)
{
	size_t shift, i, n = a->nr_steps;

	if (n != b->nr_steps || a->kind != b->kind)
		return false;
	for (shift = 0; shift < n; shift++) {
		for (i = 0; i < n; i++) {
			if (a->step[i].held != b->step[(i + shift) % n].held)
				break;
		}
		if (i == n)
			return true;
	}
	return false;
}

void report_add(struct machine *m, struct report *r)
{
	struct report **end;

	for (end = &m->reports; *end; end = &(*end)->next) {
		if (same_cycle(r, *end)) {
			free_report(r);
			return;
		}
	}
	if (!make_text(r)) {
		free_report(r);
		return;
	}
	*end = r;
	STORE_RELEASE(m->nr_reports, m->nr_reports + 1);
}

void reports_exit(struct machine *m)
{
	struct report *r;

	while ((r = m->reports)) {
		m->reports = r->next;
		free_report(r);
	}
}

/* ---- asked ------------------------------------------------------------- */

static const struct report *nth_report(const struct machine *m, size_t i)
{
	const struct report *r = m->reports;

	while (r && i--)
		r = r->next;
	return r;
}

size_t sp_lockdep_nr_reports(struct machine *m)
{
	return LOAD_ACQUIRE(m->nr_reports);
}

enum sp_status sp_lockdep_report(struct machine *m, size_t i, char **text,
				 size_t *len)
{
	enum sp_status status = SP_NOENT;
	const struct report *r;

	*text = NULL;
	*len = 0;
	machine_lock(m);
	r = nth_report(m, i);
	if (r) {
		*text = strdup(r->text);
		*len = *text ? r->len : 0;
		status = *text ? SP_OK : SP_NOMEM;
	}
	machine_unlock(m);
	return status;
}

enum sp_status sp_lockdep_step(struct machine *m, size_t i, size_t step,
			       struct sp_lockdep_step *out)
{
	enum sp_status status = SP_NOENT;
	const struct report *r;

	*out = (struct sp_lockdep_step){ 0 };
	machine_lock(m);
	r = nth_report(m, i);
	if (r && step < r->nr_steps) {
		*out = r->step[step];
		status = SP_OK;
	}
	machine_unlock(m);
	return status;
}
