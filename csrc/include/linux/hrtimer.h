/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: timers in nanoseconds, which may start themselves again.
 * Otherwise: they are a jiffy exact, on the monotonic clock.
 */
#ifndef _LINUX_HRTIMER_H
#define _LINUX_HRTIMER_H

#include <linux/ktime.h>
#include <linux/timer.h>
#include <linux/types.h>

enum hrtimer_mode {
	HRTIMER_MODE_ABS = 0x00,
	HRTIMER_MODE_REL = 0x01,
	HRTIMER_MODE_PINNED = 0x02,
	HRTIMER_MODE_SOFT = 0x04,
	HRTIMER_MODE_HARD = 0x08,
	HRTIMER_MODE_ABS_PINNED = HRTIMER_MODE_ABS | HRTIMER_MODE_PINNED,
	HRTIMER_MODE_REL_PINNED = HRTIMER_MODE_REL | HRTIMER_MODE_PINNED,
	HRTIMER_MODE_ABS_SOFT = HRTIMER_MODE_ABS | HRTIMER_MODE_SOFT,
	HRTIMER_MODE_REL_SOFT = HRTIMER_MODE_REL | HRTIMER_MODE_SOFT,
};

enum hrtimer_restart {
	HRTIMER_NORESTART,
	HRTIMER_RESTART,
};

struct hrtimer {
	struct timer_list timer;
	ktime_t expires;
	enum hrtimer_restart (*function)(struct hrtimer *t);
};

void kernel_hrtimer_init(struct hrtimer *t);
void hrtimer_start(struct hrtimer *t, ktime_t time, enum hrtimer_mode mode);
/* 1: it was to come. */
int hrtimer_cancel(struct hrtimer *t);
/* How many intervals it was put off, so that it lies behind now. */
u64 hrtimer_forward(struct hrtimer *t, ktime_t now, ktime_t interval);

#define hrtimer_init(t, clock, mode)                                           \
	((void)(clock), (void)(mode), kernel_hrtimer_init(t))
#define hrtimer_start_range_ns(t, time, slack, mode)                           \
	((void)(slack), hrtimer_start(t, time, mode))
#define hrtimer_try_to_cancel(t) timer_delete(&(t)->timer)
#define hrtimer_active(t) timer_pending(&(t)->timer)
#define hrtimer_is_queued(t) timer_pending(&(t)->timer)
#define hrtimer_get_expires(t) ((t)->expires)
#define hrtimer_set_expires(t, time) ((void)((t)->expires = (time)))
#define hrtimer_forward_now(t, interval)                                       \
	hrtimer_forward(t, ktime_get(), interval)

#endif
