// SPDX-License-Identifier: GPL-2.0-only
/*
 * ListLruBase: Python objects on a list_lru.
 *
 * Each object that is added gets an item of the core's lists and the one
 * reference that goes with it; a table by the object's address finds the item.
 * The table changes under the GIL, the lists under the node's lock. What is in
 * the table is on a list, but for the moment of an add that waits for the lock,
 * or of a native callback that gave it away: who unlinks an item takes it out
 * of the table, so that is done once.
 */
#include <string.h>

#include <shrinkpy/list_lru.h>

#include "binding.h"

struct item {
	struct list_head lru; /* first: what the core sees of it */
	PyObject *object;     /* second: what native callbacks may look at */
	PyObject *memcg;      /* MemCgroup, or NULL */
	int nid;
	unsigned int pins; /* the table's, and those of calls on their way */
	struct item *next; /* of a walk's removed ones */
};

typedef struct {
	PyObject_HEAD
	MachineObject *machine;
	struct sp_list_lru *lru; /* NULL: closed */
	unsigned int calls;      /* in the core just now */
	struct item **slots;     /* a power of two of them */
	size_t nr_slots, nr_items;
} LruObject;

static struct item *item_of(struct list_head *head)
{
	return (struct item *)head;
}

static void unpin(struct item *i)
{
	if (--i->pins == 0)
		PyMem_Free(i);
}

/* ---- the table --------------------------------------------------------- */

enum { FEWEST_SLOTS = 16 };

static size_t slot_for(const LruObject *self, const PyObject *object)
{
	/* Addresses are multiples of 16; Fibonacci hashing spreads the rest. */
	const uint64_t hash = (uint64_t)(uintptr_t)object * 0x9e3779b97f4a7c15u;

	return (size_t)(hash >> 32) & (self->nr_slots - 1);
}

static size_t next_slot(const LruObject *self, size_t slot)
{
	return (slot + 1) & (self->nr_slots - 1);
}

static struct item *table_find(const LruObject *self, const PyObject *object)
{
	size_t slot;

	if (!self->nr_slots)
		return NULL;
	for (slot = slot_for(self, object); self->slots[slot];
	     slot = next_slot(self, slot)) {
		if (self->slots[slot]->object == object)
			return self->slots[slot];
	}
	return NULL;
}

static void table_put(LruObject *self, struct item *i)
{
	size_t slot = slot_for(self, i->object);

	while (self->slots[slot])
		slot = next_slot(self, slot);
	self->slots[slot] = i;
	self->nr_items++;
}

/* Room for one more. */
static int table_grow(LruObject *self)
{
	struct item **old = self->slots, **slots;
	const size_t nr_old = self->nr_slots;
	size_t n, slot;

	if (self->nr_items + 1 <= nr_old / 2)
		return 0;
	n = nr_old ? 2 * nr_old : FEWEST_SLOTS;
	slots = PyMem_Calloc(n, sizeof(struct item *));
	if (!slots) {
		PyErr_NoMemory();
		return -1;
	}
	self->slots = slots;
	self->nr_slots = n;
	self->nr_items = 0;
	for (slot = 0; slot < nr_old; slot++) {
		if (old[slot])
			table_put(self, old[slot]);
	}
	PyMem_Free(old);
	return 0;
}

/* Those behind it move up, where they may: no look-up stops at a hole. */
static void table_take(LruObject *self, const struct item *i)
{
	size_t hole = slot_for(self, i->object), slot, home;

	while (self->slots[hole] != i)
		hole = next_slot(self, hole);
	for (slot = next_slot(self, hole); self->slots[slot];
	     slot = next_slot(self, slot)) {
		home = slot_for(self, self->slots[slot]->object);
		if (((slot - home) & (self->nr_slots - 1)) <
		    ((slot - hole) & (self->nr_slots - 1)))
			continue;
		self->slots[hole] = self->slots[slot];
		hole = slot;
	}
	self->slots[hole] = NULL;
	self->nr_items--;
}

