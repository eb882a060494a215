/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches. */
#ifndef _LINUX_WORDPART_H
#define _LINUX_WORDPART_H

#include <linux/types.h>

#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define lower_32_bits(n) ((u32)((n) & 0xffffffff))
#define upper_16_bits(n) ((u16)((n) >> 16))
#define lower_16_bits(n) ((u16)((n) & 0xffff))
/* The byte in all bytes of a word. */
#define REPEAT_BYTE(x) (~0UL / 0xff * (x))
#define REPEAT_BYTE_U32(x) ((u32)REPEAT_BYTE(x))

#endif
