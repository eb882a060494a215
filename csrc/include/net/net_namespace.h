/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: what is there once a network namespace, its init and its exit.
 * Otherwise: there is one namespace, init_net, which stays; without a network.
 */
#ifndef __NET_NET_NAMESPACE_H
#define __NET_NET_NAMESPACE_H

#include <linux/list.h>
#include <linux/ns_common.h>
#include <linux/proc_fs.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/user_namespace.h>
#if __has_include(<linux/rhashtable-types.h>)
#include <linux/rhashtable-types.h>
#endif

enum { SP_NET_GENERICS = 64 };

struct net {
	struct user_namespace *user_ns;
	struct ns_common ns;
	struct proc_dir_entry *proc_net;
	struct proc_dir_entry *proc_net_stat;
	struct list_head exit_list;
	/* Otherwise than there: */
	void *generic[SP_NET_GENERICS];
};

extern struct net init_net;

typedef struct {
	struct net *net;
} possible_net_t;

struct pernet_operations {
	struct list_head list;
	int (*init)(struct net *net);
	void (*pre_exit)(struct net *net);
	void (*exit)(struct net *net);
	void (*exit_batch)(struct list_head *nets);
	void (*exit_batch_rtnl)(struct list_head *nets,
				struct list_head *devices);
	unsigned int *const id;
	const size_t size;
};

/* With memory of ops->size in init_net, if ops->id is there to find it by. */
int register_pernet_subsys(struct pernet_operations *ops);
void unregister_pernet_subsys(struct pernet_operations *ops);
#define register_pernet_device(ops) register_pernet_subsys(ops)
#define unregister_pernet_device(ops) unregister_pernet_subsys(ops)
#define __net_init
#define __net_exit
#define __net_initdata
#define __net_initconst

static inline struct net *get_net(struct net *net)
{
	return net;
}

static inline struct net *maybe_get_net(struct net *net)
{
	return net;
}

static inline void put_net(struct net *net)
{
	(void)net;
}

static inline int net_eq(const struct net *a, const struct net *b)
{
	return a == b;
}

static inline int check_net(const struct net *net)
{
	(void)net;
	return 1;
}

static inline void write_pnet(possible_net_t *to, struct net *net)
{
	to->net = net;
}

static inline struct net *read_pnet(const possible_net_t *from)
{
	return from->net;
}

#define read_pnet_rcu(from) read_pnet(from)
#define for_each_net(n) for ((n) = &init_net; (n); (n) = NULL)
#define for_each_net_rcu(n) for_each_net(n)
#define net_drop_ns ((void *)NULL)

typedef char netns_tracker;
#define get_net_track(net, tracker, gfp)                                       \
	((void)(tracker), (void)(gfp), get_net(net))
#define put_net_track(net, tracker) ((void)(tracker), put_net(net))

#endif
