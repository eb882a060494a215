/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: sleepable RCU, with two counters. */
#ifndef _LINUX_SRCU_H
#define _LINUX_SRCU_H

#include <linux/mutex.h>
#include <linux/rcupdate.h>

struct srcu_struct {
	unsigned int side;
	unsigned int readers[2];
	struct mutex mutex;
};

#define DEFINE_SRCU(n)                                                         \
	struct srcu_struct n = { .mutex = __MUTEX_INITIALIZER((n).mutex) }
#define DEFINE_STATIC_SRCU(n) static DEFINE_SRCU(n)
int init_srcu_struct(struct srcu_struct *s);
void cleanup_srcu_struct(struct srcu_struct *s);
int srcu_read_lock(struct srcu_struct *s);
void srcu_read_unlock(struct srcu_struct *s, int side);
void synchronize_srcu(struct srcu_struct *s);
#define synchronize_srcu_expedited(s) synchronize_srcu(s)
#define srcu_read_lock_held(s) (1)
#define srcu_dereference_check(p, s, condition)                                \
	((void)(s), (void)(condition), rcu_dereference(p))
#define srcu_dereference(p, s) ((void)(s), rcu_dereference(p))

#endif
