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
#include "list_lru.h"

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

int lru_read_nid(LruObject *self, PyObject *value, int *nid)
{
	long n = 0;

	if (value &&
	    read_long(value, "nid", 0,
		      sp_machine_nr_nodes(self->machine->m) - 1, &n) < 0)
		return -1;
	*nid = (int)n;
	return 0;
}

int lru_read_memcg(LruObject *self, PyObject *value, struct mem_cgroup **memcg)
{
	*memcg = NULL;
	if (!value || value == Py_None)
		return 0;
	if (check_memcg(self->machine, value) < 0)
		return -1;
	*memcg = ((MemcgObject *)value)->memcg;
	return 0;
}

int lru_check_open(LruObject *self)
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

void lru_enter(LruObject *self, struct frame *f)
{
	Py_INCREF((PyObject *)self);
	self->calls++;
	frame_enter(f);
	f->of = (PyObject *)self;
}

PyObject *lru_error(struct frame *f, enum sp_status status,
		    const struct sp_reason *reason)
{
	f->gil = false;
	if (status == SP_OK)
		return NULL;
	if (status == SP_INTR)
		return take_exception(); /* the signal handler's */
	return status_error(status, reason);
}

int lru_leave(LruObject *self, struct frame *f, PyObject *error)
{
	error = frame_leave(f, error, NULL);
	self->calls--;
	Py_DECREF((PyObject *)self);
	if (!error)
		return 0;
	raise_taken(error);
	return -1;
}

/* ---- add, remove ------------------------------------------------------- */

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
	if (status != SP_OK || items_find(&self->items, i->object)) {
		error = lru_error(f, status, NULL);
		item_drop(i);
		return error;
	}
	if (items_reserve(&self->items) < 0) {
		error = take_exception();
		item_drop(i);
		return error;
	}
	i->pins++; /* nobody sees it yet */
	items_put(&self->items, i);
	status = sp_list_lru_add(self->lru, &i->lru, i->nid, memcg, done,
				 &reason);
	error = lru_error(f, status, &reason);
	if (!*done) {
		items_take(&self->items, i);
		item_drop(i);
	}
	item_unpin(i);
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
	    lru_read_nid(self, given[1], &nid) < 0 ||
	    lru_read_memcg(self, given[2], &memcg) < 0 ||
	    lru_check_open(self) < 0)
		return NULL;
	if (items_find(&self->items, given[0]))
		return PyBool_FromLong(0);
	/* Before the cgroup's lists, which would stay if this failed. */
	if (items_reserve(&self->items) < 0)
		return NULL;
	i = item_new(given[0], nid, memcg ? given[2] : NULL);
	if (!i)
		return NULL;
	lru_enter(self, &f);
	error = add(self, &f, i, memcg, &done);
	if (lru_leave(self, &f, error) < 0)
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

	if (lru_check_open(self) < 0)
		return NULL;
	i = items_find(&self->items, object);
	if (!i)
		return PyBool_FromLong(0);
	item_pin(i);
	memcg = Py_XNewRef(i->memcg); /* another call may drop the item */
	lru_enter(self, &f);
	status = sp_list_lru_del(self->lru, &i->lru, i->nid, memcg_of(i), &done,
				 &reason);
	error = lru_error(&f, status, &reason);
	if (done) {
		items_take(&self->items, i);
		item_drop(i);
	}
	item_unpin(i);
	Py_XDECREF(memcg);
	if (lru_leave(self, &f, error) < 0)
		return NULL;
	return PyBool_FromLong(done);
}

static int contains(PyObject *op, PyObject *object)
{
	return items_find(&((LruObject *)op)->items, object) != NULL;
}

static Py_ssize_t length(PyObject *op)
{
	return (Py_ssize_t)((LruObject *)op)->items.n;
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
	    lru_read_nid(self, given[0], &nid) < 0 ||
	    lru_read_memcg(self, given[1], &memcg) < 0)
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
	    lru_read_nid(self, given[0], &nid) < 0)
		return NULL;
	return PyLong_FromUnsignedLong(
		self->lru ? sp_list_lru_count_node(self->lru, nid) : 0);
}

struct shrink_control *lru_read_control(LruObject *self, PyObject *value)
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
	struct shrink_control *sc = lru_read_control(self, control);

	return sc ? count(self, sc->nid, sc->memcg) : NULL;
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
	if (PyErr_Occurred() || lru_check_open(self) < 0)
		return NULL;
	lru_enter(self, &f);
	status = sp_list_lru_attach(self->lru, s, &reason);
	if (lru_leave(self, &f, lru_error(&f, status, &reason)) < 0)
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
	self->forks = sp.forks;
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
	PyObject *type, *value, *tb;
	struct frame f;

	self->lru = NULL;
	PyErr_Fetch(&type, &value, &tb);
	if (lru) {
		/* Before the items go: a cgroup may be handing them over. */
		frame_enter(&f);
		sp_list_lru_destroy(lru);
		frame_end(&f);
	}
	items_clear(&self->items);
	PyErr_Restore(type, value, tb);
}

/*
 * Is a call of it in the core? After a fork, those of other threads are not
 * here any more.
 */
static bool is_busy(LruObject *self)
{
	if (self->forks != sp.forks) {
		self->forks = sp.forks;
		self->calls = frames_of((PyObject *)self);
	}
	return self->calls;
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
	if (is_busy(self))
		return raise_status(SP_BUSY, &reason);
	end_lru(self);
	return Py_NewRef(Py_None);
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
	LruObject *self = (LruObject *)op;

	Py_VISIT(Py_TYPE(op));
	Py_VISIT((PyObject *)self->machine);
	return items_traverse(&self->items, visit, arg);
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
	  "a cgroup that went offline, the list that took its items gets it; as in\n"
	  "6.12 the bit is then of the offline one, where no pass looks any more.\n\n"
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
	{ "_walk_one", lru_walk_one, METH_VARARGS, NULL },
	{ "_walk_node", lru_walk_node, METH_VARARGS, NULL },
	{ "_shrink_walk", lru_shrink_walk, METH_VARARGS, NULL },
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
