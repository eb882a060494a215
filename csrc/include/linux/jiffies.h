/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the arithmetic, and a start shortly before 32 bits wrap.
 * Otherwise: jiffies is a call that reads the monotonic clock, with HZ 250, so
 * no member of a driver's structures can have that name.
 */
#ifndef _LINUX_JIFFIES_H
#define _LINUX_JIFFIES_H

#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/time.h>
#include <linux/typecheck.h>
#include <linux/types.h>

/* <sys/param.h> has the one of user space. */
#undef HZ
#define HZ 250
#define USER_HZ 100
#define TICK_NSEC (1000000000L / HZ)
#define INITIAL_JIFFIES ((unsigned long)(unsigned int)(-300 * HZ))
#define MAX_JIFFY_OFFSET (LONG_MAX / 2 - 1)

unsigned long kernel_jiffies(void);

#define jiffies (kernel_jiffies())
#define jiffies_64 ((u64)kernel_jiffies())
#define get_jiffies_64() ((u64)kernel_jiffies())

#define time_after(a, b)                                                       \
	(typecheck(unsigned long, a) && typecheck(unsigned long, b) &&         \
	 (long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)
#define time_after_eq(a, b)                                                    \
	(typecheck(unsigned long, a) && typecheck(unsigned long, b) &&         \
	 (long)((a) - (b)) >= 0)
#define time_before_eq(a, b) time_after_eq(b, a)
#define time_in_range(a, b, c) (time_after_eq(a, b) && time_before_eq(a, c))
#define time_in_range_open(a, b, c) (time_after_eq(a, b) && time_before(a, c))
#define time_after64(a, b) ((s64)((u64)(b) - (u64)(a)) < 0)
#define time_before64(a, b) time_after64(b, a)
#define time_after_eq64(a, b) ((s64)((u64)(a) - (u64)(b)) >= 0)
#define time_before_eq64(a, b) time_after_eq64(b, a)
#define time_is_before_jiffies(a) time_after(jiffies, a)
#define time_is_after_jiffies(a) time_before(jiffies, a)
#define time_is_before_eq_jiffies(a) time_after_eq(jiffies, a)
#define time_is_after_eq_jiffies(a) time_before_eq(jiffies, a)

/* Up, so that nobody waits too short; a negative time is for ever. */
static inline unsigned long msecs_to_jiffies(const unsigned int ms)
{
	if ((int)ms < 0)
		return MAX_JIFFY_OFFSET;
	return DIV_ROUND_UP((u64)ms * HZ, 1000);
}

static inline unsigned long usecs_to_jiffies(const unsigned int us)
{
	return DIV_ROUND_UP((u64)us * HZ, 1000000);
}

static inline unsigned long secs_to_jiffies(const unsigned int s)
{
	return (unsigned long)s * HZ;
}

static inline unsigned long nsecs_to_jiffies(u64 ns)
{
	return ns / TICK_NSEC;
}

static inline u64 nsecs_to_jiffies64(u64 ns)
{
	return ns / TICK_NSEC;
}

static inline unsigned int jiffies_to_msecs(const unsigned long j)
{
	return (unsigned int)(j * (1000 / HZ));
}

static inline unsigned int jiffies_to_usecs(const unsigned long j)
{
	return (unsigned int)(j * (1000000 / HZ));
}

static inline u64 jiffies_to_nsecs(const unsigned long j)
{
	return (u64)j * TICK_NSEC;
}

static inline u64 jiffies64_to_nsecs(u64 j)
{
	return j * TICK_NSEC;
}

static inline u64 jiffies64_to_msecs(u64 j)
{
	return j * (1000 / HZ);
}

static inline clock_t jiffies_to_clock_t(unsigned long j)
{
	return (clock_t)(j * USER_HZ / HZ);
}

/* Nobody else's tick is shared, so there is nothing to round to. */
static inline unsigned long round_jiffies(unsigned long j)
{
	return j;
}

static inline unsigned long round_jiffies_relative(unsigned long j)
{
	return j;
}

static inline unsigned long round_jiffies_up(unsigned long j)
{
	return j;
}

#endif
