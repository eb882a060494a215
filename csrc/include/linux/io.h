/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: registers, and memremap().
 * Otherwise: see asm/io.h.
 */
#ifndef _LINUX_IO_H
#define _LINUX_IO_H

#include <asm/io.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/sizes.h>

enum {
	MEMREMAP_WB = 1 << 0,
	MEMREMAP_WT = 1 << 1,
	MEMREMAP_WC = 1 << 2,
};

struct device;

static inline void *memremap(phys_addr_t phys, size_t size, unsigned long how)
{
	(void)size, (void)how;
	return __va(phys);
}

#define memunmap(p) ((void)(p))
/* There are no ranges whose caching could be set. */
#define arch_phys_wc_add(base, size) ((void)(base), (void)(size), 0)
#define arch_phys_wc_del(handle) ((void)(handle))
#define arch_io_reserve_memtype_wc(base, size) ((void)(base), (void)(size), 0)
#define arch_io_free_memtype_wc(base, size) ((void)(base), (void)(size))

#endif
