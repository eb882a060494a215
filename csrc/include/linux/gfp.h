/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: alloc_pages() and theirs.
 * Otherwise: a page is one from its allocation to its end: there is no map of
 * all memory, and no highmem.
 */
#ifndef __LINUX_GFP_H
#define __LINUX_GFP_H

#include <linux/alloc_tag.h>
#include <linux/gfp_types.h>
#include <linux/mm_types.h>
#include <linux/mmzone.h>
#include <linux/numa.h>
#include <linux/wait.h>
#include <shrinkpy/runtime.h>

static inline bool gfpflags_allow_blocking(const gfp_t flags)
{
	return flags & __GFP_DIRECT_RECLAIM;
}

struct page *kernel_alloc_pages(gfp_t flags, unsigned int order, int node,
				const char *where);
void kernel_free_pages(struct page *page, unsigned int order,
		       const char *where);

#define alloc_pages_node(node, flags, order)                                   \
	kernel_alloc_pages(flags, order, node, KERNEL_HERE)
#define __alloc_pages_node alloc_pages_node
#define alloc_pages(flags, order) alloc_pages_node(NUMA_NO_NODE, flags, order)
#define alloc_page(flags) alloc_pages(flags, 0)
#define alloc_pages_noprof alloc_pages
#define alloc_page_noprof alloc_page
/* Where array has none. How many of it are there then, from its start. */
unsigned long kernel_alloc_pages_bulk(gfp_t flags, unsigned long n,
				      struct page **array, const char *where);
#define alloc_pages_bulk_array(flags, n, array)                                \
	kernel_alloc_pages_bulk(flags, n, array, KERNEL_HERE)
#define alloc_pages_bulk_array_node(flags, node, n, array)                     \
	((void)(node), alloc_pages_bulk_array(flags, n, array))
#define alloc_pages_bulk_array_mempolicy alloc_pages_bulk_array
/* A folio is of one allocation, with one head. */
#define folio_alloc(flags, order)                                              \
	((struct folio *)alloc_pages((flags) | __GFP_COMP, order))
#define folio_alloc_noprof folio_alloc
#define __folio_alloc_node(flags, order, node)                                 \
	((struct folio *)alloc_pages_node(node, (flags) | __GFP_COMP, order))
#define __get_free_pages(flags, order)                                         \
	((unsigned long)kernel_page_address(alloc_pages(flags, order)))
#define __get_free_page(flags) __get_free_pages(flags, 0)
#define get_zeroed_page(flags) __get_free_page((flags) | __GFP_ZERO)
#define __free_pages(page, order) kernel_free_pages(page, order, KERNEL_HERE)
#define __free_page(page) __free_pages(page, 0)
#define free_pages(address, order)                                             \
	do {                                                                   \
		const unsigned long address_ = (address);                      \
		if (address_)                                                  \
			__free_pages(virt_to_page(address_), order);           \
	} while (0)
#define free_page(address) free_pages(address, 0)
#define free_unref_page(page) __free_page(page)

#endif
