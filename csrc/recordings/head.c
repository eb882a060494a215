// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stands before an event's text.
 *
 *   ftrace       comm-pid [cpu] flags seconds.usec: name: text
 *                comm-pid (tgid) [cpu] ...
 *   latency      comm-pid cpuflags usec"us"mark: name: text
 *   trace-cmd    comm-pid [cpu] seconds.usec: name: text
 *   perf script  comm tid [cpu] seconds.usec: group:name: text
 *
 * A comm may have blanks, colons, brackets and digits in it. So the name is
 * looked for first, and the rest is read backwards from there: what is nearest
 * to it has the stricter form.
 */
#include "line.h"

static const struct {
	const char *name;
	uint8_t length;
	uint8_t kind;
} events[] = {
#define EVENT(name, kind) { name, sizeof(name) - 1, kind }
	EVENT("mm_shrink_slab_start", SP_RECORDED_START),
	EVENT("mm_shrink_slab_end", SP_RECORDED_END),
	EVENT("mm_vmscan_kswapd_wake", SP_RECORDED_KSWAPD_WAKE),
	EVENT("mm_vmscan_kswapd_sleep", SP_RECORDED_KSWAPD_SLEEP),
	EVENT("mm_vmscan_wakeup_kswapd", SP_RECORDED_WAKEUP_KSWAPD),
	EVENT("mm_vmscan_direct_reclaim_begin", SP_RECORDED_DIRECT_BEGIN),
	EVENT("mm_vmscan_direct_reclaim_end", SP_RECORDED_DIRECT_END),
	EVENT("mm_vmscan_memcg_reclaim_begin", SP_RECORDED_MEMCG_BEGIN),
	EVENT("mm_vmscan_memcg_reclaim_end", SP_RECORDED_MEMCG_END),
#undef EVENT
};

static inline bool is_event(const char *name, size_t length,
			    enum sp_recorded_kind *kind)
{
	if (length < 18 || memcmp(name, "mm_", 3))
		return false;
#pragma GCC unroll 2
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (length == events[i].length &&
		    !memcmp(name, events[i].name, length)) {
			*kind = (enum sp_recorded_kind)events[i].kind;
			return true;
		}
	return false;
}

/* whole * scale + part, if that is a time. */
static bool put_time(struct sp_time *time, uint64_t whole, uint64_t scale,
		     uint64_t part)
{
	if (__builtin_mul_overflow(whole, scale, &whole) ||
	    __builtin_add_overflow(whole, part, &whole) || whole > INT64_MAX)
		return false;
	time->value = (int64_t)whole;
	return true;
}

/* Digits behind the point, as nanoseconds; what is beyond those is left out. */
static uint64_t take_fraction(const char **p)
{
	uint64_t part;
	unsigned int digits = eight_digits(*p, &part);

	part *= 10 * power_of_ten[8 - digits];
	*p += digits;
	if (digits == 8 && is_digit(**p))
		part += (uint64_t)(*(*p)++ - '0');
	while (is_digit(**p))
		(*p)++;
	return part;
}

/*
 * A time that ends at `end`: seconds.fraction, or a count; in the latency
 * format usec, "us" and a mark for how long it took; in its verbose form
 * 1061.494ms (+0.151ms).
 */
static bool time_before(const char *begin, const char *end,
			struct sp_time *time)
{
	uint64_t whole, part = 0;
	bool point, good;
	const char *p;

	if (end - begin > 3 && end[-1] == ' ' && end[-2] == 's' &&
	    end[-3] == 'u')
		end--;
	else if (end - begin > 9 && end[-1] == ')' && end[-2] == 's') {
		p = word_begin(begin, end);
		if (p[0] != '(' || p[1] != '+')
			return false;
		end = trimmed(begin, p);
	}
	p = word_begin(begin, end);
	if (!is_digit(*p))
		return false;
	time->begin = p;
	time->raw = time->verbose = false;
	if (!take_digits(&p, &whole))
		return false;
	point = *p == '.';
	if (point) {
		p++;
		part = take_fraction(&p);
	}
	if (end - p >= 2 && p[0] == 'u' && p[1] == 's') {
		good = put_time(time, whole, 1000, 0);
		p += 2;
		p += p < end && !is_word(*p);
	} else if (end - p == 2 && p[0] == 'm' && p[1] == 's') {
		good = put_time(time, whole, 1000000, part / 1000);
		time->verbose = true;
		p += 2;
	} else if (point) {
		good = put_time(time, whole, 1000000000, part);
	} else {
		time->raw = true;
		good = put_time(time, whole, 1, 0);
	}
	return good && p == end;
}

