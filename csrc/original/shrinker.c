// SPDX-License-Identifier: GPL-2.0-only
/* A handle and its twin, the tree's struct shrinker: made, registered, freed. */
#include <stdlib.h>
#include <string.h>

#include "original.h"

/* ---- the name ------------------------------------------------------------ */

/* The kernel's may go at any time; those who look take no lock. */
struct name {
	struct limbo limbo;
	char text[];
};

static void free_name(struct machine *m, struct limbo *l)
{
	(void)m;
	free(container_of(l, struct name, limbo));
}

enum sp_status copy_name(struct machine *m, struct shrinker *s,
			 const char *text)
{
	struct name *old = NULL, *new = NULL;
	size_t size;

	if (text) {
		size = strlen(text) + 1;
		new = malloc(sizeof(*new) + size);
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

void read_twin(struct shrinker *s)
{
	struct tree_shrinker twin;

	tree_shrinker_read(s->twin, &twin);
	s->flags = twin.flags;
	s->nr_deferred = twin.nr_deferred;
	s->dentry = twin.dentry;
	s->debugfs_id = twin.dentry ? twin.debugfs_id : -1;
	if (s->dentry)
		s->dentry->shrinker = s;
}

/* ---- alloc ---------------------------------------------------------------- */

static void do_alloc(struct tree_call *c)
{
	c->out = tree_shrinker_alloc(c->flags, c->text, c->parent);
}

enum sp_status mm_shrinker_alloc(struct machine *m, unsigned int flags,
				 const char *name, struct shrinker **out)
{
	struct shrinker *s = calloc(1, sizeof(*s));
	struct tree_call c = { .flags = flags, .text = name, .parent = s };
	struct tree_shrinker twin;
	enum sp_status status;

	if (!s)
		return SP_NOMEM;
	s->machine = m;
	status = copy_name(m, s, name);
	if (status == SP_OK)
		status = enter_tree(do_alloc, &c, NULL);
	if (status == SP_OK && !c.out)
		status = SP_NOMEM;
	if (status != SP_OK) {
		copy_name(m, s, NULL);
		free(s);
		return status;
	}
	s->twin = c.out;
	tree_shrinker_read(s->twin, &twin);
	s->seeks = twin.seeks;
	s->batch = twin.batch;
	if (twin.flags & SHRINKER_MEMCG_AWARE)
		s->id = twin.id;
	read_twin(s);
	*out = s;
	return SP_OK;
}

void mm_shrinker_release(struct machine *m, struct shrinker *s)
{
	(void)m;
	free(s);
}

/* ---- register, free -------------------------------------------------------- */

static void do_register(struct tree_call *c)
{
	tree_shrinker_register(c->twin);
}

bool mm_shrinker_register(struct machine *m, struct shrinker *s)
{
	struct tree_call c = { .twin = s->twin };
	struct tree_shrinker twin;

	(void)m;
	tree_shrinker_set(s->twin, s->seeks, s->batch);
	tree_shrinker_set_callbacks(s->twin, s->count, s->scan);
	enter_tree(do_register, &c, NULL);
	read_twin(s);
	tree_shrinker_read(s->twin, &twin);
	return twin.listed && !s->listed;
}

static void do_free(struct tree_call *c)
{
	tree_shrinker_free(c->twin);
}

/* So that its free comes back, whatever was lost. */
static void mend(struct shrinker *s)
{
	if (s->listed)
		tree_shrinker_mend(s->twin);
	else
		tree_shrinker_set_flags(s->twin,
					s->flags & ~SHRINKER_REGISTERED);
}

enum sp_status mm_shrinker_free(struct machine *m, struct shrinker *s,
				bool force, struct sp_reason *reason)
{
	struct tree_call c = { .twin = s->twin };
	enum sp_status status;

	if (s->hung && !force)
		return SP_HANG;
	if (force)
		mend(s);
	memory_leaving(s->twin);
	status = enter_tree(do_free, &c, reason);
	memory_leaving(NULL);
	if (status == SP_HANG)
		s->hung = true;
	if (status != SP_OK && !force)
		return status;
	s->flags &= ~(unsigned int)SHRINKER_REGISTERED;
	s->twin = NULL;
	s->nr_deferred = NULL;
	s->dentry = NULL;
	s->debugfs_id = -1;
	copy_name(m, s, NULL);
	return SP_OK;
}
