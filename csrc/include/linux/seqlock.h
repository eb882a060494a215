/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: sequence counters and seqlocks.
 * Otherwise: a reader that finds a writer lets other threads run; one that is
 * that writer itself, where the kernel would spin for ever, is an oops.
 */
#ifndef __LINUX_SEQLOCK_H
#define __LINUX_SEQLOCK_H

#include <asm/processor.h>
#include <linux/compiler.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/seqlock_types.h>
#include <linux/spinlock.h>

#define SEQCNT_ZERO(name) { .sequence = 0 }
#define SEQCNT_SPINLOCK_ZERO(name, l) { .lock = (l) }
#define SEQCNT_RAW_SPINLOCK_ZERO(name, l) { .lock = (l) }
#define SEQCNT_RWLOCK_ZERO(name, l) { .lock = (l) }
#define SEQCNT_MUTEX_ZERO(name, l) { .lock = (l) }
#define seqcount_init(s) ((void)((s)->sequence = 0))
#define seqcount_LOCKNAME_init(s, l)                                           \
	((void)(*(s) = (typeof(*(s))){ .lock = (l) }))
#define seqcount_spinlock_init(s, l) seqcount_LOCKNAME_init(s, l)
#define seqcount_raw_spinlock_init(s, l) seqcount_LOCKNAME_init(s, l)
#define seqcount_rwlock_init(s, l) seqcount_LOCKNAME_init(s, l)
#define seqcount_mutex_init(s, l) seqcount_LOCKNAME_init(s, l)

/* Each form begins with its seqcount_t. */
#define SP_SEQ_OF(s) ((seqcount_t *)(void *)(s))
/* The writer's lock, or NULL. */
#define SP_SEQ_LOCK(s)                                                         \
	_Generic(*(s),                                                         \
		seqcount_t: NULL,                                              \
		const seqcount_t: NULL,                                        \
		default: ((const seqcount_spinlock_t *)(const void *)(s))      \
			->lock)

/* What it is without a writer. lock: whose holder writes, or NULL. */
unsigned int kernel_seq_begin(const seqcount_t *s, const struct sp_lock *lock,
			      const char *where);

static inline bool kernel_seq_retry(const seqcount_t *s, unsigned int start)
{
	smp_rmb();
	return READ_ONCE(s->sequence) != start;
}

static inline void kernel_seq_bump(seqcount_t *s)
{
	smp_wmb();
	WRITE_ONCE(s->sequence, s->sequence + 1);
	smp_wmb();
}

#define seqprop_sequence(s) smp_load_acquire(&SP_SEQ_OF(s)->sequence)
#define read_seqcount_begin(s)                                                 \
	kernel_seq_begin(SP_SEQ_OF(s), SP_SEQ_LOCK(s), KERNEL_HERE)
#define __read_seqcount_begin(s) read_seqcount_begin(s)
#define raw_read_seqcount_begin(s) read_seqcount_begin(s)
/* Odd: a writer is at it. */
#define raw_read_seqcount(s) seqprop_sequence(s)
/* A start that a writer in between, or there already, makes fail. */
#define raw_seqcount_begin(s) (seqprop_sequence(s) & ~1u)
#define read_seqcount_retry(s, start) kernel_seq_retry(SP_SEQ_OF(s), start)
#define __read_seqcount_retry(s, start) read_seqcount_retry(s, start)
#define raw_write_seqcount_begin(s) kernel_seq_bump(SP_SEQ_OF(s))
#define raw_write_seqcount_end(s) kernel_seq_bump(SP_SEQ_OF(s))
#define write_seqcount_begin(s) raw_write_seqcount_begin(s)
#define write_seqcount_begin_nested(s, subclass) raw_write_seqcount_begin(s)
#define write_seqcount_end(s) raw_write_seqcount_end(s)
/* Readers that are under way will do it again. */
#define write_seqcount_invalidate(s)                                           \
	do {                                                                   \
		kernel_seq_bump(SP_SEQ_OF(s));                                 \
		kernel_seq_bump(SP_SEQ_OF(s));                                 \
	} while (0)
