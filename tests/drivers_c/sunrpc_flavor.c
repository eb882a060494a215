// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the flavours of authentication are to net/sunrpc/auth.c, as far as its
 * shrinker can tell: one whose credentials are a user each, under AUTH_UNIX.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sunrpc/auth.h>
#include <linux/sunrpc/clnt.h>

/* Of a lookup: only what is there. */
enum { ONLY_FOUND = 0x80 };

static int hash_cred(struct auth_cred *acred, unsigned int bits)
{
	return (int)hash_32(from_kuid(&init_user_ns, acred->cred->fsuid), bits);
}

static int match(struct auth_cred *acred, struct rpc_cred *cred, int flags)
{
	return uid_eq(acred->cred->fsuid, cred->cr_cred->fsuid);
}

static void free_cred(struct rcu_head *rcu)
{
	struct rpc_cred *cred = container_of(rcu, struct rpc_cred, cr_rcu);

	put_cred(cred->cr_cred);
	kfree(cred);
}

static void destroy_cred(struct rpc_cred *cred)
{
	call_rcu(&cred->cr_rcu, free_cred);
}

static const struct rpc_credops credops = {
	.cr_name = "flavor",
	.crdestroy = destroy_cred,
	.crmatch = match,
};

static struct rpc_cred *create_cred(struct rpc_auth *auth,
				    struct auth_cred *acred, int flags,
				    gfp_t gfp)
{
	struct rpc_cred *cred;

	if (flags & ONLY_FOUND)
		return ERR_PTR(-ENOENT);
	cred = kzalloc(sizeof(*cred), gfp);
	if (!cred)
		return ERR_PTR(-ENOMEM);
	rpcauth_init_cred(cred, acred, auth, &credops);
	__set_bit(RPCAUTH_CRED_UPTODATE, &cred->cr_flags);
	return cred;
}

static struct rpc_cred *lookup_cred(struct rpc_auth *auth,
				    struct auth_cred *acred, int flags)
{
	return rpcauth_lookup_credcache(auth, acred, flags, GFP_KERNEL);
}

static struct rpc_auth *create(const struct rpc_auth_create_args *args,
			       struct rpc_clnt *clnt)
{
	struct rpc_auth *auth = kzalloc(sizeof(*auth), GFP_KERNEL);
	int err = -ENOMEM;

	if (!auth)
		return ERR_PTR(err);
	refcount_set(&auth->au_count, 1);
	auth->au_ops = &authunix_ops;
	err = rpcauth_init_credcache(auth);
	if (!err)
		return auth;
	kfree(auth);
	return ERR_PTR(err);
}

static void destroy(struct rpc_auth *auth)
{
	rpcauth_destroy_credcache(auth);
	kfree(auth);
}

const struct rpc_authops authunix_ops = {
	.owner = THIS_MODULE,
	.au_flavor = RPC_AUTH_UNIX,
	.au_name = "UNIX",
	.create = create,
	.destroy = destroy,
	.hash_cred = hash_cred,
	.lookup_cred = lookup_cred,
	.crcreate = create_cred,
};
const struct rpc_authops authnull_ops = { .au_flavor = RPC_AUTH_NULL };
const struct rpc_authops authtls_ops = { .au_flavor = RPC_AUTH_TLS };

static bool flavor_there;

int __init rpc_init_authunix(void)
{
	flavor_there = true;
	return 0;
}

void rpc_destroy_authunix(void)
{
	WARN_ON(!flavor_there);
	flavor_there = false;
}

/* ---- what the tests call ----------------------------------------------- */

/* NULL: no memory. rpcauth_release() ends it. */
struct rpc_auth *flavor_auth(void)
{
	const struct rpc_auth_create_args args = { .pseudoflavor =
							   RPC_AUTH_UNIX };
	struct rpc_clnt *clnt = kzalloc(sizeof(*clnt), GFP_KERNEL);
	struct rpc_auth *auth;

	if (!clnt)
		return NULL;
	auth = rpcauth_create(&args, clnt);
	kfree(clnt);
	return IS_ERR(auth) ? NULL : auth;
}

static struct rpc_cred *lookup_as(struct rpc_auth *auth, unsigned int uid,
				  int flags)
{
	struct cred *user = prepare_kernel_cred(&init_task);
	struct rpc_cred *cred;
	const struct cred *was;

	if (!user)
		return NULL;
	user->fsuid = make_kuid(&init_user_ns, uid);
	was = override_creds(user);
	cred = rpcauth_lookupcred(auth, flags);
	revert_creds(was);
	put_cred(user);
	return IS_ERR(cred) ? NULL : cred;
}

/* The user's, with a reference; NULL: no memory. */
struct rpc_cred *flavor_lookup(struct rpc_auth *auth, unsigned int uid)
{
	return lookup_as(auth, uid, 0);
}

/* Is one there? It takes no reference, and leaves its age. */
bool flavor_has(struct rpc_auth *auth, unsigned int uid)
{
	struct rpc_cred *cred = lookup_as(auth, uid, ONLY_FOUND);
	unsigned long expire;

	if (!cred)
		return false;
	expire = cred->cr_expire;
	put_rpccred(cred);
	cred->cr_expire = expire;
	return true;
}

void flavor_put(struct rpc_cred *cred, unsigned int seconds_ago)
{
	put_rpccred(cred);
	cred->cr_expire -= seconds_ago * HZ;
}

module_init(rpcauth_init_module);
module_exit(rpcauth_remove_module);
MODULE_DESCRIPTION("a flavour for the tests of net/sunrpc/auth.c");