/* Of an item that is in no table and on no list: what it held, and itself. */
static void item_drop(struct item *i)
{
	PyObject *object = i->object, *memcg = i->memcg;

	i->object = i->memcg = NULL;
	unpin(i);
	Py_XDECREF(memcg);
	Py_DECREF(object); /* last: it may run anything */
}

/* ---- arguments --------------------------------------------------------- */

struct signature {
	const char *function;
	const char *names[4]; /* NULL ends them */
	int required;
};

static int name_index(const struct signature *s, PyObject *name)
{
	int i;

	for (i = 0; i < 4 && s->names[i]; i++) {
		if (PyUnicode_CompareWithASCIIString(name, s->names[i]) == 0)
			return i;
	}
	return -1;
}

static int unpack(const struct signature *s, PyObject *const *args,
		  Py_ssize_t nargs, PyObject *kwnames, PyObject **out)
{
	Py_ssize_t i, nkw = kwnames ? PyTuple_Size(kwnames) : 0;
	int most = 0, at;

	while (most < 4 && s->names[most])
		most++;
	if (nargs > most) {
		PyErr_Format(PyExc_TypeError,
			     "%s() takes at most %d arguments, %zd were given",
			     s->function, most, nargs);
		return -1;
	}
	for (i = 0; i < nargs + nkw; i++) {
		at = (int)i;
		if (i >= nargs) {
			at = name_index(s, PyTuple_GetItem(kwnames, i - nargs));
			if (at < 0 || out[at]) {
				PyErr_Format(
					PyExc_TypeError,
					at < 0 ? "%s() has no argument %R" :
						 "%s() got %R twice",
					s->function,
					PyTuple_GetItem(kwnames, i - nargs));
				return -1;
			}
		}
		out[at] = args[i];
	}
	for (at = 0; at < s->required; at++) {
		if (!out[at]) {
			PyErr_Format(PyExc_TypeError, "%s() needs %s",
				     s->function, s->names[at]);
			return -1;
		}
	}
	return 0;
}

static int read_nid(LruObject *self, PyObject *value, int *nid)
{
	const int last = sp_machine_nr_nodes(self->machine->m) - 1;
	long n;

	*nid = 0;
	if (!value)
		return 0;
	if (PyBool_Check(value) || !PyIndex_Check(value)) {
		PyErr_Format(PyExc_TypeError, "nid must be an int, not %R",
			     value);
		return -1;
	}
	n = PyLong_AsLong(value);
	if (n == -1 && PyErr_Occurred()) {
		if (!PyErr_ExceptionMatches(PyExc_OverflowError))
			return -1;
		PyErr_Clear();
	}
	if (n < 0 || n > last) {
		PyErr_Format(PyExc_ValueError, "nid must be 0 to %d, not %R",
			     last, value);
		return -1;
	}
	*nid = (int)n;
	return 0;
}

static int read_memcg(LruObject *self, PyObject *value,
		      struct mem_cgroup **memcg)
{
	*memcg = NULL;
	if (!value || value == Py_None)
		return 0;
	if (!PyObject_TypeCheck(value, sp.memcg_type)) {
		PyErr_Format(PyExc_TypeError,
			     "memcg must be a MemCgroup or None (the root), "
			     "not %R",
			     value);
		return -1;
	}
	if (((MemcgObject *)value)->machine != self->machine) {
		PyErr_SetString(PyExc_ValueError,
				"memcg belongs to another Machine");
		return -1;
	}
	*memcg = ((MemcgObject *)value)->memcg;
	return 0;
}

static int check_open(LruObject *self)
{
	static const struct sp_reason closed = {
		.status = SP_CLOSED,
		.text = "the ListLru was closed",
	};

	if (self->lru && !sp_list_lru_closed(self->lru))
		return 0;
	raise_status(SP_CLOSED, self->lru ? NULL : &closed);
	return -1;
}

