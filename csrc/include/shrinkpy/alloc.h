/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations of the code under test: what kmalloc() and the page allocator
 * are to a driver. They take fs_reclaim for a moment, may be failed, and when
 * memory is short (a limit, or on demand) run direct reclaim for real.
 */
#ifndef SHRINKPY_ALLOC_H
#define SHRINKPY_ALLOC_H

#include <shrinkpy/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of gfp_types.h, 6.12. */
enum sp_gfp {
	SP_GFP_IO = 0x40,
	SP_GFP_FS = 0x80,
	SP_GFP_DIRECT_RECLAIM = 0x400,
	SP_GFP_KSWAPD_RECLAIM = 0x800,
	SP_GFP_NOFAIL = 0x8000,
	SP_GFP_NORETRY = 0x10000,
	SP_GFP_NOMEMALLOC = 0x80000,
	SP_GFP_THISNODE = 0x200000,
	SP_GFP_ACCOUNT = 0x400000,
	SP_GFP_NOLOCKDEP = 0x1000000,
	SP_GFP_KERNEL = 0xcc0,
};

/* ---- the task that this thread is -------------------------------------- */

/*
 * memalloc_nofs_save() and memalloc_noio_save(): no __GFP_FS, neither __GFP_IO
 * nor __GFP_FS, until restored. They nest; each gives what its restore takes.
 */
enum sp_scope { SP_NOFS = 1 << 0, SP_NOIO = 1 << 1 };
SP_API unsigned int sp_scope_save(unsigned int scopes);
SP_API void sp_scope_restore(unsigned int scopes, unsigned int saved);
/* current_gfp_context() */
SP_API unsigned int sp_scoped_gfp(unsigned int gfp_mask);
/* PF_MEMALLOC: in a callback, or reclaiming for an allocation. */
SP_API bool sp_task_reclaims(struct machine *m);
/*
 * Whose memory it is from now on (NULL: the root), and on which node; gives
 * what it was. The caller keeps the cgroup alive meanwhile.
 */
struct sp_place {
	struct mem_cgroup *memcg;
	int nid;
};
SP_API struct sp_place sp_task_move(struct machine *m, struct sp_place to);
SP_API struct sp_place sp_task_place(struct machine *m);

/* ---- allocations ------------------------------------------------------- */

/*
 * Asks for bytes: SP_OK, and they are charged until sp_uncharge(), once; or
 * SP_NOMEM. What it takes out of fs_reclaim is as the scopes say. Inside a
 * callback it never reclaims, and is noted; over the limit it lives on reserves
 * there, as PF_MEMALLOC does, unless __GFP_NOMEMALLOC. __GFP_NORETRY reclaims
 * once, others until sixteen in a row got nothing. __GFP_NOFAIL is not failed by
 * faults; SP_SPIN: it reclaimed max_stall times in a row for nothing. SP_OOPS,
 * SP_ABORTED, SP_DEPTH: as of the passes it ran. SP_INTR: hooks.wait_poll gave
 * it up between reclaims in vain. hooks.report is told of SP_SPIN and SP_OOPS. where: file:line of the caller, or NULL; for as long as the call.
 */
SP_API enum sp_status sp_charge(struct machine *m, unsigned int gfp_mask,
				size_t bytes, const char *where);
SP_API void sp_uncharge(struct machine *m, size_t bytes);

/* Over that many charged bytes an allocation reclaims first; 0: no limit. */
SP_API void sp_set_limit(struct machine *m, size_t bytes);
SP_API size_t sp_limit(const struct machine *m);
/* The nth allocation from now (1: the next) that may, reclaims; 0: none. */
SP_API void sp_reclaim_nth(struct machine *m, unsigned long nth);

struct sp_alloc_stats {
	unsigned long charged;     /* bytes, now */
	unsigned long allocations; /* calls of sp_charge() */
	unsigned long reclaims;    /* of them, that ran direct reclaim */
	unsigned long failures;
	unsigned long in_callbacks; /* that could have reclaimed elsewhere */
};
SP_API void sp_alloc_read(struct machine *m, struct sp_alloc_stats *out);
/* The i-th last (0: the newest) place that allocated in a callback. */
SP_API bool sp_alloc_in_callback(struct machine *m, unsigned int i,
				 char where[128]);

#ifdef __cplusplus
}
#endif
#endif
