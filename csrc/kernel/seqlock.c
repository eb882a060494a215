// SPDX-License-Identifier: GPL-2.0-only
/* Readers of sequence counters. */
#include <linux/seqlock.h>

#include "runtime.h"

/* The writer may be another thread, which the system put to sleep. */
unsigned int kernel_seq_begin(const seqcount_t *s, const struct sp_lock *lock,
			      const char *where)
{
	unsigned int seen;

	while ((seen = smp_load_acquire(&s->sequence)) & 1) {
		if (lock && sp_lock_is_mine(lock))
			kernel_oops("%s: this thread reads what it is writing, "
				    "and would wait for itself",
				    where);
		kernel_yield();
	}
	return seen;
}
