// SPDX-License-Identifier: GPL-2.0-only
/*
 * RegisteredShrinkerBase: the registration, and through it the private data.
 *
 * The data belongs to the registration: into_foreign() gives it up, the core
 * keeps a pointer to it (struct owned), from_foreign() takes it back once no
 * callback can run. This type alone shows it to the garbage collector; a
 * Python object over a reference that C holds would never be collected in a
 * cycle. Finalizers do not wait: what still runs is left to the core. Whoever
 * frees the shrinker, the core calls release_owned() then, once.
 */
#include "binding.h"

/* ---- struct owned ------------------------------------------------------ */

static void owned_free(struct owned *o)
{
	Py_CLEAR(o->target);
	Py_CLEAR(o->borrow);
	Py_CLEAR(o->callbacks[COUNT]);
	Py_CLEAR(o->callbacks[SCAN]);
	Py_CLEAR(o->from_foreign);
	Py_CLEAR(o->foreign);
	if (!o->native[COUNT])
		o->machine->nr_owned--;
	PyMem_Free(o);
}

/* Gives the data back to its owner, and drops it. -1: that raised. */
static int owned_drop(struct owned *o)
{
	PyObject *from_foreign = o->from_foreign, *foreign = o->foreign;
	PyObject *owner;
	int status = 0;

	o->from_foreign = o->foreign = NULL;
	owned_free(o);
	if (from_foreign) {
		owner = PyObject_CallFunctionObjArgs(from_foreign, foreign,
						     NULL);
		if (!owner)
			status = -1;
		Py_XDECREF(owner);
	}
	Py_XDECREF(from_foreign);
	Py_XDECREF(foreign);
	return status;
}

static void drop_unraisable(struct owned *o)
{
	PyObject *type, *value, *tb, *where = Py_NewRef(o->target);
	MachineObject *machine = o->machine;

	PyErr_Fetch(&type, &value, &tb);
	if (owned_drop(o) < 0)
		lose_exception(machine, where);
	PyErr_Restore(type, value, tb);
	Py_DECREF(where);
}

static struct owned *take_owned(RegisteredObject *self)
{
	struct owned *o = self->owned;

	self->owned = NULL;
	return o;
}

/*
 * By close(), which raises what from_foreign() does; by machine.close(), which
 * tells of what it found; by a finalizer, or at the end of a pass.
 */
static void release_owned(void *owner)
{
	struct frame *f = top_frame;
	struct owned *o = owner;
	RegisteredObject *handle;
	struct gil g;

	if (!gil_take(&g))
		return;
	handle = o->handle;
	if (handle) {
		if (f && f->closes &&
		    PyList_Append(o->machine->left, handle->name) < 0)
			PyErr_WriteUnraisable(handle->name);
		take_owned(handle);
	}
	if (!f || !f->drop_error)
		drop_unraisable(o);
	else if (owned_drop(o) < 0)
		*f->drop_error = take_exception();
	gil_give(&g);
}

/* ---- register ---------------------------------------------------------- */

/*
 * The foreign pointer and what is borrowed of it. data None is Rust's (): there
 * is nothing to own. Of Box and Arc the borrow is fixed; any other type is
 * asked at each private_data.
 */
static int make_foreign(struct owned *o, PyObject *data, int fixed)
{
	if (data == Py_None) {
		o->foreign = Py_NewRef(Py_None);
		o->target = Py_NewRef(Py_None);
		return 0;
	}
	o->from_foreign = PyObject_GetAttrString((PyObject *)Py_TYPE(data),
						 fixed ? "_drop_foreign" :
							 "from_foreign");
	if (!o->from_foreign)
		return -1;
	o->borrow = PyObject_GetAttrString((PyObject *)Py_TYPE(data), "borrow");
	if (!o->borrow)
		return -1;
	o->foreign = PyObject_CallMethod(data, "into_foreign", NULL);
	if (!o->foreign)
		return -1;
	o->target = PyObject_CallFunctionObjArgs(o->borrow, o->foreign, NULL);
	if (!o->target)
		return -1;
	if (fixed)
		Py_CLEAR(o->borrow);
	return 0;
}

