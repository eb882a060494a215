// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the rest of the NFS server is to nfscache.c, as far as its shrinker can
 * tell: calls by their number, whose answers are numbers, too.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sunrpc/svc_xprt.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "cache.h"
#include "netns.h"
#include "nfsd.h"

enum { NR_CALLS = 4096, WORDS = 8 };

unsigned int nfsd_net_id;

/* All calls come one by one. */
static struct svc_rqst call;
static __be32 body[WORDS], answer[WORDS], sent[WORDS];
static struct nfsd_cacherep *entries[NR_CALLS];

/* ---- of net/sunrpc/xdr.c, for what is in the head ---------------------- */

int xdr_buf_subsegment(const struct xdr_buf *buf, struct xdr_buf *sub,
		       unsigned int base, unsigned int len)
{
	if (base + len > buf->head[0].iov_len)
		return -1;
	memset(sub, 0, sizeof(*sub));
	sub->head[0].iov_base = (char *)buf->head[0].iov_base + base;
	sub->head[0].iov_len = len;
	return 0;
}

__be32 *xdr_reserve_space(struct xdr_stream *xdr, size_t n)
{
	return n <= sizeof(sent) ? sent : NULL;
}

void __xdr_commit_encode(struct xdr_stream *xdr)
{
}

/* ---- what the tests call ----------------------------------------------- */

/* As nfsd_cache_lookup(): 0, drop it; 1, it was answered; 2, do it. */
int calls_come(unsigned int number)
{
	struct sockaddr_in *client = (struct sockaddr_in *)&call.rq_addr;
	struct nfsd_cacherep *rp = NULL;
	unsigned int i;
	int ret;

	client->sin_family = AF_INET;
	client->sin_addr.s_addr = htonl(0x0a000001);
	call.rq_bc_net = &init_net;
	call.rq_xid = htonl(number);
	call.rq_cachetype = RC_REPLBUFF;
	for (i = 0; i < WORDS; i++)
		body[i] = htonl(number * i);
	call.rq_arg.head[0].iov_base = body;
	call.rq_arg.head[0].iov_len = sizeof(body);
	call.rq_arg.len = sizeof(body);
	memset(sent, 0xff, sizeof(sent));
	ret = nfsd_cache_lookup(&call, 0, sizeof(body), &rp);
	if (rp)
		entries[number] = rp;
	return ret;
}

/* What the last one that was answered was answered; -1: something torn. */
long calls_answer(void)
{
	unsigned int i;

	for (i = 1; i < WORDS; i++)
		if (sent[i] != sent[0])
			return -1;
	return ntohl(sent[0]);
}

void calls_done(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		answer[i] = htonl(number + 7);
	call.rq_res.head[0].iov_base = answer;
	call.rq_res.head[0].iov_len = sizeof(answer);
	nfsd_cache_update(&call, entries[number], RC_REPLBUFF, answer);
}

void calls_age(unsigned int number, unsigned int seconds)
{
	entries[number]->c_timestamp -= seconds * HZ;
}

static int __net_init calls_net_init(struct net *net)
{
	struct nfsd_net *nn = net_generic(net, nfsd_net_id);
	int err;

	err = percpu_counter_init_many(nn->counter, 0, GFP_KERNEL,
				       NFSD_STATS_COUNTERS_NUM);
	if (err)
		return err;
	strscpy(nn->nfsd_name, "server", sizeof(nn->nfsd_name));
	err = nfsd_reply_cache_init(nn);
	if (err)
		percpu_counter_destroy_many(nn->counter,
					    NFSD_STATS_COUNTERS_NUM);
	return err;
}

static void __net_exit calls_net_exit(struct net *net)
{
	struct nfsd_net *nn = net_generic(net, nfsd_net_id);

	nfsd_reply_cache_shutdown(nn);
	WARN_ON(percpu_counter_sum(&nn->counter[NFSD_STATS_DRC_MEM_USAGE]));
	percpu_counter_destroy_many(nn->counter, NFSD_STATS_COUNTERS_NUM);
}

static struct pernet_operations calls_net_ops = {
	.init = calls_net_init,
	.exit = calls_net_exit,
	.id = &nfsd_net_id,
	.size = sizeof(struct nfsd_net),
};

static int __init calls_init(void)
{
	int err = nfsd_drc_slab_create();

	if (err)
		return err;
	err = register_pernet_subsys(&calls_net_ops);
	if (err)
		nfsd_drc_slab_free();
	return err;
}

static void __exit calls_exit(void)
{
	unregister_pernet_subsys(&calls_net_ops);
	nfsd_drc_slab_free();
}

module_init(calls_init);
module_exit(calls_exit);
MODULE_DESCRIPTION("calls for the tests of fs/nfsd/nfscache.c");
