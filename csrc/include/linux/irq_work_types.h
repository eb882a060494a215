/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what irq_work.h has of it. */
#ifndef _LINUX_IRQ_WORK_TYPES_H
#define _LINUX_IRQ_WORK_TYPES_H

#include <linux/irq_work.h>

#endif
