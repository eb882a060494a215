/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: pages of 4 KiB.
 * Otherwise: a physical address is the address in this process, and the
 * number of a page follows from it; which page that is, the ledger knows.
 */
#ifndef _ASM_PAGE_H
#define _ASM_PAGE_H

#include <linux/types.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE (1ul << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))

struct page;

struct page *kernel_virt_to_page(const void *p);
void *kernel_page_address(const struct page *page);
/* NULL: it is in no page of alloc_pages(). */
struct page *kernel_pfn_to_page(unsigned long pfn);

#define __pa(p) ((phys_addr_t)(unsigned long)(p))
#define __va(phys) ((void *)(unsigned long)(phys))
#define virt_to_phys(p) __pa(p)
#define phys_to_virt(phys) __va(phys)
#define virt_to_pfn(p) ((unsigned long)(p) >> PAGE_SHIFT)
#define pfn_to_virt(pfn) __va((unsigned long)(pfn) << PAGE_SHIFT)
#define pfn_to_kaddr(pfn) pfn_to_virt(pfn)
#define page_to_pfn(page) virt_to_pfn(kernel_page_address(page))
#define page_to_phys(page) __pa(kernel_page_address(page))
#define pfn_to_page(pfn) kernel_pfn_to_page(pfn)
#define phys_to_page(phys) pfn_to_page((phys) >> PAGE_SHIFT)
#define pfn_valid(pfn) (kernel_pfn_to_page(pfn) != NULL)
#define virt_addr_valid(p) pfn_valid(virt_to_pfn(p))

#define clear_page(address) __builtin_memset(address, 0, PAGE_SIZE)
#define copy_page(to, from) __builtin_memcpy(to, from, PAGE_SIZE)

/* The smallest order of pages that hold size bytes. */
static inline int get_order(unsigned long size)
{
	const unsigned long over = (size - 1) >> PAGE_SHIFT;

	return over ? (int)sizeof(long) * 8 - __builtin_clzl(over) : 0;
}

typedef struct page *pgtable_t;

#endif
