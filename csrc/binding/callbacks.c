// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a call from the core into a Python shrinker:
 *
 *  1. The core calls python_count() or python_scan() with a slot held: the
 *     shrinker, and so what its private_data points to, stays.
 *  2. gil_take(): the frame of the pass has the GIL already, or it is taken.
 *  3. control_take(): the frame's ShrinkControl is pointed at sc; a new one
 *     is made if the last callee kept it.
 *  4. The method is called by name on what was borrowed of the private data,
 *     or the function of callbacks= with it.
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
	const char *type;
	const char *zero_or_more; /* what to say instead of a bad number */
	unsigned long max;
	unsigned long on_error;
};

static const struct kind count_kind = {
	.callback = "count_objects",
	.type = "CountObjects",
	.zero_or_more = "CountObjects.EMPTY says that there is nothing at all",
	.max = (unsigned long)LONG_MAX / 6,
	.on_error = 0,
};

static const struct kind scan_kind = {
	.callback = "scan_objects",
	.type = "ScanObjects",
	.zero_or_more = "ScanObjects.STOP says that no progress is possible",
	.max = SHRINK_EMPTY - 1,
	.on_error = SHRINK_STOP,
};

static int out_of_range(const struct kind *k, PyObject *value)
{
	PyErr_Clear();
	PyErr_Format(PyExc_ValueError,
		     "%s() returned %R; it must be 0 to %lu (%s; %s.raw(n) "
		     "passes any unsigned long)",
		     k->callback, value, k->max, k->zero_or_more, k->type);
	return -1;
}

static int int_result(const struct kind *k, PyObject *value,
		      unsigned long *out)
{
	unsigned long n = PyLong_AsUnsignedLong(value);

	if (n > k->max) /* -1, and an exception, when it did not fit */
		return out_of_range(k, value);
	*out = n;
	return 0;
}

static int read_result(const struct kind *k, PyObject *typed, PyObject *value,
		       unsigned long *out)
{
	PyObject *index;
	int status;

	if (PyLong_CheckExact(value))
		return int_result(k, value, out);
	if (PyObject_TypeCheck(value, (PyTypeObject *)typed)) {
		*out = PyLong_AsUnsignedLong(value);
		return *out == ~0ul && PyErr_Occurred() ? -1 : 0;
	}
	if (PyBool_Check(value) || !PyIndex_Check(value) ||
	    PyObject_TypeCheck(value, (PyTypeObject *)sp.count_type) ||
	    PyObject_TypeCheck(value, (PyTypeObject *)sp.scan_type)) {
		PyErr_Format(PyExc_TypeError,
			     "%s() returned %R; it must be an int or %s",
			     k->callback, value, k->type);
		return -1;
	}
	index = PyNumber_Index(value);
	if (!index)
		return -1;
	status = int_result(k, index, out);
	Py_DECREF(index);
	return status;
}

/* ---- calls ------------------------------------------------------------- */

static unsigned long call(struct shrinker *s, struct shrink_control *sc,
			  const struct kind *k, PyObject *method,
			  size_t function, PyObject *typed)
{
	struct owned *o = sp_shrinker_private(s);
	PyObject *f = *(PyObject **)((char *)o + function), *value = NULL;
	unsigned long result = k->on_error;
	ControlObject *control;
	struct gil g;

	gil_take(&g);
	control = control_take(g.frame, o->machine, sc);
	if (control && !f)
		value = PyObject_CallMethodObjArgs(o->target, method, control,
						   NULL);
	else if (control)
		value = PyObject_CallFunctionObjArgs(f, o->target, control,
						     NULL);
	if (!value || read_result(k, typed, value, &result) < 0) {
		result = k->on_error;
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
	return call(s, sc, &count_kind, sp.count_objects,
		    offsetof(struct owned, count), sp.count_type);
}

unsigned long python_scan(struct shrinker *s, struct shrink_control *sc)
{
	return call(s, sc, &scan_kind, sp.scan_objects,
		    offsetof(struct owned, scan), sp.scan_type);
}
