// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reclaims: a loop of the core as one call of Python, with what each of its
 * passes did. Whatever they raised is raised when the last one is over.
 */
#include "binding.h"

#include <stdlib.h>
#include <time.h>

enum { POLL_NS = 50 * 1000 * 1000 };

struct record {
	unsigned int gfp_mask;
	int nid;
	int priority;
	int round;
	unsigned long ino; /* 0: cgroups are disabled */
	/* Of struct sp_pass, whose reason is large. */
	unsigned long freed, freeable, scanned, deferred;
	unsigned long nr_counts, nr_scans, nr_spins;
	long ns;
};

/* What a reclaim did. Kept as it is, for asking takes memory. */
struct reclaim_log {
	unsigned long refs; /* under the GIL */
	enum sp_reclaim_kind kind;
	struct sp_reclaimed sums;
	struct kept exceptions;
	struct record *record;
	size_t n, max;
	bool no_memory;
};

void reclaim_log_put(struct reclaim_log *log)
{
	if (!log || --log->refs)
		return;
	kept_clear(&log->exceptions);
	free(log->record);
	free(log);
}

int reclaim_log_traverse(const struct reclaim_log *log, visitproc visit,
			 void *arg)
{
	size_t i;

	for (i = 0; log && i < log->exceptions.n; i++)
		Py_VISIT(log->exceptions.exception[i]);
	return 0;
}

/* ---- while it runs ----------------------------------------------------- */

struct reclaiming {
	MachineObject *machine;
	struct frame *frame;
	struct reclaim_log *log;
	/* The last pass, and where it was. */
	struct sp_pass last;
	struct record at;
	/* Exceptions kept when the last pass began, and when it was over. */
	size_t kept_before, kept_after;
	bool without_gil;
	PyThreadState *saved;
	long next_poll; /* ns */
	long begun;     /* ns: the pass that runs */
};

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000l + t.tv_nsec;
}

static struct record record_of(const struct sp_reclaim_pass *p, long ns)
{
	return (struct record){
		.gfp_mask = p->gfp_mask,
		.nid = p->nid,
		.priority = p->priority,
		.round = p->round,
		.ino = p->memcg ? sp_memcg_ino(p->memcg) : 0,
		.freed = p->pass.freed,
		.freeable = p->pass.freeable,
		.scanned = p->pass.scanned,
		.deferred = p->pass.deferred,
		.nr_counts = p->pass.nr_counts,
		.nr_scans = p->pass.nr_scans,
		.nr_spins = p->pass.nr_spins,
		.ns = ns,
	};
}

/* Without memory the reclaim goes on, and its call says so when it is over. */
static void append(struct reclaim_log *log, const struct record *r)
{
	if (log->n == log->max) {
		size_t max = log->max ? 2 * log->max : 16;
		struct record *record =
			realloc(log->record, max * sizeof(*record));

		if (!record) {
			log->no_memory = true;
			return;
		}
		log->record = record;
		log->max = max;
	}
	log->record[log->n++] = *r;
}

static bool poll_is_due(struct reclaiming *r)
{
	if (r->begun < r->next_poll)
		return false;
	r->next_poll = r->begun + POLL_NS;
	return true;
}

/*
 * Ctrl-C between two passes: where no callback is Python code, nobody else
 * would see it. Without the GIL only now and then, for it must be taken.
 */
static bool signalled(struct reclaiming *r)
{
	bool ends;

	if (r->without_gil) {
		if (!poll_is_due(r))
			return false;
		PyEval_RestoreThread(r->saved);
	}
	r->frame->gil = false; /* a handler is Python code */
	ends = PyErr_CheckSignals() != 0;
	if (ends)
		collect_exception(r->machine, (PyObject *)r->machine);
	r->frame->gil = !r->without_gil;
	if (r->without_gil)
		r->saved = PyEval_SaveThread();
	return ends;
}

