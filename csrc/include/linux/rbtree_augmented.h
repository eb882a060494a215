/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: trees whose nodes know something of what is below them. propagate
 * recomputes from a node up to stop (or until nothing changes), copy gives a
 * node's value to the one in its place, rotate does so and recomputes the old.
 */
#ifndef _LINUX_RBTREE_AUGMENTED_H
#define _LINUX_RBTREE_AUGMENTED_H

#include <linux/rbtree.h>

struct rb_augment_callbacks {
	void (*propagate)(struct rb_node *n, struct rb_node *stop);
	void (*copy)(struct rb_node *old, struct rb_node *new);
	void (*rotate)(struct rb_node *old, struct rb_node *new);
};

/* Before it, the owner brings the values on the way down up to date. */
void rb_insert_augmented(struct rb_node *n, struct rb_root *root,
			 const struct rb_augment_callbacks *augment);
void rb_erase_augmented(struct rb_node *n, struct rb_root *root,
			const struct rb_augment_callbacks *augment);

static inline void
rb_insert_augmented_cached(struct rb_node *n, struct rb_root_cached *root,
			   bool leftmost,
			   const struct rb_augment_callbacks *augment)
{
	if (leftmost)
		root->rb_leftmost = n;
	rb_insert_augmented(n, &root->rb_root, augment);
}

static inline void
rb_erase_augmented_cached(struct rb_node *n, struct rb_root_cached *root,
			  const struct rb_augment_callbacks *augment)
{
	if (root->rb_leftmost == n)
		root->rb_leftmost = rb_next(n);
	rb_erase_augmented(n, &root->rb_root, augment);
}

/* compute(node, exit): sets the value; true: it was so, and exit is asked. */
#define RB_DECLARE_CALLBACKS(storage, name, type, field, value, compute)       \
	static inline void name##_propagate(struct rb_node *n,                 \
					    struct rb_node *stop)              \
	{                                                                      \
		while (n != stop) {                                            \
			type *sp_owner = rb_entry(n, type, field);             \
                                                                               \
			if (compute(sp_owner, true))                           \
				break;                                         \
			n = rb_parent(&sp_owner->field);                       \
		}                                                              \
	}                                                                      \
	static inline void name##_copy(struct rb_node *old,                    \
				       struct rb_node *new)                    \
	{                                                                      \
		rb_entry(new, type, field)->value =                            \
			rb_entry(old, type, field)->value;                     \
	}                                                                      \
	static void name##_rotate(struct rb_node *old, struct rb_node *new)    \
	{                                                                      \
		name##_copy(old, new);                                         \
		compute(rb_entry(old, type, field), false);                    \
	}                                                                      \
	storage const struct rb_augment_callbacks name = {                     \
		.propagate = name##_propagate,                                 \
		.copy = name##_copy,                                           \
		.rotate = name##_rotate,                                       \
	};

/* The value is the greatest of own(node) in the subtree. */
#define RB_DECLARE_CALLBACKS_MAX(storage, name, type, field, vtype, value,     \
				 own)                                          \
	static inline bool name##_compute_max(type *owner, bool exit)          \
	{                                                                      \
		struct rb_node *sp_kids[2] = { owner->field.rb_left,           \
					       owner->field.rb_right };        \
		vtype sp_max = own(owner);                                     \
		int sp_i;                                                      \
                                                                               \
		for (sp_i = 0; sp_i < 2; sp_i++) {                             \
			type *sp_kid =                                         \
				rb_entry_safe(sp_kids[sp_i], type, field);     \
                                                                               \
			if (sp_kid && sp_kid->value > sp_max)                  \
				sp_max = sp_kid->value;                        \
		}                                                              \
		if (exit && owner->value == sp_max)                            \
			return true;                                           \
		owner->value = sp_max;                                         \
		return false;                                                  \
	}                                                                      \
	RB_DECLARE_CALLBACKS(storage, name, type, field, value,                \
			     name##_compute_max)

#endif
