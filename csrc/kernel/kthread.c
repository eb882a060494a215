// SPDX-License-Identifier: GPL-2.0-only
/* Threads of a driver's own. */
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/kthread.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "runtime.h"

struct kthread {
	struct list_head list;
	int (*fn)(void *arg);
	void *arg;
	int ret;
	bool stop;
	char name[64];
	struct task_struct *task; /* set before created */
	struct completion created, ended;
	struct host_thread *thread;
};

static struct kernel_leaf leaf;
static LIST_HEAD(threads);

static void call(void *arg)
{
	struct kthread *k = arg;

	/* kthread_create() leaves it asleep, to be woken or stopped. */
	schedule();
	k->ret = -EINTR;
	if (!kthread_should_stop())
		k->ret = k->fn(k->arg);
}

static void start(void *arg)
{
	struct kthread *k = arg;
	struct task_struct *t;

	host_set_thread_name(k->name);
	t = kernel_current();
	t->flags |= PF_KTHREAD;
	t->kthread = k;
	set_current_state(TASK_UNINTERRUPTIBLE);
	k->task = t;
	complete(&k->created);
	kernel_run(call, k);
	complete_all(&k->ended);
}

struct task_struct *kthread_create(int (*fn)(void *arg), void *arg,
				   const char *fmt, ...)
{
	struct kthread *k = host_alloc(sizeof(*k), 0, true);
	va_list args;

	if (!k)
		return ERR_PTR(-ENOMEM);
	va_start(args, fmt);
	kernel_vsnprintf(k->name, sizeof(k->name), fmt, args);
	va_end(args);
	k->fn = fn;
	k->arg = arg;
	init_completion(&k->created);
	init_completion(&k->ended);
	k->thread = host_start(start, k);
	if (!k->thread) {
		host_free(k);
		return ERR_PTR(-ENOMEM);
	}
	wait_for_completion(&k->created);
	kernel_leaf_lock(&leaf);
	list_add_tail(&k->list, &threads);
	kernel_leaf_unlock(&leaf);
	return k->task;
}

bool kthread_should_stop(void)
{
	struct kthread *k = kernel_current()->kthread;

	return k && __atomic_load_n(&k->stop, __ATOMIC_ACQUIRE);
}

int kthread_stop(struct task_struct *t)
{
	struct kthread *k = t->kthread;
	int ret;

	if (k == kernel_current()->kthread)
		kernel_oops("kthread_stop() of the thread itself would wait "
			    "for itself");
	__atomic_store_n(&k->stop, true, __ATOMIC_RELEASE);
	wake_up_process(t);
	wait_for_completion(&k->ended);
	kernel_join(k->thread);
	kernel_leaf_lock(&leaf);
	list_del(&k->list);
	kernel_leaf_unlock(&leaf);
	ret = k->ret;
	host_free(k);
	return ret;
}

void kthreads_leaks(struct text *t)
{
	struct kthread *k;

	kernel_leaf_lock(&leaf);
	list_for_each_entry(k, &threads, list)
		text_printf(t, "kthread %s\n", k->name);
	kernel_leaf_unlock(&leaf);
}

void kthreads_stop(void)
{
	while (!list_empty(&threads))
		kthread_stop(
			list_first_entry(&threads, struct kthread, list)->task);
}

/* ---- works of a thread of one's own ------------------------------------ */

static void run_work(struct work_struct *w)
{
	struct kthread_work *work = container_of(w, struct kthread_work, work);

	work->worker->task = kernel_current();
	work->func(work);
}

void kthread_init_work_fn(struct kthread_work *work, kthread_work_func_t func)
{
	INIT_WORK(&work->work, run_work);
	work->func = func;
	work->worker = NULL;
}

struct kthread_worker *kernel_kthread_worker(const char *where, const char *fmt,
					     ...)
{
	struct kthread_worker *worker = kernel_kmalloc(
		sizeof(*worker), GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE, where);
	char name[64];
	va_list args;

	if (!worker)
		return ERR_PTR(-ENOMEM);
	va_start(args, fmt);
	kernel_vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	worker->wq = alloc_ordered_workqueue("%s", 0, name);
	if (worker->wq)
		return worker;
	kfree(worker);
	return ERR_PTR(-ENOMEM);
}

void kthread_destroy_worker(struct kthread_worker *worker)
{
	destroy_workqueue(worker->wq);
	kfree(worker);
}

bool kthread_queue_work(struct kthread_worker *worker,
			struct kthread_work *work)
{
	work->worker = worker;
	return queue_work(worker->wq, &work->work);
}

void kthread_flush_work(struct kthread_work *work)
{
	flush_work(&work->work);
}

void kthread_flush_worker(struct kthread_worker *worker)
{
	flush_workqueue(worker->wq);
}

bool kthread_cancel_work_sync(struct kthread_work *work)
{
	return cancel_work_sync(&work->work);
}
