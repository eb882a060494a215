// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations of the code under test, which run reclaim; and what gives back:
 * bytes, a scope, a task's place. That takes no memory, not even for arguments,
 * so that it cannot fail where memory is short.
 */
#include "binding.h"

#include <shrinkpy/alloc.h>

/* The report of these, and what ended the pass, are with the frame. */
static bool was_told(enum sp_status status)
{
	return status == SP_SPIN || status == SP_OOPS || status == SP_ABORTED;
}

PyObject *charge(PyObject *module, PyObject *args)
{
	PyObject *machine, *error = NULL;
	unsigned int gfp_mask;
	enum sp_status status;
	const char *where;
	Py_ssize_t bytes;
	struct machine *m;
	struct frame f;

	(void)module;
	if (!PyArg_ParseTuple(args, "O!Inz", sp.machine_type, &machine,
			      &gfp_mask, &bytes, &where))
		return NULL;
	m = ((MachineObject *)machine)->m;
	frame_enter(&f);
	status = sp_charge(m, gfp_mask, (size_t)bytes, where);
	f.gil = false;
	if (status == SP_INTR)
		error = take_exception();
	else if (status != SP_OK && !was_told(status))
		error = status_error(status, NULL);
	error = frame_leave(&f, error, NULL);
	if (!error)
		return PyBool_FromLong(status == SP_OK);
	if (status == SP_OK)
		sp_uncharge(m, (size_t)bytes);
	return raise_taken(error);
}

static int check_count(const char *function, Py_ssize_t nargs, Py_ssize_t n)
{
	if (nargs == n)
		return 0;
	PyErr_Format(PyExc_TypeError, "%s() takes %zd arguments, not %zd",
		     function, n, nargs);
	return -1;
}

static MachineObject *read_machine(PyObject *value)
{
	if (PyObject_TypeCheck(value, sp.machine_type))
		return (MachineObject *)value;
	PyErr_Format(PyExc_TypeError, "machine must be a Machine, not %R",
		     value);
	return NULL;
}

PyObject *uncharge(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
	MachineObject *machine;
	struct frame f;
	size_t bytes;

	(void)module;
	if (check_count("uncharge", nargs, 2) < 0)
		return NULL;
	machine = read_machine(args[0]);
	if (!machine)
		return NULL;
	bytes = PyLong_AsSize_t(args[1]);
	if (PyErr_Occurred())
		return NULL;
	frame_enter(&f);
	sp_uncharge(machine->m, bytes);
	frame_end(&f);
	return Py_NewRef(Py_None);
}

PyObject *scope_restore(PyObject *module, PyObject *const *args,
			Py_ssize_t nargs)
{
	unsigned long scopes, saved;

	(void)module;
	if (check_count("scope_restore", nargs, 2) < 0)
		return NULL;
	scopes = PyLong_AsUnsignedLong(args[0]);
	saved = PyErr_Occurred() ? 0 : PyLong_AsUnsignedLong(args[1]);
	if (PyErr_Occurred())
		return NULL;
	sp_scope_restore((unsigned int)scopes, (unsigned int)saved);
	return Py_NewRef(Py_None);
}

PyObject *task_move(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
	struct sp_place *to, *was, before, now;
	MachineObject *machine;
	struct frame f;

	(void)module;
	if (check_count("task_move", nargs, 3) < 0)
		return NULL;
	machine = read_machine(args[0]);
	to = machine ? PyLong_AsVoidPtr(args[1]) : NULL;
	was = PyErr_Occurred() ? NULL : PyLong_AsVoidPtr(args[2]);
	if (PyErr_Occurred())
		return NULL;
	frame_enter(&f);
	before = sp_task_move(machine->m, *to);
	now = sp_task_place(machine->m);
	frame_end(&f);
	if (now.memcg != to->memcg || now.nid != to->nid)
		return PyErr_NoMemory(); /* it stays where it was */
	if (was)
		*was = before;
	return Py_NewRef(Py_None);
}
