// SPDX-License-Identifier: GPL-2.0-only
/* Objects: charged, entered in the ledger, found again. */
#include <stdlib.h>
#include <string.h>

#include <linux/gfp.h>
#include <shrinkpy/alloc.h>

#include "slab.h"

enum { KEPT_FREES = 256 };

static struct kernel_leaf leaf;
static struct kernel_object *root;
static unsigned long next_serial;
static size_t nr_objects;

/* The last ones that were freed, for who frees them again. */
static struct {
	unsigned long start;
	const char *allocated, *freed;
} frees[KEPT_FREES];
static unsigned long nr_frees;

/* ---- the treap, under leaf --------------------------------------------- */

static void insert(struct kernel_object *o)
{
	struct kernel_object **link = &root, **left, **right, *at;

	while (*link && (*link)->priority > o->priority)
		link = o->start < (*link)->start ? &(*link)->left :
						   &(*link)->right;
	at = *link;
	*link = o;
	left = &o->left;
	right = &o->right;
	while (at) {
		if (at->start < o->start) {
			*left = at;
			left = &at->right;
			at = at->right;
		} else {
			*right = at;
			right = &at->left;
			at = at->left;
		}
	}
	*left = *right = NULL;
	nr_objects++;
}

static void erase(struct kernel_object *o)
{
	struct kernel_object **link = &root, *left = o->left, *right = o->right;

	while (*link != o)
		link = o->start < (*link)->start ? &(*link)->left :
						   &(*link)->right;
	while (left && right) {
		if (left->priority > right->priority) {
			*link = left;
			link = &left->right;
			left = left->right;
		} else {
			*link = right;
			link = &right->left;
			right = right->left;
		}
	}
	*link = left ? left : right;
	nr_objects--;
}

static struct kernel_object *lookup(unsigned long address)
{
	struct kernel_object *o = root, *found = NULL;

	while (o) {
		if (o->start <= address) {
			found = o;
			o = o->right;
		} else {
			o = o->left;
		}
	}
	return found && address - found->start < found->size ? found : NULL;
}

/* ---- memory ------------------------------------------------------------ */

static struct kernel_object *with_header(const struct request *want, bool zero)
{
	size_t before = sizeof(struct kernel_object);
	struct kernel_object *o;
	char *memory;

	if (want->align > 16)
		before = (before + want->align - 1) / want->align * want->align;
	memory = host_alloc(before + want->size, want->align, zero);
	if (!memory)
		return NULL;
	o = (struct kernel_object *)(memory + before) - 1;
	memset(o, 0, sizeof(*o));
	o->memory = memory;
	o->start = (unsigned long)(o + 1);
	return o;
}

static struct kernel_object *with_memory_apart(const struct request *want,
					       bool zero)
{
	struct kernel_object *o = host_alloc(sizeof(*o), 0, true);

	if (!o)
		return NULL;
	o->apart = host_alloc(want->size, want->align, zero);
	if (!o->apart) {
		host_free(o);
		return NULL;
	}
	o->memory = o;
	o->start = (unsigned long)o->apart;
	return o;
}

struct kernel_object *object_alloc(const struct request *want)
{
	const struct sp_place place = sp_task_place(kernel_machine);
	const bool zero = want->flags & __GFP_ZERO;
	struct kernel_object *o;

	if (sp_charge(kernel_machine, want->flags, want->size, want->where)) {
		if (want->flags & __GFP_NOFAIL)
			kernel_oops("%s: an allocation that must not fail "
				    "(__GFP_NOFAIL) finds no memory",
				    want->where);
		return NULL;
	}
	/* A header in front would take as much as the alignment. */
	if (want->kind == VMALLOCED || want->kind == PAGES ||
	    want->align >= 512)
		o = with_memory_apart(want, zero);
	else
		o = with_header(want, zero);
	if (!o) {
		sp_uncharge(kernel_machine, want->size);
		return NULL;
	}
	o->kind = want->kind;
	o->size = want->size;
	o->where = want->where;
	o->cache = want->cache;
	o->nid = want->node < 0 ? place.nid : want->node;
	if (want->account && place.memcg && sp_machine_kmem(kernel_machine) &&
	    place.memcg != sp_memcg_root(kernel_machine)) {
		sp_memcg_get(place.memcg);
		o->memcg = place.memcg;
	}
	kernel_leaf_lock(&leaf);
	o->serial = ++next_serial;
	o->priority = (o->serial * 0x9e3779b97f4a7c15ul) >> 16;
	insert(o);
	kernel_leaf_unlock(&leaf);
	return o;
}

