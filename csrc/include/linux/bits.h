/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: a word's bits and masks of them. */
#ifndef _LINUX_BITS_H
#define _LINUX_BITS_H

#include <linux/build_bug.h>
#include <linux/const.h>

#define BITS_PER_BYTE 8
#define BITS_PER_LONG 64
#define BITS_PER_LONG_LONG 64
#define BIT(nr) (UL(1) << (nr))
#define BIT_ULL(nr) (ULL(1) << (nr))
#define BIT_MASK(nr) (UL(1) << ((nr) % BITS_PER_LONG))
#define BIT_WORD(nr) ((nr) / BITS_PER_LONG)
#define BIT_ULL_MASK(nr) (ULL(1) << ((nr) % BITS_PER_LONG_LONG))
#define BIT_ULL_WORD(nr) ((nr) / BITS_PER_LONG_LONG)

/* Bits high to low, both of them in. */
#define GENMASK(high, low) ((~UL(0) >> (63 - (high))) & (~UL(0) << (low)))
#define GENMASK_ULL(high, low) ((~ULL(0) >> (63 - (high))) & (~ULL(0) << (low)))

#endif
