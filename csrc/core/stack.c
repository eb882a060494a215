// SPDX-License-Identifier: GPL-2.0-only
/* Where a thread is, for reports: what a hook says of it, and the calls in C. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif

#include "internal.h"

enum { MAX_FRAMES = 32 };

/* The innermost last, as Python prints a stack. */
static void print_frames(FILE *f)
{
#ifdef __GLIBC__
	void *frames[MAX_FRAMES];
	int n = backtrace(frames, MAX_FRAMES);
	char place[160];

	codes_hold();
	while (n--) {
		/* The call, not what comes after it. */
		const char *pc = (char *)frames[n] - 1;

		if (!is_machinery(pc) && place_of(pc, place, sizeof(place)))
			fprintf(f, "  C: %s\n", place);
	}
	codes_let_go();
#else
	(void)f;
#endif
}

char *stack_here(struct machine *m, const char *where)
{
	char *text = NULL, *hooked = NULL;
	size_t len;
	FILE *f;

	if (m->hooks.stack)
		hooked = m->hooks.stack(m->hooks_data);
	f = open_memstream(&text, &len);
	if (f) {
		if (hooked)
			fputs(hooked, f);
		print_frames(f);
		if (where)
			fprintf(f, "  at %s\n", where);
		if (fclose(f)) {
			free(text);
			text = NULL;
		}
	}
	free(hooked);
	return text;
}
