/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks that know their class, and lockdep, which watches them and the
 * pseudo-lock fs_reclaim.
 *
 * A lock is plain memory, all zeros when it is free, so that it can be part of
 * a driver's own structures. Blocking goes through the hooks of the machine.
 * Every place where the kernel's rules let a lock be taken is a class; classes
 * and what is known of their order belong to a machine.
 */
#ifndef SHRINKPY_LOCK_H
#define SHRINKPY_LOCK_H

#include <shrinkpy/core.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sp_lock_kind {
	SP_LOCK_MUTEX,
	SP_LOCK_SPIN,
	SP_LOCK_RW, /* rw_semaphore, rwlock_t */
};

enum sp_lock_how {
	SP_LOCK_WAIT = 0,
	SP_LOCK_TRY = 1 << 0,       /* do not wait: SP_BUSY */
	SP_LOCK_SHARED = 1 << 1,    /* of SP_LOCK_RW */
	SP_LOCK_RECURSIVE = 1 << 2, /* its holder may take it again */
};

struct sp_lock {
	unsigned int word; /* 0: free */
	unsigned int sleepers;
	unsigned int depth; /* of SP_LOCK_RECURSIVE */
	unsigned int kind;
	const void *owner; /* the thread that has it for itself */
	const void *key;   /* the class; NULL: its own address is */
	const char *name;  /* lives as long as the lock */
};

/*
 * SP_OK. SP_BUSY: a try failed. SP_DEADLOCK: this thread has it already, the
 * kernel would wait for ever; nothing has changed. SP_INTR: hooks.wait_poll
 * gave the wait up. subclass: of mutex_lock_nested() and the like, else 0.
 * where: file:line of the caller for reports, or NULL; it must stay.
 */
SP_API enum sp_status sp_lock_take(struct machine *m, struct sp_lock *l,
				   unsigned int how, int subclass,
				   const char *where);
/* SP_INVAL: this thread does not have it. */
SP_API enum sp_status sp_lock_give(struct machine *m, struct sp_lock *l);
/* By anybody. */
SP_API bool sp_lock_is_held(const struct sp_lock *l);
/* By this thread, in any way. */
SP_API bool sp_lock_is_mine(const struct sp_lock *l);

/* might_lock_reclaim: fs_reclaim_acquire() and _release() of this thread. */
SP_API void sp_fs_reclaim_acquire(struct machine *m, unsigned int gfp_mask,
				  const char *where);
SP_API void sp_fs_reclaim_release(struct machine *m, unsigned int gfp_mask);

/* ---- what lockdep found ------------------------------------------------ */

/* Each cycle of classes is reported once. */
SP_API size_t sp_lockdep_nr_reports(struct machine *m);
/*
 * The i-th (0: the first): what would happen, the classes in the cycle, and
 * for each step the stack where it was seen; sp_text_free() it. SP_NOENT.
 */
SP_API enum sp_status sp_lockdep_report(struct machine *m, size_t i,
					char **text, size_t *len);
SP_API void sp_lockdep_enable(struct machine *m, bool on);

#ifdef __cplusplus
}
#endif
#endif
