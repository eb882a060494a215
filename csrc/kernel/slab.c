// SPDX-License-Identifier: GPL-2.0-only
/* kmalloc() and theirs, and caches. */
#include <stdio.h>
#include <string.h>

#include <linux/errno.h>
#include <linux/list_lru.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/memcontrol.h>

#include "slab.h"

/* For who takes their address; their callers are not known. */
#undef kmalloc
#undef kzalloc
#undef kfree
#undef kvfree
#undef vfree
#undef kmem_cache_free

enum { SLAB_KINDS = 1 << KMALLOCED | 1 << CACHED };

static bool too_much(size_t size, size_t max, gfp_t flags, const char *where)
{
	if (size <= max)
		return false;
	if (!(flags & __GFP_NOWARN))
		kernel_warn(where, "kmalloc", "%zu bytes are more than %zu",
			    size, max);
	return true;
}

/* ---- kmalloc() --------------------------------------------------------- */

/*
 * A power of two is aligned to itself, other sizes to the largest that divides
 * them; and what is in one of the larger caches, or has pages of its own, as
 * these are.
 */
static size_t kmalloc_align(size_t size)
{
	const size_t divides = size & -size;

	if (divides >= PAGE_SIZE || size > KMALLOC_MAX_CACHE_SIZE)
		return PAGE_SIZE;
	if (divides >= ARCH_KMALLOC_MINALIGN)
		return size > 192 && divides < 64 ? 64 : divides;
	return size > 192 ? 64 : ARCH_KMALLOC_MINALIGN;
}

void *kernel_kmalloc(size_t size, gfp_t flags, int node, const char *where)
{
	const struct request want = { .kind = KMALLOCED,
				      .size = size,
				      .align = kmalloc_align(size),
				      .flags = flags,
				      .node = node,
				      .account = flags & __GFP_ACCOUNT,
				      .where = where };
	struct kernel_object *o;

	if (!size)
		return ZERO_SIZE_PTR;
	if (too_much(size, KMALLOC_MAX_SIZE, flags, where))
		return NULL;
	o = object_alloc(&want);
	return o ? (void *)o->start : NULL;
}

void *kernel_kmalloc_array(size_t n, size_t size, gfp_t flags, int node,
			   const char *where)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kernel_kmalloc(bytes, flags, node, where);
}

void *kernel_vmalloc(size_t size, gfp_t flags, int node, const char *where)
{
	const struct request want = { .kind = VMALLOCED,
				      .size = size,
				      .align = PAGE_SIZE,
				      .flags = flags,
				      .node = node,
				      .account = flags & __GFP_ACCOUNT,
				      .where = where };
	struct kernel_object *o;

	if (!size || too_much(size, 0x7fffffff, flags, where))
		return NULL;
	o = object_alloc_pages(&want);
	return o ? (void *)o->start : NULL;
}

void *kernel_kvmalloc(size_t n, size_t size, gfp_t flags, int node,
		      const char *where)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	if (bytes <= KMALLOC_MAX_SIZE)
		return kernel_kmalloc(bytes, flags, node, where);
	return kernel_vmalloc(bytes, flags, node, where);
}

size_t ksize(const void *p)
{
	struct kernel_object o;

	return !ZERO_OR_NULL_PTR(p) && object_at(p, &o) ? o.size : 0;
}

static void *moved(const void *p, void *to, size_t size)
{
	size_t old = ksize(p);

	if (to)
		memcpy(to, p, old < size ? old : size);
	return to;
}

void *kernel_krealloc(const void *p, size_t size, gfp_t flags,
		      const char *where)
{
	void *to;

	if (!size) {
		kernel_kfree(p, where);
		return ZERO_SIZE_PTR;
	}
	to = kernel_kmalloc(size, flags, NUMA_NO_NODE, where);
	if (ZERO_OR_NULL_PTR(p))
		return to;
	if (moved(p, to, size))
		kernel_kfree(p, where);
	return to;
}

void *kernel_kvrealloc(const void *p, size_t size, gfp_t flags,
		       const char *where)
{
	void *to = kernel_kvmalloc(1, size, flags, NUMA_NO_NODE, where);

	if (!ZERO_OR_NULL_PTR(p) && moved(p, to, size))
		kernel_kvfree(p, where);
	return to;
}

static void free_cached(struct kernel_object *o);

static void free_slab_object(struct kernel_object *o)
{
	if (o->cache)
		free_cached(o);
	else
		object_give_back(o);
}

