// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call from Python into the core has a frame. It knows whether this thread
 * has the GIL, so that a wait can give it up and a callback need not take it
 * again, and it keeps what callbacks raise until the call can raise it.
 */
#include "binding.h"

#include <string.h>

__thread struct frame *top_frame;

static struct frame *outermost(const struct frame *f)
{
	while (f->prev)
		f = f->prev;
	return (struct frame *)f;
}

void frame_enter(struct frame *f)
{
	*f = (struct frame){ .prev = top_frame, .gil = true };
	top_frame = f;
	if (f->prev) {
		const struct kept *all = &outermost(f)->exceptions;

		f->kept_before = all->n;
		f->dropped_before = all->dropped;
	}
}

unsigned int frames_of(const PyObject *object)
{
	const struct frame *f;
	unsigned int n = 0;

	for (f = top_frame; f; f = f->prev)
		n += f->of == object;
	return n;
}

/* ---- what was raised --------------------------------------------------- */

/* Takes it. */
static void keep(struct kept *k, PyObject *exception)
{
	if (k->n == KEPT_EXCEPTIONS) {
		k->dropped++;
		Py_DECREF(exception);
		return;
	}
	k->exception[k->n++] = exception;
}

/* Takes it, in the last one's place if need be. */
static void keep_surely(struct kept *k, PyObject *exception)
{
	if (k->n < KEPT_EXCEPTIONS) {
		keep(k, exception);
		return;
	}
	k->dropped++;
	replace_ref(&k->exception[k->n - 1], exception);
}

size_t frame_kept(const struct frame *f)
{
	return outermost(f)->exceptions.n - f->kept_before;
}

void kept_clear(struct kept *k)
{
	while (k->n)
		Py_DECREF(k->exception[--k->n]);
	k->dropped = 0;
}

PyObject *take_exception(void)
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

static PyObject *combine(const struct kept *k, PyObject *fatal)
{
	PyObject *list = PyList_New(0), *dropped, *result = NULL;
	size_t i;

	dropped = PyLong_FromSize_t(k->dropped);
	for (i = 0; list && i < k->n; i++) {
		if (PyList_Append(list, k->exception[i]) < 0)
			Py_CLEAR(list);
	}
	if (list && dropped)
		result = PyObject_CallFunctionObjArgs(sp.combine, list, dropped,
						      fatal ? fatal : Py_None,
						      NULL);
	Py_XDECREF(list);
	Py_XDECREF(dropped);
	return result;
}

/* e becomes the last context of error, unless it is it, or among them. */
static void add_context(PyObject *error, PyObject *e)
{
	PyObject *at = error, *next;
	int steps;

	for (steps = 0; steps < 1000 && at != e; steps++) {
		next = PyException_GetContext(at);
		if (!next) {
			PyException_SetContext(at, Py_NewRef(e));
			return;
		}
		Py_DECREF(next); /* at keeps it */
		at = next;
	}
}

/* Where there is no memory for a group: one after the other as context. */
static PyObject *chain(const struct kept *k, PyObject *fatal)
{
	PyObject *no_memory = take_exception();
	PyObject *error = Py_NewRef(fatal ? fatal : no_memory);
	size_t i;

	for (i = 0; i < k->n; i++)
		add_context(error, k->exception[i]);
	add_context(error, no_memory);
	Py_DECREF(no_memory);
	return error;
}

/* What was raised below f, for whoever wants to look at it afterwards. */
static void kept_by(const struct frame *f, struct kept *out)
{
	const struct kept *all = &outermost(f)->exceptions;
	size_t i;

	*out = (struct kept){ .dropped = all->dropped - f->dropped_before };
	for (i = f->kept_before; i < all->n; i++)
		keep(out, Py_NewRef(all->exception[i]));
	if (f->fatal)
		keep_surely(out, Py_NewRef(f->fatal));
}

PyObject *frame_leave(struct frame *f, PyObject *error, struct kept *kept)
{
	PyObject *result = NULL;

	top_frame = f->prev;
	Py_XDECREF((PyObject *)f->control);
	forget_classes(f);
	if (f->prev) {
		/* Nested: what was collected is the outermost call's. */
		result = f->fatal ? Py_NewRef(f->fatal) : Py_XNewRef(error);
		Py_XDECREF(error);
	} else {
		if (error)
			keep_surely(&f->exceptions, error);
		if (f->exceptions.n || f->fatal) {
			result = combine(&f->exceptions, f->fatal);
			if (!result)
				result = chain(&f->exceptions, f->fatal);
		}
	}
	if (kept)
		kept_by(f, kept);
	kept_clear(&f->exceptions);
	Py_XDECREF(f->fatal);
	return result;
}

