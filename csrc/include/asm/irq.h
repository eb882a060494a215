/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: there are no interrupts. */
#ifndef _ASM_IRQ_H
#define _ASM_IRQ_H

#define NR_IRQS 1

#endif