void object_give_back(struct kernel_object *o)
{
	sp_lock_forget(kernel_machine, (void *)o->start, o->size);
	if (o->memcg)
		sp_memcg_put(o->memcg);
	sp_uncharge(kernel_machine, o->size);
	host_free(o->apart);
	host_free(o->pages);
	host_free(o->memory);
}

void object_free(struct kernel_object *o)
{
	kernel_leaf_lock(&leaf);
	erase(o);
	kernel_leaf_unlock(&leaf);
	object_give_back(o);
}

_Noreturn static void bad_free(const void *p, const char *what,
			       const char *where)
{
	const char *allocated = NULL, *freed = NULL, *inside = NULL;
	struct kernel_object *o;
	unsigned long i;

	kernel_leaf_lock(&leaf);
	o = lookup((unsigned long)p);
	if (o)
		inside = o->where;
	for (i = nr_frees; !o && !allocated && i && nr_frees - i < KEPT_FREES;
	     i--) {
		if (frees[(i - 1) % KEPT_FREES].start == (unsigned long)p) {
			allocated = frees[(i - 1) % KEPT_FREES].allocated;
			freed = frees[(i - 1) % KEPT_FREES].freed;
		}
	}
	kernel_leaf_unlock(&leaf);
	if (allocated)
		kernel_oops("%s: %s() of what was freed at %s, allocated at %s",
			    where, what, freed, allocated);
	if (inside)
		kernel_oops("%s: %s() of a pointer that is not what the "
			    "allocation at %s gave, or of its kind",
			    where, what, inside);
	kernel_oops("%s: %s() of a pointer that no allocation gave", where,
		    what);
}

struct kernel_object *object_take(const void *p, unsigned int kinds,
				  const char *what, const char *where)
{
	struct kernel_object *o;

	kernel_leaf_lock(&leaf);
	o = lookup((unsigned long)p);
	if (o && (o->start != (unsigned long)p || !(kinds & 1u << o->kind)))
		o = NULL;
	if (o) {
		erase(o);
		frees[nr_frees % KEPT_FREES].start = o->start;
		frees[nr_frees % KEPT_FREES].allocated = o->where;
		frees[nr_frees++ % KEPT_FREES].freed = where;
	}
	kernel_leaf_unlock(&leaf);
	if (!o)
		bad_free(p, what, where);
	return o;
}

bool object_at(const void *p, struct kernel_object *out)
{
	struct kernel_object *o;

	kernel_leaf_lock(&leaf);
	o = lookup((unsigned long)p);
	if (o)
		*out = *o;
	kernel_leaf_unlock(&leaf);
	return o;
}

struct mem_cgroup *object_memcg(const struct kernel_object *o)
{
	struct mem_cgroup *memcg = o->memcg;

	/* Offline ones hand what they have to their parents. */
	while (memcg && !sp_memcg_is_online(memcg))
		memcg = sp_memcg_parent(memcg);
	return memcg;
}

/* ---- what is left ------------------------------------------------------ */

static int older(const void *a, const void *b)
{
	const struct kernel_object *const *x = a, *const *y = b;

	return (*x)->serial < (*y)->serial ? -1 : 1;
}

static void flatten(struct kernel_object *o, struct kernel_object **out,
		    size_t *n)
{
	for (; o; o = o->right) {
		flatten(o->left, out, n);
		out[(*n)++] = o;
	}
}

static void leak(struct text *t, const struct kernel_object *o)
{
	if (o->kind == PAGES)
		text_printf(t, "page order %u %s\n", o->order, o->where);
	else if (o->kind != CACHED) /* told of by its cache */
		text_printf(t, "%s %zu %s\n",
			    o->kind == KMALLOCED ? "kmalloc" : "vmalloc",
			    o->size, o->where);
}

void objects_leaks(struct text *t)
{
	struct kernel_object **all;
	size_t i, n = 0;

	kernel_leaf_lock(&leaf);
	all = host_alloc((nr_objects + 1) * sizeof(struct kernel_object *), 0,
			 false);
	if (all) {
		flatten(root, all, &n);
		qsort(all, n, sizeof(*all), older);
		for (i = 0; i < n; i++)
			leak(t, all[i]);
		host_free(all);
	} else {
		t->failed = true;
	}
	kernel_leaf_unlock(&leaf);
}

void objects_exit(void)
{
	while (root)
		object_free(root);
}
