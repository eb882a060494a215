/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: everybody is in the first namespace of each sort. */
#ifndef _LINUX_NSPROXY_H
#define _LINUX_NSPROXY_H

#include <linux/init.h>
#include <linux/refcount.h>
#include <linux/sched.h>

struct cgroup_namespace;
struct ipc_namespace;
struct mnt_namespace;
struct net;
struct pid_namespace;
struct time_namespace;
struct uts_namespace;

struct nsproxy {
	refcount_t count;
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct time_namespace *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
};

extern struct nsproxy init_nsproxy;

static inline void get_nsproxy(struct nsproxy *ns)
{
	refcount_inc(&ns->count);
}

static inline void put_nsproxy(struct nsproxy *ns)
{
	refcount_dec(&ns->count); /* the first one stays */
}

#endif
