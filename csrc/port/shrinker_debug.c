// SPDX-License-Identifier: GPL-2.0-only
/* mm/shrinker_debug.c: a directory a shrinker, and what count and scan do. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/pass.h"
#include "port.h"

enum {
	SCAN_TEXT = 71, /* what the kernel looks at of a write to scan */
};

/* ---- directories ------------------------------------------------------- */

static void dir_name(char buf[SP_DIRNAME], const struct shrinker *s, int id)
{
	/* A long name loses its id, as the kernel's buffer does. */
	if (snprintf(buf, SP_DIRNAME, "%s-%d", s->name, id) < 0)
		buf[0] = 0;
}

/* debugfs_create_dir(): a name it refuses costs its allocation all the same. */
static enum sp_status create_dir(struct machine *m, struct shrinker *s, int id)
{
	char name[SP_DIRNAME];

	dir_name(name, s, id);
	if (!strchr(name, '/') && !debugfs_has(m, name)) {
		s->dentry = debugfs_make_dir(m, name);
		if (!s->dentry)
			return SP_NOMEM;
		s->dentry->shrinker = s;
		s->dentry->count = s->count;
		s->dentry->scan = s->scan;
		return SP_OK;
	}
	if (!site_attempt(m, SP_SITE_DENTRY, -1))
		return SP_NOMEM;
	return strchr(name, '/') ? SP_ACCES : SP_EXIST;
}

enum sp_status mm_debugfs_add(struct machine *m, struct shrinker *s)
{
	enum sp_status status;
	int id;

	if (!site_attempt(m, SP_SITE_IDA, -1))
		return SP_NOMEM;
	id = id_alloc(m, &m->ida, s);
	if (id < 0)
		return SP_NOMEM;
	status = create_dir(m, s, id);
	if (status == SP_OK)
		s->debugfs_id = id;
	else
		id_free(m->ida, id);
	return status;
}

void debugfs_remove(struct machine *m, struct shrinker *s)
{
	struct dentry *d = s->dentry;

	if (!d)
		return;
	debugfs_remove_dir(m, d);
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
		status = mm_debugfs_add(m, s);
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
	if (debugfs_has(m, name)) /* its own present name is one of them */
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

/* ---- count ------------------------------------------------------------- */

static void text_add_ulong(struct text *t, unsigned long v, const char *before)
{
	char buf[32];

	text_append(t, buf,
		    (size_t)snprintf(buf, sizeof(buf), "%s%lu", before, v));
}

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
	text_append(t, "\n", 1);
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
static enum sp_status call_enter(struct shrinker *s, const void *frame,
				 struct reclaimer **r)
{
	struct machine *m = s->machine;
	enum sp_status status = pass_enter(m, frame, r);

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
	status = call_enter(s, __builtin_frame_address(0), &r);
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
	/* What is being freed has no file that could read the text. */
	status = call_enter(s, __builtin_frame_address(0), &r);
	if (status != SP_OK)
		return status;
	status = parse_scan(s, text, len, &sc);
	if (status == SP_OK && sc.nr_to_scan) {
		s->scan(s, &sc);
		if (r->ends)
			status = SP_ABORTED;
	}
	pass_exit(m, r);
	sp_memcg_put(sc.memcg);
	*written = len;
	return status;
}
