/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what linux/preempt.h has of it. */
#ifndef _ASM_PREEMPT_H
#define _ASM_PREEMPT_H

#include <linux/preempt.h>

#endif
