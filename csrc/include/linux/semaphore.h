/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: counting semaphores, which nobody owns; waiters in their order. */
#ifndef __LINUX_SEMAPHORE_H
#define __LINUX_SEMAPHORE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

struct semaphore {
	unsigned int count;
	struct wait_queue_head wait;
};

#define __SEMAPHORE_INITIALIZER(n, i)                                          \
	{ .count = (i), .wait = __WAIT_QUEUE_HEAD_INITIALIZER((n).wait) }
#define DEFINE_SEMAPHORE(n, i)                                                 \
	struct semaphore n = __SEMAPHORE_INITIALIZER(n, i)

void sema_init(struct semaphore *sem, int count);
void down(struct semaphore *sem);
int down_interruptible(struct semaphore *sem); /* 0 or -EINTR */
int down_killable(struct semaphore *sem);
int down_trylock(struct semaphore *sem);               /* 1: not to be had */
int down_timeout(struct semaphore *sem, long timeout); /* 0 or -ETIME */
void up(struct semaphore *sem);

#endif
