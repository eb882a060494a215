/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of functions in the stacks of reports, for what the dynamic linker
 * knows no name of: a driver's static functions.
 */
#ifndef SHRINKPY_SYMBOLS_H
#define SHRINKPY_SYMBOLS_H

#include <stddef.h>

#include <shrinkpy/core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sp_symbols {
	const void *start; /* of the code; and its length in bytes */
	size_t len;
	/*
	 * The function that address lies in, and how far from its start; NULL:
	 * none that a reader would want to see. Any thread may call it.
	 */
	const char *(*name)(const void *address, unsigned long *offset);
	struct sp_symbols *next;
};

/* s and the names stay until it is removed. */
SP_API void sp_symbols_add(struct sp_symbols *s);
SP_API void sp_symbols_remove(struct sp_symbols *s);

#ifdef __cplusplus
}
#endif
#endif