/* ---- a call into the core ---------------------------------------------- */

static void enter(LruObject *self, struct frame *f)
{
	Py_INCREF((PyObject *)self);
	self->calls++;
	frame_enter(f);
}

/* What is to be raised for a status, or NULL. f.gil is false from here on. */
static PyObject *error_of(struct frame *f, enum sp_status status,
			  const struct sp_reason *reason)
{
	f->gil = false;
	if (status == SP_OK)
		return NULL;
	if (status == SP_INTR)
		return take_exception(); /* the signal handler's */
	return status_error(status, reason);
}

/* Takes error; -1: something is raised. */
static int leave(LruObject *self, struct frame *f, PyObject *error)
{
	error = frame_leave(f, error, NULL);
	self->calls--;
	Py_DECREF((PyObject *)self);
	if (!error)
		return 0;
	raise_object(error);
	Py_DECREF(error);
	return -1;
}

/* ---- add, remove ------------------------------------------------------- */

static struct item *item_new(PyObject *object, int nid, PyObject *memcg)
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

/* *done: was it on no list? Takes i. NULL, or what is to be raised. */
static PyObject *add(LruObject *self, struct frame *f, struct item *i,
		     struct mem_cgroup *memcg, bool *done)
{
	struct sp_reason reason = { .status = SP_OK };
	PyObject *error = NULL;
	enum sp_status status;

	*done = false;
	/* Waiting for a lock here gives the GIL up: look again after it. */
	status = sp_list_lru_prepare(self->lru, memcg);
	if (status != SP_OK || table_find(self, i->object)) {
		error = error_of(f, status, NULL);
		item_drop(i);
		return error;
	}
	if (table_grow(self) < 0) {
		error = take_exception();
		item_drop(i);
		return error;
	}
	table_put(self, i);
	i->pins++;
	status = sp_list_lru_add(self->lru, &i->lru, i->nid, memcg, done,
				 &reason);
	error = error_of(f, status, &reason);
	if (!*done) {
		table_take(self, i);
		item_drop(i);
	}
	unpin(i);
	return error;
}

static PyObject *do_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs,
			PyObject *kwnames)
{
	static const struct signature s = { "add",
					    { "item", "nid", "memcg" },
					    1 };
	LruObject *self = (LruObject *)op;
	PyObject *given[4] = { NULL }, *error;
	struct mem_cgroup *memcg;
	struct item *i;
	struct frame f;
	bool done;
	int nid;

	if (unpack(&s, args, nargs, kwnames, given) < 0 ||
	    read_nid(self, given[1], &nid) < 0 ||
	    read_memcg(self, given[2], &memcg) < 0 || check_open(self) < 0)
		return NULL;
	if (table_find(self, given[0]))
		return PyBool_FromLong(0);
	/* Before the cgroup's lists, which would stay if this failed. */
	if (table_grow(self) < 0)
		return NULL;
	i = item_new(given[0], nid, memcg ? given[2] : NULL);
	if (!i)
		return NULL;
	enter(self, &f);
	error = add(self, &f, i, memcg, &done);
	if (leave(self, &f, error) < 0)
		return NULL;
	return PyBool_FromLong(done);
}

static struct mem_cgroup *memcg_of(const struct item *i)
{
	return i->memcg ? ((MemcgObject *)i->memcg)->memcg : NULL;
}