void kernel_kfree(const void *p, const char *where)
{
	if (!ZERO_OR_NULL_PTR(p))
		free_slab_object(object_take(p, SLAB_KINDS, "kfree", where));
}

void kernel_vfree(const void *p, const char *where)
{
	if (p)
		object_give_back(
			object_take(p, 1 << VMALLOCED, "vfree", where));
}

void kernel_kvfree(const void *p, const char *where)
{
	if (!ZERO_OR_NULL_PTR(p))
		free_slab_object(object_take(p, SLAB_KINDS | 1 << VMALLOCED,
					     "kvfree", where));
}

bool kernel_is_vmalloc(const void *p)
{
	struct kernel_object o;

	return object_at(p, &o) && o.kind == VMALLOCED;
}

void *kernel_kmemdup(const void *src, size_t len, gfp_t flags,
		     const char *where)
{
	void *p = kernel_kmalloc(len, flags, NUMA_NO_NODE, where);

	return ZERO_OR_NULL_PTR(p) ? p : memcpy(p, src, len);
}

void *kernel_kmemdup_nul(const char *s, size_t len, gfp_t flags,
			 const char *where)
{
	char *p = kernel_kmalloc(len + 1, flags, NUMA_NO_NODE, where);

	if (!p)
		return NULL;
	memcpy(p, s, len);
	p[len] = 0;
	return p;
}

char *kernel_kstrndup(const char *s, size_t max, gfp_t flags, const char *where)
{
	return s ? kernel_kmemdup_nul(s, strnlen(s, max), flags, where) : NULL;
}

char *kernel_kvasprintf(const char *where, gfp_t flags, const char *fmt,
			va_list args)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, args);
	n = kernel_vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	p = kernel_kmalloc((size_t)n + 1, flags, NUMA_NO_NODE, where);
	if (p)
		kernel_vsnprintf(p, (size_t)n + 1, fmt, args);
	return p;
}

char *kernel_kasprintf(const char *where, gfp_t flags, const char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = kernel_kvasprintf(where, flags, fmt, args);
	va_end(args);
	return p;
}

void *kmalloc(size_t size, gfp_t flags)
{
	return kernel_kmalloc(size, flags, NUMA_NO_NODE, "?");
}

void *kzalloc(size_t size, gfp_t flags)
{
	return kernel_kmalloc(size, flags | __GFP_ZERO, NUMA_NO_NODE, "?");
}

void kfree(const void *p)
{
	kernel_kfree(p, "?");
}

void kfree_const(const void *p)
{
	kernel_kfree(p, "?");
}

void kvfree(const void *p)
{
	kernel_kvfree(p, "?");
}

void vfree(const void *p)
{
	kernel_vfree(p, "?");
}

void kfree_sensitive(const void *p)
{
	/* Not memset(): what is freed next need not be written, it may think. */
	memset((void *)p, 0, ksize(p));
	__asm__ __volatile__("" ::"r"(p) : "memory");
	kernel_kfree(p, "?");
}

void kvfree_sensitive(const void *p, size_t len)
{
	if (p)
		memset((void *)p, 0, len);
	__asm__ __volatile__("" ::"r"(p) : "memory");
	kernel_kvfree(p, "?");
}

/* ---- caches ------------------------------------------------------------ */

struct kmem_cache {
	struct list_head list;
	char *name;
	unsigned int size, align;
	slab_flags_t flags;
	void (*ctor)(void *object);
	const char *where;
	unsigned long nr; /* of its objects */
	bool destroyed;
};

static struct kernel_leaf leaf;
static LIST_HEAD(caches);

struct kmem_cache *kernel_cache_create(const char *name, unsigned int size,
				       const struct kmem_cache_args *args,
				       slab_flags_t flags, const char *where)
{
	struct kmem_cache *s;

	if (sp_charge(kernel_machine, GFP_KERNEL, sizeof(*s), where))
		return NULL;
	s = host_alloc(sizeof(*s) + strlen(name) + 1, 0, true);
	if (!s) {
		sp_uncharge(kernel_machine, sizeof(*s));
		return NULL;
	}
	s->name = strcpy((char *)(s + 1), name);
	s->size = size;
	s->align = flags & SLAB_HWCACHE_ALIGN ? 64 : 16;
	if (args && args->align > s->align)
		s->align = args->align;
	s->ctor = args ? args->ctor : NULL;
	s->flags = flags;
	s->where = where;
	kernel_leaf_lock(&leaf);
	list_add_tail(&s->list, &caches);
	kernel_leaf_unlock(&leaf);
	return s;
}

