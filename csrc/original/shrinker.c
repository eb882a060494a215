// SPDX-License-Identifier: GPL-2.0-only
/* A handle and its twin, the tree's struct shrinker: made, registered, freed. */
#include <stdio.h>
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

struct name *name_new(const char *text)
{
	const size_t size = strlen(text) + 1;
	struct name *name = malloc(sizeof(*name) + size);

	if (name)
		memcpy(name->text, text, size);
	return name;
}

void name_take(struct machine *m, struct shrinker *s, struct name *name)
{
	struct name *old =
		s->name ? container_of(s->name, struct name, text) : NULL;

	STORE_RELEASE(s->name, name ? name->text : NULL);
	if (old)
		limbo_add(m, &old->limbo, free_name);
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
	struct name *copy = name_new(name);
	struct tree_shrinker twin;
	enum sp_status status = SP_NOMEM;

	if (s && copy)
		status = enter_tree(do_alloc, &c, NULL);
	if (status == SP_OK && !c.out)
		status = SP_NOMEM;
	if (status != SP_OK) {
		free(copy);
		free(s);
		return status;
	}
	s->machine = m;
	name_take(m, s, copy);
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
	char about[96];
	struct tree_call c = { .twin = s->twin, .about = about };
	struct tree_shrinker twin;

	(void)m;
	snprintf(about, sizeof(about), "shrinker %s", s->name);
	tree_shrinker_set(s->twin, s->seeks, s->batch);
	tree_shrinker_set_callbacks(s->twin, s->count, s->scan);
	enter_tree_told(do_register, &c, about);
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
		tree_shrinker_set_references(s->twin, 1);
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
	name_take(m, s, NULL);
	return SP_OK;
}

/* ---- fork -------------------------------------------------------------------- */

/* Passes of threads that are not here give nothing back. */
void mm_forked(struct machine *m)
{
	const struct reclaimer *self = reclaimer_find(m);
	struct list_node *pos;

	if (!has_globals(m))
		return;
	list_for_each (pos, &m->shrinkers) {
		struct shrinker *s = container_of(pos, struct shrinker, all);
		long references = s->base_ref + (long)s->leaked;
		int i;

		for (i = 0; self && i < self->depth; i++)
			references += self->slot[i] == s;
		if (s->listed && s->twin)
			tree_shrinker_set_references(s->twin, references);
	}
}
