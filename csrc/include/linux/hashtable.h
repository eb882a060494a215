/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: arrays of hash chains whose size is a power of two. */
#ifndef _LINUX_HASHTABLE_H
#define _LINUX_HASHTABLE_H

#include <linux/array_size.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/rculist.h>

#define DECLARE_HASHTABLE(name, bits) struct hlist_head name[1 << (bits)]
/* All zeros is empty. */
#define DEFINE_HASHTABLE(name, bits)                                           \
	struct hlist_head name[1 << (bits)] = { { NULL } }
#define DEFINE_READ_MOSTLY_HASHTABLE DEFINE_HASHTABLE
#define HASH_SIZE(table) ARRAY_SIZE(table)
#define HASH_BITS(table) ((unsigned int)ilog2(HASH_SIZE(table)))
#define hash_min(value, bits)                                                  \
	(sizeof(value) <= 4 ? hash_32((u32)(value), bits) :                    \
			      hash_long(value, bits))

static inline void __hash_init(struct hlist_head *table, size_t n)
{
	while (n--)
		INIT_HLIST_HEAD(&table[n]);
}

static inline bool __hash_empty(struct hlist_head *table, size_t n)
{
	while (n--)
		if (!hlist_empty(&table[n]))
			return false;
	return true;
}

static inline bool hash_hashed(struct hlist_node *n)
{
	return !hlist_unhashed(n);
}

static inline void hash_del(struct hlist_node *n)
{
	hlist_del_init(n);
}

static inline void hash_del_rcu(struct hlist_node *n)
{
	hlist_del_init_rcu(n);
}

#define SP_BUCKET(table, key) (&(table)[hash_min(key, HASH_BITS(table))])
#define hash_init(table) __hash_init(table, HASH_SIZE(table))
#define hash_empty(table) __hash_empty(table, HASH_SIZE(table))
#define hash_add(table, n, key) hlist_add_head(n, SP_BUCKET(table, key))
#define hash_add_rcu(table, n, key) hlist_add_head_rcu(n, SP_BUCKET(table, key))

/* A break leaves obj set, which ends the outer loop too. */
#define hash_for_each(table, bkt, obj, member)                                 \
	for ((bkt) = 0, obj = NULL; !obj && (bkt) < HASH_SIZE(table); (bkt)++) \
	hlist_for_each_entry(obj, &(table)[bkt], member)
#define hash_for_each_rcu(table, bkt, obj, member)                             \
	for ((bkt) = 0, obj = NULL; !obj && (bkt) < HASH_SIZE(table); (bkt)++) \
	hlist_for_each_entry_rcu(obj, &(table)[bkt], member)
#define hash_for_each_safe(table, bkt, tmp, obj, member)                       \
	for ((bkt) = 0, obj = NULL; !obj && (bkt) < HASH_SIZE(table); (bkt)++) \
	hlist_for_each_entry_safe(obj, tmp, &(table)[bkt], member)
#define hash_for_each_possible(table, obj, member, key)                        \
	hlist_for_each_entry(obj, SP_BUCKET(table, key), member)
#define hash_for_each_possible_rcu(table, obj, member, key, ...)               \
	hlist_for_each_entry_rcu(obj, SP_BUCKET(table, key), member)
#define hash_for_each_possible_safe(table, obj, tmp, member, key)              \
	hlist_for_each_entry_safe(obj, tmp, SP_BUCKET(table, key), member)

#endif
