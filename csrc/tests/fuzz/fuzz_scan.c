/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scanner of recordings under any bytes: a libFuzzer target.
 *
 * Each input is scanned twice, as one piece and in pieces of random lengths
 * into arrays of random sizes. Both must say the same, every line must be
 * accounted for once, and nothing may be read outside what the header grants:
 * each piece is a heap block of its own, as long as it must be.
 *
 * Built with -DFUZZ_MAIN it needs no libFuzzer: it reads the files that are
 * named, and mutates them itself.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../recordings/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLD(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__,       \
				__LINE__, #condition);                         \
			abort();                                               \
		}                                                              \
	} while (0)

static uint64_t state;

/* xorshift64*: below n, which is not 0. */
static size_t below(size_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1d >> 16) % n;
}

/* ---- what a scan said --------------------------------------------------- */

struct said {
	struct sp_scanner *scanner;
	struct sp_scan_counts counts;
	struct sp_recorded *events;
	struct sp_unread *unread; /* offsets from the beginning of it all */
	size_t nr_events, nr_unread;
	size_t event_slots, unread_slots;
};

static void said_init(struct said *said)
{
	memset(said, 0, sizeof(*said));
	said->scanner = sp_scanner_alloc();
	HOLD(said->scanner);
}

static void said_exit(struct said *said)
{
	sp_scanner_free(said->scanner);
	free(said->events);
	free(said->unread);
}

static void *append(void *array, size_t *slots, size_t nr, size_t more,
		    size_t size)
{
	if (nr + more <= *slots)
		return array;
	*slots = 2 * (nr + more);
	array = realloc(array, *slots * size);
	HOLD(array);
	return array;
}

/*
 * One call: the text in a block of its own, whose padding holds what would be
 * seen if it were taken for text; arrays that are as long as they are said to
 * be. The bytes that are done with.
 */
static size_t step(struct said *said, const uint8_t *text, size_t size,
		   bool last, size_t before, size_t max_events,
		   size_t max_unread, char padding)
{
	struct sp_recorded *events = malloc(max_events * sizeof(*events));
	struct sp_unread *unread = malloc(max_unread * sizeof(*unread));
	char *copy = malloc(size + SP_PADDING);
	struct sp_scanned done;

	HOLD(events && unread && copy);
	if (size)
		memcpy(copy, text, size);
	memset(copy + size, padding, SP_PADDING);
	sp_scan(said->scanner, copy, size, last, events, max_events, unread,
		max_unread, &done);
	HOLD(done.used <= size);
	HOLD(done.nr_events <= max_events);
	HOLD(done.nr_unread <= max_unread);
	said->events = append(said->events, &said->event_slots, said->nr_events,
			      done.nr_events, sizeof(*events));
	if (done.nr_events)
		memcpy(said->events + said->nr_events, events,
		       done.nr_events * sizeof(*events));
	said->nr_events += done.nr_events;
	said->unread = append(said->unread, &said->unread_slots,
			      said->nr_unread, done.nr_unread, sizeof(*unread));
	for (size_t i = 0; i < done.nr_unread; i++) {
		HOLD(unread[i].offset <= size);
		HOLD(unread[i].length <= size - unread[i].offset);
		unread[i].offset += before;
		said->unread[said->nr_unread++] = unread[i];
	}
	free(events);
	free(unread);
	free(copy);
	return done.used;
}

/* ---- scans -------------------------------------------------------------- */

static void scan_whole(struct said *said, const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		size_t used =
			step(said, data + at, size - at, true, at, 64, 64, '9');

		HOLD(used);
		at += used;
	}
	sp_scan_counts(said->scanner, &said->counts);
}

static void scan_pieces(struct said *said, const uint8_t *data, size_t size)
{
	static const char paddings[] = { '\0', '\n', '0', ' ', ':' };
	size_t longest = 1 + below(below(4) ? 300 : size + 1);
	size_t begin = 0, end = 0;

	while (begin < size) {
		size_t used =
			step(said, data + begin, end - begin, end == size,
			     begin, SP_EVENTS_A_LINE + below(4), 1 + below(4),
			     paddings[below(sizeof(paddings))]);

		begin += used;
		/* A caller need not keep more than the longest line. */
		HOLD(used || end - begin <= SP_LINE_MAX || end - begin == 0);
		if (used && below(2))
			continue; /* it may have stopped for want of places */
		if (end < size) {
			size_t more = 1 + below(longest);

			end = size - end < more ? size : end + more;
		} else {
			HOLD(used || begin == size);
		}
	}
	sp_scan_counts(said->scanner, &said->counts);
}

/* ---- what must hold ----------------------------------------------------- */

