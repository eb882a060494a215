// SPDX-License-Identifier: GPL-2.0-only
/* Pages, and the page that an object is said to be on. */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/set_memory.h>
#include <linux/swap.h>
#include <linux/vmstat.h>
#include <shrinkpy/alloc.h>

#include "slab.h"

enum { TOTAL_PAGES = 1 << (32 - PAGE_SHIFT) };

static struct page slab_pages[SP_MAX_NODES];
static struct pglist_data nodes[SP_MAX_NODES];
static atomic_long_t total_pages;
atomic_long_t nr_swap_pages;
long total_swap_pages;

static void node_init(int nid)
{
	const long pages = TOTAL_PAGES / sp_machine_nr_nodes(kernel_machine);
	struct pglist_data *node = &nodes[nid];
	struct zone *zone = &node->node_zones[ZONE_NORMAL];
	enum lru_list lru;

	*node = (struct pglist_data){ .nr_zones = MAX_NR_ZONES,
				      .node_id = nid };
	node->node_present_pages = (unsigned long)pages;
	node->node_spanned_pages = (unsigned long)pages;
	init_waitqueue_head(&node->kswapd_wait);
	spin_lock_init(&node->__lruvec.lru_lock);
	node->__lruvec.pgdat = node;
	for_each_lru(lru) INIT_LIST_HEAD(&node->__lruvec.lists[lru]);
	zone->name = "Normal";
	zone->node = nid;
	zone->zone_pgdat = node;
	zone->present_pages = zone->spanned_pages = (unsigned long)pages;
	atomic_long_set(&zone->managed_pages, pages);
	spin_lock_init(&zone->lock);
}

void slab_init(void)
{
	int nid;

	for (nid = 0; nid < sp_machine_nr_nodes(kernel_machine); nid++) {
		slab_pages[nid].nid = nid;
		slab_pages[nid].head = &slab_pages[nid];
		atomic_set(&slab_pages[nid]._refcount, 1);
		node_init(nid);
	}
	atomic_long_set(&total_pages, TOTAL_PAGES);
}

/* Those of an object, as they are at first. NULL: no memory. */
static struct page *new_pages(size_t n)
{
	return host_alloc(sizeof(struct page) * n, 0, true);
}

static void set_up(struct page *pages, size_t n, struct kernel_object *o)
{
	size_t i;

	for (i = 0; i < n; i++) {
		pages[i].virtual = (char *)o->apart + i * PAGE_SIZE;
		pages[i].head = &pages[i];
		pages[i].object = o;
		pages[i].nid = o->nid;
		atomic_set(&pages[i]._mapcount, -1);
		INIT_LIST_HEAD(&pages[i].lru);
	}
	atomic_set(&pages->_refcount, 1);
	o->pages = pages;
}

struct kernel_object *object_alloc_pages(const struct request *want)
{
	const size_t n = (want->size + PAGE_SIZE - 1) / PAGE_SIZE;
	struct page *pages = new_pages(n);
	struct kernel_object *o = pages ? object_alloc(want) : NULL;

	if (o)
		set_up(pages, n, o);
	else
		host_free(pages);
	return o;
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
	o = object_alloc_pages(&want);
	if (!o)
		return NULL;
	pages = o->pages;
	o->order = order;
	if (order && flags & __GFP_COMP) {
		for (i = 0; i < 1ul << order; i++)
			pages[i].head = pages;
		pages->order = order;
		__set_bit(PG_head, &pages->flags);
	}
	return pages;
}

/* How a page is that goes back is how the next one gets it. */
static void check_free(const struct page *page, size_t n, const char *where)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (page[i].caching != KERNEL_CACHED_WB)
			kernel_oops("%s: a page is freed that is cached %s: "
				    "set_pages_wb() first",
				    where,
				    page[i].caching == KERNEL_CACHED_WC ?
					    "write-combining" :
					    "not at all");
	}
}

void split_page(struct page *page, unsigned int order)
{
	struct kernel_object *o = page->object;
	size_t i;

	if (!o || o->kind != PAGES || page != o->pages || order != o->order ||
	    page->order || o->split)
		kernel_oops("split_page() of what is no allocation of that "
			    "order without __GFP_COMP");
	for (i = 1; i < 1ul << order; i++)
		atomic_set(&page[i]._refcount, 1);
	o->split = true;
	o->split_left = 1u << order;
}

void kernel_free_pages(struct page *page, unsigned int order, const char *where)
{
	struct kernel_object *o;
	unsigned int n;

	if (!page)
		return;
	o = page->object;
	n = o && o->split ? 1 : 1u << (o ? o->order : 0);
	for (; o && o->split && order; order--)
		kernel_free_pages(page + (1ul << (order - 1)), order - 1,
				  where);
	if (!o || o->kind != PAGES || (page != o->pages && !o->split))
		kernel_oops("%s: a page is freed that is not what "
			    "alloc_pages() gave",
			    where);
	if (atomic_read(&page->_refcount) <= 0)
		kernel_oops("%s: a page is freed that nobody holds", where);
	if (!atomic_dec_and_test(&page->_refcount))
		return;
	check_free(page, n, where);
	/* One that was split goes with its last page. */
	if (o->split && __atomic_sub_fetch(&o->split_left, 1, __ATOMIC_ACQ_REL))
		return;
	o = object_take((void *)o->start, 1 << PAGES, "free_pages", where);
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
	if (o.pages)
		return &o.pages[((unsigned long)p - o.start) >> PAGE_SHIFT];
	return &slab_pages[o.nid];
}

