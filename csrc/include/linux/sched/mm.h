/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: references to an mm, the memalloc scopes, fs_reclaim, whose memory
 * it is.
 * Otherwise: mmput_async() is mmput().
 */
#ifndef _LINUX_SCHED_MM_H
#define _LINUX_SCHED_MM_H

#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <shrinkpy/alloc.h>

struct mm_struct *mm_alloc(void);
void mmput(struct mm_struct *mm);
void mmdrop(struct mm_struct *mm);
#define mmput_async(mm) mmput(mm)

static inline void mmgrab(struct mm_struct *mm)
{
	atomic_inc(&mm->mm_count);
}

static inline void mmget(struct mm_struct *mm)
{
	atomic_inc(&mm->mm_users);
}

static inline bool mmget_not_zero(struct mm_struct *mm)
{
	return atomic_inc_not_zero(&mm->mm_users);
}

static inline gfp_t current_gfp_context(gfp_t flags)
{
	return sp_scoped_gfp(flags);
}

static inline unsigned int memalloc_nofs_save(void)
{
	return sp_scope_save(SP_NOFS);
}

static inline void memalloc_nofs_restore(unsigned int flags)
{
	sp_scope_restore(SP_NOFS, flags);
}

static inline unsigned int memalloc_noio_save(void)
{
	return sp_scope_save(SP_NOIO);
}

static inline void memalloc_noio_restore(unsigned int flags)
{
	sp_scope_restore(SP_NOIO, flags);
}

unsigned int memalloc_noreclaim_save(void);
void memalloc_noreclaim_restore(unsigned int flags);

#define memalloc_retry_wait(gfp) ((void)(gfp), kernel_yield())
#define fs_reclaim_acquire(gfp)                                                \
	sp_fs_reclaim_acquire(kernel_machine, gfp, KERNEL_HERE)
#define fs_reclaim_release(gfp) sp_fs_reclaim_release(kernel_machine, gfp)
#define might_alloc(gfp)                                                       \
	do {                                                                   \
		fs_reclaim_acquire(gfp);                                       \
		fs_reclaim_release(gfp);                                       \
	} while (0)

struct mem_cgroup;
/* NULL: the root. Gives what it was. */
struct mem_cgroup *set_active_memcg(struct mem_cgroup *memcg);

#endif
