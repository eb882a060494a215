// SPDX-License-Identifier: GPL-2.0-only
/* Timers: a list by time, and a thread that starts with the first of them. */
#include <linux/hrtimer.h>
#include <linux/timer.h>

#include "runtime.h"

static struct kernel_leaf leaf;
static struct timer_list *pending;
static struct timer_list *runs;
static int runner; /* its tid */
static unsigned int news;
static struct host_thread *thread;
static bool stops;

static bool unlink_timer(struct timer_list *t)
{
	struct timer_list **p;

	for (p = &pending; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			__atomic_store_n(&t->pending, false, __ATOMIC_RELAXED);
			return true;
		}
	}
	return false;
}

static void call(void *arg)
{
	struct timer_list *t = arg;

	t->function(t);
}

static void notify(void)
{
	__atomic_fetch_add(&news, 1, __ATOMIC_SEQ_CST);
	host_wake(&news, true);
}

static void run_timers(void *arg)
{
	struct timer_list *t;
	unsigned int seen;
	long wait;

	(void)arg;
	host_set_thread_name("timers");
	runner = host_tid();
	kernel_leaf_lock(&leaf);
	while (!stops) {
		t = pending;
		seen = __atomic_load_n(&news, __ATOMIC_SEQ_CST);
		wait = t ? (long)(t->expires - kernel_jiffies()) : -1;
		if (t && wait <= 0) {
			unlink_timer(t);
			runs = t;
			kernel_leaf_unlock(&leaf);
			kernel_run(call, t);
			kernel_leaf_lock(&leaf);
			runs = NULL;
			notify();
			continue;
		}
		kernel_leaf_unlock(&leaf);
		host_sleep_on(&news, seen, t ? wait * TICK_NSEC : -1);
		kernel_leaf_lock(&leaf);
	}
	kernel_leaf_unlock(&leaf);
}

int mod_timer(struct timer_list *t, unsigned long expires)
{
	struct timer_list **p;
	int was;

	kernel_leaf_lock(&leaf);
	was = unlink_timer(t);
	t->expires = expires;
	__atomic_store_n(&t->pending, true, __ATOMIC_RELAXED);
	for (p = &pending; *p && time_before_eq((*p)->expires, expires);
	     p = &(*p)->next)
		;
	t->next = *p;
	*p = t;
	if (!thread)
		thread = host_start(run_timers, NULL);
	kernel_leaf_unlock(&leaf);
	notify();
	return was;
}

void add_timer(struct timer_list *t)
{
	if (timer_pending(t))
		kernel_oops("add_timer() of one that is pending");
	mod_timer(t, t->expires);
}

int timer_delete(struct timer_list *t)
{
	int was;

	kernel_leaf_lock(&leaf);
	was = unlink_timer(t);
	kernel_leaf_unlock(&leaf);
	return was;
}

int timer_delete_sync(struct timer_list *t)
{
	unsigned int seen;
	bool busy;
	int was = 0;

	for (;;) {
		seen = __atomic_load_n(&news, __ATOMIC_SEQ_CST);
		kernel_leaf_lock(&leaf);
		was |= unlink_timer(t);
		busy = runs == t;
		kernel_leaf_unlock(&leaf);
		if (!busy)
			return was;
		if (host_tid() == runner)
			kernel_oops("timer_delete_sync() in the timer's own "
				    "function would wait for itself");
		kernel_must_sleep_on(&news, seen, "timer_delete_sync()");
	}
}

int timer_pending(const struct timer_list *t)
{
	return __atomic_load_n(&t->pending, __ATOMIC_RELAXED);
}

void timers_stop(void)
{
	struct host_thread *t;

	kernel_leaf_lock(&leaf);
	stops = true;
	pending = NULL;
	t = thread;
	thread = NULL;
	kernel_leaf_unlock(&leaf);
	notify();
	if (t)
		kernel_join(t);
	stops = false;
}

/* ---- in nanoseconds ---------------------------------------------------- */

static void arm(struct hrtimer *t)
{
	const s64 ns = t->expires - ktime_get();

	mod_timer(&t->timer,
		  kernel_jiffies() +
			  (ns > 0 ? (unsigned long)(ns + TICK_NSEC - 1) /
					    TICK_NSEC :
				    0));
}

static void call_hrtimer(struct timer_list *timer)
{
	struct hrtimer *t = container_of(timer, struct hrtimer, timer);

	if (t->function(t) == HRTIMER_RESTART)
		arm(t);
}

void kernel_hrtimer_init(struct hrtimer *t)
{
	*t = (struct hrtimer){ 0 };
	timer_setup(&t->timer, call_hrtimer, 0);
}

void hrtimer_start(struct hrtimer *t, ktime_t time, enum hrtimer_mode mode)
{
	t->expires = mode & HRTIMER_MODE_REL ? ktime_get() + time : time;
	arm(t);
}

int hrtimer_cancel(struct hrtimer *t)
{
	return timer_delete_sync(&t->timer);
}

u64 hrtimer_forward(struct hrtimer *t, ktime_t now, ktime_t interval)
{
	const s64 late = now - t->expires;
	u64 times;

	if (late < 0)
		return 0;
	times = (u64)(late / interval) + 1;
	t->expires += (s64)times * interval;
	return times;
}
