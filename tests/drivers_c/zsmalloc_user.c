// SPDX-License-Identifier: GPL-2.0-only
/* Who keeps what it has in a zsmalloc pool: objects of any size, by handle. */
#include <linux/module.h>
#include <linux/string.h>
#include <linux/zsmalloc.h>

/* 0, or an error in the handle's place. */
unsigned long object_start(struct zs_pool *pool, size_t size, int value)
{
	const unsigned long handle = zs_malloc(pool, size, GFP_KERNEL);

	if (IS_ERR_VALUE(handle))
		return handle;
	memset(zs_map_object(pool, handle, ZS_MM_WO), value, size);
	zs_unmap_object(pool, handle);
	return handle;
}

bool object_holds(struct zs_pool *pool, unsigned long handle, size_t size,
		  int value)
{
	void *at = zs_map_object(pool, handle, ZS_MM_RO);
	const bool holds = !memchr_inv(at, value, size);

	zs_unmap_object(pool, handle);
	return holds;
}
