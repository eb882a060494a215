// SPDX-License-Identifier: GPL-2.0-only
/* Pages, and the page that an object is said to be on. */
#include <linux/mm.h>

#include "slab.h"

static struct page slab_pages[SP_MAX_NODES];

void slab_init(void)
{
	int nid;

	for (nid = 0; nid < sp_machine_nr_nodes(kernel_machine); nid++) {
		slab_pages[nid].nid = nid;
		slab_pages[nid].head = &slab_pages[nid];
		atomic_set(&slab_pages[nid]._refcount, 1);
	}
}

struct page *kernel_alloc_pages(gfp_t flags, unsigned int order, int node,
				const char *where)
{
	const struct request want = { .kind = PAGES,
				      .size = PAGE_SIZE << order,
				      .align = PAGE_SIZE,
				      .flags = flags,
				      .node = node,
				      .account = flags & __GFP_ACCOUNT,
				      .where = where };
	struct kernel_object *o;
	struct page *pages;
	size_t i;

	if (order > MAX_PAGE_ORDER)
		return NULL;
	pages = host_alloc(sizeof(struct page) << order, 0, true);
	o = pages ? object_alloc(&want) : NULL;
	if (!o) {
		host_free(pages);
		return NULL;
	}
	o->order = order;
	o->pages = pages;
	for (i = 0; i < 1ul << order; i++) {
		pages[i].virtual = (char *)o->apart + i * PAGE_SIZE;
		pages[i].head = flags & __GFP_COMP ? pages : &pages[i];
		pages[i].object = o;
		pages[i].nid = o->nid;
		INIT_LIST_HEAD(&pages[i].lru);
	}
	pages->order = order;
	atomic_set(&pages->_refcount, 1);
	return pages;
}

void kernel_free_pages(struct page *page, unsigned int order, const char *where)
{
	struct kernel_object *o;

	(void)order; /* the whole of what was allocated */
	if (!page)
		return;
	if (!page->object || page != page->object->pages)
		kernel_oops("%s: a page is freed that is not what "
			    "alloc_pages() gave",
			    where);
	if (atomic_read(&page->_refcount) <= 0)
		kernel_oops("%s: a page is freed that nobody holds", where);
	if (!atomic_dec_and_test(&page->_refcount))
		return;
	o = object_take(page->virtual, 1 << PAGES, "free_pages", where);
	object_give_back(o);
}

void *kernel_page_address(const struct page *page)
{
	return page ? page->virtual : NULL;
}

struct page *kernel_virt_to_page(const void *p)
{
	struct kernel_object o;

	if (!object_at(p, &o))
		kernel_oops("virt_to_page() of what no allocation gave");
	if (o.kind == PAGES)
		return &o.pages[((unsigned long)p - o.start) >> PAGE_SHIFT];
	return &slab_pages[o.nid];
}

unsigned long totalram_pages(void)
{
	return 1ul << (32 - PAGE_SHIFT);
}
