// SPDX-License-Identifier: GPL-2.0-only
/*
 * The debugfs of CONFIG_SHRINKER_DEBUG: a directory a shrinker with a count
 * and a scan file. The file system itself is a list of names.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "pass.h"

enum {
	SCAN_TEXT = 71, /* what the kernel looks at of a write to scan */
};

/* ---- text that grows --------------------------------------------------- */

struct text {
	char *buf;
	size_t len, size;
	bool failed;
};

static void text_add(struct text *t, const char *add, size_t len)
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

static void text_add_ulong(struct text *t, unsigned long v, const char *before)
{
	char buf[32];

	text_add(t, buf,
		 (size_t)snprintf(buf, sizeof(buf), "%s%lu", before, v));
}

static enum sp_status text_give(struct text *t, char **text, size_t *len)
{
	text_add(t, "", 0);
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

static void dir_name(char buf[SP_DIRNAME], const struct shrinker *s, int id)
{
	/* A long name loses its id, as the kernel's buffer does. */
	if (snprintf(buf, SP_DIRNAME, "%s-%d", s->name, id) < 0)
		buf[0] = 0;
}

static bool dir_exists(struct machine *m, const char *name)
{
	struct list_node *pos;

	list_for_each (pos, &m->dentries) {
		if (!strcmp(container_of(pos, struct dentry, list)->name, name))
			return true;
	}
	return false;
}

/* SP_NOMEM is for sp_debugfs_init(); register goes on without an entry. */
static enum sp_status add_entry(struct machine *m, struct shrinker *s)
{
	struct dentry *d = NULL;
	int id;

	if (!site_attempt(m, SP_SITE_IDA, -1))
		return SP_NOMEM;
	id = id_alloc(m, &m->ida, s);
	if (id < 0)
		return SP_NOMEM;
	d = site_alloc(m, SP_SITE_DENTRY, -1, sizeof(*d));
	if (!d) {
		id_free(m->ida, id);
		return SP_NOMEM;
	}
	dir_name(d->name, s, id);
	if (strchr(d->name, '/') || dir_exists(m, d->name)) {
		site_free(m, SP_SITE_DENTRY, d);
		id_free(m->ida, id);
		return SP_OK;
	}
	d->shrinker = s;
	s->dentry = d;
	s->debugfs_id = id;
	list_add_tail(&d->list, &m->dentries);
	return SP_OK;
}

void debugfs_add(struct machine *m, struct shrinker *s)
{
	if (m->debugfs_up)
		add_entry(m, s);
}

void debugfs_remove(struct machine *m, struct shrinker *s)
{
	struct dentry *d = s->dentry;

	if (!d)
		return;
	list_del(&d->list);
	site_free(m, SP_SITE_DENTRY, d);
	id_free(m->ida, s->debugfs_id);
	s->dentry = NULL;
	s->debugfs_id = -1;
}

enum sp_status sp_debugfs_init(struct machine *m)
{
	enum sp_status status = SP_OK;
	struct list_node *pos;

	machine_lock(m);
	m->debugfs_up = true;
	list_for_each (pos, &m->shrinker_list) {
		struct shrinker *s = container_of(pos, struct shrinker, list);

		if (s->dentry)
			continue;
		status = add_entry(m, s);
		if (status != SP_OK)
			break;
	}
	machine_unlock(m);
	return status;
}

static enum sp_status move_entry(struct machine *m, struct shrinker *s)
{
	char name[SP_DIRNAME];

	dir_name(name, s, s->debugfs_id);
	if (strchr(name, '/'))
		return SP_ACCES;
	if (dir_exists(m, name)) /* its own present name is one of them */
		return SP_INVAL;
	memcpy(s->dentry->name, name, sizeof(name));
	return SP_OK;
}

enum sp_status sp_debugfs_rename(struct shrinker *s, const char *name)
{
	struct machine *m = s->machine;
	enum sp_status status;

	machine_lock(m);
	status = set_name(m, s, name);
	if (status == SP_OK && s->dentry)
		status = move_entry(m, s);
	limbo_drain_lazily(m);
	machine_unlock(m);
	return status;
}

enum sp_status sp_debugfs_list(struct machine *m, char **text, size_t *len)
{
	struct text t = { 0 };
	struct list_node *pos;

