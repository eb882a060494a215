// SPDX-License-Identifier: GPL-2.0-only
/* The one CPU, and the callbacks of its coming and going. */
#include <linux/cpu.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mutex.h>

#include "runtime.h"

const struct cpumask kernel_cpus = CPU_MASK_CPU0;

static struct state {
	const char *name; /* NULL: free */
	bool multi;
	int (*startup)(unsigned int cpu);
	int (*teardown)(unsigned int cpu);
	struct hlist_head instances;
} states[CPUHP_ONLINE + 1];

static DEFINE_MUTEX(cpuhp_lock);

typedef int (*multi_fn)(unsigned int cpu, struct hlist_node *node);

static int come(struct state *s, struct hlist_node *node)
{
	if (!s->startup)
		return 0;
	return node ? ((multi_fn)(void *)s->startup)(0, node) : s->startup(0);
}

static void go(struct state *s, struct hlist_node *node)
{
	if (!s->teardown)
		return;
	if (node)
		((multi_fn)(void *)s->teardown)(0, node);
	else
		s->teardown(0);
}

/* A free one of those that are given out; -ENOSPC. */
static int dynamic(int from, int to)
{
	for (; from <= to; from++) {
		if (!states[from].name)
			return from;
	}
	return -ENOSPC;
}

int kernel_cpuhp_setup(enum cpuhp_state state, const char *name, bool calls,
		       bool multi, int (*startup)(unsigned int cpu),
		       int (*teardown)(unsigned int cpu))
{
	const bool any =
		state == CPUHP_BP_PREPARE_DYN || state == CPUHP_AP_ONLINE_DYN;
	int at = (int)state, ret = 0;
	struct state *s;

	mutex_lock(&cpuhp_lock);
	if (state == CPUHP_BP_PREPARE_DYN)
		at = dynamic(state, CPUHP_BP_PREPARE_DYN_END);
	else if (state == CPUHP_AP_ONLINE_DYN)
		at = dynamic(state, CPUHP_AP_ONLINE_DYN_END);
	if (at < 0 || states[at].name)
		ret = at < 0 ? at : -EBUSY;
	if (!ret) {
		s = &states[at];
		*s = (struct state){ .name = name,
				     .multi = multi,
				     .startup = startup,
				     .teardown = teardown };
		ret = calls && !multi ? come(s, NULL) : 0;
		if (ret)
			s->name = NULL;
	}
	mutex_unlock(&cpuhp_lock);
	return !ret && any ? at : ret;
}

void kernel_cpuhp_remove(enum cpuhp_state state, bool calls)
{
	struct state *s = &states[state];

	mutex_lock(&cpuhp_lock);
	WARN(!hlist_empty(&s->instances),
	     "a CPU's state %s is removed with instances", s->name);
	if (s->name && calls && !s->multi)
		go(s, NULL);
	s->name = NULL;
	mutex_unlock(&cpuhp_lock);
}

int kernel_cpuhp_add(enum cpuhp_state state, struct hlist_node *node,
		     bool calls)
{
	struct state *s = &states[state];
	int ret = -EINVAL;

	mutex_lock(&cpuhp_lock);
	if (s->name && s->multi)
		ret = calls ? come(s, node) : 0;
	if (!ret)
		hlist_add_head(node, &s->instances);
	mutex_unlock(&cpuhp_lock);
	return ret;
}

void kernel_cpuhp_del(enum cpuhp_state state, struct hlist_node *node,
		      bool calls)
{
	mutex_lock(&cpuhp_lock);
	if (calls)
		go(&states[state], node);
	hlist_del(node);
	mutex_unlock(&cpuhp_lock);
}

void cpus_leaks(struct text *t)
{
	int i;

	for (i = 0; i <= CPUHP_ONLINE; i++) {
		if (states[i].name)
			text_printf(t, "CPU's state %s\n", states[i].name);
	}
}

void cpus_exit(void)
{
	int i;

	for (i = 0; i <= CPUHP_ONLINE; i++)
		states[i] = (struct state){ 0 };
}
