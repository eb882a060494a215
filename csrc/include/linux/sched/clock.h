/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: a clock of nanoseconds; there is one for all CPUs. */
#ifndef _LINUX_SCHED_CLOCK_H
#define _LINUX_SCHED_CLOCK_H

#include <linux/sched.h>
#include <linux/timekeeping.h>

#define sched_clock() ktime_get_ns()
#define local_clock() ktime_get_ns()
#define cpu_clock(cpu) ((void)(cpu), ktime_get_ns())

#endif
