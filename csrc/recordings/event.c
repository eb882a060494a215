// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/*
 * The text of an event: the sentences of mm_shrink_slab_start and _end in all
 * their forms, and name=value lists.
 *
 * A sentence is a list of steps, each a literal and the number behind it. A
 * number is believed when the next literal follows it, or when it is the last:
 * a line may be cut inside of one.
 */
#include "line.h"

enum what { OPTIONAL, NEEDED };

struct step {
	const char *
		spaced; /* with a blank on either side, as the kernel prints it */
	const char *literal;
	uint8_t length;
	uint8_t what;
	uint32_t has;
};

#define STEP(literal, what, has)                                               \
	{ " " literal " ", literal, sizeof(literal) - 1, what, has }

/* In the order of the text, for all forms. */
static const struct step start_steps[] = {
	STEP("nid:", OPTIONAL, SP_HAS_NID),
	STEP("pid:", OPTIONAL, SP_HAS_PID),
	STEP("memcg_id:", OPTIONAL, SP_HAS_MEMCG_ID),
	STEP("objects to shrink", NEEDED, SP_HAS_NR),
	STEP("gfp_flags", NEEDED, SP_HAS_GFP),
	STEP("pgs_scanned", OPTIONAL, SP_HAS_PGS_SCANNED),
	STEP("lru_pgs", OPTIONAL, SP_HAS_LRU_PGS),
	STEP("cache items", NEEDED, SP_HAS_ITEMS),
	STEP("delta", NEEDED, SP_HAS_DELTA),
	STEP("total_scan", NEEDED, SP_HAS_TOTAL_SCAN),
	STEP("priority", OPTIONAL, SP_HAS_PRIORITY),
};

static const struct step end_steps[] = {
	STEP("nid:", OPTIONAL, SP_HAS_NID),
	STEP("pid:", OPTIONAL, SP_HAS_PID),
	STEP("memcg_id:", OPTIONAL, SP_HAS_MEMCG_ID),
	STEP("unused scan count", NEEDED, SP_HAS_NR),
	STEP("new scan count", NEEDED, SP_HAS_NEW_NR),
	STEP("total_scan", NEEDED, SP_HAS_TOTAL_SCAN),
	STEP("last shrinker return val", NEEDED, SP_HAS_RET),
};

static bool fits_int(uint64_t value)
{
	return (int64_t)value == (int32_t)value;
}

/* False: the field is an int, and the value is more than one. */
static inline __attribute__((always_inline)) bool
put(struct sp_recorded *event, uint32_t has, uint64_t value)
{
	int32_t *narrow = NULL;

	switch (has) {
	case SP_HAS_SHRINKER:
		event->shrinker = value;
		break;
	case SP_HAS_MEMCG:
		event->memcg = value;
		break;
	case SP_HAS_MEMCG_ID:
		event->memcg_id = value;
		break;
	case SP_HAS_PARENT:
		event->parent = value;
		break;
	case SP_HAS_NR:
		event->nr = (int64_t)value;
		break;
	case SP_HAS_NEW_NR:
		event->new_nr = (int64_t)value;
		break;
	case SP_HAS_ITEMS:
		event->items = (int64_t)value;
		break;
	case SP_HAS_DELTA:
		event->delta = value;
		break;
	case SP_HAS_TOTAL_SCAN:
		event->total_scan = (int64_t)value;
		break;
	case SP_HAS_RET:
		event->ret = (int64_t)value;
		break;
	case SP_HAS_NR_SCANNED:
		event->nr_scanned = (int64_t)value;
		break;
	case SP_HAS_PGS_SCANNED:
		event->pgs_scanned = (int64_t)value;
		break;
	case SP_HAS_LRU_PGS:
		event->lru_pgs = (int64_t)value;
		break;
	case SP_HAS_BATCH:
		event->batch = (int64_t)value;
		break;
	case SP_HAS_PID:
		/* The head's, where it has one, says the same. */
		if (!(event->fields & SP_HAS_PID))
			narrow = &event->pid;
		break;
	case SP_HAS_NID:
		narrow = &event->nid;
		break;
	case SP_HAS_PRIORITY:
		narrow = &event->priority;
		break;
	case SP_HAS_SEEKS:
		narrow = &event->seeks;
		break;
	case SP_HAS_FLAGS:
		narrow = &event->flags;
		break;
	case SP_HAS_ID:
		narrow = &event->id;
		break;
	case SP_HAS_ORDER:
		narrow = &event->order;
		break;
	}
	if (narrow) {
		if (!fits_int(value) && value > UINT32_MAX)
			return false;
		*narrow = (int32_t)value;
	}
	event->fields |= has;
	return true;
}

