// SPDX-License-Identifier: GPL-2.0-only
/* The system below the runtime: memory, threads, futexes, clocks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

/* Of futex(2), whose header would be the kernel's. */
enum { WAIT_PRIVATE = 128, WAKE_PRIVATE = 129, EVERYBODY = 0x7fffffff };
enum { NS_PER_SEC = 1000000000, POLL_NS = 20000000 };

void *host_alloc(size_t size, size_t align, bool zero)
{
	void *p = NULL;

	if (align <= 16)
		return zero ? calloc(1, size) : malloc(size);
	if (posix_memalign(&p, align, size))
		return NULL;
	return zero ? memset(p, 0, size) : p;
}

void *host_grow(void *p, size_t size)
{
	return realloc(p, size);
}

void host_free(void *p)
{
	free(p);
}

void host_sleep_on(unsigned int *word, unsigned int value, long ns)
{
	const struct timespec most = { .tv_nsec = ns < 0 || ns > POLL_NS ?
							  POLL_NS :
							  ns };

	syscall(SYS_futex, word, WAIT_PRIVATE, value, &most, NULL, 0);
}

void host_wake(unsigned int *word, bool all)
{
	syscall(SYS_futex, word, WAKE_PRIVATE, all ? EVERYBODY : 1, NULL, NULL,
		0);
}

unsigned long host_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * NS_PER_SEC + (unsigned long)t.tv_nsec;
}

void host_pause(unsigned long ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / NS_PER_SEC),
			      .tv_nsec = (long)(ns % NS_PER_SEC) };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t))
		;
}

void host_yield(void)
{
	sched_yield();
}

int host_tid(void)
{
	return (int)syscall(SYS_gettid);
}

int host_pid(void)
{
	return getpid();
}

void host_thread_name(char name[16])
{
	memset(name, 0, 16);
	prctl(PR_GET_NAME, name);
}

void host_set_thread_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}

/* ---- threads ----------------------------------------------------------- */

struct host_thread {
	pthread_t id;
	pid_t process;
	void (*fn)(void *arg);
	void *arg;
};

static void *thread_main(void *arg)
{
	struct host_thread *t = arg;

	t->fn(t->arg);
	return NULL;
}

struct host_thread *host_start(void (*fn)(void *arg), void *arg)
{
	struct host_thread *t = malloc(sizeof(*t));

	if (!t)
		return NULL;
	t->process = getpid();
	t->fn = fn;
	t->arg = arg;
	if (pthread_create(&t->id, NULL, thread_main, t)) {
		free(t);
		return NULL;
	}
	return t;
}

void host_join(struct host_thread *t)
{
	if (t->process == getpid())
		pthread_join(t->id, NULL);
	free(t);
}

/* ---- text -------------------------------------------------------------- */

size_t host_print(char *out, size_t size, const char *format,
		  unsigned long value)
{
	int n = snprintf(out, size, format, value);

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

const char *host_errname(int positive)
{
#ifdef __GLIBC__
	return strerrorname_np(positive);
#else
	(void)positive;
	return NULL;
#endif
}

/* ---- names ------------------------------------------------------------- */

const char *host_symbol(const void *address, unsigned long *base)
{
	Dl_info info;

	*base = 0;
	if (!dladdr(address, &info))
		return NULL;
	*base = (unsigned long)info.dli_fbase;
	return info.dli_sname;
}

int host_backtrace(void **out, int max)
{
	return backtrace(out, max);
}

void host_stack(const void **start, size_t *len)
{
	pthread_attr_t attr;
	void *lowest = NULL;

	*start = NULL;
	*len = 0;
	if (pthread_getattr_np(pthread_self(), &attr))
		return;
	if (!pthread_attr_getstack(&attr, &lowest, len))
		*start = lowest;
	pthread_attr_destroy(&attr);
}

struct range {
	unsigned long inside, start, end;
};

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
	struct range *r = data;
	unsigned long start, end, low = ~0ul, high = 0;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		end = start + info->dlpi_phdr[i].p_memsz;
		low = start < low ? start : low;
		high = end > high ? end : high;
	}
	if (r->inside < low || r->inside >= high)
		return 0;
	r->start = low;
	r->end = high;
	return 1;
}

void host_range(const void **start, size_t *len)
{
	struct range r = { .inside = (unsigned long)look_at };

	dl_iterate_phdr(look_at, &r);
	*start = (void *)r.start;
	*len = r.end - r.start;
}
