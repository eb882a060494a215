// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks of a ListLru. A callback in Python runs with the GIL, one in C without
 * it; both under the lock of the node's lists, which one in C may give away.
 * Then others may remove its very item, which is pinned for that.
 */
#include <string.h>

#include "list_lru.h"

/* What ends the walk of every list: the core takes it for an oops. */
enum { NO_STATUS = -1 };

struct walk {
	LruObject *self;
	PyObject *isolate;       /* a callable, or NULL: */
	list_lru_walk_cb native; /* called with the GIL given up */
	void *cb_arg;
	PyObject *error;
	struct sp_reason oops; /* of a native one */
	struct item *removed;
};

static struct item *item_of(struct list_head *head)
{
	return (struct item *)head;
}

/* Unlinked already. Its reference is dropped when the lock has been given. */
static void walked_off(struct walk *w, struct item *i)
{
	items_take(&w->self->items, i);
	i->next = w->removed;
	w->removed = i;
}

/* ---- callbacks in Python ------------------------------------------------ */

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
	enum lru_status said = (enum lru_status)NO_STATUS;
	struct item *i = item_of(head);
	struct walk *w = cb_arg;
	PyObject *value;
	struct gil g;

	(void)lock;
	if (!gil_take(&g))
		return said;
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

/* ---- callbacks in C ----------------------------------------------------- */

/* Where it is moved to is no list of ours: the item goes with the walk. */
static void unlink_anywhere(struct list_head *head)
{
	head->next->prev = head->prev;
	head->prev->next = head->next;
	head->next = head->prev = head;
}

/* The frame that a boundary stands in: it is not inlined. */
static __attribute__((noinline)) enum lru_status
call_bounded(struct walk *w, struct list_head *head, struct list_lru_one *list,
	     struct sp_lock *lock)
{
	struct sp_boundary b;
	enum lru_status said;

	if (sp_boundary_oopsed(&b)) {
		w->oops = b.reason;
		return (enum lru_status)NO_STATUS;
	}
	said = w->native(head, list, lock, w->cb_arg);
	sp_boundary_leave(&b);
	return said;
}

static enum lru_status native_isolate(struct list_head *head,
				      struct list_lru_one *list,
				      struct sp_lock *lock, void *cb_arg)
{
	const long before = sp_list_lru_one_items(list);
	struct item *i = item_of(head);
	struct walk *w = cb_arg;
	enum lru_status said;
	struct gil g;
	bool off;

	item_pin(i);
	said = call_bounded(w, head, list, lock);
	off = said == LRU_REMOVED || said == LRU_REMOVED_RETRY;
	if (!off && !item_unpinned(i))
		return said;
	if (off) {
		/* It may have left that to us, while it had the lock. */
		if (said == LRU_REMOVED &&
		    sp_list_lru_one_items(list) == before)
			sp_list_lru_isolate(list, head);
		unlink_anywhere(head);
	}
	if (!gil_take(&g))
		return said;
	if (!off) {
		PyMem_Free(i);
	} else if (i->object) {
		walked_off(w, i);
		item_unpin(i);
	} else {
		/* A remove() was quicker, and has counted it. */
		item_unpin(i);
		said = LRU_RETRY;
	}
	gil_give(&g);
	return said;
}

/* ---- a walk ------------------------------------------------------------- */

static int read_isolate(PyObject *value, PyObject *cb_arg, struct walk *w)
{
	if (!PyLong_Check(value)) {
		w->isolate = value;
		return 0;
	}
	sp_traps_enable();
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

static struct sp_reason reason_of(const struct walk *w, enum sp_status status,
				  int nid)
{
	struct sp_reason r = w->oops;
	const char *text = "a walk callback gave no status that there is, or "
			   "did not take the lock again: a BUG()";

	r.status = status;
	r.nid = nid;
	if (status == SP_DEADLOCK && frames_of((PyObject *)w->self) > 1)
		text = "a walk in the callback of a walk of the same node: it "
		       "runs under the lock of the node's lists";
	else if (status == SP_DEADLOCK)
		text = "a walk of a node that is walked, whose callback waits, "
		       "directly or through others, for this thread";
	if (!r.text[0])
		strcpy(r.text, text);
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

	if (lru_check_open(w->self) < 0)
		return NULL;
	lru_enter(w->self, &f);
	status = run(w, &f, nid, node, memcg, nr_to_walk, &isolated);
	if (w->error)
		status = SP_OK; /* that was how it was ended */
	reason = reason_of(w, status, nid);
	error = lru_error(&f, status, &reason);
	if (w->error)
		error = w->error;
	while ((i = w->removed)) {
		w->removed = i->next;
		item_drop(i);
	}
	if (lru_leave(w->self, &f, error) < 0)
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

PyObject *lru_walk_one(PyObject *op, PyObject *args)
{
	PyObject *nid_given, *memcg_given, *isolate, *cb_arg, *nr_given;
	LruObject *self = (LruObject *)op;
	struct walk w = { .self = self };
	struct mem_cgroup *memcg;
	unsigned long nr;
	int nid;

	if (!PyArg_ParseTuple(args, "OOOOO", &nid_given, &memcg_given, &isolate,
			      &cb_arg, &nr_given) ||
	    lru_read_nid(self, nid_given, &nid) < 0 ||
	    lru_read_memcg(self, memcg_given, &memcg) < 0 ||
	    read_isolate(isolate, cb_arg, &w) < 0 || lru_check_open(self) < 0 ||
	    read_nr(nr_given, sp_list_lru_count_one(self->lru, nid, memcg),
		    &nr) < 0)
		return NULL;
	return walk(&w, nid, false, memcg, &nr);
}

PyObject *lru_walk_node(PyObject *op, PyObject *args)
{
	PyObject *nid_given, *isolate, *cb_arg, *nr_given;
	LruObject *self = (LruObject *)op;
	struct walk w = { .self = self };
	unsigned long nr;
	int nid;

	if (!PyArg_ParseTuple(args, "OOOO", &nid_given, &isolate, &cb_arg,
			      &nr_given) ||
	    lru_read_nid(self, nid_given, &nid) < 0 ||
	    read_isolate(isolate, cb_arg, &w) < 0 || lru_check_open(self) < 0 ||
	    read_nr(nr_given, sp_list_lru_count_node(self->lru, nid), &nr) < 0)
		return NULL;
	return walk(&w, nid, true, NULL, &nr);
}

PyObject *lru_shrink_walk(PyObject *op, PyObject *args)
{
	PyObject *control, *isolate, *cb_arg;
	LruObject *self = (LruObject *)op;
	struct walk w = { .self = self };
	struct shrink_control *sc;

	if (!PyArg_ParseTuple(args, "OOO", &control, &isolate, &cb_arg) ||
	    read_isolate(isolate, cb_arg, &w) < 0)
		return NULL;
	sc = lru_read_control(self, control);
	if (!sc)
		return NULL;
	return walk(&w, sc->nid, false, sc->memcg, &sc->nr_to_scan);
}
