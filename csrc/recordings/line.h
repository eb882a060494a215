/* SPDX-License-Identifier: GPL-2.0-only */
/* One line: what stands before the event's text (head.c), and the text (event.c). */
#ifndef SHRINKPY_RECORDINGS_LINE_H
#define SHRINKPY_RECORDINGS_LINE_H

#include "cursor.h"
#include "names.h"
#include "scan.h"

enum head_kind {
	HEAD_NONE,  /* neither a time nor an event's name */
	HEAD_EVENT, /* an event of one of our kinds; kind and text are set */
	HEAD_OTHER, /* an event of some other name; it may be a probe's */
};

struct sp_time {
	const char *begin; /* NULL: none was found */
	int64_t value;     /* ns, or a count */
	bool raw;          /* a count */
	bool verbose;      /* of the latency format's verbose form */
};

struct head {
	enum head_kind kind;
	enum sp_recorded_kind event;
	const char *begin; /* of the line, or of what is left of it */
	bool inner; /* what is left of it: another line's text stands before the task */
	struct sp_time time;
	const char *name; /* of the event, with a group before it */
	const char *text; /* behind the name's colon */
	bool same; /* what stands before the time is that of the line before */
};

/* Find where the event's text begins. */
void head_find(const char *begin, const char *end, struct head *head);

/*
 * Lines come in bursts of one task and one shrinker: the text that stood before
 * the time, and before the sentence, is kept, with what it was found to say.
 */
enum { SAME_MAX = 64 };

struct same {
	size_t length; /* 0: nothing is kept */
	char text[SAME_MAX];
};

/* Is what is kept the beginning of a text that has as many bytes? */
static inline bool same_begin(const struct same *same, const char *text)
{
	return equal(text, same->text, same->length);
}

static inline bool same_text(const struct same *same, const char *text,
			     size_t length)
{
	return length == same->length && same_begin(same, text);
}

static inline void same_keep(struct same *same, const char *text, size_t length)
{
	same->length = length <= SAME_MAX ? length : 0;
	memcpy(same->text, text, same->length);
}

struct reading {
	struct names names;
	struct same task;
	struct sp_recorded task_event; /* its pid, tgid, cpu and comm */
	struct same subject;
	struct sp_recorded subject_event; /* its symbol and shrinker */
	struct same gfp;
	uint32_t gfp_name;
	struct same places[16]; /* where probes are; kinds of them take turns */
	struct sp_recorded place_events[16]; /* kind, symbol and caller */
};

/* head_find() for a line, which is quick where it begins as the line before did. */
void head_of_line(const struct reading *reading, const char *begin,
		  const char *end, struct head *head);

/* Task, cpu and time, as far as they stand there. */
void head_read(struct reading *reading, const struct head *head,
	       struct sp_recorded *event);

enum parsed {
	PARSED,
	PARSED_CUT, /* as far as the line goes */
	PARSED_INTERLEAVED, /* until the text of another line begins, which *rest tells */
	PARSED_NOT_OURS, /* an event of another kind */
	PARSED_UNREAD_NUMBER,
	PARSED_UNREAD_FIELD,
	PARSED_UNREAD_EMPTY,
};

/* The text of an event whose head is of kind HEAD_EVENT. */
enum parsed event_parse(struct reading *reading, const struct head *head,
			const char *end, struct sp_recorded *event,
			const char **rest);

/* The text of a probe: "(function+offset ...) name=value ...". */
enum parsed probe_parse(struct reading *reading, const char *text,
			const char *end, struct sp_recorded *event);

#endif