static PyObject *do_remove(PyObject *op, PyObject *object)
{
	struct sp_reason reason = { .status = SP_OK };
	LruObject *self = (LruObject *)op;
	PyObject *error, *memcg;
	enum sp_status status;
	struct item *i;
	struct frame f;
	bool done;

	if (check_open(self) < 0)
		return NULL;
	i = table_find(self, object);
	if (!i)
		return PyBool_FromLong(0);
	i->pins++;
	memcg = Py_XNewRef(i->memcg); /* another call may drop the item */
	enter(self, &f);
	status = sp_list_lru_del(self->lru, &i->lru, i->nid, memcg_of(i), &done,
				 &reason);
	error = error_of(&f, status, &reason);
	if (done) {
		table_take(self, i);
		item_drop(i);
	}
	unpin(i);
	Py_XDECREF(memcg);
	if (leave(self, &f, error) < 0)
		return NULL;
	return PyBool_FromLong(done);
}

static int contains(PyObject *op, PyObject *object)
{
	return table_find((LruObject *)op, object) != NULL;
}

static Py_ssize_t length(PyObject *op)
{
	return (Py_ssize_t)((LruObject *)op)->nr_items;
}

/* ---- counts ------------------------------------------------------------ */

static PyObject *count(LruObject *self, int nid, struct mem_cgroup *memcg)
{
	if (!self->lru)
		return PyLong_FromLong(0);
	return PyLong_FromUnsignedLong(
		sp_list_lru_count_one(self->lru, nid, memcg));
}

static PyObject *do_count_one(PyObject *op, PyObject *const *args,
			      Py_ssize_t nargs, PyObject *kwnames)
{
	static const struct signature s = { "count_one",
					    { "nid", "memcg" },
					    0 };
	LruObject *self = (LruObject *)op;
	PyObject *given[4] = { NULL };
	struct mem_cgroup *memcg;
	int nid;

	if (unpack(&s, args, nargs, kwnames, given) < 0 ||
	    read_nid(self, given[0], &nid) < 0 ||
	    read_memcg(self, given[1], &memcg) < 0)
		return NULL;
	return count(self, nid, memcg);
}

static PyObject *do_count_node(PyObject *op, PyObject *const *args,
			       Py_ssize_t nargs, PyObject *kwnames)
{
	static const struct signature s = { "count_node", { "nid" }, 0 };
	LruObject *self = (LruObject *)op;
	PyObject *given[4] = { NULL };
	int nid;

	if (unpack(&s, args, nargs, kwnames, given) < 0 ||
	    read_nid(self, given[0], &nid) < 0)
		return NULL;
	return PyLong_FromUnsignedLong(
		self->lru ? sp_list_lru_count_node(self->lru, nid) : 0);
}

/* The shrink_control of the callback that runs, on this machine; or NULL. */
static struct shrink_control *read_control(LruObject *self, PyObject *value)
{
	struct shrink_control *sc = control_live(value);

	if (sc && ((ControlObject *)value)->machine != self->machine) {
		PyErr_SetString(PyExc_ValueError,
				"sc belongs to a pass on another Machine");
		return NULL;
	}
	return sc;
}

static PyObject *do_shrink_count(PyObject *op, PyObject *control)
{
	LruObject *self = (LruObject *)op;
	struct shrink_control *sc = read_control(self, control);

	return sc ? count(self, sc->nid, sc->memcg) : NULL;
}

/* ---- walks ------------------------------------------------------------- */

struct walk {
	LruObject *self;
	PyObject *isolate;       /* a callable, or NULL: */
	list_lru_walk_cb native; /* called with the GIL given up */
	void *cb_arg;
	PyObject *error;
	struct item *removed;
};

/* Unlinked already. Its reference is dropped when the lock has been given. */
static void walked_off(struct walk *w, struct item *i)
{
	table_take(w->self, i);
	i->next = w->removed;
	w->removed = i;
}

static int read_status(PyObject *value, enum lru_status *out)
{
	long said = -1;

	if (PyLong_Check(value) && !PyBool_Check(value)) {
		said = PyLong_AsLong(value);
		if (said == -1)
			PyErr_Clear();
	}
	if (said < LRU_REMOVED || said > LRU_STOP) {
		PyObject *text = shown(value);

		if (text)
			PyErr_Format(PyExc_TypeError,
				     "a walk callback returned %U; it must be "
				     "an LruStatus",
				     text);
		Py_XDECREF(text);
		return -1;
	}
	*out = (enum lru_status)said;
	return 0;
}

