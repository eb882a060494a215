// SPDX-License-Identifier: GPL-2.0-only
/* The code under test that the core was told of, and what a place in C is called. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static pthread_mutex_t codes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sp_code *codes;

void sp_code_add(struct sp_code *c)
{
	if (c->trap)
		sp_traps_enable();
	pthread_mutex_lock(&codes_lock);
	c->next = codes;
	STORE_RELEASE(codes, c); /* code_of() may look */
	pthread_mutex_unlock(&codes_lock);
}

void sp_code_remove(struct sp_code *c)
{
	struct sp_code **at;

	pthread_mutex_lock(&codes_lock);
	for (at = &codes; *at; at = &(*at)->next) {
		if (*at == c) {
			STORE_RELEASE(*at, c->next);
			break;
		}
	}
	pthread_mutex_unlock(&codes_lock);
}

void codes_hold(void)
{
	pthread_mutex_lock(&codes_lock);
}

void codes_let_go(void)
{
	pthread_mutex_unlock(&codes_lock);
}

const struct sp_code *code_of(const void *address)
{
	const struct sp_code *c;

	for (c = LOAD_ACQUIRE(codes); c; c = LOAD_ACQUIRE(c->next)) {
		if ((uintptr_t)address - (uintptr_t)c->start < c->len)
			return c;
	}
	return NULL;
}

static const char *base_of(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "";
}

bool is_machinery(const void *address)
{
	static const char *const names[] = { "python",  "libpython", "libffi",
					     "_cffi",   "libc.",     "ld-linux",
					     "libasan", "libtsan" };
	Dl_info at, own;
	const char *base;
	size_t i;

	const bool known = dladdr(address, &at);

	/* First: mm/ may be in this module as code under test. */
	if (known && dladdr((void *)&is_machinery, &own) &&
	    at.dli_fbase == own.dli_fbase)
		return true;
	/* What is in no file was made while the process runs. */
	if (!known || code_of(address))
		return false;
	base = base_of(at.dli_fname);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strncmp(base, names[i], strlen(names[i])))
			return true;
	}
	return false;
}

bool place_of(const void *address, char *out, size_t size)
{
	const struct sp_code *c = code_of(address);
	unsigned long offset = 0;
	const char *name;
	Dl_info at;

	if (!dladdr(address, &at)) {
		snprintf(out, size, "%p", address);
		return true;
	}
	if (c && c->name) {
		name = c->name(address, &offset);
		if (!name)
			return false;
	} else {
		name = at.dli_sname;
		offset = (unsigned long)address - (unsigned long)at.dli_saddr;
	}
	if (name)
		snprintf(out, size, "%s+0x%lx (%s)", name, offset,
			 base_of(at.dli_fname));
	else
		snprintf(out, size, "%s+0x%lx", base_of(at.dli_fname),
			 (unsigned long)address - (unsigned long)at.dli_fbase);
	return true;
}
