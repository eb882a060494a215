/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: rings of list_head with a head in them, and hash chains, whose head
 * is one word. What is taken off is poisoned, as by CONFIG_LIST_POISON.
 */
#ifndef _LINUX_LIST_H
#define _LINUX_LIST_H

#include <asm/barrier.h>
#include <linux/const.h>
#include <linux/container_of.h>
#include <linux/poison.h>
#include <linux/types.h>

#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	WRITE_ONCE(list->next, list);
	WRITE_ONCE(list->prev, list);
}

/* a and b become neighbours; whoever goes forward sees whole entries. */
static inline void sp_list_join(struct list_head *a, struct list_head *b)
{
	b->prev = a;
	WRITE_ONCE(a->next, b);
}

static inline void __list_add(struct list_head *new, struct list_head *prev,
			      struct list_head *next)
{
	sp_list_join(new, next);
	sp_list_join(prev, new);
}

static inline void list_add(struct list_head *new, struct list_head *head)
{
	__list_add(new, head, head->next);
}

static inline void list_add_tail(struct list_head *new, struct list_head *head)
{
	__list_add(new, head->prev, head);
}

static inline void __list_del(struct list_head *prev, struct list_head *next)
{
	sp_list_join(prev, next);
}

static inline void __list_del_entry(struct list_head *entry)
{
	__list_del(entry->prev, entry->next);
}

static inline void list_del(struct list_head *entry)
{
	__list_del_entry(entry);
	entry->next = LIST_POISON1;
	entry->prev = LIST_POISON2;
}

static inline void list_del_init(struct list_head *entry)
{
	__list_del_entry(entry);
	INIT_LIST_HEAD(entry);
}

/* With list_empty_careful() by who does not have the lock. */
static inline void list_del_init_careful(struct list_head *entry)
{
	__list_del_entry(entry);
	WRITE_ONCE(entry->prev, entry);
	smp_store_release(&entry->next, entry);
}

static inline void list_replace(struct list_head *old, struct list_head *new)
{
	sp_list_join(new, old->next);
	/* Of an empty list that is the new one by now, which is empty, too. */
	sp_list_join(old->prev, new);
}

static inline void list_replace_init(struct list_head *old,
				     struct list_head *new)
{
	list_replace(old, new);
	INIT_LIST_HEAD(old);
}

static inline void list_swap(struct list_head *a, struct list_head *b)
{
	struct list_head *before = b->prev;

	list_del(b);
	list_replace(a, b);
	if (before == a)
		before = b;
	list_add(a, before);
}

static inline void list_move(struct list_head *entry, struct list_head *head)
{
	__list_del_entry(entry);
	list_add(entry, head);
}

static inline void list_move_tail(struct list_head *entry,
				  struct list_head *head)
{
	__list_del_entry(entry);
	list_add_tail(entry, head);
}

static inline void list_bulk_move_tail(struct list_head *head,
				       struct list_head *first,
				       struct list_head *last)
{
	sp_list_join(first->prev, last->next);
	sp_list_join(head->prev, first);
	sp_list_join(last, head);
}

static inline int list_is_first(const struct list_head *entry,
				const struct list_head *head)
{
	return head->next == entry;
}

static inline int list_is_last(const struct list_head *entry,
			       const struct list_head *head)
{
	return head->prev == entry;
}

static inline int list_is_head(const struct list_head *entry,
			       const struct list_head *head)
{
	return entry == head;
}

static inline int list_empty(const struct list_head *head)
{
	return READ_ONCE(head->next) == head;
}

static inline int list_empty_careful(const struct list_head *head)
{
	struct list_head *next = smp_load_acquire(&head->next);

	return next == head && READ_ONCE(head->prev) == next;
}

static inline int list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

static inline size_t list_count_nodes(struct list_head *head)
{
	struct list_head *at;
	size_t n = 0;

	for (at = head->next; at != head; at = at->next)
		n++;
	return n;
}

static inline void list_rotate_left(struct list_head *head)
{
	if (!list_empty(head))
		list_move_tail(head->next, head);
}

static inline void list_rotate_to_front(struct list_head *entry,
					struct list_head *head)
{
	list_move_tail(head, entry);
}

/* All of list, which is not empty, between two neighbours. */
static inline void __list_splice(const struct list_head *list,
				 struct list_head *prev, struct list_head *next)
{
	struct list_head *first = list->next, *last = list->prev;

	sp_list_join(last, next);
	sp_list_join(prev, first);
}

static inline void list_splice(const struct list_head *list,
			       struct list_head *head)
{
	if (!list_empty(list))
		__list_splice(list, head, head->next);
}

static inline void list_splice_tail(struct list_head *list,
				    struct list_head *head)
{
	if (!list_empty(list))
		__list_splice(list, head->prev, head);
}

static inline void list_splice_init(struct list_head *list,
				    struct list_head *head)
{
	list_splice(list, head);
	INIT_LIST_HEAD(list);
}

static inline void list_splice_tail_init(struct list_head *list,
					 struct list_head *head)
{
	list_splice_tail(list, head);
	INIT_LIST_HEAD(list);
}

