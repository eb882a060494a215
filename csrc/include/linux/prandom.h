/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: see random.h. */
#ifndef _LINUX_PRANDOM_H
#define _LINUX_PRANDOM_H

#include <linux/random.h>

#define prandom_u32() get_random_u32()
#define prandom_bytes(buf, len) get_random_bytes(buf, len)

#endif