static enum lru_status python_isolate(struct list_head *head,
				      struct list_lru_one *list,
				      struct sp_lock *lock, void *cb_arg)
{
	enum lru_status said = LRU_STOP;
	struct item *i = item_of(head);
	struct walk *w = cb_arg;
	PyObject *value;
	struct gil g;

	(void)lock;
	if (!gil_take(&g))
		return LRU_STOP;
	value = PyObject_CallFunctionObjArgs(w->isolate, i->object, NULL);
	if (!value || read_status(value, &said) < 0)
		w->error = take_exception();
	Py_XDECREF(value);
	if (said == LRU_REMOVED || said == LRU_REMOVED_RETRY) {
		sp_list_lru_isolate(list, head);
		walked_off(w, i);
	}
	gil_give(&g);
	return said;
}

/* Where it is moved to is no list of ours: the item goes with the walk. */
static void unlink_anywhere(struct list_head *head)
{
	head->next->prev = head->prev;
	head->prev->next = head->next;
	head->next = head->prev = head;
}

static enum lru_status native_isolate(struct list_head *head,
				      struct list_lru_one *list,
				      struct sp_lock *lock, void *cb_arg)
{
	const long before = sp_list_lru_one_items(list);
	struct walk *w = cb_arg;
	enum lru_status said;
	struct gil g;

	said = w->native(head, list, lock, w->cb_arg);
	if (said != LRU_REMOVED && said != LRU_REMOVED_RETRY)
		return said;
	/* It may have left that to us, while it had the lock. */
	if (said == LRU_REMOVED && sp_list_lru_one_items(list) == before)
		sp_list_lru_isolate(list, head);
	unlink_anywhere(head);
	if (!gil_take(&g))
		return LRU_STOP;
	walked_off(w, item_of(head));
	gil_give(&g);
	return said;
}

static int read_isolate(PyObject *value, PyObject *cb_arg, struct walk *w)
{
	if (!PyLong_Check(value)) {
		w->isolate = value;
		return 0;
	}
	w->native = (list_lru_walk_cb)PyLong_AsVoidPtr(value);
	w->cb_arg = PyLong_AsVoidPtr(cb_arg);
	return PyErr_Occurred() ? -1 : 0;
}

static enum sp_status run(struct walk *w, struct frame *f, int nid, bool node,
			  struct mem_cgroup *memcg, unsigned long *nr_to_walk,
			  unsigned long *isolated)
{
	list_lru_walk_cb cb = w->isolate ? python_isolate : native_isolate;
	struct sp_list_lru *lru = w->self->lru;
	PyThreadState *saved = NULL;
	enum sp_status status;

	if (!w->isolate) {
		f->gil = false;
		saved = PyEval_SaveThread();
	}
	status = node ? sp_list_lru_walk_node(lru, nid, cb, w, nr_to_walk,
					      isolated) :
			sp_list_lru_walk_one(lru, nid, memcg, cb, w, nr_to_walk,
					     isolated);
	if (saved)
		PyEval_RestoreThread(saved);
	return status;
}

static struct sp_reason reason_of(enum sp_status status, int nid)
{
	struct sp_reason r = { .status = status, .nid = nid };

	strcpy(r.text, status == SP_DEADLOCK ?
			       "a walk in the callback of a walk of the same "
			       "node: it runs under the lock of the node's "
			       "lists" :
			       "a walk callback gave no status that there is, "
			       "or did not take the lock again: a BUG()");
	return r;
}

static PyObject *walk(struct walk *w, int nid, bool node,
		      struct mem_cgroup *memcg, unsigned long *nr_to_walk)
{
	unsigned long isolated = 0;
	struct sp_reason reason;
	enum sp_status status;
	PyObject *error;
	struct item *i;
	struct frame f;

