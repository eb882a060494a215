// SPDX-License-Identifier: GPL-2.0-only
/* Where a thread is, for reports: what a hook says of it, and the calls in C. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif

#include <shrinkpy/symbols.h>

#include "internal.h"

enum { MAX_FRAMES = 32 };

static pthread_mutex_t symbols_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sp_symbols *symbols;

void sp_symbols_add(struct sp_symbols *s)
{
	pthread_mutex_lock(&symbols_lock);
	s->next = symbols;
	symbols = s;
	pthread_mutex_unlock(&symbols_lock);
}

void sp_symbols_remove(struct sp_symbols *s)
{
	struct sp_symbols **at;

	pthread_mutex_lock(&symbols_lock);
	for (at = &symbols; *at; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	pthread_mutex_unlock(&symbols_lock);
}

void symbols_hold(void)
{
	pthread_mutex_lock(&symbols_lock);
}

void symbols_let_go(void)
{
	pthread_mutex_unlock(&symbols_lock);
}

#ifdef __GLIBC__
static const char *base_of(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "";
}

/* Of no help: this module, the interpreter, and what lies under both. */
static bool is_machinery(const Dl_info *at, const Dl_info *own)
{
	static const char *const names[] = { "python",  "libpython", "libffi",
					     "_cffi",   "libc.",     "ld-linux",
					     "libasan", "libtsan" };
	const char *base = base_of(at->dli_fname);
	size_t i;

	if (at->dli_fbase == own->dli_fbase)
		return true;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strncmp(base, names[i], strlen(names[i])))
			return true;
	}
	return false;
}

/* Whose names address has; under symbols_lock. */
static const struct sp_symbols *symbols_of(const char *address)
{
	const struct sp_symbols *s;

	for (s = symbols; s; s = s->next) {
		if ((uintptr_t)address - (uintptr_t)s->start < s->len)
			return s;
	}
	return NULL;
}

static void print_frame(FILE *f, const char *pc, const Dl_info *own)
{
	const struct sp_symbols *s = symbols_of(pc);
	unsigned long offset;
	const char *name;
	Dl_info at;

	if (!dladdr(pc, &at) || (!s && is_machinery(&at, own)))
		return;
	if (s) {
		name = s->name(pc, &offset);
		if (!name)
			return;
	} else {
		name = at.dli_sname;
		offset = (unsigned long)(pc - (char *)at.dli_saddr);
	}
	if (name)
		fprintf(f, "  C: %s+%#lx (%s)\n", name, offset,
			base_of(at.dli_fname));
	else
		fprintf(f, "  C: %s+%#tx\n", base_of(at.dli_fname),
			pc - (char *)at.dli_fbase);
}

/* The innermost last, as Python prints a stack. */
static void print_frames(FILE *f)
{
	void *frames[MAX_FRAMES];
	int n = backtrace(frames, MAX_FRAMES);
	Dl_info own = { 0 };

	dladdr((void *)&print_frames, &own);
	pthread_mutex_lock(&symbols_lock);
	while (n--) /* the call, not what comes after it */
		print_frame(f, (char *)frames[n] - 1, &own);
	pthread_mutex_unlock(&symbols_lock);
}
#else
static void print_frames(FILE *f)
{
	(void)f;
}
#endif

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
