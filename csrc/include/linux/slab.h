/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: kmalloc() and theirs, kmem_cache_*().
 * Otherwise: each object stands alone in the heap of the process, so that
 * sanitizers see its bounds and its end, and is in a ledger with the line that
 * asked for it. A constructor runs at each allocation.
 */
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H

#include <linux/bug.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/string.h>
#include <linux/types.h>
#include <shrinkpy/runtime.h>

#define SLAB_CONSISTENCY_CHECKS ((slab_flags_t)0x1u)
#define SLAB_RED_ZONE ((slab_flags_t)0x2u)
#define SLAB_POISON ((slab_flags_t)0x4u)
#define SLAB_HWCACHE_ALIGN ((slab_flags_t)0x10u)
#define SLAB_CACHE_DMA ((slab_flags_t)0x20u)
#define SLAB_STORE_USER ((slab_flags_t)0x40u)
#define SLAB_PANIC ((slab_flags_t)0x80u)
#define SLAB_TYPESAFE_BY_RCU ((slab_flags_t)0x100u)
#define SLAB_RECLAIM_ACCOUNT ((slab_flags_t)0x200u)
#define SLAB_TEMPORARY SLAB_RECLAIM_ACCOUNT
#define SLAB_ACCOUNT ((slab_flags_t)0x400u)
#define SLAB_NO_MERGE ((slab_flags_t)0x800u)
#define SLAB_MEM_SPREAD ((slab_flags_t)0)

#define ZERO_SIZE_PTR ((void *)16)
#define ZERO_OR_NULL_PTR(x) ((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)
#define ARCH_KMALLOC_MINALIGN 16
#define ARCH_SLAB_MINALIGN 16
#define KMALLOC_MAX_SIZE (4ul << 20)
#define KMALLOC_MAX_CACHE_SIZE (8ul << 10)
#define KMALLOC_MIN_SIZE 8

struct kmem_cache;
struct list_lru;
struct mem_cgroup;

void *kernel_kmalloc(size_t size, gfp_t flags, int node, const char *where);
/* n objects of size: NULL when that is too much. */
void *kernel_kmalloc_array(size_t n, size_t size, gfp_t flags, int node,
			   const char *where);
/* Over KMALLOC_MAX_SIZE is fine. */
void *kernel_kvmalloc(size_t n, size_t size, gfp_t flags, int node,
		      const char *where);
void *kernel_krealloc(const void *p, size_t size, gfp_t flags,
		      const char *where);
void *kernel_kvrealloc(const void *p, size_t size, gfp_t flags,
		       const char *where);
void kernel_kfree(const void *p, const char *where);
void kernel_kvfree(const void *p, const char *where);
void *kernel_kmemdup(const void *src, size_t len, gfp_t flags,
		     const char *where);
char *kernel_kstrndup(const char *s, size_t max, gfp_t flags,
		      const char *where);
void *kernel_kmemdup_nul(const char *s, size_t len, gfp_t flags,
			 const char *where);
