/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: allocations of what percpu-defs.h tells of. */
#ifndef _LINUX_PERCPU_H
#define _LINUX_PERCPU_H

#include <linux/cpumask.h>
#include <linux/percpu-defs.h>
#include <linux/slab.h>
#include <linux/types.h>

#define PERCPU_ENOUGH_ROOM (64ul << 10)
#define __alloc_percpu_gfp(size, align, gfp) kzalloc(size, gfp)
#define __alloc_percpu(size, align) kzalloc(size, GFP_KERNEL)
#define alloc_percpu_gfp(type, gfp) ((type *)kzalloc(sizeof(type), gfp))
#define alloc_percpu_noprof(type) alloc_percpu(type)
#define alloc_percpu(type) alloc_percpu_gfp(type, GFP_KERNEL)
#define free_percpu(p) kfree(p)

#endif
