// SPDX-License-Identifier: GPL-2.0-only
/* Locks over the core's; leaves, which are the runtime's own; sleeping. */
#include <linux/lockdep.h>
#include <linux/errno.h>
#include <shrinkpy/oops.h>

#include "runtime.h"

int kernel_lock_take(struct sp_lock *l, unsigned int how, int subclass,
		     bool may_fail, const char *where)
{
	const char *name = l->name ? l->name : "a lock";

	switch (sp_lock_take(kernel_machine, l, how, subclass, where)) {
	case SP_OK:
		return 0;
	case SP_BUSY:
		return -EBUSY;
	case SP_DEADLOCK:
		if (sp_lock_is_mine(l))
			kernel_oops("%s: %s is held by this thread already, "
				    "which would wait for itself",
				    where, name);
		kernel_oops("%s: whoever holds %s waits for this thread, which "
			    "would wait for itself",
			    where, name);
	case SP_INTR:
		if (may_fail)
			return -EINTR;
		kernel_oops("%s: the wait for %s was given up", where, name);
	case SP_CLOSED:
		kernel_oops("%s: %s is taken on a machine that was closed",
			    where, name);
	default:
		kernel_oops("%s: %s cannot be taken", where, name);
	}
}

void kernel_lock_give(struct sp_lock *l, const char *where)
{
	if (sp_lock_give(kernel_machine, l) != SP_OK)
		kernel_oops("%s: %s is released by who does not hold it", where,
			    l->name ? l->name : "a lock");
}

void kernel_lock_downgrade(struct sp_lock *l, const char *where)
{
	if (sp_lock_downgrade(kernel_machine, l) != SP_OK)
		kernel_oops("%s: %s is downgraded by who has not got it for "
			    "writing",
			    where, l->name ? l->name : "a lock");
}

/* ---- leaves ------------------------------------------------------------ */

enum { FREE, TAKEN, WANTED };

__thread unsigned int kernel_leaves;

void kernel_leaf_lock(struct kernel_leaf *l)
{
	unsigned int was = FREE;

	kernel_leaves++;
	if (__atomic_compare_exchange_n(&l->word, &was, TAKEN, false,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&l->word, WANTED, __ATOMIC_ACQUIRE) != FREE)
		host_sleep_on(&l->word, WANTED, -1);
}

void kernel_leaf_unlock(struct kernel_leaf *l)
{
	if (__atomic_exchange_n(&l->word, FREE, __ATOMIC_RELEASE) == WANTED)
		host_wake(&l->word, false);
	kernel_leaves--;
}

/* ---- sleeping ---------------------------------------------------------- */

bool kernel_sleep_on(unsigned int *word, unsigned int value, long ns)
{
	sp_wait_begin(kernel_machine);
	host_sleep_on(word, value, ns);
	sp_wait_end(kernel_machine);
	return !sp_wait_poll(kernel_machine);
}

void kernel_must_sleep_on(unsigned int *word, unsigned int value,
			  const char *what)
{
	if (!kernel_sleep_on(word, value, -1))
		kernel_oops("%s: the wait was given up", what);
}

void kernel_join(struct host_thread *t)
{
	sp_wait_begin(kernel_machine);
	host_join(t);
	sp_wait_end(kernel_machine);
}
