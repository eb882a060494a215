// SPDX-License-Identifier: GPL-2.0-only
/* Completions: a count, and a wait queue. */
#include <linux/completion.h>

#include "runtime.h"

enum { ALL = ~0u };

void init_completion(struct completion *x)
{
	x->done = 0;
	init_waitqueue_head(&x->wait);
}

void reinit_completion(struct completion *x)
{
	__atomic_store_n(&x->done, 0, __ATOMIC_RELEASE);
}

bool try_wait_for_completion(struct completion *x)
{
	unsigned int done = __atomic_load_n(&x->done, __ATOMIC_ACQUIRE);

	do {
		if (!done)
			return false;
		if (done == ALL)
			break;
	} while (!__atomic_compare_exchange_n(&x->done, &done, done - 1, false,
					      __ATOMIC_ACQUIRE,
					      __ATOMIC_ACQUIRE));
	/*
	 * The one who completed may still be in complete(), and x may go as
	 * soon as this returns: it leaves the queue's lock last.
	 */
	kernel_leaf_lock(&x->wait.leaf);
	kernel_leaf_unlock(&x->wait.leaf);
	return true;
}

bool completion_done(struct completion *x)
{
	return __atomic_load_n(&x->done, __ATOMIC_ACQUIRE);
}

static void finish(struct completion *x, bool all)
{
	struct wait_queue_entry *entry, *next;
	unsigned int done;

	kernel_leaf_lock(&x->wait.leaf);
	done = __atomic_load_n(&x->done, __ATOMIC_RELAXED);
	if (done != ALL)
		__atomic_store_n(&x->done, all ? ALL : done + 1,
				 __ATOMIC_RELEASE);
	list_for_each_entry_safe (entry, next, &x->wait.head, entry) {
		entry->func(entry, TASK_NORMAL, 0, NULL);
		if (!all)
			break;
	}
	kernel_leaf_unlock(&x->wait.leaf);
}

void complete(struct completion *x)
{
	finish(x, false);
}

void complete_all(struct completion *x)
{
	finish(x, true);
}

void wait_for_completion(struct completion *x)
{
	wait_event(x->wait, try_wait_for_completion(x));
}

int wait_for_completion_interruptible(struct completion *x)
{
	return wait_event_interruptible(x->wait, try_wait_for_completion(x));
}

int wait_for_completion_killable(struct completion *x)
{
	return wait_event_killable(x->wait, try_wait_for_completion(x));
}

unsigned long wait_for_completion_timeout(struct completion *x,
					  unsigned long timeout)
{
	return (unsigned long)wait_event_timeout(
		x->wait, try_wait_for_completion(x), (long)timeout);
}

long wait_for_completion_interruptible_timeout(struct completion *x,
					       unsigned long timeout)
{
	return wait_event_interruptible_timeout(
		x->wait, try_wait_for_completion(x), (long)timeout);
}
