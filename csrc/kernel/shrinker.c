// SPDX-License-Identifier: GPL-2.0-only
/*
 * linux/shrinker.h over the core's. Each is pinned from its alloc to its free
 * here: the machine may be closed before the driver is done.
 */
#include <stdio.h>

#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/shrinker.h>
#include <shrinkpy/oops.h>

#include "runtime.h"

struct entry {
	struct list_head list;
	struct shrinker *s;
	bool registered;
};

static struct kernel_leaf leaf;
static LIST_HEAD(entries);

static struct entry *find(struct shrinker *s)
{
	struct entry *e;

	list_for_each_entry(e, &entries, list)
	{
		if (e->s == s)
			return e;
	}
	return NULL;
}

static unsigned long count(struct shrinker *s, struct shrink_control *sc)
{
	if (!s->count_objects)
		kernel_oops("count_objects is NULL");
	return s->count_objects(s, sc);
}

static unsigned long scan(struct shrinker *s, struct shrink_control *sc)
{
	if (!s->scan_objects)
		kernel_oops("scan_objects is NULL");
	return s->scan_objects(s, sc);
}

static unsigned long bounded(struct shrinker *s, struct shrink_control *sc,
			     sp_shrink_fn fn, unsigned long otherwise)
{
	struct task_struct *task = kernel_current();
	const int nesting = task->rcu_nesting;
	const unsigned long ret = sp_call_bounded(s, sc, fn, otherwise);

	/* Out of the read sides that an oops left open. */
	while (task->rcu_nesting > nesting)
		rcu_read_unlock();
	return ret;
}

static unsigned long bounded_count(struct shrinker *s,
				   struct shrink_control *sc)
{
	return bounded(s, sc, count, 0);
}

static unsigned long bounded_scan(struct shrinker *s, struct shrink_control *sc)
{
	return bounded(s, sc, scan, SHRINK_STOP);
}

static int format_name(char **name, const char *fmt, va_list args)
{
	struct text t = { 0 };
	size_t len;

	text_vprintf(&t, fmt, args);
	return text_take(&t, name, &len) == SP_OK ? 0 : -ENOMEM;
}

struct shrinker *shrinker_alloc(unsigned int flags, const char *fmt, ...)
{
	struct entry *e = host_alloc(sizeof(*e), 0, true);
	enum sp_status status = SP_NOMEM;
	char *name = NULL;
	va_list args;

	va_start(args, fmt);
	if (e && !format_name(&name, fmt, args))
		status = sp_shrinker_alloc(kernel_machine, flags, name, &e->s);
	va_end(args);
	host_free(name);
	if (status != SP_OK) {
		host_free(e);
		return NULL;
	}
	sp_shrinker_pin(e->s);
	kernel_leaf_lock(&leaf);
	list_add_tail(&e->list, &entries);
	kernel_leaf_unlock(&leaf);
	return e->s;
}

void shrinker_register(struct shrinker *s)
{
	const char *symbol = kernel_symbol((void *)s->scan_objects);
	struct sp_reason reason;
	enum sp_status status;
	struct entry *e;

	sp_shrinker_set_callbacks(s, bounded_count, bounded_scan);
	if (symbol)
		sp_shrinker_set_symbol(s, symbol);
	status = sp_shrinker_register(s, &reason);
	if (status == SP_OOPS)
		kernel_oops("shrinker_register(): %s", reason.text);
	if (status != SP_OK)
		return; /* the core has warned */
	kernel_leaf_lock(&leaf);
	e = find(s);
	if (e) {
		e->registered = true;
		list_move_tail(&e->list, &entries);
	}
	kernel_leaf_unlock(&leaf);
}

void shrinker_free(struct shrinker *s)
{
	struct sp_reason reason = { .text = "" };
	enum sp_status status;
	struct entry *e;

	if (!s)
		return;
	kernel_leaf_lock(&leaf);
	e = find(s);
	if (e)
		list_del(&e->list);
	kernel_leaf_unlock(&leaf);
	if (!e)
		kernel_oops("shrinker_free() of what is no shrinker, or not "
			    "any more");
	status = sp_shrinker_free(s, &reason);
	if (status != SP_OK && status != SP_GONE && status != SP_CLOSED) {
		kernel_leaf_lock(&leaf);
		list_add_tail(&e->list, &entries);
		kernel_leaf_unlock(&leaf);
		kernel_oops("shrinker_free(): %s",
			    reason.text[0] ? reason.text :
					     "the wait was given up");
	}
	sp_shrinker_unpin(s);
	host_free(e);
}

int shrinker_debugfs_rename(struct shrinker *s, const char *fmt, ...)
{
	va_list args;
	char *name;
	int ret;

	va_start(args, fmt);
	ret = format_name(&name, fmt, args);
	va_end(args);
	if (ret)
		return ret;
	ret = (int)sp_debugfs_rename(s, name);
	host_free(name);
	return ret;
}

size_t sp_driver_shrinkers(struct shrinker **out, size_t max)
{
	struct entry *e;
	size_t n = 0;

	kernel_leaf_lock(&leaf);
	list_for_each_entry(e, &entries, list)
	{
		if (!e->registered)
			continue;
		if (n < max)
			out[n] = e->s;
		n++;
	}
	kernel_leaf_unlock(&leaf);
	return n;
}

void shrinkers_leaks(struct text *t)
{
	char name[64];
	struct entry *e;

	kernel_leaf_lock(&leaf);
	list_for_each_entry(e, &entries, list)
	{
		if (sp_shrinker_freed(e->s))
			continue;
		sp_shrinker_name(e->s, name, sizeof(name));
		text_printf(t, "shrinker %s\n", name);
	}
	kernel_leaf_unlock(&leaf);
}

void shrinkers_exit(void)
{
	struct entry *e;

	while ((e = list_first_entry_or_null(&entries, struct entry, list))) {
		list_del(&e->list);
		if (!sp_shrinker_freed(e->s))
			sp_shrinker_free(e->s, NULL);
		sp_shrinker_unpin(e->s);
		host_free(e);
	}
}
