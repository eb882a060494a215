// SPDX-License-Identifier: GPL-2.0-only
/*
 * LockBase: a lock of the core in a Python object. Taking it may wait, so that
 * has a frame.
 */
#include "binding.h"

#include <shrinkpy/lock.h>
#include <stdio.h>
#include <string.h>

typedef struct {
	PyObject_HEAD
	MachineObject *machine;
	PyObject *name; /* bytes, whose address is the class */
	struct sp_lock lock;
} LockObject;

/* LockBase(machine, name, kind): name is the machine's one object of it. */
static PyObject *lock_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
	PyObject *machine, *name;
	LockObject *self;
	int kind;

	(void)kw;
	if (!PyArg_ParseTuple(args, "O!Si", sp.machine_type, &machine, &name,
			      &kind))
		return NULL;
	self = (LockObject *)((allocfunc)PyType_GetSlot(type,
							Py_tp_alloc))(type, 0);
	if (!self)
		return NULL;
	self->machine = (MachineObject *)Py_NewRef(machine);
	self->name = Py_NewRef(name);
	self->lock.kind = (unsigned int)kind;
	self->lock.name = PyBytes_AsString(name);
	self->lock.key = self->lock.name;
	return (PyObject *)self;
}

static PyObject *deadlock(const LockObject *self)
{
	struct sp_reason reason = { .status = SP_DEADLOCK, .nid = -1 };

	snprintf(reason.text, sizeof(reason.text),
		 sp_lock_is_mine(&self->lock) ?
			 "this thread has lock '%.80s' already and would wait "
			 "for itself" :
			 "whoever has lock '%.80s' waits, directly or through "
			 "others, for this thread",
		 self->lock.name);
	return status_error(SP_DEADLOCK, &reason);
}

/* _take(how, subclass): False where a try failed. */
static PyObject *take(PyObject *op, PyObject *args)
{
	LockObject *self = (LockObject *)op;
	struct machine *m = self->machine->m;
	PyObject *error = NULL;
	enum sp_status status;
	unsigned int how;
	struct frame f;
	int subclass;

	if (!PyArg_ParseTuple(args, "Ii", &how, &subclass))
		return NULL;
	frame_enter(&f);
	status = sp_lock_take(m, &self->lock, how, subclass, NULL);
	f.gil = false;
	if (status == SP_INTR)
		error = take_exception();
	else if (status == SP_DEADLOCK)
		error = deadlock(self);
	else if (status != SP_OK && status != SP_BUSY)
		error = status_error(status, NULL);
	error = frame_leave(&f, error, NULL);
	if (!error) {
		/* Whoever drops it while it is held would drop a held lock. */
		if (status == SP_OK)
			Py_INCREF(op);
		return PyBool_FromLong(status == SP_OK);
	}
	if (status == SP_OK)
		sp_lock_give(m, &self->lock);
	return raise_taken(error);
}

static PyObject *give(PyObject *op, PyObject *unused)
{
	LockObject *self = (LockObject *)op;

	(void)unused;
	if (sp_lock_give(self->machine->m, &self->lock) != SP_OK) {
		PyErr_Format(PyExc_RuntimeError,
			     "lock '%s' is not held by this thread; who "
			     "acquires it releases it",
			     self->lock.name);
		return NULL;
	}
	Py_DECREF(op); /* its caller has another reference */
	return Py_NewRef(Py_None);
}

static PyObject *get_machine(PyObject *self, void *closure)
{
	(void)closure;
	return Py_NewRef((PyObject *)((LockObject *)self)->machine);
}

static PyObject *get_name(PyObject *self, void *closure)
{
	const char *name = ((LockObject *)self)->lock.name;

	(void)closure;
	return PyUnicode_DecodeUTF8(name, (Py_ssize_t)strlen(name), "replace");
}

static PyObject *get_address(PyObject *self, void *closure)
{
	(void)closure;
	return PyLong_FromVoidPtr(&((LockObject *)self)->lock);
}

static PyObject *get_locked(PyObject *self, void *closure)
{
	(void)closure;
	return PyBool_FromLong(sp_lock_is_held(&((LockObject *)self)->lock));
}

static PyObject *get_mine(PyObject *self, void *closure)
{
	(void)closure;
	return PyBool_FromLong(sp_lock_is_mine(&((LockObject *)self)->lock));
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(op));
	Py_VISIT((PyObject *)((LockObject *)op)->machine);
	return 0;
}

static void dealloc(PyObject *op)
{
	LockObject *self = (LockObject *)op;
	PyTypeObject *type = Py_TYPE(op);

	PyObject_GC_UnTrack(op);
	Py_XDECREF((PyObject *)self->machine);
	Py_XDECREF(self->name);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
	Py_DECREF((PyObject *)type);
}

static PyGetSetDef getset[] = {
	{ "machine", get_machine, NULL, "The Machine whose lock this is.",
	  NULL },
	{ "name", get_name, NULL, "The name, which is its class.", NULL },
	{ "_address", get_address, NULL, "struct sp_lock *, for lib.", NULL },
	{ "_locked", get_locked, NULL, "By anybody.", NULL },
	{ "_mine", get_mine, NULL, "By this thread, in any way.", NULL },
	{ 0 },
};

static PyMethodDef methods[] = {
	{ "_take", take, METH_VARARGS, NULL },
	{ "_give", give, METH_NOARGS, NULL },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "What Lock, RLock and RWLock stand on." },
	{ Py_tp_new, lock_new },
	{ Py_tp_traverse, traverse },
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_getset, getset },
	{ Py_tp_methods, methods },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "shrinkpy._core.LockBase",
	.basicsize = sizeof(LockObject),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = slots,
};

int lock_type_init(PyObject *module)
{
	return add_type(module, &spec, NULL);
}
