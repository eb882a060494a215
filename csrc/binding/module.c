// SPDX-License-Identifier: GPL-2.0-only
/* Installs the binding into the module that cffi generated. */
#include "binding.h"

struct binding sp;

/* setup(...): what the C side needs of the Python side, once. */
static PyObject *setup(PyObject *module, PyObject *args, PyObject *kw)
{
	static char *names[] = { "count_type",    "scan_type",
				 "gfp_type",      "expired_error",
				 "function_type", "make_error",
				 "combine",       NULL };
	PyObject **const to[] = { &sp.count_type,
				  &sp.scan_type,
				  &sp.gfp_type,
				  &sp.expired_error,
				  (PyObject **)&sp.function_type,
				  &sp.make_error,
				  &sp.combine };
	PyObject *given[7];
	size_t i;

	(void)module;
	if (!PyArg_ParseTupleAndKeywords(args, kw, "OOOOOOO", names, &given[0],
					 &given[1], &given[2], &given[3],
					 &given[4], &given[5], &given[6]))
		return NULL;
	for (i = 0; i < 7; i++)
		replace_ref(to[i], Py_NewRef(given[i]));
	return Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
	{ "setup", (PyCFunction)(void (*)(void))setup,
	  METH_VARARGS | METH_KEYWORDS, NULL },
	{ 0 },
};

static int intern(PyObject **to, const char *name)
{
	*to = PyUnicode_InternFromString(name);
	return *to ? 0 : -1;
}

static int install(const char *name)
{
	PyObject *module = PyImport_AddModule(name); /* borrowed */

	if (!module)
		return -1;
	methods_init();
	if (intern(&sp.callback_names[COUNT], "count_objects") < 0 ||
	    intern(&sp.callback_names[SCAN], "scan_objects") < 0 ||
	    intern(&sp.nr_to_scan, "nr_to_scan") < 0 ||
	    intern(&sp.gfp_mask, "gfp_mask") < 0 ||
	    intern(&sp.nid, "nid") < 0 || intern(&sp.memcg, "memcg") < 0 ||
	    intern(&sp.priority, "priority") < 0)
		return -1;
	if (control_type_init(module) < 0 || machine_type_init(module) < 0 ||
	    memcg_type_init(module) < 0 || registered_type_init(module) < 0)
		return -1;
	return PyModule_AddFunctions(module, functions);
}

int sp_init(const char *module);

/* Called through cffi, which has given the GIL up. */
int sp_init(const char *module)
{
	PyGILState_STATE state = PyGILState_Ensure();
	int status = install(module);

	if (status < 0)
		PyErr_Print();
	PyGILState_Release(state);
	return status;
}
