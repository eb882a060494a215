/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: lists of pieces of memory, and tables of them.
 * Otherwise: a list of a table is one array, however long, though chained ones
 * are followed.
 */
#ifndef _LINUX_SCATTERLIST_H
#define _LINUX_SCATTERLIST_H

#include <asm/io.h>
#include <linux/bug.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/types.h>

struct scatterlist {
	unsigned long page_link; /* and two bits: chain, end */
	unsigned int offset;
	unsigned int length;
	dma_addr_t dma_address;
	unsigned int dma_length;
	unsigned int dma_flags;
	/* Otherwise than there: of sg_set_buf(), whose page may be a slab's. */
	void *kernel_buf;
};

struct sg_table {
	struct scatterlist *sgl;
	unsigned int nents; /* as mapped */
	unsigned int orig_nents;
};

struct sg_page_iter {
	struct scatterlist *sg;
	unsigned int sg_pgoffset; /* in pages */
	unsigned int __nents;
	int __pg_advance;
};

struct sg_dma_page_iter {
	struct sg_page_iter base;
};

enum { SG_CHAIN = 0x1, SG_END = 0x2 };
#define SG_PAGE_LINK_MASK ((unsigned long)(SG_CHAIN | SG_END))
#define SG_MAX_SINGLE_ALLOC (PAGE_SIZE / sizeof(struct scatterlist))
#define SG_CHUNK_SIZE 128

#define sg_is_chain(sg) ((sg)->page_link & SG_CHAIN)
#define sg_is_last(sg) ((sg)->page_link & SG_END)
#define sg_chain_ptr(sg)                                                       \
	((struct scatterlist *)((sg)->page_link & ~SG_PAGE_LINK_MASK))
#define sg_dma_address(sg) ((sg)->dma_address)
#define sg_dma_len(sg) ((sg)->dma_length)

static inline struct page *sg_page(const struct scatterlist *sg)
{
	return (struct page *)(sg->page_link & ~SG_PAGE_LINK_MASK);
}

static inline void sg_assign_page(struct scatterlist *sg, struct page *page)
{
	sg->page_link =
		(sg->page_link & SG_PAGE_LINK_MASK) | (unsigned long)page;
}

static inline void sg_set_page(struct scatterlist *sg, struct page *page,
			       unsigned int len, unsigned int offset)
{
	sg_assign_page(sg, page);
	sg->offset = offset;
	sg->length = len;
	sg->kernel_buf = NULL;
}

static inline void sg_set_buf(struct scatterlist *sg, const void *buf,
			      unsigned int len)
{
	sg_set_page(sg, virt_to_page(buf), len, offset_in_page(buf));
	sg->kernel_buf = (void *)(unsigned long)buf;
}

static inline void *sg_virt(const struct scatterlist *sg)
{
	return sg->kernel_buf ? sg->kernel_buf :
				(char *)page_address(sg_page(sg)) + sg->offset;
}

#define sg_phys(sg) __pa(sg_virt(sg))

static inline void sg_mark_end(struct scatterlist *sg)
{
	sg->page_link = (sg->page_link | SG_END) & ~(unsigned long)SG_CHAIN;
}

static inline void sg_unmark_end(struct scatterlist *sg)
{
	sg->page_link &= ~(unsigned long)SG_END;
}

static inline struct scatterlist *sg_next(struct scatterlist *sg)
{
	if (sg_is_last(sg))
		return NULL;
	sg++;
	return sg_is_chain(sg) ? sg_chain_ptr(sg) : sg;
}

/* The last of n entries points to another list. */
static inline void sg_chain(struct scatterlist *list, unsigned int n,
			    struct scatterlist *next)
{
	list[n - 1] = (struct scatterlist){
		.page_link = (unsigned long)next | SG_CHAIN,
	};
}

#define for_each_sg(list, sg, n, i)                                            \
	for ((i) = 0, (sg) = (list); (i) < (n); (i)++, (sg) = sg_next(sg))
