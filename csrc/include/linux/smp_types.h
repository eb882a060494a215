/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what smp.h has of it. */
#ifndef __LINUX_SMP_TYPES_H
#define __LINUX_SMP_TYPES_H

#include <linux/smp.h>

#endif