	if (check_open(w->self) < 0)
		return NULL;
	enter(w->self, &f);
	status = run(w, &f, nid, node, memcg, nr_to_walk, &isolated);
	reason = reason_of(status, nid);
	error = error_of(&f, status, &reason);
	if (w->error) {
		Py_XDECREF(error);
		error = w->error;
	}
	while ((i = w->removed)) {
		w->removed = i->next;
		item_drop(i);
	}
	if (leave(w->self, &f, error) < 0)
		return NULL;
	return PyLong_FromUnsignedLong(isolated);
}

static int read_nr(PyObject *value, unsigned long all, unsigned long *nr)
{
	*nr = all;
	if (value == Py_None)
		return 0;
	*nr = PyLong_AsUnsignedLong(value);
	return *nr == ~0ul && PyErr_Occurred() ? -1 : 0;
}

/* _walk_one(nid, memcg, isolate, cb_arg, nr_to_walk) */
static PyObject *do_walk_one(PyObject *op, PyObject *args)
{
	PyObject *nid_given, *memcg_given, *isolate, *cb_arg, *nr_given;
	LruObject *self = (LruObject *)op;
	struct walk w = { .self = self };
	struct mem_cgroup *memcg;
	unsigned long nr;
	int nid;

	if (!PyArg_ParseTuple(args, "OOOOO", &nid_given, &memcg_given, &isolate,
			      &cb_arg, &nr_given) ||
	    read_nid(self, nid_given, &nid) < 0 ||
	    read_memcg(self, memcg_given, &memcg) < 0 ||
	    read_isolate(isolate, cb_arg, &w) < 0 || check_open(self) < 0 ||
	    read_nr(nr_given, sp_list_lru_count_one(self->lru, nid, memcg),
		    &nr) < 0)
		return NULL;
	return walk(&w, nid, false, memcg, &nr);
}

/* _walk_node(nid, isolate, cb_arg, nr_to_walk) */
static PyObject *do_walk_node(PyObject *op, PyObject *args)
{
	PyObject *nid_given, *isolate, *cb_arg, *nr_given;
	LruObject *self = (LruObject *)op;
	struct walk w = { .self = self };
	unsigned long nr;
	int nid;

	if (!PyArg_ParseTuple(args, "OOOO", &nid_given, &isolate, &cb_arg,
			      &nr_given) ||
	    read_nid(self, nid_given, &nid) < 0 ||
	    read_isolate(isolate, cb_arg, &w) < 0 || check_open(self) < 0 ||
	    read_nr(nr_given, sp_list_lru_count_node(self->lru, nid), &nr) < 0)
		return NULL;
	return walk(&w, nid, true, NULL, &nr);
}

/* _shrink_walk(sc, isolate, cb_arg) */
static PyObject *do_shrink_walk(PyObject *op, PyObject *args)
{
	PyObject *control, *isolate, *cb_arg;
	LruObject *self = (LruObject *)op;
	struct walk w = { .self = self };
	struct shrink_control *sc;

	if (!PyArg_ParseTuple(args, "OOO", &control, &isolate, &cb_arg) ||
	    read_isolate(isolate, cb_arg, &w) < 0)
		return NULL;
	sc = read_control(self, control);
	if (!sc)
		return NULL;
	return walk(&w, sc->nid, false, sc->memcg, &sc->nr_to_scan);
}

/* ---- a shrinker of its own --------------------------------------------- */

/* _attach(address): 0 is none. */
static PyObject *do_attach(PyObject *op, PyObject *address)
{
	struct sp_reason reason = { .status = SP_OK };
	LruObject *self = (LruObject *)op;
	enum sp_status status;
	struct shrinker *s;
	struct frame f;

	s = PyLong_AsVoidPtr(address);
	if (PyErr_Occurred() || check_open(self) < 0)
		return NULL;
	enter(self, &f);
	status = sp_list_lru_attach(self->lru, s, &reason);
	if (leave(self, &f, error_of(&f, status, &reason)) < 0)
		return NULL;
	return Py_NewRef(Py_None);
}

