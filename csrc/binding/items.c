// SPDX-License-Identifier: GPL-2.0-only
/*
 * The items of a ListLru: what the core links together, with the object and the
 * one reference on it; and the table that finds them by the object's address.
 */
#include "list_lru.h"

/* ---- an item ----------------------------------------------------------- */

struct item *item_new(PyObject *object, int nid, PyObject *memcg)
{
	struct item *i = PyMem_Calloc(1, sizeof(*i));

	if (!i) {
		PyErr_NoMemory();
		return NULL;
	}
	i->lru.next = i->lru.prev = &i->lru;
	i->object = Py_NewRef(object);
	i->memcg = Py_XNewRef(memcg);
	i->nid = nid;
	i->pins = 1;
	return i;
}

void item_unpin(struct item *i)
{
	if (item_unpinned(i))
		PyMem_Free(i);
}

void item_drop(struct item *i)
{
	PyObject *object = i->object, *memcg = i->memcg;

	i->object = i->memcg = NULL;
	item_unpin(i);
	Py_XDECREF(memcg);
	Py_DECREF(object); /* last: it may run anything */
}

/* ---- the table --------------------------------------------------------- */

enum { FEWEST_SLOTS = 16 };

static size_t slot_for(const struct items *t, const PyObject *object)
{
	/* Addresses are multiples of 16; Fibonacci hashing spreads the rest. */
	const uint64_t hash = (uint64_t)(uintptr_t)object * 0x9e3779b97f4a7c15u;

	return (size_t)(hash >> 32) & (t->nr_slots - 1);
}

static size_t next_slot(const struct items *t, size_t slot)
{
	return (slot + 1) & (t->nr_slots - 1);
}

struct item *items_find(const struct items *t, const PyObject *object)
{
	size_t slot;

	if (!t->nr_slots)
		return NULL;
	for (slot = slot_for(t, object); t->slots[slot];
	     slot = next_slot(t, slot)) {
		if (t->slots[slot]->object == object)
			return t->slots[slot];
	}
	return NULL;
}

void items_put(struct items *t, struct item *i)
{
	size_t slot = slot_for(t, i->object);

	while (t->slots[slot])
		slot = next_slot(t, slot);
	t->slots[slot] = i;
	t->n++;
}

int items_reserve(struct items *t)
{
	const struct items old = *t;
	size_t n, slot;

	if (t->n + 1 <= t->nr_slots / 2)
		return 0;
	n = t->nr_slots ? 2 * t->nr_slots : FEWEST_SLOTS;
	t->slots = PyMem_Calloc(n, sizeof(struct item *));
	if (!t->slots) {
		*t = old;
		PyErr_NoMemory();
		return -1;
	}
	t->nr_slots = n;
	t->n = 0;
	for (slot = 0; slot < old.nr_slots; slot++) {
		if (old.slots[slot])
			items_put(t, old.slots[slot]);
	}
	PyMem_Free(old.slots);
	return 0;
}

/* Those behind it move up, where they may: no look-up stops at a hole. */
void items_take(struct items *t, const struct item *i)
{
	size_t hole = slot_for(t, i->object), slot, home;

	while (t->slots[hole] != i)
		hole = next_slot(t, hole);
	for (slot = next_slot(t, hole); t->slots[slot];
	     slot = next_slot(t, slot)) {
		home = slot_for(t, t->slots[slot]->object);
		if (((slot - home) & (t->nr_slots - 1)) <
		    ((slot - hole) & (t->nr_slots - 1)))
			continue;
		t->slots[hole] = t->slots[slot];
		hole = slot;
	}
	t->slots[hole] = NULL;
	t->n--;
}

int items_traverse(const struct items *t, visitproc visit, void *arg)
{
	size_t slot;

	for (slot = 0; slot < t->nr_slots; slot++) {
		if (!t->slots[slot])
			continue;
		Py_VISIT(t->slots[slot]->object);
		Py_VISIT(t->slots[slot]->memcg);
	}
	return 0;
}

void items_clear(struct items *t)
{
	const struct items old = *t;
	size_t slot;

	*t = (struct items){ 0 };
	for (slot = 0; slot < old.nr_slots; slot++) {
		if (old.slots[slot])
			item_drop(old.slots[slot]);
	}
	PyMem_Free(old.slots);
}
