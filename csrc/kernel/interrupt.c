// SPDX-License-Identifier: GPL-2.0-only
/* Tasklets: works of system_highpri_wq. */
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/sched.h>

#include "runtime.h"

static void run(struct work_struct *work)
{
	struct tasklet_struct *t =
		container_of(work, struct tasklet_struct, work);

	/* It may be enabled in between: one of the two sees held. */
	atomic_set(&t->held, 1);
	smp_mb();
	if (atomic_read(&t->count) || !atomic_xchg(&t->held, 0))
		return;
	clear_bit(TASKLET_STATE_SCHED, &t->state);
	/* Somebody else has it: it is run when that one is done. */
	while (!tasklet_trylock(t))
		tasklet_unlock_wait(t);
	if (t->callback)
		t->callback(t);
	else
		t->func(t->data);
	tasklet_unlock(t);
}

void tasklet_unlock_wait(struct tasklet_struct *t)
{
	while (test_bit(TASKLET_STATE_RUN, &t->state))
		yield();
}

void tasklet_setup(struct tasklet_struct *t,
		   void (*callback)(struct tasklet_struct *t))
{
	*t = (struct tasklet_struct){ .callback = callback };
	INIT_WORK(&t->work, run);
}

void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long data),
		  unsigned long data)
{
	tasklet_setup(t, NULL);
	t->func = func;
	t->data = data;
}

void tasklet_schedule(struct tasklet_struct *t)
{
	if (!test_and_set_bit(TASKLET_STATE_SCHED, &t->state))
		queue_work(system_highpri_wq, &t->work);
}

void tasklet_kill(struct tasklet_struct *t)
{
	flush_work(&t->work);
	if (atomic_read(&t->count) && atomic_read(&t->held))
		kernel_oops("tasklet_kill() of one that is scheduled, and "
			    "disabled, would wait for ever");
}

void tasklet_disable(struct tasklet_struct *t)
{
	atomic_inc(&t->count);
	flush_work(&t->work);
}

void tasklet_enable(struct tasklet_struct *t)
{
	if (atomic_dec_and_test(&t->count) && atomic_xchg(&t->held, 0))
		queue_work(system_highpri_wq, &t->work);
}

void kernel_irq_work_run(struct work_struct *work)
{
	struct irq_work *w = container_of(work, struct irq_work, work);

	w->func(w);
}
