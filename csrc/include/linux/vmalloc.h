/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: vmalloc() and theirs; pages of the heap, one range. */
#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H

#include <asm/pgtable.h>
#include <linux/gfp.h>
#include <shrinkpy/runtime.h>

#define VM_IOREMAP 0x1
#define VM_ALLOC 0x2
#define VM_MAP 0x4
#define VM_MAP_PUT_PAGES 0x200

void *kernel_vmalloc(size_t size, gfp_t flags, int node, const char *where);
void kernel_vfree(const void *p, const char *where);
bool kernel_is_vmalloc(const void *p);
void vfree(const void *p);

/*
 * There are no page tables: pages that lie side by side in their order have an
 * address as they are, others get none (NULL).
 */
void *vmap(struct page **pages, unsigned int n, unsigned long flags,
	   pgprot_t protection);
void vunmap(const void *p);
#define vm_map_ram(pages, n, node) vmap(pages, n, VM_MAP, PAGE_KERNEL)
#define vm_unmap_ram(p, n) ((void)(n), vunmap(p))
#define vm_unmap_aliases() ((void)0)

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
/* The page of its own that the address is on: see mm.h, virt_to_page(). */
#define vmalloc_to_page(p) kernel_virt_to_page(p)
#define vmalloc_to_pfn(p) page_to_pfn(vmalloc_to_page(p))

/* As much as there are addresses for. */
#define VMALLOC_TOTAL (1ul << 45)

struct notifier_block;

/* Who is asked to unmap, where addresses run out. */
int register_vmap_purge_notifier(struct notifier_block *nb);
int unregister_vmap_purge_notifier(struct notifier_block *nb);
/* How many areas those of the chain say that they unmapped. */
unsigned long kernel_vmap_purge(void);

#endif