PyObject *frame_return(struct frame *f, PyObject *error)
{
	error = frame_leave(f, error, NULL);
	if (!error)
		return Py_NewRef(Py_None);
	return raise_taken(error);
}

static int raise_fatal(void *exception)
{
	raise_taken(exception);
	return -1;
}

void frame_end(struct frame *f)
{
	PyObject *fatal = Py_XNewRef(f->fatal);

	Py_XDECREF(frame_leave(f, NULL, NULL));
	/* Handlers run in the main thread only: there, and soon, as Ctrl-C is. */
	if (fatal && Py_AddPendingCall(raise_fatal, fatal) < 0)
		Py_DECREF(fatal);
}

/*
 * Can an oops leave it? A function of C can be left where Python code, with
 * frames of the interpreter, could not: what cffi made of lib, or of a pointer.
 */
static bool is_native(PyObject *function)
{
	static PyTypeObject *native; /* the last type that was */
	PyTypeObject *type = Py_TYPE(function);
	PyObject *module;
	bool is;

	if (PyCFunction_CheckExact(function) || type == native)
		return true;
	module = PyObject_GetAttrString((PyObject *)type, "__module__");
	is = module && PyUnicode_Check(module) &&
	     !PyUnicode_CompareWithASCIIString(module, "_cffi_backend");
	Py_XDECREF(module);
	PyErr_Clear();
	if (is)
		native = type;
	return is;
}

/*
 * After an oops: what is between here and the function of C never returned. It
 * was a call, which cffi gave the GIL up for.
 */
static PyObject *oopsed(PyThreadState *thread, const struct sp_boundary *b)
{
	PyEval_RestoreThread(thread);
	Py_LeaveRecursiveCall();
	return status_error(SP_OOPS, &b->reason);
}

/* The frame that a boundary stands in: it is not inlined. */
static __attribute__((noinline)) PyObject *call_bounded(struct frame *f,
							PyObject *function,
							PyObject *args,
							PyObject **error)
{
	PyThreadState *const thread = PyThreadState_Get();
	struct sp_boundary b;
	PyObject *result;

	f->native = true;
	if (sp_boundary_oopsed(&b)) {
		top_frame = f;
		f->waits = 0;
		f->native = false;
		*error = oopsed(thread, &b);
		return NULL;
	}
	result = PyObject_CallObject(function, args);
	sp_boundary_leave(&b);
	f->native = false;
	return result;
}

PyObject *frame_call(PyObject *module, PyObject *args)
{
	PyObject *function, *rest, *result = NULL, *error = NULL;
	Py_ssize_t n = PyTuple_Size(args);
	struct frame f;

	(void)module;
	if (n < 1) {
		PyErr_SetString(PyExc_TypeError, "call() needs a function");
		return NULL;
	}
	function = PyTuple_GetItem(args, 0);
	rest = PyTuple_GetSlice(args, 1, n);
	if (!rest)
		return NULL;
	frame_enter(&f);
	f.gil = false; /* cffi gives it up */
	if (is_native(function)) {
		result = call_bounded(&f, function, rest, &error);
	} else {
		struct sp_boundary *hidden = sp_boundary_hide();

		result = PyObject_CallObject(function, rest);
		sp_boundary_restore(hidden);
	}
	Py_DECREF(rest);
	if (!result && !error)
		error = take_exception();
	error = frame_leave(&f, error, NULL);
	if (!error)
		return result;
	Py_XDECREF(result);
	return raise_taken(error);
}

/* ---- the GIL ----------------------------------------------------------- */

/* They nest: a native callback that waits may come into the core again. */
static void wait_begin(void *data)
{
	struct frame *f = top_frame;

	(void)data;
	if (!f || (!f->gil && !f->waits))
		return;
	if (f->waits++ == 0) {
		f->gil = false;
		f->saved = PyEval_SaveThread();
	}
}

static void wait_end(void *data)
{
	struct frame *f = top_frame;

	(void)data;
	if (!f || !f->waits)
		return;
	if (--f->waits == 0) {
		PyEval_RestoreThread(f->saved);
		f->gil = true;
	}
}