static bool after_pass(void *data, const struct sp_reclaim_pass *p)
{
	struct reclaiming *r = data;
	const long ns = now_ns() - r->begun;

	r->last = p->pass;
	r->kept_before = r->kept_after;
	r->kept_after = frame_kept(r->frame);
	r->begun += ns;
	r->at = record_of(p, ns);
	if (!r->log->no_memory)
		append(r->log, &r->at);
	if (signalled(r))
		return false;
	r->begun = now_ns();
	return true;
}

/* As a pass alone: with the GIL if there are Python shrinkers. */
static enum sp_status run(struct reclaiming *r, const struct sp_reclaim *how)
{
	struct machine *m = r->machine->m;
	enum sp_status status;

	r->without_gil = !r->machine->nr_owned;
	if (r->without_gil) {
		r->frame->gil = false;
		r->saved = PyEval_SaveThread();
	}
	r->begun = now_ns();
	status = how->kind == SP_RECLAIM_MEMCG ?
			 sp_memory_reclaim(m, how, &r->log->sums) :
			 sp_reclaim(m, how, &r->log->sums);
	if (r->without_gil)
		PyEval_RestoreThread(r->saved);
	r->frame->gil = false; /* the core is left */
	return status;
}

/* ---- what Python sees of it -------------------------------------------- */

/*
 * Wrappers by inode number, of the cgroups that have one. Looked up when all is
 * over: a reference would have kept what was removed meanwhile in the tree.
 */
static PyObject *wrappers(MachineObject *machine)
{
	PyObject *dict = PyDict_New(), *key, *value;
	struct mem_cgroup *memcg = NULL;
	int failed = !dict;

	while (!failed && (memcg = sp_memcg_iter(machine->m, NULL, memcg))) {
		if (memcg != sp_memcg_root(machine->m) && !memcg_known(memcg))
			continue;
		value = memcg_object(machine, memcg);
		key = PyLong_FromUnsignedLong(sp_memcg_ino(memcg));
		failed = !key || !value || PyDict_SetItem(dict, key, value) < 0;
		Py_XDECREF(key);
		Py_XDECREF(value);
	}
	sp_memcg_put(memcg);
	if (failed)
		Py_CLEAR(dict);
	return dict;
}

/* Borrowed; None: cgroups are disabled, or it is gone. NULL: an error. */
static PyObject *wrapper_of(PyObject *dict, unsigned long ino)
{
	PyObject *key = PyLong_FromUnsignedLong(ino), *found;

	if (!key)
		return NULL;
	found = PyDict_GetItemWithError(dict, key);
	Py_DECREF(key);
	return found || PyErr_Occurred() ? found : Py_None;
}

static PyObject *passes_of(const struct reclaim_log *log, PyObject *dict)
{
	PyObject *passes = PyTuple_New((Py_ssize_t)log->n), *pass, *memcg;
	size_t i;

	for (i = 0; passes && i < log->n; i++) {
		const struct record *p = &log->record[i];

		memcg = wrapper_of(dict, p->ino);
		pass = !memcg ? NULL :
				Py_BuildValue("(IiOkiikkkkkkkl)", p->gfp_mask,
					      p->nid, memcg, p->ino,
					      p->priority, p->round, p->freed,
					      p->freeable, p->scanned,
					      p->deferred, p->nr_counts,
					      p->nr_scans, p->nr_spins, p->ns);
		if (pass)
			PyTuple_SetItem(passes, (Py_ssize_t)i, pass);
		else
			Py_CLEAR(passes);
	}
	return passes;
}

/* (kind, freed, scanned, rounds, passes, exceptions) */
static PyObject *shown_log(MachineObject *machine,
			   const struct reclaim_log *log)
{
	const struct kept *kept = &log->exceptions;
	PyObject *dict, *passes, *exceptions;
	size_t i;

	dict = wrappers(machine);
	if (!dict)
		return NULL;
	passes = passes_of(log, dict);
	Py_DECREF(dict);
	if (!passes)
		return NULL;
	exceptions = PyTuple_New((Py_ssize_t)kept->n);
	if (!exceptions) {
		Py_DECREF(passes);
		return NULL;
	}
	for (i = 0; i < kept->n; i++)
		PyTuple_SetItem(exceptions, (Py_ssize_t)i,
				Py_NewRef(kept->exception[i]));
	return Py_BuildValue("(ikkkNN)", (int)log->kind, log->sums.freed,
			     log->sums.scanned, log->sums.nr_rounds, passes,
			     exceptions);
}

