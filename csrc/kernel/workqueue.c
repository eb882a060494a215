// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workqueues. Every queueing has a serial, by which others wait for its end:
 * a work may free itself, so nobody looks at it once its function runs.
 */
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <shrinkpy/alloc.h>

#include "runtime.h"

enum { PENDING = 1 << 0, CANCELING = 1 << 1, MAX_WORKERS = 8 };

struct worker {
	struct list_head list;
	struct workqueue_struct *wq;
	struct work_struct *busy; /* NULL: it has none */
	unsigned long serial;     /* of busy */
	struct host_thread *thread;
};

struct workqueue_struct {
	struct list_head list;
	struct list_head works;
	struct list_head workers;
	unsigned int nr_workers, max_workers, nr_idle;
	bool drains, stops;
	const char *where; /* NULL: one of the system's */
	char name[64];
};

#define SYSTEM_WQ(n)                                                           \
	static struct workqueue_struct n##_own = {                             \
		.list = { &n##_own.list, &n##_own.list },                      \
		.works = { &n##_own.works, &n##_own.works },                   \
		.workers = { &n##_own.workers, &n##_own.workers },             \
		.max_workers = MAX_WORKERS,                                    \
		.name = #n                                                     \
	};                                                                     \
	struct workqueue_struct *const n = &n##_own
SYSTEM_WQ(system_wq);
SYSTEM_WQ(system_highpri_wq);
SYSTEM_WQ(system_long_wq);
SYSTEM_WQ(system_unbound_wq);
SYSTEM_WQ(system_freezable_wq);
SYSTEM_WQ(system_power_efficient_wq);

static struct workqueue_struct *const *const system_wqs[] = {
	&system_wq,         &system_highpri_wq,   &system_long_wq,
	&system_unbound_wq, &system_freezable_wq, &system_power_efficient_wq,
};
enum { NR_SYSTEM_WQS = sizeof(system_wqs) / sizeof(system_wqs[0]) };

/* One for all of them. */
static struct kernel_leaf leaf;
static LIST_HEAD(queues); /* the driver's own */
static unsigned long next_serial;
static unsigned int changes; /* futex: work came, or ended */

static __thread struct worker *this_worker;

static void changed(void)
{
	__atomic_fetch_add(&changes, 1, __ATOMIC_SEQ_CST);
	host_wake(&changes, true);
}

/* ---- workers, under leaf ----------------------------------------------- */

static bool is_running(const struct work_struct *work,
		       const struct workqueue_struct *wq, unsigned long *serial)
{
	const struct worker *w;

	list_for_each_entry(w, &wq->workers, list)
	{
		if (w->busy == work) {
			*serial = w->serial;
			return true;
		}
	}
	return false;
}

/* The first that no other worker runs. */
static struct work_struct *take_work(struct worker *self)
{
	struct work_struct *work;
	unsigned long serial;

	list_for_each_entry(work, &self->wq->works, entry)
	{
		if (is_running(work, self->wq, &serial))
			continue;
		list_del_init(&work->entry);
		__atomic_fetch_and(&work->data, ~(unsigned long)PENDING,
				   __ATOMIC_RELAXED);
		self->busy = work;
		self->serial = work->serial;
		return work;
	}
	return NULL;
}

struct job {
	struct work_struct *work;
	work_func_t func;
};

static void run_job(void *arg)
{
	const struct job *job = arg;

	job->func(job->work);
}

static void work_for_ever(void *arg)
{
	struct worker *self = arg;
	struct workqueue_struct *wq = self->wq;
	unsigned int seen;
	struct job job;

	this_worker = self;
	host_set_thread_name(wq->name);
	kernel_leaf_lock(&leaf);
	for (;;) {
		job.work = take_work(self);
		if (job.work) {
			job.func = job.work->func;
			kernel_leaf_unlock(&leaf);
			kernel_run(run_job, &job);
			kernel_leaf_lock(&leaf);
			self->busy = NULL;
			changed();
			continue;
		}
		if (wq->stops)
			break;
		seen = __atomic_load_n(&changes, __ATOMIC_SEQ_CST);
		wq->nr_idle++;
		kernel_leaf_unlock(&leaf);
		host_sleep_on(&changes, seen, -1);
		kernel_leaf_lock(&leaf);
		wq->nr_idle--;
	}
	kernel_leaf_unlock(&leaf);
}

static void need_worker(struct workqueue_struct *wq)
{
	struct worker *w;

	if (wq->nr_idle || wq->nr_workers >= wq->max_workers || wq->stops)
		return;
	w = host_alloc(sizeof(*w), 0, true);
	if (!w)
		return;
	w->wq = wq;
	list_add_tail(&w->list, &wq->workers);
	w->thread = host_start(work_for_ever, w);
	if (w->thread) {
		wq->nr_workers++;
		return;
	}
	list_del(&w->list);
	host_free(w);
}

/* ---- queueing ---------------------------------------------------------- */

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	bool queued = false;

	kernel_leaf_lock(&leaf);
	if (!(work->data & (PENDING | CANCELING)) && !wq->stops) {
		__atomic_fetch_or(&work->data, PENDING, __ATOMIC_RELAXED);
		work->wq = wq;
		work->serial = ++next_serial;
		list_add_tail(&work->entry, &wq->works);
		need_worker(wq);
		queued = true;
	}
	kernel_leaf_unlock(&leaf);
	if (queued)
		changed();
	return queued;
}

bool work_pending(const struct work_struct *work)
{
	return __atomic_load_n(&work->data, __ATOMIC_RELAXED) & PENDING;
}

struct work_struct *current_work(void)
{
	return this_worker ? this_worker->busy : NULL;
}

/* The serial to wait for, 0: none. running: not what is pending. */
static unsigned long find_serial(const struct work_struct *work, bool running)
{
	unsigned long serial = 0;

	if (!running && work->data & PENDING)
		return work->serial;
	if (work->wq)
		is_running(work, work->wq, &serial);
	return serial;
}

unsigned int work_busy(struct work_struct *work)
{
	unsigned int busy;

	kernel_leaf_lock(&leaf);
	busy = (work->data & PENDING ? 1u : 0u) |
	       (find_serial(work, true) ? 2u : 0u);
	kernel_leaf_unlock(&leaf);
	return busy;
}

/* Is a serial up to this one (or just this one) queued, or being run? */
static bool is_busy(const struct workqueue_struct *wq, unsigned long serial,
		    bool just)
{
	const struct work_struct *work;
	const struct worker *w;

	list_for_each_entry(work, &wq->works, entry)
	{
		if (work->serial == serial || (!just && work->serial < serial))
			return true;
	}
	list_for_each_entry(w, &wq->workers, list)
	{
		if (w->busy &&
		    (w->serial == serial || (!just && w->serial < serial)))
			return true;
	}
	return false;
}

static void wait_for_serial(struct workqueue_struct *wq, unsigned long serial,
			    bool just, const char *what)
{
	unsigned int seen;
	bool busy;

	if (this_worker && this_worker->wq == wq &&
	    (this_worker->serial == serial ||
	     (!just && this_worker->serial < serial)))
		kernel_oops("%s in the work itself would wait for itself",
			    what);
	for (;;) {
		seen = __atomic_load_n(&changes, __ATOMIC_SEQ_CST);
		kernel_leaf_lock(&leaf);
		busy = is_busy(wq, serial, just);
		kernel_leaf_unlock(&leaf);
		if (!busy)
			return;
		kernel_must_sleep_on(&changes, seen, what);
	}
}

bool flush_work(struct work_struct *work)
{
	struct workqueue_struct *wq;
	unsigned long serial;

	kernel_leaf_lock(&leaf);
	serial = find_serial(work, false);
	wq = work->wq;
	kernel_leaf_unlock(&leaf);
	if (serial)
		wait_for_serial(wq, serial, true, "flush_work()");
	return serial;
}

static bool take_back(struct work_struct *work)
{
	if (!(work->data & PENDING))
		return false;
	list_del_init(&work->entry);
	__atomic_fetch_and(&work->data, ~(unsigned long)PENDING,
			   __ATOMIC_RELAXED);
	return true;
}

bool cancel_work(struct work_struct *work)
{
	bool was;

	kernel_leaf_lock(&leaf);
	was = take_back(work);
	kernel_leaf_unlock(&leaf);
	if (was)
		changed();
	return was;
}

bool cancel_work_sync(struct work_struct *work)
{
	struct workqueue_struct *wq;
	unsigned long serial;
	bool was;

	kernel_leaf_lock(&leaf);
	was = take_back(work);
	serial = find_serial(work, true);
	wq = work->wq;
	if (serial)
		__atomic_fetch_or(&work->data, CANCELING, __ATOMIC_RELAXED);
	kernel_leaf_unlock(&leaf);
	if (was)
		changed();
	if (!serial)
		return was;
	wait_for_serial(wq, serial, true, "cancel_work_sync()");
	kernel_leaf_lock(&leaf);
	__atomic_fetch_and(&work->data, ~(unsigned long)CANCELING,
			   __ATOMIC_RELAXED);
	kernel_leaf_unlock(&leaf);
	return was;
}

/* ---- delayed ----------------------------------------------------------- */

void delayed_work_timer_fn(struct timer_list *t)
{
	struct delayed_work *dwork = from_timer(dwork, t, timer);

	queue_work(dwork->wq, &dwork->work);
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
			unsigned long delay)
{
	if (work_pending(&dwork->work) || timer_pending(&dwork->timer))
		return false;
	if (!delay)
		return queue_work(wq, &dwork->work);
	dwork->wq = wq;
	mod_timer(&dwork->timer, kernel_jiffies() + delay);
	return true;
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
		      unsigned long delay)
{
	const bool was = cancel_delayed_work(dwork);

	queue_delayed_work(wq, dwork, delay);
	return was;
}

bool cancel_delayed_work(struct delayed_work *dwork)
{
	const bool timed = timer_delete(&dwork->timer);

	return cancel_work(&dwork->work) || timed;
}

bool cancel_delayed_work_sync(struct delayed_work *dwork)
{
	const bool timed = timer_delete_sync(&dwork->timer);
	const bool was = cancel_work_sync(&dwork->work);

	/* It may have queued itself again while it was waited for. */
	return timer_delete_sync(&dwork->timer) || timed || was;
}

bool flush_delayed_work(struct delayed_work *dwork)
{
	if (timer_delete_sync(&dwork->timer))
		queue_work(dwork->wq, &dwork->work);
	return flush_work(&dwork->work);
}

static void rcu_work_fn(struct rcu_head *head)
{
	struct rcu_work *rwork = container_of(head, struct rcu_work, rcu);

	kernel_leaf_lock(&leaf);
	__atomic_fetch_and(&rwork->work.data, ~(unsigned long)PENDING,
			   __ATOMIC_RELAXED);
	kernel_leaf_unlock(&leaf);
	queue_work(rwork->wq, &rwork->work);
}

bool queue_rcu_work(struct workqueue_struct *wq, struct rcu_work *rwork)
{
	bool first;

	kernel_leaf_lock(&leaf);
	first = !(rwork->work.data & PENDING);
	__atomic_fetch_or(&rwork->work.data, PENDING, __ATOMIC_RELAXED);
	rwork->wq = wq;
	kernel_leaf_unlock(&leaf);
	if (first)
		call_rcu(&rwork->rcu, rcu_work_fn);
	return first;
}

/* ---- queues ------------------------------------------------------------ */

struct workqueue_struct *kernel_alloc_workqueue(const char *where,
						const char *fmt,
						unsigned int flags,
						int max_active, ...)
{
	struct workqueue_struct *wq;
	va_list args;

	if (sp_charge(kernel_machine, GFP_KERNEL, sizeof(*wq), where))
		return NULL;
	wq = host_alloc(sizeof(*wq), 0, true);
	if (!wq) {
		sp_uncharge(kernel_machine, sizeof(*wq));
		return NULL;
	}
	va_start(args, max_active);
	kernel_vsnprintf(wq->name, sizeof(wq->name), fmt, args);
	va_end(args);
	INIT_LIST_HEAD(&wq->works);
	INIT_LIST_HEAD(&wq->workers);
	wq->where = where;
	wq->max_workers = MAX_WORKERS;
	if (flags & __WQ_ORDERED)
		wq->max_workers = 1;
	else if (max_active > 0 && max_active < MAX_WORKERS)
		wq->max_workers = (unsigned int)max_active;
	kernel_leaf_lock(&leaf);
	list_add_tail(&wq->list, &queues);
	kernel_leaf_unlock(&leaf);
	return wq;
}

void kernel_flush_workqueue(struct workqueue_struct *wq)
{
	unsigned long serial;

	kernel_leaf_lock(&leaf);
	serial = next_serial;
	kernel_leaf_unlock(&leaf);
	wait_for_serial(wq, serial, false, "flush_workqueue()");
}

void drain_workqueue(struct workqueue_struct *wq)
{
	wait_for_serial(wq, ~0ul, false, "drain_workqueue()");
}

static void stop_workers(struct workqueue_struct *wq)
{
	struct worker *w;

	kernel_leaf_lock(&leaf);
	wq->stops = true;
	kernel_leaf_unlock(&leaf);
	changed();
	/* No more of them come. */
	while ((w = list_first_entry_or_null(&wq->workers, struct worker,
					     list))) {
		kernel_join(w->thread);
		kernel_leaf_lock(&leaf);
		list_del(&w->list);
		kernel_leaf_unlock(&leaf);
		host_free(w);
	}
	wq->nr_workers = 0;
	wq->stops = false;
}

static void drop_works(struct workqueue_struct *wq)
{
	struct work_struct *work;

	kernel_leaf_lock(&leaf);
	while ((work = list_first_entry_or_null(&wq->works, struct work_struct,
						entry)))
		take_back(work);
	kernel_leaf_unlock(&leaf);
}

static void drop_queue(struct workqueue_struct *wq)
{
	kernel_leaf_lock(&leaf);
	list_del(&wq->list);
	kernel_leaf_unlock(&leaf);
	sp_uncharge(kernel_machine, sizeof(*wq));
	host_free(wq);
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	drain_workqueue(wq);
	stop_workers(wq);
	drop_queue(wq);
}

static void for_each_queue(void (*fn)(struct workqueue_struct *wq))
{
	struct workqueue_struct *wq, *next;
	int i;

	for (i = 0; i < NR_SYSTEM_WQS; i++)
		fn(*system_wqs[i]);
	list_for_each_entry_safe (wq, next, &queues, list)
		fn(wq);
}

void workqueues_flush(void)
{
	for_each_queue(kernel_flush_workqueue);
}

static void stop_now(struct workqueue_struct *wq)
{
	drop_works(wq);
	stop_workers(wq);
}

void workqueues_stop(void)
{
	for_each_queue(stop_now);
}

void workqueues_exit(void)
{
	while (!list_empty(&queues))
		drop_queue(list_first_entry(&queues, struct workqueue_struct,
					    list));
}

void workqueues_leaks(struct text *t)
{
	struct workqueue_struct *wq;

	kernel_leaf_lock(&leaf);
	list_for_each_entry(wq, &queues, list)
		text_printf(t, "workqueue %s\n", wq->name);
	kernel_leaf_unlock(&leaf);
}
