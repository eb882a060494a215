/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: it is in asm/byteorder.h. */
#ifndef _LINUX_BYTEORDER_GENERIC_H
#define _LINUX_BYTEORDER_GENERIC_H

#include <asm/byteorder.h>

#endif
