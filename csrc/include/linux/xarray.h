/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the normal interface: loads need no lock, stores take xa_lock, the
 * __xa_ forms want it held and give it up to allocate. NULL is no entry.
 * Otherwise: entries that span several indices are not here, and even the
 * entry at index 0 takes a node.
 */
#ifndef _LINUX_XARRAY_H
#define _LINUX_XARRAY_H

#include <linux/bitmap.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/limits.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

typedef unsigned int xa_mark_t;

#define XA_MARK_0 ((xa_mark_t)0)
#define XA_MARK_1 ((xa_mark_t)1)
#define XA_MARK_2 ((xa_mark_t)2)
#define XA_PRESENT ((xa_mark_t)8)
#define XA_MARK_MAX XA_MARK_2
#define XA_MAX_MARKS 3
#define XA_CHUNK_SHIFT 6
#define XA_CHUNK_SIZE (1UL << XA_CHUNK_SHIFT)
#define XA_CHUNK_MASK (XA_CHUNK_SIZE - 1)
#define XA_FREE_MARK XA_MARK_0

#define XA_FLAGS_LOCK_IRQ 1U
#define XA_FLAGS_LOCK_BH 2U
#define XA_FLAGS_TRACK_FREE 4U
#define XA_FLAGS_ZERO_BUSY 8U
#define XA_FLAGS_ACCOUNT 32U
#define XA_FLAGS_ALLOC XA_FLAGS_TRACK_FREE
#define XA_FLAGS_ALLOC1 (XA_FLAGS_TRACK_FREE | XA_FLAGS_ZERO_BUSY)

struct xarray {
	spinlock_t xa_lock;
	gfp_t xa_flags;
	void *xa_head; /* the topmost node */
};

struct xa_limit {
	u32 max, min;
};

#define XA_LIMIT(from, to)                                                     \
	(struct xa_limit)                                                      \
	{                                                                      \
		.min = from, .max = to                                         \
	}
#define xa_limit_32b XA_LIMIT(0, UINT_MAX)
#define xa_limit_31b XA_LIMIT(0, INT_MAX)
#define xa_limit_16b XA_LIMIT(0, USHRT_MAX)

#define XARRAY_INIT(name, flags)                                               \
	{ .xa_lock = __SPIN_LOCK_UNLOCKED(name.xa_lock),                       \
	  .xa_flags = flags,                                                   \
	  .xa_head = NULL }
#define DEFINE_XARRAY_FLAGS(name, flags)                                       \
	struct xarray name = XARRAY_INIT(name, flags)
#define DEFINE_XARRAY(name) DEFINE_XARRAY_FLAGS(name, 0)
#define DEFINE_XARRAY_ALLOC(name) DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC)
#define DEFINE_XARRAY_ALLOC1(name) DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC1)

#define xa_init_flags(xa, flags)                                               \
	do {                                                                   \
		struct xarray *sp_xa_ = (xa);                                  \
		spin_lock_init(&sp_xa_->xa_lock);                              \
		sp_xa_->xa_flags = (flags);                                    \
		sp_xa_->xa_head = NULL;                                        \
	} while (0)
#define xa_init(xa) xa_init_flags(xa, 0)

#define xa_lock(xa) spin_lock(&(xa)->xa_lock)
#define xa_trylock(xa) spin_trylock(&(xa)->xa_lock)
#define xa_unlock(xa) spin_unlock(&(xa)->xa_lock)
#define xa_lock_bh(xa) spin_lock_bh(&(xa)->xa_lock)
#define xa_unlock_bh(xa) spin_unlock_bh(&(xa)->xa_lock)
#define xa_lock_irq(xa) spin_lock_irq(&(xa)->xa_lock)
#define xa_unlock_irq(xa) spin_unlock_irq(&(xa)->xa_lock)
#define xa_lock_irqsave(xa, flags) spin_lock_irqsave(&(xa)->xa_lock, flags)
#define xa_unlock_irqrestore(xa, flags)                                        \
	spin_unlock_irqrestore(&(xa)->xa_lock, flags)

/* ---- entries that are no pointers -------------------------------------- */

static inline void *xa_mk_value(unsigned long v)
{
	return (void *)(v << 1 | 1);
}

static inline unsigned long xa_to_value(const void *entry)
{
	return (unsigned long)entry >> 1;
}

static inline bool xa_is_value(const void *entry)
{
	return (unsigned long)entry & 1;
}

static inline void *xa_tag_pointer(void *p, unsigned long tag)
{
	return (void *)((unsigned long)p | tag);
}

static inline void *xa_untag_pointer(void *entry)
{
	return (void *)((unsigned long)entry & ~3UL);
}

static inline unsigned int xa_pointer_tag(const void *entry)
{
	return (unsigned long)entry & 3;
}

static inline void *xa_mk_internal(unsigned long v)
{
	return (void *)(v << 2 | 2);
}

