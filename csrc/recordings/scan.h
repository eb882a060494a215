/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scanner of recordings: text of ftrace, trace-cmd and perf in, columns
 * out.
 *
 * It stands alone: no core, no Python, no allocation after sp_scanner_alloc()
 * but for names, which are bounded. Any bytes are taken; what cannot be read
 * is counted and handed out with its reason, never dropped.
 */
#ifndef SHRINKPY_RECORDINGS_SCAN_H
#define SHRINKPY_RECORDINGS_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* What a line tells. */
enum sp_recorded_kind {
	SP_RECORDED_START, /* mm_shrink_slab_start */
	SP_RECORDED_END,   /* mm_shrink_slab_end */
	SP_RECORDED_LOST,  /* nr events of cpu were lost, as far as told */
	SP_RECORDED_KSWAPD_WAKE,     /* mm_vmscan_kswapd_wake */
	SP_RECORDED_KSWAPD_SLEEP,    /* mm_vmscan_kswapd_sleep */
	SP_RECORDED_WAKEUP_KSWAPD,   /* mm_vmscan_wakeup_kswapd */
	SP_RECORDED_DIRECT_BEGIN,    /* mm_vmscan_direct_reclaim_begin */
	SP_RECORDED_DIRECT_END,      /* mm_vmscan_direct_reclaim_end */
	SP_RECORDED_MEMCG_BEGIN,     /* mm_vmscan_memcg_reclaim_begin */
	SP_RECORDED_MEMCG_END,       /* mm_vmscan_memcg_reclaim_end */
	SP_RECORDED_SHRINK_SLAB,     /* a probe on its entry */
	SP_RECORDED_SHRINK_SLAB_RET, /* and on its return */
	SP_RECORDED_DO_SHRINK_SLAB,  /* likewise */
	SP_RECORDED_DO_SHRINK_SLAB_RET,
	SP_RECORDED_CALLBACK,     /* a probe on a scan_objects */
	SP_RECORDED_CALLBACK_RET, /* on the return of either callback */
	SP_RECORDED_REPARENT,     /* on reparent_shrinker_deferred */
};

/* Which form the text of a start or an end has: SPEC's eras as far as the text alone tells them. */
enum sp_recorded_form {
	SP_FORM_NONE, /* not a start or an end, or cut too early to tell */
	SP_FORM_A,    /* no nid; pgs_scanned and lru_pgs */
	SP_FORM_B,    /* nid */
	SP_FORM_CD, /* priority in place of them: era C or D, an end also era B */
	SP_FORM_E, /* pid and memcg_id */
};

/* Which fields a line had. */
enum sp_recorded_field {
	SP_HAS_TIME = 1 << 0,
	SP_HAS_PID = 1 << 1,
	SP_HAS_CPU = 1 << 2,
	SP_HAS_TGID = 1 << 3,
	SP_HAS_SYMBOL = 1 << 4,
	SP_HAS_SHRINKER = 1 << 5,
	SP_HAS_NID = 1 << 6,
	SP_HAS_MEMCG = 1 << 7,
	SP_HAS_MEMCG_ID = 1 << 8,
	SP_HAS_NR = 1 << 9,
	SP_HAS_NEW_NR = 1 << 10,
	SP_HAS_GFP = 1 << 11,
	SP_HAS_PGS_SCANNED = 1 << 12,
	SP_HAS_LRU_PGS = 1 << 13,
	SP_HAS_ITEMS = 1 << 14,
	SP_HAS_DELTA = 1 << 15,
	SP_HAS_TOTAL_SCAN = 1 << 16,
	SP_HAS_PRIORITY = 1 << 17,
	SP_HAS_RET = 1 << 18,
	SP_HAS_NR_SCANNED = 1 << 19,
	SP_HAS_BATCH = 1 << 20,
	SP_HAS_SEEKS = 1 << 21,
	SP_HAS_FLAGS = 1 << 22,
	SP_HAS_ID = 1 << 23,
	SP_HAS_ORDER = 1 << 24,
	SP_HAS_PARENT = 1 << 25,
	SP_HAS_CALLER = 1 << 26,
};

/* Of a line that was read, besides. */
enum sp_recorded_mark {
	SP_MARK_CUT = 1,    /* it ends before its last field */
	SP_MARK_IN_IRQ = 2, /* (in-irq) */
	SP_MARK_RAW_TIME =
		4, /* time is a count (clock counter, x86-tsc), not ns */
	SP_MARK_INTERLEAVED = 8, /* another event stands in the same line */
};

