// SPDX-License-Identifier: GPL-2.0-only
/* MachineBase: owns a struct machine, and runs passes on it. */
#include "binding.h"

#include <shrinkpy/alloc.h>
#include <structmember.h>

static PyObject *machine_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
	static char *names[] = { "nr_nodes", "memcg",     "kmem",
				 "root",     "max_stall", NULL };
	int nr_nodes, memcg, kmem, root;
	enum sp_status status;
	unsigned long max_stall;
	MachineObject *self;

	if (!PyArg_ParseTupleAndKeywords(args, kw, "ippik", names, &nr_nodes,
					 &memcg, &kmem, &root, &max_stall))
		return NULL;
	if (root < SP_ROOT_NONE || root > SP_ROOT_BARE) {
		PyErr_SetString(PyExc_ValueError, "root is an enum sp_root");
		return NULL;
	}
	self = (MachineObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(
		type, 0);
	if (!self)
		return NULL;
	self->lost = PyList_New(0);
	self->left = PyList_New(0);
	if (!self->lost || !self->left) {
		Py_DECREF((PyObject *)self);
		return NULL;
	}
	status = sp_machine_create(
		&(struct sp_config){
			.nr_nodes = nr_nodes,
			.memcg = memcg,
			.kmem = kmem,
			.root = (enum sp_root)root,
			.max_stall = max_stall,
		},
		&self->m);
	if (status != SP_OK) {
		raise_status(status, NULL);
		Py_DECREF((PyObject *)self);
		return NULL;
	}
	sp_machine_set_hooks(self->m, &binding_hooks, self);
	return (PyObject *)self;
}

/* ---- shrink_slab() ----------------------------------------------------- */

struct pass_args {
	unsigned long gfp_mask;
	long nid;
	long priority;
	PyObject *memcg; /* borrowed, or NULL */
};

int read_long(PyObject *value, const char *name, long min, long max, long *out)
{
	if (PyBool_Check(value) || !PyIndex_Check(value)) {
		PyErr_Format(PyExc_TypeError, "%s must be an int, not %R", name,
			     value);
		return -1;
	}
	*out = PyLong_AsLong(value);
	if (*out == -1 && PyErr_Occurred()) {
		if (!PyErr_ExceptionMatches(PyExc_OverflowError))
			return -1;
		PyErr_Clear();
		*out = min - 1;
	}
	if (*out < min || *out > max) {
		PyErr_Format(PyExc_ValueError, "%s must be %ld to %ld, not %R",
			     name, min, max, value);
		return -1;
	}
	return 0;
}

static int set_arg(MachineObject *self, struct pass_args *a, int which,
		   PyObject *value)
{
	long gfp;

	switch (which) {
	case 0:
		if (read_long(value, "gfp_mask", 0, 0xffffffffl, &gfp) < 0)
			return -1;
		a->gfp_mask = (unsigned long)gfp;
		return 0;
	case 1:
		return read_long(value, "nid", 0,
				 sp_machine_nr_nodes(self->m) - 1, &a->nid);
	case 2:
		a->memcg = value == Py_None ? NULL : value;
		return check_memcg(self, value);
	default:
		return read_long(value, "priority", 0, 63, &a->priority);
	}
}

static int keyword(PyObject *name)
{
	PyObject *const known[] = { sp.gfp_mask, sp.nid, sp.memcg,
				    sp.priority };
	int i;

	for (i = 0; i < 4; i++) {
		if (name == known[i] || PyUnicode_Compare(name, known[i]) == 0)
			return i;
	}
	PyErr_Format(PyExc_TypeError,
		     "shrink_slab() has no argument %R; it takes gfp_mask, "
		     "nid, memcg and priority",
		     name);
	return -1;
}

static int read_args(MachineObject *self, PyObject *const *args,
		     Py_ssize_t nargs, PyObject *kwnames, struct pass_args *a)
{
	Py_ssize_t i, nkw = kwnames ? PyTuple_Size(kwnames) : 0;
	unsigned int seen = 0;
	int which;

	if (nargs > 4) {
		PyErr_Format(
			PyExc_TypeError,
			"shrink_slab() takes at most 4 arguments (gfp_mask, "
			"nid, memcg, priority), %zd were given",
			nargs);
		return -1;
	}
	for (i = 0; i < nargs + nkw; i++) {
		which = i < nargs ?
				(int)i :
				keyword(PyTuple_GetItem(kwnames, i - nargs));
		if (which < 0)
			return -1;
		if (seen & 1u << which) {
			PyErr_SetString(PyExc_TypeError,
					"shrink_slab() got an argument twice");
			return -1;
		}
		seen |= 1u << which;
		if (set_arg(self, a, which, args[i]) < 0)
			return -1;
	}
	return 0;
}

/* Or was it refused before it began? */
static bool was_pass(enum sp_status status)
{
	return status == SP_OK || status == SP_SPIN || status == SP_ABORTED ||
	       status == SP_OOPS;
}

