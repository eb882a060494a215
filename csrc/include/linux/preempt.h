/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: nothing is preempted, and all of it is a task's context. */
#ifndef __LINUX_PREEMPT_H
#define __LINUX_PREEMPT_H

#define preempt_disable() __asm__ __volatile__("" ::: "memory")
#define preempt_enable() __asm__ __volatile__("" ::: "memory")
#define preempt_count() (0)
#define preemptible() (1)
#define in_task() (1)
#define in_interrupt() (0)
#define in_irq() (0)
#define in_hardirq() (0)
#define in_softirq() (0)
#define in_serving_softirq() (0)
#define in_nmi() (0)
#define in_atomic() (0)
#define migrate_disable() preempt_disable()
#define migrate_enable() preempt_enable()
#define local_bh_disable() preempt_disable()
#define local_bh_enable() preempt_enable()

#endif