/* ---- function and pointer, in front of a sentence ----------------------- */

static const char *word_end(const char *p, const char *end)
{
	const char *blank = memchr(p, ' ', (size_t)(end - p));

	return blank ? blank : end;
}

/* function+0x0/0x1c0, or what stands for one: the name alone. */
static uint32_t function_name(struct names *names, const char *p,
			      const char *end)
{
	const char *plus = memchr(p, '+', (size_t)(end - p));

	return names_intern(names, p,
			    (size_t)((plus && plus > p ? plus : end) - p));
}

/* An address in any of the ways in which %p came out over the years; false: it is none. */
static bool take_pointer(const char *p, const char *end,
			 struct sp_recorded *event)
{
	uint64_t value = 0;
	const char *digits;

	/* (____ptrval____), (ptrval), (null), (efault): there is one, and it is not told. */
	if (*p == '(')
		return end[-1] == ')';
	if (p[0] == '0' && (p[1] | 0x20) == 'x')
		p += 2;
	digits = p;
	if (!take_hex(&p, &value) || p == digits)
		return false;
	/* Some trees printed it twice: ptr(0xptr). */
	if (p < end && (*p != '(' || end[-1] != ')'))
		return false;
	event->shrinker = value;
	event->fields |= SP_HAS_SHRINKER;
	return true;
}

/*
 * "function pointer:", of which the pointer or both may be missing. Where it
 * ends; NULL: the line ends first, and has words that are neither.
 */
static const char *read_subject(struct names *names, const char *p,
				const char *end, struct sp_recorded *event)
{
	bool odd = false;

	while (p < end) {
		const char *word, *stop;

		while (is_blank(*p))
			p++;
		if (p >= end)
			break;
		if (*p == ':')
			return p + 1;
		word = p;
		p = stop = word_end(p, end);
		if (stop - word == 4 && !memcmp(word, "nid:", 4))
			return word; /* somebody left the colon out */
		if (stop[-1] == ':')
			stop--;
		else if (stop == end &&
			 !memchr(word, '+', (size_t)(end - word)))
			break; /* the line may be cut in it */
		/* A module stands in brackets, and the name does not need it; other words are of somebody's own tree. */
		if (*word == '[' && stop[-1] == ']')
			;
		else if (!(event->fields & SP_HAS_SYMBOL) ||
			 memchr(word, '+', (size_t)(stop - word))) {
			event->symbol = function_name(names, word, stop);
			event->fields |= SP_HAS_SYMBOL;
		} else {
			odd |= !take_pointer(word, stop, event);
		}
		if (*stop == ':')
			return p;
	}
	return odd ? NULL : p;
}

static bool take_subject(struct reading *reading, struct cursor *c,
			 struct sp_recorded *event)
{
	struct sp_recorded *last = &reading->subject_event;
	struct same *same = &reading->subject;

	if (looking_at(c, "nid: ", 5) || looking_at(c, "objects to ", 11) ||
	    looking_at(c, "unused scan ", 12))
		return true;
	if (same->length && same->length <= (size_t)(c->end - c->at) &&
	    same_begin(same, c->at)) {
		c->at += same->length;
	} else {
		const char *begin = c->at, *stop;

		same_keep(same, begin, 0);
		last->shrinker = last->fields = last->symbol = 0;
		stop = read_subject(&reading->names, begin, c->end, last);
		if (!stop)
			return false;
		c->at = stop;
		/* Whole, so that the same text at the beginning of another line is all of its subject. */
		same_keep(same, begin,
			  c->at[-1] == ':' ? (size_t)(c->at - begin) : 0);
	}
	event->symbol = last->symbol;
	event->shrinker = last->shrinker;
	event->fields |= last->fields;
	return true;
}