void head_find(const char *begin, const char *end, struct head *head)
{
	const char *colon = begin;
	const char *after_time = NULL;

	memset(head, 0, sizeof(*head));
	head->begin = begin;
	for (; (colon = memchr(colon, ':', (size_t)(end - colon))); colon++) {
		const char *word = colon;
		struct sp_time time;

		if (colon + 1 < end && !is_blank(colon[1]))
			continue;
		/* The name right behind the time, as nearly all lines have it. */
		if (after_time && after_time < colon &&
		    !is_digit(*after_time)) {
			size_t length = (size_t)(colon - after_time);
			bool known = is_event(after_time, length, &head->event);

			if (!known && !memchr(after_time, ' ', length)) {
				const char *group =
					memchr(after_time, ':', length);

				word = group ? group + 1 : after_time;
				known = is_event(word, (size_t)(colon - word),
						 &head->event);
				if (!known && is_word(colon[-1]))
					head->kind = HEAD_OTHER;
				word = colon;
			}
			if (known)
				head->kind = HEAD_EVENT;
			if (head->kind != HEAD_NONE) {
				head->name = after_time;
				head->text = colon + 1;
				return;
			}
		}
		if (time_before(begin, colon, &time)) {
			head->time = time;
			for (after_time = colon + 1; is_blank(*after_time);
			     after_time++)
				;
			continue;
		}
		while (word > begin && is_word(word[-1]))
			word--;
		if (is_event(word, (size_t)(colon - word), &head->event)) {
			head->kind = HEAD_EVENT;
		} else if (after_time && word < colon) {
			head->kind = HEAD_OTHER;
		} else {
			continue;
		}
		head->name = word;
		while (head->name > begin &&
		       (is_word(head->name[-1]) || head->name[-1] == ':'))
			head->name--;
		head->text = colon + 1;
		return;
	}
	/*
	 * A time, and no name: the function tracer's "function <-caller", the
	 * beginning of a stack, a record of perf's own.
	 */
	if (after_time &&
	    (memchr(after_time, '<', (size_t)(end - after_time)) ||
	     ((size_t)(end - after_time) > 12 &&
	      !memcmp(after_time, "PERF_RECORD_", 12)))) {
		head->kind = HEAD_OTHER;
		head->name = after_time;
		head->text = after_time;
	}
}

void head_of_line(const struct reading *reading, const char *begin,
		  const char *end, struct head *head)
{
	const struct same *same = &reading->task;
	const char *p = begin + same->length, *colon;
	uint64_t whole, part;

	if (!same->length || same->length >= (size_t)(end - begin) ||
	    !same_begin(same, begin) || !is_digit(*p))
		goto no;
	memset(head, 0, sizeof(*head));
	head->begin = begin;
	head->time.begin = p;
	if (!take_digits(&p, &whole) || *p++ != '.')
		goto no;
	part = take_fraction(&p);
	if (p[0] != ':' || p[1] != ' ' || is_digit(p[2]) ||
	    !put_time(&head->time, whole, 1000000000, part))
		goto no;
	p += 2;
	for (colon = p; is_word(*colon); colon++)
		;
	if (colon == p || *colon != ':' || !is_blank(colon[1]))
		goto no;
	head->kind = is_event(p, (size_t)(colon - p), &head->event) ?
			     HEAD_EVENT :
			     HEAD_OTHER;
	head->name = p;
	head->text = colon + 1;
	head->same = true;
	return;
no:
	head_find(begin, end, head);
}

/* An int whose last digit stands before `end`; where it begins, or NULL if it is none. */
static const char *int_before(const char *begin, const char *end,
			      int32_t *value)
{
	uint64_t n = 0, scale = 1;
	const char *p = end;

	if (end - begin >= 8) {
		unsigned int digits = digits_before(end, &n);

		if (digits < 8) {
			*value = (int32_t)n;
			return digits ? end - digits : NULL;
		}
		n = 0;
	}
	for (; p > begin && is_digit(p[-1]); p--) {
		if (end - p >= 10)
			return NULL;
		n += scale * (uint64_t)(p[-1] - '0');
		scale *= 10;
	}
	if (p == end || n > INT32_MAX)
		return NULL;
	*value = (int32_t)n;
	return p;
}

/* [cpu] before `end`; where it begins, or NULL. */
static const char *bracketed_cpu(const char *begin, const char *end,
				 struct sp_recorded *event)
{
	const char *p;
	int32_t cpu;

	if (end == begin || end[-1] != ']')
		return NULL;
	p = int_before(begin, end - 1, &cpu);
	if (!p || p == begin || p[-1] != '[')
		return NULL;
	event->cpu = cpu;
	event->fields |= SP_HAS_CPU;
	return p - 1;
}

/* The columns between task and time: cpu and flags. Where they begin. */
static const char *read_cpu(const char *begin, const char *end,
			    struct sp_recorded *event)
{
	const char *p = bracketed_cpu(begin, end, event);
	const char *flags, *before;
	uint64_t cpu = 0;

