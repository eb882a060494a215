/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: mutexes that are taken in any order under a context, whose later
 * ones back off (wait-die) or are made to (wound-wait): -EDEADLK.
 * Otherwise: a waiter is passed by whoever comes while it wakes.
 */
#ifndef __LINUX_WW_MUTEX_H
#define __LINUX_WW_MUTEX_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/rtmutex.h>
#include <linux/sched.h>

struct ww_class {
	atomic_long_t stamp;
	struct lock_class_key acquire_key;
	struct lock_class_key mutex_key;
	const char *acquire_name;
	const char *mutex_name;
	unsigned int is_wait_die;
};

struct ww_mutex {
	struct mutex base;
	struct ww_acquire_ctx *ctx; /* of the holder, or NULL */
};

struct ww_acquire_ctx {
	struct task_struct *task;
	unsigned long stamp; /* smaller: older, and goes first */
	unsigned int acquired;
	unsigned short wounded;
	unsigned short is_wait_die;
	struct ww_class *ww_class;
	bool done;
};

#define __WW_CLASS_INITIALIZER(name, wait_die)                                 \
	{ .acquire_name = #name "_acquire",                                    \
	  .mutex_name = #name "_mutex",                                        \
	  .is_wait_die = (wait_die) }
#define DEFINE_WD_CLASS(n) struct ww_class n = __WW_CLASS_INITIALIZER(n, 1)
#define DEFINE_WW_CLASS(n) struct ww_class n = __WW_CLASS_INITIALIZER(n, 0)

static inline void ww_mutex_init(struct ww_mutex *lock, struct ww_class *class)
{
	__mutex_init(&lock->base, class->mutex_name, &class->mutex_key);
	lock->ctx = NULL;
}

static inline void ww_acquire_init(struct ww_acquire_ctx *ctx,
				   struct ww_class *class)
{
	*ctx = (struct ww_acquire_ctx){
		.task = current,
		.stamp = (unsigned long)atomic_long_inc_return(&class->stamp),
		.is_wait_die = class->is_wait_die != 0,
		.ww_class = class,
	};
}

static inline void ww_acquire_done(struct ww_acquire_ctx *ctx)
{
	WARN_ON(ctx->done);
	ctx->done = true;
}

static inline void ww_acquire_fini(struct ww_acquire_ctx *ctx)
{
	WARN_ON(ctx->acquired);
}

/*
 * 0; -EALREADY: ctx has it; -EDEADLK: ctx has to give all it has, and to take
 * this one first (ww_mutex_lock_slow()); -EINTR.
 */
int kernel_ww_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
		   bool interruptible, const char *where);
int kernel_ww_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
		      const char *where);
void kernel_ww_unlock(struct ww_mutex *lock, const char *where);

#define ww_mutex_lock(lock, ctx) kernel_ww_lock(lock, ctx, false, KERNEL_HERE)
#define ww_mutex_lock_interruptible(lock, ctx)                                 \
	kernel_ww_lock(lock, ctx, true, KERNEL_HERE)
#define ww_mutex_lock_slow(lock, ctx) ((void)ww_mutex_lock(lock, ctx))
#define ww_mutex_lock_slow_interruptible(lock, ctx)                            \
	ww_mutex_lock_interruptible(lock, ctx)
#define ww_mutex_trylock(lock, ctx) kernel_ww_trylock(lock, ctx, KERNEL_HERE)
#define ww_mutex_unlock(lock) kernel_ww_unlock(lock, KERNEL_HERE)
#define ww_mutex_is_locked(lock) mutex_is_locked(&(lock)->base)
#define ww_mutex_destroy(lock) mutex_destroy(&(lock)->base)

#endif
