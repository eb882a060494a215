/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the lock of a page and of a folio, and what a mapping says of its
 * allocations.
 * Otherwise: there is no page cache; where a whole kernel's include/ stands
 * behind ours, its own is taken.
 */
#if __has_include_next(<linux/kconfig.h>)
#include_next <linux/pagemap.h>
#elif !defined(_LINUX_PAGEMAP_H)
#define _LINUX_PAGEMAP_H

#include <linux/bitops.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

static inline bool folio_trylock(struct folio *folio)
{
	return !test_and_set_bit(PG_locked, &folio->flags);
}

static inline bool trylock_page(struct page *page)
{
	return folio_trylock(page_folio(page));
}

static inline void folio_lock(struct folio *folio)
{
	if (!folio_trylock(folio))
		__folio_lock(folio);
}

static inline void lock_page(struct page *page)
{
	folio_lock(page_folio(page));
}

static inline int folio_lock_killable(struct folio *folio)
{
	return folio_trylock(folio) ? 0 : __folio_lock_killable(folio);
}

static inline void folio_wait_locked(struct folio *folio)
{
	if (folio_test_locked(folio))
		folio_wait_bit(folio, PG_locked);
}

#define wait_on_page_locked(page) folio_wait_locked(page_folio(page))

static inline gfp_t mapping_gfp_mask(const struct address_space *mapping)
{
	return mapping->gfp_mask;
}

static inline gfp_t mapping_gfp_constraint(const struct address_space *mapping,
					   gfp_t gfp)
{
	return mapping->gfp_mask & gfp;
}

static inline void mapping_set_gfp_mask(struct address_space *mapping,
					gfp_t gfp)
{
	mapping->gfp_mask = gfp;
}

#define folio_index(folio) ((folio)->index)
#define folio_pos(folio) ((loff_t)(folio)->index << PAGE_SHIFT)
#define page_offset(page) ((loff_t)(page)->index << PAGE_SHIFT)

#endif
