/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mm/ has in mm/internal.h and gets from the rest of the kernel, for the
 * tree's files; and how what they allocate is told apart.
 */
#ifndef SP_TREE_ENV_H
#define SP_TREE_ENV_H

#include <linux/bug.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/types.h>

#include <shrinkpy/core.h>

/* What is given once in the kernel is counted each time it is met here. */
#undef WARN_ON_ONCE
#define WARN_ON_ONCE(condition) WARN_ON(condition)

#undef lockdep_assert_held
#define lockdep_assert_held(l) ((void)WARN_ON(!tree_lock_is_held(&(l)->lock)))
bool tree_lock_is_held(const struct sp_lock *l);

/* Who looks without the lock looks in a read side. */
#undef rcu_dereference
#define rcu_dereference(p)                                                     \
	((void)WARN_ON(!rcu_read_lock_held() && !seam_locked()),               \
	 __atomic_load_n(&(p), __ATOMIC_ACQUIRE))
int rcu_read_lock_held(void);
bool seam_locked(void);

struct dentry;
struct mem_cgroup;
struct shrinker;

unsigned long shrink_slab(gfp_t gfp_mask, int nid, struct mem_cgroup *memcg,
			  int priority);
int shrinker_debugfs_name_alloc(struct shrinker *shrinker, const char *fmt,
				va_list ap);
void shrinker_debugfs_name_free(struct shrinker *shrinker);
int shrinker_debugfs_add(struct shrinker *shrinker);
struct dentry *shrinker_debugfs_detach(struct shrinker *shrinker,
				       int *debugfs_id);
void shrinker_debugfs_remove(struct dentry *debugfs_entry, int debugfs_id);
/* The runtime's; none of it allocates. */
int kernel_vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
const char *kvasprintf_const(gfp_t gfp, const char *fmt, va_list args);

#endif