/* ---- sentences ---------------------------------------------------------- */

struct sentence {
	const struct step *steps;
	size_t nr;
};

static inline bool at_step(const struct cursor *c, const struct step *step)
{
	/* Not past the end: no literal has a line's end in it, and the padding is longer than any. */
	return equal(c->at, step->literal, step->length);
}

/* Is what is left of the line the beginning of this literal? Then it was cut in it. */
static bool is_cut_in(const struct cursor *c, const struct step *step)
{
	size_t left = (size_t)(c->end - c->at);

	return left < step->length && !memcmp(c->at, step->literal, left);
}

/* Text that nobody knows, and then the step: where it is, if it is not another line's. */
static bool seek_step(struct cursor *c, const struct step *step,
		      const char *limit)
{
	for (const char *p = c->at; p + step->length <= limit; p++)
		if (*p == *step->literal && is_blank(p[-1]) &&
		    !memcmp(p, step->literal, step->length)) {
			c->at = p;
			return true;
		}
	return false;
}

static void drop(struct sp_recorded *event, uint32_t has)
{
	if (has && !(has & SP_HAS_PID)) {
		put(event, has, 0);
		event->fields &= ~has;
		if (has == SP_HAS_GFP)
			event->gfp = NAME_NONE;
	}
}

/*
 * Where another line's text begins in this one, so that head_find() can go on
 * from there: at its task, as far as one can tell, else at its name.
 */
static const char *other_line(const char *p, const char *end)
{
	struct head head;

	head_find(p, end, &head);
	return head.kind == HEAD_EVENT ? head.begin : NULL;
}

static inline __attribute__((always_inline)) enum parsed
take_value(struct reading *reading, struct cursor *c, const struct step *step,
	   struct sp_recorded *event, const char **rest)
{
	uint64_t value;

	if (at_end(c))
		return PARSED_CUT;
	if (step->has == SP_HAS_GFP) {
		struct same *same = &reading->gfp;
		const char *word = c->at;

		if (same->length && same->length <= (size_t)(c->end - c->at) &&
		    same_begin(same, c->at)) {
			c->at += same->length - 1;
		} else {
			c->at = word_end(word, c->end);
			reading->gfp_name = names_intern(
				&reading->names, word, (size_t)(c->at - word));
			/* With the blank behind it, so that the same text is all of the word. */
			same_keep(same, word,
				  at_end(c) ? 0 : (size_t)(c->at + 1 - word));
		}
		event->gfp = reading->gfp_name;
		event->fields |= SP_HAS_GFP;
		return PARSED;
	}
	switch (take_number(c, &value)) {
	case NUMBER_NONE:
		/* A minus without its digits. */
		if (*c->at == '-' && c->at + 1 >= c->end)
			return PARSED_CUT;
		*rest = other_line(c->at, c->end);
		return *rest ? PARSED_INTERLEAVED : PARSED_UNREAD_FIELD;
	case NUMBER_BIG:
		return PARSED_UNREAD_NUMBER;
	default:
		if (!put(event, step->has, value))
			return PARSED_UNREAD_NUMBER;
	}
	if (is_blank(*c->at) || at_end(c))
		return PARSED;
	drop(event, step->has);
	*rest = other_line(c->at, c->end);
	return *rest ? PARSED_INTERLEAVED : PARSED_UNREAD_FIELD;
}