/* A new reference on the callback of that name, or a TypeError that teaches. */
static PyObject *find_callback(PyObject *of, PyObject *name)
{
	PyObject *f = PyObject_GetAttr(of, name);

	if (f && PyCallable_Check(f))
		return f;
	if (f || PyErr_ExceptionMatches(PyExc_AttributeError))
		PyErr_Format(PyExc_TypeError,
			     "%R has no method %U(); a shrinker needs "
			     "count_objects(sc) and scan_objects(sc)",
			     of, name);
	Py_XDECREF(f);
	return NULL;
}

static int find_callbacks(struct owned *o, PyObject *callbacks)
{
	PyObject *found;
	int i;

	if (o->native[COUNT])
		return 0;
	for (i = 0; i < NR_CALLBACKS; i++) {
		PyObject *name = sp.callback_names[i];

		if (callbacks != Py_None) {
			o->callbacks[i] = find_callback(callbacks, name);
			if (!o->callbacks[i])
				return -1;
			continue;
		}
		found = find_callback(o->target, name);
		if (!found)
			return -1;
		Py_DECREF(found);
	}
	o->plain = is_plain(o->target);
	return 0;
}

/*
 * What was taken from its owner goes back; the exception stays set. A Box or an
 * Arc has it again, without memory; other owners get it by from_foreign().
 */
static PyObject *undo(struct owned *o, PyObject *data, int fixed)
{
	PyObject *type, *value, *tb;

	PyErr_Fetch(&type, &value, &tb);
	if (fixed && o->foreign) {
		if (PyObject_SetAttr(data, sp.held, o->foreign) < 0)
			PyErr_WriteUnraisable(data);
		Py_CLEAR(o->from_foreign);
	}
	if (!o->foreign) {
		owned_free(o);
	} else {
		if (!o->target)
			o->target = Py_NewRef(Py_None);
		drop_unraisable(o);
	}
	PyErr_Restore(type, value, tb);
	return NULL;
}

/* A handle's hold on the shrinker's memory. */
static void pin(struct shrinker *s, bool on)
{
	struct frame f;

	frame_enter(&f);
	if (on)
		sp_shrinker_pin(s);
	else
		sp_shrinker_unpin(s);
	frame_end(&f);
}

/*
 * What passes call, and what kernel code finds in the struct. NULL: none, as
 * before register().
 */
static void set_callbacks(struct shrinker *s, struct owned *o)
{
	struct sp_shrinker_head *head = sp_shrinker_head(s);
	const bool native = o && o->native[COUNT];

	sp_shrinker_set_owner(s, o, o ? release_owned : NULL);
	sp_shrinker_set_private(s, native ? o->private_data : o);
	if (native) {
		sp_traps_enable();
		sp_shrinker_set_callbacks(s, native_count, native_scan);
	} else {
		sp_shrinker_set_callbacks(s, o ? python_count : NULL,
					  o ? python_scan : NULL);
	}
	head->count_objects = native ? o->native[COUNT] : NULL;
	head->scan_objects = native ? o->native[SCAN] : NULL;
}

/* Private data, callbacks, and then the core: from its return they run. */
static enum sp_status publish(RegisteredObject *self, PyObject *machine,
			      PyObject *name, const char *symbol,
			      struct shrinker *s, struct owned *o,
			      struct sp_reason *reason)
{
	enum sp_status status;
	struct frame f;

	self->machine = (MachineObject *)Py_NewRef(machine);
	self->name = Py_NewRef(name);
	self->s = s;
	self->owned = o;
	frame_enter(&f);
	set_callbacks(s, o);
	status = sp_shrinker_set_symbol(s, symbol);
	if (status == SP_OK)
		status = sp_shrinker_register(s, reason);
	if (status != SP_OK) {
		set_callbacks(s, NULL);
		take_owned(self);
		self->s = NULL;
	}
	frame_end(&f);
	return status;
}

/*
 * _register(machine, address, name, symbol, data, callbacks, fixed, native):
 * the order of the Rust binding: into_foreign, private_data, callbacks,
 * publish. native: the addresses (count, scan, private), 0 for Python's.
 */
