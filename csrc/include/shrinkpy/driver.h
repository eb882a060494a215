/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a loaded driver (its source, and the runtime of csrc/kernel) exports to
 * who loads it. A load belongs to one machine, from attach to detach, which
 * has to outlive that. Each call but log, leaks and shrinkers may oops.
 */
#ifndef SHRINKPY_DRIVER_H
#define SHRINKPY_DRIVER_H

#include <shrinkpy/core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sp_symbol {
	unsigned long offset; /* from the base address of the load */
	const char *name;
	bool inner; /* of the runtime: no stack in a report shows it */
};

/* Before all else. 0, -ENOMEM, or -EBUSY: this load has a machine. */
SP_API int sp_driver_attach(struct machine *m);
/* The initcalls, in their order, to the first that fails: 0 or its -errno. */
SP_API int sp_driver_init(void);
/* The exitcalls, the last one first; then works and call_rcu() are waited for. */
SP_API void sp_driver_exit(void);
/* Lines "<level>text\n", from the from-th (0: the first); sp_text_free() it. */
SP_API enum sp_status sp_driver_log(unsigned long from, char **text,
				    size_t *len);
/*
 * What was not given back, a line each in order of age: "kmalloc 128 file:line",
 * "vmalloc 4096 file:line", "page order 0 file:line", "kmem_cache name 3
 * objects file:line", "shrinker name", "list_lru file:line", "workqueue name",
 * "kthread name".
 */
SP_API enum sp_status sp_driver_leaks(char **text, size_t *len);
/* Registered ones, in order; gives how many there are. */
SP_API size_t sp_driver_shrinkers(struct shrinker **out, size_t max);
/* Stops the threads, frees what leaked. No thread may be in the driver. */
SP_API void sp_driver_detach(void);
/* Names for static functions too; sorted by offset. They stay the caller's. */
SP_API void sp_driver_set_symbols(const struct sp_symbol *sorted, size_t n);

#ifdef __cplusplus
}
#endif
#endif