static inline bool xa_is_internal(const void *entry)
{
	return ((unsigned long)entry & 3) == 2;
}

#define XA_ZERO_ENTRY xa_mk_internal(257)

static inline bool xa_is_zero(const void *entry)
{
	return entry == XA_ZERO_ENTRY;
}

/* Errors of stores are entries, too. */
static inline bool xa_is_err(const void *entry)
{
	return xa_is_internal(entry) &&
	       (unsigned long)entry >= (unsigned long)-MAX_ERRNO * 4 + 2;
}

static inline int xa_err(const void *entry)
{
	return xa_is_err(entry) ? (int)((long)entry >> 2) : 0;
}

/* ---- without the lock -------------------------------------------------- */

void *xa_load(struct xarray *xa, unsigned long index);
bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
/* From *index up to max, and after it; filter: a mark, or XA_PRESENT. */
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      xa_mark_t filter);
void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max,
		    xa_mark_t filter);
unsigned int xa_extract(struct xarray *xa, void **out, unsigned long start,
			unsigned long max, unsigned int n, xa_mark_t filter);
bool xa_marked(const struct xarray *xa, xa_mark_t mark);

static inline bool xa_empty(const struct xarray *xa)
{
	return !READ_ONCE(xa->xa_head);
}

#define xa_for_each_range(xa, index, entry, start, last)                       \
	for (index = start, entry = xa_find(xa, &index, last, XA_PRESENT);     \
	     entry; entry = xa_find_after(xa, &index, last, XA_PRESENT))
#define xa_for_each_start(xa, index, entry, start)                             \
	xa_for_each_range(xa, index, entry, start, ULONG_MAX)
#define xa_for_each(xa, index, entry) xa_for_each_start(xa, index, entry, 0)
#define xa_for_each_marked(xa, index, entry, filter)                           \
	for (index = 0, entry = xa_find(xa, &index, ULONG_MAX, filter); entry; \
	     entry = xa_find_after(xa, &index, ULONG_MAX, filter))

/* ---- with the lock held, and what takes it ----------------------------- */

/* What was there; or an xa_err(). */
void *__xa_store(struct xarray *xa, unsigned long index, void *entry,
		 gfp_t gfp);
void *__xa_erase(struct xarray *xa, unsigned long index);
void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old,
		   void *entry, gfp_t gfp);
/* -EBUSY: there is an entry, if only a reserved one. */
int __must_check __xa_insert(struct xarray *xa, unsigned long index,
			     void *entry, gfp_t gfp);
/* The lowest free index of the limit; -EBUSY: there is none. */
int __must_check __xa_alloc(struct xarray *xa, u32 *id, void *entry,
			    struct xa_limit limit, gfp_t gfp);
/* The lowest from *next on, or from the start: then 1. */
int __must_check __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
				   struct xa_limit limit, u32 *next, gfp_t gfp);
void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void xa_destroy(struct xarray *xa);
/* Reserved counts. */
bool kernel_xa_in_use(const struct xarray *xa, unsigned long index);

#define SP_XA_LOCKED(xa, suffix, call)                                         \
	({                                                                     \
		struct xarray *sp_xa_ = (xa);                                  \
		xa_lock##suffix(sp_xa_);                                       \
		__auto_type sp_got_ = call;                                    \
		xa_unlock##suffix(sp_xa_);                                     \
		sp_got_;                                                       \
	})
#define SP_XA_FAMILY(suffix)                                                   \
	static inline void *xa_store##suffix(struct xarray *xa,                \
					     unsigned long index, void *entry, \
					     gfp_t gfp)                        \
	{                                                                      \
		return SP_XA_LOCKED(xa, suffix,                                \
				    __xa_store(sp_xa_, index, entry, gfp));    \
	}                                                                      \
	static inline void *xa_erase##suffix(struct xarray *xa,                \
					     unsigned long index)              \
	{                                                                      \
		return SP_XA_LOCKED(xa, suffix, __xa_erase(sp_xa_, index));    \
	}                                                                      \
	static inline void *xa_cmpxchg##suffix(struct xarray *xa,              \
					       unsigned long index, void *old, \
					       void *entry, gfp_t gfp)         \
	{                                                                      \
		return SP_XA_LOCKED(xa, suffix,                                \
				    __xa_cmpxchg(sp_xa_, index, old, entry,    \
						 gfp));                        \
	}                                                                      \
	static inline int __must_check xa_insert##suffix(struct xarray *xa,    \
							 unsigned long index,  \
							 void *entry,          \
							 gfp_t gfp)            \
	{                                                                      \
		return SP_XA_LOCKED(xa, suffix,                                \
				    __xa_insert(sp_xa_, index, entry, gfp));   \
	}                                                                      \
	static inline int __must_check xa_alloc##suffix(struct xarray *xa,     \
							u32 *id, void *entry,  \
							struct xa_limit limit, \
							gfp_t gfp)             \
	{                                                                      \
		return SP_XA_LOCKED(xa, suffix,                                \
				    __xa_alloc(sp_xa_, id, entry, limit,       \
					       gfp));                          \
	}                                                                      \
	static inline int __must_check xa_alloc_cyclic##suffix(                \
		struct xarray *xa, u32 *id, void *entry,                       \
		struct xa_limit limit, u32 *next, gfp_t gfp)                   \
	{                                                                      \
		return SP_XA_LOCKED(xa, suffix,                                \
				    __xa_alloc_cyclic(sp_xa_, id, entry,       \
						      limit, next, gfp));      \
	}

