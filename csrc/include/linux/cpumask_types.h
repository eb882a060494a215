/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what cpumask.h has of it. */
#ifndef __LINUX_CPUMASK_TYPES_H
#define __LINUX_CPUMASK_TYPES_H

#include <linux/cpumask.h>

#endif