	machine_lock(m);
	list_for_each (pos, &m->dentries) {
		struct dentry *d = container_of(pos, struct dentry, list);
		size_t n = strlen(d->name);

		text_add(&t, d->name, n);
		text_add(&t, "\n", 1);
		if (d->shrinker->count) {
			text_add(&t, d->name, n);
			text_add(&t, "/count\n", 7);
		}
		if (d->shrinker->scan) {
			text_add(&t, d->name, n);
			text_add(&t, "/scan\n", 6);
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

		if (n < max) {
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

/* ---- count ------------------------------------------------------------- */

static unsigned long count_node(struct shrinker *s, struct mem_cgroup *memcg,
				int nid)
{
	struct shrink_control sc = { .gfp_mask = SP_GFP_KERNEL,
				     .nid = nid,
				     .memcg = memcg };
	unsigned long n;

	if (nid && !(s->flags & SHRINKER_NUMA_AWARE))
		return 0;
	n = s->count(s, &sc);
	return n == SHRINK_EMPTY ? 0 : n;
}

/* memcg is whose inode is printed; unaware shrinkers do not see it. */
static void count_line(struct reclaimer *r, struct shrinker *s,
		       struct mem_cgroup *memcg, unsigned long *per_node,
		       struct text *t)
{
	struct machine *m = s->machine;
	bool aware = s->flags & SHRINKER_MEMCG_AWARE;
	unsigned long total = 0;
	int nid;

	for (nid = 0; nid < m->nr_nodes && !r->ends; nid++) {
		per_node[nid] = count_node(s, aware ? memcg : NULL, nid);
		total += per_node[nid];
	}
	if (!total || r->ends)
		return;
	text_add_ulong(t, memcg ? memcg->ino : 0, "");
	for (nid = 0; nid < m->nr_nodes; nid++)
		text_add_ulong(t, per_node[nid], " ");
	text_add(t, "\n", 1);
}

static void count_lines(struct reclaimer *r, struct shrinker *s,
			unsigned long *per_node, struct text *t)
{
	struct machine *m = s->machine;
	struct mem_cgroup *memcg =
		m->memcg ? sp_memcg_iter(m, NULL, NULL) : NULL;

	do {
		if (memcg && !sp_memcg_is_online(memcg))
			continue;
		count_line(r, s, memcg, per_node, t);
		if (r->ends || !(s->flags & SHRINKER_MEMCG_AWARE))
			break;
	} while (memcg && (memcg = sp_memcg_iter(m, NULL, memcg)));
	sp_memcg_put(memcg);
}

/*
 * The kernel's files go away with the entry; here a call on a shrinker that is
 * being freed finds nothing.
 */
static enum sp_status call_enter(struct shrinker *s, struct reclaimer **r)
{
	struct machine *m = s->machine;
	enum sp_status status = pass_enter(m, r);

	if (status != SP_OK)
		return status;
	if (shrinker_try_get(m, &(*r)->slot[(*r)->depth - 1], s))
		return SP_OK;
	pass_exit(m, *r);
	return SP_NOENT;
}

enum sp_status sp_debugfs_count(struct shrinker *s, char **text, size_t *len)
{
	struct machine *m = s->machine;
	unsigned long *per_node;
	struct text t = { 0 };
	enum sp_status status;
	struct reclaimer *r;

	if (!s->count)
		return SP_NOENT;
	per_node = calloc((size_t)m->nr_nodes, sizeof(*per_node));
	if (!per_node)
		return SP_NOMEM;
	status = call_enter(s, &r);
	if (status == SP_OK) {
		count_lines(r, s, per_node, &t);
		if (r->ends)
			status = SP_ABORTED;
		pass_exit(m, r);
	}
	free(per_node);
	if (status != SP_OK) {
		free(t.buf);
		return status;
	}
	return text_give(&t, text, len);
}

/* ---- scan -------------------------------------------------------------- */

/* sscanf's %lu (or %d with a sign), which wraps; moves *p behind it. */
static bool parse(const char **p, bool sign, unsigned long *out)
{
	const char *c = *p;
	bool minus = false;

	while (isspace((unsigned char)*c))
		c++;
	if (sign && *c == '-') {
		minus = true;
		c++;
	}
	if (!isdigit((unsigned char)*c))
		return false;
	for (*out = 0; isdigit((unsigned char)*c); c++)
		*out = *out * 10 + (unsigned long)(*c - '0');
	if (minus)
		*out = -*out;
	*p = c;
	return true;
}

static struct mem_cgroup *online_memcg_by_ino(struct machine *m,
					      unsigned long ino)
{
	struct mem_cgroup *memcg = NULL;

	while ((memcg = sp_memcg_iter(m, NULL, memcg))) {
		if (memcg->ino == ino && sp_memcg_is_online(memcg))
			break;
	}
	return memcg;
}

static enum sp_status parse_scan(struct shrinker *s, const char *text,
				 size_t len, struct shrink_control *sc)
{
	unsigned long ino, nid, nr;
	char buf[SCAN_TEXT + 1];
	const char *p = buf;

	if (len > SCAN_TEXT)
		len = SCAN_TEXT;
	memcpy(buf, text, len);
	buf[len] = 0;
	if (!parse(&p, false, &ino) || !parse(&p, true, &nid) ||
	    !parse(&p, false, &nr))
		return SP_INVAL;
	sc->nid = (int)nid;
	sc->nr_to_scan = sc->nr_scanned = nr;
	if (sc->nid < 0 || sc->nid >= s->machine->nr_nodes)
		return SP_INVAL;
	if (!nr)
		return SP_OK;
	if (!(s->flags & SHRINKER_MEMCG_AWARE))
		return ino ? SP_INVAL : SP_OK;
	sc->memcg = online_memcg_by_ino(s->machine, ino);
	return sc->memcg ? SP_OK : SP_NOENT;
}

enum sp_status sp_debugfs_scan(struct shrinker *s, const char *text, size_t len,
			       size_t *written)
{
	struct shrink_control sc = { .gfp_mask = SP_GFP_KERNEL };
	struct machine *m = s->machine;
	enum sp_status status;
	struct reclaimer *r;

	if (!s->scan)
		return SP_NOENT;
	status = parse_scan(s, text, len, &sc);
	if (status == SP_OK && sc.nr_to_scan) {
		status = call_enter(s, &r);
		if (status == SP_OK) {
			s->scan(s, &sc);
			if (r->ends)
				status = SP_ABORTED;
			pass_exit(m, r);
		}
	}
	sp_memcg_put(sc.memcg);
	*written = len;
	return status;
}
