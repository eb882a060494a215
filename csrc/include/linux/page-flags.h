/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the flags of pages and folios, and the functions of each.
 * Otherwise: every flag has all of them; a page's are its head's, but for
 * those that no file system or cache asks a tail for.
 */
#ifndef PAGE_FLAGS_H
#define PAGE_FLAGS_H

#include <linux/bitops.h>
#include <linux/mm_types.h>

enum pageflags {
	PG_locked,
	PG_writeback,
	PG_referenced,
	PG_uptodate,
	PG_dirty,
	PG_lru,
	PG_head,
	PG_waiters,
	PG_active,
	PG_workingset,
	PG_owner_priv_1,
	PG_owner_2,
	PG_arch_1,
	PG_reserved,
	PG_private,
	PG_private_2,
	PG_reclaim,
	PG_swapbacked,
	PG_unevictable,
	PG_mlocked,
	PG_young,
	PG_idle,
	PG_slab,
	PG_offline,
	PG_zsmalloc,
	__NR_PAGEFLAGS,
	PG_readahead = PG_reclaim,
	PG_swapcache = PG_owner_priv_1,
	PG_checked = PG_owner_priv_1,
	PG_mappedtodisk = PG_owner_2,
	PG_fscache = PG_private_2,
	PG_isolated = PG_reclaim,
};

#define PAGE_MAPPING_ANON 0x1
#define PAGE_MAPPING_MOVABLE 0x2
#define PAGE_MAPPING_FLAGS (PAGE_MAPPING_ANON | PAGE_MAPPING_MOVABLE)

static inline struct folio *page_folio(const struct page *page)
{
	return (struct folio *)page->head;
}

static inline struct page *folio_page(const struct folio *folio, size_t n)
{
	return (struct page *)&folio->page + n;
}

