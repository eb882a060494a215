// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a process's Binder buffer, and the shrinker for those that no
 * transaction uses: they stay installed for the next one, on a list_lru.
 *
 * Lock order: mmap_lock, alloc->lock, the lock of the LRU's node. A walk holds
 * the last one, and so has to try for the two before it.
 */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/rwsem.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

/* An address space: there is something in it while it has users. */
struct binder_mm {
	atomic_t users;
	atomic_t refs; /* of the structure; the users have one of them */
	struct rw_semaphore mmap_lock;
};

struct binder_page {
	struct list_head lru;
	struct binder_alloc *alloc;
	struct page *page; /* NULL: not installed */
};

struct binder_alloc {
	spinlock_t lock; /* of which pages are installed */
	struct binder_mm *mm;
	size_t nr_pages;
	struct binder_page pages[];
};

static struct list_lru binder_lru;
static struct shrinker *binder_shrinker;

static void binder_mm_drop(struct binder_mm *mm)
{
	if (atomic_dec_and_test(&mm->refs))
		kfree(mm);
}

static void binder_mm_put(struct binder_mm *mm)
{
	if (atomic_dec_and_test(&mm->users))
		binder_mm_drop(mm);
}

static enum lru_status binder_free_page(struct list_head *item,
					struct list_lru_one *list,
					spinlock_t *lock, void *cb_arg)
{
	struct binder_page *p = container_of(item, struct binder_page, lru);
	struct binder_alloc *alloc = p->alloc;
	struct binder_mm *mm = alloc->mm;
	struct page *page;

	/* A process that is going away frees its pages itself. */
	if (!atomic_inc_not_zero(&mm->users))
		return LRU_SKIP;
	if (!down_read_trylock(&mm->mmap_lock))
		goto put;
	if (!spin_trylock(&alloc->lock))
		goto up;

	page = p->page;
	p->page = NULL;
	list_lru_isolate(list, item);
	/* It can be installed anew from here on, but for the mmap_lock. */
	spin_unlock(&alloc->lock);
	spin_unlock(lock);

	/* Here the kernel takes it out of the page tables, which may sleep. */
	up_read(&mm->mmap_lock);
	binder_mm_put(mm);
	__free_page(page);

	spin_lock(lock);
	return LRU_REMOVED_RETRY;
up:
	up_read(&mm->mmap_lock);
put:
	binder_mm_put(mm);
	return LRU_SKIP;
}

static unsigned long binder_count(struct shrinker *shrinker,
				  struct shrink_control *sc)
{
	return list_lru_count(&binder_lru);
}

static unsigned long binder_scan(struct shrinker *shrinker,
				 struct shrink_control *sc)
{
	return list_lru_walk(&binder_lru, binder_free_page, NULL,
			     sc->nr_to_scan);
}

static int binder_install(struct binder_alloc *alloc, struct binder_page *p,
			  int nid)
{
	struct page *page;

	/* Reclaim for this page finds the lock taken, and skips our others. */
	down_write(&alloc->mm->mmap_lock);
	page = alloc_pages_node(nid, GFP_KERNEL | __GFP_ZERO, 0);
	if (page) {
		spin_lock(&alloc->lock);
		p->page = page;
		spin_unlock(&alloc->lock);
	}
	up_write(&alloc->mm->mmap_lock);
	return page ? 0 : -ENOMEM;
}

/* A transaction in these pages was consumed. */
void binder_release(struct binder_alloc *alloc, size_t first, size_t n)
{
	struct binder_page *p;

	for (p = &alloc->pages[first]; p < &alloc->pages[first + n]; p++) {
		spin_lock(&alloc->lock);
		WARN_ON(!list_lru_add(&binder_lru, &p->lru,
				      page_to_nid(p->page), NULL));
		spin_unlock(&alloc->lock);
	}
}

/* A transaction begins in pages that no other uses: 0, or -ENOMEM. */
int binder_take(struct binder_alloc *alloc, size_t first, size_t n, int nid)
{
	struct binder_page *p;
	bool installed;
	int err;
	size_t i;

	for (i = 0; i < n; i++) {
		p = &alloc->pages[first + i];
		spin_lock(&alloc->lock);
		installed = p->page;
		if (installed)
			list_lru_del(&binder_lru, &p->lru, page_to_nid(p->page),
				     NULL);
		spin_unlock(&alloc->lock);
		err = installed ? 0 : binder_install(alloc, p, nid);
		if (err) {
			binder_release(alloc, first, i);
			return err;
		}
	}
	return 0;
}

