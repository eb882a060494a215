// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a call from the core into a Python shrinker:
 *
 *  1. The core calls python_count() or python_scan() with a slot held: the
 *     shrinker, and so what its private_data points to, stays.
 *  2. gil_take(): the frame of the pass has the GIL already, or it is taken.
 *  3. control_take(): the frame's ShrinkControl is pointed at sc; a new one
 *     is made if the last callee kept it.
 *  4. The method of that name is called on what was borrowed of the private
 *     data (methods.c spares most of the look-ups), or the function of
 *     callbacks= with it.
 *  5. The result is read: an int, or the typed result of this callback.
 *  6. An exception is kept for the outermost call of Python (frame.c), and
 *     the core hears 0 from count and SHRINK_STOP from scan: the turn ends,
 *     the cgroup's bit and the deferred work stay.
 *  7. control_give() expires sc; gil_give().
 */
#include "binding.h"

/* ---- results ----------------------------------------------------------- */

/* One kind of result: what type says it, and up to where an int may go. */
struct kind {
	const char *callback;
	const char *type_name;
	const char *otherwise; /* what to say instead of a bad number */
	PyObject *const *type;
	unsigned long max;
	unsigned long on_error;
};

static const struct kind kinds[NR_CALLBACKS] = {
	[COUNT] = {
		.callback = "count_objects",
		.type_name = "CountObjects",
		.otherwise = "CountObjects.EMPTY says that there is nothing "
			     "at all",
		.type = &sp.count_type,
		.max = (unsigned long)LONG_MAX / 6,
		.on_error = 0,
	},
	[SCAN] = {
		.callback = "scan_objects",
		.type_name = "ScanObjects",
		.otherwise = "ScanObjects.STOP says that no progress is "
			     "possible",
		.type = &sp.scan_type,
		.max = SHRINK_EMPTY - 1,
		.on_error = SHRINK_STOP,
	},
};

PyObject *shown(PyObject *value)
{
	PyObject *text = PyObject_Repr(value);

	if (text || !PyErr_ExceptionMatches(PyExc_Exception))
		return text;
	PyErr_Clear();
	text = PyType_GetName(Py_TYPE(value));
	if (text)
		replace_ref(&text, PyUnicode_FromFormat("<%U>", text));
	return text;
}

static int out_of_range(const struct kind *k, PyObject *value)
{
	PyObject *text;

	PyErr_Clear();
	text = shown(value);
	if (text)
		PyErr_Format(
			PyExc_ValueError,
			"%s() returned %U; it must be 0 to %lu (%s; %s.raw(n) "
			"passes any unsigned long)",
			k->callback, text, k->max, k->otherwise, k->type_name);
	Py_XDECREF(text);
	return -1;
}

static inline int int_result(const struct kind *k, PyObject *value,
			     unsigned long *out)
{
	unsigned long n = PyLong_AsUnsignedLong(value);

	if (n > k->max) /* -1, and an exception, when it did not fit */
		return out_of_range(k, value);
	*out = n;
	return 0;
}

static int other_result(const struct kind *k, PyObject *value,
			unsigned long *out)
{
	PyObject *index, *text;
	int status;

	if (PyObject_TypeCheck(value, (PyTypeObject *)*k->type)) {
		*out = PyLong_AsUnsignedLong(value);
		return *out == ~0ul && PyErr_Occurred() ? -1 : 0;
	}
	if (PyBool_Check(value) || !PyIndex_Check(value) ||
	    PyObject_TypeCheck(value, (PyTypeObject *)sp.count_type) ||
	    PyObject_TypeCheck(value, (PyTypeObject *)sp.scan_type)) {
		text = shown(value);
		if (text)
			PyErr_Format(
				PyExc_TypeError,
				"%s() returned %U; it must be an int or %s",
				k->callback, text, k->type_name);
		Py_XDECREF(text);
		return -1;
	}
	index = PyNumber_Index(value);
	if (!index)
		return -1;
	status = int_result(k, index, out);
	Py_DECREF(index);
	return status;
}

static inline int read_result(const struct kind *k, PyObject *value,
			      unsigned long *out)
{
	if (PyLong_CheckExact(value))
		return int_result(k, value, out);
	return other_result(k, value, out);
}

/* ---- calls ------------------------------------------------------------- */

static inline PyObject *call_target(struct frame *f, struct owned *o,
				    enum callback which, PyObject *control)
{
	PyObject *args[] = { o->target, control };
	const struct class_function *c;

	if (o->callbacks[which])
		return PyObject_CallFunctionObjArgs(o->callbacks[which],
						    args[0], args[1], NULL);
	if (likely(f && o->plain && f->calls++ >= NAMED_CALLS)) {
		c = class_function(f, o->target, which);
		if (likely(c))
			return c->call(c->function, args, 2, NULL);
	}
	return call_by_name(sp.callback_names[which], args);
}

static inline __attribute__((always_inline)) unsigned long
call(struct shrinker *s, struct shrink_control *sc, enum callback which)
{
	struct owned *o = sp_shrinker_private(s);
	unsigned long result = kinds[which].on_error;
	PyObject *value = NULL;
	ControlObject *control;
	struct gil g;

	if (!gil_take(&g))
		return result;
	control = control_take(g.frame, o->machine, sc);
	if (control)
		value = call_target(g.frame, o, which, (PyObject *)control);
	if (!value || read_result(&kinds[which], value, &result) < 0) {
		result = kinds[which].on_error;
		collect_exception(o->machine, o->target);
	}
	Py_XDECREF(value);
	if (control)
		control_give(g.frame, control);
	gil_give(&g);
	return result;
}

unsigned long python_count(struct shrinker *s, struct shrink_control *sc)
{
	return call(s, sc, COUNT);
}

unsigned long python_scan(struct shrinker *s, struct shrink_control *sc)
{
	return call(s, sc, SCAN);
}

/* ---- native callbacks -------------------------------------------------- */

/*
 * Without the GIL, whoever else is called in this pass: they may block on what
 * somebody holds who wants it, and may themselves be Python that somebody else
 * wrapped (ctypes, cffi), which takes the GIL and comes back into the core.
 * An oops ends the turn.
 */
static unsigned long call_native(struct shrinker *s, struct shrink_control *sc,
				 enum callback which)
{
	const struct owned *o = sp_shrinker_owner(s);
	unsigned long result;

	binding_hooks.wait_begin(o->machine);
	result =
		sp_call_bounded(s, sc, o->native[which], kinds[which].on_error);
	binding_hooks.wait_end(o->machine);
	return result;
}

unsigned long native_count(struct shrinker *s, struct shrink_control *sc)
{
	return call_native(s, sc, COUNT);
}

unsigned long native_scan(struct shrinker *s, struct shrink_control *sc)
{
	return call_native(s, sc, SCAN);
}
