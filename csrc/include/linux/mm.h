/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: pages and their references, the locks and references of an mm, the
 * lookup of a mapping.
 * Otherwise: kernel_vma_add() says what is mapped; zapping and inserting pages
 * do nothing, there being no page tables.
 */
#ifndef _LINUX_MM_H
#define _LINUX_MM_H

#include <linux/bug.h>
#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/mmap_lock.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define PAGE_ALIGN(address) (((address) + PAGE_SIZE - 1) & PAGE_MASK)
#define PAGE_ALIGNED(address) (!((unsigned long)(address) & ~PAGE_MASK))
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)
#define VM_READ 0x1ul
#define VM_WRITE 0x2ul
#define VM_MAYREAD 0x10ul
#define VM_MAYWRITE 0x20ul
#define VM_DONTCOPY 0x20000ul
#define VM_MIXEDMAP 0x10000000ul
#define FAULT_FLAG_WRITE 0x1

/* Of an object: a page on its node, the same for all of them there. */
struct page *kernel_virt_to_page(const void *p);
#define virt_to_page(p) kernel_virt_to_page((const void *)(p))
#define virt_to_head_page(p) kernel_virt_to_page((const void *)(p))
#define virt_to_folio(p) ((struct folio *)virt_to_page(p))
void *kernel_page_address(const struct page *page);
#define page_address(page) kernel_page_address(page)
#define page_to_virt(page) kernel_page_address(page)
#define kmap(page) kernel_page_address(page)
#define kunmap(page) ((void)(page))
#define kmap_local_page(page) kernel_page_address(page)
#define kunmap_local(address) ((void)(address))
#define is_vmalloc_addr(p) kernel_is_vmalloc(p)

static inline int page_to_nid(const struct page *page)
{
	return page->nid;
}

#define folio_nid(folio) page_to_nid(&(folio)->page)
#define page_folio(p) ((struct folio *)(p)->head)
#define folio_page(folio, n) (&(folio)->page + (n))
#define compound_order(page) ((page)->head->order)
#define compound_head(page) ((page)->head)
#define page_private(page) ((page)->private)
#define set_page_private(page, v) ((page)->private = (v))
#define page_count(page) atomic_read(&(page)->_refcount)
#define page_ref_count(page) page_count(page)
#define get_page(page) atomic_inc(&(page)->_refcount)
#define put_page(page) __free_page(page)
#define folio_get(folio) get_page(&(folio)->page)
#define folio_put(folio) put_page(&(folio)->page)
#define clear_page(address) __builtin_memset(address, 0, PAGE_SIZE)
#define clear_highpage(page) clear_page(page_address(page))
#define clear_user_highpage(page, address) clear_highpage(page)
#define copy_page(to, from) __builtin_memcpy(to, from, PAGE_SIZE)

unsigned long totalram_pages(void);

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long address);
struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long address);
/* What mmap() and munmap() are: vma is the caller's, mmap_lock is held. */
void kernel_vma_add(struct mm_struct *mm, struct vm_area_struct *vma);
void kernel_vma_remove(struct vm_area_struct *vma);

static inline int vm_insert_page(struct vm_area_struct *vma,
				 unsigned long address, struct page *page)
{
	(void)page;
	return address < vma->vm_start || address >= vma->vm_end ? -14 : 0;
}

static inline void zap_page_range_single(struct vm_area_struct *vma,
					 unsigned long address,
					 unsigned long size, void *details)
{
	(void)vma, (void)address, (void)size, (void)details;
}

#endif