/* Name: of a page's functions, name: of a folio's and of the flag. */
#define SP_PAGE_FLAG(Name, name)                                               \
	static inline int Page##Name(const struct page *page)                  \
	{                                                                      \
		return test_bit(PG_##name, &page->head->flags);                \
	}                                                                      \
	static inline bool folio_test_##name(const struct folio *folio)        \
	{                                                                      \
		return test_bit(PG_##name, &folio->flags);                     \
	}                                                                      \
	static inline void SetPage##Name(struct page *page)                    \
	{                                                                      \
		set_bit(PG_##name, &page->head->flags);                        \
	}                                                                      \
	static inline void folio_set_##name(struct folio *folio)               \
	{                                                                      \
		set_bit(PG_##name, &folio->flags);                             \
	}                                                                      \
	static inline void ClearPage##Name(struct page *page)                  \
	{                                                                      \
		clear_bit(PG_##name, &page->head->flags);                      \
	}                                                                      \
	static inline void folio_clear_##name(struct folio *folio)             \
	{                                                                      \
		clear_bit(PG_##name, &folio->flags);                           \
	}                                                                      \
	static inline int TestSetPage##Name(struct page *page)                 \
	{                                                                      \
		return test_and_set_bit(PG_##name, &page->head->flags);        \
	}                                                                      \
	static inline bool folio_test_set_##name(struct folio *folio)          \
	{                                                                      \
		return test_and_set_bit(PG_##name, &folio->flags);             \
	}                                                                      \
	static inline int TestClearPage##Name(struct page *page)               \
	{                                                                      \
		return test_and_clear_bit(PG_##name, &page->head->flags);      \
	}                                                                      \
	static inline bool folio_test_clear_##name(struct folio *folio)        \
	{                                                                      \
		return test_and_clear_bit(PG_##name, &folio->flags);           \
	}                                                                      \
	static inline void __SetPage##Name(struct page *page)                  \
	{                                                                      \
		__set_bit(PG_##name, &page->head->flags);                      \
	}                                                                      \
	static inline void __folio_set_##name(struct folio *folio)             \
	{                                                                      \
		__set_bit(PG_##name, &folio->flags);                           \
	}                                                                      \
	static inline void __ClearPage##Name(struct page *page)                \
	{                                                                      \
		__clear_bit(PG_##name, &page->head->flags);                    \
	}                                                                      \
	static inline void __folio_clear_##name(struct folio *folio)           \
	{                                                                      \
		__clear_bit(PG_##name, &folio->flags);                         \
	}

SP_PAGE_FLAG(Locked, locked)
SP_PAGE_FLAG(Writeback, writeback)
SP_PAGE_FLAG(Referenced, referenced)
SP_PAGE_FLAG(Dirty, dirty)
SP_PAGE_FLAG(LRU, lru)
SP_PAGE_FLAG(Head, head)
SP_PAGE_FLAG(Waiters, waiters)
SP_PAGE_FLAG(Active, active)
SP_PAGE_FLAG(Workingset, workingset)
SP_PAGE_FLAG(Checked, checked)
SP_PAGE_FLAG(Reserved, reserved)
SP_PAGE_FLAG(Private, private)
SP_PAGE_FLAG(Private2, private_2)
SP_PAGE_FLAG(OwnerPriv1, owner_priv_1)
SP_PAGE_FLAG(Owner2, owner_2)
SP_PAGE_FLAG(MappedToDisk, mappedtodisk)
SP_PAGE_FLAG(Reclaim, reclaim)
SP_PAGE_FLAG(Readahead, readahead)
SP_PAGE_FLAG(SwapBacked, swapbacked)
SP_PAGE_FLAG(SwapCache, swapcache)
SP_PAGE_FLAG(Unevictable, unevictable)
SP_PAGE_FLAG(Mlocked, mlocked)
SP_PAGE_FLAG(Young, young)
SP_PAGE_FLAG(Idle, idle)
SP_PAGE_FLAG(Isolated, isolated)
SP_PAGE_FLAG(Slab, slab)
SP_PAGE_FLAG(Offline, offline)
SP_PAGE_FLAG(Zsmalloc, zsmalloc)

static inline unsigned long *folio_flags(struct folio *folio, unsigned int n)
{
	return &(&folio->page + n)->flags;
}

/* What the page says is there, its reader sees. */
static inline bool folio_test_uptodate(const struct folio *folio)
{
	const bool is = test_bit(PG_uptodate, &folio->flags);

	if (is)
		smp_rmb();
	return is;
}

static inline void folio_mark_uptodate(struct folio *folio)
{
	smp_wmb();
	set_bit(PG_uptodate, &folio->flags);
}

static inline void folio_clear_uptodate(struct folio *folio)
{
	clear_bit(PG_uptodate, &folio->flags);
}

#define __folio_mark_uptodate(folio) folio_mark_uptodate(folio)
#define PageUptodate(page) folio_test_uptodate(page_folio(page))
#define SetPageUptodate(page) folio_mark_uptodate(page_folio(page))
#define ClearPageUptodate(page) folio_clear_uptodate(page_folio(page))

#define compound_head(p) ((p)->head)
#define PageTail(page) ((page)->head != (page))
#define PageCompound(page) (PageTail(page) || (page)->order)
#define PageHuge(page) ((void)(page), 0)
#define folio_test_large(folio) ((folio)->page.order > 0)
#define folio_test_hugetlb(folio) ((void)(folio), false)
#define folio_test_hwpoison(folio) ((void)(folio), false)
#define PageHWPoison(page) ((void)(page), 0)
#define folio_test_has_hwpoisoned folio_test_hwpoison
#define folio_test_anon(folio)                                                 \
	(((unsigned long)(folio)->mapping & PAGE_MAPPING_ANON) != 0)
#define PageAnon(page) folio_test_anon(page_folio(page))
#define folio_test_highmem(folio) ((void)(folio), false)
#define PageHighMem(page) ((void)(page), 0)
#define folio_has_private(folio)                                               \
	(folio_test_private(folio) || folio_test_private_2(folio))
#define page_has_private(page) folio_has_private(page_folio(page))

#endif
