/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what linux/hardirq.h has of it. */
#ifndef _ASM_HARDIRQ_H
#define _ASM_HARDIRQ_H

#include <linux/hardirq.h>

#endif
