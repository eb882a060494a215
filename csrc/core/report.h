/* SPDX-License-Identifier: GPL-2.0-only */
/* What lockdep found, for report.c to put into words and to keep. */
#ifndef SP_REPORT_H
#define SP_REPORT_H

#include <shrinkpy/lock.h>

enum report_kind {
	REPORT_CYCLE,
	REPORT_RECURSION,
	REPORT_FREED, /* while it was held */
	NR_REPORT_KINDS,
};

struct report {
	struct report *next;
	enum report_kind kind;
	char *text;
	char *stack; /* of what is no edge; its own, as text is */
	size_t len;
	size_t nr_steps;
	struct sp_lockdep_step step[];
};

/* Steps are for the caller to fill in. NULL: no memory. */
struct report *report_alloc(enum report_kind kind, size_t nr_steps);
/*
 * Under the lock. Takes it. What was told already, and what there is no memory
 * for, is not told.
 */
void report_add(struct machine *m, struct report *r);
void reports_exit(struct machine *m);

#endif