#define raw_write_seqcount_barrier(s) write_seqcount_invalidate(s)

#define SEQCNT_LATCH_ZERO(name) { .seqcount = SEQCNT_ZERO(name) }
#define seqcount_latch_init(s) seqcount_init(&(s)->seqcount)
#define raw_read_seqcount_latch(s) seqprop_sequence(&(s)->seqcount)
#define read_seqcount_latch(s) raw_read_seqcount_latch(s)
#define read_seqcount_latch_retry(s, start)                                    \
	kernel_seq_retry(&(s)->seqcount, start)
#define raw_read_seqcount_latch_retry read_seqcount_latch_retry
/* Before each of the two copies is written, and after both. */
#define raw_write_seqcount_latch(s) kernel_seq_bump(&(s)->seqcount)
#define write_seqcount_latch_begin(s) kernel_seq_bump(&(s)->seqcount)
#define write_seqcount_latch(s) kernel_seq_bump(&(s)->seqcount)
#define write_seqcount_latch_end(s) ((void)(s))

/* ---- seqlock_t --------------------------------------------------------- */

#define __SEQLOCK_UNLOCKED(n) { .lock = KERNEL_LOCK_INIT_(SP_LOCK_SPIN, #n) }
#define DEFINE_SEQLOCK(n) seqlock_t n = __SEQLOCK_UNLOCKED(n)
#define seqlock_init(sl)                                                       \
	do {                                                                   \
		spin_lock_init(&(sl)->lock);                                   \
		seqcount_spinlock_init(&(sl)->seqcount, &(sl)->lock);          \
	} while (0)

#define read_seqbegin(sl)                                                      \
	kernel_seq_begin(&(sl)->seqcount.seqcount, &(sl)->lock, KERNEL_HERE)
#define read_seqretry(sl, start)                                               \
	kernel_seq_retry(&(sl)->seqcount.seqcount, start)
#define write_seqlock(sl)                                                      \
	do {                                                                   \
		spin_lock(&(sl)->lock);                                        \
		kernel_seq_bump(&(sl)->seqcount.seqcount);                     \
	} while (0)
#define write_sequnlock(sl)                                                    \
	do {                                                                   \
		kernel_seq_bump(&(sl)->seqcount.seqcount);                     \
		spin_unlock(&(sl)->lock);                                      \
	} while (0)
#define write_seqlock_bh write_seqlock
#define write_sequnlock_bh write_sequnlock
#define write_seqlock_irq write_seqlock
#define write_sequnlock_irq write_sequnlock
#define write_seqlock_irqsave(sl, flags)                                       \
	do {                                                                   \
		(flags) = 0;                                                   \
		write_seqlock(sl);                                             \
	} while (0)
#define write_sequnlock_irqrestore(sl, flags)                                  \
	do {                                                                   \
		(void)(flags);                                                 \
		write_sequnlock(sl);                                           \
	} while (0)

/* A reader that keeps writers out, and no reader. */
#define read_seqlock_excl(sl) spin_lock(&(sl)->lock)
#define read_sequnlock_excl(sl) spin_unlock(&(sl)->lock)
#define read_seqlock_excl_bh read_seqlock_excl
#define read_sequnlock_excl_bh read_sequnlock_excl
#define read_seqlock_excl_irq read_seqlock_excl
#define read_sequnlock_excl_irq read_sequnlock_excl

/* *seq even: without the lock; odd: with it. */
#define read_seqbegin_or_lock(sl, seq)                                         \
	do {                                                                   \
		if (*(seq) & 1)                                                \
			read_seqlock_excl(sl);                                 \
		else                                                           \
			*(seq) = (int)read_seqbegin(sl);                       \
	} while (0)
#define need_seqretry(sl, seq)                                                 \
	(!((seq) & 1) && read_seqretry(sl, (unsigned int)(seq)))
#define done_seqretry(sl, seq)                                                 \
	do {                                                                   \
		if ((seq) & 1)                                                 \
			read_sequnlock_excl(sl);                               \
	} while (0)

#endif
