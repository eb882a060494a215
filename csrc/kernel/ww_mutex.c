// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutexes under a context: a mutex, and whose it is. Who has none yet waits for
 * the mutex itself, so that lockdep and the search for deadlocks see it. Who has
 * some tries, and sleeps in between in a queue that all of them share: each
 * change of a holder wakes it, and it looks whether it has to back off.
 */
#include <linux/errno.h>
#include <linux/wait_bit.h>
#include <linux/ww_mutex.h>

#include "runtime.h"

static struct kernel_leaf leaf; /* of who holds what, and is wounded */

static struct wait_queue_head *queue(void)
{
	return kernel_wait_table(&leaf);
}

static void hold(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	kernel_leaf_lock(&leaf);
	lock->ctx = ctx;
	ctx->acquired++;
	kernel_leaf_unlock(&leaf);
	wake_up_all(queue());
}

/* May ctx go on waiting for it? Else it has to give what it has. */
static bool may_wait(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	struct ww_acquire_ctx *holder;
	bool dies, wounds = false;

	kernel_leaf_lock(&leaf);
	holder = lock->ctx;
	dies = ctx->wounded;
	if (holder && ctx->is_wait_die) {
		dies |= ctx->stamp > holder->stamp;
	} else if (holder && ctx->stamp < holder->stamp && !holder->wounded) {
		__atomic_store_n(&holder->wounded, 1, __ATOMIC_RELAXED);
		wounds = true;
	}
	kernel_leaf_unlock(&leaf);
	if (wounds)
		wake_up_all(queue());
	return !dies;
}

static int lock_more(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
		     bool interruptible, const char *where)
{
	struct wait_queue_entry entry;
	long given_up;
	int ret;

	init_wait_entry(&entry, 0);
	for (;;) {
		given_up = prepare_to_wait_event(queue(), &entry,
						 interruptible ?
							 TASK_INTERRUPTIBLE :
							 TASK_UNINTERRUPTIBLE);
		ret = kernel_lock_take(&lock->base.lock, SP_LOCK_TRY, 0, true,
				       where);
		if (!ret)
			break;
		ret = -EDEADLK;
		if (!may_wait(lock, ctx))
			break;
		ret = -EINTR;
		if (given_up && interruptible)
			break;
		schedule();
	}
	finish_wait(queue(), &entry);
	return ret;
}

int kernel_ww_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
		   bool interruptible, const char *where)
{
	bool mine;
	int ret;

	if (!ctx)
		return kernel_lock_take(&lock->base.lock, SP_LOCK_WAIT, 0,
					interruptible, where);
	WARN(ctx->done, "a mutex is taken after ww_acquire_done()");
	kernel_leaf_lock(&leaf);
	mine = lock->ctx == ctx;
	if (!ctx->acquired)
		ctx->wounded = 0;
	kernel_leaf_unlock(&leaf);
	if (mine)
		return -EALREADY;
	if (ctx->acquired)
		ret = lock_more(lock, ctx, interruptible, where);
	else
		ret = kernel_lock_take(&lock->base.lock, SP_LOCK_WAIT, 0,
				       interruptible, where);
	if (!ret)
		hold(lock, ctx);
	return ret;
}

int kernel_ww_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
		      const char *where)
{
	if (kernel_lock_take(&lock->base.lock, SP_LOCK_TRY, 0, true, where))
		return 0;
	if (ctx)
		hold(lock, ctx);
	return 1;
}

void kernel_ww_unlock(struct ww_mutex *lock, const char *where)
{
	kernel_leaf_lock(&leaf);
	if (lock->ctx)
		lock->ctx->acquired--;
	lock->ctx = NULL;
	kernel_leaf_unlock(&leaf);
	kernel_lock_give(&lock->base.lock, where);
	wake_up_all(queue());
}
