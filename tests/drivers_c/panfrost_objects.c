// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the rest of panfrost and DRM's helpers are to panfrost_gem_shrinker.c: a
 * device, and objects of pages that their user may need no more.
 */
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "panfrost_device.h"
#include "panfrost_gem.h"

DEFINE_WD_CLASS(reservation_ww_class);

static struct drm_device *drm;
static unsigned int nr_teardowns;

static void free_pages_of(struct drm_gem_shmem_object *shmem)
{
	struct sg_page_iter it;

	if (!shmem->sgt)
		return;
	for_each_sgtable_page(shmem->sgt, &it, 0)
		__free_page(sg_page_iter_page(&it));
	sg_free_table(shmem->sgt);
	kfree(shmem->sgt);
	shmem->sgt = NULL;
}

/* Of DRM's helpers: its pages are gone for good. */
void drm_gem_shmem_purge(struct drm_gem_shmem_object *shmem)
{
	dma_resv_assert_held(shmem->base.resv);
	free_pages_of(shmem);
	shmem->madv = -1;
}

/* Of panfrost_gem.c. */
void panfrost_gem_teardown_mappings_locked(struct panfrost_gem_object *bo)
{
	lockdep_assert_held(&bo->mappings.lock);
	nr_teardowns++;
}

unsigned int teardowns(void)
{
	return nr_teardowns;
}

/* ---- objects ----------------------------------------------------------- */

void object_end(struct panfrost_gem_object *bo)
{
	struct panfrost_device *pfdev = drm->dev_private;

	mutex_lock(&pfdev->shrinker_lock);
	list_del_init(&bo->base.madv_list);
	mutex_unlock(&pfdev->shrinker_lock);
	free_pages_of(&bo->base);
	kfree(bo);
}

struct panfrost_gem_object *object_start(unsigned int pages)
{
	struct panfrost_gem_object *bo = kzalloc(sizeof(*bo), GFP_KERNEL);
	struct scatterlist *sg;
	struct sg_table *sgt;
	unsigned int i;

	if (!bo)
		return NULL;
	INIT_LIST_HEAD(&bo->base.madv_list);
	mutex_init(&bo->mappings.lock);
	ww_mutex_init(&bo->base.base._resv.lock, &reservation_ww_class);
	bo->base.base.resv = &bo->base.base._resv;
	bo->base.base.size = pages * PAGE_SIZE;
	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt || sg_alloc_table(sgt, pages, GFP_KERNEL)) {
		kfree(sgt);
		kfree(bo);
		return NULL;
	}
	bo->base.sgt = sgt;
	for_each_sgtable_sg(sgt, sg, i) sg_set_page(
		sg, alloc_page(GFP_KERNEL | __GFP_NOFAIL), PAGE_SIZE, 0);
	return bo;
}

/* As its user says by madvise: is it needed? Gives whether it is there. */
bool object_needed(struct panfrost_gem_object *bo, bool needed)
{
	struct panfrost_device *pfdev = drm->dev_private;
	bool there;

	dma_resv_lock(bo->base.base.resv, NULL);
	mutex_lock(&pfdev->shrinker_lock);
	there = bo->base.madv >= 0;
	if (there) {
		bo->base.madv = !needed;
		list_del_init(&bo->base.madv_list);
		if (!needed)
			list_add_tail(&bo->base.madv_list,
				      &pfdev->shrinker_list);
	}
	mutex_unlock(&pfdev->shrinker_lock);
	dma_resv_unlock(bo->base.base.resv);
	return there;
}

/* A job of the GPU has it. */
void object_busy(struct panfrost_gem_object *bo, int jobs)
{
	atomic_add(jobs, &bo->gpu_usecount);
}

void object_lock(struct panfrost_gem_object *bo)
{
	dma_resv_lock(bo->base.base.resv, NULL);
}

void object_unlock(struct panfrost_gem_object *bo)
{
	dma_resv_unlock(bo->base.base.resv);
}

void object_lock_mappings(struct panfrost_gem_object *bo, bool on)
{
	if (on)
		mutex_lock(&bo->mappings.lock);
	else
		mutex_unlock(&bo->mappings.lock);
}

void device_lock_shrinker(bool on)
{
	struct panfrost_device *pfdev = drm->dev_private;

	if (on)
		mutex_lock(&pfdev->shrinker_lock);
	else
		mutex_unlock(&pfdev->shrinker_lock);
}

/* ------------------------------------------------------------------------ */

static void __exit gpu_exit(void)
{
	if (drm->dev_private)
		panfrost_gem_shrinker_cleanup(drm);
	kfree(drm->dev_private);
	kfree(drm);
}

static int __init gpu_init(void)
{
	struct panfrost_device *pfdev;
	int ret = -ENOMEM;

	drm = kzalloc(sizeof(*drm), GFP_KERNEL);
	if (!drm)
		return ret;
	pfdev = kzalloc(sizeof(*pfdev), GFP_KERNEL);
	drm->dev_private = pfdev;
	if (pfdev) {
		mutex_init(&pfdev->shrinker_lock);
		INIT_LIST_HEAD(&pfdev->shrinker_list);
		ret = panfrost_gem_shrinker_init(drm);
	}
	if (ret)
		gpu_exit();
	return ret;
}

module_init(gpu_init);
module_exit(gpu_exit);