/* In a function of C that core.call() called: cffi gave the GIL up. */
static bool poll_native(struct frame *f)
{
	PyObject *exception = NULL;
	struct gil g;

	if (!gil_take(&g))
		return false;
	if (PyErr_CheckSignals()) {
		exception = take_exception();
		if (exception)
			replace_ref(&f->fatal, exception);
	}
	gil_give(&g);
	return exception;
}

/*
 * Ctrl-C ends a wait; the exception is then set, or the frame's fatal, where a
 * hook ran the handler before the wait. A handler is Python code.
 */
static bool wait_poll(void *data)
{
	struct sp_boundary *hidden;
	struct frame *f = top_frame;
	bool ends;

	(void)data;
	if (f && f->fatal)
		return true;
	if (f && f->native && !f->gil)
		return poll_native(f);
	if (!f || !f->gil)
		return false;
	f->gil = false;
	hidden = sp_boundary_hide();
	ends = PyErr_CheckSignals() != 0;
	sp_boundary_restore(hidden);
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
	struct frame *f = top_frame;

	if (is_fatal(exception)) {
		sp_pass_abort(machine->m);
		if (f) {
			/* One that a call of lib could not raise is still there. */
			if (f->fatal)
				add_context(exception, f->fatal);
			/* The innermost call of Python raises it, on its way out. */
			replace_ref(&f->fatal, Py_NewRef(exception));
			return;
		}
	}
	if (f)
		keep(&outermost(f)->exceptions, Py_NewRef(exception));
	else
		lose(machine, exception, where);
}

void collect_exception(MachineObject *machine, PyObject *where)
{
	PyObject *exception = take_exception();

	if (!exception)
		return;
	collect(machine, exception, where);
	Py_DECREF(exception);
}

void lose_exception(MachineObject *machine, PyObject *where)
{
	PyObject *exception = take_exception();

	if (!exception)
		return;
	lose(machine, exception, where);
	Py_DECREF(exception);
}

void raise_object(PyObject *exception)
{
	PyObject *context = PyException_GetContext(exception);

	if (!context) {
		PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
		return;
	}
	/* Chained where it was raised; PyErr_SetObject() would do it anew. */
	Py_DECREF(context);
	PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exception)),
		      Py_NewRef(exception),
		      PyException_GetTraceback(exception));
}

PyObject *raise_taken(PyObject *exception)
{
	raise_object(exception);
	Py_DECREF(exception);
	return NULL;
}

PyObject *status_error(enum sp_status status, const struct sp_reason *reason)
{
	static const struct sp_reason none = { .nid = -1 };
	PyObject *error;

	if (!reason || reason->status != status)
		reason = &none;
	/* As bytes: a name need not be UTF-8, and may be cut in a character. */
	error = PyObject_CallFunction(sp.make_error, "iyiky", (int)status,
				      reason->shrinker, reason->nid,
				      reason->memcg_ino, reason->text);
	return error ? error : take_exception();
}

PyObject *raise_status(enum sp_status status, const struct sp_reason *reason)
{
	return raise_taken(status_error(status, reason));
}

/* A turn was ended: the kernel would spin. The pass goes on. */
static void report(void *data, const struct sp_reason *reason)
{
	MachineObject *machine = data;
	PyObject *error;
	struct gil g;

	if (!gil_take(&g))
		return;
	error = status_error(reason->status, reason);
	collect(machine, error, (PyObject *)machine);
	Py_DECREF(error);
	gil_give(&g);
}

/* For a report; whatever is raised on the way is raised like a callback's. */
static char *stack(void *data)
{
	PyObject *text, *type, *value, *tb;
	char *copy = NULL;
	struct gil g;

	if (!gil_take(&g))
		return NULL;
	PyErr_Fetch(&type, &value, &tb);
	text = PyObject_CallObject(sp.stack_text, NULL);
	if (text && PyBytes_AsString(text))
		copy = strdup(PyBytes_AsString(text));
	if (PyErr_Occurred())
		collect_exception(data, (PyObject *)data);
	Py_XDECREF(text);
	PyErr_Restore(type, value, tb);
	gil_give(&g);
	return copy;
}

const struct sp_hooks binding_hooks = {
	.wait_begin = wait_begin,
	.wait_end = wait_end,
	.wait_poll = wait_poll,
	.report = report,
	.stack = stack,
};
