// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file system of debugfs, below shrinker/: a list of directories, each of a
 * shrinker with a count and a scan file. What is in those is mm.h's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "mm.h"

/* ---- text that grows --------------------------------------------------- */

void text_append(struct text *t, const char *add, size_t len)
{
	if (t->len + len + 1 > t->size) {
		size_t size = 2 * (t->len + len + 1);
		char *buf = realloc(t->buf, size);

		if (!buf) {
			t->failed = true;
			return;
		}
		t->buf = buf;
		t->size = size;
	}
	memcpy(t->buf + t->len, add, len);
	t->len += len;
	t->buf[t->len] = 0;
}

enum sp_status text_give(struct text *t, char **text, size_t *len)
{
	text_append(t, "", 0);
	if (t->failed) {
		free(t->buf);
		return SP_NOMEM;
	}
	*text = t->buf;
	*len = t->len;
	return SP_OK;
}

void sp_text_free(char **text)
{
	free(*text);
	*text = NULL;
}

/* ---- directories ------------------------------------------------------- */

bool debugfs_has(struct machine *m, const char *name)
{
	struct list_node *pos;

	list_for_each (pos, &m->dentries) {
		if (!strcmp(container_of(pos, struct dentry, list)->name, name))
			return true;
	}
	return false;
}

struct dentry *debugfs_make_dir(struct machine *m, const char *name)
{
	struct dentry *d = site_alloc(m, SP_SITE_DENTRY, -1, sizeof(*d));

	if (!d)
		return NULL;
	snprintf(d->name, sizeof(d->name), "%s", name);
	list_add_tail(&d->list, &m->dentries);
	return d;
}

void debugfs_remove_dir(struct machine *m, struct dentry *d)
{
	list_del(&d->list);
	site_free(m, SP_SITE_DENTRY, d);
}

enum sp_status sp_debugfs_catch_up(struct machine *m)
{
	enum sp_status status = SP_OK;
	struct list_node *pos;

	machine_lock(m);
	list_for_each (pos, &m->shrinkers) {
		struct shrinker *s = container_of(pos, struct shrinker, all);

		if (!s->listed || s->dentry)
			continue;
		/* A name that is refused is its own affair, as at register. */
		status = mm_debugfs_add(m, s);
		if (status == SP_NOMEM)
			break;
	}
	machine_unlock(m);
	return status == SP_NOMEM ? status : SP_OK;
}

enum sp_status sp_debugfs_list(struct machine *m, char **text, size_t *len)
{
	struct text t = { 0 };
	struct list_node *pos;

	machine_lock(m);
	list_for_each (pos, &m->dentries) {
		struct dentry *d = container_of(pos, struct dentry, list);
		size_t n = strlen(d->name);

		text_append(&t, d->name, n);
		text_append(&t, "\n", 1);
		if (d->count) {
			text_append(&t, d->name, n);
			text_append(&t, "/count\n", 7);
		}
		if (d->scan) {
			text_append(&t, d->name, n);
			text_append(&t, "/scan\n", 6);
		}
	}
	machine_unlock(m);
	return text_give(&t, text, len);
}

size_t sp_debugfs_dirs(struct machine *m, struct sp_debugfs_dir *out,
		       size_t max)
{
	struct list_node *pos;
	size_t n = 0;

	machine_lock(m);
	list_for_each (pos, &m->dentries) {
		struct dentry *d = container_of(pos, struct dentry, list);

		if (n < max && d->shrinker) {
			memcpy(out[n].name, d->name, sizeof(d->name));
			out[n].shrinker = d->shrinker;
			d->shrinker->pins++;
		}
		n++;
	}
	machine_unlock(m);
	return n;
}

void sp_debugfs_dirs_put(struct sp_debugfs_dir *dirs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (dirs[i].shrinker)
			sp_shrinker_unpin(dirs[i].shrinker);
		dirs[i].shrinker = NULL;
	}
}
