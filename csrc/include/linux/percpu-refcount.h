/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: a count that is killed, and then ends.
 * Otherwise: it is one counter, in whatever mode; what has no members of its
 * own here is always in the atomic one.
 */
#ifndef _LINUX_PERCPU_REFCOUNT_H
#define _LINUX_PERCPU_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>

struct percpu_ref;
typedef void(percpu_ref_func_t)(struct percpu_ref *ref);

enum {
	PERCPU_REF_INIT_ATOMIC = 1 << 0,
	PERCPU_REF_INIT_DEAD = 1 << 1,
	PERCPU_REF_ALLOW_REINIT = 1 << 2,
};

struct percpu_ref {
	atomic_long_t count; /* one of it is the owner's, until it is killed */
	percpu_ref_func_t *release;
	bool dying;
	void *memory; /* between init and exit */
};

int __must_check percpu_ref_init(struct percpu_ref *ref,
				 percpu_ref_func_t *release, unsigned int flags,
				 gfp_t gfp);
void percpu_ref_exit(struct percpu_ref *ref);
/* No more tryget_live(); the owner's reference goes after confirm(). */
void percpu_ref_kill_and_confirm(struct percpu_ref *ref,
				 percpu_ref_func_t *confirm);
/* A killed one lives again; _reinit(): one that has ended. */
void percpu_ref_resurrect(struct percpu_ref *ref);
void percpu_ref_reinit(struct percpu_ref *ref);
bool percpu_ref_is_zero(struct percpu_ref *ref);
bool percpu_ref_tryget_many(struct percpu_ref *ref, unsigned long nr);
void percpu_ref_put_many(struct percpu_ref *ref, unsigned long nr);

#define percpu_ref_kill(ref) percpu_ref_kill_and_confirm(ref, NULL)
#define percpu_ref_switch_to_atomic(ref, confirm)                              \
	do {                                                                   \
		percpu_ref_func_t *confirm_ = (confirm);                       \
		if (confirm_)                                                  \
			confirm_(ref);                                         \
	} while (0)
#define percpu_ref_switch_to_atomic_sync(ref) ((void)(ref))
#define percpu_ref_switch_to_percpu(ref) ((void)(ref))

static inline bool percpu_ref_is_dying(struct percpu_ref *ref)
{
	return READ_ONCE(ref->dying);
}

static inline void percpu_ref_get_many(struct percpu_ref *ref, unsigned long nr)
{
	atomic_long_add((long)nr, &ref->count);
}

static inline void percpu_ref_get(struct percpu_ref *ref)
{
	percpu_ref_get_many(ref, 1);
}

static inline bool percpu_ref_tryget(struct percpu_ref *ref)
{
	return percpu_ref_tryget_many(ref, 1);
}

static inline bool percpu_ref_tryget_live(struct percpu_ref *ref)
{
	return !percpu_ref_is_dying(ref) && percpu_ref_tryget(ref);
}

#define percpu_ref_tryget_live_rcu(ref) percpu_ref_tryget_live(ref)

static inline void percpu_ref_put(struct percpu_ref *ref)
{
	percpu_ref_put_many(ref, 1);
}

#endif
