// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call from Python into the core has a frame. It knows whether this thread
 * has the GIL, so that a wait can give it up and a callback need not take it
 * again, and it keeps what callbacks raise until the call can raise it.
 */
#include "binding.h"

enum { KEPT_EXCEPTIONS = 16 };

__thread struct frame *top_frame;

void frame_enter(struct frame *f)
{
	*f = (struct frame){ .prev = top_frame, .gil = true };
	top_frame = f;
}

static struct frame *outermost(void)
{
	struct frame *f = top_frame;

	while (f && f->prev)
		f = f->prev;
	return f;
}

static int keep(struct frame *f, PyObject *exception)
{
	if (!f->exceptions && !(f->exceptions = PyList_New(0)))
		return -1;
	if (PyList_Size(f->exceptions) >= KEPT_EXCEPTIONS) {
		f->dropped++;
		return 0;
	}
	return PyList_Append(f->exceptions, exception);
}

static PyObject *combine(struct frame *f)
{
	PyObject *none = Py_None, *list = f->exceptions, *dropped, *result;

	dropped = PyLong_FromSize_t(f->dropped);
	if (!dropped)
		return NULL;
	result = PyObject_CallFunctionObjArgs(sp.combine, list ? list : none,
					      dropped,
					      f->fatal ? f->fatal : none, NULL);
	Py_DECREF(dropped);
	return result;
}

/* The exception that is set, as an object with its traceback; it is cleared. */
static PyObject *take_exception(void)
{
	PyObject *type, *value, *tb;

	PyErr_Fetch(&type, &value, &tb);
	PyErr_NormalizeException(&type, &value, &tb);
	if (tb && value)
		PyException_SetTraceback(value, tb);
	Py_XDECREF(type);
	Py_XDECREF(tb);
	return value;
}

PyObject *frame_leave(struct frame *f, PyObject *error, PyObject **kept)
{
	PyObject *result;

	top_frame = f->prev;
	Py_XDECREF((PyObject *)f->control);
	forget_classes(f);
	if (f->prev) {
		/* Nested: what was collected is the outermost call's. */
		result = f->fatal ? Py_NewRef(f->fatal) : Py_XNewRef(error);
	} else {
		if (error && keep(f, error) < 0)
			PyErr_Clear();
		result = NULL;
		if (f->exceptions || f->fatal) {
			result = combine(f);
			if (!result)
				result = take_exception();
		}
	}
	if (kept)
		*kept = Py_XNewRef(f->exceptions);
	Py_XDECREF(error);
	Py_XDECREF(f->exceptions);
	Py_XDECREF(f->fatal);
	return result;
}

void frame_end(struct frame *f)
{
	Py_XDECREF(frame_leave(f, NULL, NULL));
}

/* ---- the GIL ----------------------------------------------------------- */

static void wait_begin(void *data)
{
	(void)data;
	if (top_frame && top_frame->gil)
		top_frame->saved = PyEval_SaveThread();
}

static void wait_end(void *data)
{
	(void)data;
	if (top_frame && top_frame->gil)
		PyEval_RestoreThread(top_frame->saved);
}

/* Ctrl-C ends a wait; the exception is then set. A handler is Python code. */
static bool wait_poll(void *data)
{
	struct frame *f = top_frame;
	bool ends;

	(void)data;
	if (!f || !f->gil)
		return false;
	f->gil = false;
	ends = PyErr_CheckSignals() != 0;
	f->gil = true;
	return ends;
}

/* ---- exceptions -------------------------------------------------------- */

static bool is_fatal(PyObject *exception)
{
	return PyErr_GivenExceptionMatches(exception,
					   PyExc_KeyboardInterrupt) ||
	       PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) ||
	       PyErr_GivenExceptionMatches(exception, PyExc_GeneratorExit);
}

static void lose(MachineObject *machine, PyObject *exception, PyObject *where)
{
	if (PyList_Append(machine->lost, exception) < 0)
		PyErr_Clear();
	raise_object(exception);
	PyErr_WriteUnraisable(where);
}

static void collect(MachineObject *machine, PyObject *exception,
		    PyObject *where)
{
	const bool fatal = is_fatal(exception);
	struct frame *f = outermost();

	if (fatal)
		sp_pass_abort(machine->m);
	if (!f) {
		lose(machine, exception, where);
	} else if (fatal) {
		/* The innermost call of Python raises it, on its way out. */
		replace_ref(&top_frame->fatal, Py_NewRef(exception));
	} else if (keep(f, exception) < 0) {
		lose(machine, exception, where);
	}
}

void collect_exception(MachineObject *machine, PyObject *where)
{
	PyObject *exception = take_exception();

	if (!exception)
		return;
	collect(machine, exception, where);
	Py_DECREF(exception);
}

void raise_object(PyObject *exception)
{
	PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
}

PyObject *status_error(enum sp_status status, const struct sp_reason *reason)
{
	static const struct sp_reason none = { .nid = -1 };

	if (!reason || reason->status != status)
		reason = &none;
	return PyObject_CallFunction(sp.make_error, "isiks", (int)status,
				     reason->shrinker, reason->nid,
				     reason->memcg_ino, reason->text);
}

PyObject *raise_status(enum sp_status status, const struct sp_reason *reason)
{
	PyObject *error = status_error(status, reason);

	if (error) {
		raise_object(error);
		Py_DECREF(error);
	}
	return NULL;
}

/* A turn was ended: the kernel would spin. The pass goes on. */
static void report(void *data, const struct sp_reason *reason)
{
	MachineObject *machine = data;
	PyObject *error;
	struct gil g;

	gil_take(&g);
	error = status_error(reason->status, reason);
	if (error) {
		collect(machine, error, (PyObject *)machine);
		Py_DECREF(error);
	} else {
		collect_exception(machine, (PyObject *)machine);
	}
	gil_give(&g);
}

const struct sp_hooks binding_hooks = {
	.wait_begin = wait_begin,
	.wait_end = wait_end,
	.wait_poll = wait_poll,
	.release = release_owned,
	.report = report,
};
