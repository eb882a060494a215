/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: numa_node_id(), which numa.h has. */
#ifndef _LINUX_TOPOLOGY_H
#define _LINUX_TOPOLOGY_H
#include <linux/nodemask.h>
#define cpu_to_node(cpu) (0)
#endif
