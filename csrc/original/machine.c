// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine that has the tree's globals: one at a time. The next one finds
 * them as they are when a kernel boots.
 */
#include <stdlib.h>

#include "original.h"

struct machine *the_machine;
bool is_burying;
extern struct machine *kernel_machine; /* the same, for the tree's side */

/* As they were when this module was loaded. */
static char *first_data;

#define DATA_SIZE ((size_t)(tree_data_end - tree_data_start))

/* Byte by byte: a sanitizer has its own opinion of what lies between globals. */
__attribute__((no_sanitize("address", "undefined"), noinline)) static void
copy(volatile char *to, const volatile char *from, size_t n)
{
	while (n--)
		*to++ = *from++;
}

static __attribute__((no_sanitize("address"), noinline)) void boot(void)
{
	volatile char *bss = tree_bss_start;

	if (first_data)
		copy(tree_data_start, first_data, DATA_SIZE);
	while (bss < tree_bss_end)
		*bss++ = 0;
}

static void trap(const char *text)
{
	seam_leave(SP_OOPS, text);
}

static struct sp_code code = { .trap = trap };

static bool load(void)
{
	if (first_data)
		return true;
	first_data = malloc(DATA_SIZE + 1);
	if (!first_data)
		return false;
	copy(first_data, tree_data_start, DATA_SIZE);
	code.start = (const void *)tree_text_start;
	code.len = (size_t)((const char *)tree_text_end -
			    (const char *)tree_text_start);
	sp_code_add(&code);
	return true;
}

/* Who looks at the_machine without the lock of one looks under this. */
static pthread_mutex_t globals = PTHREAD_MUTEX_INITIALIZER;

/*
 * A machine that is closed, but still there, gives the globals up to the next:
 * what it has of them is gone, and its handles' twins are none any more.
 */
static enum sp_status bury(struct machine *m)
{
	enum sp_status status = SP_BUSY;

	machine_lock(m);
	__atomic_store_n(&is_burying, true, __ATOMIC_SEQ_CST);
	if (!passes_running(m)) {
		limbo_drain(m);
		memory_forget();
		STORE_RELEASE(the_machine, NULL);
		status = SP_OK;
	}
	__atomic_store_n(&is_burying, false, __ATOMIC_SEQ_CST);
	machine_unlock(m);
	return status;
}

static enum sp_status take_globals(struct machine *m)
{
	struct machine *last = the_machine;

	if (last && !READ_ONCE(last->closed))
		return SP_BUSY;
	if (!load())
		return SP_NOMEM;
	if (last && bury(last) != SP_OK)
		return SP_BUSY;
	boot();
	kernel_machine = m;
	STORE_RELEASE(the_machine, m);
	return SP_OK;
}

enum sp_status mm_init(struct machine *m)
{
	enum sp_status status;

	/* Whoever has it is making a machine, or ending one. */
	if (pthread_mutex_trylock(&globals))
		return SP_BUSY;
	status = take_globals(m);
	pthread_mutex_unlock(&globals);
	return status;
}

void mm_exit(struct machine *m)
{
	pthread_mutex_lock(&globals);
	if (has_globals(m)) {
		memory_forget();
		kernel_machine = NULL;
		STORE_RELEASE(the_machine, NULL);
	}
	pthread_mutex_unlock(&globals);
}

bool mm_is_there(const struct machine *m)
{
	return has_globals(m);
}

void mm_fork_prepare(void)
{
	pthread_mutex_lock(&globals);
}

void mm_fork_end(void)
{
	pthread_mutex_unlock(&globals);
}
