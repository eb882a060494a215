/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: no priorities, so none is inherited. */
#ifndef __LINUX_RT_MUTEX_H
#define __LINUX_RT_MUTEX_H

#include <linux/mutex.h>

struct rt_mutex {
	struct sp_lock lock;
};

#define DEFINE_RT_MUTEX(n) struct rt_mutex n = __MUTEX_INITIALIZER(n)
#define rt_mutex_init(l) mutex_init(l)
#define rt_mutex_lock(l) mutex_lock(l)
#define rt_mutex_lock_interruptible(l) mutex_lock_interruptible(l)
#define rt_mutex_lock_killable(l) mutex_lock_killable(l)
#define rt_mutex_trylock(l) mutex_trylock(l)
#define rt_mutex_unlock(l) mutex_unlock(l)
#define rt_mutex_is_locked(l) mutex_is_locked(l)

#endif