char *kernel_kasprintf(const char *where, gfp_t flags, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
char *kernel_kvasprintf(const char *where, gfp_t flags, const char *fmt,
			va_list args) __attribute__((format(printf, 3, 0)));
size_t ksize(const void *p);

/* For who takes their address. */
void *kmalloc(size_t size, gfp_t flags);
void *kzalloc(size_t size, gfp_t flags);
void kfree(const void *p);
void kvfree(const void *p);
void kfree_sensitive(const void *p);
void kvfree_sensitive(const void *p, size_t len);
void kfree_const(const void *p);

#define kmalloc_node(size, flags, node)                                        \
	kernel_kmalloc(size, flags, node, KERNEL_HERE)
#define kzalloc_node(size, flags, node)                                        \
	kmalloc_node(size, (flags) | __GFP_ZERO, node)
#define kmalloc(size, flags) kmalloc_node(size, flags, NUMA_NO_NODE)
#define kzalloc(size, flags) kzalloc_node(size, flags, NUMA_NO_NODE)
#define kmalloc_array_node(n, size, flags, node)                               \
	kernel_kmalloc_array(n, size, flags, node, KERNEL_HERE)
#define kmalloc_array(n, size, flags)                                          \
	kmalloc_array_node(n, size, flags, NUMA_NO_NODE)
#define kcalloc_node(n, size, flags, node)                                     \
	kmalloc_array_node(n, size, (flags) | __GFP_ZERO, node)
#define kcalloc(n, size, flags) kcalloc_node(n, size, flags, NUMA_NO_NODE)
#define kvmalloc_node(size, flags, node)                                       \
	kernel_kvmalloc(1, size, flags, node, KERNEL_HERE)
#define kvmalloc(size, flags) kvmalloc_node(size, flags, NUMA_NO_NODE)
#define kvzalloc(size, flags) kvmalloc(size, (flags) | __GFP_ZERO)
#define kvzalloc_node(size, flags, node)                                       \
	kvmalloc_node(size, (flags) | __GFP_ZERO, node)
#define kvmalloc_array(n, size, flags)                                         \
	kernel_kvmalloc(n, size, flags, NUMA_NO_NODE, KERNEL_HERE)
#define kvcalloc(n, size, flags) kvmalloc_array(n, size, (flags) | __GFP_ZERO)
#define krealloc(p, size, flags) kernel_krealloc(p, size, flags, KERNEL_HERE)
#define krealloc_array(p, n, size, flags)                                      \
	({                                                                     \
		size_t bytes_;                                                 \
		__builtin_mul_overflow((size_t)(n), (size_t)(size), &bytes_) ? \
			NULL :                                                 \
			krealloc(p, bytes_, flags);                            \
	})
#define kvrealloc(p, size, flags) kernel_kvrealloc(p, size, flags, KERNEL_HERE)
#define kfree(p) kernel_kfree(p, KERNEL_HERE)
#define kvfree(p) kernel_kvfree(p, KERNEL_HERE)
#define kmemdup(src, len, flags) kernel_kmemdup(src, len, flags, KERNEL_HERE)
#define kmemdup_array(src, n, size, flags) kmemdup(src, (n) * (size), flags)
#define kvmemdup kmemdup
#define kmemdup_nul(s, len, flags)                                             \
	kernel_kmemdup_nul(s, len, flags, KERNEL_HERE)
#define kstrdup(s, flags) kernel_kstrndup(s, ~(size_t)0, flags, KERNEL_HERE)
#define kstrdup_const kstrdup
#define kstrndup(s, max, flags) kernel_kstrndup(s, max, flags, KERNEL_HERE)
#define kasprintf(flags, fmt, ...)                                             \
	kernel_kasprintf(KERNEL_HERE, flags, fmt, ##__VA_ARGS__)
#define kvasprintf(flags, fmt, args)                                           \
	kernel_kvasprintf(KERNEL_HERE, flags, fmt, args)

/* By type: an object, n of them, one with a flexible array; gfp may be left out. */
#define KERNEL_GFP_(gfp, ...) gfp
#define KERNEL_GFP_OR_(...) KERNEL_GFP_(__VA_ARGS__ __VA_OPT__(, ) GFP_KERNEL)
#define kmalloc_obj(type, ...)                                                 \
	((__typeof__(type) *)kmalloc(sizeof(type), KERNEL_GFP_OR_(__VA_ARGS__)))
#define kzalloc_obj(type, ...)                                                 \
	((__typeof__(type) *)kzalloc(sizeof(type), KERNEL_GFP_OR_(__VA_ARGS__)))
#define kmalloc_objs(type, n, ...)                                             \
	((__typeof__(type) *)kmalloc_array(n, sizeof(type),                    \
					   KERNEL_GFP_OR_(__VA_ARGS__)))
#define kzalloc_objs(type, n, ...)                                             \
	((__typeof__(type) *)kcalloc(n, sizeof(type),                          \
				     KERNEL_GFP_OR_(__VA_ARGS__)))
#define KERNEL_FLEX_SIZE_(type, member, n)                                     \
	(sizeof(type) +                                                        \
	 (size_t)(n) * sizeof(((__typeof__(type) *)NULL)->member[0]))
#define kmalloc_flex(type, member, n, ...)                                     \
	((__typeof__(type) *)kmalloc(KERNEL_FLEX_SIZE_(type, member, n),       \
				     KERNEL_GFP_OR_(__VA_ARGS__)))
#define kzalloc_flex(type, member, n, ...)                                     \
	((__typeof__(type) *)kzalloc(KERNEL_FLEX_SIZE_(type, member, n),       \
				     KERNEL_GFP_OR_(__VA_ARGS__)))

/* Without the tag of who allocates, which the ledger has in any case. */
#define kmalloc_noprof kmalloc
#define kzalloc_noprof kzalloc
#define kmalloc_node_noprof kmalloc_node
#define kmalloc_array_noprof kmalloc_array
#define kcalloc_noprof kcalloc
#define kvmalloc_noprof kvmalloc
#define kvzalloc_noprof kvzalloc
#define kvmalloc_node_noprof kvmalloc_node
#define kvcalloc_noprof kvcalloc
#define krealloc_noprof krealloc
#define kmemdup_noprof kmemdup

/* ---- caches ------------------------------------------------------------ */

/* An offset in an object. */
typedef struct {
	unsigned long v;
} freeptr_t;

struct kmem_cache_args {
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	unsigned int freeptr_offset;
	bool use_freeptr_offset;
	void (*ctor)(void *object);
};

struct kmem_cache *kernel_cache_create(const char *name, unsigned int size,
				       const struct kmem_cache_args *args,
				       slab_flags_t flags, const char *where);
struct kmem_cache *
kernel_cache_create_plain(const char *name, unsigned int size,
			  unsigned int align, slab_flags_t flags,
			  void (*ctor)(void *object), const char *where);
void kmem_cache_destroy(struct kmem_cache *s);
int kmem_cache_shrink(struct kmem_cache *s);
unsigned int kmem_cache_size(struct kmem_cache *s);
void *kernel_cache_alloc(struct kmem_cache *s, struct list_lru *lru,
			 gfp_t flags, int node, const char *where);
void kernel_cache_free(struct kmem_cache *s, void *object, const char *where);
int kernel_cache_alloc_bulk(struct kmem_cache *s, gfp_t flags, size_t n,
			    void **out, const char *where);
void kmem_cache_free_bulk(struct kmem_cache *s, size_t n, void **objects);
void kmem_cache_free(struct kmem_cache *s, void *object);

/* Both of 6.12's forms: (name, size, args, flags), and (…, align, flags, ctor). */
#define kmem_cache_create(...)                                                 \
	KERNEL_CACHE_FORM_(__VA_ARGS__, plain, args, , )(__VA_ARGS__)
#define KERNEL_CACHE_FORM_(a, b, c, d, e, form, ...) KERNEL_CACHE_##form##_
#define KERNEL_CACHE_plain_(n, size, align, flags, ctor)                       \
	kernel_cache_create_plain(n, size, align, flags, ctor, KERNEL_HERE)
#define KERNEL_CACHE_args_(n, size, args, flags)                               \
	kernel_cache_create(n, size, args, flags, KERNEL_HERE)
#define kmem_cache_create_usercopy(n, size, align, flags, offset, usize, ctor) \
	kernel_cache_create_plain(n, size, align, flags, ctor, KERNEL_HERE)
#define KMEM_CACHE(type, flags)                                                \
	kernel_cache_create_plain(#type, sizeof(struct type),                  \
				  __alignof__(struct type), flags, NULL,       \
				  KERNEL_HERE)
#define KMEM_CACHE_USERCOPY(type, flags, field) KMEM_CACHE(type, flags)

#define kmem_cache_alloc_node(s, flags, node)                                  \
	kernel_cache_alloc(s, NULL, flags, node, KERNEL_HERE)
#define kmem_cache_alloc(s, flags) kmem_cache_alloc_node(s, flags, NUMA_NO_NODE)
#define kmem_cache_zalloc(s, flags) kmem_cache_alloc(s, (flags) | __GFP_ZERO)
#define kmem_cache_alloc_lru(s, lru, flags)                                    \
	kernel_cache_alloc(s, lru, flags, NUMA_NO_NODE, KERNEL_HERE)
#define kmem_cache_alloc_bulk(s, flags, n, out)                                \
	kernel_cache_alloc_bulk(s, flags, n, out, KERNEL_HERE)
#define kmem_cache_free(s, object) kernel_cache_free(s, object, KERNEL_HERE)

#include <linux/rcupdate.h>

#endif
