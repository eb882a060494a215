// SPDX-License-Identifier: GPL-2.0-only
/* mm/shrinker.c: what alloc, register and free do. Passes are pass.c's. */
#include <stdlib.h>
#include <string.h>

#include "port.h"

enum sp_status mm_init(struct machine *m)
{
	(void)m; /* what is global in the kernel is in it */
	return SP_OK;
}

void mm_exit(struct machine *m)
{
	free(m->idr);
	free(m->ida);
}

void mm_fork_prepare(void)
{
	/* nothing is outside of a machine */
}

void mm_fork_end(void)
{
}

void mm_forked(struct machine *m)
{
	(void)m; /* its references are the slots */
}

bool mm_is_there(const struct machine *m)
{
	(void)m;
	return true;
}

/* ---- alloc ------------------------------------------------------------- */

static void free_shrinker(struct machine *m, struct limbo *l)
{
	struct shrinker *s = container_of(l, struct shrinker, limbo);

	site_free(m, SP_SITE_NR_DEFERRED, s->nr_deferred);
	site_free(m, SP_SITE_SHRINKER, s);
}

/* A name that a pass may be putting into words while it is replaced. */
struct name {
	struct limbo limbo;
	char text[];
};

static void free_name(struct machine *m, struct limbo *l)
{
	site_free(m, SP_SITE_NAME, container_of(l, struct name, limbo));
}

enum sp_status set_name(struct machine *m, struct shrinker *s, const char *text)
{
	struct name *old = NULL, *new = NULL;
	size_t size;

	if (text) {
		size = strlen(text) + 1;
		new = site_alloc(m, SP_SITE_NAME, -1, sizeof(*new) + size);
		if (!new)
			return SP_NOMEM;
		memcpy(new->text, text, size);
	}
	if (s->name)
		old = container_of(s->name, struct name, text);
	STORE_RELEASE(s->name, new ? new->text : NULL);
	if (old)
		limbo_add(m, &old->limbo, free_name);
	return SP_OK;
}

static enum sp_status alloc_memcg_aware(struct machine *m, struct shrinker *s)
{
	enum sp_status status;
	int id;

	if (!site_attempt(m, SP_SITE_IDR, -1))
		return SP_NOMEM;
	id = id_alloc(m, &m->idr, s);
	if (id < 0)
		return SP_NOMEM;
	if (id >= m->nr_max) {
		status = expand_shrinker_info(m, id);
		if (status != SP_OK) {
			id_free(m->idr, id);
			return status;
		}
	}
	s->id = id;
	return SP_OK;
}

static enum sp_status alloc_own_deferred(struct machine *m, struct shrinker *s)
{
	size_t n = s->flags & SHRINKER_NUMA_AWARE ? (size_t)m->nr_nodes : 1;

	s->nr_deferred =
		site_alloc(m, SP_SITE_NR_DEFERRED, -1, n * sizeof(long));
	return s->nr_deferred ? SP_OK : SP_NOMEM;
}

static enum sp_status alloc_parts(struct machine *m, struct shrinker *s,
				  const char *name)
{
	if (set_name(m, s, name) != SP_OK)
		return SP_NOMEM;
	if (!m->memcg)
		s->flags &= ~(unsigned int)SHRINKER_MEMCG_AWARE;
	if (s->flags & SHRINKER_MEMCG_AWARE)
		return alloc_memcg_aware(m, s);
	return alloc_own_deferred(m, s);
}

enum sp_status mm_shrinker_alloc(struct machine *m, unsigned int flags,
				 const char *name, struct shrinker **out)
{
	struct shrinker *s = site_alloc(m, SP_SITE_SHRINKER, -1, sizeof(*s));
	enum sp_status status;

	if (!s)
		return SP_NOMEM;
	s->machine = m;
	s->flags = flags | SHRINKER_ALLOCATED;
	s->seeks = DEFAULT_SEEKS;
	s->debugfs_id = -1;
	status = alloc_parts(m, s, name);
	if (status != SP_OK) {
		set_name(m, s, NULL);
		/* Its id may have been looked up meanwhile. */
		limbo_add(m, &s->limbo, free_shrinker);
		return status;
	}
	*out = s;
	return SP_OK;
}

void mm_shrinker_release(struct machine *m, struct shrinker *s)
{
	free_shrinker(m, &s->limbo);
}

/* ---- register, free ---------------------------------------------------- */

bool mm_shrinker_register(struct machine *m, struct shrinker *s)
{
	if (!(s->flags & SHRINKER_ALLOCATED)) {
		warn(m, SP_PR_WARN,
		     "Must use shrinker_alloc() to dynamically allocate the "
		     "shrinker",
		     "shrinker %s", s->name);
		return false;
	}
	list_add_tail(&s->list, &m->shrinker_list);
	s->flags |= SHRINKER_REGISTERED;
	if (m->debugfs_up)
		mm_debugfs_add(m, s); /* or it goes on without */
	return true;
}

enum sp_status mm_shrinker_free(struct machine *m, struct shrinker *s,
				bool force, struct sp_reason *reason)
{
	(void)reason;
	/* The first reference is base_ref; with others left it stays. */
	if (READ_ONCE(s->leaked) && !force)
		return SP_HANG;
	if (s->listed) {
		list_del(&s->list);
		debugfs_remove(m, s);
		s->flags &= ~(unsigned int)SHRINKER_REGISTERED;
	}
	set_name(m, s, NULL);
	if (s->flags & SHRINKER_MEMCG_AWARE)
		id_free(m->idr, s->id);
	/* Only a handle's pin still keeps the memory: for the ledger it is gone. */
	if (s->nr_deferred)
		site_retire(m, SP_SITE_NR_DEFERRED, s->nr_deferred);
	site_retire(m, SP_SITE_SHRINKER, s);
	return SP_OK;
}
