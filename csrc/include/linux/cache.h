/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: a line has 64 bytes. */
#ifndef _LINUX_CACHE_H
#define _LINUX_CACHE_H

#include <linux/align.h>
#include <linux/compiler_types.h>

#define L1_CACHE_SHIFT 6
#define L1_CACHE_BYTES 64
#define SMP_CACHE_BYTES L1_CACHE_BYTES
#define L1_CACHE_ALIGN(x) ALIGN(x, L1_CACHE_BYTES)
#define SMP_CACHE_ALIGN(x) L1_CACHE_ALIGN(x)
#define ____cacheline_aligned __aligned(L1_CACHE_BYTES)
#define ____cacheline_aligned_in_smp ____cacheline_aligned
#define __cacheline_aligned ____cacheline_aligned
#define __cacheline_aligned_in_smp __cacheline_aligned
#define ____cacheline_internodealigned_in_smp ____cacheline_aligned
#define CACHELINE_PADDING(name) u8 name[0] ____cacheline_aligned
#define __cacheline_group_begin(name) char __cacheline_group_begin__##name[0]
#define __cacheline_group_end(name) char __cacheline_group_end__##name[0]
#define __cacheline_group_begin_aligned(name, ...)                             \
	__cacheline_group_begin(name) ____cacheline_aligned
#define __cacheline_group_end_aligned(name, ...) __cacheline_group_end(name)
#define cache_line_size() L1_CACHE_BYTES

#endif
