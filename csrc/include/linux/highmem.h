/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Otherwise: every page has an address, so that mapping one is asking for it.
 * kmap() and its like are in mm.h.
 */
#ifndef _LINUX_HIGHMEM_H
#define _LINUX_HIGHMEM_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/cacheflush.h>

#define kmap_atomic(page) page_address(page)
#define kunmap_atomic(addr) ((void)(addr))

static inline void memcpy_from_page(char *to, struct page *page, size_t offset,
				    size_t len)
{
	memcpy(to, (char *)page_address(page) + offset, len);
}

static inline void memcpy_to_page(struct page *page, size_t offset,
				  const char *from, size_t len)
{
	memcpy((char *)page_address(page) + offset, from, len);
}

static inline void memset_page(struct page *page, size_t offset, int val,
			       size_t len)
{
	memset((char *)page_address(page) + offset, val, len);
}

#define kmap_local_folio(folio, offset)                                        \
	((void *)((char *)folio_address(folio) + (offset)))
#define flush_dcache_folio(folio) ((void)(folio))
#define flush_kernel_vmap_range(p, n) ((void)(p), (void)(n))
#define invalidate_kernel_vmap_range(p, n) ((void)(p), (void)(n))

static inline void memcpy_from_folio(char *to, struct folio *folio,
				     size_t offset, size_t len)
{
	memcpy(to, (char *)folio_address(folio) + offset, len);
}

static inline void memcpy_to_folio(struct folio *folio, size_t offset,
				   const char *from, size_t len)
{
	memcpy((char *)folio_address(folio) + offset, from, len);
}

static inline void folio_zero_range(struct folio *folio, size_t start,
				    size_t len)
{
	memset((char *)folio_address(folio) + start, 0, len);
}

static inline void folio_zero_segment(struct folio *folio, size_t start,
				      size_t end)
{
	folio_zero_range(folio, start, end - start);
}

static inline void folio_zero_segments(struct folio *folio, size_t start,
				       size_t end, size_t start2, size_t end2)
{
	folio_zero_segment(folio, start, end);
	folio_zero_segment(folio, start2, end2);
}

static inline void zero_user_segments(struct page *page, unsigned int start,
				      unsigned int end, unsigned int start2,
				      unsigned int end2)
{
	memset((char *)page_address(page) + start, 0, end - start);
	memset((char *)page_address(page) + start2, 0, end2 - start2);
}

static inline void zero_user_segment(struct page *page, unsigned int start,
				     unsigned int end)
{
	zero_user_segments(page, start, end, 0, 0);
}

static inline void zero_user(struct page *page, unsigned int start,
			     unsigned int len)
{
	zero_user_segment(page, start, start + len);
}

static inline void copy_highpage(struct page *to, struct page *from)
{
	memcpy(page_address(to), page_address(from), PAGE_SIZE);
}

#endif
