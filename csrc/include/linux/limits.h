/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: limits of types and of paths. libc's <limits.h> comes here too, and
 * finds the system's.
 */
#include_next <linux/limits.h>
#if defined(__KERNEL__) && !defined(SP_LINUX_LIMITS_H)
#define SP_LINUX_LIMITS_H

#include <limits.h>
#include <stdint.h>

#include <linux/types.h>

#ifndef SSIZE_MAX
#define SSIZE_MAX ((ssize_t)(SIZE_MAX >> 1))
#endif
#define U8_MAX ((u8)UINT8_MAX)
#define S8_MAX ((s8)INT8_MAX)
#define S8_MIN ((s8)INT8_MIN)
#define U16_MAX ((u16)UINT16_MAX)
#define S16_MAX ((s16)INT16_MAX)
#define S16_MIN ((s16)INT16_MIN)
#define U32_MAX ((u32)UINT32_MAX)
#define U32_MIN ((u32)0)
#define S32_MAX ((s32)INT32_MAX)
#define S32_MIN ((s32)INT32_MIN)
#define U64_MAX ((u64)UINT64_MAX)
#define S64_MAX ((s64)INT64_MAX)
#define S64_MIN ((s64)INT64_MIN)
#define PHYS_ADDR_MAX (~(phys_addr_t)0)
#define RESOURCE_SIZE_MAX ((resource_size_t)~0)

#endif
