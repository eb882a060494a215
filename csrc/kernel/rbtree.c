// SPDX-License-Identifier: GPL-2.0-only
/*
 * Red-black trees. A side is 0 for left, 1 for right; each case is written
 * once, and its mirror is the other side.
 */
#include <linux/rbtree_augmented.h>

enum { BLACK = 1 };

static struct rb_node **child(struct rb_node *n, int side)
{
	return side ? &n->rb_right : &n->rb_left;
}

static bool is_black(const struct rb_node *n)
{
	return !n || (n->__rb_parent_color & BLACK);
}

static void paint(struct rb_node *n, bool black)
{
	n->__rb_parent_color = (unsigned long)rb_parent(n) | black;
}

static void set_parent(struct rb_node *n, struct rb_node *parent)
{
	n->__rb_parent_color =
		(unsigned long)parent | (n->__rb_parent_color & BLACK);
}

/* What pointed at old below parent (NULL: the root) points at new. */
static void put_in_place(struct rb_root *root, struct rb_node *parent,
			 struct rb_node *old, struct rb_node *new)
{
	if (!parent)
		WRITE_ONCE(root->rb_node, new);
	else
		WRITE_ONCE(*child(parent, parent->rb_right == old), new);
}

/* n goes down to that side, its other child comes up. */
static struct rb_node *rotate(struct rb_root *root, struct rb_node *n, int side,
			      const struct rb_augment_callbacks *augment)
{
	struct rb_node *up = *child(n, !side), *inner = *child(up, side);
	struct rb_node *parent = rb_parent(n);

	WRITE_ONCE(*child(n, !side), inner);
	if (inner)
		set_parent(inner, n);
	WRITE_ONCE(*child(up, side), n);
	put_in_place(root, parent, n, up);
	set_parent(up, parent);
	set_parent(n, up);
	if (augment)
		augment->rotate(n, up);
	return up;
}

static void insert(struct rb_node *n, struct rb_root *root,
		   const struct rb_augment_callbacks *augment)
{
	struct rb_node *parent;

	paint(n, false);
	/* All that may be wrong: n and its parent are both red. */
	while ((parent = rb_parent(n)) && !is_black(parent)) {
		struct rb_node *grand = rb_parent(parent);
		int side = grand->rb_right == parent;
		struct rb_node *uncle = *child(grand, !side);

		if (!is_black(uncle)) {
			paint(parent, true);
			paint(uncle, true);
			paint(grand, false);
			n = grand;
			continue;
		}
		if (*child(parent, !side) == n)
			parent = rotate(root, parent, side, augment);
		paint(parent, true);
		paint(grand, false);
		rotate(root, grand, !side, augment);
		break;
	}
	paint(root->rb_node, true);
}

/* A black node is missing on the way to n (may be NULL) below parent. */
static void mend(struct rb_root *root, struct rb_node *n,
		 struct rb_node *parent,
		 const struct rb_augment_callbacks *augment)
{
	while (parent && is_black(n)) {
		/* The other side is never empty: it has one black more. */
		int side = parent->rb_left != n;
		struct rb_node *sibling = *child(parent, !side);

		if (!is_black(sibling)) {
			paint(sibling, true);
			paint(parent, false);
			rotate(root, parent, side, augment);
			sibling = *child(parent, !side);
		}
		if (is_black(sibling->rb_left) && is_black(sibling->rb_right)) {
			paint(sibling, false);
			n = parent;
			parent = rb_parent(n);
			continue;
		}
		if (is_black(*child(sibling, !side))) {
			paint(*child(sibling, side), true);
			paint(sibling, false);
			sibling = rotate(root, sibling, !side, augment);
		}
		paint(sibling, is_black(parent));
		paint(parent, true);
		paint(*child(sibling, !side), true);
		rotate(root, parent, side, augment);
		return;
	}
	if (n)
		paint(n, true);
}

static void erase(struct rb_node *n, struct rb_root *root,
		  const struct rb_augment_callbacks *augment)
{
	struct rb_node *parent = rb_parent(n), *below, *above;
	bool lost_black;

	if (n->rb_left && n->rb_right) {
		/* The next one takes its place and colour. */
		struct rb_node *next = n->rb_right;

		while (next->rb_left)
			next = next->rb_left;
		below = next->rb_right;
		above = rb_parent(next);
		lost_black = is_black(next);
		if (above == n) {
			above = next;
		} else {
			WRITE_ONCE(above->rb_left, below);
			if (below)
				set_parent(below, above);
			WRITE_ONCE(next->rb_right, n->rb_right);
			set_parent(n->rb_right, next);
		}
		WRITE_ONCE(next->rb_left, n->rb_left);
		set_parent(n->rb_left, next);
		next->__rb_parent_color = n->__rb_parent_color;
		put_in_place(root, parent, n, next);
		if (augment)
			augment->copy(n, next);
	} else {
		below = n->rb_left ?: n->rb_right;
		above = parent;
		lost_black = is_black(n);
		put_in_place(root, parent, n, below);
		if (below)
			set_parent(below, parent);
	}
	if (augment && above)
		augment->propagate(above, NULL);
	if (lost_black)
		mend(root, below, above, augment);
}

void rb_insert_color(struct rb_node *n, struct rb_root *root)
{
	insert(n, root, NULL);
}

void rb_insert_augmented(struct rb_node *n, struct rb_root *root,
			 const struct rb_augment_callbacks *augment)
{
	insert(n, root, augment);
}

void rb_erase(struct rb_node *n, struct rb_root *root)
{
	erase(n, root, NULL);
}

void rb_erase_augmented(struct rb_node *n, struct rb_root *root,
			const struct rb_augment_callbacks *augment)
{
	erase(n, root, augment);
}

static struct rb_node *outermost(struct rb_node *n, int side)
{
	while (n && *child(n, side))
		n = *child(n, side);
	return n;
}

static struct rb_node *step(struct rb_node *n, int side)
{
	struct rb_node *parent;

	if (RB_EMPTY_NODE(n))
		return NULL;
	if (*child(n, side))
		return outermost(*child(n, side), !side);
	while ((parent = rb_parent(n)) && *child(parent, side) == n)
		n = parent;
	return parent;
}

struct rb_node *rb_next(const struct rb_node *n)
{
	return step((struct rb_node *)n, 1);
}

struct rb_node *rb_prev(const struct rb_node *n)
{
	return step((struct rb_node *)n, 0);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	return outermost(root->rb_node, 0);
}

struct rb_node *rb_last(const struct rb_root *root)
{
	return outermost(root->rb_node, 1);
}

static struct rb_node *first_leaf(struct rb_node *n)
{
	while (n && (n->rb_left || n->rb_right))
		n = n->rb_left ?: n->rb_right;
	return n;
}

struct rb_node *rb_first_postorder(const struct rb_root *root)
{
	return first_leaf(root->rb_node);
}

struct rb_node *rb_next_postorder(const struct rb_node *n)
{
	struct rb_node *parent;

	if (!n)
		return NULL;
	parent = rb_parent(n);
	if (parent && parent->rb_left == n && parent->rb_right)
		return first_leaf(parent->rb_right);
	return parent;
}

void rb_replace_node(struct rb_node *old, struct rb_node *new,
		     struct rb_root *root)
{
	*new = *old;
	if (old->rb_left)
		set_parent(old->rb_left, new);
	if (old->rb_right)
		set_parent(old->rb_right, new);
	put_in_place(root, rb_parent(old), old, new);
}