/* Something else stands where a step belongs: why, or PARSED if the cursor is at the step now. */
static __attribute__((noinline)) enum parsed find_step(struct cursor *c,
						       const struct sentence *s,
						       const struct step *step,
						       const char **rest)
{
	if (at_end(c))
		return PARSED_CUT;
	/* Of this one, or of an optional one before it that did not stand there. */
	for (const struct step *cut = step;; cut--) {
		if (is_cut_in(c, cut))
			return PARSED_CUT;
		if (cut == s->steps || cut[-1].what == NEEDED)
			break;
	}
	*rest = other_line(c->at, c->end);
	if (seek_step(c, step, *rest ? *rest : c->end))
		return PARSED;
	return *rest ? PARSED_INTERLEAVED : PARSED_UNREAD_FIELD;
}

/* Inlined for each sentence and unrolled, so that a step is a comparison with a constant. */
static inline __attribute__((always_inline)) enum parsed
take_sentence(struct reading *reading, struct cursor *c,
	      const struct sentence *s, struct sp_recorded *event,
	      const char **rest)
{
	/* The number that was read last, until the next literal follows. */
	uint32_t last = 0;
	const char *gfp = NULL;

#pragma GCC unroll 16
	for (size_t i = 0; i < s->nr; i++) {
		const struct step *step = &s->steps[i];
		const char *before;
		enum parsed parsed;

		if (equal(c->at, step->spaced, step->length + 2)) {
			c->at += step->length + 2;
			goto value;
		}
		before = c->at;
		skip_blanks(c);
		if (!at_step(c, step)) {
			/* Eras A and B have no priority; where it is missing else, the line was cut. */
			bool may_end = step->has == SP_HAS_PRIORITY &&
				       !(event->fields & SP_HAS_PGS_SCANNED);

			if (step->what == OPTIONAL &&
			    !(may_end && (at_end(c) || is_cut_in(c, step)))) {
				c->at = before;
				continue;
			}
			parsed = find_step(c, s, step, rest);
			if (parsed != PARSED) {
				/* A blank behind it says that it is whole. */
				if (parsed != PARSED_CUT ||
				    (at_end(c) && !is_blank(c->end[-1])))
					drop(event, last);
				/* What was taken for flags may be the other's task. */
				if (*rest && last == SP_HAS_GFP)
					*rest = gfp;
				return parsed;
			}
		}
		c->at += step->length;
		skip_blanks(c);
	value:
		if (step->has == SP_HAS_GFP)
			gfp = c->at;
		parsed = take_value(reading, c, step, event, rest);
		if (parsed != PARSED)
			return parsed;
		last = step->has;
	}
	skip_blanks(c);
	if (at_end(c))
		return PARSED;
	if (TAKE(c, "(in-irq)"))
		event->mark |= SP_MARK_IN_IRQ;
	skip_blanks(c);
	*rest = at_end(c) ? NULL : other_line(c->at, c->end);
	if (!*rest)
		return PARSED;
	/* A start of eras C on that has no priority was cut in its total_scan. */
	if (!(event->fields &
	      (SP_HAS_PGS_SCANNED | SP_HAS_PRIORITY | SP_HAS_RET)))
		drop(event, last);
	return PARSED_INTERLEAVED;
}

/* As soon as the text tells. */
static enum sp_recorded_form form_of(const struct sp_recorded *event)
{
	uint32_t has = event->fields;

	if (has & SP_HAS_MEMCG_ID)
		return SP_FORM_E;
	if (!(has & SP_HAS_NR))
		return SP_FORM_NONE;
	if (!(has & SP_HAS_NID))
		return SP_FORM_A;
	if (has & SP_HAS_PGS_SCANNED)
		return SP_FORM_B;
	return event->kind == SP_RECORDED_END || has & SP_HAS_ITEMS ?
		       SP_FORM_CD :
		       SP_FORM_NONE;
}

/* ---- name=value --------------------------------------------------------- */

