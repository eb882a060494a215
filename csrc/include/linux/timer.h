/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: timers; one thread runs those of a load. */
#ifndef _LINUX_TIMER_H
#define _LINUX_TIMER_H

#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/container_of.h>
#include <linux/timer_types.h>

#define __TIMER_INITIALIZER(f, fl) { .function = (f), .flags = (fl) }
#define DEFINE_TIMER(n, f) struct timer_list n = __TIMER_INITIALIZER(f, 0)
#define timer_setup(t, f, fl)                                                  \
	((void)(*(t) = (struct timer_list)__TIMER_INITIALIZER(f, fl)))
#define timer_setup_on_stack timer_setup
#define destroy_timer_on_stack(t) ((void)(t))
#define from_timer(var, t, field) container_of(t, __typeof__(*var), field)

void add_timer(struct timer_list *t);
/* 1: it was pending. */
int mod_timer(struct timer_list *t, unsigned long expires);
/* Not libc's of that name, which a file with both would see. */
#define timer_delete kernel_timer_delete
int timer_delete(struct timer_list *t);
int timer_delete_sync(struct timer_list *t);
int timer_pending(const struct timer_list *t);
#define del_timer(t) timer_delete(t)
#define del_timer_sync(t) timer_delete_sync(t)
#define timer_shutdown_sync(t) timer_delete_sync(t)
#define timer_shutdown(t) timer_delete(t)

#endif
