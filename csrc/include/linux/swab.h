/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: bytes in the other order. */
#ifndef __KERNEL__
#include_next <linux/swab.h>
#elif !defined(_LINUX_SWAB_H)
#define _LINUX_SWAB_H

#include <linux/types.h>

#define swab16(x) __builtin_bswap16(x)
#define swab32(x) __builtin_bswap32(x)
#define swab64(x) ((u64)__builtin_bswap64(x))
#define swab16p(p) swab16(*(p))
#define swab32p(p) swab32(*(p))
#define swab64p(p) swab64(*(p))
#define swab16s(p) ((void)(*(p) = swab16(*(p))))
#define swab32s(p) ((void)(*(p) = swab32(*(p))))
#define swab64s(p) ((void)(*(p) = swab64(*(p))))

#endif