static bool has_only_what_it_says(const struct sp_recorded *e)
{
	const struct {
		uint32_t has;
		bool is_zero;
	} columns[] = {
		{ SP_HAS_TIME, !e->time },
		{ SP_HAS_PID, !e->pid },
		{ SP_HAS_CPU, !e->cpu },
		{ SP_HAS_TGID, !e->tgid },
		{ SP_HAS_SYMBOL, !e->symbol },
		{ SP_HAS_SHRINKER, !e->shrinker },
		{ SP_HAS_NID, !e->nid },
		{ SP_HAS_MEMCG, !e->memcg },
		{ SP_HAS_MEMCG_ID, !e->memcg_id },
		{ SP_HAS_NR, !e->nr },
		{ SP_HAS_NEW_NR, !e->new_nr },
		{ SP_HAS_GFP, !e->gfp },
		{ SP_HAS_PGS_SCANNED, !e->pgs_scanned },
		{ SP_HAS_LRU_PGS, !e->lru_pgs },
		{ SP_HAS_ITEMS, !e->items },
		{ SP_HAS_DELTA, !e->delta },
		{ SP_HAS_TOTAL_SCAN, !e->total_scan },
		{ SP_HAS_PRIORITY, !e->priority },
		{ SP_HAS_RET, !e->ret },
		{ SP_HAS_NR_SCANNED, !e->nr_scanned },
		{ SP_HAS_BATCH, !e->batch },
		{ SP_HAS_SEEKS, !e->seeks },
		{ SP_HAS_FLAGS, !e->flags },
		{ SP_HAS_ID, !e->id },
		{ SP_HAS_ORDER, !e->order },
		{ SP_HAS_PARENT, !e->parent },
		{ SP_HAS_CALLER, !e->caller },
	};

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (!(e->fields & columns[i].has) && !columns[i].is_zero)
			return false;
	return !(e->fields >> 27) && !e->pad;
}

static size_t lines_of(const uint8_t *data, size_t size)
{
	size_t n = size && data[size - 1] != '\n';

	for (size_t i = 0; i < size; i++)
		n += data[i] == '\n';
	return n;
}

static void hold_accounts(const struct said *said, const uint8_t *data,
			  size_t size)
{
	const struct sp_scan_counts *counts = &said->counts;
	uint32_t nr_names = sp_scanner_nr_names(said->scanner);
	uint64_t lines = 0, line = 0, cut = 0, in_line = 0;

	for (size_t i = 0; i < said->nr_events; i++) {
		const struct sp_recorded *e = &said->events[i];

		HOLD(e->line >= line && e->line && e->line <= counts->lines);
		lines += e->line != line;
		in_line = e->line == line ? in_line + 1 : 1;
		HOLD(in_line <= SP_EVENTS_A_LINE);
		line = e->line;
		cut += e->mark & SP_MARK_CUT;
		HOLD(e->kind <= SP_RECORDED_REPARENT);
		HOLD(e->form <= SP_FORM_E);
		HOLD(e->kind <= SP_RECORDED_END || e->form == SP_FORM_NONE);
		HOLD(e->mark < 2 * SP_MARK_INTERLEAVED);
		HOLD(e->symbol < nr_names && e->caller < nr_names &&
		     e->gfp < nr_names);
		HOLD(has_only_what_it_says(e));
	}
	HOLD(counts->events == said->nr_events);
	HOLD(counts->unread == said->nr_unread);
	HOLD(counts->cut == cut);
	HOLD(counts->lines == lines_of(data, size));
	HOLD(counts->lines ==
	     counts->comments + counts->others + counts->unread + lines);
	for (size_t i = 0, event = 0; i < said->nr_unread; i++) {
		const struct sp_unread *u = &said->unread[i];

		HOLD(!i || u->line > u[-1].line);
		HOLD(u->reason <= SP_UNREAD_EMPTY_EVENT);
		HOLD(!u->offset || data[u->offset - 1] == '\n');
		while (event < said->nr_events &&
		       said->events[event].line < u->line)
			event++;
		HOLD(event == said->nr_events ||
		     said->events[event].line != u->line);
	}
	HOLD(nr_names >= 1 && nr_names <= SP_NAMES_MAX);
	for (uint32_t i = 0; i < nr_names; i++) {
		size_t length;
		const char *name = sp_scanner_name(said->scanner, i, &length);

		HOLD(length <= SP_NAME_MAX && (i ? length > 0 : !length));
		HOLD(!memchr(name, '\n', length));
	}
}

