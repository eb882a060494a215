// SPDX-License-Identifier: GPL-2.0-only
/* The radix tree's interface, over the XArray. */
#include <linux/errno.h>
#include <linux/radix-tree.h>

/* Nothing is written, but for the lock. */
static struct xarray *array(const struct radix_tree_root *root)
{
	return (struct xarray *)&root->xa;
}

int radix_tree_insert(struct radix_tree_root *root, unsigned long index,
		      void *item)
{
	const int ret = xa_insert(&root->xa, index, item, root->gfp);

	return ret == -EBUSY ? -EEXIST : ret;
}

void *radix_tree_lookup(const struct radix_tree_root *root, unsigned long index)
{
	return xa_load(array(root), index);
}

void *radix_tree_delete(struct radix_tree_root *root, unsigned long index)
{
	return radix_tree_delete_item(root, index, NULL);
}

void *radix_tree_delete_item(struct radix_tree_root *root, unsigned long index,
			     void *item)
{
	void *was;

	if (!item)
		return xa_erase(&root->xa, index);
	was = xa_cmpxchg(&root->xa, index, item, NULL, root->gfp);
	return was == item ? was : NULL;
}

unsigned int radix_tree_gang_lookup(const struct radix_tree_root *root,
				    void **out, unsigned long first,
				    unsigned int max)
{
	return xa_extract(array(root), out, first, ULONG_MAX, max, XA_PRESENT);
}

unsigned int radix_tree_gang_lookup_tag(const struct radix_tree_root *root,
					void **out, unsigned long first,
					unsigned int max, unsigned int tag)
{
	return xa_extract(array(root), out, first, ULONG_MAX, max, tag);
}

void *radix_tree_tag_set(struct radix_tree_root *root, unsigned long index,
			 unsigned int tag)
{
	xa_set_mark(&root->xa, index, tag);
	return xa_load(&root->xa, index);
}

void *radix_tree_tag_clear(struct radix_tree_root *root, unsigned long index,
			   unsigned int tag)
{
	xa_clear_mark(&root->xa, index, tag);
	return xa_load(&root->xa, index);
}

int radix_tree_tag_get(const struct radix_tree_root *root, unsigned long index,
		       unsigned int tag)
{
	return xa_get_mark(array(root), index, tag);
}

int radix_tree_tagged(const struct radix_tree_root *root, unsigned int tag)
{
	return xa_marked(&root->xa, tag);
}

void **kernel_radix_next(const struct radix_tree_root *root,
			 struct radix_tree_iter *iter, bool after,
			 unsigned int tag)
{
	iter->entry =
		after ? xa_find_after(array(root), &iter->index, ULONG_MAX,
				      tag) :
			xa_find(array(root), &iter->index, ULONG_MAX, tag);
	return iter->entry ? &iter->entry : NULL;
}
