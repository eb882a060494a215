/* SPDX-License-Identifier: GPL-2.0-only */
/* The ledger of all that the driver was given, found by any address inside. */
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include <linux/mm_types.h>

#include "runtime.h"

struct kmem_cache;

enum object_kind { KMALLOCED, CACHED, VMALLOCED, PAGES };

/* In front of what it tells of, or apart from it. */
struct kernel_object {
	struct kernel_object *left, *right; /* a treap by start */
	unsigned long priority;
	unsigned long start;
	size_t size;
	unsigned long serial;
	const char *where;
	void *memory; /* what to give back, beside this when apart */
	void *apart;
	struct kmem_cache *cache;
	struct mem_cgroup *memcg; /* a reference, or NULL */
	struct rcu_head rcu;
	int nid;
	enum object_kind kind;
	unsigned int order;
	bool split; /* its pages are given back each for itself */
	unsigned int split_left;
	struct page *pages; /* of PAGES and VMALLOCED */
} __attribute__((aligned(16)));

struct request {
	enum object_kind kind;
	size_t size, align;
	gfp_t flags;
	int node;
	struct kmem_cache *cache;
	bool account;
	const char *where;
};

/* NULL: no memory. */
HIDDEN struct kernel_object *object_alloc(const struct request *want);
/* The same with a struct page for each page of it. */
HIDDEN struct kernel_object *object_alloc_pages(const struct request *want);
/* Out of the ledger, and given back. */
HIDDEN void object_free(struct kernel_object *o);
/* That begins at p and is one of the kinds (bits), out of the ledger. */
HIDDEN struct kernel_object *object_take(const void *p, unsigned int kinds,
					 const char *what, const char *where);
HIDDEN void object_give_back(struct kernel_object *o);
/* What p is in: a copy, since it may go; false: nothing. */
HIDDEN bool object_at(const void *p, struct kernel_object *out);
/* Its cgroup, or the ancestor that is online; NULL: not accounted. */
HIDDEN struct mem_cgroup *object_memcg(const struct kernel_object *o);

HIDDEN void slab_init(void);
HIDDEN void objects_leaks(struct text *t);
HIDDEN void objects_exit(void);

#endif
