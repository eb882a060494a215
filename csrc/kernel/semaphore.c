// SPDX-License-Identifier: GPL-2.0-only
/* Counting semaphores: a count, and a wait queue. */
#include <linux/errno.h>
#include <linux/semaphore.h>

#include "runtime.h"

static bool take(struct semaphore *sem)
{
	unsigned int n = __atomic_load_n(&sem->count, __ATOMIC_RELAXED);

	do {
		if (!n)
			return false;
	} while (!__atomic_compare_exchange_n(&sem->count, &n, n - 1, false,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	return true;
}

void sema_init(struct semaphore *sem, int count)
{
	sem->count = (unsigned int)count;
	init_waitqueue_head(&sem->wait);
}

void down(struct semaphore *sem)
{
	KERNEL_WAIT_NOW_(sem->wait, take(sem), TASK_UNINTERRUPTIBLE,
			 WQ_FLAG_EXCLUSIVE);
}

static int down_in(struct semaphore *sem, int state)
{
	const int ret = KERNEL_WAIT_INT_(sem->wait, take(sem), state,
					 WQ_FLAG_EXCLUSIVE);

	return ret ? -EINTR : 0;
}

int down_interruptible(struct semaphore *sem)
{
	return down_in(sem, TASK_INTERRUPTIBLE);
}

int down_killable(struct semaphore *sem)
{
	return down_in(sem, TASK_KILLABLE);
}

int down_trylock(struct semaphore *sem)
{
	return !take(sem);
}

int down_timeout(struct semaphore *sem, long timeout)
{
	bool taken = take(sem);

	if (!taken)
		KERNEL_WAIT_(sem->wait, (taken = take(sem)),
			     TASK_UNINTERRUPTIBLE, WQ_FLAG_EXCLUSIVE, timeout,
			     (void)0, (void)0);
	return taken ? 0 : -ETIME;
}

void up(struct semaphore *sem)
{
	struct wait_queue_entry *entry, *next;

	/* It may go as soon as a waiter has it: the queue's lock is last. */
	kernel_leaf_lock(&sem->wait.leaf);
	__atomic_fetch_add(&sem->count, 1, __ATOMIC_SEQ_CST);
	list_for_each_entry_safe (entry, next, &sem->wait.head, entry) {
		if (entry->func(entry, TASK_NORMAL | TASK_WAKEKILL, 0, NULL))
			break;
	}
	kernel_leaf_unlock(&sem->wait.leaf);
}
