/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: how pages are cached: write-back, uncached or write-combining.
 * Otherwise: it is noted in the page and has no effect; but a page that is
 * given back otherwise than write-back is an oops.
 */
#ifndef _ASM_SET_MEMORY_H
#define _ASM_SET_MEMORY_H

#include <linux/mm_types.h>

enum {
	KERNEL_CACHED_WB,
	KERNEL_CACHED_WC,
	KERNEL_CACHED_UC,
};

/* 0; -EINVAL for what are no pages of alloc_pages(). */
int set_pages_uc(struct page *page, int n);
int set_pages_wb(struct page *page, int n);
int set_pages_array_uc(struct page **pages, int n);
int set_pages_array_wc(struct page **pages, int n);
int set_pages_array_wb(struct page **pages, int n);
int set_memory_uc(unsigned long address, int n);
int set_memory_wc(unsigned long address, int n);
int set_memory_wb(unsigned long address, int n);

/* Nothing here is protected. */
#define set_memory_ro(address, n) ((void)(address), (void)(n), 0)
#define set_memory_rw(address, n) ((void)(address), (void)(n), 0)
#define set_memory_x(address, n) ((void)(address), (void)(n), 0)
#define set_memory_nx(address, n) ((void)(address), (void)(n), 0)
#define set_memory_encrypted(address, n) ((void)(address), (void)(n), 0)
#define set_memory_decrypted(address, n) ((void)(address), (void)(n), 0)
#define set_direct_map_invalid_noflush(page) ((void)(page), 0)
#define set_direct_map_default_noflush(page) ((void)(page), 0)

#endif