/* What a name stands for; 0 for those that nobody knows. */
static uint32_t key_of(const char *name, size_t length)
{
#define KEY(known, has)                                                        \
	if (length == sizeof(known) - 1 && !memcmp(name, known, length))       \
		return has;
	switch (*name) {
	case 'b':
		KEY("batch", SP_HAS_BATCH)
		break;
	case 'c':
		KEY("cache_items", SP_HAS_ITEMS)
		break;
	case 'd':
		KEY("delta", SP_HAS_DELTA)
		break;
	case 'f':
		KEY("flags", SP_HAS_FLAGS)
		KEY("freed", SP_HAS_RET)
		break;
	case 'g':
		KEY("gfp", SP_HAS_GFP)
		KEY("gfp_flags", SP_HAS_GFP)
		break;
	case 'i':
		KEY("id", SP_HAS_ID)
		KEY("ino", SP_HAS_MEMCG_ID)
		break;
	case 'l':
		KEY("lru_pgs", SP_HAS_LRU_PGS)
		break;
	case 'm':
		KEY("memcg", SP_HAS_MEMCG)
		KEY("memcg_id", SP_HAS_MEMCG_ID)
		break;
	case 'n':
		KEY("nid", SP_HAS_NID)
		KEY("nr", SP_HAS_NR)
		KEY("nr_scanned", SP_HAS_NR_SCANNED)
		KEY("nr_reclaimed", SP_HAS_RET)
		KEY("new_scan", SP_HAS_NEW_NR)
		KEY("nr_objects_to_shrink", SP_HAS_NR)
		break;
	case 'o':
		KEY("order", SP_HAS_ORDER)
		break;
	case 'p':
		KEY("prio", SP_HAS_PRIORITY)
		KEY("pid", SP_HAS_PID)
		KEY("parent", SP_HAS_PARENT)
		KEY("priority", SP_HAS_PRIORITY)
		KEY("pgs_scanned", SP_HAS_PGS_SCANNED)
		break;
	case 'r':
		KEY("ret", SP_HAS_RET)
		KEY("retval", SP_HAS_RET)
		break;
	case 's':
		KEY("shr", SP_HAS_SHRINKER)
		KEY("seeks", SP_HAS_SEEKS)
		KEY("shrink", SP_HAS_SYMBOL)
		break;
	case 't':
		KEY("total_scan", SP_HAS_TOTAL_SCAN)
		break;
	case 'u':
		KEY("unused_scan", SP_HAS_NR)
		break;
	}
#undef KEY
	return 0;
}

/* All that stand there; words that are none, and names nobody knows, are passed over. */
static enum parsed take_pairs(struct names *names, struct cursor *c,
			      struct sp_recorded *event)
{
	for (;;) {
		const char *word, *equals, *end;
		uint32_t has;
		uint64_t value;

		skip_blanks(c);
		if (at_end(c))
			return PARSED;
		word = c->at;
		for (equals = word; equals < c->end && is_word(*equals);
		     equals++)
			;
		if (equals == word || *equals != '=') {
			c->at = word_end(word, c->end);
			continue;
		}
		has = key_of(word, (size_t)(equals - word));
		c->at = equals + 1;
		end = NULL;
		switch (has) {
		case 0:
			break;
		case SP_HAS_GFP:
		case SP_HAS_SYMBOL:
			end = word_end(c->at, c->end);
			if (end == c->at)
				break;
			if (has == SP_HAS_GFP)
				event->gfp = names_intern(
					names, c->at, (size_t)(end - c->at));
			else
				event->symbol =
					function_name(names, c->at, end);
			event->fields |= has;
			break;
		default:
			switch (take_number(c, &value)) {
			case NUMBER_NONE:
				break;
			case NUMBER_BIG:
				return PARSED_UNREAD_NUMBER;
			case NUMBER_OK:
				if (!is_blank(*c->at) && !at_end(c))
					break; /* it is no number */
				/* An int: in hex, as option `fields` has it, it shows no sign. */
				if (equals - word == 6 && value <= UINT32_MAX &&
				    !memcmp(word, "retval", 6))
					value = (uint64_t)(int32_t)value;
				if (!put(event, has, value))
					return PARSED_UNREAD_NUMBER;
			}
		}
		if (!is_blank(*c->at))
			c->at = word_end(c->at, c->end);
	}
}

