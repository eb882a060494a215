/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: the one CPU does all it can. */
#ifndef _LINUX_SCHED_TOPOLOGY_H
#define _LINUX_SCHED_TOPOLOGY_H

#include <linux/topology.h>

#define SCHED_FIXEDPOINT_SHIFT 10
#define SCHED_CAPACITY_SHIFT SCHED_FIXEDPOINT_SHIFT
#define SCHED_CAPACITY_SCALE (1l << SCHED_CAPACITY_SHIFT)
#define arch_scale_cpu_capacity(cpu)                                           \
	((void)(cpu), (unsigned long)SCHED_CAPACITY_SCALE)
#define cpus_share_cache(a, b) ((a) == (b))

#endif
