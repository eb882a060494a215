// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/* Pieces of a text to lines, and what becomes of each. */
#include <stdlib.h>
#include <string.h>

#include "line.h"

struct sp_scanner {
	struct reading reading;
	struct sp_scan_counts counts;
	int skipping; /* in a line that is too long, until it ends */
	char last[SP_LINE_MAX + 1 + SP_PADDING];
	char squeezed[SP_LINE_MAX + 1 + SP_PADDING];
};

struct sp_scanner *sp_scanner_alloc(void)
{
	struct sp_scanner *scanner = malloc(sizeof(*scanner));

	if (!scanner)
		return NULL;
	/* All but the two buffers. */
	memset(scanner, 0, offsetof(struct sp_scanner, last));
	if (!names_init(&scanner->reading.names)) {
		free(scanner);
		return NULL;
	}
	return scanner;
}

void sp_scanner_free(struct sp_scanner *scanner)
{
	if (!scanner)
		return;
	names_exit(&scanner->reading.names);
	free(scanner);
}

void sp_scan_counts(const struct sp_scanner *scanner,
		    struct sp_scan_counts *counts)
{
	*counts = scanner->counts;
	counts->names_full = scanner->reading.names.full;
}

uint32_t sp_scanner_nr_names(const struct sp_scanner *scanner)
{
	return scanner->reading.names.nr;
}

const char *sp_scanner_name(const struct sp_scanner *scanner, uint32_t name,
			    size_t *length)
{
	return names_text(&scanner->reading.names, name, length);
}

/* ---- lines that are no events ------------------------------------------ */

/* CPU:0 [LOST 53 EVENTS], CPU:0 [LOST EVENTS], and trace-cmd's CPU:0 [53 EVENTS DROPPED]. */
static bool take_lost(struct cursor c, struct sp_recorded *event)
{
	uint64_t value;

	if (!TAKE(&c, "CPU:") || take_number(&c, &value) != NUMBER_OK ||
	    value > INT32_MAX || !TAKE(&c, " ["))
		return false;
	event->kind = SP_RECORDED_LOST;
	event->cpu = (int32_t)value;
	event->fields = SP_HAS_CPU;
	(void)TAKE(&c, "LOST ");
	if (take_number(&c, &value) == NUMBER_OK) {
		if (value > INT64_MAX)
			return false;
		event->nr = (int64_t)value;
		event->fields |= SP_HAS_NR;
		(void)TAKE(&c, " ");
	}
	return TAKE(&c, "EVENTS]") || TAKE(&c, "EVENTS DROPPED]");
}

/*
 * What ftrace's header and notes say of events that were overwritten: how many
 * are in the buffer of how many written; and, in a trace that lost some, where
 * a processor's events begin.
 */
static bool take_overwritten(struct cursor c, struct sp_recorded *event)
{
	uint64_t kept, written;

	event->kind = SP_RECORDED_LOST;
	if (TAKE(&c, "##### CPU ")) {
		if (take_number(&c, &kept) != NUMBER_OK || kept > INT32_MAX)
			return false;
		event->cpu = (int32_t)kept;
		event->fields = SP_HAS_CPU;
		return TAKE(&c, " buffer started");
	}
	if (!TAKE(&c, "# entries-in-buffer/entries-written: ") ||
	    take_number(&c, &kept) != NUMBER_OK || !TAKE(&c, "/") ||
	    take_number(&c, &written) != NUMBER_OK || written <= kept ||
	    written - kept > INT64_MAX)
		return false;
	event->nr = (int64_t)(written - kept);
	event->fields = SP_HAS_NR;
	return true;
}

/* What tools say besides: not an event, and nothing is lost with it. */
static bool is_remark(struct cursor c)
{
	const char *begin = c.at;
	const char *p;

	if (*c.at == '#')
		return true;
	skip_blanks(&c);
	if (at_end(&c) || TAKE(&c, "cpus=") || TAKE(&c, "version = ") ||
	    TAKE(&c, "=> "))
		return true;
	if (TAKE(&c, "CPU "))
		return c.end - c.at >= 9 && !memcmp(c.end - 9, " is empty", 9);
	/* perf's call stacks: an address, a function and the file it is of. */
	if (!is_blank(*begin) || c.end[-1] != ')')
		return false;
	for (p = c.at; is_hex(*p); p++)
		;
	return p > c.at && is_blank(*p);
}

/* perf's own records: of lost events, and those that say nothing of ours. */
static bool take_record(const struct head *head, const char *end,
			struct sp_recorded *event)
{
	struct cursor c = { head->text, end };
	uint64_t lost;

	if (!TAKE(&c, "PERF_RECORD_LOST"))
		return false;
	while (!at_end(&c) && !is_digit(*c.at))
		c.at++;
	event->kind = SP_RECORDED_LOST;
	if (take_number(&c, &lost) == NUMBER_OK) {
		event->nr = (int64_t)lost;
		event->fields |= SP_HAS_NR;
	}
	return true;
}

