/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Otherwise: every page has an address, so that mapping one is asking for it.
 * kmap() and its like are in mm.h.
 */
#ifndef _LINUX_HIGHMEM_H
#define _LINUX_HIGHMEM_H

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

static inline void copy_highpage(struct page *to, struct page *from)
{
	memcpy(page_address(to), page_address(from), PAGE_SIZE);
}

#endif
