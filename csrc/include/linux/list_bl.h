/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: hash chains whose head's lowest bit is their lock. Whoever changes
 * one holds it; readers see the pointer without it.
 */
#ifndef _LINUX_LIST_BL_H
#define _LINUX_LIST_BL_H

#include <linux/bit_spinlock.h>
#include <linux/list.h>

#define LIST_BL_LOCKMASK 1UL

struct hlist_bl_head {
	struct hlist_bl_node *first;
};

struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
};

#define INIT_HLIST_BL_HEAD(head) ((void)((head)->first = NULL))
#define hlist_bl_entry(ptr, type, member) container_of(ptr, type, member)

static inline void INIT_HLIST_BL_NODE(struct hlist_bl_node *n)
{
	n->next = NULL;
	n->pprev = NULL;
}

static inline bool hlist_bl_unhashed(const struct hlist_bl_node *n)
{
	return !n->pprev;
}

static inline struct hlist_bl_node *hlist_bl_first(struct hlist_bl_head *head)
{
	return (struct hlist_bl_node *)((unsigned long)READ_ONCE(head->first) &
					~LIST_BL_LOCKMASK);
}

static inline void hlist_bl_set_first(struct hlist_bl_head *head,
				      struct hlist_bl_node *n)
{
	WRITE_ONCE(head->first, (struct hlist_bl_node *)((unsigned long)n |
							 LIST_BL_LOCKMASK));
}

static inline bool hlist_bl_empty(const struct hlist_bl_head *head)
{
	return !((unsigned long)READ_ONCE(head->first) & ~LIST_BL_LOCKMASK);
}

/* What pprev points at may be a head: its lock bit stays as it is. */
static inline void sp_hlist_bl_aim(struct hlist_bl_node **at,
				   struct hlist_bl_node *n)
{
	unsigned long lock = (unsigned long)READ_ONCE(*at) & LIST_BL_LOCKMASK;

	WRITE_ONCE(*at, (struct hlist_bl_node *)((unsigned long)n | lock));
}

static inline void sp_hlist_bl_link(struct hlist_bl_node *n,
				    struct hlist_bl_node **at,
				    struct hlist_bl_node *next)
{
	n->next = next;
	n->pprev = at;
	if (next)
		next->pprev = &n->next;
}

static inline void hlist_bl_add_head(struct hlist_bl_node *n,
				     struct hlist_bl_head *head)
{
	sp_hlist_bl_link(n, &head->first, hlist_bl_first(head));
	hlist_bl_set_first(head, n);
}

static inline void hlist_bl_add_before(struct hlist_bl_node *n,
				       struct hlist_bl_node *next)
{
	struct hlist_bl_node **at = next->pprev;

	sp_hlist_bl_link(n, at, next);
	sp_hlist_bl_aim(at, n);
}

static inline void hlist_bl_add_behind(struct hlist_bl_node *n,
				       struct hlist_bl_node *prev)
{
	sp_hlist_bl_link(n, &prev->next, prev->next);
	WRITE_ONCE(prev->next, n);
}

static inline void __hlist_bl_del(struct hlist_bl_node *n)
{
	sp_hlist_bl_aim(n->pprev, n->next);
	if (n->next)
		n->next->pprev = n->pprev;
}

static inline void hlist_bl_del(struct hlist_bl_node *n)
{
	__hlist_bl_del(n);
	n->next = LIST_POISON1;
	n->pprev = LIST_POISON2;
}

static inline void hlist_bl_del_init(struct hlist_bl_node *n)
{
	if (hlist_bl_unhashed(n))
		return;
	__hlist_bl_del(n);
	INIT_HLIST_BL_NODE(n);
}

static inline void hlist_bl_lock(struct hlist_bl_head *head)
{
	bit_spin_lock(0, (unsigned long *)head);
}

static inline void hlist_bl_unlock(struct hlist_bl_head *head)
{
	__bit_spin_unlock(0, (unsigned long *)head);
}

static inline bool hlist_bl_is_locked(struct hlist_bl_head *head)
{
	return bit_spin_is_locked(0, (unsigned long *)head);
}

/* pos is a node, tpos what it is in. */
#define hlist_bl_for_each_entry(tpos, pos, head, member)                       \
	for (pos = hlist_bl_first(head);                                       \
	     pos && (tpos = hlist_bl_entry(pos, typeof(*tpos), member), 1);    \
	     pos = pos->next)
#define hlist_bl_for_each_entry_safe(tpos, pos, n, head, member)               \
	for (pos = hlist_bl_first(head);                                       \
	     pos && (n = pos->next, 1) &&                                      \
	     (tpos = hlist_bl_entry(pos, typeof(*tpos), member), 1);           \
	     pos = n)

#endif
