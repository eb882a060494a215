// SPDX-License-Identifier: GPL-2.0-only
/* Lists of pieces of memory, and what of it a device is shown. */
#include <linux/dma-mapping.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "runtime.h"

void sg_init_table(struct scatterlist *list, unsigned int n)
{
	memset(list, 0, n * sizeof(*list));
	sg_mark_end(&list[n - 1]);
}

void sg_init_one(struct scatterlist *sg, const void *buf, unsigned int len)
{
	sg_init_table(sg, 1);
	sg_set_buf(sg, buf, len);
}

int sg_nents(struct scatterlist *sg)
{
	int n = 0;

	for (; sg; sg = sg_next(sg))
		n++;
	return n;
}

int sg_nents_for_len(struct scatterlist *sg, u64 len)
{
	u64 sum = 0;
	int n = 0;

	if (!len)
		return 0;
	for (; sg; sg = sg_next(sg)) {
		n++;
		sum += sg->length;
		if (sum >= len)
			return n;
	}
	return -EINVAL;
}

struct scatterlist *sg_last(struct scatterlist *sg, unsigned int n)
{
	while (n-- > 1)
		sg = sg_next(sg);
	return sg;
}

int kernel_sg_alloc_table(struct sg_table *table, unsigned int n, gfp_t gfp,
			  const char *where)
{
	*table = (struct sg_table){ 0 };
	if (!n)
		return -EINVAL;
	table->sgl = kernel_kvmalloc(n, sizeof(struct scatterlist), gfp,
				     NUMA_NO_NODE, where);
	if (!table->sgl)
		return -ENOMEM;
	sg_init_table(table->sgl, n);
	table->nents = table->orig_nents = n;
	return 0;
}

void sg_free_table(struct sg_table *table)
{
	kvfree(table->sgl);
	*table = (struct sg_table){ 0 };
}

/* How many of the pages from the i-th on lie behind each other. */
static unsigned int run_of(struct page **pages, unsigned int i, unsigned int n,
			   unsigned int most)
{
	const char *at = page_address(pages[i]);
	unsigned int len = 1;

	while (i + len < n && len < most &&
	       page_address(pages[i + len]) == at + len * PAGE_SIZE)
		len++;
	return len;
}

int kernel_sg_alloc_from_pages(struct sg_table *table, struct page **pages,
			       unsigned int n, unsigned int offset,
			       unsigned long size, unsigned int max, gfp_t gfp,
			       const char *where)
{
	const unsigned int most = max / PAGE_SIZE;
	unsigned int i, entries = 0, len;
	struct scatterlist *sg;
	unsigned long bytes;
	int ret;

	if (!most || offset >= PAGE_SIZE)
		return -EINVAL;
	for (i = 0; i < n; i += run_of(pages, i, n, most))
		entries++;
	ret = kernel_sg_alloc_table(table, entries, gfp, where);
	sg = table->sgl;
	for (i = 0; !ret && i < n; i += len, sg = sg_next(sg)) {
		len = run_of(pages, i, n, most);
		bytes = min((unsigned long)len * PAGE_SIZE - offset, size);
		sg_set_page(sg, pages[i], (unsigned int)bytes, offset);
		size -= bytes;
		offset = 0;
	}
	return ret;
}

size_t sg_copy_buffer(struct scatterlist *list, unsigned int n, void *buf,
		      size_t len, off_t skip, bool to_buffer)
{
	size_t over = (size_t)skip, done = 0, bytes;
	struct scatterlist *sg;
	unsigned int i;
	char *at;

	for_each_sg(list, sg, n, i)
	{
		if (done == len)
			break;
		if (over >= sg->length) {
			over -= sg->length;
			continue;
		}
		at = (char *)sg_virt(sg) + over;
		bytes = min(sg->length - over, len - done);
		over = 0;
		if (to_buffer)
			memcpy((char *)buf + done, at, bytes);
		else
			memcpy(at, (char *)buf + done, bytes);
		done += bytes;
	}
	return done;
}

void __sg_page_iter_start(struct sg_page_iter *it, struct scatterlist *list,
			  unsigned int n, unsigned long pgoffset)
{
	*it = (struct sg_page_iter){ .sg = list,
				     .sg_pgoffset = (unsigned int)pgoffset,
				     .__nents = n };
}

static bool next_page(struct sg_page_iter *it, bool mapped)
{
	unsigned long pages;

	if (!it->__nents || !it->sg)
		return false;
	it->sg_pgoffset += (unsigned int)it->__pg_advance;
	it->__pg_advance = 1;
	for (;;) {
		pages = PFN_UP(mapped ? (unsigned long)sg_dma_len(it->sg) :
					(unsigned long)it->sg->offset +
						it->sg->length);
		if (it->sg_pgoffset < pages)
			return true;
		it->sg_pgoffset -= (unsigned int)pages;
		it->sg = sg_next(it->sg);
		if (!--it->__nents || !it->sg)
			return false;
	}
}

bool __sg_page_iter_next(struct sg_page_iter *it)
{
	return next_page(it, false);
}

bool __sg_page_iter_dma_next(struct sg_dma_page_iter *it)
{
	return next_page(&it->base, true);
}

/* ---- for a device ------------------------------------------------------ */

void *kernel_dma_alloc(struct device *dev, size_t size, dma_addr_t *handle,
		       gfp_t gfp, const char *where)
{
	struct page *page = kernel_alloc_pages(
		(gfp | __GFP_ZERO) & ~__GFP_COMP, (unsigned int)get_order(size),
		dev ? dev_to_node(dev) : NUMA_NO_NODE, where);

	if (!page)
		return NULL;
	*handle = page_to_phys(page);
	return page_address(page);
}

void kernel_dma_free(size_t size, void *p, dma_addr_t handle, const char *where)
{
	if (!p)
		return;
	if (handle != __pa(p))
		kernel_oops("%s: DMA memory is freed by the address of another",
			    where);
	kernel_free_pages(virt_to_page(p), get_order(size), where);
}

dma_addr_t kernel_dma_map(const void *p, size_t size,
			  enum dma_data_direction dir, const char *where)
{
	if (!valid_dma_direction(dir))
		kernel_oops("%s: a DMA mapping without a direction", where);
	if (!size || !ksize(p))
		kernel_oops("%s: a DMA mapping of what is no memory", where);
	return __pa(p);
}

int kernel_dma_map_sg(struct scatterlist *list, int n,
		      enum dma_data_direction dir, const char *where)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(list, sg, n, i)
	{
		sg->dma_address =
			kernel_dma_map(sg_virt(sg), sg->length, dir, where);
		sg->dma_length = sg->length;
	}
	return n;
}
