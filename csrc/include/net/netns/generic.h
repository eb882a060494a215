/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what a pernet_operations' id finds. */
#ifndef __NET_GENERIC_H__
#define __NET_GENERIC_H__

#include <linux/bug.h>
#include <net/net_namespace.h>

static inline void *net_generic(const struct net *net, unsigned int id)
{
	BUG_ON(id >= SP_NET_GENERICS);
	return net->generic[id];
}

#endif
