/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what linux/signal.h has of it. */
#ifndef __KERNEL__
#include_next <asm/signal.h>
#elif !defined(_ASM_SIGNAL_H)
#define _ASM_SIGNAL_H

#include <linux/signal.h>

#endif
