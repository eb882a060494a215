// SPDX-License-Identifier: GPL-2.0-only
/*
 * Methods are called by name: what a test puts in their place, on the object
 * or on its class, is what is called. Looking a name up is a quarter of a call,
 * which a pass over many shrinkers saves: after its first NAMED_CALLS calls,
 * objects are called through what their class has, looked up once a pass.
 * Not so objects with attributes of these names when they were registered, and
 * classes that have anything but plain functions or look attributes up in their
 * own way. What is missed is a method put on one object, later than its
 * registration, among more than NAMED_CALLS / 2 shrinkers.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "binding.h"

/*
 * In the limited API from 3.12 on, and exported before it; they spare the
 * detour over C's variable arguments. NULL where there is none.
 */
static vectorcall_fn vectorcall, vectorcall_method;
static vectorcall_fn (*vectorcall_function)(PyObject *callable);

void methods_init(void)
{
	vectorcall = (vectorcall_fn)dlsym(RTLD_DEFAULT, "PyObject_Vectorcall");
	vectorcall_method =
		(vectorcall_fn)dlsym(RTLD_DEFAULT, "PyObject_VectorcallMethod");
	vectorcall_function = (vectorcall_fn (*)(PyObject *))dlsym(
		RTLD_DEFAULT, "PyVectorcall_Function");
}

static PyObject *call_by_arguments(PyObject *callable, PyObject *const *args,
				   size_t nargs, PyObject *kwnames)
{
	(void)nargs, (void)kwnames;
	return PyObject_CallFunctionObjArgs(callable, args[0], args[1], NULL);
}

static vectorcall_fn vectorcall_of(PyObject *function)
{
	vectorcall_fn call = NULL;

	if (vectorcall_function)
		call = vectorcall_function(function);
	if (!call)
		call = vectorcall;
	return call ? call : call_by_arguments;
}

PyObject *call_by_name(PyObject *name, PyObject *const *args)
{
	if (vectorcall_method)
		return vectorcall_method(name, args, 2, NULL);
	return PyObject_CallMethodObjArgs(args[0], name, args[1], NULL);
}

/* The class's plain function behind target's method of that name, or NULL. */
static PyObject *plain_function(PyObject *target, PyObject *name)
{
	PyTypeObject *type = Py_TYPE(target);
	PyObject *bound, *inner = NULL, *self = NULL, *function = NULL;

	if (PyType_GetSlot(type, Py_tp_getattro) !=
	    (void *)PyObject_GenericGetAttr)
		return NULL;
	bound = PyObject_GetAttr(target, name);
	if (bound)
		inner = PyObject_GetAttrString(bound, "__func__");
	if (inner)
		self = PyObject_GetAttrString(bound, "__self__");
	if (self)
		function = PyObject_GetAttr((PyObject *)type, name);
	if (self != target || function != inner ||
	    (function && Py_TYPE(function) != sp.function_type))
		Py_CLEAR(function);
	PyErr_Clear(); /* calling it by name will tell */
	Py_XDECREF(bound);
	Py_XDECREF(inner);
	Py_XDECREF(self);
	return function;
}

bool is_plain(PyObject *target)
{
	bool plain = true;
	int i;

	for (i = 0; i < NR_CALLBACKS && plain; i++) {
		PyObject *f = plain_function(target, sp.callback_names[i]);

		plain = f != NULL;
		Py_XDECREF(f);
	}
	return plain;
}

void class_lookup(struct class_entry *e, PyObject *target)
{
	int i;

	e->type = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(target));
	for (i = 0; i < NR_CALLBACKS; i++) {
		struct class_function *c = &e->functions[i];

		c->function = plain_function(target, sp.callback_names[i]);
		if (c->function)
			c->call = vectorcall_of(c->function);
	}
}

void forget_classes(struct frame *f)
{
	struct class_entry *e;

	for (e = f->classes; e < f->classes + FRAME_CLASSES; e++) {
		if (!e->type)
			continue;
		Py_XDECREF(e->functions[COUNT].function);
		Py_XDECREF(e->functions[SCAN].function);
		Py_DECREF((PyObject *)e->type);
	}
}