#define for_each_sgtable_sg(table, sg, i)                                      \
	for_each_sg((table)->sgl, sg, (table)->orig_nents, i)
#define for_each_sgtable_dma_sg(table, sg, i)                                  \
	for_each_sg((table)->sgl, sg, (table)->nents, i)

void sg_init_table(struct scatterlist *list, unsigned int n);
void sg_init_one(struct scatterlist *sg, const void *buf, unsigned int len);
int sg_nents(struct scatterlist *sg);
int sg_nents_for_len(struct scatterlist *sg, u64 len); /* or -EINVAL */
struct scatterlist *sg_last(struct scatterlist *sg, unsigned int n);
int kernel_sg_alloc_table(struct sg_table *table, unsigned int n, gfp_t gfp,
			  const char *where);
#define sg_alloc_table(table, n, gfp)                                          \
	kernel_sg_alloc_table(table, n, gfp, KERNEL_HERE)
void sg_free_table(struct sg_table *table);
/* Pages that follow each other in memory share an entry, up to max bytes. */
int kernel_sg_alloc_from_pages(struct sg_table *table, struct page **pages,
			       unsigned int n, unsigned int offset,
			       unsigned long size, unsigned int max, gfp_t gfp,
			       const char *where);
#define sg_alloc_table_from_pages_segment(table, pages, n, offset, size, max,  \
					  gfp)                                 \
	kernel_sg_alloc_from_pages(table, pages, n, offset, size, max, gfp,    \
				   KERNEL_HERE)
#define sg_alloc_table_from_pages(table, pages, n, offset, size, gfp)          \
	sg_alloc_table_from_pages_segment(table, pages, n, offset, size,       \
					  UINT_MAX, gfp)
/* How many bytes. */
size_t sg_copy_buffer(struct scatterlist *list, unsigned int n, void *buf,
		      size_t len, off_t skip, bool to_buffer);
#define sg_copy_from_buffer(list, n, buf, len)                                 \
	sg_copy_buffer(list, n, (void *)(buf), len, 0, false)
#define sg_copy_to_buffer(list, n, buf, len)                                   \
	sg_copy_buffer(list, n, buf, len, 0, true)
#define sg_pcopy_from_buffer(list, n, buf, len, skip)                          \
	sg_copy_buffer(list, n, (void *)(buf), len, skip, false)
#define sg_pcopy_to_buffer(list, n, buf, len, skip)                            \
	sg_copy_buffer(list, n, buf, len, skip, true)

void __sg_page_iter_start(struct sg_page_iter *it, struct scatterlist *list,
			  unsigned int n, unsigned long pgoffset);
bool __sg_page_iter_next(struct sg_page_iter *it);
bool __sg_page_iter_dma_next(struct sg_dma_page_iter *it);

static inline struct page *sg_page_iter_page(struct sg_page_iter *it)
{
	return sg_page(it->sg) + it->sg_pgoffset;
}

static inline dma_addr_t sg_page_iter_dma_address(struct sg_dma_page_iter *it)
{
	return sg_dma_address(it->base.sg) +
	       ((dma_addr_t)it->base.sg_pgoffset << PAGE_SHIFT);
}

#define for_each_sg_page(list, it, n, pgoffset)                                \
	for (__sg_page_iter_start(it, list, n, pgoffset);                      \
	     __sg_page_iter_next(it);)
#define for_each_sg_dma_page(list, it, n, pgoffset)                            \
	for (__sg_page_iter_start(&(it)->base, list, n, pgoffset);             \
	     __sg_page_iter_dma_next(it);)
#define for_each_sgtable_page(table, it, pgoffset)                             \
	for_each_sg_page((table)->sgl, it, (table)->orig_nents, pgoffset)
#define for_each_sgtable_dma_page(table, it, pgoffset)                         \
	for_each_sg_dma_page((table)->sgl, it, (table)->nents, pgoffset)

#endif
