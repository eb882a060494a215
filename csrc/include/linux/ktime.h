/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: nanoseconds. */
#ifndef _LINUX_KTIME_H
#define _LINUX_KTIME_H

#include <linux/jiffies.h>
#include <linux/timekeeping.h>

static inline ktime_t ktime_set(s64 secs, unsigned long ns)
{
	return secs * NSEC_PER_SEC + (s64)ns;
}

#define ktime_divns(t, ns) ((t) / (ns))
#define ktime_sub(a, b) ((a) - (b))
#define ktime_add(a, b) ((a) + (b))
#define ktime_add_ns(t, ns) ((t) + (ns))
#define ktime_sub_ns(t, ns) ((t) - (ns))
#define ktime_to_ns(t) (t)
#define ns_to_ktime(ns) ((ktime_t)(ns))
#define ktime_to_timespec64(t) ns_to_timespec64(t)

static inline ktime_t timespec64_to_ktime(struct timespec64 ts)
{
	return timespec64_to_ns(&ts);
}

static inline int ktime_compare(const ktime_t a, const ktime_t b)
{
	return a < b ? -1 : a > b;
}

static inline bool ktime_after(const ktime_t a, const ktime_t b)
{
	return a > b;
}

static inline bool ktime_before(const ktime_t a, const ktime_t b)
{
	return a < b;
}

static inline s64 ktime_to_us(const ktime_t t)
{
	return t / NSEC_PER_USEC;
}

static inline s64 ktime_to_ms(const ktime_t t)
{
	return t / NSEC_PER_MSEC;
}

static inline ktime_t ktime_add_us(const ktime_t t, const u64 us)
{
	return t + (s64)us * NSEC_PER_USEC;
}

static inline ktime_t ktime_add_ms(const ktime_t t, const u64 ms)
{
	return t + (s64)ms * NSEC_PER_MSEC;
}

static inline s64 ktime_us_delta(const ktime_t later, const ktime_t earlier)
{
	return ktime_to_us(later - earlier);
}

static inline s64 ktime_ms_delta(const ktime_t later, const ktime_t earlier)
{
	return ktime_to_ms(later - earlier);
}

static inline ktime_t us_to_ktime(u64 us)
{
	return (ktime_t)us * NSEC_PER_USEC;
}

static inline ktime_t ms_to_ktime(u64 ms)
{
	return (ktime_t)ms * NSEC_PER_MSEC;
}

#endif
