// SPDX-License-Identifier: GPL-2.0-only
/* Names of functions and flags, each kept once and numbered. */
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "scan.h"

static bool grow(void **array, size_t size)
{
	void *grown = realloc(*array, size);

	if (!grown)
		return false;
	*array = grown;
	return true;
}

/* Most names are told apart by their length, first and last bytes: all of them need not be read. */
static uint32_t hash(const char *name, size_t length)
{
	uint64_t first = 0, last = 0;
	size_t n = length < 8 ? length : 8;

	memcpy(&first, name, n);
	memcpy(&last, name + length - n, n);
	first = (first ^ length) * 0x9e3779b97f4a7c15u;
	first = ((first ^ first >> 32) + last) * 0xd6e8feb86659fd93u;
	return (uint32_t)(first >> 32);
}

static bool append(struct names *names, const char *name, size_t length)
{
	if (names->nr == names->ends_size) {
		if (!grow((void **)&names->ends,
			  2 * names->ends_size * sizeof(*names->ends)))
			return false;
		names->ends_size *= 2;
	}
	while (names->text_used + length > names->text_size) {
		if (!grow((void **)&names->text, 2 * names->text_size))
			return false;
		names->text_size *= 2;
	}
	memcpy(names->text + names->text_used, name, length);
	names->text_used += length;
	names->ends[names->nr++] = (uint32_t)names->text_used;
	return true;
}

static uint32_t *slot_of(const struct names *names, const char *name,
			 size_t length)
{
	uint32_t i = hash(name, length);

	for (;; i++) {
		uint32_t *slot = &names->slots[i & (names->nr_slots - 1)];
		const char *text;
		size_t n;

		if (!*slot)
			return slot;
		text = names_text(names, *slot, &n);
		if (n == length && !memcmp(text, name, n))
			return slot;
	}
}

static bool rehash(struct names *names)
{
	uint32_t *old = names->slots;

	names->slots =
		calloc(2 * (size_t)names->nr_slots, sizeof(*names->slots));
	if (!names->slots) {
		names->slots = old;
		return false;
	}
	free(old);
	names->nr_slots *= 2;
	for (uint32_t i = 1; i < names->nr; i++) {
		size_t length;
		const char *text = names_text(names, i, &length);

		*slot_of(names, text, length) = i;
	}
	return true;
}

bool names_init(struct names *names)
{
	memset(names, 0, sizeof(*names));
	names->text_size = 4096;
	names->ends_size = 256;
	names->nr_slots = 512;
	names->text = malloc(names->text_size);
	names->ends = malloc(names->ends_size * sizeof(*names->ends));
	names->slots = calloc(names->nr_slots, sizeof(*names->slots));
	if (!names->text || !names->ends || !names->slots) {
		names_exit(names);
		return false;
	}
	append(names, "", 0);
	append(names, "?", 1);
	*slot_of(names, "?", 1) = NAME_OTHER;
	return true;
}

void names_exit(struct names *names)
{
	free(names->text);
	free(names->ends);
	free(names->slots);
	memset(names, 0, sizeof(*names));
}

uint32_t names_intern(struct names *names, const char *name, size_t length)
{
	uint32_t *slot;

	if (!length)
		return NAME_NONE;
	if (length > SP_NAME_MAX)
		length = SP_NAME_MAX;
	slot = slot_of(names, name, length);
	if (*slot)
		return *slot;
	/* Never more than half full, so that a search ends soon. */
	if (names->nr == SP_NAMES_MAX ||
	    (names->nr >= names->nr_slots / 2 && !rehash(names)) ||
	    !append(names, name, length)) {
		names->full++;
		return NAME_OTHER;
	}
	*slot_of(names, name, length) = names->nr - 1;
	return names->nr - 1;
}
