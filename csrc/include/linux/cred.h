/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: credentials and their references, groups, overriding.
 * Otherwise: a task starts as root with no groups (init_cred); there are no
 * keys, no ucounts and no security modules.
 */
#ifndef _LINUX_CRED_H
#define _LINUX_CRED_H

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cleanup.h>
#include <linux/gfp_types.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

struct key;
typedef s32 key_serial_t;
struct user_struct;
struct ucounts;

struct group_info {
	refcount_t usage;
	int ngroups;
	kgid_t gid[];
};

/* NULL: no memory. */
struct group_info *groups_alloc(int n);
void groups_free(struct group_info *groups);
void groups_sort(struct group_info *groups);
/* In sorted ones. */
int groups_search(const struct group_info *groups, kgid_t gid);

static inline struct group_info *get_group_info(struct group_info *groups)
{
	refcount_inc(&groups->usage);
	return groups;
}

static inline void put_group_info(struct group_info *groups)
{
	if (refcount_dec_and_test(&groups->usage))
		groups_free(groups);
}

struct cred {
	atomic_long_t usage;
	kuid_t uid;
	kgid_t gid;
	kuid_t suid;
	kgid_t sgid;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	kgid_t fsgid;
	unsigned int securebits;
	kernel_cap_t cap_inheritable;
	kernel_cap_t cap_permitted;
	kernel_cap_t cap_effective;
	kernel_cap_t cap_bset;
	kernel_cap_t cap_ambient;
	struct user_struct *user;
	struct user_namespace *user_ns;
	struct ucounts *ucounts;
	struct group_info *group_info;
	union {
		int non_rcu;
		struct rcu_head rcu;
	};
};

extern struct cred init_cred;
extern struct group_info init_groups;

/* A copy of the current task's; of init_cred. NULL: no memory. */
struct cred *prepare_creds(void);
struct cred *prepare_kernel_cred(struct task_struct *t);
/* The current task's from now on; takes the reference. */
int commit_creds(struct cred *cred);
void abort_creds(struct cred *cred);
/* Gives the ones before; with no reference more. */
const struct cred *override_creds(const struct cred *cred);
void revert_creds(const struct cred *cred);
/* After the last reference, and a grace period. */
void __put_cred(struct cred *cred);
/* By who they are on file systems: -1, 0, 1. */
int cred_fscmp(const struct cred *a, const struct cred *b);
void set_groups(struct cred *cred, struct group_info *groups);
int in_group_p(kgid_t gid);
int in_egroup_p(kgid_t gid);

static inline struct cred *get_new_cred(struct cred *cred)
{
	atomic_long_inc(&cred->usage);
	return cred;
}

static inline const struct cred *get_cred_many(const struct cred *cred, int nr)
{
	if (cred)
		atomic_long_add(nr, &((struct cred *)cred)->usage);
	return cred;
}

static inline const struct cred *get_cred(const struct cred *cred)
{
	return get_cred_many(cred, 1);
}

/* NULL: it is on its way out. */
static inline const struct cred *get_cred_rcu(const struct cred *cred)
{
	if (!cred || !atomic_long_inc_not_zero(&((struct cred *)cred)->usage))
		return NULL;
	return cred;
}

static inline void put_cred_many(const struct cred *cred, int nr)
{
	if (cred && atomic_long_sub_and_test(nr, &((struct cred *)cred)->usage))
		__put_cred((struct cred *)cred);
}

static inline void put_cred(const struct cred *cred)
{
	put_cred_many(cred, 1);
}

#define current_cred() (current->cred)
#define current_real_cred() (current->real_cred)
#define kernel_cred() ((const struct cred *)&init_cred)
#define __task_cred(t) ((t)->real_cred)
#define get_task_cred(t) get_cred(__task_cred(t))
#define get_current_cred() get_cred(current_cred())
#define get_current_groups() get_group_info(current_cred()->group_info)
#define current_cred_xxx(member) (current_cred()->member)
#define task_cred_xxx(t, member) (__task_cred(t)->member)
#define task_uid(t) task_cred_xxx(t, uid)
#define task_euid(t) task_cred_xxx(t, euid)
#define current_uid() current_cred_xxx(uid)
#define current_gid() current_cred_xxx(gid)
#define current_euid() current_cred_xxx(euid)
#define current_egid() current_cred_xxx(egid)
#define current_suid() current_cred_xxx(suid)
#define current_sgid() current_cred_xxx(sgid)
#define current_fsuid() current_cred_xxx(fsuid)
#define current_fsgid() current_cred_xxx(fsgid)
#define current_cap() current_cred_xxx(cap_effective)
#define current_user() current_cred_xxx(user)
#define current_user_ns() (&init_user_ns)
#define current_fsuid_fsgid(u, g)                                              \
	((void)(*(u) = current_fsuid()), (void)(*(g) = current_fsgid()))
#define current_uid_gid(u, g)                                                  \
	((void)(*(u) = current_uid()), (void)(*(g) = current_gid()))

#endif
