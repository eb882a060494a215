/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the lowest free id of a range for a pointer (IDR, the caller locks),
 * or for nothing (IDA).
 * Otherwise: idr_preload() keeps no memory back.
 */
#ifndef _LINUX_IDR_H
#define _LINUX_IDR_H

#include <linux/xarray.h>

struct idr {
	struct xarray idr_rt;
	unsigned int idr_base;
	unsigned int idr_next;
};

#define IDR_INIT_BASE(name, base)                                              \
	{ .idr_rt = XARRAY_INIT(name.idr_rt, XA_FLAGS_ALLOC),                  \
	  .idr_base = (base),                                                  \
	  .idr_next = 0 }
#define IDR_INIT(name) IDR_INIT_BASE(name, 0)
#define DEFINE_IDR(name) struct idr name = IDR_INIT(name)
#define idr_init_base(ids, base)                                               \
	do {                                                                   \
		struct idr *sp_idr_ = (ids);                                   \
		xa_init_flags(&sp_idr_->idr_rt, XA_FLAGS_ALLOC);               \
		sp_idr_->idr_base = (base);                                    \
		sp_idr_->idr_next = 0;                                         \
	} while (0)
#define idr_init(idr) idr_init_base(idr, 0)
#define idr_lock(idr) xa_lock(&(idr)->idr_rt)
#define idr_unlock(idr) xa_unlock(&(idr)->idr_rt)
#define idr_preload(gfp) preempt_disable()
#define idr_preload_end() preempt_enable()

/* start … end - 1, or without end for end <= 0. -ENOSPC, -ENOMEM, -EINVAL. */
int idr_alloc(struct idr *idr, void *p, int start, int end, gfp_t gfp);
/* *id … max; *id is the new one. */
int __must_check idr_alloc_u32(struct idr *idr, void *p, u32 *id,
			       unsigned long max, gfp_t gfp);
/* After the last one that was given, and from start when those are used up. */
int idr_alloc_cyclic(struct idr *idr, void *p, int start, int end, gfp_t gfp);
void *idr_remove(struct idr *idr, unsigned long id);
void *idr_find(const struct idr *idr, unsigned long id);
/* What was there; ERR_PTR(-ENOENT). */
void *idr_replace(struct idr *idr, void *p, unsigned long id);
int idr_for_each(const struct idr *idr, int (*fn)(int id, void *p, void *data),
		 void *data);
void *idr_get_next(struct idr *idr, int *id);
void *idr_get_next_ul(struct idr *idr, unsigned long *id);
void idr_destroy(struct idr *idr);

static inline bool idr_is_empty(const struct idr *idr)
{
	return xa_empty(&idr->idr_rt);
}

static inline unsigned int idr_get_cursor(const struct idr *idr)
{
	return READ_ONCE(idr->idr_next);
}

static inline void idr_set_cursor(struct idr *idr, unsigned int next)
{
	WRITE_ONCE(idr->idr_next, next);
}

#define idr_for_each_entry(idr, entry, id)                                     \
	for (id = 0; ((entry) = idr_get_next(idr, &(id))) != NULL; id += 1U)
#define idr_for_each_entry_ul(idr, entry, tmp, id)                             \
	for (tmp = 0, id = 0;                                                  \
	     ((entry) = tmp <= id ? idr_get_next_ul(idr, &(id)) : NULL) !=     \
	     NULL;                                                             \
	     tmp = id, ++id)
#define idr_for_each_entry_continue(idr, entry, id)                            \
	for ((entry) = idr_get_next(idr, &(id)); entry;                        \
	     ++id, (entry) = idr_get_next(idr, &(id)))

struct ida {
	struct xarray xa;
};

#define IDA_INIT(name) { .xa = XARRAY_INIT(name.xa, XA_FLAGS_ALLOC) }
#define DEFINE_IDA(name) struct ida name = IDA_INIT(name)
#define ida_init(ida) xa_init_flags(&(ida)->xa, XA_FLAGS_ALLOC)

/* min … max, both of them in. -ENOSPC, -ENOMEM. */
int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max,
		    gfp_t gfp);
/* One that is not given: a warning. */
void ida_free(struct ida *ida, unsigned int id);
void ida_destroy(struct ida *ida);
int ida_find_first_range(struct ida *ida, unsigned int min, unsigned int max);

#define ida_alloc(ida, gfp) ida_alloc_range(ida, 0, ~0U, gfp)
#define ida_alloc_min(ida, min, gfp) ida_alloc_range(ida, min, ~0U, gfp)
#define ida_alloc_max(ida, max, gfp) ida_alloc_range(ida, 0, max, gfp)
#define ida_find_first(ida) ida_find_first_range(ida, 0, ~0U)
#define ida_is_empty(ida) xa_empty(&(ida)->xa)
#define ida_exists(ida, id) (ida_find_first_range(ida, id, id) == (int)(id))
#define ida_simple_get(ida, start, end, gfp)                                   \
	ida_alloc_range(ida, start, (end) - 1, gfp)
#define ida_simple_remove(ida, id) ida_free(ida, id)

#endif
