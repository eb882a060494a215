/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: tasklets, and the names of interrupts.
 * Otherwise: no device raises one, so that asking for its number fails; a test
 * calls the handler itself. A tasklet is a work of system_highpri_wq.
 */
#ifndef _LINUX_INTERRUPT_H
#define _LINUX_INTERRUPT_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/hardirq.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/irqreturn.h>
#include <linux/kref.h>
#include <linux/workqueue.h>

typedef irqreturn_t (*irq_handler_t)(int irq, void *data);

enum {
	HI_SOFTIRQ,
	TIMER_SOFTIRQ,
	NET_TX_SOFTIRQ,
	NET_RX_SOFTIRQ,
	BLOCK_SOFTIRQ,
	IRQ_POLL_SOFTIRQ,
	TASKLET_SOFTIRQ,
	SCHED_SOFTIRQ,
	HRTIMER_SOFTIRQ,
	RCU_SOFTIRQ,
	NR_SOFTIRQS,
};

#define IRQF_TRIGGER_NONE 0x0
#define IRQF_TRIGGER_RISING 0x1
#define IRQF_TRIGGER_FALLING 0x2
#define IRQF_TRIGGER_HIGH 0x4
#define IRQF_TRIGGER_LOW 0x8
#define IRQF_SHARED 0x80
#define IRQF_ONESHOT 0x2000
#define IRQF_NO_AUTOEN 0x80000

struct device;

static inline int request_irq(unsigned int irq, irq_handler_t handler,
			      unsigned long flags, const char *name, void *data)
{
	(void)irq, (void)handler, (void)flags, (void)name, (void)data;
	return -ENXIO;
}

#define request_threaded_irq(irq, handler, thread, flags, name, data)          \
	((void)(thread), request_irq(irq, handler, flags, name, data))
#define devm_request_irq(dev, irq, handler, flags, name, data)                 \
	((void)(dev), request_irq(irq, handler, flags, name, data))
#define devm_request_threaded_irq(dev, irq, handler, thread, flags, name,      \
				  data)                                        \
	((void)(dev),                                                          \
	 request_threaded_irq(irq, handler, thread, flags, name, data))
#define free_irq(irq, data) ((void)(irq), (void)(data), (const void *)NULL)
#define disable_irq(irq) ((void)(irq))
#define disable_irq_nosync(irq) ((void)(irq))
#define enable_irq(irq) ((void)(irq))
#define synchronize_irq(irq) ((void)(irq))

enum { TASKLET_STATE_SCHED, TASKLET_STATE_RUN };

struct tasklet_struct {
	unsigned long state;
	struct work_struct work;
	atomic_t count; /* disabled so often */
	atomic_t held;  /* scheduled meanwhile */
	void (*callback)(struct tasklet_struct *t);
	void (*func)(unsigned long data);
	unsigned long data;
};

void tasklet_setup(struct tasklet_struct *t,
		   void (*callback)(struct tasklet_struct *t));
void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long data),
		  unsigned long data);
void tasklet_schedule(struct tasklet_struct *t);
void tasklet_kill(struct tasklet_struct *t);
void tasklet_disable(struct tasklet_struct *t);
void tasklet_enable(struct tasklet_struct *t);
#define tasklet_hi_schedule tasklet_schedule

static inline bool tasklet_trylock(struct tasklet_struct *t)
{
	return !test_and_set_bit(TASKLET_STATE_RUN, &t->state);
}

static inline void tasklet_unlock(struct tasklet_struct *t)
{
	smp_mb();
	clear_bit(TASKLET_STATE_RUN, &t->state);
}

/* Until it runs nowhere. */
void tasklet_unlock_wait(struct tasklet_struct *t);
#define tasklet_unlock_spin_wait(t) tasklet_unlock_wait(t)
#define tasklet_disable_nosync(t) atomic_inc(&(t)->count)
#define from_tasklet(var, t, field) container_of(t, __typeof__(*var), field)

#endif
