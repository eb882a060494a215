/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: nodes; the machine of the load says how many there are. */
#ifndef _LINUX_NUMA_H
#define _LINUX_NUMA_H

#include <shrinkpy/runtime.h>

#define NODES_SHIFT 10
#define MAX_NUMNODES SP_MAX_NODES
#define NUMA_NO_NODE (-1)
#define nr_node_ids ((unsigned int)sp_machine_nr_nodes(kernel_machine))
#define nr_online_nodes nr_node_ids

/* Where the current task runs. */
int numa_node_id(void);
#define numa_mem_id() numa_node_id()

#endif
