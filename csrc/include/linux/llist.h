/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: many may add without a lock; who takes all gets the newest first. */
#ifndef _LINUX_LLIST_H
#define _LINUX_LLIST_H

#include <asm/cmpxchg.h>
#include <linux/container_of.h>
#include <linux/types.h>

struct llist_head {
	struct llist_node *first;
};

struct llist_node {
	struct llist_node *next;
};

#define LLIST_HEAD_INIT(name) { NULL }
#define LLIST_HEAD(name) struct llist_head name = LLIST_HEAD_INIT(name)
#define llist_entry(p, type, member) container_of(p, type, member)

static inline void init_llist_head(struct llist_head *head)
{
	head->first = NULL;
}

static inline bool llist_empty(const struct llist_head *head)
{
	return !READ_ONCE(head->first);
}

/* true: it was empty. */
static inline bool llist_add_batch(struct llist_node *first,
				   struct llist_node *last,
				   struct llist_head *head)
{
	struct llist_node *was = READ_ONCE(head->first);

	do
		last->next = was;
	while (!try_cmpxchg(&head->first, &was, first));
	return !was;
}

static inline bool llist_add(struct llist_node *n, struct llist_head *head)
{
	return llist_add_batch(n, n, head);
}

static inline struct llist_node *llist_del_all(struct llist_head *head)
{
	return xchg(&head->first, NULL);
}

/* One taker at a time. */
static inline struct llist_node *llist_del_first(struct llist_head *head)
{
	struct llist_node *n = __atomic_load_n(&head->first, __ATOMIC_ACQUIRE);

	while (n && !try_cmpxchg(&head->first, &n, READ_ONCE(n->next)))
		;
	return n;
}

static inline struct llist_node *llist_reverse_order(struct llist_node *n)
{
	struct llist_node *done = NULL;

	while (n) {
		struct llist_node *next = n->next;

		n->next = done;
		done = n;
		n = next;
	}
	return done;
}

static inline struct llist_node *llist_next(struct llist_node *n)
{
	return n->next;
}

#define llist_for_each(pos, node) for ((pos) = (node); pos; (pos) = (pos)->next)
#define llist_for_each_safe(pos, n, node)                                      \
	for ((pos) = (node); (pos) && ((n) = (pos)->next, true); (pos) = (n))
#define SP_LLIST_ENTRY(n, type, member)                                        \
	({                                                                     \
		struct llist_node *sp_ll_ = (n);                               \
		sp_ll_ ? llist_entry(sp_ll_, type, member) : NULL;             \
	})
#define llist_for_each_entry(pos, node, member)                                \
	for ((pos) = SP_LLIST_ENTRY(node, typeof(*(pos)), member); pos;        \
	     (pos) = SP_LLIST_ENTRY((pos)->member.next, typeof(*(pos)),        \
				    member))
#define llist_for_each_entry_safe(pos, n, node, member)                        \
	for ((pos) = SP_LLIST_ENTRY(node, typeof(*(pos)), member);             \
	     (pos) &&                                                          \
	     ((n) = SP_LLIST_ENTRY((pos)->member.next, typeof(*(n)), member),  \
	     true);                                                            \
	     (pos) = (n))

#endif