SP_XA_FAMILY()
SP_XA_FAMILY(_bh)
SP_XA_FAMILY(_irq)

/* A place that a later store finds without allocating; it loads as NULL. */
static inline int __must_check xa_reserve(struct xarray *xa,
					  unsigned long index, gfp_t gfp)
{
	return xa_err(xa_cmpxchg(xa, index, NULL, XA_ZERO_ENTRY, gfp));
}

static inline void xa_release(struct xarray *xa, unsigned long index)
{
	xa_cmpxchg(xa, index, XA_ZERO_ENTRY, NULL, 0);
}

/* ---- a place that moves ------------------------------------------------ */

/* Otherwise: each step looks the index up anew, so that none has to be redone. */
struct xa_state {
	struct xarray *xa;
	unsigned long xa_index;
	int err;
	void *xa_alloc; /* a node for later: none is ever kept */
};

#define XA_STATE(name, array, index)                                           \
	struct xa_state name = { .xa = (array), .xa_index = (index) }
#define xas_lock(xas) xa_lock((xas)->xa)
#define xas_unlock(xas) xa_unlock((xas)->xa)
#define xas_lock_irq xas_lock
#define xas_unlock_irq xas_unlock
#define xas_lock_irqsave(xas, flags) xa_lock_irqsave((xas)->xa, flags)
#define xas_unlock_irqrestore(xas, flags) xa_unlock_irqrestore((xas)->xa, flags)
#define xas_error(xas) ((xas)->err)
#define xas_set_err(xas, error) ((void)((xas)->err = (error)))
#define xas_reset(xas) ((void)((xas)->err = 0))
#define xas_pause(xas) ((void)(xas))
#define xas_retry(xas, entry) ((void)(xas), (void)(entry), false)
#define xas_valid(xas) (!xas_error(xas))
#define xas_set(xas, index) ((void)((xas)->xa_index = (index)))

static inline void *xas_load(struct xa_state *xas)
{
	return xa_load(xas->xa, xas->xa_index);
}

#define xas_reload(xas) xas_load(xas)

/* With the lock held. What was there; xas_error() tells of no memory. */
static inline void *xas_store(struct xa_state *xas, void *entry)
{
	void *was =
		entry ? __xa_store(xas->xa, xas->xa_index, entry, GFP_NOWAIT) :
			__xa_erase(xas->xa, xas->xa_index);

	if (!xa_is_err(was))
		return was;
	xas->err = xa_err(was);
	return NULL;
}

/* The index beside it, whether there is something or not. */
/* Without the lock. true: there is memory now, store again. */
static inline bool xas_nomem(struct xa_state *xas, gfp_t gfp)
{
	if (xas->err != -ENOMEM || xa_reserve(xas->xa, xas->xa_index, gfp) != 0)
		return false;
	xas->err = 0;
	return true;
}

static inline void *xas_next(struct xa_state *xas)
{
	xas->xa_index++;
	return xas_load(xas);
}

static inline void *xas_prev(struct xa_state *xas)
{
	xas->xa_index--;
	return xas_load(xas);
}

/* From where it stands, and from behind it. */
#define xas_find(xas, last)                                                    \
	xa_find((xas)->xa, &(xas)->xa_index, last, XA_PRESENT)
#define xas_next_entry(xas, last)                                              \
	xa_find_after((xas)->xa, &(xas)->xa_index, last, XA_PRESENT)
#define xas_for_each(xas, entry, last)                                         \
	for ((entry) = xas_find(xas, last); (entry);                           \
	     (entry) = xas_next_entry(xas, last))
#define xas_for_each_marked(xas, entry, last, mark)                            \
	for ((entry) = xa_find((xas)->xa, &(xas)->xa_index, last, mark);       \
	     (entry);                                                          \
	     (entry) = xa_find_after((xas)->xa, &(xas)->xa_index, last, mark))
#define xas_get_mark(xas, mark) xa_get_mark((xas)->xa, (xas)->xa_index, mark)
#define xas_set_mark(xas, mark) __xa_set_mark((xas)->xa, (xas)->xa_index, mark)
#define xas_clear_mark(xas, mark)                                              \
	__xa_clear_mark((xas)->xa, (xas)->xa_index, mark)

#endif
