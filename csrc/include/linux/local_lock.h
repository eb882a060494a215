/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Otherwise: there is one CPU, and its threads take turns as they like: what
 * keeps the others out is a real lock.
 */
#ifndef _LINUX_LOCAL_LOCK_H
#define _LINUX_LOCAL_LOCK_H

#include <linux/percpu-defs.h>
#include <linux/spinlock.h>

typedef struct {
	spinlock_t lock;
} local_lock_t;

#define INIT_LOCAL_LOCK(n) { .lock = KERNEL_LOCK_INIT_(SP_LOCK_SPIN, #n) }
#define local_lock_init(l) spin_lock_init(&(l)->lock)
#define local_lock(l) spin_lock(&(l)->lock)
#define local_unlock(l) spin_unlock(&(l)->lock)
#define local_lock_irq local_lock
#define local_unlock_irq local_unlock
#define local_lock_irqsave(l, flags) spin_lock_irqsave(&(l)->lock, flags)
#define local_unlock_irqrestore(l, flags)                                      \
	spin_unlock_irqrestore(&(l)->lock, flags)
#define local_lock_nested_bh local_lock
#define local_unlock_nested_bh local_unlock

#endif
