/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of functions and flags, each kept once and numbered: a bounded table. */
#ifndef SHRINKPY_RECORDINGS_NAMES_H
#define SHRINKPY_RECORDINGS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_NONE,  /* "" */
	NAME_OTHER, /* "?": what found no room */
};

struct names {
	char *text; /* all of them, one after the other */
	size_t text_used;
	size_t text_size;
	uint32_t *ends; /* where in text each ends */
	uint32_t nr;
	uint32_t ends_size;
	uint32_t *slots;   /* hash table: a name's number, 0 for a free slot */
	uint32_t nr_slots; /* a power of two */
	uint64_t full;     /* how often there was no room */
};

bool names_init(struct names *names);
void names_exit(struct names *names);

/* The number of a name; NAME_OTHER where there is no room or no memory for it. */
uint32_t names_intern(struct names *names, const char *name, size_t length);

static inline const char *names_text(const struct names *names, uint32_t name,
				     size_t *length)
{
	size_t begin = name ? names->ends[name - 1] : 0;

	*length = names->ends[name] - begin;
	return names->text + begin;
}

#endif
