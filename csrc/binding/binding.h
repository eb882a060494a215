/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between Python and core.h. Everything here is compiled against the limited
 * API of CPython 3.11, into the module that cffi generates.
 */
#ifndef SP_BINDING_H
#define SP_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include <shrinkpy/code.h>
#include <shrinkpy/core.h>
#include <shrinkpy/oops.h>
#include <shrinkpy/reclaim.h>

#define likely(x) __builtin_expect(!!(x), 1)

struct frame;
struct reclaim_log;

/* Py_XSETREF(), which the limited API has not: takes value. */
static inline void replace_ref(PyObject **to, PyObject *value)
{
	PyObject *old = *to;

	*to = value;
	Py_XDECREF(old);
}

/* What callbacks raised, in order; no memory is needed to keep it. */
enum { KEPT_EXCEPTIONS = 16 };

struct kept {
	PyObject *exception[KEPT_EXCEPTIONS];
	size_t n;
	size_t dropped; /* more than it keeps */
};

/* MachineBase. */
typedef struct {
	PyObject_HEAD
	struct machine *m;
	PyObject *weakrefs;
	/* The last pass that ended, in whichever thread. */
	bool has_last;
	struct sp_pass last;
	unsigned int last_gfp;
	int last_nid;
	int last_priority;
	PyObject *last_memcg;
	struct kept last_exceptions;
	struct reclaim_log *last_reclaim; /* the same of reclaims, or NULL */
	PyObject *lost;  /* exceptions that no call could raise */
	size_t nr_owned; /* shrinkers whose callbacks are Python, not native */
	PyObject *left;  /* names of what close() found registered */
} MachineObject;

/* MemCgroupBase: holds a reference on the cgroup. */
typedef struct {
	PyObject_HEAD
	MachineObject *machine;
	struct mem_cgroup *memcg;
} MemcgObject;

/* ShrinkControl: valid in its callback, in its thread. */
typedef struct {
	PyObject_HEAD
	struct shrink_control *sc; /* NULL: expired */
	unsigned long thread;
	MachineObject *machine; /* borrowed, while sc is set */
} ControlObject;

enum callback { COUNT, SCAN, NR_CALLBACKS };

/* The owner of a registered shrinker: who is called, and whose it is. */
struct owned {
	MachineObject *machine;    /* borrowed: it outlives its shrinkers */
	struct registered *handle; /* borrowed; NULL once it was collected */
	PyObject *foreign;         /* of into_foreign() */
	PyObject *target;          /* of borrow(foreign): what is called */
	PyObject *borrow;          /* NULL: target is the borrow */
	PyObject *from_foreign;    /* NULL: nothing to give it back to */
	PyObject *callbacks[NR_CALLBACKS]; /* of callbacks=, or NULL */
	/* Of a NativeShrinker; else NULL, and private_data points to this. */
	sp_shrink_fn native[NR_CALLBACKS];
	void *private_data;
	bool plain; /* its methods were those of its class when registered */
};

/* RegisteredShrinkerBase. */
typedef struct registered {
	PyObject_HEAD
	MachineObject *machine;
	struct shrinker *s;  /* pinned from register to dealloc */
	struct owned *owned; /* NULL: unregistered, closed, or handed over */
	PyObject *name;
} RegisteredObject;

/* The module's own: types, names, and what Python gave to setup(). */
struct binding {
	bool ending;           /* the interpreter is */
	unsigned int entering; /* threads it does not know, on their way in */
	unsigned int forks;    /* whose child this process is */
	PyTypeObject *machine_type;
	PyTypeObject *memcg_type;
	PyTypeObject *control_type;
	PyTypeObject *registered_type;
	PyObject *callback_names[NR_CALLBACKS];
	PyObject *nr_to_scan;
	PyObject *gfp_mask, *nid, *memcg, *priority;
	PyObject *held; /* the slot of Box and Arc */
	/* setup() */
	PyObject *count_type, *scan_type; /* CountObjects, ScanObjects */
	PyObject *gfp_type;
	PyObject *expired_error;
	PyTypeObject *function_type; /* of a def */
	/* (status, shrinker, nid, ino, text) -> exception */
	PyObject *make_error;
	/* (exceptions, dropped, fatal) -> exception */
	PyObject *combine;
	/* () -> bytes: where this thread is */
	PyObject *stack_text;
};

extern struct binding sp;

/* ---- frame.c: a call from Python into the core ------------------------- */

