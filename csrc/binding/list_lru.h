/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of ListLruBase share: its items, and calls into the core. */
#ifndef SP_BINDING_LIST_LRU_H
#define SP_BINDING_LIST_LRU_H

#include <shrinkpy/list_lru.h>

#include "binding.h"

/* ---- items.c ----------------------------------------------------------- */

struct item {
	struct list_head lru; /* first: what the core sees of it */
	PyObject *object;     /* second: what native callbacks may look at;
			       * NULL once it was dropped */
	PyObject *memcg;      /* MemCgroup, or NULL */
	int nid;
	unsigned int pins; /* the table's, and those of calls on their way */
	struct item *next; /* of a walk's removed ones */
};

/* By the object's address. Under the GIL, as all of items.c. */
struct items {
	struct item **slots; /* a power of two of them */
	size_t nr_slots, n;
};

/* Without the GIL too, by whoever has the lock of its list. */
static inline void item_pin(struct item *i)
{
	__atomic_fetch_add(&i->pins, 1, __ATOMIC_RELAXED);
}

/* true: it was the last pin, and the item is to be freed, under the GIL. */
static inline bool item_unpinned(struct item *i)
{
	return __atomic_sub_fetch(&i->pins, 1, __ATOMIC_ACQ_REL) == 0;
}

/* NULL: MemoryError. */
struct item *item_new(PyObject *object, int nid, PyObject *memcg);
void item_unpin(struct item *i);
/* Of an item that is in no table and on no list: what it held, and a pin. */
void item_drop(struct item *i);

struct item *items_find(const struct items *t, const PyObject *object);
/* Room for one more. */
int items_reserve(struct items *t);
void items_put(struct items *t, struct item *i);
void items_take(struct items *t, const struct item *i);
int items_traverse(const struct items *t, visitproc visit, void *arg);
/* All of them are dropped. It is empty before the first is. */
void items_clear(struct items *t);

/* ---- list_lru.c -------------------------------------------------------- */

typedef struct {
	PyObject_HEAD
	MachineObject *machine;
	struct sp_list_lru *lru; /* NULL: closed */
	unsigned int calls;      /* in the core just now */
	unsigned int forks;      /* when they were last counted */
	struct items items;
} LruObject;

int lru_read_nid(LruObject *self, PyObject *value, int *nid);
int lru_read_memcg(LruObject *self, PyObject *value, struct mem_cgroup **memcg);
/* The shrink_control of the callback that runs, on this machine; or NULL. */
struct shrink_control *lru_read_control(LruObject *self, PyObject *value);
int lru_check_open(LruObject *self);

/* A call into the core. */
void lru_enter(LruObject *self, struct frame *f);
/* What is to be raised for a status, or NULL. f.gil is false from here on. */
PyObject *lru_error(struct frame *f, enum sp_status status,
		    const struct sp_reason *reason);
/* Takes error; -1: something is raised. */
int lru_leave(LruObject *self, struct frame *f, PyObject *error);

/* ---- list_lru_walk.c --------------------------------------------------- */

/* _walk_one(nid, memcg, isolate, cb_arg, nr_to_walk) */
PyObject *lru_walk_one(PyObject *op, PyObject *args);
/* _walk_node(nid, isolate, cb_arg, nr_to_walk) */
PyObject *lru_walk_node(PyObject *op, PyObject *args);
/* _shrink_walk(sc, isolate, cb_arg) */
PyObject *lru_shrink_walk(PyObject *op, PyObject *args);

#endif