struct binder_alloc *binder_open(size_t nr_pages)
{
	struct binder_alloc *alloc;
	size_t i;

	alloc = kvzalloc(struct_size(alloc, pages, nr_pages), GFP_KERNEL);
	if (!alloc)
		return NULL;
	alloc->mm = kzalloc(sizeof(*alloc->mm), GFP_KERNEL);
	if (!alloc->mm) {
		kvfree(alloc);
		return NULL;
	}
	atomic_set(&alloc->mm->users, 1);
	atomic_set(&alloc->mm->refs, 2);
	init_rwsem(&alloc->mm->mmap_lock);
	spin_lock_init(&alloc->lock);
	alloc->nr_pages = nr_pages;
	for (i = 0; i < nr_pages; i++) {
		alloc->pages[i].alloc = alloc;
		INIT_LIST_HEAD(&alloc->pages[i].lru);
	}
	return alloc;
}

/* The process ends: what is in its address space is out of reach. */
void binder_exit_mm(struct binder_alloc *alloc)
{
	binder_mm_put(alloc->mm);
}

/* After binder_exit_mm(). */
void binder_close(struct binder_alloc *alloc)
{
	struct binder_page *p;

	for (p = alloc->pages; p < &alloc->pages[alloc->nr_pages]; p++) {
		spin_lock(&alloc->lock);
		if (p->page) {
			list_lru_del(&binder_lru, &p->lru, page_to_nid(p->page),
				     NULL);
			__free_page(p->page);
		}
		spin_unlock(&alloc->lock);
	}
	binder_mm_drop(alloc->mm);
	kvfree(alloc);
}

size_t binder_installed(struct binder_alloc *alloc)
{
	size_t i, n = 0;

	spin_lock(&alloc->lock);
	for (i = 0; i < alloc->nr_pages; i++)
		n += !!alloc->pages[i].page;
	spin_unlock(&alloc->lock);
	return n;
}

/* ---- for `shrinkpy run` ------------------------------------------------ */

/* A process, with transactions of RUN_PAGES pages; every eighth stays in use. */
#define RUN_PAGES 8

static struct binder_run {
	struct binder_alloc *alloc;
	size_t in_use; /* pages */
	struct binder_run *next;
} *runs;

void shrinkpy_fill(unsigned long bytes)
{
	const size_t n = bytes >> PAGE_SHIFT;
	struct binder_run *run = kzalloc(sizeof(*run), GFP_KERNEL);
	size_t first;

	if (!run)
		return;
	run->alloc = binder_open(n);
	if (!run->alloc) {
		kfree(run);
		return;
	}
	run->next = runs;
	runs = run;
	for (first = 0; first + RUN_PAGES <= n; first += RUN_PAGES) {
		if (binder_take(run->alloc, first, RUN_PAGES, numa_node_id()))
			break;
		if (first / RUN_PAGES % 8)
			binder_release(run->alloc, first, RUN_PAGES);
		else
			run->in_use += RUN_PAGES;
	}
}

int shrinkpy_verify(void)
{
	struct binder_run *run;
	size_t i, in_use;

	for (run = runs; run; run = run->next) {
		in_use = 0;
		for (i = 0; i < run->alloc->nr_pages; i++) {
			const struct binder_page *p = &run->alloc->pages[i];

			in_use += p->page && list_empty(&p->lru);
		}
		if (in_use != run->in_use)
			return -EIO;
	}
	return 0;
}

void shrinkpy_close(void)
{
	struct binder_run *run;

	while ((run = runs)) {
		runs = run->next;
		binder_exit_mm(run->alloc);
		binder_close(run->alloc);
		kfree(run);
	}
}

static int __init binder_init(void)
{
	int err = list_lru_init(&binder_lru);

	if (err)
		return err;
	binder_shrinker = shrinker_alloc(0, "android-binder");
	if (!binder_shrinker) {
		list_lru_destroy(&binder_lru);
		return -ENOMEM;
	}
	binder_shrinker->count_objects = binder_count;
	binder_shrinker->scan_objects = binder_scan;
	shrinker_register(binder_shrinker);
	return 0;
}

static void __exit binder_exit(void)
{
	shrinker_free(binder_shrinker);
	list_lru_destroy(&binder_lru);
}

module_init(binder_init);
module_exit(binder_exit);
MODULE_DESCRIPTION("Pages that wait on an LRU for the next transaction");
MODULE_LICENSE("GPL");
