// SPDX-License-Identifier: GPL-2.0-only
/* debugfs, where mm/shrinker_debug.c makes directories and has files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "original.h"

/* ---- what the tree calls: always under the lock ------------------------------ */

int seam_create_dir(const char *name, void **out)
{
	struct machine *m = the_machine;

	if (!strchr(name, '/') && !debugfs_has(m, name)) {
		*out = debugfs_make_dir(m, name);
		return *out ? 0 : -ENOMEM;
	}
	if (!site_attempt(m, SP_SITE_DENTRY, -1))
		return -ENOMEM;
	return strchr(name, '/') ? -EACCES : -EEXIST;
}

void seam_create_file(void *dentry, const char *name)
{
	struct dentry *d = dentry;

	if (!strcmp(name, "count"))
		d->count = true;
	if (!strcmp(name, "scan"))
		d->scan = true;
}

int seam_rename_dir(void *dentry, const char *name)
{
	struct dentry *d = dentry;

	if (strchr(name, '/'))
		return -EACCES;
	if (debugfs_has(the_machine, name)) /* its own is one of them */
		return -EINVAL;
	snprintf(d->name, sizeof(d->name), "%s", name);
	return 0;
}

bool seam_dir_is_called(void *dentry, const char *name)
{
	return !strcmp(((struct dentry *)dentry)->name, name);
}

void seam_remove_dir(void *dentry)
{
	debugfs_remove_dir(the_machine, dentry);
}

/* ---- directories --------------------------------------------------------------- */

static void do_init(struct tree_call *c)
{
	c->ret = tree_debugfs_init();
}

static void do_add(struct tree_call *c)
{
	c->ret = tree_debugfs_add(c->twin);
}

static void do_rename(struct tree_call *c)
{
	c->ret = tree_debugfs_rename(c->twin, c->text);
}

/* What it says, or why it said nothing. */
static enum sp_status said(enum sp_status status, const struct tree_call *c)
{
	return status == SP_OK ? (enum sp_status)c->ret : status;
}

enum sp_status mm_debugfs_add(struct machine *m, struct shrinker *s)
{
	struct tree_call c = { .twin = s->twin };
	enum sp_status status = enter_tree(do_add, &c, NULL);

	(void)m;
	read_twin(s);
	return said(status, &c);
}

enum sp_status sp_debugfs_init(struct machine *m)
{
	struct tree_call c = { 0 };
	enum sp_status status;
	struct list_node *pos;

	machine_lock(m);
	if (!has_globals(m)) {
		machine_unlock(m);
		return SP_CLOSED;
	}
	m->debugfs_up = true;
	status = enter_tree(do_init, &c, NULL);
	list_for_each (pos, &m->shrinkers) {
		struct shrinker *s = container_of(pos, struct shrinker, all);

		if (s->listed)
			read_twin(s);
	}
	machine_unlock(m);
	return said(status, &c);
}

enum sp_status sp_debugfs_rename(struct shrinker *s, const char *name)
{
	struct tree_call c = { .twin = s->twin, .text = name };
	struct name *copy = name_new(name);
	struct machine *m = s->machine;
	struct tree_shrinker twin;
	enum sp_status status;

	if (!copy)
		return SP_NOMEM;
	machine_lock(m);
	if (!s->twin || !has_globals(m)) {
		machine_unlock(m);
		free(copy);
		return SP_NOENT;
	}
	status = enter_tree(do_rename, &c, NULL);
	tree_shrinker_read(s->twin, &twin);
	/* It may have kept the old one, or taken this one and failed after. */
	if (strcmp(twin.name, s->name))
		name_take(m, s, copy);
	else
		free(copy);
	limbo_drain_lazily(m);
	machine_unlock(m);
	return said(status, &c);
}

/* ---- files --------------------------------------------------------------------- */

static void do_count(struct tree_call *c)
{
	int error;

	c->out = tree_count_read(c->twin, &c->len, &error);
	c->ret = error;
}

static void do_scan(struct tree_call *c)
{
	c->ret = tree_scan_write(c->twin, c->text, c->len);
}

enum sp_status sp_debugfs_count(struct shrinker *s, char **text, size_t *len)
{
	struct tree_call c = { .twin = s->twin };
	enum sp_status status;

	if (!s->count)
		return SP_NOENT;
	status = file_call(s, do_count, &c);
	if (status != SP_OK) {
		free(c.out);
		return status;
	}
	*text = c.out;
	*len = c.len;
	return (enum sp_status)c.ret;
}

enum sp_status sp_debugfs_scan(struct shrinker *s, const char *text, size_t len,
			       size_t *written)
{
	struct tree_call c = { .twin = s->twin, .text = text, .len = len };
	enum sp_status status;

	if (!s->scan)
		return SP_NOENT;
	status = file_call(s, do_scan, &c);
	if (status == SP_OK && c.ret < 0)
		status = (enum sp_status)c.ret;
	*written = c.ret < 0 ? len : (size_t)c.ret;
	return status;
}
