/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: vmalloc() and theirs; pages of the heap, one range. */
#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H

#include <linux/gfp.h>
#include <shrinkpy/runtime.h>

void *kernel_vmalloc(size_t size, gfp_t flags, int node, const char *where);
void kernel_vfree(const void *p, const char *where);
bool kernel_is_vmalloc(const void *p);
void vfree(const void *p);

#define vmalloc_node(size, node)                                               \
	kernel_vmalloc(size, GFP_KERNEL, node, KERNEL_HERE)
#define vmalloc(size) vmalloc_node(size, NUMA_NO_NODE)
#define vzalloc_node(size, node)                                               \
	kernel_vmalloc(size, GFP_KERNEL | __GFP_ZERO, node, KERNEL_HERE)
#define vzalloc(size) vzalloc_node(size, NUMA_NO_NODE)
#define __vmalloc(size, flags)                                                 \
	kernel_vmalloc(size, flags, NUMA_NO_NODE, KERNEL_HERE)
#define vfree(p) kernel_vfree(p, KERNEL_HERE)
#define vfree_atomic(p) vfree(p)

#endif