void remember_pass(MachineObject *self, const struct pass_place *at,
		   const struct sp_pass *pass, const struct kept *kept)
{
	struct kept before = self->last_exceptions;

	self->last_exceptions = *kept;
	self->has_last = true;
	self->last = *pass;
	self->last_gfp = at->gfp_mask;
	self->last_nid = at->nid;
	self->last_priority = at->priority;
	replace_ref(&self->last_memcg, Py_XNewRef(at->memcg));
	kept_clear(&before); /* last: it may run anything */
}

/*
 * A pass with Python shrinkers keeps the GIL from callback to callback: taking
 * it anew for each would cost more than all the rest. One without any gives it
 * up: native callbacks run side by side.
 */
static enum sp_status do_pass(MachineObject *self, struct frame *f,
			      const struct pass_args *a,
			      struct mem_cgroup *memcg, struct sp_pass *pass)
{
	const bool give_up = !self->nr_owned;
	PyThreadState *saved = NULL;
	enum sp_status status;

	if (give_up) {
		f->gil = false;
		saved = PyEval_SaveThread();
	}
	status = sp_shrink_slab(self->m, (unsigned int)a->gfp_mask, (int)a->nid,
				memcg, (int)a->priority, pass);
	if (give_up)
		PyEval_RestoreThread(saved);
	f->gil = false; /* the core is left: making an error is Python code */
	return status;
}

static PyObject *shrink_slab(PyObject *op, PyObject *const *args,
			     Py_ssize_t nargs, PyObject *kwnames)
{
	struct pass_args a = { .gfp_mask = SP_GFP_KERNEL,
			       .priority = DEF_PRIORITY };
	MachineObject *self = (MachineObject *)op;
	struct mem_cgroup *memcg = NULL;
	PyObject *error = NULL;
	enum sp_status status;
	struct sp_pass pass;
	struct kept kept;
	struct frame f;

	if (read_args(self, args, nargs, kwnames, &a) < 0)
		return NULL;
	if (a.memcg)
		memcg = ((MemcgObject *)a.memcg)->memcg;
	else if (sp_machine_memcg_enabled(self->m))
		memcg = sp_memcg_root(self->m);

	frame_enter(&f);
	status = do_pass(self, &f, &a, memcg, &pass);
	/* Spins were reported one by one, an abort is the frame's fatal. */
	if (status != SP_OK && status != SP_SPIN && status != SP_ABORTED)
		error = status_error(status, &pass.reason);
	error = frame_leave(&f, error, &kept);
	if (was_pass(status)) {
		remember_pass(self,
			      &(struct pass_place){
				      .gfp_mask = (unsigned int)a.gfp_mask,
				      .nid = (int)a.nid,
				      .priority = (int)a.priority,
				      .memcg = a.memcg,
			      },
			      &pass, &kept);
	} else {
		kept_clear(&kept);
	}
	if (!error)
		return PyLong_FromUnsignedLong(pass.freed);
	return raise_taken(error);
}

static PyObject *last_pass(PyObject *op, PyObject *unused)
{
	MachineObject *self = (MachineObject *)op;
	const struct kept *kept = &self->last_exceptions;
	const struct sp_pass *p = &self->last;
	PyObject *exceptions;
	size_t i;

	(void)unused;
	if (!self->has_last)
		return Py_NewRef(Py_None);
	exceptions = PyTuple_New((Py_ssize_t)kept->n);
	for (i = 0; exceptions && i < kept->n; i++)
		PyTuple_SetItem(exceptions, (Py_ssize_t)i,
				Py_NewRef(kept->exception[i]));
	if (!exceptions)
		return NULL;
	return Py_BuildValue("(IiOikkkkkkkN)", self->last_gfp, self->last_nid,
			     self->last_memcg ? self->last_memcg : Py_None,
			     self->last_priority, p->freed, p->freeable,
			     p->scanned, p->deferred, p->nr_counts, p->nr_scans,
			     p->nr_spins, exceptions);
}

/* ---- its end ----------------------------------------------------------- */

static PyObject *machine_close(PyObject *op, PyObject *unused)
{
	MachineObject *self = (MachineObject *)op;
	struct sp_reason reason = { .status = SP_OK };
	PyObject *error = NULL;
	enum sp_status status;
	struct frame f;

	(void)unused;
	frame_enter(&f);
	f.closes = true;
	status = sp_machine_close(self->m, &reason);
	f.gil = false;
	if (status == SP_INTR)
		error = take_exception(); /* the signal handler's */
	else if (status != SP_OK)
		error = status_error(status, &reason);
	return frame_return(&f, error);
}

/*
 * For the interpreter's end: its memory stays, for threads that reclaim on and
 * that nobody can wait for any more.
 */