typedef PyObject *(*vectorcall_fn)(PyObject *callable, PyObject *const *args,
				   size_t nargs, PyObject *kwnames);

struct class_function {
	PyObject *function; /* NULL: none, call by name */
	vectorcall_fn call; /* how a function is called */
};

enum { FRAME_CLASSES = 8, NAMED_CALLS = 128 };

/* A class whose callbacks were looked up in this pass. */
struct class_entry {
	PyTypeObject *type;
	struct class_function functions[NR_CALLBACKS];
};

struct frame {
	struct frame *prev;
	PyObject *of; /* borrowed: the ListLru whose call it is, or NULL */
	/* In the core, with the GIL; false while Python code runs below it. */
	bool gil;
	bool native;        /* of call(): a function of C runs below it */
	unsigned int waits; /* begun: the GIL is given up, saved is its state */
	PyThreadState *saved;
	ControlObject *control; /* reused from callback to callback */
	struct kept exceptions; /* collected by the outermost frame */
	/* How many of them, and of its dropped ones, there were before this. */
	size_t kept_before, dropped_before;
	PyObject *fatal; /* KeyboardInterrupt and its like */
	/* What dropping private data raised; NULL: this call cannot raise it. */
	PyObject **drop_error;
	bool closes;         /* the machine: what it frees was left open */
	unsigned long calls; /* of methods, so far */
	struct class_entry classes[FRAME_CLASSES];
};

void frame_enter(struct frame *f);
/*
 * error: what the call itself has to say, or NULL; it is taken. Gives what is
 * to be raised, or NULL; kept (if not NULL) gets what was collected.
 */
PyObject *frame_leave(struct frame *f, PyObject *error, struct kept *kept);
/* The same, of a call whose result is None: it is given, or error is raised. */
PyObject *frame_return(struct frame *f, PyObject *error);
/*
 * The same, of a call in which no callback runs and which raises nothing: what
 * a signal's handler raised in a hook is raised in the main thread soon.
 */
void frame_end(struct frame *f);
/* How many calls of an object this thread is in. */
unsigned int frames_of(const PyObject *object);
/* How many exceptions the call that f is in has kept so far. */
size_t frame_kept(const struct frame *f);

/*
 * The innermost frame of this thread. Its model of thread-local storage spares
 * a call a callback; glibc keeps room for a pointer or two of it.
 */
#ifdef __GLIBC__
extern __thread struct frame *top_frame
	__attribute__((tls_model("initial-exec")));
#else
extern __thread struct frame *top_frame;
#endif

/* From the core into Python: the GIL, taken unless a frame has it. */
struct gil {
	struct frame *frame;
	PyGILState_STATE state;
	struct sp_boundary *boundary; /* hidden: no oops leaves Python code */
};

/* gil_take() of a thread that is in no call of Python. */
bool gil_enter(struct gil *g);

/*
 * false: the interpreter is at its end, and this thread is none of Python's. It
 * must not touch Python any more, and nobody can make it stop.
 */
static inline bool gil_take(struct gil *g)
{
	struct frame *top = top_frame;

	*g = (struct gil){ .frame = top && top->gil ? top : NULL,
			   .boundary = sp_boundary_hide() };
	if (likely(g->frame)) {
		g->frame->gil = false;
		return true;
	}
	if (!top) {
		if (gil_enter(g))
			return true;
		sp_boundary_restore(g->boundary);
		return false;
	}
	g->state = PyGILState_Ensure();
	return true;
}

static inline void gil_give(struct gil *g)
{
	sp_boundary_restore(g->boundary);
	if (g->frame)
		g->frame->gil = true;
	else
		PyGILState_Release(g->state);
}

/* The exception that is set goes to whoever can raise it. */
void collect_exception(MachineObject *machine, PyObject *where);
/* No call can raise it: machine.lost_exceptions and sys.unraisablehook. */
void lose_exception(MachineObject *machine, PyObject *where);

extern const struct sp_hooks binding_hooks;

void raise_object(PyObject *exception);
/* The same, and it is taken. Gives NULL, as whoever raises does. */
PyObject *raise_taken(PyObject *exception);
/* The exception that is set, as an object with its traceback; it is cleared. */
PyObject *take_exception(void);
void kept_clear(struct kept *k);
/* The exception for a status, or the one that came of making it. */
PyObject *status_error(enum sp_status status, const struct sp_reason *reason);
/* Sets it. NULL, for the caller to return. */
PyObject *raise_status(enum sp_status status, const struct sp_reason *reason);

