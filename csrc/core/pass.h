/* SPDX-License-Identifier: GPL-2.0-only */
/* What reads without the lock, a pass or a debugfs call, stands between these. */
#ifndef SP_PASS_H
#define SP_PASS_H

struct machine;
struct reclaimer;

/* SP_NOMEM, SP_DEPTH: not entered. The level is (*out)->depth - 1. */
enum sp_status pass_enter(struct machine *m, struct reclaimer **out);
/* Gives the level's slot back; the last exit cleans up behind itself. */
void pass_exit(struct machine *m, struct reclaimer *r);
/* Ends those of this thread that began below that frame of its stack. */
void passes_unwind(const void *frame);

#endif
