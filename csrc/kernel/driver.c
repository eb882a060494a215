// SPDX-License-Identifier: GPL-2.0-only
/* A load from its attach to its detach, as shrinkpy/driver.h tells. */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <shrinkpy/oops.h>
#include <shrinkpy/code.h>

#include "runtime.h"
#include "slab.h"

struct machine *kernel_machine;
struct module kernel_this_module = { .name = KBUILD_MODNAME };

/* The linker's, of the sections that linux/init.h fills; NULL without any. */
extern initcall_t __start_kernel_initcalls[] __attribute__((weak)) HIDDEN;
extern initcall_t __stop_kernel_initcalls[] __attribute__((weak)) HIDDEN;
extern exitcall_t __start_kernel_exitcalls[] __attribute__((weak)) HIDDEN;
extern exitcall_t __stop_kernel_exitcalls[] __attribute__((weak)) HIDDEN;

/* Of this shared object, by offset from its base. */
static const struct sp_symbol *symbols;
static size_t nr_symbols;

static const struct sp_symbol *find_symbol(const void *address,
					   unsigned long *offset)
{
	size_t low = 0, high = nr_symbols, mid;
	unsigned long base;

	host_symbol(address, &base);
	if (!base)
		return NULL;
	*offset = (unsigned long)address - base;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (symbols[mid].offset <= *offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &symbols[low - 1] : NULL;
}

/* For stacks: what the driver called by its name in the kernel, and no deeper. */
static const char *name_in_stack(const void *address, unsigned long *offset)
{
	const struct sp_symbol *symbol = find_symbol(address, offset);

	if (!symbol || symbol->inner)
		return NULL;
	*offset -= symbol->offset;
	return symbol->name;
}

#ifndef __SANITIZE_ADDRESS__ /* whose own reports are better */
/* With a leaf in its hands it would leave that locked: nothing can go on. */
static void trapped(const char *text)
{
	if (!kernel_leaves)
		kernel_oops("%s", text);
}
#endif

static struct sp_code code = {
#ifndef __SANITIZE_ADDRESS__
	.trap = trapped,
#endif
};

int sp_driver_attach(struct machine *m)
{
	if (kernel_machine)
		return -EBUSY;
	kernel_machine = m;
	host_range(&code.start, &code.len);
	code.name = nr_symbols ? name_in_stack : NULL;
	sp_code_add(&code);
	wait_init();
	slab_init();
	return 0;
}

int sp_driver_init(void)
{
	initcall_t *call;
	int ret;

	for (call = __start_kernel_initcalls; call < __stop_kernel_initcalls;
	     call++) {
		ret = (*call)();
		if (ret)
			return ret;
	}
	return 0;
}

void sp_driver_exit(void)
{
	exitcall_t *call = __stop_kernel_exitcalls;

	while (call > __start_kernel_exitcalls)
		(*--call)();
	workqueues_flush();
	rcu_drain();
}

enum sp_status sp_driver_leaks(char **text, size_t *len)
{
	struct text t = { 0 };

	slab_leaks(&t);
	shrinkers_leaks(&t);
	list_lrus_leaks(&t);
	workqueues_leaks(&t);
	kthreads_leaks(&t);
	cpus_leaks(&t);
	return text_take(&t, text, len);
}

void sp_driver_detach(void)
{
	const void *start;
	size_t len;

	/* Nothing of ours is called any more, then nothing of ours runs. */
	shrinkers_exit();
	kthreads_stop();
	timers_stop();
	workqueues_stop();
	rcu_stop();
	list_lrus_exit();
	workqueues_exit();
	slab_exit();
	cpus_exit();
	devices_exit();
	tasks_exit();
	printk_exit();
	/* Keys, and locks that were DEFINEd. */
	host_range(&start, &len);
	sp_lock_forget(kernel_machine, start, len);
	sp_code_remove(&code);
	kernel_machine = NULL;
}

void sp_driver_set_symbols(const struct sp_symbol *sorted, size_t n)
{
	symbols = sorted;
	nr_symbols = n;
}

const char *kernel_symbol(const void *address)
{
	unsigned long base, offset;
	const struct sp_symbol *symbol = find_symbol(address, &offset);

	return symbol ? symbol->name : host_symbol(address, &base);
}

void kernel_run(void (*fn)(void *arg), void *arg)
{
	sp_run_bounded(kernel_machine, fn, arg);
}