/* ---- made, and its end ------------------------------------------------- */

/* ListLruBase(machine, memcg_aware) */
static PyObject *lru_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
	enum sp_status status;
	PyObject *machine;
	LruObject *self;
	int memcg_aware;
	struct frame f;

	(void)kw;
	if (!PyArg_ParseTuple(args, "O!p", sp.machine_type, &machine,
			      &memcg_aware))
		return NULL;
	self = (LruObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type,
									   0);
	if (!self)
		return NULL;
	self->machine = (MachineObject *)Py_NewRef(machine);
	frame_enter(&f);
	status = sp_list_lru_create(self->machine->m, memcg_aware, NULL, NULL,
				    &self->lru);
	frame_end(&f);
	if (status != SP_OK) {
		raise_status(status, NULL);
		Py_DECREF((PyObject *)self);
		return NULL;
	}
	return (PyObject *)self;
}

/* No call is in the core: nobody walks, so no lock is needed. */
static void end_lru(LruObject *self)
{
	struct sp_list_lru *lru = self->lru;
	struct item **slots = self->slots;
	const size_t n = self->nr_slots;
	PyObject *type, *value, *tb;
	struct frame f;
	size_t i;

	self->lru = NULL;
	self->slots = NULL;
	self->nr_slots = self->nr_items = 0;
	PyErr_Fetch(&type, &value, &tb);
	if (lru) {
		frame_enter(&f);
		sp_list_lru_destroy(lru);
		frame_end(&f);
	}
	for (i = 0; i < n; i++) {
		if (slots[i])
			item_drop(slots[i]);
	}
	PyMem_Free(slots);
	PyErr_Restore(type, value, tb);
}

static PyObject *do_close(PyObject *op, PyObject *unused)
{
	LruObject *self = (LruObject *)op;
	struct sp_reason reason = {
		.status = SP_BUSY,
		.nid = -1,
		.text = "a walk of the ListLru, an add or a remove is under "
			"way; close it after",
	};

	(void)unused;
	if (self->calls)
		return raise_status(SP_BUSY, &reason);
	end_lru(self);
	return Py_NewRef(Py_None);
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
	LruObject *self = (LruObject *)op;
	size_t i;

	Py_VISIT(Py_TYPE(op));
	Py_VISIT((PyObject *)self->machine);
	for (i = 0; i < self->nr_slots; i++) {
		if (!self->slots[i])
			continue;
		Py_VISIT(self->slots[i]->object);
		Py_VISIT(self->slots[i]->memcg);
	}
	return 0;
}

static int clear(PyObject *op)
{
	end_lru((LruObject *)op);
	return 0;
}

static void dealloc(PyObject *op)
{
	LruObject *self = (LruObject *)op;
	PyTypeObject *type = Py_TYPE(op);

	PyObject_GC_UnTrack(op);
	end_lru(self);
	Py_XDECREF((PyObject *)self->machine);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
	Py_DECREF((PyObject *)type);
}

/* ---- the type ---------------------------------------------------------- */

static PyObject *get_machine(PyObject *op, void *closure)
{
	(void)closure;
	return Py_NewRef((PyObject *)((LruObject *)op)->machine);
}

static PyObject *get_closed(PyObject *op, void *closure)
{
	(void)closure;
	return PyBool_FromLong(!((LruObject *)op)->lru);
}

static PyObject *get_memcg_aware(PyObject *op, void *closure)
{
	const struct sp_list_lru *lru = ((LruObject *)op)->lru;

	(void)closure;
	return PyBool_FromLong(lru && sp_list_lru_memcg_aware(lru));
}

