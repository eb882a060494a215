/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: red-black trees whose owner finds the place, and helpers that find
 * it by a comparison.
 */
#ifndef _LINUX_RBTREE_H
#define _LINUX_RBTREE_H

#include <linux/container_of.h>
#include <asm/barrier.h>
#include <linux/rbtree_types.h>
#include <linux/rcupdate.h>
#include <linux/stddef.h>
#include <linux/types.h>

#define rb_parent(n) ((struct rb_node *)((n)->__rb_parent_color & ~3UL))
#define rb_entry(p, type, member) container_of(p, type, member)
#define rb_entry_safe(p, type, member)                                         \
	({                                                                     \
		typeof(p) sp_rb_ = (p);                                        \
		sp_rb_ ? rb_entry(sp_rb_, type, member) : NULL;                \
	})
#define RB_EMPTY_ROOT(root) (!READ_ONCE((root)->rb_node))
/* A node that is its own parent is in no tree. */
#define RB_EMPTY_NODE(n) ((n)->__rb_parent_color == (unsigned long)(n))
#define RB_CLEAR_NODE(n) ((void)((n)->__rb_parent_color = (unsigned long)(n)))

void rb_insert_color(struct rb_node *n, struct rb_root *root);
void rb_erase(struct rb_node *n, struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
/* Children before their parents: for who frees a tree. */
struct rb_node *rb_first_postorder(const struct rb_root *root);
struct rb_node *rb_next_postorder(const struct rb_node *n);
/* new in the place of old, which compares the same. */
void rb_replace_node(struct rb_node *old, struct rb_node *new,
		     struct rb_root *root);
#define rb_replace_node_rcu(old, new, root) rb_replace_node(old, new, root)

static inline void rb_link_node(struct rb_node *n, struct rb_node *parent,
				struct rb_node **link)
{
	n->__rb_parent_color = (unsigned long)parent;
	n->rb_left = n->rb_right = NULL;
	WRITE_ONCE(*link, n);
}

static inline void rb_link_node_rcu(struct rb_node *n, struct rb_node *parent,
				    struct rb_node **link)
{
	n->__rb_parent_color = (unsigned long)parent;
	n->rb_left = n->rb_right = NULL;
	smp_store_release(link, n);
}

#define rbtree_postorder_for_each_entry_safe(pos, n, root, member)             \
	for (pos = rb_entry_safe(rb_first_postorder(root), typeof(*pos),       \
				 member);                                      \
	     pos && (n = rb_entry_safe(rb_next_postorder(&pos->member),        \
				       typeof(*pos), member),                  \
		    1);                                                        \
	     pos = n)

/* ---- with the first one at hand ---------------------------------------- */

#define rb_first_cached(root) ((root)->rb_leftmost)

static inline void rb_insert_color_cached(struct rb_node *n,
					  struct rb_root_cached *root,
					  bool leftmost)
{
	if (leftmost)
		root->rb_leftmost = n;
	rb_insert_color(n, &root->rb_root);
}

/* The new first one, if that has changed. */
static inline struct rb_node *rb_erase_cached(struct rb_node *n,
					      struct rb_root_cached *root)
{
	struct rb_node *first = NULL;

	if (root->rb_leftmost == n)
		first = root->rb_leftmost = rb_next(n);
	rb_erase(n, &root->rb_root);
	return first;
}

static inline void rb_replace_node_cached(struct rb_node *old,
					  struct rb_node *new,
					  struct rb_root_cached *root)
{
	if (root->rb_leftmost == old)
		root->rb_leftmost = new;
	rb_replace_node(old, new, &root->rb_root);
}

/* ---- with a comparison ------------------------------------------------- */

/* Behind those that are equal. */
static __always_inline void rb_add(struct rb_node *n, struct rb_root *root,
				   bool (*less)(struct rb_node *,
						const struct rb_node *))
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = less(n, parent) ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(n, parent, link);
	rb_insert_color(n, root);
}

/* n, if it is the first one now. */
static __always_inline struct rb_node *
rb_add_cached(struct rb_node *n, struct rb_root_cached *root,
	      bool (*less)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &root->rb_root.rb_node, *parent = NULL;
	bool first = true;

	while (*link) {
		parent = *link;
		if (less(n, parent)) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	rb_link_node(n, parent, link);
	rb_insert_color_cached(n, root, first);
	return first ? n : NULL;
}

/* The one that is equal and was there, or NULL: n has been added. */
static __always_inline struct rb_node *
rb_find_add(struct rb_node *n, struct rb_root *root,
	    int (*cmp)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		int order;

		parent = *link;
		order = cmp(n, parent);
		if (!order)
			return parent;
		link = order < 0 ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(n, parent, link);
	rb_insert_color(n, root);
	return NULL;
}

static __always_inline struct rb_node *
rb_find(const void *key, const struct rb_root *root,
	int (*cmp)(const void *key, const struct rb_node *))
{
	struct rb_node *n = root->rb_node;

	while (n) {
		int order = cmp(key, n);

		if (!order)
			break;
		n = order < 0 ? n->rb_left : n->rb_right;
	}
	return n;
}

static __always_inline struct rb_node *
rb_find_first(const void *key, const struct rb_root *root,
	      int (*cmp)(const void *key, const struct rb_node *))
{
	struct rb_node *n = root->rb_node, *found = NULL;

	while (n) {
		int order = cmp(key, n);

		if (!order)
			found = n;
		n = order <= 0 ? n->rb_left : n->rb_right;
	}
	return found;
}

static __always_inline struct rb_node *
rb_next_match(const void *key, struct rb_node *n,
	      int (*cmp)(const void *key, const struct rb_node *))
{
	n = rb_next(n);
	return n && !cmp(key, n) ? n : NULL;
}

#define rb_for_each(n, key, root, cmp)                                         \
	for ((n) = rb_find_first(key, root, cmp); (n);                         \
	     (n) = rb_next_match(key, n, cmp))

#endif
