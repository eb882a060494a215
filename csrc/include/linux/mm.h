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
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/page-flags.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
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
#define VM_EXEC 0x4ul
#define VM_SHARED 0x8ul
#define VM_MAYEXEC 0x40ul
#define VM_MAYSHARE 0x80ul
#define VM_PFNMAP 0x400ul
#define VM_LOCKED 0x2000ul
#define VM_IO 0x4000ul
#define VM_DONTEXPAND 0x40000ul
#define VM_ACCOUNT 0x100000ul
#define VM_SYNC 0x800000ul
#define VM_DONTDUMP 0x4000000ul
#define VM_HUGEPAGE 0x20000000ul
#define VM_NOHUGEPAGE 0x40000000ul

/* Of an object: a page on its node, the same for all of them there. */
#define virt_to_page(p) kernel_virt_to_page((const void *)(p))
#define virt_to_head_page(p) kernel_virt_to_page((const void *)(p))
#define virt_to_folio(p) ((struct folio *)virt_to_page(p))
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
#define compound_order(page) ((page)->head->order)
#define compound_nr(page) (1ul << compound_order(page))
#define page_size(page) (PAGE_SIZE << compound_order(page))
#define thp_size(page) page_size(page)
#define folio_order(folio) ((folio)->page.order)
#define folio_nr_pages(folio) (1l << folio_order(folio))
#define folio_size(folio) ((size_t)PAGE_SIZE << folio_order(folio))
#define folio_shift(folio) (PAGE_SHIFT + folio_order(folio))
#define folio_address(folio) kernel_page_address(&(folio)->page)
#define folio_ref_count(folio) page_count(&(folio)->page)
#define folio_get_private(folio) ((folio)->private)
#define folio_mapped(folio) (atomic_read(&(folio)->_mapcount) > 0)
#define folio_try_get(folio) atomic_inc_not_zero(&(folio)->_refcount)
#define nth_page(page, n) ((page) + (n))
#define try_get_page(page) atomic_inc_not_zero(&(page)->head->_refcount)
#define untagged_addr(address) (address)
#define page_private(page) ((page)->private)
#define set_page_private(page, v) ((page)->private = (v))
#define page_count(page) atomic_read(&(page)->_refcount)
#define get_page(page) atomic_inc(&(page)->_refcount)
#define put_page(page) __free_page(page)
#define folio_get(folio) get_page(&(folio)->page)
#define folio_put(folio) put_page(&(folio)->page)
#define clear_highpage(page) clear_page(page_address(page))
#define clear_user_highpage(page, address) clear_highpage(page)

static inline int page_ref_count(const struct page *page)
{
	return atomic_read(&page->_refcount);
}

static inline void set_page_count(struct page *page, int n)
{
	atomic_set(&page->_refcount, n);
}

static inline void page_ref_add(struct page *page, int n)
{
	atomic_add(n, &page->_refcount);
}

static inline void page_ref_sub(struct page *page, int n)
{
	atomic_sub(n, &page->_refcount);
}

#define init_page_count(page) set_page_count(page, 1)
#define page_ref_inc(page) page_ref_add(page, 1)
#define page_ref_dec(page) page_ref_sub(page, 1)
#define folio_ref_add(folio, n) page_ref_add(&(folio)->page, n)
#define folio_ref_sub(folio, n) page_ref_sub(&(folio)->page, n)
#define folio_ref_inc(folio) folio_ref_add(folio, 1)
#define folio_ref_dec(folio) folio_ref_sub(folio, 1)
/* Nobody maps it: -1, as in a page's first state there. */
#define page_mapcount_reset(page) atomic_set(&(page)->_mapcount, -1)

static inline struct folio *folio_next(struct folio *folio)
{
	return (struct folio *)folio_page(folio, (size_t)folio_nr_pages(folio));
}

/* Of the page cache, which a file system's support supplies. */
void truncate_inode_pages(struct address_space *mapping, loff_t from);
void truncate_inode_pages_range(struct address_space *mapping, loff_t from,
				loff_t to);
void truncate_inode_pages_final(struct address_space *mapping);
bool set_page_dirty(struct page *page);
bool folio_mark_dirty(struct folio *folio);

static inline size_t offset_in_folio(const struct folio *folio, loff_t pos)
{
	return (size_t)pos & (folio_size(folio) - 1);
}

/* What pagemap.h has of waiting. */
void __folio_lock(struct folio *folio);
int __folio_lock_killable(struct folio *folio); /* 0 or -EINTR */
void folio_unlock(struct folio *folio);
void unlock_page(struct page *page);
void folio_wait_bit(struct folio *folio, int bit);
int folio_wait_bit_killable(struct folio *folio, int bit);
void folio_wait_writeback(struct folio *folio);
void folio_end_writeback(struct folio *folio);

unsigned long totalram_pages(void);
#define totalhigh_pages() (0ul)
#define nr_free_buffer_pages() totalram_pages()

/* Of the machine, which has as much as it is said to. */
struct sysinfo {
	unsigned long totalram;
	unsigned long sharedram;
	unsigned long freeram;
	unsigned long bufferram;
	unsigned long totalswap;
	unsigned long freeswap;
	unsigned long totalhigh;
	unsigned long freehigh;
	unsigned int mem_unit;
};

void si_meminfo(struct sysinfo *i);
/* What a balloon says that it took, and gave back. */
void adjust_managed_page_count(struct page *page, long n);
long si_mem_available(void);
/* Each page of an allocation is freed for itself from now on. */
void split_page(struct page *page, unsigned int order);

/* As without CONFIG_PAGE_POISONING and init_on_free. */
#define want_init_on_alloc(gfp) (((gfp) & __GFP_ZERO) != 0)
#define want_init_on_free() (false)
#define page_poisoning_enabled() (false)
#define page_poisoning_enabled_static() (false)

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

#include <linux/vmstat.h>

#endif
