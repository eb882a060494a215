// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ids, the lowest free one first. A table is read without the lock (passes
 * look a shrinker up by its id), so that growing replaces it.
 */
#include <stdlib.h>
#include <string.h>

#include "port.h"

static void free_table(struct machine *m, struct limbo *l)
{
	(void)m;
	free(container_of(l, struct id_table, limbo));
}

static struct id_table *grow(struct machine *m, struct id_table **table)
{
	struct id_table *old = *table, *t;
	size_t size = old ? 2 * old->size : SHRINKER_UNIT_BITS;

	t = calloc(1, sizeof(*t) + size * sizeof(t->slot[0]));
	if (!t)
		return NULL;
	t->size = size;
	if (old) {
		memcpy(t->slot, old->slot, old->size * sizeof(t->slot[0]));
		limbo_add(m, &old->limbo, free_table);
	}
	STORE_RELEASE(*table, t);
	return t;
}

/* Gives the id, or SP_NOMEM. */
int id_alloc(struct machine *m, struct id_table **table, void *p)
{
	struct id_table *t = *table;
	size_t id = 0;

	while (t && id < t->size && t->slot[id])
		id++;
	if (!t || id == t->size) {
		t = grow(m, table);
		if (!t)
			return SP_NOMEM;
	}
	STORE_RELEASE(t->slot[id], p);
	return (int)id;
}

void id_free(struct id_table *table, int id)
{
	WRITE_ONCE(table->slot[id], NULL);
}