/* ---- lines -------------------------------------------------------------- */

struct sink {
	struct sp_recorded *events;
	size_t nr;
	uint32_t reason; /* why the line could not be read; only if nr is 0 */
};

/* By the library: for a size that it knows, the compiler takes `rep stos`, which is slow to begin. */
static struct sp_recorded *blank_event(const struct sp_scanner *s,
				       const struct sink *sink)
{
	struct sp_recorded *event = &sink->events[sink->nr];
	size_t size = sizeof(*event);

	__asm__("" : "+r"(size));
	memset(event, 0, size);
	event->line = s->counts.lines;
	return event;
}

static void hand_out(struct sp_scanner *s, struct sink *sink,
		     const struct sp_recorded *event)
{
	s->counts.cut += event->mark & SP_MARK_CUT;
	s->counts.events++;
	sink->nr++;
}

/* Has a start or an end its last field? */
static bool is_whole(const struct sp_recorded *event)
{
	uint32_t has = event->fields;

	if (event->kind == SP_RECORDED_END)
		return has & SP_HAS_RET;
	/* Eras A and B have no priority. */
	return event->kind == SP_RECORDED_START &&
	       (has & SP_HAS_PRIORITY ||
		(has & SP_HAS_PGS_SCANNED && has & SP_HAS_TOTAL_SCAN));
}

static void take_back(struct sp_scanner *s, struct sink *sink)
{
	sink->nr--;
	s->counts.events--;
	s->counts.cut -= sink->events[sink->nr].mark & SP_MARK_CUT;
}

/* An event of ours: 1, and what follows it in an interleaved line stands at *rest; 0, it is unread. */
static int read_event(struct sp_scanner *s, const struct head *head,
		      const char *end, struct sink *sink, const char **rest)
{
	struct sp_recorded *event = blank_event(s, sink);

	head_read(&s->reading, head, event);
	switch (event_parse(&s->reading, head, end, event, rest)) {
	case PARSED_INTERLEAVED:
		event->mark |= SP_MARK_INTERLEAVED;
		if (!is_whole(event))
			event->mark |= SP_MARK_CUT;
		break;
	case PARSED_CUT:
		event->mark |= SP_MARK_CUT;
		break;
	case PARSED:
		break;
	case PARSED_UNREAD_NUMBER:
		sink->reason = SP_UNREAD_NUMBER;
		return 0;
	case PARSED_UNREAD_EMPTY:
		sink->reason = SP_UNREAD_EMPTY_EVENT;
		return 0;
	default:
		sink->reason = SP_UNREAD_FIELD;
		return 0;
	}
	hand_out(s, sink, event);
	return 1;
}

/* An event of another name, as it may be a probe's: 1, it was ours. */
static int read_probe(struct sp_scanner *s, const struct head *head,
		      const char *end, struct sink *sink)
{
	struct sp_recorded *event = blank_event(s, sink);

	switch (probe_parse(&s->reading, head->text, end, event)) {
	case PARSED_NOT_OURS:
		return 0;
	case PARSED_UNREAD_NUMBER:
		sink->reason = SP_UNREAD_NUMBER;
		return -1;
	case PARSED_CUT:
		event->mark |= SP_MARK_CUT;
		break;
	default:
		break;
	}
	head_read(&s->reading, head, event);
	hand_out(s, sink, event);
	return 1;
}

enum line {
	LINE_COMMENT,
	LINE_OTHER,
	LINE_EVENTS,
	LINE_UNREAD,
	LINE_ODDLY_SPACED
};

/* None of the tools sets one behind the first word. */
static bool has_tab(const char *begin, const char *end)
{
	return memchr(begin, '\t', (size_t)(end - begin));
}