static PyObject *do_register(PyObject *op, PyObject *args)
{
	RegisteredObject *self = (RegisteredObject *)op;
	PyObject *machine, *name, *data, *callbacks;
	struct sp_reason reason = { .status = SP_OK };
	unsigned long long address, count, scan, private_data;
	const char *symbol;
	enum sp_status status;
	struct shrinker *s;
	struct owned *o;
	int fixed;

	if (!PyArg_ParseTuple(args, "O!KUsOOp(KKK)", sp.machine_type, &machine,
			      &address, &name, &symbol, &data, &callbacks,
			      &fixed, &count, &scan, &private_data))
		return NULL;
	s = (struct shrinker *)(uintptr_t)address;
	if (self->s || !s || sp_shrinker_owner(s) || !count != !scan ||
	    sp_shrinker_machine(s) != ((MachineObject *)machine)->m) {
		PyErr_SetString(
			PyExc_ValueError,
			"_register() takes an empty handle, and a "
			"shrinker of that machine which is in no other");
		return NULL;
	}
	o = PyMem_Calloc(1, sizeof(*o));
	if (!o)
		return PyErr_NoMemory();
	o->machine = (MachineObject *)machine;
	o->native[COUNT] = (sp_shrink_fn)(uintptr_t)count;
	o->native[SCAN] = (sp_shrink_fn)(uintptr_t)scan;
	o->private_data = (void *)(uintptr_t)private_data;
	if (!o->native[COUNT])
		o->machine->nr_owned++;
	o->handle = self;
	/* into_foreign() and borrow() may close the machine, and so free it. */
	pin(s, true);
	if (make_foreign(o, data, fixed) < 0 ||
	    find_callbacks(o, callbacks) < 0) {
		pin(s, false);
		return undo(o, data, fixed);
	}
	if (sp_shrinker_freed(s))
		status = SP_CLOSED;
	else
		status = publish(self, machine, name, symbol, s, o, &reason);
	if (status == SP_OK)
		return Py_NewRef(Py_None);
	pin(s, false);
	raise_status(status, &reason);
	return undo(o, data, fixed);
}

/* ---- close ------------------------------------------------------------- */

static PyObject *do_close(PyObject *op, PyObject *unused)
{
	RegisteredObject *self = (RegisteredObject *)op;
	struct sp_reason reason = { .status = SP_OK };
	PyObject *error = NULL;
	enum sp_status status;
	struct frame f;

	(void)unused;
	if (!self->s)
		return Py_NewRef(Py_None);
	frame_enter(&f);
	f.drop_error = &error;
	status = sp_shrinker_free(self->s, &reason);
	f.gil = false;
	if (status == SP_INTR)
		error = take_exception(); /* the signal handler's */
	else if (!error && status != SP_OK && status != SP_GONE)
		error = status_error(status, &reason);
	return frame_return(&f, error);
}

/* ---- the collector ----------------------------------------------------- */

static int traverse(PyObject *op, visitproc visit, void *arg)
{
	RegisteredObject *self = (RegisteredObject *)op;
	struct owned *o = self->owned;

	Py_VISIT(Py_TYPE(op));
	Py_VISIT((PyObject *)self->machine);
	if (o) {
		Py_VISIT(o->foreign);
		Py_VISIT(o->target);
		Py_VISIT(o->borrow);
		Py_VISIT(o->from_foreign);
		Py_VISIT(o->callbacks[COUNT]);
		Py_VISIT(o->callbacks[SCAN]);
	}
	return 0;
}

static void warn_unclosed(RegisteredObject *self)
{
	if (PyErr_ResourceWarning(NULL, 1,
				  "shrinker %R was still registered when its "
				  "last handle went; call close()",
				  self->name) < 0)
		PyErr_WriteUnraisable(self->name);
}

/* Never waits: the collector may run under any lock, in any callback. */
static void finalize(PyObject *op)
{
	RegisteredObject *self = (RegisteredObject *)op;
	PyObject *type, *value, *tb;
	struct frame f;

	if (!self->owned)
		return;
	PyErr_Fetch(&type, &value, &tb);
	warn_unclosed(self);
	if (!self->owned) { /* showing it may have closed the machine */
		PyErr_Restore(type, value, tb);
		return;
	}
	take_owned(self)->handle = NULL;
	frame_enter(&f);
	sp_shrinker_free_deferred(self->s);
	frame_end(&f);
	PyErr_Restore(type, value, tb);
}

