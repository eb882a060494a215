/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: all nodes of the machine are possible, online and have memory. */
#ifndef __LINUX_NODEMASK_H
#define __LINUX_NODEMASK_H

#include <linux/numa.h>
#include <linux/types.h>

typedef struct {
	DECLARE_BITMAP(bits, MAX_NUMNODES);
} nodemask_t;

#define for_each_node(nid)                                                     \
	for ((nid) = 0; (nid) < sp_machine_nr_nodes(kernel_machine); (nid)++)
#define for_each_online_node(nid) for_each_node(nid)
#define for_each_node_state(nid, state) for_each_node(nid)
#define num_online_nodes() nr_node_ids
#define num_possible_nodes() nr_node_ids
#define node_online(nid) ((nid) >= 0 && (unsigned int)(nid) < nr_node_ids)
#define node_possible(nid) node_online(nid)
#define first_online_node (0)
#define first_memory_node (0)

#endif
