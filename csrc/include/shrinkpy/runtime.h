/* SPDX-License-Identifier: GPL-2.0-only */
/* What the headers in linux/ need of the runtime, and of nothing else. */
#ifndef SHRINKPY_RUNTIME_H
#define SHRINKPY_RUNTIME_H

#include <stdarg.h>

#include <shrinkpy/core.h>
#include <shrinkpy/lock.h>

#define KERNEL_TEXT_(x) #x
#define KERNEL_TEXT(x) KERNEL_TEXT_(x)
/* The caller, for reports and the ledger. */
#define KERNEL_HERE __FILE__ ":" KERNEL_TEXT(__LINE__)

/* The one that this load belongs to. */
extern struct machine *kernel_machine;

_Noreturn void kernel_oops(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * A lock for a few instructions: none of it sleeps, calls the driver or the
 * core. All zeros: free.
 */
struct kernel_leaf {
	unsigned int word;
};

void kernel_leaf_lock(struct kernel_leaf *l);
void kernel_leaf_unlock(struct kernel_leaf *l);

#endif
