// SPDX-License-Identifier: GPL-2.0-only
/* Ids over an XArray that knows its free indices. */
#include <linux/idr.h>

int idr_alloc_u32(struct idr *idr, void *p, u32 *id, unsigned long max,
		  gfp_t gfp)
{
	u32 base = idr->idr_base, got;
	struct xa_limit limit;
	int err;

	if (*id < base)
		*id = base;
	if (max > UINT_MAX)
		max = UINT_MAX;
	if (*id > max)
		return -ENOSPC;
	limit = XA_LIMIT(*id - base, (u32)max - base);
	err = xa_alloc(&idr->idr_rt, &got, p, limit, gfp);
	if (!err)
		*id = got + base;
	return err == -EBUSY ? -ENOSPC : err;
}

int idr_alloc(struct idr *idr, void *p, int start, int end, gfp_t gfp)
{
	u32 id = (u32)start;
	int err;

	if (WARN_ON_ONCE(start < 0))
		return -EINVAL;
	err = idr_alloc_u32(idr, p, &id, end > 0 ? (u32)end - 1 : INT_MAX, gfp);
	return err ? err : (int)id;
}

int idr_alloc_cyclic(struct idr *idr, void *p, int start, int end, gfp_t gfp)
{
	u32 max = end > 0 ? (u32)end - 1 : INT_MAX, id = idr->idr_next;
	int err;

	if ((int)id < start)
		id = (u32)start;
	err = idr_alloc_u32(idr, p, &id, max, gfp);
	if (err == -ENOSPC && id > (u32)start) {
		id = (u32)start;
		err = idr_alloc_u32(idr, p, &id, max, gfp);
	}
	if (err)
		return err;
	idr->idr_next = id + 1;
	return (int)id;
}

void *idr_remove(struct idr *idr, unsigned long id)
{
	return xa_erase(&idr->idr_rt, id - idr->idr_base);
}

void *idr_find(const struct idr *idr, unsigned long id)
{
	return xa_load((struct xarray *)&idr->idr_rt, id - idr->idr_base);
}

void *idr_replace(struct idr *idr, void *p, unsigned long id)
{
	struct xarray *xa = &idr->idr_rt;
	void *old;

	id -= idr->idr_base;
	xa_lock(xa);
	/* An id may stand for NULL, so what loads does not tell. */
	if (kernel_xa_in_use(xa, id))
		old = __xa_store(xa, id, p, 0);
	else
		old = ERR_PTR(-ENOENT);
	xa_unlock(xa);
	return old;
}

void *idr_get_next_ul(struct idr *idr, unsigned long *id)
{
	unsigned long base = idr->idr_base, index = *id < base ? 0 : *id - base;
	void *p = xa_find(&idr->idr_rt, &index, ULONG_MAX, XA_PRESENT);

	if (p)
		*id = index + base;
	return p;
}

void *idr_get_next(struct idr *idr, int *id)
{
	unsigned long next = (unsigned long)(long)*id;
	void *p = idr_get_next_ul(idr, &next);

	if (!p || next > INT_MAX)
		return NULL;
	*id = (int)next;
	return p;
}

int idr_for_each(const struct idr *idr, int (*fn)(int id, void *p, void *data),
		 void *data)
{
	struct idr *of = (struct idr *)idr;
	int id = 0, err;
	void *p;

	while ((p = idr_get_next(of, &id)) != NULL) {
		err = fn(id, p, data);
		if (err)
			return err;
		if (id++ == INT_MAX)
			break;
	}
	return 0;
}

void idr_destroy(struct idr *idr)
{
	xa_destroy(&idr->idr_rt);
	idr->idr_next = 0;
}

int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max,
		    gfp_t gfp)
{
	u32 id;
	int err;

	if ((int)min < 0)
		return -ENOSPC;
	if ((int)max < 0)
		max = INT_MAX;
	if (min > max)
		return -ENOSPC;
	err = xa_alloc(&ida->xa, &id, xa_mk_value(0), XA_LIMIT(min, max), gfp);
	return err == -EBUSY ? -ENOSPC : err ? err : (int)id;
}

void ida_free(struct ida *ida, unsigned int id)
{
	if ((int)id < 0)
		return;
	if (!xa_erase(&ida->xa, id))
		WARN(1, "ida_free called for id=%d which is not allocated.\n",
		     (int)id);
}

void ida_destroy(struct ida *ida)
{
	xa_destroy(&ida->xa);
}

int ida_find_first_range(struct ida *ida, unsigned int min, unsigned int max)
{
	unsigned long index = min;

	if ((int)min < 0)
		return -EINVAL;
	if ((int)max < 0)
		max = INT_MAX;
	return xa_find(&ida->xa, &index, max, XA_PRESENT) ? (int)index :
							    -ENOENT;
}