static enum line read_once(struct sp_scanner *s, const char *begin,
			   const char *end, struct sink *sink)
{
	const char *rest;
	struct head head;
	int probe;

	if (begin == end)
		return LINE_COMMENT;
	if (*begin == '#') {
		if (!take_overwritten((struct cursor){ begin, end },
				      blank_event(s, sink)))
			return LINE_COMMENT;
		hand_out(s, sink, &sink->events[0]);
		return LINE_EVENTS;
	}
	head_of_line(&s->reading, begin, end, &head);
	switch (head.kind) {
	case HEAD_EVENT:
		if (!head.time.begin && has_tab(begin, end))
			return LINE_ODDLY_SPACED;
		do {
			if (!read_event(s, &head, end, sink, &rest))
				break;
			if (!rest || sink->nr == SP_EVENTS_A_LINE)
				break;
			head_find(rest, end, &head);
			head.inner = true;
		} while (head.kind == HEAD_EVENT);
		if (!sink->nr)
			return LINE_UNREAD;
		/* What looks cut may be a literal with a tab in it. */
		if (sink->events[0].mark & SP_MARK_CUT && has_tab(begin, end)) {
			while (sink->nr)
				take_back(s, sink);
			return LINE_ODDLY_SPACED;
		}
		return LINE_EVENTS;
	case HEAD_OTHER:
		if (*head.text == 'P' &&
		    take_record(&head, end, blank_event(s, sink))) {
			head_read(&s->reading, &head, &sink->events[0]);
			hand_out(s, sink, &sink->events[0]);
			return LINE_EVENTS;
		}
		probe = read_probe(s, &head, end, sink);
		if (probe)
			return probe > 0 ? LINE_EVENTS : LINE_UNREAD;
		/* Another event's text, and in the middle of it a line of ours. */
		if (head.text < end &&
		    memmem(head.text, (size_t)(end - head.text),
			   "mm_shrink_slab_", 15)) {
			struct head inner;

			head_find(head.text, end, &inner);
			inner.inner = true;
			if (inner.kind == HEAD_EVENT &&
			    read_event(s, &inner, end, sink, &rest)) {
				sink->events[0].mark |= SP_MARK_INTERLEAVED;
				return LINE_EVENTS;
			}
		}
		return LINE_OTHER;
	default:
		if (is_remark((struct cursor){ begin, end }))
			return LINE_COMMENT;
		if (take_lost((struct cursor){ begin, end },
			      blank_event(s, sink))) {
			hand_out(s, sink, &sink->events[0]);
			return LINE_EVENTS;
		}
		sink->reason = SP_UNREAD_NO_EVENT;
		return LINE_UNREAD;
	}
}

/* One blank for a run of blanks: mails and editors change them. */
static const char *squeeze(struct sp_scanner *s, const char *begin,
			   const char *end)
{
	char *to = s->squeezed;

	for (const char *p = begin; p < end; p++)
		if (!is_blank(*p))
			*to++ = *p;
		else if (to == s->squeezed || to[-1] != ' ')
			*to++ = ' ';
	*to = '\n';
	return to;
}

static enum line read_line(struct sp_scanner *s, const char *begin,
			   const char *end, struct sink *sink)
{
	enum line line = read_once(s, begin, end, sink);

	if (line == LINE_UNREAD && sink->reason == SP_UNREAD_FIELD &&
	    (has_tab(begin, end) ||
	     memmem(begin, (size_t)(end - begin), "  ", 2)))
		line = LINE_ODDLY_SPACED;
	if (line == LINE_ODDLY_SPACED) {
		end = squeeze(s, begin, end);
		line = read_once(s, s->squeezed, end, sink);
	}
	return line;
}

/* ---- pieces ------------------------------------------------------------- */

static void count(struct sp_scanner *s, enum line line)
{
	s->counts.comments += line == LINE_COMMENT;
	s->counts.others += line == LINE_OTHER;
	s->counts.unread += line == LINE_UNREAD;
}

void sp_scan(struct sp_scanner *s, const char *text, size_t size, int last,
	     struct sp_recorded *events, size_t max_events,
	     struct sp_unread *unread, size_t max_unread,
	     struct sp_scanned *done)
{
	const char *p = text, *stop = text + size;

	memset(done, 0, sizeof(*done));
	while (p < stop && done->nr_events + SP_EVENTS_A_LINE <= max_events &&
	       done->nr_unread < max_unread) {
		const char *newline = memchr(p, '\n', (size_t)(stop - p));
		const char *next = newline ? newline + 1 : stop;
		struct sink sink = { events + done->nr_events, 0, 0 };
		const char *begin = p, *end;
		enum line line;

		if (s->skipping) {
			s->skipping = !newline;
			p = next;
			continue;
		}
		end = newline ? newline : stop;
		if (end - p > SP_LINE_MAX) {
			s->skipping = !newline;
			sink.reason = SP_UNREAD_TOO_LONG;
			line = LINE_UNREAD;
			s->counts.lines++;
			goto counted;
		}
		if (!newline) {
			if (!last)
				break;
			/* With a byte behind it that can be read. */
			memcpy(s->last, p, (size_t)(end - p));
			s->last[end - p] = '\n';
			begin = s->last;
			end = begin + (stop - p);
		}
		while (end > begin && end[-1] == '\r')
			end--;
		s->counts.lines++;
		line = read_line(s, begin, end, &sink);
	counted:
		count(s, line);
		if (line == LINE_UNREAD)
			unread[done->nr_unread++] = (struct sp_unread){
				.line = s->counts.lines,
				.offset = (size_t)(p - text),
				.length = (size_t)((newline ? newline : stop) -
						   p),
				.reason = sink.reason,
			};
		done->nr_events += sink.nr;
		p = next;
	}
	done->used = (size_t)(p - text);
}
