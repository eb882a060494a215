/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: coherent memory, and mappings of pages and lists for a device.
 * Otherwise: a DMA address is the address in this process, every device
 * reaches all of it, and all of it is coherent: syncing does nothing. A
 * mapping of an address that is not memory of this load's is an oops.
 */
#ifndef _LINUX_DMA_MAPPING_H
#define _LINUX_DMA_MAPPING_H

#include <linux/bug.h>
#include <linux/cache.h>
#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/err.h>
#include <linux/scatterlist.h>

#define DMA_ATTR_WEAK_ORDERING (1ul << 1)
#define DMA_ATTR_WRITE_COMBINE (1ul << 2)
#define DMA_ATTR_NO_KERNEL_MAPPING (1ul << 4)
#define DMA_ATTR_SKIP_CPU_SYNC (1ul << 5)
#define DMA_ATTR_FORCE_CONTIGUOUS (1ul << 6)
#define DMA_ATTR_ALLOC_SINGLE_PAGES (1ul << 7)
#define DMA_ATTR_NO_WARN (1ul << 8)
#define DMA_ATTR_PRIVILEGED (1ul << 9)

#define DMA_MAPPING_ERROR (~(dma_addr_t)0)
#define DMA_BIT_MASK(n) ((n) == 64 ? ~0ULL : (1ULL << (n)) - 1)

void *kernel_dma_alloc(struct device *dev, size_t size, dma_addr_t *handle,
		       gfp_t gfp, const char *where);
void kernel_dma_free(size_t size, void *p, dma_addr_t handle,
		     const char *where);
dma_addr_t kernel_dma_map(const void *p, size_t size,
			  enum dma_data_direction dir, const char *where);
/* How many entries, 0 where there is none. */
int kernel_dma_map_sg(struct scatterlist *list, int n,
		      enum dma_data_direction dir, const char *where);

#define dma_alloc_attrs(dev, size, handle, gfp, attrs)                         \
	((void)(attrs), kernel_dma_alloc(dev, size, handle, gfp, KERNEL_HERE))
#define dma_free_attrs(dev, size, p, handle, attrs)                            \
	((void)(dev), (void)(attrs),                                           \
	 kernel_dma_free(size, p, handle, KERNEL_HERE))
#define dma_alloc_coherent(dev, size, handle, gfp)                             \
	dma_alloc_attrs(dev, size, handle, gfp, 0)
#define dma_free_coherent(dev, size, p, handle)                                \
	dma_free_attrs(dev, size, p, handle, 0)
#define dma_alloc_wc dma_alloc_coherent
#define dma_free_wc dma_free_coherent

#define dma_map_single_attrs(dev, p, size, dir, attrs)                         \
	((void)(dev), (void)(attrs), kernel_dma_map(p, size, dir, KERNEL_HERE))
#define dma_map_single(dev, p, size, dir)                                      \
	dma_map_single_attrs(dev, p, size, dir, 0)
#define dma_map_page_attrs(dev, page, offset, size, dir, attrs)                \
	dma_map_single_attrs(dev, (char *)page_address(page) + (offset), size, \
			     dir, attrs)
#define dma_map_page(dev, page, offset, size, dir)                             \
	dma_map_page_attrs(dev, page, offset, size, dir, 0)
#define dma_unmap_page_attrs(dev, address, size, dir, attrs)                   \
	((void)(dev), (void)(address), (void)(size), (void)(dir), (void)(attrs))
#define dma_unmap_page(dev, address, size, dir)                                \
	dma_unmap_page_attrs(dev, address, size, dir, 0)
#define dma_unmap_single(dev, address, size, dir)                              \
	dma_unmap_page_attrs(dev, address, size, dir, 0)
#define dma_unmap_single_attrs dma_unmap_page_attrs
#define dma_mapping_error(dev, address)                                        \
	((void)(dev), (address) == DMA_MAPPING_ERROR ? -ENOMEM : 0)

#define dma_map_sg_attrs(dev, list, n, dir, attrs)                             \
	((void)(dev), (void)(attrs),                                           \
	 kernel_dma_map_sg(list, n, dir, KERNEL_HERE))
#define dma_map_sg(dev, list, n, dir) dma_map_sg_attrs(dev, list, n, dir, 0)
#define dma_unmap_sg_attrs(dev, list, n, dir, attrs)                           \
	((void)(dev), (void)(list), (void)(n), (void)(dir), (void)(attrs))
#define dma_unmap_sg(dev, list, n, dir) dma_unmap_sg_attrs(dev, list, n, dir, 0)
#define dma_map_sgtable(dev, table, dir, attrs)                                \
	({                                                                     \
		struct sg_table *table_ = (table);                             \
		const int mapped_ =                                            \
			dma_map_sg_attrs(dev, table_->sgl,                     \
					 (int)table_->orig_nents, dir, attrs); \
		table_->nents = (unsigned int)mapped_;                         \
		mapped_ ? 0 : -EINVAL;                                         \
	})
#define dma_unmap_sgtable(dev, table, dir, attrs)                              \
	dma_unmap_sg_attrs(dev, (table)->sgl, (table)->orig_nents, dir, attrs)

#define dma_sync_single_for_cpu(dev, address, size, dir)                       \
	((void)(dev), (void)(address), (void)(size), (void)(dir))
#define dma_sync_single_for_device dma_sync_single_for_cpu
#define dma_sync_sg_for_cpu(dev, list, n, dir)                                 \
	((void)(dev), (void)(list), (void)(n), (void)(dir))
#define dma_sync_sg_for_device dma_sync_sg_for_cpu
#define dma_sync_sgtable_for_cpu(dev, table, dir)                              \
	((void)(dev), (void)(table), (void)(dir))
#define dma_sync_sgtable_for_device dma_sync_sgtable_for_cpu

#define dma_supported(dev, mask) ((void)(dev), (void)(mask), 1)
#define dma_set_mask(dev, mask) ((void)(dev), (void)(mask), 0)
#define dma_set_coherent_mask dma_set_mask
#define dma_set_mask_and_coherent dma_set_mask
#define dma_coerce_mask_and_coherent dma_set_mask
#define dma_get_mask(dev) ((void)(dev), DMA_BIT_MASK(64))
#define dma_get_required_mask(dev) dma_get_mask(dev)
#define dma_addressing_limited(dev) ((void)(dev), false)
#define dma_max_mapping_size(dev) ((void)(dev), SIZE_MAX)
#define dma_get_max_seg_size(dev) ((void)(dev), UINT_MAX)
#define dma_set_max_seg_size(dev, size) ((void)(dev), (void)(size))
#define dma_get_cache_alignment() 1
#define dma_need_sync(dev, address) ((void)(dev), (void)(address), false)

#endif
