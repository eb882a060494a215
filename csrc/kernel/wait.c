// SPDX-License-Identifier: GPL-2.0-only
/* Wait queues, and those that bits and variables share. */
#include <linux/errno.h>
#include <linux/wait.h>

#include "runtime.h"

enum { NR_QUEUES = 64 };

static struct wait_queue_head table[NR_QUEUES];

void wait_init(void)
{
	int i;

	for (i = 0; i < NR_QUEUES; i++)
		init_waitqueue_head(&table[i]);
}

struct wait_queue_head *kernel_wait_table(const void *address)
{
	return &table[((unsigned long)address >> 3) % NR_QUEUES];
}

void init_waitqueue_head(struct wait_queue_head *q)
{
	q->leaf.word = 0;
	INIT_LIST_HEAD(&q->head);
}

void init_wait_entry(struct wait_queue_entry *entry, int flags)
{
	entry->flags = (unsigned int)flags;
	entry->private = kernel_current();
	entry->func = autoremove_wake_function;
	INIT_LIST_HEAD(&entry->entry);
}

int default_wake_function(struct wait_queue_entry *entry, unsigned int mode,
			  int flags, void *key)
{
	(void)flags, (void)key;
	return wake_up_state(entry->private, mode);
}

int autoremove_wake_function(struct wait_queue_entry *entry, unsigned int mode,
			     int flags, void *key)
{
	const int ret = default_wake_function(entry, mode, flags, key);

	if (ret)
		list_del_init(&entry->entry);
	return ret;
}

static void add(struct wait_queue_head *q, struct wait_queue_entry *entry,
		unsigned int flags)
{
	entry->flags = flags;
	/* Exclusive ones stand behind all others. */
	if (flags & WQ_FLAG_EXCLUSIVE)
		list_add_tail(&entry->entry, &q->head);
	else
		list_add(&entry->entry, &q->head);
}

void add_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *entry)
{
	kernel_leaf_lock(&q->leaf);
	add(q, entry, 0);
	kernel_leaf_unlock(&q->leaf);
}

void add_wait_queue_exclusive(struct wait_queue_head *q,
			      struct wait_queue_entry *entry)
{
	kernel_leaf_lock(&q->leaf);
	add(q, entry, WQ_FLAG_EXCLUSIVE);
	kernel_leaf_unlock(&q->leaf);
}

void remove_wait_queue(struct wait_queue_head *q,
		       struct wait_queue_entry *entry)
{
	kernel_leaf_lock(&q->leaf);
	list_del_init(&entry->entry);
	kernel_leaf_unlock(&q->leaf);
}

static bool prepare(struct wait_queue_head *q, struct wait_queue_entry *entry,
		    unsigned int flags, int state)
{
	bool first = false;

	kernel_leaf_lock(&q->leaf);
	if (list_empty(&entry->entry)) {
		first = list_empty(&q->head);
		add(q, entry, flags);
	}
	set_current_state((unsigned int)state);
	kernel_leaf_unlock(&q->leaf);
	return first;
}

void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *entry,
		     int state)
{
	prepare(q, entry, 0, state);
}

bool prepare_to_wait_exclusive(struct wait_queue_head *q,
			       struct wait_queue_entry *entry, int state)
{
	return prepare(q, entry, WQ_FLAG_EXCLUSIVE, state);
}

long prepare_to_wait_event(struct wait_queue_head *q,
			   struct wait_queue_entry *entry, int state)
{
	prepare(q, entry, entry->flags, state);
	return task_take_signal();
}

void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *entry)
{
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(q, entry);
}

bool waitqueue_active(struct wait_queue_head *q)
{
	bool active;

	kernel_leaf_lock(&q->leaf);
	active = !list_empty(&q->head);
	kernel_leaf_unlock(&q->leaf);
	return active;
}

void kernel_wake_up(struct wait_queue_head *q, unsigned int mode, int nr,
		    void *key)
{
	struct wait_queue_entry *entry, *next;
	unsigned int flags;
	int ret;

	kernel_leaf_lock(&q->leaf);
	list_for_each_entry_safe (entry, next, &q->head, entry) {
		flags = entry->flags;
		ret = entry->func(entry, mode, 0, key);
		if (ret < 0)
			break;
		if (ret && flags & WQ_FLAG_EXCLUSIVE && !--nr)
			break;
	}
	kernel_leaf_unlock(&q->leaf);
}

/* ---- bits -------------------------------------------------------------- */

static bool is_set(const unsigned long *word, int bit)
{
	return __atomic_load_n(word + bit / 64, __ATOMIC_ACQUIRE) >>
		       (bit % 64) &
	       1;
}

static bool set_it(unsigned long *word, int bit)
{
	const unsigned long mask = 1ul << (bit % 64);

	return __atomic_fetch_or(word + bit / 64, mask, __ATOMIC_ACQ_REL) &
	       mask;
}

int wait_on_bit_timeout(unsigned long *word, int bit, unsigned int mode,
			unsigned long timeout)
{
	struct wait_queue_head *q = kernel_wait_table(word);
	long left = (long)timeout;
	bool clear = false;

	if (!is_set(word, bit))
		return 0;
	left = KERNEL_WAIT_(*q, (clear = !is_set(word, bit)), (int)mode, 0,
			    left, (void)0, (void)0);
	if (clear)
		return 0;
	return left < 0 ? -EINTR : -EAGAIN;
}

int wait_on_bit(unsigned long *word, int bit, unsigned int mode)
{
	return wait_on_bit_timeout(word, bit, mode,
				   (unsigned long)MAX_SCHEDULE_TIMEOUT);
}

int wait_on_bit_lock(unsigned long *word, int bit, unsigned int mode)
{
	while (set_it(word, bit)) {
		if (wait_on_bit(word, bit, mode))
			return -EINTR;
	}
	return 0;
}

void clear_and_wake_up_bit(int bit, unsigned long *word)
{
	__atomic_fetch_and(word + bit / 64, ~(1ul << (bit % 64)),
			   __ATOMIC_SEQ_CST);
	wake_up_bit(word, bit);
}

/* ---- entries that remember --------------------------------------------- */

int woken_wake_function(struct wait_queue_entry *entry, unsigned int mode,
			int flags, void *key)
{
	__atomic_fetch_or(&entry->flags, WQ_FLAG_WOKEN, __ATOMIC_SEQ_CST);
	return default_wake_function(entry, mode, flags, key);
}

long wait_woken(struct wait_queue_entry *entry, unsigned int mode, long timeout)
{
	set_current_state(mode);
	if (!(__atomic_load_n(&entry->flags, __ATOMIC_SEQ_CST) & WQ_FLAG_WOKEN))
		timeout = schedule_timeout(timeout);
	__set_current_state(TASK_RUNNING);
	__atomic_fetch_and(&entry->flags, ~(unsigned int)WQ_FLAG_WOKEN,
			   __ATOMIC_SEQ_CST);
	return timeout;
}