/* The fields that each kind of event shown as name=value must have, or it was cut. */
static uint32_t needed(const struct sp_recorded *event)
{
	switch (event->kind) {
	case SP_RECORDED_START:
		return SP_HAS_NR | SP_HAS_GFP | SP_HAS_ITEMS | SP_HAS_DELTA |
		       SP_HAS_TOTAL_SCAN;
	case SP_RECORDED_END:
		return SP_HAS_NR | SP_HAS_NEW_NR | SP_HAS_TOTAL_SCAN |
		       SP_HAS_RET;
	case SP_RECORDED_KSWAPD_WAKE:
	case SP_RECORDED_KSWAPD_SLEEP:
	case SP_RECORDED_WAKEUP_KSWAPD:
		return SP_HAS_NID;
	case SP_RECORDED_DIRECT_BEGIN:
	case SP_RECORDED_MEMCG_BEGIN:
		return SP_HAS_GFP;
	case SP_RECORDED_DIRECT_END:
	case SP_RECORDED_MEMCG_END:
		return SP_HAS_RET;
	default:
		return 0;
	}
}

/* A start or an end that is shown as its fields begins with one of the first. */
static bool is_pairs(const struct cursor *c)
{
	return looking_at(c, "shr=", 4) || looking_at(c, "shrink=", 7) ||
	       looking_at(c, "nid=", 4);
}

/*
 * Another line begins within the subject, and was taken for a part of it: sure
 * is a function with its offset alone. Where what is left begins.
 */
static const char *take_back(const char *p, const char *end,
			     struct sp_recorded *event)
{
	const char *stop;

	while (is_blank(*p))
		p++;
	stop = word_end(p, end);
	event->shrinker = 0;
	event->fields &= ~(uint32_t)SP_HAS_SHRINKER;
	if (memmem(p, (size_t)(stop - p), "+0x", 3))
		return stop;
	event->symbol = NAME_NONE;
	event->fields &= ~(uint32_t)SP_HAS_SYMBOL;
	return p;
}

enum parsed event_parse(struct reading *reading, const struct head *head,
			const char *end, struct sp_recorded *event,
			const char **rest)
{
	struct names *names = &reading->names;
	static const struct sentence start = {
		start_steps, sizeof(start_steps) / sizeof(start_steps[0])
	};
	static const struct sentence stop = {
		end_steps, sizeof(end_steps) / sizeof(end_steps[0])
	};
	struct cursor c = { head->text, end };
	uint32_t before = event->fields;
	enum parsed parsed;

	*rest = NULL;
	event->kind = (uint8_t)head->event;
	skip_blanks(&c);
	if (head->event > SP_RECORDED_END || is_pairs(&c)) {
		const char *text = c.at;

		*rest = other_line(c.at, c.end);
		if (*rest)
			c.end = *rest;
		parsed = take_pairs(names, &c, event);
		event->form = (uint8_t)(head->event > SP_RECORDED_END ?
						SP_FORM_NONE :
						form_of(event));
		if (parsed != PARSED)
			return parsed;
		if (*rest)
			return PARSED_INTERLEAVED;
		if (event->fields == before)
			return memchr(text, ' ', (size_t)(end - text)) ?
				       PARSED_UNREAD_FIELD :
				       PARSED_UNREAD_EMPTY;
		return (event->fields & needed(event)) == needed(event) ?
			       PARSED :
			       PARSED_CUT;
	}
	if (!take_subject(reading, &c, event))
		return PARSED_UNREAD_FIELD;
	if (head->event == SP_RECORDED_START)
		parsed = take_sentence(reading, &c, &start, event, rest);
	else
		parsed = take_sentence(reading, &c, &stop, event, rest);
	event->form = (uint8_t)form_of(event);
	if (parsed == PARSED_INTERLEAVED &&
	    !(event->fields & (SP_HAS_NID | SP_HAS_NR))) {
		struct head other;

		head_find(*rest, end, &other);
		if (!other.time.begin)
			*rest = take_back(head->text, end, event);
	}
	if (parsed == PARSED_CUT && event->fields == before)
		return PARSED_UNREAD_EMPTY;
	return parsed;
}

