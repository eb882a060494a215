/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: there are no interrupts, so nobody waits for one to end. */
#ifndef LINUX_HARDIRQ_H
#define LINUX_HARDIRQ_H

#include <linux/preempt.h>

#define synchronize_irq(irq) ((void)(irq))
#define synchronize_hardirq(irq) ((void)(irq), true)

#endif
