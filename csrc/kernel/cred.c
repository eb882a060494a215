// SPDX-License-Identifier: GPL-2.0-only
/* Who a task is: credentials, groups, namespaces. */
#include <linux/cred.h>
#include <linux/nsproxy.h>
#include <linux/pid_types.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>

struct user_namespace init_user_ns = {
	.ns.count = REFCOUNT_INIT(1),
};
struct uts_namespace init_uts_ns = {
	.name = { .sysname = "Linux",
		  .nodename = "shrinkpy",
		  .release = "6.12.0",
		  .version = "#1",
		  .machine = "x86_64",
		  .domainname = "(none)" },
	.user_ns = &init_user_ns,
};
struct nsproxy init_nsproxy = {
	.count = REFCOUNT_INIT(1),
	.uts_ns = &init_uts_ns,
	.net_ns = &init_net,
};
struct group_info init_groups = { .usage = REFCOUNT_INIT(1) };
struct cred init_cred = {
	.usage = ATOMIC_INIT(1),
	.cap_inheritable = { 0 },
	.cap_permitted = { ~0ull },
	.cap_effective = { ~0ull },
	.cap_bset = { ~0ull },
	.user_ns = &init_user_ns,
	.group_info = &init_groups,
};
struct task_struct init_task = {
	.comm = "swapper",
	.group_leader = &init_task,
	.cred = &init_cred,
	.real_cred = &init_cred,
	.nsproxy = &init_nsproxy,
};

/* ---- groups ------------------------------------------------------------ */

struct group_info *groups_alloc(int n)
{
	struct group_info *groups;

	groups = kvmalloc(sizeof(*groups) + (size_t)n * sizeof(kgid_t),
			  GFP_KERNEL_ACCOUNT);
	if (!groups)
		return NULL;
	refcount_set(&groups->usage, 1);
	groups->ngroups = n;
	return groups;
}

void groups_free(struct group_info *groups)
{
	kvfree(groups);
}

static int by_gid(const void *a, const void *b)
{
	const kgid_t x = *(const kgid_t *)a, y = *(const kgid_t *)b;

	return gid_lt(x, y) ? -1 : gid_gt(x, y);
}

void groups_sort(struct group_info *groups)
{
	sort(groups->gid, (size_t)groups->ngroups, sizeof(kgid_t), by_gid,
	     NULL);
}

int groups_search(const struct group_info *groups, kgid_t gid)
{
	int low = 0, high = groups ? groups->ngroups : 0, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (gid_eq(groups->gid[mid], gid))
			return 1;
		if (gid_lt(groups->gid[mid], gid))
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

void set_groups(struct cred *cred, struct group_info *groups)
{
	put_group_info(cred->group_info);
	cred->group_info = get_group_info(groups);
}

int in_group_p(kgid_t gid)
{
	return gid_eq(current_fsgid(), gid) ||
	       groups_search(current_cred()->group_info, gid);
}

int in_egroup_p(kgid_t gid)
{
	return gid_eq(current_egid(), gid) ||
	       groups_search(current_cred()->group_info, gid);
}

/* ---- credentials ------------------------------------------------------- */

static struct cred *copy_of(const struct cred *from)
{
	struct cred *cred = kmalloc(sizeof(*cred), GFP_KERNEL_ACCOUNT);

	if (!cred)
		return NULL;
	*cred = *from;
	atomic_long_set(&cred->usage, 1);
	memset(&cred->rcu, 0, sizeof(cred->rcu));
	get_group_info(cred->group_info);
	return cred;
}

struct cred *prepare_creds(void)
{
	return copy_of(current_cred());
}

struct cred *prepare_kernel_cred(struct task_struct *t)
{
	return WARN_ON_ONCE(!t) ? NULL : copy_of(t->real_cred);
}

static void free_cred(struct rcu_head *rcu)
{
	struct cred *cred = container_of(rcu, struct cred, rcu);

	put_group_info(cred->group_info);
	kfree(cred);
}

void __put_cred(struct cred *cred)
{
	BUG_ON(cred == &init_cred);
	call_rcu(&cred->rcu, free_cred);
}

void abort_creds(struct cred *cred)
{
	put_cred(cred);
}

/* A task holds one reference for each of its two. */
int commit_creds(struct cred *cred)
{
	const struct cred *was = current->real_cred;

	BUG_ON(current->cred != was);
	get_cred(cred);
	current->real_cred = cred;
	current->cred = cred;
	put_cred_many(was, 2);
	return 0;
}

const struct cred *override_creds(const struct cred *cred)
{
	const struct cred *was = current->cred;

	current->cred = get_cred(cred);
	return was;
}

void revert_creds(const struct cred *cred)
{
	const struct cred *was = current->cred;

	current->cred = cred;
	put_cred(was);
}

static int ids_cmp(u32 a, u32 b)
{
	return a < b ? -1 : a > b;
}

int cred_fscmp(const struct cred *a, const struct cred *b)
{
	const struct group_info *ga = a->group_info, *gb = b->group_info;
	int i, ret;

	if (a == b)
		return 0;
	ret = ids_cmp(a->fsuid.val, b->fsuid.val);
	if (!ret)
		ret = ids_cmp(a->fsgid.val, b->fsgid.val);
	if (ret || ga == gb)
		return ret;
	if (!ga || !gb)
		return ga ? 1 : -1;
	ret = ga->ngroups < gb->ngroups ? -1 : ga->ngroups > gb->ngroups;
	for (i = 0; !ret && i < ga->ngroups; i++)
		ret = ids_cmp(ga->gid[i].val, gb->gid[i].val);
	return ret;
}
