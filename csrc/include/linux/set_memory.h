/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what asm/set_memory.h has of it. */
#ifndef _LINUX_SET_MEMORY_H_
#define _LINUX_SET_MEMORY_H_

#include <asm/set_memory.h>

#endif