static PyObject *get_address(PyObject *op, void *closure)
{
	(void)closure;
	return PyLong_FromVoidPtr(((LruObject *)op)->lru);
}

static PyGetSetDef getset[] = {
	{ "machine", get_machine, NULL, "The Machine it is on.", NULL },
	{ "closed", get_closed, NULL, "Was close() called?", NULL },
	{ "memcg_aware", get_memcg_aware, NULL,
	  "Has each cgroup lists of its own? Never where the machine has no "
	  "cgroups or no kmem accounting.",
	  NULL },
	{ "_address", get_address, NULL, "struct sp_list_lru *, for lib.",
	  NULL },
	{ 0 },
};

#define WITH_KEYWORDS(f)                                                       \
	(PyCFunction)(void (*)(void))(f), METH_FASTCALL | METH_KEYWORDS

static PyMethodDef methods[] = {
	{ "add", WITH_KEYWORDS(do_add),
	  "add($self, /, item, nid=0, memcg=None)\n--\n\n"
	  "Put item at the tail of a node's list, or of a cgroup's on that node.\n\n"
	  "Any object, told by its identity; it is held once, until it is off the\n"
	  "list. False, and nothing happens, where it is on one already. The first\n"
	  "item of a cgroup's list sets the bit of the attached shrinker there. For\n"
	  "a cgroup that went offline, the list that took its items gets it.\n\n"
	  "Raises MemoryError (nothing has changed), ClosedError. DeadlockError: in\n"
	  "a walk callback, which runs under the lock of the node's lists. Mirrors\n"
	  "memcg_list_lru_alloc() and list_lru_add() of mm/list_lru.c." },
	{ "remove", do_remove, METH_O,
	  "remove($self, item, /)\n--\n\n"
	  "Take item off its list, wherever it is; False where it is on none.\n\n"
	  "Raises ClosedError, DeadlockError as add() does. Mirrors list_lru_del()." },
	{ "count_one", WITH_KEYWORDS(do_count_one),
	  "count_one($self, /, nid=0, memcg=None)\n--\n\n"
	  "Items on the list of a cgroup (None: the root) on a node. Takes no lock.\n\n"
	  "Mirrors list_lru_count_one()." },
	{ "count_node", WITH_KEYWORDS(do_count_node),
	  "count_node($self, /, nid=0)\n--\n\n"
	  "Items on all lists of a node. Takes no lock. Mirrors\n"
	  "list_lru_count_node()." },
	{ "shrink_count", do_shrink_count, METH_O,
	  "shrink_count($self, sc, /)\n--\n\n"
	  "count_one() of what a count_objects(sc) is asked for.\n\n"
	  "Raises ExpiredError outside of the callback. Mirrors\n"
	  "list_lru_shrink_count()." },
	{ "_walk_one", do_walk_one, METH_VARARGS, NULL },
	{ "_walk_node", do_walk_node, METH_VARARGS, NULL },
	{ "_shrink_walk", do_shrink_walk, METH_VARARGS, NULL },
	{ "_attach", do_attach, METH_O, NULL },
	{ "close", do_close, METH_NOARGS,
	  "close($self, /)\n--\n\n"
	  "Let go of all items, and of the lists; again: nothing.\n\n"
	  "Raises OSError(EBUSY) while a call of it runs, such as the walk whose\n"
	  "callback this is. Mirrors list_lru_destroy()." },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "What ListLru stands on: owns a list_lru and its items." },
	{ Py_tp_new, lru_new },
	{ Py_tp_traverse, traverse },
	{ Py_tp_clear, clear },
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_getset, getset },
	{ Py_tp_methods, methods },
	{ Py_sq_contains, contains },
	{ Py_sq_length, length },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "shrinkpy._core.ListLruBase",
	.basicsize = sizeof(LruObject),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = slots,
};

int list_lru_type_init(PyObject *module)
{
	return add_type(module, &spec, NULL);
}