/* One event: the kernel's names, where it has one. What the line had not is 0; fields tells. */
struct sp_recorded {
	uint64_t line;     /* number in the file, from 1 */
	int64_t time;      /* ns */
	uint64_t shrinker; /* as printed: hashed, or the address */
	uint64_t memcg;    /* address */
	uint64_t memcg_id; /* era E's memcg_id; a probe's ino */
	uint64_t parent;   /* address of a memcg */
	int64_t nr; /* start: objects to shrink; end: unused scan count; a scan's nr_to_scan; events lost */
	int64_t new_nr;
	int64_t items;
	uint64_t delta;
	int64_t total_scan;
	int64_t ret; /* last shrinker return val, ret, freed, nr_reclaimed */
	int64_t nr_scanned;
	int64_t pgs_scanned;
	int64_t lru_pgs;
	int64_t batch;
	uint32_t symbol; /* a name: the function */
	uint32_t caller; /* a name: who called it */
	uint32_t gfp;    /* a name: the text of the flags, words or a number */
	uint32_t fields; /* enum sp_recorded_field */
	int32_t pid;
	int32_t tgid;
	int32_t cpu;
	int32_t nid;
	int32_t priority;
	int32_t seeks;
	int32_t flags;
	int32_t id;
	int32_t order;
	uint8_t kind; /* enum sp_recorded_kind */
	uint8_t form; /* enum sp_recorded_form */
	uint8_t mark; /* enum sp_recorded_mark */
	uint8_t pad;
	char comm[16];
};

/* Why a line could not be read. */
enum sp_unread_reason {
	SP_UNREAD_NO_EVENT, /* no time and no event's name in it */
	SP_UNREAD_TOO_LONG, /* more than SP_LINE_MAX bytes */
	SP_UNREAD_NUMBER,   /* a number past 64 bits */
	SP_UNREAD_FIELD, /* something else where a field of the event belongs */
	SP_UNREAD_EMPTY_EVENT, /* an event of ours, cut before its first field */
};

struct sp_unread {
	uint64_t line;
	size_t offset; /* in the text that was handed in; the line's first byte */
	size_t length;
	uint32_t reason; /* enum sp_unread_reason */
	uint32_t pad;
};

/* What became of the lines so far. */
struct sp_scan_counts {
	uint64_t lines;
	uint64_t
		comments; /* header, blank, a tool's remarks, stack traces under an event */
	uint64_t others; /* events that are not of the kinds above */
	uint64_t events; /* struct sp_recorded handed out */
	uint64_t cut;    /* of them */
	uint64_t unread;
	uint64_t names_full; /* names that found no room and are called "?" */
};

enum {
	SP_LINE_MAX = 65536,
	SP_NAME_MAX = 1023, /* a longer name is cut */
	SP_NAMES_MAX = 65536,
	SP_EVENTS_A_LINE = 8, /* that one line of interleaved text may give */
	SP_PADDING = 64,      /* bytes behind a text that can be read */
};

struct sp_scanner;

/* NULL without memory. */
struct sp_scanner *sp_scanner_alloc(void);
void sp_scanner_free(struct sp_scanner *scanner);

struct sp_scanned {
	size_t used; /* bytes of the text that are done with */
	size_t nr_events;
	size_t nr_unread;
};

/*
 * Scan whole lines of the next piece of the text, behind which SP_PADDING bytes
 * can be read; what was not used, a line not yet ended, stands at the beginning
 * of the next piece. With last, the end
 * of the text ends its last line. It stops early when fewer than
 * SP_EVENTS_A_LINE places in events, or none in unread, are left.
 */
void sp_scan(struct sp_scanner *scanner, const char *text, size_t size,
	     int last, struct sp_recorded *events, size_t max_events,
	     struct sp_unread *unread, size_t max_unread,
	     struct sp_scanned *scanned);

void sp_scan_counts(const struct sp_scanner *scanner,
		    struct sp_scan_counts *counts);

/* Names are numbered from 0, which is the empty one; they stay to the end. */
uint32_t sp_scanner_nr_names(const struct sp_scanner *scanner);
const char *sp_scanner_name(const struct sp_scanner *scanner, uint32_t name,
			    size_t *length);

#endif
