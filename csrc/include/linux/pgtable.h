/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what asm/pgtable.h has of it. */
#ifndef _LINUX_PGTABLE_H
#define _LINUX_PGTABLE_H

#include <asm/pgtable.h>
#include <linux/bug.h>
#include <linux/mm_types.h>

#endif
