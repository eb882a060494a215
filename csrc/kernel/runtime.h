/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of the runtime. */
#ifndef KERNEL_RUNTIME_H
#define KERNEL_RUNTIME_H

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <shrinkpy/driver.h>
#include <shrinkpy/runtime.h>

#include "host.h"

/* ---- text.c: a text that grows ----------------------------------------- */

struct text {
	char *at; /* NULL: nothing yet */
	size_t len, size;
	bool failed;
};

HIDDEN void text_add(struct text *t, const char *s, size_t len);
HIDDEN void text_printf(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
HIDDEN void text_vprintf(struct text *t, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));
/* Gives it away; "" for nothing. */
HIDDEN enum sp_status text_take(struct text *t, char **out, size_t *len);

/* ---- waiting ----------------------------------------------------------- */

/*
 * Sleeps a while if *word is value, between the hooks of the machine. false:
 * the wait was given up from outside.
 */
HIDDEN bool kernel_sleep_on(unsigned int *word, unsigned int value, long ns);
/* The same where giving up is no answer: an oops that names what. */
HIDDEN void kernel_must_sleep_on(unsigned int *word, unsigned int value,
				 const char *what);
/* -ERESTARTSYS: the last sleep was given up; once. */
HIDDEN int task_take_signal(void);
/* Joins a thread of ours. */
HIDDEN void kernel_join(struct host_thread *t);

/* ---- what each file does at the ends of a load ------------------------- */

HIDDEN void printk_exit(void);
HIDDEN void wait_init(void);
HIDDEN void slab_exit(void);
HIDDEN void shrinkers_exit(void);
HIDDEN void list_lrus_exit(void);
HIDDEN void tasks_exit(void);
HIDDEN void cpus_exit(void);
HIDDEN void devices_exit(void);
/* What callbacks give to call_rcu() again, too; not for ever. */
HIDDEN void rcu_drain(void);
HIDDEN void rcu_stop(void);
HIDDEN void timers_stop(void);
HIDDEN void kthreads_stop(void);
HIDDEN void workqueues_flush(void);
HIDDEN void workqueues_stop(void);
HIDDEN void workqueues_exit(void);

HIDDEN void slab_leaks(struct text *t);
HIDDEN void shrinkers_leaks(struct text *t);
HIDDEN void list_lrus_leaks(struct text *t);
HIDDEN void kthreads_leaks(struct text *t);
HIDDEN void cpus_leaks(struct text *t);
HIDDEN void workqueues_leaks(struct text *t);

/* Leaves that this thread has in its hands. */
extern HIDDEN __thread unsigned int kernel_leaves;

/* The name of a function of this load, or NULL. */
HIDDEN const char *kernel_symbol(const void *address);
/* Runs fn(arg) with a boundary; an oops goes to the log too. */
HIDDEN void kernel_run(void (*fn)(void *arg), void *arg);

#endif
