/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: a call that an interrupt leaves for later.
 * Otherwise: it is a work of system_highpri_wq.
 */
#ifndef _LINUX_IRQ_WORK_H
#define _LINUX_IRQ_WORK_H

#include <linux/container_of.h>
#include <linux/workqueue.h>

struct irq_work {
	struct work_struct work;
	void (*func)(struct irq_work *work);
};

void kernel_irq_work_run(struct work_struct *work);

static inline void init_irq_work(struct irq_work *work,
				 void (*func)(struct irq_work *work))
{
	INIT_WORK(&work->work, kernel_irq_work_run);
	work->func = func;
}

static inline bool irq_work_queue(struct irq_work *work)
{
	return queue_work(system_highpri_wq, &work->work);
}

#define irq_work_queue_on(work, cpu) ((void)(cpu), irq_work_queue(work))
#define irq_work_sync(w) ((void)flush_work(&(w)->work))
#define irq_work_is_pending(w) work_pending(&(w)->work)
#define irq_work_is_busy(w) (work_busy(&(w)->work) != 0)

#endif