struct kmem_cache *
kernel_cache_create_plain(const char *name, unsigned int size,
			  unsigned int align, slab_flags_t flags,
			  void (*ctor)(void *object), const char *where)
{
	const struct kmem_cache_args args = { .align = align, .ctor = ctor };

	return kernel_cache_create(name, size, &args, flags, where);
}

static void drop_cache(struct kmem_cache *s)
{
	kernel_leaf_lock(&leaf);
	list_del(&s->list);
	kernel_leaf_unlock(&leaf);
	sp_uncharge(kernel_machine, sizeof(*s));
	host_free(s);
}

void kmem_cache_destroy(struct kmem_cache *s)
{
	unsigned long nr;

	if (!s)
		return;
	/* Those that wait for a grace period are no longer the driver's. */
	if (__atomic_load_n(&s->nr, __ATOMIC_ACQUIRE))
		rcu_barrier();
	nr = __atomic_load_n(&s->nr, __ATOMIC_ACQUIRE);
	if (!nr) {
		drop_cache(s);
		return;
	}
	s->destroyed = true;
	kernel_warn(s->where, "kmem_cache_destroy",
		    "%s: the cache still has %lu objects", s->name, nr);
}

int kmem_cache_shrink(struct kmem_cache *s)
{
	(void)s;
	return 0;
}

unsigned int kmem_cache_size(struct kmem_cache *s)
{
	return s->size;
}

void *kernel_cache_alloc(struct kmem_cache *s, struct list_lru *lru,
			 gfp_t flags, int node, const char *where)
{
	const struct request want = { .kind = CACHED,
				      .size = s->size,
				      .align = s->align,
				      .flags = flags,
				      .node = node,
				      .cache = s,
				      .account = flags & __GFP_ACCOUNT ||
						 s->flags & SLAB_ACCOUNT,
				      .where = where };
	struct kernel_object *o;

	if (want.account && lru &&
	    memcg_list_lru_alloc(sp_task_place(kernel_machine).memcg, lru,
				 flags))
		return NULL;
	o = object_alloc(&want);
	if (!o)
		return NULL;
	__atomic_fetch_add(&s->nr, 1, __ATOMIC_RELAXED);
	if (s->ctor)
		s->ctor((void *)o->start);
	return (void *)o->start;
}

static void give_back_cached(struct kernel_object *o)
{
	struct kmem_cache *s = o->cache;

	object_give_back(o);
	__atomic_fetch_sub(&s->nr, 1, __ATOMIC_RELEASE);
}

static void after_grace_period(struct rcu_head *head)
{
	give_back_cached(container_of(head, struct kernel_object, rcu));
}

static void free_cached(struct kernel_object *o)
{
	if (o->cache->flags & SLAB_TYPESAFE_BY_RCU)
		call_rcu(&o->rcu, after_grace_period);
	else
		give_back_cached(o);
}

void kernel_cache_free(struct kmem_cache *s, void *object, const char *where)
{
	struct kernel_object *o;

	if (!object)
		return;
	o = object_take(object, SLAB_KINDS, "kmem_cache_free", where);
	if (o->cache != s)
		kernel_oops("%s: kmem_cache_free() to %s of what is of %s",
			    where, s->name,
			    o->cache ? o->cache->name : "kmalloc()");
	free_cached(o);
}

void kmem_cache_free(struct kmem_cache *s, void *object)
{
	kernel_cache_free(s, object, "?");
}

void kmem_cache_free_bulk(struct kmem_cache *s, size_t n, void **objects)
{
	while (n--)
		kernel_cache_free(s, objects[n], "?");
}

int kernel_cache_alloc_bulk(struct kmem_cache *s, gfp_t flags, size_t n,
			    void **out, const char *where)
{
	size_t i;

	for (i = 0; i < n; i++) {
		out[i] =
			kernel_cache_alloc(s, NULL, flags, NUMA_NO_NODE, where);
		if (!out[i]) {
			kmem_cache_free_bulk(s, i, out);
			return 0;
		}
	}
	return (int)n;
}

/* ---- the ends ---------------------------------------------------------- */

void slab_leaks(struct text *t)
{
	struct kmem_cache *s;

	objects_leaks(t);
	kernel_leaf_lock(&leaf);
	list_for_each_entry(s, &caches, list) text_printf(
		t, "kmem_cache %s %lu objects %s\n", s->name, s->nr, s->where);
	kernel_leaf_unlock(&leaf);
}

void slab_exit(void)
{
	objects_exit();
	while (!list_empty(&caches))
		drop_cache(list_first_entry(&caches, struct kmem_cache, list));
}
