// SPDX-License-Identifier: GPL-2.0-only
/* ShrinkControl: a borrow of the core's shrink_control for one callback. */
#include "binding.h"

#include <shrinkpy/alloc.h>

/* ---- whose it is ------------------------------------------------------- */

ControlObject *control_new(struct frame *f)
{
	ControlObject *c = PyObject_New(ControlObject, sp.control_type);

	if (!c)
		return NULL;
	c->thread = PyThread_get_thread_ident();
	if (f)
		f->control = c;
	return c;
}

/* The callee kept it, or nobody can use it again: it expired for good. */
void control_kept(struct frame *f, ControlObject *c)
{
	if (f)
		f->control = NULL;
	Py_DECREF((PyObject *)c);
}

static struct shrink_control *live(ControlObject *c)
{
	if (c->sc && c->thread == PyThread_get_thread_ident())
		return c->sc;
	PyErr_SetString(sp.expired_error,
			c->sc ? "this ShrinkControl belongs to a callback "
				"in another thread" :
				"a ShrinkControl is valid only until its "
				"callback returns; copy what you need of it");
	return NULL;
}

struct shrink_control *control_live(PyObject *control)
{
	if (PyObject_TypeCheck(control, sp.control_type))
		return live((ControlObject *)control);
	PyErr_Format(PyExc_TypeError,
		     "sc must be the ShrinkControl of the callback, not %R",
		     control);
	return NULL;
}

/* ---- fields ------------------------------------------------------------ */

static PyObject *get_nr_to_scan(PyObject *self, void *closure)
{
	struct shrink_control *sc = live((ControlObject *)self);

	(void)closure;
	return sc ? PyLong_FromUnsignedLong(sc->nr_to_scan) : NULL;
}

static PyObject *get_nr_scanned(PyObject *self, void *closure)
{
	struct shrink_control *sc = live((ControlObject *)self);

	(void)closure;
	return sc ? PyLong_FromUnsignedLong(sc->nr_scanned) : NULL;
}

static int set_nr_scanned(PyObject *self, PyObject *value, void *closure)
{
	struct shrink_control *sc = live((ControlObject *)self);
	PyObject *index, *text;
	unsigned long n;

	(void)closure;
	if (!sc)
		return -1;
	if (!value || PyBool_Check(value) || !PyIndex_Check(value)) {
		PyErr_SetString(
			PyExc_TypeError,
			"nr_scanned is an int: how many objects this call looked at");
		return -1;
	}
	index = PyNumber_Index(value);
	if (!index)
		return -1;
	n = PyLong_AsUnsignedLong(index);
	Py_DECREF(index);
	if (n == ~0ul && PyErr_Occurred()) {
		PyErr_Clear();
		text = shown(value);
		if (text)
			PyErr_Format(
				PyExc_ValueError,
				"nr_scanned must be 0 to 2**64 - 1, not %U",
				text);
		Py_XDECREF(text);
		return -1;
	}
	/* __index__() may have been anything: is the callback still running? */
	sc = live((ControlObject *)self);
	if (!sc)
		return -1;
	sc->nr_scanned = n;
	return 0;
}

static PyObject *get_nid(PyObject *self, void *closure)
{
	struct shrink_control *sc = live((ControlObject *)self);

	(void)closure;
	return sc ? PyLong_FromLong(sc->nid) : NULL;
}

static PyObject *get_gfp_mask(PyObject *self, void *closure)
{
	struct shrink_control *sc = live((ControlObject *)self);

	(void)closure;
	if (!sc)
		return NULL;
	return PyObject_CallFunction(sp.gfp_type, "I", sc->gfp_mask);
}

static PyObject *get_memcg(PyObject *self, void *closure)
{
	ControlObject *c = (ControlObject *)self;
	struct shrink_control *sc = live(c);

	(void)closure;
	if (!sc)
		return NULL;
	if (!sc->memcg)
		return Py_NewRef(Py_None);
	return memcg_object(c->machine, sc->memcg);
}

static PyObject *may(PyObject *self, unsigned int flag)
{
	struct shrink_control *sc = live((ControlObject *)self);

	return sc ? PyBool_FromLong((sc->gfp_mask & flag) != 0) : NULL;
}

static PyObject *get_fs_allowed(PyObject *self, void *closure)
{
	(void)closure;
	return may(self, SP_GFP_FS);
}

static PyObject *get_io_allowed(PyObject *self, void *closure)
{
	(void)closure;
	return may(self, SP_GFP_IO);
}

static PyObject *gfp_fs(PyObject *self, PyObject *unused)
{
	(void)unused;
	return may(self, SP_GFP_FS);
}

/*
 * Most callees read nr_to_scan and nothing else: it is known by the address of
 * its interned name before the attribute machinery is asked.
 */
static PyObject *getattro(PyObject *self, PyObject *name)
{
	if (name == sp.nr_to_scan)
		return get_nr_to_scan(self, NULL);
	return PyObject_GenericGetAttr(self, name);
}

static PyObject *repr(PyObject *self)
{
	struct shrink_control *sc = ((ControlObject *)self)->sc;

	if (!sc)
		return PyUnicode_FromString("<ShrinkControl, expired>");
	return PyUnicode_FromFormat("<ShrinkControl nid=%d nr_to_scan=%lu "
				    "nr_scanned=%lu>",
				    sc->nid, sc->nr_to_scan, sc->nr_scanned);
}

static void dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	PyObject_Free(self);
	Py_DECREF((PyObject *)type);
}

static PyGetSetDef getset[] = {
	{ "nr_to_scan", get_nr_to_scan, NULL,
	  "How many objects the core asks this scan to look at.", NULL },
	{ "nr_scanned", get_nr_scanned, set_nr_scanned,
	  "How many objects this scan looked at: nr_to_scan unless set; it may "
	  "be more.\n\nThe core takes it off its total, so that 0 without STOP "
	  "makes no progress.",
	  NULL },
	{ "nid", get_nid, NULL, "The NUMA node whose objects are asked for.",
	  NULL },
	{ "gfp_mask", get_gfp_mask, NULL,
	  "The allocation that reclaims, as a Gfp.", NULL },
	{ "memcg", get_memcg, NULL,
	  "The MemCgroup whose objects are asked for, or None where cgroups are "
	  "disabled.",
	  NULL },
	{ "reclaim_fs_allowed", get_fs_allowed, NULL,
	  "May scan call into file systems: is __GFP_FS set?", NULL },
	{ "reclaim_io_allowed", get_io_allowed, NULL,
	  "May scan start I/O: is __GFP_IO set?", NULL },
	{ 0 },
};

static PyMethodDef methods[] = {
	{ "gfp_fs", gfp_fs, METH_NOARGS,
	  "Is __GFP_FS set? The name of the first posting; "
	  "reclaim_fs_allowed is the later one." },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc,
	  "struct shrink_control, lent to one callback.\n\nAfter the callback "
	  "returned, or from another thread, every attribute raises "
	  "ExpiredError. Mirrors ShrinkControl<'a> of rust/kernel/shrinker.rs." },
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_getattro, getattro },
	{ Py_tp_repr, repr },
	{ Py_tp_getset, getset },
	{ Py_tp_methods, methods },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "shrinkpy.ShrinkControl",
	.basicsize = sizeof(ControlObject),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int control_type_init(PyObject *module)
{
	return add_type(module, &spec, &sp.control_type);
}
