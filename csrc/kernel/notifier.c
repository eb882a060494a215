// SPDX-License-Identifier: GPL-2.0-only
/* Chains of callbacks, and the one of who is told before a kill for memory. */
#include <linux/bug.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/rcupdate.h>
#include <linux/vmalloc.h>

#include "runtime.h"

/* Behind all of its priority and above. */
static int insert(struct notifier_block **link, struct notifier_block *nb)
{
	struct notifier_block **place = NULL;

	for (; *link; link = &(*link)->next) {
		if (*link == nb) {
			WARN(1, "a notifier is registered twice");
			return -EEXIST;
		}
		if (!place && nb->priority > (*link)->priority)
			place = link;
	}
	if (!place)
		place = link;
	nb->next = *place;
	rcu_assign_pointer(*place, nb);
	return 0;
}

static int take_out(struct notifier_block **link, struct notifier_block *nb)
{
	for (; *link; link = &(*link)->next) {
		if (*link == nb) {
			rcu_assign_pointer(*link, nb->next);
			return 0;
		}
	}
	return -ENOENT;
}

static int call(struct notifier_block **head, unsigned long action, void *data)
{
	struct notifier_block *nb = rcu_dereference(*head), *next;
	int ret = NOTIFY_DONE;

	for (; nb && !(ret & NOTIFY_STOP_MASK); nb = next) {
		next = rcu_dereference(nb->next); /* it may take itself out */
		ret = nb->notifier_call(nb, action, data);
	}
	return ret;
}

int atomic_notifier_chain_register(struct atomic_notifier_head *nh,
				   struct notifier_block *nb)
{
	int ret;

	spin_lock(&nh->lock);
	ret = insert(&nh->head, nb);
	spin_unlock(&nh->lock);
	return ret;
}

int atomic_notifier_chain_unregister(struct atomic_notifier_head *nh,
				     struct notifier_block *nb)
{
	int ret;

	spin_lock(&nh->lock);
	ret = take_out(&nh->head, nb);
	spin_unlock(&nh->lock);
	synchronize_rcu();
	return ret;
}

int atomic_notifier_call_chain(struct atomic_notifier_head *nh,
			       unsigned long action, void *data)
{
	int ret;

	rcu_read_lock();
	ret = call(&nh->head, action, data);
	rcu_read_unlock();
	return ret;
}

int blocking_notifier_chain_register(struct blocking_notifier_head *nh,
				     struct notifier_block *nb)
{
	int ret;

	down_write(&nh->rwsem);
	ret = insert(&nh->head, nb);
	up_write(&nh->rwsem);
	return ret;
}

int blocking_notifier_chain_unregister(struct blocking_notifier_head *nh,
				       struct notifier_block *nb)
{
	int ret;

	down_write(&nh->rwsem);
	ret = take_out(&nh->head, nb);
	up_write(&nh->rwsem);
	return ret;
}

int blocking_notifier_call_chain(struct blocking_notifier_head *nh,
				 unsigned long action, void *data)
{
	int ret;

	/* An empty one may be called where no lock may be taken. */
	if (!rcu_access_pointer(nh->head))
		return NOTIFY_DONE;
	down_read(&nh->rwsem);
	ret = call(&nh->head, action, data);
	up_read(&nh->rwsem);
	return ret;
}

int raw_notifier_chain_register(struct raw_notifier_head *nh,
				struct notifier_block *nb)
{
	return insert(&nh->head, nb);
}

int raw_notifier_chain_unregister(struct raw_notifier_head *nh,
				  struct notifier_block *nb)
{
	return take_out(&nh->head, nb);
}

int raw_notifier_call_chain(struct raw_notifier_head *nh, unsigned long action,
			    void *data)
{
	return call(&nh->head, action, data);
}

void srcu_init_notifier_head(struct srcu_notifier_head *nh)
{
	mutex_init(&nh->mutex);
	init_srcu_struct(&nh->srcu);
	nh->head = NULL;
}

int srcu_notifier_chain_register(struct srcu_notifier_head *nh,
				 struct notifier_block *nb)
{
	int ret;

	mutex_lock(&nh->mutex);
	ret = insert(&nh->head, nb);
	mutex_unlock(&nh->mutex);
	return ret;
}

int srcu_notifier_chain_unregister(struct srcu_notifier_head *nh,
				   struct notifier_block *nb)
{
	int ret;

	mutex_lock(&nh->mutex);
	ret = take_out(&nh->head, nb);
	mutex_unlock(&nh->mutex);
	synchronize_srcu(&nh->srcu);
	return ret;
}

int srcu_notifier_call_chain(struct srcu_notifier_head *nh,
			     unsigned long action, void *data)
{
	const int side = srcu_read_lock(&nh->srcu);
	const int ret = call(&nh->head, action, data);

	srcu_read_unlock(&nh->srcu, side);
	return ret;
}

/* ---- before a kill for memory ------------------------------------------ */

static BLOCKING_NOTIFIER_HEAD(oom_chain);

int register_oom_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&oom_chain, nb);
}

int unregister_oom_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_unregister(&oom_chain, nb);
}

unsigned long kernel_oom_notify(void)
{
	unsigned long freed = 0;

	blocking_notifier_call_chain(&oom_chain, 0, &freed);
	return freed;
}

/* ---- where addresses run out ------------------------------------------- */

static BLOCKING_NOTIFIER_HEAD(purge_chain);

int register_vmap_purge_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&purge_chain, nb);
}

int unregister_vmap_purge_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_unregister(&purge_chain, nb);
}

unsigned long kernel_vmap_purge(void)
{
	unsigned long freed = 0;

	blocking_notifier_call_chain(&purge_chain, 0, &freed);
	return freed;
}