/* keep: where C finds it afterwards, or NULL. */
int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **keep);

/* ---- one file a type --------------------------------------------------- */

int machine_type_init(PyObject *module);
int memcg_type_init(PyObject *module);
int control_type_init(PyObject *module);
int registered_type_init(PyObject *module);
int list_lru_type_init(PyObject *module);

/* A number from min to max, or an exception that says so. */
int read_long(PyObject *value, const char *name, long min, long max, long *out);
/* A MemCgroup of this machine, or None? */
int check_memcg(MachineObject *machine, PyObject *value);

/* What a pass did becomes machine.last_pass; memcg may be NULL. Takes kept. */
struct pass_place {
	unsigned int gfp_mask;
	int nid;
	int priority;
	PyObject *memcg;
};
void remember_pass(MachineObject *self, const struct pass_place *at,
		   const struct sp_pass *pass, const struct kept *kept);

/* machine._reclaim() and ._last_reclaim() */
PyObject *machine_reclaim(PyObject *op, PyObject *args);
PyObject *machine_last_reclaim(PyObject *op, PyObject *unused);
void reclaim_log_put(struct reclaim_log *log);
int reclaim_log_traverse(const struct reclaim_log *log, visitproc visit,
			 void *arg);
int lock_type_init(PyObject *module);

/* charge(machine, gfp_mask, size, where): False where a nested one tells why. */
PyObject *charge(PyObject *module, PyObject *args);
/* uncharge(machine, size) */
PyObject *uncharge(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
/* scope_restore(scopes, saved) */
PyObject *scope_restore(PyObject *module, PyObject *const *args,
			Py_ssize_t nargs);
/* task_move(machine, to, was): addresses of struct sp_place, was may be 0. */
PyObject *task_move(PyObject *module, PyObject *const *args, Py_ssize_t nargs);

/* call(function, *args): a frame round a function of lib. */
PyObject *frame_call(PyObject *module, PyObject *args);

ControlObject *control_new(struct frame *f);
void control_kept(struct frame *f, ControlObject *c);

/* A ShrinkControl for one callback: the frame's, if its last callee let it go. */
static inline ControlObject *
control_take(struct frame *f, MachineObject *machine, struct shrink_control *sc)
{
	ControlObject *c = f ? f->control : NULL;

	if (!c) {
		c = control_new(f);
		if (!c)
			return NULL;
	}
	c->machine = machine;
	c->sc = sc;
	return c;
}

static inline void control_give(struct frame *f, ControlObject *c)
{
	c->sc = NULL;
	if (!f || Py_REFCNT((PyObject *)c) != 1)
		control_kept(f, c);
}

/* What a ShrinkControl is of, or NULL: none, expired, another thread's. */
struct shrink_control *control_live(PyObject *control);

/* The wrapper of a cgroup, borrowed; NULL: nobody has one. */
PyObject *memcg_known(struct mem_cgroup *memcg);
/* A new reference on it. */
PyObject *memcg_object(MachineObject *machine, struct mem_cgroup *memcg);

/* ---- methods.c --------------------------------------------------------- */

void methods_init(void);
/* The quickest call of a method by its name. */
PyObject *call_by_name(PyObject *name, PyObject *const *args);
/* Are the target's methods plain functions of its class? */
bool is_plain(PyObject *target);
void class_lookup(struct class_entry *e, PyObject *target);
void forget_classes(struct frame *f);

/*
 * The function that the target's class has for a callback in this pass, or
 * NULL: call it by name. Where two classes fall on one entry, the first keeps
 * it.
 */
static inline const struct class_function *
class_function(struct frame *f, PyObject *target, enum callback which)
{
	PyTypeObject *type = Py_TYPE(target);
	struct class_entry *e =
		&f->classes[((uintptr_t)type >> 6) % FRAME_CLASSES];

	if (!e->type)
		class_lookup(e, target);
	return e->type == type && e->functions[which].function ?
		       &e->functions[which] :
		       NULL;
}

/* ---- callbacks.c ------------------------------------------------------- */

/* The repr of a value, or the name of its type where that fails. */
PyObject *shown(PyObject *value);
unsigned long python_count(struct shrinker *s, struct shrink_control *sc);
unsigned long python_scan(struct shrinker *s, struct shrink_control *sc);
unsigned long native_count(struct shrinker *s, struct shrink_control *sc);
unsigned long native_scan(struct shrinker *s, struct shrink_control *sc);

#endif
