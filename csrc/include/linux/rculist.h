/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: lists that readers walk while a writer changes them. What is taken
 * off keeps its way forward; conditions for lockdep are not looked at.
 */
#ifndef _LINUX_RCULIST_H
#define _LINUX_RCULIST_H

#include <linux/list.h>
#include <linux/rcupdate.h>

#define list_next_rcu(list) ((list)->next)
#define list_tail_rcu(head) ((head)->prev)

static inline void INIT_LIST_HEAD_RCU(struct list_head *list)
{
	INIT_LIST_HEAD(list);
}

static inline void sp_list_add_rcu(struct list_head *new,
				   struct list_head *prev,
				   struct list_head *next)
{
	new->next = next;
	new->prev = prev;
	smp_store_release(&prev->next, new);
	next->prev = new;
}

static inline void list_add_rcu(struct list_head *new, struct list_head *head)
{
	sp_list_add_rcu(new, head, head->next);
}

static inline void list_add_tail_rcu(struct list_head *new,
				     struct list_head *head)
{
	sp_list_add_rcu(new, head->prev, head);
}

static inline void list_del_rcu(struct list_head *entry)
{
	__list_del_entry(entry);
	entry->prev = LIST_POISON2;
}

static inline void list_replace_rcu(struct list_head *old,
				    struct list_head *new)
{
	sp_list_add_rcu(new, old->prev, old->next);
	old->prev = LIST_POISON2;
}

/* All of list to head; sync() waits for who still walks the old ring. */
static inline void list_splice_init_rcu(struct list_head *list,
					struct list_head *head,
					void (*sync)(void))
{
	struct list_head *first = list->next, *last = list->prev;
	struct list_head *at = head->next;

	if (list_empty(list))
		return;
	INIT_LIST_HEAD(list);
	sync();
	last->next = at;
	smp_store_release(&head->next, first);
	first->prev = head;
	at->prev = last;
}

#define list_entry_rcu(ptr, type, member)                                      \
	container_of(READ_ONCE(ptr), type, member)
#define list_first_or_null_rcu(head, type, member)                             \
	({                                                                     \
		struct list_head *sp_ring_ = (head);                           \
		struct list_head *sp_one_ = smp_load_acquire(&sp_ring_->next); \
		sp_one_ == sp_ring_ ? NULL :                                   \
				      container_of(sp_one_, type, member);     \
	})
#define list_next_or_null_rcu(head, ptr, type, member)                         \
	({                                                                     \
		struct list_head *sp_ring_ = (head);                           \
		struct list_head *sp_one_ = smp_load_acquire(&(ptr)->next);    \
		sp_one_ == sp_ring_ ? NULL :                                   \
				      container_of(sp_one_, type, member);     \
	})
#define list_for_each_entry_rcu(pos, head, member, ...)                        \
	for (pos = container_of(smp_load_acquire(&(head)->next), typeof(*pos), \
				member);                                       \
	     &pos->member != (head);                                           \
	     pos = container_of(smp_load_acquire(&pos->member.next),           \
				typeof(*pos), member))
#define list_for_each_entry_srcu list_for_each_entry_rcu
#define list_for_each_entry_lockless list_for_each_entry_rcu
#define list_for_each_entry_continue_rcu(pos, head, member)                    \
	for (pos = container_of(smp_load_acquire(&pos->member.next),           \
				typeof(*pos), member);                         \
	     &pos->member != (head);                                           \
	     pos = container_of(smp_load_acquire(&pos->member.next),           \
				typeof(*pos), member))

#define hlist_first_rcu(head) ((head)->first)
#define hlist_next_rcu(n) ((n)->next)

static inline void sp_hlist_put_rcu(struct hlist_node *n,
				    struct hlist_node **at)
{
	struct hlist_node *next = *at;

	n->next = next;
	n->pprev = at;
	smp_store_release(at, n);
	if (next)
		WRITE_ONCE(next->pprev, &n->next);
}

static inline void hlist_add_head_rcu(struct hlist_node *n,
				      struct hlist_head *head)
{
	sp_hlist_put_rcu(n, &head->first);
}

static inline void hlist_add_before_rcu(struct hlist_node *n,
					struct hlist_node *next)
{
	sp_hlist_put_rcu(n, next->pprev);
}

static inline void hlist_add_behind_rcu(struct hlist_node *n,
					struct hlist_node *prev)
{
	sp_hlist_put_rcu(n, &prev->next);
}

static inline void hlist_add_tail_rcu(struct hlist_node *n,
				      struct hlist_head *head)
{
	struct hlist_node **at = &head->first;

	while (*at)
		at = &(*at)->next;
	sp_hlist_put_rcu(n, at);
}

static inline void hlist_del_rcu(struct hlist_node *n)
{
	__hlist_del(n);
	WRITE_ONCE(n->pprev, LIST_POISON2);
}

static inline void hlist_del_init_rcu(struct hlist_node *n)
{
	if (hlist_unhashed(n))
		return;
	__hlist_del(n);
	WRITE_ONCE(n->pprev, NULL);
}

static inline void hlist_replace_rcu(struct hlist_node *old,
				     struct hlist_node *new)
{
	new->next = old->next;
	WRITE_ONCE(new->pprev, old->pprev);
	smp_store_release(new->pprev, new);
	if (new->next)
		WRITE_ONCE(new->next->pprev, &new->next);
	WRITE_ONCE(old->pprev, LIST_POISON2);
}

#define SP_HLIST_FOR_RCU(pos, from, member)                                    \
	for (pos = hlist_entry_safe(smp_load_acquire(&(from)), typeof(*(pos)), \
				    member);                                   \
	     pos;                                                              \
	     pos = hlist_entry_safe(smp_load_acquire(&(pos)->member.next),     \
				    typeof(*(pos)), member))
#define hlist_for_each_entry_rcu(pos, head, member, ...)                       \
	SP_HLIST_FOR_RCU(pos, (head)->first, member)
#define hlist_for_each_entry_srcu hlist_for_each_entry_rcu
#define hlist_for_each_entry_rcu_notrace hlist_for_each_entry_rcu
#define hlist_for_each_entry_rcu_bh hlist_for_each_entry_rcu
#define hlist_for_each_entry_continue_rcu(pos, member)                         \
	SP_HLIST_FOR_RCU(pos, (pos)->member.next, member)
#define hlist_for_each_entry_from_rcu(pos, member)                             \
	for (; pos;                                                            \
	     pos = hlist_entry_safe(smp_load_acquire(&(pos)->member.next),     \
				    typeof(*(pos)), member))

#endif