struct page *kernel_pfn_to_page(unsigned long pfn)
{
	struct kernel_object o;

	if (!object_at(pfn_to_virt(pfn), &o) || !o.pages)
		return NULL;
	return &o.pages[pfn - (o.start >> PAGE_SHIFT)];
}

/* ---- how they are cached ----------------------------------------------- */

static int set_caching(struct page *page, unsigned int caching)
{
	if (!page || !page->object)
		return -EINVAL;
	__atomic_store_n(&page->caching, caching, __ATOMIC_RELAXED);
	return 0;
}

static int set_run(struct page *page, int n, unsigned int caching)
{
	int i, ret = 0;

	for (i = 0; i < n && !ret; i++)
		ret = set_caching(page + i, caching);
	return ret;
}

static int set_array(struct page **pages, int n, unsigned int caching)
{
	int i, ret = 0;

	for (i = 0; i < n && !ret; i++)
		ret = set_caching(pages[i], caching);
	return ret;
}

int set_pages_uc(struct page *page, int n)
{
	return set_run(page, n, KERNEL_CACHED_UC);
}

int set_pages_wb(struct page *page, int n)
{
	return set_run(page, n, KERNEL_CACHED_WB);
}

int set_pages_array_uc(struct page **pages, int n)
{
	return set_array(pages, n, KERNEL_CACHED_UC);
}

int set_pages_array_wc(struct page **pages, int n)
{
	return set_array(pages, n, KERNEL_CACHED_WC);
}

int set_pages_array_wb(struct page **pages, int n)
{
	return set_array(pages, n, KERNEL_CACHED_WB);
}

static int set_memory(unsigned long address, int n, unsigned int caching)
{
	return set_run(kernel_pfn_to_page(address >> PAGE_SHIFT), n, caching);
}

int set_memory_uc(unsigned long address, int n)
{
	return set_memory(address, n, KERNEL_CACHED_UC);
}

int set_memory_wc(unsigned long address, int n)
{
	return set_memory(address, n, KERNEL_CACHED_WC);
}

int set_memory_wb(unsigned long address, int n)
{
	return set_memory(address, n, KERNEL_CACHED_WB);
}

/* ---- how many there are ------------------------------------------------ */

struct pglist_data *kernel_node_data(int nid)
{
	return &nodes[nid];
}

unsigned long totalram_pages(void)
{
	return (unsigned long)atomic_long_read(&total_pages);
}

void adjust_managed_page_count(struct page *page, long n)
{
	atomic_long_add(n, &page_zone(page)->managed_pages);
	atomic_long_add(n, &total_pages);
}

static unsigned long free_pages_left(void)
{
	struct sp_alloc_stats stats;
	unsigned long used;

	sp_alloc_read(kernel_machine, &stats);
	used = PFN_UP(stats.charged);
	return used < totalram_pages() ? totalram_pages() - used : 0;
}

long si_mem_available(void)
{
	return (long)free_pages_left();
}

void si_meminfo(struct sysinfo *i)
{
	*i = (struct sysinfo){ .totalram = totalram_pages(),
			       .freeram = free_pages_left(),
			       .mem_unit = PAGE_SIZE };
}

unsigned long global_node_page_state(enum node_stat_item item)
{
	unsigned long sum = 0;
	int nid;

	for (nid = 0; nid < sp_machine_nr_nodes(kernel_machine); nid++)
		sum += node_page_state(&nodes[nid], item);
	return sum;
}

unsigned long global_zone_page_state(enum zone_stat_item item)
{
	unsigned long sum = 0;
	int nid;

	for (nid = 0; nid < sp_machine_nr_nodes(kernel_machine); nid++)
		sum += zone_page_state(&nodes[nid].node_zones[ZONE_NORMAL],
				       item);
	return sum;
}

unsigned long kernel_alloc_pages_bulk(gfp_t flags, unsigned long n,
				      struct page **array, const char *where)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		if (!array[i])
			array[i] = kernel_alloc_pages(flags, 0, NUMA_NO_NODE,
						      where);
		if (!array[i])
			break;
	}
	return i;
}

void *vmap(struct page **pages, unsigned int n, unsigned long flags,
	   pgprot_t protection)
{
	unsigned int i;

	(void)flags, (void)protection;
	for (i = 1; i < n; i++)
		if (page_address(pages[i]) !=
		    (char *)page_address(pages[0]) + i * PAGE_SIZE)
			return NULL;
	return n ? page_address(pages[0]) : NULL;
}

void vunmap(const void *p)
{
	(void)p;
}
