/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: insert, lookup, delete, gang lookups, tags.
 * Otherwise: it is an xarray. A slot of an iteration is a copy, that nothing
 * can be put into; radix_tree_preload() sets nothing aside, so that an
 * insertion after it may still find no memory.
 */
#ifndef _LINUX_RADIX_TREE_H
#define _LINUX_RADIX_TREE_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

#define RADIX_TREE_MAX_TAGS XA_MAX_MARKS

struct radix_tree_root {
	struct xarray xa;
	gfp_t gfp;
};

struct radix_tree_iter {
	unsigned long index;
	void *entry;
};

#define RADIX_TREE_INIT(name, mask)                                            \
	{ .xa = XARRAY_INIT((name).xa, 0), .gfp = (mask) }
#define RADIX_TREE(name, mask)                                                 \
	struct radix_tree_root name = RADIX_TREE_INIT(name, mask)
#define INIT_RADIX_TREE(root, mask)                                            \
	do {                                                                   \
		xa_init(&(root)->xa);                                          \
		(root)->gfp = (mask);                                          \
	} while (0)

static inline bool radix_tree_empty(const struct radix_tree_root *root)
{
	return xa_empty(&root->xa);
}

/* 0, -EEXIST, -ENOMEM. */
int radix_tree_insert(struct radix_tree_root *root, unsigned long index,
		      void *item);
void *radix_tree_lookup(const struct radix_tree_root *root,
			unsigned long index);
/* What was there; of _item(): only if it is that, or item is NULL. */
void *radix_tree_delete(struct radix_tree_root *root, unsigned long index);
void *radix_tree_delete_item(struct radix_tree_root *root, unsigned long index,
			     void *item);
/* How many of at most max, from first on, in their order. */
unsigned int radix_tree_gang_lookup(const struct radix_tree_root *root,
				    void **out, unsigned long first,
				    unsigned int max);
unsigned int radix_tree_gang_lookup_tag(const struct radix_tree_root *root,
					void **out, unsigned long first,
					unsigned int max, unsigned int tag);
/* The item; NULL: there is none. */
void *radix_tree_tag_set(struct radix_tree_root *root, unsigned long index,
			 unsigned int tag);
void *radix_tree_tag_clear(struct radix_tree_root *root, unsigned long index,
			   unsigned int tag);
int radix_tree_tag_get(const struct radix_tree_root *root, unsigned long index,
		       unsigned int tag);
int radix_tree_tagged(const struct radix_tree_root *root, unsigned int tag);

static inline int radix_tree_preload(gfp_t gfp)
{
	(void)gfp;
	return 0;
}

#define radix_tree_maybe_preload(gfp) radix_tree_preload(gfp)
#define radix_tree_preload_end() ((void)0)

/* The next one, from iter->index on, or after it. NULL: no more. */
void **kernel_radix_next(const struct radix_tree_root *root,
			 struct radix_tree_iter *iter, bool after,
			 unsigned int tag);

#define SP_RADIX_EACH(slot, root, iter, start, tag)                            \
	for ((iter)->index = (start),                                          \
	    (slot) = kernel_radix_next(root, iter, false, tag);                \
	     (slot); (slot) = kernel_radix_next(root, iter, true, tag))
#define radix_tree_for_each_slot(slot, root, iter, start)                      \
	SP_RADIX_EACH(slot, root, iter, start, XA_PRESENT)
#define radix_tree_for_each_tagged(slot, root, iter, start, tag)               \
	SP_RADIX_EACH(slot, root, iter, start, tag)
#define radix_tree_deref_slot(slot) (*(slot))
#define radix_tree_deref_slot_protected(slot, l) ((void)(l), *(slot))
#define radix_tree_deref_retry(entry) ((void)(entry), 0)
#define radix_tree_exception(entry) ((int)((unsigned long)(entry) & 3))
#define radix_tree_iter_delete(root, iter, slot)                               \
	((void)(slot), (void)radix_tree_delete(root, (iter)->index))

#endif
