/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what percpu-defs.h has of it. */
#ifndef _ASM_PERCPU_H
#define _ASM_PERCPU_H

#include <linux/percpu-defs.h>

#endif
