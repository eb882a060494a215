// SPDX-License-Identifier: GPL-2.0-only
/*
 * MemCgroupBase: a cgroup's wrapper in Python, at most one at a time.
 *
 * The machine keeps the wrappers of all cgroups in its tree, so that the
 * cgroup a callback sees is the object its maker has. Each holds a reference
 * on the cgroup, whose memory goes with the last.
 */
#include "binding.h"

/*
 * MemCgroupBase(machine, parent, ino): a new online child, ino 0 for the next
 * number; parent None: the root.
 */
static PyObject *memcg_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
	enum sp_status status = SP_OK;
	PyObject *machine, *parent;
	struct mem_cgroup *memcg;
	unsigned long ino;
	MemcgObject *self;

	(void)kw;
	if (!PyArg_ParseTuple(args, "O!Ok", sp.machine_type, &machine, &parent,
			      &ino))
		return NULL;
	if (parent != Py_None && !PyObject_TypeCheck(parent, sp.memcg_type)) {
		PyErr_Format(PyExc_TypeError,
			     "the parent must be a MemCgroup, not %R", parent);
		return NULL;
	}
	if (parent != Py_None &&
	    (PyObject *)((MemcgObject *)parent)->machine != machine) {
		PyErr_SetString(PyExc_ValueError,
				"the parent belongs to another Machine");
		return NULL;
	}
	self = (MemcgObject *)((allocfunc)PyType_GetSlot(type,
							 Py_tp_alloc))(type, 0);
	if (!self)
		return NULL;
	if (parent == Py_None) {
		memcg = sp_memcg_root(((MachineObject *)machine)->m);
		if (memcg)
			sp_memcg_get(memcg);
		else
			status = SP_NOENT;
	} else {
		status = sp_memcg_create(((MachineObject *)machine)->m,
					 ((MemcgObject *)parent)->memcg, ino,
					 &memcg);
		if (status == SP_OK) {
			status = sp_memcg_online(memcg);
			if (status != SP_OK)
				sp_memcg_put(memcg);
		}
	}
	if (status != SP_OK) {
		raise_status(status, NULL);
		Py_DECREF((PyObject *)self);
		return NULL;
	}
	self->machine = (MachineObject *)Py_NewRef(machine);
	self->memcg = memcg;
	sp_memcg_set_private(memcg, self);
	return (PyObject *)self;
}

int check_memcg(MachineObject *machine, PyObject *value)
{
	if (value == Py_None)
		return 0;
	if (!PyObject_TypeCheck(value, sp.memcg_type)) {
		PyErr_Format(PyExc_TypeError,
			     "memcg must be a MemCgroup or None (the root), "
			     "not %R",
			     value);
		return -1;
	}
	if (((MemcgObject *)value)->machine != machine) {
		PyErr_SetString(PyExc_ValueError,
				"memcg belongs to another Machine");
		return -1;
	}
	return 0;
}

PyObject *memcg_known(struct mem_cgroup *memcg)
{
	PyObject *known = sp_memcg_private(memcg);

	/* One that is going runs finalizers of what it has before it says so. */
	return known && Py_REFCNT(known) > 0 ? known : NULL;
}

PyObject *memcg_object(MachineObject *machine, struct mem_cgroup *memcg)
{
	PyObject *known = memcg_known(memcg);

	if (known)
		return Py_NewRef(known);
	/* The root, which nobody asked for yet. */
	if (memcg == sp_memcg_root(machine->m))
		return PyObject_GetAttrString((PyObject *)machine, "root");
	PyErr_Format(PyExc_LookupError,
		     "cgroup %lu was not made through this Machine",
		     sp_memcg_ino(memcg));
	return NULL;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT((PyObject *)((MemcgObject *)self)->machine);
	return 0;
}

static void dealloc(PyObject *self)
{
	MemcgObject *o = (MemcgObject *)self;
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	if (o->memcg) {
		sp_memcg_set_private(o->memcg, NULL);
		sp_memcg_put(o->memcg);
	}
	Py_XDECREF((PyObject *)o->machine);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
	Py_DECREF((PyObject *)type);
}

static PyObject *get_machine(PyObject *self, void *closure)
{
	(void)closure;
	return Py_NewRef((PyObject *)((MemcgObject *)self)->machine);
}

static PyObject *get_address(PyObject *self, void *closure)
{
	(void)closure;
	return PyLong_FromVoidPtr(((MemcgObject *)self)->memcg);
}

static PyGetSetDef getset[] = {
	{ "machine", get_machine, NULL, "The Machine whose cgroup this is.",
	  NULL },
	{ "_address", get_address, NULL, "struct mem_cgroup *, for lib.",
	  NULL },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "What MemCgroup stands on: the reference on a cgroup." },
	{ Py_tp_new, memcg_new },
	{ Py_tp_traverse, traverse },
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_getset, getset },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "shrinkpy._core.MemCgroupBase",
	.basicsize = sizeof(MemcgObject),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = slots,
};

int memcg_type_init(PyObject *module)
{
	return add_type(module, &spec, &sp.memcg_type);
}
