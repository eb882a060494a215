/* SPDX-License-Identifier: GPL-2.0-only */
/* What the runtime takes from the system, free of libc's types. */
#ifndef KERNEL_HOST_H
#define KERNEL_HOST_H

#include <stdbool.h>
#include <stddef.h>

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN void *host_alloc(size_t size, size_t align, bool zero);
HIDDEN void *host_grow(void *p, size_t size);
HIDDEN void host_free(void *p);

/* Until *word is not value, a wake, or ns passed (at most 20 ms). */
HIDDEN void host_sleep_on(unsigned int *word, unsigned int value, long ns);
HIDDEN void host_wake(unsigned int *word, bool all);

/* By a format of libc's for one unsigned long (or long). */
HIDDEN size_t host_print(char *out, size_t size, const char *format,
			 unsigned long value);
/* "ENOMEM", or NULL. */
HIDDEN const char *host_errname(int positive);

HIDDEN unsigned long host_now(void); /* ns, monotonic */
HIDDEN void host_pause(unsigned long ns);
HIDDEN void host_yield(void);
HIDDEN int host_tid(void);
HIDDEN int host_pid(void);
HIDDEN void host_thread_name(char name[16]);
HIDDEN void host_set_thread_name(const char *name);

struct host_thread;
HIDDEN struct host_thread *host_start(void (*fn)(void *arg), void *arg);
/* Blocks. Of a thread that a fork took away: nothing. */
HIDDEN void host_join(struct host_thread *t);

/* The function that holds address: its name, or NULL; *base: of the object. */
HIDDEN const char *host_symbol(const void *address, unsigned long *base);
/* The stack of this thread; len 0: unknown. */
HIDDEN void host_stack(const void **start, size_t *len);
/* Where this object is mapped. */
HIDDEN void host_range(const void **start, size_t *len);
HIDDEN int host_backtrace(void **out, int max);

#endif
