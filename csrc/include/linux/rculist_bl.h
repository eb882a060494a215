/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: list_bl.h for readers that do not take the lock. */
#ifndef _LINUX_RCULIST_BL_H
#define _LINUX_RCULIST_BL_H

#include <linux/list_bl.h>
#include <linux/rcupdate.h>

static inline struct hlist_bl_node *
hlist_bl_first_rcu(struct hlist_bl_head *head)
{
	return (struct hlist_bl_node *)((unsigned long)smp_load_acquire(
						&head->first) &
					~LIST_BL_LOCKMASK);
}

static inline void hlist_bl_set_first_rcu(struct hlist_bl_head *head,
					  struct hlist_bl_node *n)
{
	smp_store_release(&head->first,
			  (struct hlist_bl_node *)((unsigned long)n |
						   LIST_BL_LOCKMASK));
}

static inline void hlist_bl_del_rcu(struct hlist_bl_node *n)
{
	__hlist_bl_del(n);
	n->pprev = LIST_POISON2;
}

static inline void hlist_bl_add_head_rcu(struct hlist_bl_node *n,
					 struct hlist_bl_head *head)
{
	sp_hlist_bl_link(n, &head->first, hlist_bl_first(head));
	hlist_bl_set_first_rcu(head, n);
}

#define hlist_bl_for_each_entry_rcu(tpos, pos, head, member)                   \
	for (pos = hlist_bl_first_rcu(head);                                   \
	     pos && (tpos = hlist_bl_entry(pos, typeof(*tpos), member), 1);    \
	     pos = smp_load_acquire(&pos->next))

#endif