/* ---- probes ------------------------------------------------------------- */

static bool is_function(const char *p, const char *end, const char *name,
			size_t length)
{
	/* do_shrink_slab.constprop.0 is one. */
	return (size_t)(end - p) >= length && !memcmp(p, name, length) &&
	       ((size_t)(end - p) == length || p[length] == '.');
}

#define IS(p, end, name) is_function(p, end, name, sizeof(name) - 1)

enum { NOT_OURS = UINT8_MAX };

/* Which probe it is: kind (NOT_OURS), symbol and caller, from "function+offset" or "caller+offset <- function". */
static void read_place(struct names *names, const char *first, const char *end,
		       struct sp_recorded *event)
{
	const char *first_end, *arrow, *function, *function_end;

	for (first_end = first; is_word(*first_end); first_end++)
		;
	arrow = memchr(first_end, '<', (size_t)(end - first_end));
	function = first;
	if (arrow) {
		if (arrow[1] != '-') {
			event->kind = NOT_OURS;
			return;
		}
		for (function = arrow + 2; is_blank(*function); function++)
			;
	}
	for (function_end = function; is_word(*function_end); function_end++)
		;
	if (IS(function, function_end, "shrink_slab"))
		event->kind = arrow ? SP_RECORDED_SHRINK_SLAB_RET :
				      SP_RECORDED_SHRINK_SLAB;
	else if (IS(function, function_end, "do_shrink_slab"))
		event->kind = arrow ? SP_RECORDED_DO_SHRINK_SLAB_RET :
				      SP_RECORDED_DO_SHRINK_SLAB;
	else if (arrow)
		event->kind = SP_RECORDED_CALLBACK_RET;
	else if (IS(function, function_end, "reparent_shrinker_deferred"))
		event->kind = SP_RECORDED_REPARENT;
	else
		event->kind = SP_RECORDED_CALLBACK;
	if (event->kind == SP_RECORDED_CALLBACK_RET &&
	    !IS(first, first_end, "do_shrink_slab") &&
	    !IS(first, first_end, "shrink_slab") &&
	    ((size_t)(first_end - first) < 17 ||
	     memcmp(first, "shrinker_debugfs_", 17))) {
		event->kind = NOT_OURS;
		return;
	}
	event->symbol = names_intern(names, function,
				     (size_t)(function_end - function));
	event->fields = SP_HAS_SYMBOL;
	if (arrow) {
		event->caller =
			names_intern(names, first, (size_t)(first_end - first));
		event->fields |= SP_HAS_CALLER;
	}
}

enum parsed probe_parse(struct reading *reading, const char *text,
			const char *end, struct sp_recorded *event)
{
	struct cursor c = { text, end };
	struct sp_recorded *place;
	const char *close;
	struct same *same;
	enum parsed parsed;
	size_t length;

	skip_blanks(&c);
	if (*c.at != '(')
		return PARSED_NOT_OURS;
	close = memchr(c.at, ')', (size_t)(end - c.at));
	if (!close)
		return PARSED_NOT_OURS;
	length = (size_t)(close - c.at);
	same = &reading->places[(length + (unsigned char)close[-1]) % 16];
	place = &reading->place_events[same - reading->places];
	if (!same_text(same, c.at, length)) {
		memset(place, 0, sizeof(*place));
		read_place(&reading->names, c.at + 1, close, place);
		same_keep(same, c.at, length);
	}
	if (place->kind == NOT_OURS)
		return PARSED_NOT_OURS;
	event->kind = place->kind;
	event->symbol = place->symbol;
	event->caller = place->caller;
	c.at = close + 1;
	parsed = take_pairs(&reading->names, &c, event);
	if (event->kind == SP_RECORDED_CALLBACK && !(event->fields & SP_HAS_NR))
		return PARSED_NOT_OURS;
	event->fields |= place->fields;
	if (parsed != PARSED)
		return parsed;
	return event->caller && !(event->fields & SP_HAS_RET) ? PARSED_CUT :
								PARSED;
}