static PyObject *machine_keep_memory(PyObject *op, PyObject *unused)
{
	(void)unused;
	Py_INCREF(op);
	return Py_NewRef(Py_None);
}

static int traverse(PyObject *op, visitproc visit, void *arg)
{
	MachineObject *self = (MachineObject *)op;
	size_t i;

	Py_VISIT(Py_TYPE(op));
	Py_VISIT(self->last_memcg);
	for (i = 0; i < self->last_exceptions.n; i++)
		Py_VISIT(self->last_exceptions.exception[i]);
	Py_VISIT(self->lost);
	return reclaim_log_traverse(self->last_reclaim, visit, arg);
}

static int clear(PyObject *op)
{
	MachineObject *self = (MachineObject *)op;

	struct reclaim_log *log = self->last_reclaim;
	struct kept before = self->last_exceptions;

	self->last_exceptions = (struct kept){ 0 };
	self->last_reclaim = NULL;
	kept_clear(&before);
	reclaim_log_put(log);
	Py_CLEAR(self->last_memcg);
	return 0;
}

static void dealloc(PyObject *op)
{
	MachineObject *self = (MachineObject *)op;
	PyTypeObject *type = Py_TYPE(op);
	struct frame f;

	PyObject_GC_UnTrack(op);
	if (self->weakrefs)
		PyObject_ClearWeakRefs(op);
	clear(op);
	if (self->m) {
		frame_enter(&f);
		sp_machine_destroy(self->m);
		frame_end(&f);
	}
	Py_CLEAR(self->lost);
	Py_CLEAR(self->left);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
	Py_DECREF((PyObject *)type);
}

/* ---- the type ---------------------------------------------------------- */

static PyObject *get_lost(PyObject *self, void *closure)
{
	(void)closure;
	return Py_NewRef(((MachineObject *)self)->lost);
}

static PyObject *get_left(PyObject *self, void *closure)
{
	(void)closure;
	return Py_NewRef(((MachineObject *)self)->left);
}

static PyObject *get_address(PyObject *self, void *closure)
{
	(void)closure;
	return PyLong_FromVoidPtr(((MachineObject *)self)->m);
}

static PyGetSetDef getset[] = {
	{ "lost_exceptions", get_lost, NULL,
	  "Exceptions of callbacks that no call from Python could raise, such "
	  "as those of a pass in a native thread; a list to read and to empty.",
	  NULL },
	{ "_left", get_left, NULL, "Names of what close() found registered.",
	  NULL },
	{ "_address", get_address, NULL, "struct machine *, for lib.", NULL },
	{ 0 },
};

static PyMemberDef members[] = {
	{ "__weaklistoffset__", T_PYSSIZET, offsetof(MachineObject, weakrefs),
	  READONLY, NULL },
	{ 0 },
};

static PyMethodDef methods[] = {
	{ "shrink_slab", (PyCFunction)(void (*)(void))shrink_slab,
	  METH_FASTCALL | METH_KEYWORDS,
	  "shrink_slab($self, /, gfp_mask=3264, nid=0, memcg=None, priority=12)\n"
	  "--\n\n"
	  "One pass over the shrinkers; gives how many objects they freed.\n\n"
	  "memcg None is the root: the global pass, every shrinker in order of\n"
	  "registration. Any other cgroup: the shrinkers whose bit is set in it.\n"
	  "priority goes from 12 (a 4096th of each cache) to 0 (all of it).\n\n"
	  "Exceptions of callbacks end their shrinker's turn and are raised when\n"
	  "the pass is over, several as an ExceptionGroup; in a nested pass, by\n"
	  "the outermost call. KeyboardInterrupt, SystemExit and GeneratorExit end\n"
	  "the pass at once. last_pass has what was done in every case.\n\n"
	  "Raises ValueError, TypeError: a bad argument. ClosedError.\n"
	  "LivelockError: a shrinker's turn was ended where the kernel would spin.\n"
	  "KernelOops: the kernel would have died there. NestingError: nested too\n"
	  "deep. Mirrors shrink_slab() of mm/shrinker.c." },
	{ "_last_pass", last_pass, METH_NOARGS, NULL },
	{ "_reclaim", machine_reclaim, METH_VARARGS, NULL },
	{ "_last_reclaim", machine_last_reclaim, METH_NOARGS, NULL },
	{ "_close", machine_close, METH_NOARGS, NULL },
	{ "_keep_memory", machine_keep_memory, METH_NOARGS, NULL },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "What Machine stands on: owns the core's machine." },
	{ Py_tp_new, machine_new },
	{ Py_tp_traverse, traverse },
	{ Py_tp_clear, clear },
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_getset, getset },
	{ Py_tp_members, members },
	{ Py_tp_methods, methods },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "shrinkpy._core.MachineBase",
	.basicsize = sizeof(MachineObject),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = slots,
};

int machine_type_init(PyObject *module)
{
	return add_type(module, &spec, &sp.machine_type);
}
