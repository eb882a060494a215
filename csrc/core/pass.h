/* SPDX-License-Identifier: GPL-2.0-only */
/* What reads without the lock, a pass or a debugfs call, stands between these. */
#ifndef SP_PASS_H
#define SP_PASS_H

#include "internal.h"

/*
 * frame: of the function that is in the pass, and calls all that it calls.
 * SP_NOMEM, SP_DEPTH: not entered. The level is (*out)->depth - 1.
 */
enum sp_status pass_enter(struct machine *m, const void *frame,
			  struct reclaimer **out);
/* Gives the level's slot back; the last exit cleans up behind itself. */
void pass_exit(struct machine *m, struct reclaimer *r);
/* A look without the lock that is no pass; SP_NOMEM. */
enum sp_status reader_enter(struct machine *m, struct reclaimer **out);
void reader_exit(struct machine *m, struct reclaimer *r);
/* Ends those of this thread that began below that frame of its stack. */
void passes_unwind(const void *frame);

/*
 * For shrink_slab(), with what the kernel would die of at once; reason is set
 * where it is SP_OOPS or SP_DEPTH.
 */
enum sp_status shrink_slab_enter(struct machine *m, unsigned int gfp_mask,
				 int nid, struct mem_cgroup *memcg,
				 int priority, const void *frame,
				 struct reclaimer **out,
				 struct sp_reason *reason);

/* ---- what a pass would not come back from, in words --------------------- */

/* SP_OOPS: the memcg-aware s has no counter for sc's cgroup. */
enum sp_status explain_no_deferred(struct sp_reason *reason,
				   const struct shrinker *s,
				   const struct shrink_control *sc,
				   bool has_info);
/* SP_SPIN, and to hooks.report. */
void report_spin(struct shrinker *s, const struct shrink_control *sc,
		 unsigned long scans, struct sp_reason *reason);

#endif