PyObject *machine_last_reclaim(PyObject *op, PyObject *unused)
{
	MachineObject *self = (MachineObject *)op;
	struct reclaim_log *log = self->last_reclaim;
	PyObject *shown;

	(void)unused;
	if (!log)
		return Py_NewRef(Py_None);
	log->refs++;
	shown = shown_log(self, log);
	reclaim_log_put(log);
	return shown;
}

/* ---- a reclaim --------------------------------------------------------- */

/* The last pass is also machine.last_pass. */
static void remember_last(struct reclaiming *r, const struct kept *all)
{
	const struct record *p = &r->at;
	struct pass_place at = { .gfp_mask = p->gfp_mask,
				 .nid = p->nid,
				 .priority = p->priority };
	struct kept kept = { 0 };
	PyObject *dict = NULL;
	size_t i;

	for (i = r->kept_before; i < all->n; i++)
		kept.exception[kept.n++] = Py_NewRef(all->exception[i]);
	if (p->ino)
		dict = wrappers(r->machine);
	if (dict)
		at.memcg = wrapper_of(dict, p->ino);
	if (at.memcg == Py_None)
		at.memcg = NULL;
	PyErr_Clear(); /* no memory for its cgroup: it is told without */
	remember_pass(r->machine, &at, &r->last, &kept);
	Py_XDECREF(dict);
}

/* Takes the log, and what it has kept. */
static void remember(MachineObject *self, struct reclaim_log *log)
{
	struct reclaim_log *before = self->last_reclaim;

	self->last_reclaim = log;
	reclaim_log_put(before); /* last: it may run anything */
}

static PyObject *error_of(enum sp_status status, const struct reclaim_log *log)
{
	if (log->no_memory)
		return status_error(SP_NOMEM, NULL);
	/* Spins were reported one by one, an abort is the frame's fatal. */
	if (status == SP_OK || status == SP_SPIN || status == SP_ABORTED)
		return NULL;
	return status_error(status, &log->sums.reason);
}

static PyObject *reclaim(MachineObject *self, const struct sp_reclaim *asked)
{
	struct sp_reclaim how = *asked;
	PyObject *error, *result = NULL;
	struct reclaiming r = { 0 };
	struct reclaim_log *log;
	enum sp_status status;
	struct frame f;

	log = calloc(1, sizeof(*log));
	if (!log)
		return PyErr_NoMemory();
	log->refs = 2; /* this call's, the machine's */
	log->kind = how.kind;
	r.machine = self;
	r.log = log;
	r.frame = &f;
	how.pass = after_pass;
	how.data = &r;

	frame_enter(&f);
	status = run(&r, &how);
	error = error_of(status, log);
	error = frame_leave(&f, error, &log->exceptions);
	if (log->sums.nr_passes)
		remember_last(&r, &log->exceptions);
	remember(self, log);
	if (!error)
		result = shown_log(self, log);
	reclaim_log_put(log);
	if (error)
		raise_taken(error);
	return result;
}

/* _reclaim(kind, gfp_mask, nid, memcg, nr_to_reclaim), the numbers checked. */
PyObject *machine_reclaim(PyObject *op, PyObject *args)
{
	MachineObject *self = (MachineObject *)op;
	struct sp_reclaim how = { 0 };
	PyObject *memcg;
	int kind;

	if (!PyArg_ParseTuple(args, "iIiOk", &kind, &how.gfp_mask, &how.nid,
			      &memcg, &how.nr_to_reclaim))
		return NULL;
	how.kind = (enum sp_reclaim_kind)kind;
	if (check_memcg(self, memcg) < 0)
		return NULL;
	if (memcg != Py_None)
		how.memcg = ((MemcgObject *)memcg)->memcg;
	return reclaim(self, &how);
}
