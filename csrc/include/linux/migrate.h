/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the operations of a driver whose pages can be moved.
 * Otherwise: as without CONFIG_COMPACTION: nobody moves them, but a test that
 * calls the operations itself.
 */
#ifndef _LINUX_MIGRATE_H
#define _LINUX_MIGRATE_H

#include <linux/migrate_mode.h>
#include <linux/mm.h>

#define MIGRATEPAGE_SUCCESS 0
#define MIGRATEPAGE_UNMAP 1

struct movable_operations {
	bool (*isolate_page)(struct page *page, isolate_mode_t mode);
	int (*migrate_page)(struct page *to, struct page *from,
			    enum migrate_mode mode);
	void (*putback_page)(struct page *page);
};

typedef struct folio *new_folio_t(struct folio *folio, unsigned long private);
typedef void free_folio_t(struct folio *folio, unsigned long private);

/* The address of ops, and that it is one. */
static inline void __SetPageMovable(struct page *page,
				    const struct movable_operations *ops)
{
	page->mapping = (struct address_space *)((unsigned long)ops |
						 PAGE_MAPPING_MOVABLE);
}

static inline bool __PageMovable(const struct page *page)
{
	return ((unsigned long)page->mapping & PAGE_MAPPING_FLAGS) ==
	       PAGE_MAPPING_MOVABLE;
}

static inline const struct movable_operations *
page_movable_ops(struct page *page)
{
	VM_BUG_ON(!__PageMovable(page));
	return (const struct movable_operations *)((unsigned long)
							   page->mapping -
						   PAGE_MAPPING_MOVABLE);
}

/* It stays marked, without operations. */
static inline void __ClearPageMovable(struct page *page)
{
	page->mapping = (struct address_space *)PAGE_MAPPING_MOVABLE;
}

static inline bool PageMovable(struct page *page)
{
	return __PageMovable(page) && page_movable_ops(page);
}

#define putback_movable_pages(list) ((void)(list))

static inline int migrate_pages(struct list_head *list, new_folio_t get,
				free_folio_t put, unsigned long private,
				enum migrate_mode mode, int reason,
				unsigned int *done)
{
	(void)list, (void)get, (void)put, (void)private, (void)mode;
	(void)reason, (void)done;
	return -ENOSYS;
}

#endif