static void dealloc(PyObject *op)
{
	RegisteredObject *self = (RegisteredObject *)op;
	PyTypeObject *type = Py_TYPE(op);

	PyObject_GC_UnTrack(op);
	/* A subclass's deallocator has called it already. */
	finalize(op);
	if (self->s)
		pin(self->s, false);
	Py_XDECREF(self->name);
	Py_XDECREF((PyObject *)self->machine);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
	Py_DECREF((PyObject *)type);
}

/* ---- the type ---------------------------------------------------------- */

static PyObject *get_machine(PyObject *op, void *closure)
{
	PyObject *machine = (PyObject *)((RegisteredObject *)op)->machine;

	(void)closure;
	return Py_NewRef(machine ? machine : Py_None);
}

/* debugfs_rename() did. */
static int set_name(PyObject *op, PyObject *name, void *closure)
{
	(void)closure;
	replace_ref(&((RegisteredObject *)op)->name, Py_XNewRef(name));
	return 0;
}

static PyObject *get_name(PyObject *op, void *closure)
{
	PyObject *name = ((RegisteredObject *)op)->name;

	(void)closure;
	return Py_NewRef(name ? name : Py_None);
}

static PyObject *get_closed(PyObject *op, void *closure)
{
	(void)closure;
	return PyBool_FromLong(!((RegisteredObject *)op)->owned);
}

static PyObject *get_address(PyObject *op, void *closure)
{
	(void)closure;
	return PyLong_FromVoidPtr(((RegisteredObject *)op)->s);
}

/* What is borrowed; NotImplemented once it is closed. */
static PyObject *do_borrow(PyObject *op, PyObject *unused)
{
	struct owned *o = ((RegisteredObject *)op)->owned;

	(void)unused;
	if (!o)
		return Py_NewRef(Py_NotImplemented);
	if (!o->borrow)
		return Py_NewRef(o->target);
	return PyObject_CallFunctionObjArgs(o->borrow, o->foreign, NULL);
}

static PyGetSetDef getset[] = {
	{ "machine", get_machine, NULL, "The Machine it is registered with.",
	  NULL },
	{ "name", get_name, NULL,
	  "The name given to alloc(), or by debugfs_rename().", NULL },
	{ "_name", get_name, set_name, NULL, NULL },
	{ "closed", get_closed, NULL,
	  "Is it no longer registered through this handle?", NULL },
	{ "_address", get_address, NULL, "struct shrinker *, for lib.", NULL },
	{ 0 },
};

static PyMethodDef methods[] = {
	{ "_register", do_register, METH_VARARGS, NULL },
	{ "_borrow", do_borrow, METH_NOARGS, NULL },
	{ "close", do_close, METH_NOARGS,
	  "close($self, /)\n--\n\n"
	  "Free the shrinker, then drop its private data, once.\n\n"
	  "Waits until no callback of it runs, whoever runs it; a second close()\n"
	  "waits for the first. Interrupted by Ctrl-C it stays half closed (no\n"
	  "longer called), and the next one goes on.\n\n"
	  "Raises DeadlockError: called in its own callback, or where two\n"
	  "callbacks would wait for each other; nothing has changed. HungError:\n"
	  "the kernel would wait for ever for references lost by passes with\n"
	  "kernel-memory accounting off; it stays registered and keeps its data.\n"
	  "What from_foreign() raises comes through, after the free.\n\n"
	  "Mirrors shrinker_free() and Drop for RegisteredShrinker." },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc,
	  "What RegisteredShrinker stands on: owns a registration." },
	{ Py_tp_traverse, traverse },
	{ Py_tp_finalize, finalize },
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_getset, getset },
	{ Py_tp_methods, methods },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "shrinkpy._core.RegisteredShrinkerBase",
	.basicsize = sizeof(RegisteredObject),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = slots,
};

int registered_type_init(PyObject *module)
{
	return add_type(module, &spec, &sp.registered_type);
}
