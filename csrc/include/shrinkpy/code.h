/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code under test that the core was told of: its functions have names in
 * stacks, static ones too, and where the processor stops in it, that is an oops.
 */
#ifndef SHRINKPY_CODE_H
#define SHRINKPY_CODE_H

#include <stddef.h>

#include <shrinkpy/core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sp_code {
	const void *start; /* and its length in bytes */
	size_t len;
	/*
	 * The function that address lies in, and how far from its start; NULL:
	 * none that a reader would want to see. Any thread may call it. NULL
	 * instead of it: the dynamic linker's names.
	 */
	const char *(*name)(const void *address, unsigned long *offset);
	/*
	 * This thread stopped in it, inside a boundary: text says at what, and
	 * where. It ends with sp_oops(); if it returns, the process ends. NULL:
	 * somebody else looks after that, a sanitizer.
	 */
	void (*trap)(const char *text);
	struct sp_code *next;
};

/*
 * c stays until it is removed. The first one makes SIGSEGV, SIGBUS, SIGFPE and
 * SIGILL oopses; what is of no code under test goes where it went before.
 */
SP_API void sp_code_add(struct sp_code *c);
SP_API void sp_code_remove(struct sp_code *c);
/* The same for code that nobody adds: callbacks by address. */
SP_API void sp_traps_enable(void);

#ifdef __cplusplus
}
#endif
#endif
