// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a graphics driver is to ttm_pool.c: a device, pools, and objects that
 * take their pages from one and give them back.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_pool.h>
#include <drm/ttm/ttm_tt.h>

static struct device *gpu;

static void gpu_release(struct device *dev)
{
	kfree(dev);
}

struct ttm_pool *pool_start(int nid, bool coherent, bool dma32)
{
	struct ttm_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);

	if (pool)
		ttm_pool_init(pool, gpu, nid, coherent, dma32);
	return pool;
}

void pool_end(struct ttm_pool *pool)
{
	ttm_pool_fini(pool);
	kfree(pool);
}

static void forget(struct ttm_tt *tt)
{
	kvfree(tt->dma_address);
	kvfree(tt->pages);
	kfree(tt);
}

struct ttm_tt *object_start(struct ttm_pool *pool, unsigned int pages,
			    int caching)
{
	struct ttm_operation_ctx ctx = { 0 };
	struct ttm_tt *tt = kzalloc(sizeof(*tt), GFP_KERNEL);

	if (!tt)
		return NULL;
	tt->num_pages = pages;
	tt->caching = caching;
	tt->pages = kvcalloc(pages, sizeof(*tt->pages), GFP_KERNEL);
	tt->dma_address = kvcalloc(pages, sizeof(*tt->dma_address), GFP_KERNEL);
	if (tt->pages && tt->dma_address && !ttm_pool_alloc(pool, tt, &ctx))
		return tt;
	forget(tt);
	return NULL;
}

void object_end(struct ttm_pool *pool, struct ttm_tt *tt)
{
	ttm_pool_free(pool, tt);
	forget(tt);
}

/* Bytes of all its pages, through their addresses for the device. */
void object_fill(struct ttm_tt *tt, int value)
{
	unsigned int i;

	for (i = 0; i < tt->num_pages; i++)
		memset(phys_to_virt(tt->dma_address[i]), value, PAGE_SIZE);
}

struct page *object_page(struct ttm_tt *tt, unsigned int i)
{
	return tt->pages[i];
}

/* How many of its pages hold nothing but value. */
unsigned int object_holds(struct ttm_tt *tt, int value)
{
	unsigned int i, n = 0;

	for (i = 0; i < tt->num_pages; i++)
		n += !memchr_inv(page_address(tt->pages[i]), value, PAGE_SIZE);
	return n;
}

static int __init gpu_init(void)
{
	int ret;

	gpu = kzalloc(sizeof(*gpu), GFP_KERNEL);
	if (!gpu)
		return -ENOMEM;
	gpu->release = gpu_release;
	gpu->init_name = "gpu";
	ret = device_register(gpu);
	if (ret)
		goto put;
	ret = ttm_pool_mgr_init(4096);
	if (!ret)
		return 0;
	device_del(gpu);
put:
	put_device(gpu);
	return ret;
}

static void __exit gpu_exit(void)
{
	ttm_pool_mgr_fini();
	device_unregister(gpu);
}

module_init(gpu_init);
module_exit(gpu_exit);
MODULE_LICENSE("GPL");
