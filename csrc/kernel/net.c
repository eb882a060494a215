// SPDX-License-Identifier: GPL-2.0-only
/* The one network namespace, and sums of ones' complement. */
#include <asm/checksum.h>
#include <linux/bitmap.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

static DEFINE_MUTEX(pernet_mutex);
static DECLARE_BITMAP(ids, SP_NET_GENERICS) = { 1 }; /* 0 is no id */

struct net init_net = {
	.user_ns = &init_user_ns,
	.ns.count = REFCOUNT_INIT(1),
	.exit_list = LIST_HEAD_INIT(init_net.exit_list),
};

static int take_id(struct pernet_operations *ops)
{
	unsigned long id;
	void *memory = NULL;

	if (!ops->id)
		return 0;
	id = find_first_zero_bit(ids, SP_NET_GENERICS);
	if (id == SP_NET_GENERICS)
		return -ENOSPC;
	if (ops->size) {
		memory = kzalloc(ops->size, GFP_KERNEL);
		if (!memory)
			return -ENOMEM;
	}
	set_bit((int)id, ids);
	*ops->id = (unsigned int)id;
	init_net.generic[id] = memory;
	return 0;
}

static void give_id(struct pernet_operations *ops)
{
	if (!ops->id)
		return;
	if (ops->size) /* else it is what init() put there */
		kfree(init_net.generic[*ops->id]);
	init_net.generic[*ops->id] = NULL;
	clear_bit((int)*ops->id, ids);
}

int register_pernet_subsys(struct pernet_operations *ops)
{
	int ret;

	mutex_lock(&pernet_mutex);
	ret = take_id(ops);
	if (!ret && ops->init) {
		ret = ops->init(&init_net);
		if (ret)
			give_id(ops);
	}
	mutex_unlock(&pernet_mutex);
	return ret;
}

void unregister_pernet_subsys(struct pernet_operations *ops)
{
	LIST_HEAD(nets);

	mutex_lock(&pernet_mutex);
	if (ops->pre_exit)
		ops->pre_exit(&init_net);
	synchronize_rcu();
	if (ops->exit)
		ops->exit(&init_net);
	if (ops->exit_batch) {
		list_add(&init_net.exit_list, &nets);
		ops->exit_batch(&nets);
		list_del_init(&init_net.exit_list);
	}
	give_id(ops);
	mutex_unlock(&pernet_mutex);
}

__wsum csum_partial(const void *p, int len, __wsum sum)
{
	const u8 *at = p;
	u64 s = (u32)sum;
	u16 word;

	for (; len > 1; len -= 2, at += 2) {
		memcpy(&word, at, sizeof(word));
		s += word;
	}
	if (len) {
		word = 0;
		memcpy(&word, at, 1);
		s += word;
	}
	s = (s & 0xffffffff) + (s >> 32);
	return (__wsum)((s & 0xffffffff) + (s >> 32));
}

__sum16 ip_compute_csum(const void *p, int len)
{
	return csum_fold(csum_partial(p, len, 0));
}
