/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: chains of callbacks, by priority, that may stop the call.
 * Otherwise: the atomic ones, too, are read under RCU whose readers may sleep.
 */
#ifndef _LINUX_NOTIFIER_H
#define _LINUX_NOTIFIER_H

#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/srcu.h>

struct notifier_block;

typedef int (*notifier_fn_t)(struct notifier_block *nb, unsigned long action,
			     void *data);

struct notifier_block {
	notifier_fn_t notifier_call;
	struct notifier_block __rcu *next;
	int priority;
};

struct atomic_notifier_head {
	spinlock_t lock;
	struct notifier_block __rcu *head;
};

struct blocking_notifier_head {
	struct rw_semaphore rwsem;
	struct notifier_block __rcu *head;
};

struct raw_notifier_head {
	struct notifier_block __rcu *head;
};

struct srcu_notifier_head {
	struct mutex mutex;
	struct srcu_struct srcu;
	struct notifier_block __rcu *head;
};

enum {
	NOTIFY_DONE = 0x0000,
	NOTIFY_OK = 0x0001,
	NOTIFY_STOP_MASK = 0x8000,
	NOTIFY_BAD = NOTIFY_STOP_MASK | 0x0002,
	NOTIFY_STOP = NOTIFY_OK | NOTIFY_STOP_MASK,
};

#define ATOMIC_INIT_NOTIFIER_HEAD(n)                                           \
	do {                                                                   \
		spin_lock_init(&(n)->lock);                                    \
		(n)->head = NULL;                                              \
	} while (0)
#define BLOCKING_INIT_NOTIFIER_HEAD(n)                                         \
	do {                                                                   \
		init_rwsem(&(n)->rwsem);                                       \
		(n)->head = NULL;                                              \
	} while (0)
#define RAW_INIT_NOTIFIER_HEAD(n) ((void)((n)->head = NULL))
#define srcu_cleanup_notifier_head(n) cleanup_srcu_struct(&(n)->srcu)
void srcu_init_notifier_head(struct srcu_notifier_head *nh);

#define ATOMIC_NOTIFIER_INIT(n) { .lock = __SPIN_LOCK_UNLOCKED((n).lock) }
#define BLOCKING_NOTIFIER_INIT(n) { .rwsem = __RWSEM_INITIALIZER((n).rwsem) }
#define RAW_NOTIFIER_INIT(n) { .head = NULL }
#define SRCU_NOTIFIER_INIT(n, pcpu)                                            \
	{                                                                      \
		.mutex = __MUTEX_INITIALIZER((n).mutex),                       \
		.srcu = { .mutex = __MUTEX_INITIALIZER((n).srcu.mutex) }       \
	}
#define ATOMIC_NOTIFIER_HEAD(n)                                                \
	struct atomic_notifier_head n = ATOMIC_NOTIFIER_INIT(n)
#define BLOCKING_NOTIFIER_HEAD(n)                                              \
	struct blocking_notifier_head n = BLOCKING_NOTIFIER_INIT(n)
#define RAW_NOTIFIER_HEAD(n) struct raw_notifier_head n = RAW_NOTIFIER_INIT(n)
#define SRCU_NOTIFIER_HEAD(n)                                                  \
	struct srcu_notifier_head n = SRCU_NOTIFIER_INIT(n, )
#define SRCU_NOTIFIER_HEAD_STATIC(n) static SRCU_NOTIFIER_HEAD(n)

/*
 * register: 0, or -EEXIST for a block that is in the chain (a warning, too).
 * unregister: 0, or -ENOENT. call: what the last callback said; NOTIFY_DONE
 * where there is none.
 */
#define KERNEL_CHAIN_(kind)                                                    \
	int kind##_notifier_chain_register(struct kind##_notifier_head *nh,    \
					   struct notifier_block *nb);         \
	int kind##_notifier_chain_unregister(struct kind##_notifier_head *nh,  \
					     struct notifier_block *nb);       \
	int kind##_notifier_call_chain(struct kind##_notifier_head *nh,        \
				       unsigned long action, void *data)

KERNEL_CHAIN_(atomic);
KERNEL_CHAIN_(blocking);
KERNEL_CHAIN_(raw);
KERNEL_CHAIN_(srcu);

static inline int notifier_from_errno(int err)
{
	return err ? NOTIFY_STOP_MASK | (NOTIFY_OK - err) : NOTIFY_OK;
}

static inline int notifier_to_errno(int ret)
{
	ret &= ~NOTIFY_STOP_MASK;
	return ret > NOTIFY_OK ? NOTIFY_OK - ret : 0;
}

#endif
