// SPDX-License-Identifier: GPL-2.0-only
/*
 * RCU with two counters of readers. A grace period turns new readers to the
 * other counter and waits for the first to be empty, twice: a reader may have
 * looked which one it is before, and count itself after.
 */
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "runtime.h"

static unsigned int side;
static unsigned int readers[2];
static DEFINE_MUTEX(rcu_gp);

static unsigned int enter(unsigned int *which, unsigned int count[2])
{
	const unsigned int to = __atomic_load_n(which, __ATOMIC_SEQ_CST) & 1;

	__atomic_fetch_add(&count[to], 1, __ATOMIC_SEQ_CST);
	return to;
}

static void leave(unsigned int *count)
{
	if (!__atomic_sub_fetch(count, 1, __ATOMIC_SEQ_CST))
		host_wake(count, true);
}

static void turn(unsigned int *which, unsigned int count[2], const char *what)
{
	unsigned int old, n;
	int twice;

	for (twice = 0; twice < 2; twice++) {
		old = __atomic_fetch_xor(which, 1, __ATOMIC_SEQ_CST) & 1;
		while ((n = __atomic_load_n(&count[old], __ATOMIC_SEQ_CST)))
			kernel_must_sleep_on(&count[old], n, what);
	}
}

void rcu_read_lock(void)
{
	struct task_struct *t = kernel_current();

	if (!t->rcu_nesting++)
		t->rcu_side = enter(&side, readers);
}

void rcu_read_unlock(void)
{
	struct task_struct *t = kernel_current();

	if (!t->rcu_nesting)
		kernel_oops("rcu_read_unlock() without rcu_read_lock()");
	if (!--t->rcu_nesting)
		leave(&readers[t->rcu_side]);
}

int rcu_read_lock_held(void)
{
	return kernel_current()->rcu_nesting;
}

void synchronize_rcu(void)
{
	if (rcu_read_lock_held())
		kernel_oops("synchronize_rcu() in a read-side critical "
			    "section would wait for itself");
	mutex_lock(&rcu_gp);
	turn(&side, readers, "synchronize_rcu()");
	mutex_unlock(&rcu_gp);
}

/* ---- call_rcu(): a thread of its own ----------------------------------- */

/* kfree_rcu() has a number for a function: where the head is in the object. */
enum { MAX_OFFSET = 4096 };

static struct kernel_leaf leaf;
static struct rcu_head *first, **last = &first;
static unsigned long nr_queued, nr_done;
static unsigned int news; /* futex: of the thread */
static unsigned int ends; /* futex: of those that wait for it */
static struct host_thread *thread;
static bool stops;

static void call(void *arg)
{
	struct rcu_head *head = arg;
	const unsigned long offset = (unsigned long)head->func;

	if (offset < MAX_OFFSET)
		kvfree((char *)head - offset);
	else
		head->func(head);
}

static void grace_period(void *arg)
{
	(void)arg;
	synchronize_rcu();
}

static void take_turns(void *arg)
{
	struct rcu_head *head, *next;
	unsigned int seen;
	bool stop;

	(void)arg;
	host_set_thread_name("rcu");
	for (;;) {
		seen = __atomic_load_n(&news, __ATOMIC_SEQ_CST);
		kernel_leaf_lock(&leaf);
		head = first;
		first = NULL;
		last = &first;
		stop = stops;
		kernel_leaf_unlock(&leaf);
		if (!head) {
			if (stop)
				return;
			host_sleep_on(&news, seen, -1);
			continue;
		}
		kernel_run(grace_period, NULL);
		for (; head; head = next) {
			next = head->next;
			kernel_run(call, head);
			__atomic_fetch_add(&nr_done, 1, __ATOMIC_SEQ_CST);
		}
		__atomic_fetch_add(&ends, 1, __ATOMIC_SEQ_CST);
		host_wake(&ends, true);
	}
}

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	head->next = NULL;
	head->func = func;
	kernel_leaf_lock(&leaf);
	*last = head;
	last = &head->next;
	nr_queued++;
	if (!thread)
		thread = host_start(take_turns, NULL);
	kernel_leaf_unlock(&leaf);
	__atomic_fetch_add(&news, 1, __ATOMIC_SEQ_CST);
	host_wake(&news, true);
}

void kernel_kfree_rcu(struct rcu_head *head, void *object)
{
	call_rcu(head,
		 (rcu_callback_t)((unsigned long)head - (unsigned long)object));
}

void kernel_kfree_rcu_mightsleep(const void *object)
{
	if (!object)
		return;
	synchronize_rcu();
	kvfree(object);
}

void rcu_barrier(void)
{
	unsigned long until;
	unsigned int seen;

	kernel_leaf_lock(&leaf);
	until = nr_queued;
	kernel_leaf_unlock(&leaf);
	if (__atomic_load_n(&nr_done, __ATOMIC_SEQ_CST) < until &&
	    rcu_read_lock_held())
		kernel_oops("rcu_barrier() in a read-side critical section "
			    "would wait for itself");
	for (;;) {
		seen = __atomic_load_n(&ends, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&nr_done, __ATOMIC_SEQ_CST) >= until)
			return;
		kernel_must_sleep_on(&ends, seen, "rcu_barrier()");
	}
}

static bool idle(void)
{
	bool all;

	kernel_leaf_lock(&leaf);
	all = __atomic_load_n(&nr_done, __ATOMIC_SEQ_CST) >= nr_queued;
	kernel_leaf_unlock(&leaf);
	return all;
}

void rcu_drain(void)
{
	int rounds = 0;

	do
		rcu_barrier();
	while (!idle() && ++rounds < 100);
}

void rcu_stop(void)
{
	struct host_thread *t;

	/* Whoever was left in a read side never comes back. */
	__atomic_store_n(&readers[0], 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&readers[1], 0, __ATOMIC_SEQ_CST);
	kernel_leaf_lock(&leaf);
	stops = true;
	t = thread;
	thread = NULL;
	kernel_leaf_unlock(&leaf);
	__atomic_fetch_add(&news, 1, __ATOMIC_SEQ_CST);
	host_wake(&news, true);
	if (t)
		kernel_join(t);
	stops = false;
}

/* ---- SRCU -------------------------------------------------------------- */

int init_srcu_struct(struct srcu_struct *s)
{
	s->side = s->readers[0] = s->readers[1] = 0;
	mutex_init(&s->mutex);
	return 0;
}

void cleanup_srcu_struct(struct srcu_struct *s)
{
	WARN_ON(s->readers[0] || s->readers[1]);
}

int srcu_read_lock(struct srcu_struct *s)
{
	return (int)enter(&s->side, s->readers);
}

void srcu_read_unlock(struct srcu_struct *s, int of)
{
	leave(&s->readers[of]);
}

void synchronize_srcu(struct srcu_struct *s)
{
	mutex_lock(&s->mutex);
	turn(&s->side, s->readers, "synchronize_srcu()");
	mutex_unlock(&s->mutex);
}
