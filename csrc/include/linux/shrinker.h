/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the whole of 6.12's interface; struct shrinker has those fields
 * that are a driver's to read and write.
 * Otherwise: an oops in a callback ends this shrinker's turn.
 */
#ifndef _LINUX_SHRINKER_H
#define _LINUX_SHRINKER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>
#include <shrinkpy/core.h>

/* struct sp_shrinker_head: how the core's own begins. */
struct shrinker {
	unsigned long (*count_objects)(struct shrinker *s,
				       struct shrink_control *sc);
	unsigned long (*scan_objects)(struct shrinker *s,
				      struct shrink_control *sc);
	long batch;
	int seeks;
	unsigned int flags;
	void *private_data;
};

#define KERNEL_SAME_PLACE_(field)                                              \
	_Static_assert(offsetof(struct shrinker, field) ==                     \
			       offsetof(struct sp_shrinker_head, field),       \
		       #field " is not where the core has it")
KERNEL_SAME_PLACE_(count_objects);
KERNEL_SAME_PLACE_(scan_objects);
KERNEL_SAME_PLACE_(batch);
KERNEL_SAME_PLACE_(seeks);
KERNEL_SAME_PLACE_(flags);
KERNEL_SAME_PLACE_(private_data);

struct shrinker *shrinker_alloc(unsigned int flags, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void shrinker_register(struct shrinker *s);
void shrinker_free(struct shrinker *s);
int shrinker_debugfs_rename(struct shrinker *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