static void hold_equal(const struct said *a, const struct said *b)
{
	HOLD(!memcmp(&a->counts, &b->counts, sizeof(a->counts)));
	HOLD(a->nr_events == b->nr_events);
	HOLD(!a->nr_events ||
	     !memcmp(a->events, b->events, a->nr_events * sizeof(*a->events)));
	HOLD(a->nr_unread == b->nr_unread);
	for (size_t i = 0; i < a->nr_unread; i++) {
		HOLD(a->unread[i].line == b->unread[i].line);
		HOLD(a->unread[i].offset == b->unread[i].offset);
		HOLD(a->unread[i].reason == b->unread[i].reason);
		/* Of a line that is too long, what was there is told. */
		HOLD(a->unread[i].reason == SP_UNREAD_TOO_LONG ||
		     a->unread[i].length == b->unread[i].length);
	}
	HOLD(sp_scanner_nr_names(a->scanner) ==
	     sp_scanner_nr_names(b->scanner));
	for (uint32_t i = 0; i < sp_scanner_nr_names(a->scanner); i++) {
		size_t length, other;
		const char *name = sp_scanner_name(a->scanner, i, &length);
		const char *same = sp_scanner_name(b->scanner, i, &other);

		HOLD(length == other && !memcmp(name, same, length));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct said whole, pieces;

	/* The borders are those of this input, whenever it is run. */
	state = 0x9e3779b97f4a7c15 ^ size;
	for (size_t i = 0; i < size; i++)
		state = (state ^ data[i]) * 0x100000001b3;
	state |= 1;
	said_init(&whole);
	said_init(&pieces);
	scan_whole(&whole, data, size);
	hold_accounts(&whole, data, size);
	scan_pieces(&pieces, data, size);
	hold_equal(&whole, &pieces);
	said_exit(&whole);
	said_exit(&pieces);
	return 0;
}

/* ---- without libFuzzer -------------------------------------------------- */

#ifdef FUZZ_MAIN
struct seed {
	uint8_t *data;
	size_t size;
};

static struct seed seed_read(const char *path)
{
	struct seed seed = { NULL, 0 };
	FILE *file = fopen(path, "rb");
	size_t n;

	if (!file) {
		perror(path);
		exit(2);
	}
	do {
		seed.data = realloc(seed.data, seed.size + 65536);
		HOLD(seed.data);
		n = fread(seed.data + seed.size, 1, 65536, file);
		seed.size += n;
	} while (n);
	fclose(file);
	return seed;
}

enum { LONGEST = 8192 };

/* Some changes, each small: a byte, a piece out, twice, or from elsewhere. */
static size_t mutate(uint8_t *text, size_t size, const struct seed *other)
{
	static const char odd[] = "\0\n\r\t :-+0x9[]()=#.,\x1b\xff";

	for (size_t n = 1 + below(4); n; n--) {
		size_t at = below(size + 1), length = 1 + below(24), from;

		switch (below(5)) {
		case 0:
			if (at < size)
				text[at] = (uint8_t)odd[below(sizeof(odd) - 1)];
			break;
		case 1:
			if (at < size)
				text[at] ^= (uint8_t)(1 << below(8));
			break;
		case 2:
			if (at + length > size)
				break;
			memmove(text + at, text + at + length,
				size - at - length);
			size -= length;
			break;
		case 3:
			if (at + length > size || size + length > LONGEST)
				break;
			memmove(text + at + length, text + at, size - at);
			size += length;
			break;
		case 4:
			if (other->size < length || size + length > LONGEST)
				break;
			from = below(other->size - length + 1);
			memmove(text + at + length, text + at, size - at);
			memcpy(text + at, other->data + from, length);
			size += length;
			break;
		}
	}
	return size;
}

/* fuzz_scan [-runs=N] [-seed=N] FILE... */
int main(int argc, char **argv)
{
	struct seed *seeds = calloc((size_t)argc, sizeof(*seeds));
	unsigned long long runs = 0, random = 1;
	size_t nr = 0;

	HOLD(seeds);
	for (int i = 1; i < argc; i++) {
		if (sscanf(argv[i], "-runs=%llu", &runs) == 1 ||
		    sscanf(argv[i], "-seed=%llu", &random) == 1)
			continue;
		seeds[nr++] = seed_read(argv[i]);
	}
	for (size_t i = 0; i < nr; i++)
		LLVMFuzzerTestOneInput(seeds[i].data, seeds[i].size);
	for (unsigned long long run = 0; nr && run < runs; run++) {
		uint8_t text[LONGEST];
		const struct seed *seed, *other;
		size_t size;

		state = (random + run) * 0x9e3779b97f4a7c15 | 1;
		below(2);
		seed = &seeds[below(nr)];
		other = &seeds[below(nr)];
		size = seed->size < LONGEST / 2 ? seed->size : LONGEST / 2;
		memcpy(text, seed->data, size);
		size = mutate(text, size, other);
		LLVMFuzzerTestOneInput(text, size);
	}
	printf("fuzz_scan: %zu files and %llu mutations of them\n", nr, runs);
	for (size_t i = 0; i < nr; i++)
		free(seeds[i].data);
	free(seeds);
	return 0;
}
#endif
