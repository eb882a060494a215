/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: the system's own clocks. */
#ifndef _LINUX_TIMEKEEPING_H
#define _LINUX_TIMEKEEPING_H

#include <linux/time64.h>
#include <linux/types.h>

typedef s64 ktime_t;

u64 kernel_monotonic_ns(void);
u64 kernel_realtime_ns(void);

static inline ktime_t ktime_get(void)
{
	return (ktime_t)kernel_monotonic_ns();
}

static inline u64 ktime_get_ns(void)
{
	return kernel_monotonic_ns();
}

static inline ktime_t ktime_get_real(void)
{
	return (ktime_t)kernel_realtime_ns();
}

static inline u64 ktime_get_real_ns(void)
{
	return kernel_realtime_ns();
}

static inline time64_t ktime_get_seconds(void)
{
	return (time64_t)(kernel_monotonic_ns() / NSEC_PER_SEC);
}

static inline time64_t ktime_get_real_seconds(void)
{
	return (time64_t)(kernel_realtime_ns() / NSEC_PER_SEC);
}

static inline void ktime_get_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64((s64)kernel_monotonic_ns());
}

static inline void ktime_get_real_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64((s64)kernel_realtime_ns());
}

#define ktime_get_coarse ktime_get
#define ktime_get_coarse_ns ktime_get_ns
#define ktime_get_boottime ktime_get
#define ktime_get_boottime_ns ktime_get_ns
#define ktime_get_boottime_seconds ktime_get_seconds
#define ktime_get_raw ktime_get
#define ktime_get_raw_ns ktime_get_ns
#define ktime_get_mono_fast_ns ktime_get_ns
#define ktime_get_coarse_real_ts64 ktime_get_real_ts64

#endif
