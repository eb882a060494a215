// SPDX-License-Identifier: GPL-2.0-only
/* Installs the binding into the module that cffi generated. */
#include "binding.h"

#include <pthread.h>
#include <time.h>

struct binding sp;

/* setup(...): what the C side needs of the Python side, once. */
static PyObject *setup(PyObject *module, PyObject *args, PyObject *kw)
{
	static char *names[] = { "count_type",    "scan_type",     "gfp_type",
				 "expired_error", "function_type", "make_error",
				 "combine",       "stack_text",    NULL };
	PyObject **const to[] = { &sp.count_type,
				  &sp.scan_type,
				  &sp.gfp_type,
				  &sp.expired_error,
				  (PyObject **)&sp.function_type,
				  &sp.make_error,
				  &sp.combine,
				  &sp.stack_text };
	PyObject *given[8];
	size_t i;

	(void)module;
	if (!PyArg_ParseTupleAndKeywords(args, kw, "OOOOOOOO", names, &given[0],
					 &given[1], &given[2], &given[3],
					 &given[4], &given[5], &given[6],
					 &given[7]))
		return NULL;
	for (i = 0; i < 8; i++)
		replace_ref(to[i], Py_NewRef(given[i]));
	return Py_NewRef(Py_None);
}

/* ---- the interpreter's end --------------------------------------------- */

/*
 * PyGILState_Ensure() of a thread that is new to Python makes a thread state
 * before it asks for the GIL, and an interpreter that ends frees all of these,
 * in use or not. So end() lets those in who are on their way, and none after.
 */
bool gil_enter(struct gil *g)
{
	bool may;

	/* Those who come after the end do not keep end() waiting. */
	if (__atomic_load_n(&sp.ending, __ATOMIC_RELAXED))
		return false;
	__atomic_add_fetch(&sp.entering, 1, __ATOMIC_SEQ_CST);
	may = !__atomic_load_n(&sp.ending, __ATOMIC_SEQ_CST);
	if (may)
		g->state = PyGILState_Ensure();
	__atomic_sub_fetch(&sp.entering, 1, __ATOMIC_SEQ_CST);
	return may;
}

static PyObject *end(PyObject *module, PyObject *unused)
{
	static const struct timespec moment = { .tv_nsec = 100000 };

	(void)module, (void)unused;
	__atomic_store_n(&sp.ending, true, __ATOMIC_SEQ_CST);
	Py_BEGIN_ALLOW_THREADS;
	while (__atomic_load_n(&sp.entering, __ATOMIC_SEQ_CST))
		nanosleep(&moment, NULL);
	Py_END_ALLOW_THREADS;
	return Py_NewRef(Py_None);
}

/* Those wait for the GIL of who forks, and are not there in the child. */
static void forked(void)
{
	sp.entering = 0;
	sp.forks++;
}

#define FAST(f) (PyCFunction)(void (*)(void))(f), METH_FASTCALL

static PyMethodDef functions[] = {
	{ "setup", (PyCFunction)(void (*)(void))setup,
	  METH_VARARGS | METH_KEYWORDS, NULL },
	{ "end", end, METH_NOARGS,
	  "end($module, /)\n--\n\n"
	  "The interpreter ends: threads that it does not know call nothing of\n"
	  "Python any more." },
	{ "charge", charge, METH_VARARGS,
	  "charge(machine, gfp_mask, size, where, /)\n--\n\n"
	  "sp_charge(); what callbacks raise in its reclaim is raised here, and\n"
	  "then nothing is charged." },
	{ "uncharge", FAST(uncharge),
	  "uncharge(machine, size, /)\n--\n\n"
	  "sp_uncharge(), without memory." },
	{ "scope_restore", FAST(scope_restore),
	  "scope_restore(scopes, saved, /)\n--\n\n"
	  "sp_scope_restore(), without memory." },
	{ "task_move", FAST(task_move),
	  "task_move(machine, to, was, /)\n--\n\n"
	  "sp_task_move() from and to a struct sp_place at an address, without\n"
	  "memory but for the thread's first; was may be 0. Raises MemoryError,\n"
	  "and nothing has changed." },
	{ "call", frame_call, METH_VARARGS,
	  "call(function, /, *args)\n--\n\n"
	  "Call a function of lib that runs callbacks; what they raise is raised\n"
	  "here, as shrink_slab() does. Gives what the function gives." },
	{ 0 },
};

static int intern(PyObject **to, const char *name)
{
	*to = PyUnicode_InternFromString(name);
	return *to ? 0 : -1;
}

int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **keep)
{
	PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
	int status;

	if (!type)
		return -1;
	status = PyModule_AddType(module, (PyTypeObject *)type);
	if (keep)
		*keep = (PyTypeObject *)type;
	else
		Py_DECREF(type);
	return status;
}

static int add_to(PyObject *module)
{
	methods_init();
	if (intern(&sp.callback_names[COUNT], "count_objects") < 0 ||
	    intern(&sp.callback_names[SCAN], "scan_objects") < 0 ||
	    intern(&sp.nr_to_scan, "nr_to_scan") < 0 ||
	    intern(&sp.gfp_mask, "gfp_mask") < 0 ||
	    intern(&sp.nid, "nid") < 0 || intern(&sp.memcg, "memcg") < 0 ||
	    intern(&sp.priority, "priority") < 0 ||
	    intern(&sp.held, "_held") < 0)
		return -1;
	if (control_type_init(module) < 0 || machine_type_init(module) < 0 ||
	    memcg_type_init(module) < 0 || registered_type_init(module) < 0 ||
	    list_lru_type_init(module) < 0 || lock_type_init(module) < 0)
		return -1;
	if (pthread_atfork(NULL, NULL, forked) != 0) {
		PyErr_NoMemory();
		return -1;
	}
	return PyModule_AddFunctions(module, functions);
}

enum { FAILED = -1, OTHER_INTERPRETER = -2 };

/* In this interpreter, is there the module that its importer has just marked? */
static int install(const char *name, const char *mark)
{
	PyObject *key = PyUnicode_FromString(name), *module, *marked;
	int status = OTHER_INTERPRETER;

	if (!key)
		return FAILED;
	module = PyImport_GetModule(key);
	Py_DECREF(key);
	marked = module ? PyObject_GetAttrString(module, "mark") : NULL;
	PyErr_Clear();
	if (marked && PyUnicode_Check(marked) &&
	    PyUnicode_CompareWithASCIIString(marked, mark) == 0)
		status = add_to(module);
	Py_XDECREF(marked);
	Py_XDECREF(module);
	return status;
}

int sp_init(const char *module, const char *mark);

/*
 * Called through cffi, which has given the GIL up; PyGILState knows of the main
 * interpreter only, and so does all of this binding. mark tells the two apart.
 */
int sp_init(const char *module, const char *mark)
{
	PyGILState_STATE state = PyGILState_Ensure();
	int status = install(module, mark);

	if (status == FAILED)
		PyErr_Print();
	PyGILState_Release(state);
	return status;
}
