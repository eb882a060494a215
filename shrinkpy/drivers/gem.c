// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of a graphics device, and the shrinker that i915 has for its own:
 * it counts in pages, and frees in whole objects.
 *
 * An object has pages from its first gem_pin() on. Userspace may say that it
 * does not need the content for now; then the shrinker may have the pages as
 * long as nobody has the object pinned, and gem_madvise(obj, GEM_WILLNEED)
 * tells whether it took them.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

enum gem_advice { GEM_WILLNEED, GEM_DONTNEED };

struct gem_object {
	struct list_head link; /* in gem.purgeable, or empty */
	unsigned long nr_pages;
	unsigned int pins;
	enum gem_advice advice;
	bool purged;
	void *pages; /* NULL: it has none yet, or no more */
};

static struct {
	struct mutex lock; /* of every object, and of what follows */
	struct list_head purgeable;
	unsigned long nr_purgeable; /* pages */
	unsigned long nr_resident;  /* pages */
	struct shrinker *shrinker;
} gem;

/* After whatever may have made the object purgeable, or no longer so. */
static void gem_update(struct gem_object *obj)
{
	bool purgeable =
		obj->pages && !obj->pins && obj->advice == GEM_DONTNEED;

	lockdep_assert_held(&gem.lock);
	if (purgeable == !list_empty(&obj->link))
		return;
	if (purgeable) {
		list_add_tail(&obj->link, &gem.purgeable);
		WRITE_ONCE(gem.nr_purgeable, gem.nr_purgeable + obj->nr_pages);
	} else {
		list_del_init(&obj->link);
		WRITE_ONCE(gem.nr_purgeable, gem.nr_purgeable - obj->nr_pages);
	}
}

static void gem_drop_pages(struct gem_object *obj)
{
	void *pages = obj->pages;

	if (!pages)
		return;
	obj->pages = NULL;
	gem_update(obj);
	gem.nr_resident -= obj->nr_pages;
	vfree(pages);
}

/* Takes no lock: what it says may be old by the time it is read, anyway. */
static unsigned long gem_count(struct shrinker *shrinker,
			       struct shrink_control *sc)
{
	return READ_ONCE(gem.nr_purgeable);
}

static unsigned long gem_scan(struct shrinker *shrinker,
			      struct shrink_control *sc)
{
	const gfp_t needed = __GFP_IO | __GFP_FS;
	struct gem_object *obj;
	unsigned long freed = 0;

	if ((sc->gfp_mask & needed) != needed)
		return SHRINK_STOP;
	/* gem_pin() allocates under it, so its holder may be who reclaims. */
	if (!mutex_trylock(&gem.lock))
		return SHRINK_STOP;

	/* An object goes whole: the last one may be more than was asked for. */
	sc->nr_scanned = 0;
	while (sc->nr_scanned < sc->nr_to_scan) {
		obj = list_first_entry_or_null(&gem.purgeable,
					       struct gem_object, link);
		if (!obj)
			break;
		sc->nr_scanned += obj->nr_pages;
		freed += obj->nr_pages;
		obj->purged = true;
		gem_drop_pages(obj);
	}
	mutex_unlock(&gem.lock);
	/* With nothing scanned, the next call would not get further. */
	return sc->nr_scanned ? freed : SHRINK_STOP;
}

struct gem_object *gem_create(unsigned long nr_pages)
{
	struct gem_object *obj;

	if (!nr_pages)
		return NULL;
	obj = kzalloc(sizeof(*obj), GFP_KERNEL);
	if (!obj)
		return NULL;
	INIT_LIST_HEAD(&obj->link);
	obj->nr_pages = nr_pages;
	return obj;
}

/* 0; -EFAULT: it was given up by gem_madvise(); -ENOMEM. */
int gem_pin(struct gem_object *obj)
{
	int err = 0;

	mutex_lock(&gem.lock);
	if (obj->advice == GEM_DONTNEED) {
		err = -EFAULT;
	} else if (!obj->pages) {
		obj->pages = vzalloc(obj->nr_pages << PAGE_SHIFT);
		if (obj->pages)
			gem.nr_resident += obj->nr_pages;
		else
			err = -ENOMEM;
	}
	if (!err) {
		obj->purged = false;
		obj->pins++;
	}
	mutex_unlock(&gem.lock);
	return err;
}

