/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: waiting for a bit, or for a variable, without a queue of one's own.
 * Otherwise: whoever shares the queue is woken too, and looks again.
 */
#ifndef _LINUX_WAIT_BIT_H
#define _LINUX_WAIT_BIT_H

#include <linux/bitops.h>
#include <linux/wait.h>

struct wait_queue_head *kernel_wait_table(const void *address);

#define __var_waitqueue(p) kernel_wait_table(p)
#define bit_waitqueue(word, bit) kernel_wait_table(word)
#define wait_var_event(var, condition)                                         \
	wait_event(*kernel_wait_table(var), condition)
#define wait_var_event_killable(var, condition)                                \
	wait_event_killable(*kernel_wait_table(var), condition)
#define wait_var_event_interruptible(var, condition)                           \
	wait_event_interruptible(*kernel_wait_table(var), condition)
#define wait_var_event_timeout(var, condition, timeout)                        \
	wait_event_timeout(*kernel_wait_table(var), condition, timeout)
#define wake_up_var(var) wake_up_all(kernel_wait_table(var))
#define wake_up_bit(word, bit) wake_up_all(kernel_wait_table(word))

/* 0, or -EINTR. */
int wait_on_bit(unsigned long *word, int bit, unsigned int mode);
int wait_on_bit_lock(unsigned long *word, int bit, unsigned int mode);
int wait_on_bit_timeout(unsigned long *word, int bit, unsigned int mode,
			unsigned long timeout);
void clear_and_wake_up_bit(int bit, unsigned long *word);
#define wait_on_bit_io wait_on_bit
#define wait_on_bit_lock_io wait_on_bit_lock

struct wait_bit_key {
	void *flags;
	int bit_nr;
	unsigned long timeout;
};

struct wait_bit_queue_entry {
	struct wait_bit_key key;
	struct wait_queue_entry wq_entry;
};

typedef int wait_bit_action_f(struct wait_bit_key *key, int mode);

#define DEFINE_WAIT_BIT(name, word, bit)                                       \
	struct wait_bit_queue_entry name = {                                   \
		.key = { .flags = (void *)(word), .bit_nr = (bit) },           \
		.wq_entry = { .private = current,                              \
			      .func = autoremove_wake_function,                \
			      .entry = LIST_HEAD_INIT((name).wq_entry.entry) } \
	}

#endif
