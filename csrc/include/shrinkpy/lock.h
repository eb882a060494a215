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
	SP_LOCK_TRY = 1 << 0,    /* do not wait: SP_BUSY */
	SP_LOCK_SHARED = 1 << 1, /* of SP_LOCK_RW */
	/*
	 * Its holder may take it again, and gives it as often. With
	 * SP_LOCK_SHARED: as readers that no waiting writer keeps out (rwlock_t
	 * in an interrupt, rcu); other readers queue up behind writers.
	 */
	SP_LOCK_RECURSIVE = 1 << 2,
};

struct sp_lock {
	unsigned int word;  /* 0: free */
	unsigned int depth; /* of SP_LOCK_RECURSIVE */
	unsigned int kind;
	const void *owner; /* the thread that has it for itself */
	const void *key;   /* the class; NULL: its own address; a lifetime
			    * rule: see sp_lock_forget() */
	const char *name;  /* lives as long as the lock */
};

/*
 * SP_OK. SP_BUSY: a try failed. SP_DEADLOCK: this thread has it already, or
 * whoever has it waits, directly or through others, for this thread: the kernel
 * would wait for ever; nothing has changed. SP_INTR: hooks.wait_poll gave the
 * wait up. SP_NOMEM: there is none to note that it is held. subclass: of
 * mutex_lock_nested() and the like, else 0. where: file:line of the caller for
 * reports, or NULL; it must stay while the lock is held.
 */
SP_API enum sp_status sp_lock_take(struct machine *m, struct sp_lock *l,
				   unsigned int how, int subclass,
				   const char *where);
/* In any order. SP_INVAL: this thread does not have it. */
SP_API enum sp_status sp_lock_give(struct machine *m, struct sp_lock *l);
/*
 * From having it for itself to sharing it, and nobody else has it for itself in
 * between. SP_INVAL: this thread does not have it so, or more than once.
 */
SP_API enum sp_status sp_lock_downgrade(struct machine *m, struct sp_lock *l);
/* By anybody. */
SP_API bool sp_lock_is_held(const struct sp_lock *l);
/* By this thread, in any way. */
SP_API bool sp_lock_is_mine(const struct sp_lock *l);

/*
 * Classes are known by the address of their key for as long as the machine is.
 * Whoever frees memory that a lock or a key is in says so first: its classes
 * are forgotten, and a later one at that address is another. A lock in it that
 * this thread still has is reported, and no longer had.
 */
SP_API void sp_lock_forget(struct machine *m, const void *memory, size_t len);

/*
 * fs_reclaim_acquire() and _release() of this thread: a lock that is had from
 * one to the other, if the mask, as the scopes leave it, has __GFP_FS and
 * __GFP_DIRECT_RECLAIM and no __GFP_NOLOCKDEP, and this thread does not reclaim.
 */
SP_API void sp_fs_reclaim_acquire(struct machine *m, unsigned int gfp_mask,
				  const char *where);
SP_API void sp_fs_reclaim_release(struct machine *m, unsigned int gfp_mask);

/* ---- lockdep ----------------------------------------------------------- */

/*
 * Taking a lock while others are held is an order of their classes; so is
 * waiting for one in a pass, where fs_reclaim is held since the outermost pass
 * whose mask has __GFP_FS. A try adds nothing to the order, since it does not
 * wait, but what it took counts as held. Orders that contradict each other are
 * a cycle: reported once, when the last of them is first seen, whether it ever
 * struck or not. So is a class taken while a lock of it is held, once a class;
 * not the same lock, which is SP_DEADLOCK. A cycle counts only if it can block:
 * not where its only meeting in a class is of readers, the later one recursive.
 *
 * Simpler than the kernel's: no interrupts and so no irq states, no wait types,
 * no pinning, no nest_lock, no cross-releases; every held lock gives an edge,
 * not only the last ones; it goes on after a report.
 */
SP_API size_t sp_lockdep_nr_reports(struct machine *m);
/*
 * The i-th (0: the first): what would happen, the classes in the cycle, and
 * for each step the stack where it was seen; sp_text_free() it. SP_NOENT.
 */
SP_API enum sp_status sp_lockdep_report(struct machine *m, size_t i,
					char **text, size_t *len);
/* A step of a cycle: this class was taken while that one was held, here. */
struct sp_lockdep_step {
	const char *held;
	const char *taken;
	const char *stack; /* lines */
};
/* The step-th of the i-th; its text stays as long as the machine. SP_NOENT. */
SP_API enum sp_status sp_lockdep_step(struct machine *m, size_t i, size_t step,
				      struct sp_lockdep_step *out);
/* On from the start. Off: locks work, nothing is noted of their order. */
SP_API void sp_lockdep_enable(struct machine *m, bool on);

#ifdef __cplusplus
}
#endif
#endif