void gem_unpin(struct gem_object *obj)
{
	mutex_lock(&gem.lock);
	if (!WARN_ON(!obj->pins))
		obj->pins--;
	gem_update(obj);
	mutex_unlock(&gem.lock);
}

/* Was the content retained until now? */
bool gem_madvise(struct gem_object *obj, enum gem_advice advice)
{
	bool retained;

	mutex_lock(&gem.lock);
	retained = !obj->purged;
	obj->advice = advice;
	gem_update(obj);
	mutex_unlock(&gem.lock);
	return retained;
}

void gem_free(struct gem_object *obj)
{
	mutex_lock(&gem.lock);
	WARN_ON(obj->pins);
	gem_drop_pages(obj);
	mutex_unlock(&gem.lock);
	kfree(obj);
}

unsigned long gem_resident(void)
{
	return READ_ONCE(gem.nr_resident);
}

/* ---- for `shrinkpy run` ------------------------------------------------ */

/* Objects of 1 to 32 pages; every eighth stays pinned, the rest may go. */
static struct gem_run {
	struct gem_object **objects;
	unsigned long nr;
	struct gem_run *next;
} *runs;

static bool gem_run_pins(unsigned long i)
{
	return i % 8 == 0;
}

static bool gem_run_add(struct gem_run *run, unsigned long nr_pages)
{
	struct gem_object *obj = gem_create(nr_pages);

	if (!obj)
		return false;
	if (gem_pin(obj)) {
		gem_free(obj);
		return false;
	}
	memset(obj->pages, (u8)run->nr, nr_pages << PAGE_SHIFT);
	if (!gem_run_pins(run->nr)) {
		gem_unpin(obj);
		gem_madvise(obj, GEM_DONTNEED);
	}
	run->objects[run->nr++] = obj;
	return true;
}

void shrinkpy_fill(unsigned long bytes)
{
	unsigned long n, left = bytes >> PAGE_SHIFT;
	struct gem_run *run = kzalloc(sizeof(*run), GFP_KERNEL);

	if (!run)
		return;
	run->next = runs;
	runs = run;
	run->objects = kvmalloc_array(left, sizeof(*run->objects), GFP_KERNEL);
	for (; run->objects && left; left -= n) {
		n = min(left, 1UL << run->nr % 6);
		if (!gem_run_add(run, n))
			break;
	}
}

int shrinkpy_verify(void)
{
	struct gem_object *obj;
	struct gem_run *run;
	unsigned long i;

	for (run = runs; run; run = run->next) {
		for (i = 0; i < run->nr; i++) {
			obj = run->objects[i];
			if (gem_run_pins(i) &&
			    memchr_inv(obj->pages, (u8)i,
				       obj->nr_pages << PAGE_SHIFT))
				return -EIO;
		}
	}
	return 0;
}

void shrinkpy_close(void)
{
	struct gem_run *run;
	unsigned long i;

	while ((run = runs)) {
		runs = run->next;
		for (i = 0; i < run->nr; i++) {
			if (gem_run_pins(i))
				gem_unpin(run->objects[i]);
			gem_free(run->objects[i]);
		}
		kvfree(run->objects);
		kfree(run);
	}
}

static int __init gem_init(void)
{
	mutex_init(&gem.lock);
	INIT_LIST_HEAD(&gem.purgeable);
	gem.shrinker = shrinker_alloc(0, "drm-gem");
	if (!gem.shrinker)
		return -ENOMEM;
	gem.shrinker->count_objects = gem_count;
	gem.shrinker->scan_objects = gem_scan;
	shrinker_register(gem.shrinker);
	return 0;
}

static void __exit gem_exit(void)
{
	shrinker_free(gem.shrinker);
}

module_init(gem_init);
module_exit(gem_exit);
MODULE_DESCRIPTION("Buffers that go whole, counted in pages");
MODULE_LICENSE("GPL");