	if (p)
		return p;
	flags = word_begin(begin, end);
	before = bracketed_cpu(begin, trimmed(begin, flags), event);
	if (before)
		return before;
	/* The latency format has both in one word, the number first. */
	for (p = flags; p < end && is_digit(*p); p++)
		cpu = p - flags < 5 ? cpu * 10 + (uint64_t)(*p - '0') :
				      UINT32_MAX;
	if (p == flags || end - p < 3 || end - p > 8 || cpu > INT32_MAX)
		return end;
	for (const char *f = p; f < end; f++)
		if (!is_word(*f) && *f != '#')
			return end;
	event->cpu = (int32_t)cpu;
	event->fields |= SP_HAS_CPU;
	return flags;
}

/* (tgid), or (-------) where it is not known. Where it begins. */
static const char *read_tgid(const char *begin, const char *end,
			     struct sp_recorded *event)
{
	const char *p;

	if (end == begin || end[-1] != ')')
		return end;
	p = int_before(begin, end - 1, &event->tgid);
	if (p) {
		event->fields |= SP_HAS_TGID;
		while (p > begin && is_blank(p[-1]))
			p--;
	} else {
		p = end - 1;
		while (p > begin && p[-1] == '-')
			p--;
	}
	if (p > begin && p[-1] == '(')
		return p - 1;
	event->fields &= ~(uint32_t)SP_HAS_TGID;
	event->tgid = 0;
	return end;
}

/* Where a comm begins that has text of another line before it: it is padded to 16 columns. */
static const char *inner_comm(const char *begin, const char *end)
{
	const char *p = end;

	while (p > begin && end - p < 16 &&
	       !(is_blank(p[-1]) && p - 1 > begin && is_blank(p[-2])))
		p--;
	return p;
}

/* comm-pid of ftrace and trace-cmd; comm tid or comm pid/tid of perf. */
static void read_task(const struct head *head, const char *end,
		      struct sp_recorded *event)
{
	const char *begin = head->begin;
	int32_t pid, tgid;
	const char *p = int_before(begin, end, &pid);
	size_t length;

	if (!p || p == begin)
		return;
	switch (p[-1]) {
	case '-':
		p--;
		break;
	case '/':
		p = int_before(begin, p - 1, &tgid);
		if (!p)
			return;
		event->tgid = tgid;
		event->fields |= SP_HAS_TGID;
		break;
	case ' ':
	case '\t':
		break;
	default:
		return;
	}
	event->pid = pid;
	event->fields |= SP_HAS_PID;
	p = trimmed(begin, p);
	if (head->inner)
		begin = inner_comm(begin, p);
	while (p - begin >= 8 && load8(begin) == ' ' * each)
		begin += 8;
	while (begin < p && is_blank(*begin))
		begin++;
	length = (size_t)(p - begin);
	memcpy(event->comm, begin,
	       length < sizeof(event->comm) ? length : sizeof(event->comm));
}

/*
 * The verbose latency format: comm, pid, cpu, flags, preempt count, index and
 * [time]; the numbers but pid and cpu are hexadecimal.
 */
static const char *verbose_columns(const char *begin, const char *end,
				   struct sp_recorded *event)
{
	const char *p = end;

	for (int columns = 0; columns < 4; columns++)
		p = trimmed(begin, word_begin(begin, p));
	end = int_before(begin, p, &event->cpu);
	if (!end)
		return p;
	event->fields |= SP_HAS_CPU;
	return trimmed(begin, end);
}

static void read_columns(const struct head *head, const char *end,
			 struct sp_recorded *event)
{
	const char *begin = head->begin;

	end = trimmed(begin, end);
	if (head->time.verbose) {
		end = verbose_columns(begin, end, event);
	} else {
		end = trimmed(begin, read_cpu(begin, end, event));
		end = trimmed(begin, read_tgid(begin, end, event));
	}
	read_task(head, end, event);
}

void head_read(struct reading *reading, const struct head *head,
	       struct sp_recorded *event)
{
	const char *end = head->time.begin ? head->time.begin : head->name;
	size_t length = (size_t)(end - head->begin);
	struct sp_recorded *last = &reading->task_event;

	if (head->inner) {
		read_columns(head, end, event);
	} else {
		if (!head->same &&
		    !same_text(&reading->task, head->begin, length)) {
			memset(last, 0, sizeof(*last));
			read_columns(head, end, last);
			same_keep(&reading->task, head->begin, length);
		}
		event->pid = last->pid;
		event->tgid = last->tgid;
		event->cpu = last->cpu;
		memcpy(event->comm, last->comm, sizeof(event->comm));
		event->fields |= last->fields;
	}
	if (head->time.begin) {
		event->time = head->time.value;
		event->fields |= SP_HAS_TIME;
		if (head->time.raw)
			event->mark |= SP_MARK_RAW_TIME;
	}
}