/* What stands before entry goes to list, and nothing else stays there. */
static inline void list_cut_before(struct list_head *list,
				   struct list_head *head,
				   struct list_head *entry)
{
	struct list_head *first = head->next, *last = entry->prev;

	INIT_LIST_HEAD(list);
	if (first == entry)
		return;
	sp_list_join(head, entry);
	sp_list_join(list, first);
	sp_list_join(last, list);
}

/* As list_cut_before(), with entry; entry is the head: nothing goes. */
static inline void list_cut_position(struct list_head *list,
				     struct list_head *head,
				     struct list_head *entry)
{
	if (entry == head)
		INIT_LIST_HEAD(list);
	else
		list_cut_before(list, head, entry->next);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(head, type, member)                                   \
	list_entry((head)->next, type, member)
#define list_last_entry(head, type, member)                                    \
	list_entry((head)->prev, type, member)
#define list_first_entry_or_null(head, type, member)                           \
	({                                                                     \
		struct list_head *sp_head_ = (head);                           \
		struct list_head *sp_first_ = READ_ONCE(sp_head_->next);       \
		sp_first_ == sp_head_ ? NULL :                                 \
					list_entry(sp_first_, type, member);   \
	})
#define list_last_entry_or_null(head, type, member)                            \
	({                                                                     \
		struct list_head *sp_head_ = (head);                           \
		struct list_head *sp_last_ = READ_ONCE(sp_head_->prev);        \
		sp_last_ == sp_head_ ? NULL :                                  \
				       list_entry(sp_last_, type, member);     \
	})
#define list_next_entry(pos, member)                                           \
	list_entry((pos)->member.next, typeof(*(pos)), member)
#define list_prev_entry(pos, member)                                           \
	list_entry((pos)->member.prev, typeof(*(pos)), member)
#define list_entry_is_head(pos, head, member) list_is_head(&(pos)->member, head)
#define list_next_entry_circular(pos, head, member)                            \
	(list_is_last(&(pos)->member, head) ?                                  \
		 list_first_entry(head, typeof(*(pos)), member) :              \
		 list_next_entry(pos, member))
#define list_prev_entry_circular(pos, head, member)                            \
	(list_is_first(&(pos)->member, head) ?                                 \
		 list_last_entry(head, typeof(*(pos)), member) :               \
		 list_prev_entry(pos, member))

#define list_for_each(pos, head)                                               \
	for (pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_each_continue(pos, head)                                      \
	for (pos = pos->next; pos != (head); pos = pos->next)
#define list_for_each_prev(pos, head)                                          \
	for (pos = (head)->prev; pos != (head); pos = pos->prev)
#define list_for_each_safe(pos, n, head)                                       \
	for (pos = (head)->next, n = pos->next; pos != (head);                 \
	     pos = n, n = pos->next)
#define list_for_each_prev_safe(pos, n, head)                                  \
	for (pos = (head)->prev, n = pos->prev; pos != (head);                 \
	     pos = n, n = pos->prev)

/* From `from` on, by `step` to the next, until the head. */
#define SP_LIST_FOR(pos, from, step, head, member)                             \
	for (pos = from; !list_entry_is_head(pos, head, member);               \
	     pos = step(pos, member))
#define SP_LIST_FOR_SAFE(pos, n, from, step, head, member)                     \
	for (pos = from, n = step(pos, member);                                \
	     !list_entry_is_head(pos, head, member);                           \
	     pos = n, n = step(n, member))

#define list_for_each_entry(pos, head, member)                                 \
	SP_LIST_FOR(pos, list_first_entry(head, typeof(*pos), member),         \
		    list_next_entry, head, member)
#define list_for_each_entry_reverse(pos, head, member)                         \
	SP_LIST_FOR(pos, list_last_entry(head, typeof(*pos), member),          \
		    list_prev_entry, head, member)
#define list_prepare_entry(pos, head, member)                                  \
	((pos) ?: list_entry(head, typeof(*pos), member))
#define list_for_each_entry_continue(pos, head, member)                        \
	SP_LIST_FOR(pos, list_next_entry(pos, member), list_next_entry, head,  \
		    member)
#define list_for_each_entry_continue_reverse(pos, head, member)                \
	SP_LIST_FOR(pos, list_prev_entry(pos, member), list_prev_entry, head,  \
		    member)
#define list_for_each_entry_from(pos, head, member)                            \
	SP_LIST_FOR(pos, pos, list_next_entry, head, member)
#define list_for_each_entry_from_reverse(pos, head, member)                    \
	SP_LIST_FOR(pos, pos, list_prev_entry, head, member)
#define list_for_each_entry_safe(pos, n, head, member)                         \
	SP_LIST_FOR_SAFE(pos, n, list_first_entry(head, typeof(*pos), member), \
			 list_next_entry, head, member)
#define list_for_each_entry_safe_continue(pos, n, head, member)                \
	SP_LIST_FOR_SAFE(pos, n, list_next_entry(pos, member),                 \
			 list_next_entry, head, member)
#define list_for_each_entry_safe_from(pos, n, head, member)                    \
	SP_LIST_FOR_SAFE(pos, n, pos, list_next_entry, head, member)
#define list_for_each_entry_safe_reverse(pos, n, head, member)                 \
	SP_LIST_FOR_SAFE(pos, n, list_last_entry(head, typeof(*pos), member),  \
			 list_prev_entry, head, member)
/* Where the lock was given up, and n may have moved. */
#define list_safe_reset_next(pos, n, member) n = list_next_entry(pos, member)

/* ---- hash chains ------------------------------------------------------- */

#define HLIST_HEAD_INIT { .first = NULL }
#define HLIST_HEAD(name) struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(head) ((void)((head)->first = NULL))

static inline void INIT_HLIST_NODE(struct hlist_node *n)
{
	n->next = NULL;
	n->pprev = NULL;
}

static inline int hlist_unhashed(const struct hlist_node *n)
{
	return !n->pprev;
}

static inline int hlist_unhashed_lockless(const struct hlist_node *n)
{
	return !READ_ONCE(n->pprev);
}

static inline int hlist_empty(const struct hlist_head *head)
{
	return !READ_ONCE(head->first);
}

static inline void __hlist_del(struct hlist_node *n)
{
	struct hlist_node *next = n->next;

	WRITE_ONCE(*n->pprev, next);
	if (next)
		WRITE_ONCE(next->pprev, n->pprev);
}

static inline void hlist_del(struct hlist_node *n)
{
	__hlist_del(n);
	n->next = LIST_POISON1;
	n->pprev = LIST_POISON2;
}

static inline void hlist_del_init(struct hlist_node *n)
{
	if (hlist_unhashed(n))
		return;
	__hlist_del(n);
	INIT_HLIST_NODE(n);
}

/* n where *at points, and what was there after it. */
static inline void sp_hlist_put(struct hlist_node *n, struct hlist_node **at)
{
	struct hlist_node *next = *at;

	WRITE_ONCE(n->next, next);
	if (next)
		WRITE_ONCE(next->pprev, &n->next);
	WRITE_ONCE(n->pprev, at);
	WRITE_ONCE(*at, n);
}

static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *head)
{
	sp_hlist_put(n, &head->first);
}

static inline void hlist_add_before(struct hlist_node *n,
				    struct hlist_node *next)
{
	sp_hlist_put(n, next->pprev);
}

static inline void hlist_add_behind(struct hlist_node *n,
				    struct hlist_node *prev)
{
	sp_hlist_put(n, &prev->next);
}

/* On no list, and hlist_del() works all the same. */
static inline void hlist_add_fake(struct hlist_node *n)
{
	n->pprev = &n->next;
}

static inline bool hlist_fake(struct hlist_node *n)
{
	return n->pprev == &n->next;
}

static inline bool hlist_is_singular_node(struct hlist_node *n,
					  struct hlist_head *head)
{
	return n->pprev == &head->first && !n->next;
}

static inline void hlist_move_list(struct hlist_head *from,
				   struct hlist_head *to)
{
	to->first = from->first;
	from->first = NULL;
	if (to->first)
		to->first->pprev = &to->first;
}

static inline void hlist_splice_init(struct hlist_head *from,
				     struct hlist_node *last,
				     struct hlist_head *to)
{
	last->next = to->first;
	if (last->next)
		last->next->pprev = &last->next;
	hlist_move_list(from, to);
}

static inline size_t hlist_count_nodes(struct hlist_head *head)
{
	struct hlist_node *at;
	size_t n = 0;

	for (at = head->first; at; at = at->next)
		n++;
	return n;
}

#define hlist_entry(ptr, type, member) container_of(ptr, type, member)
#define hlist_entry_safe(ptr, type, member)                                    \
	({                                                                     \
		typeof(ptr) sp_node_ = (ptr);                                  \
		sp_node_ ? hlist_entry(sp_node_, type, member) : NULL;         \
	})
#define hlist_for_each(pos, head)                                              \
	for (pos = (head)->first; pos; pos = pos->next)
#define hlist_for_each_safe(pos, n, head)                                      \
	for (pos = (head)->first; pos && (n = pos->next, 1); pos = n)

#define SP_HLIST_FOR(pos, from, member)                                        \
	for (pos = hlist_entry_safe(from, typeof(*(pos)), member); pos;        \
	     pos = hlist_entry_safe((pos)->member.next, typeof(*(pos)),        \
				    member))
#define hlist_for_each_entry(pos, head, member)                                \
	SP_HLIST_FOR(pos, (head)->first, member)
#define hlist_for_each_entry_continue(pos, member)                             \
	SP_HLIST_FOR(pos, (pos)->member.next, member)
#define hlist_for_each_entry_from(pos, member)                                 \
	for (; pos; pos = hlist_entry_safe((pos)->member.next, typeof(*(pos)), \
					   member))
#define hlist_for_each_entry_safe(pos, n, head, member)                        \
	for (pos = hlist_entry_safe((head)->first, typeof(*pos), member);      \
	     pos && (n = pos->member.next, 1);                                 \
	     pos = hlist_entry_safe(n, typeof(*pos), member))

#endif
