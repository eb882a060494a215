// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace: a ring a reclaimer, written by its thread alone.
 *
 * The oldest events are overwritten; how many, the difference between written
 * and size says. Rings are counted, so that a reader may keep one.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

enum { NAME = 128 };

struct trace_name {
	char symbol[NAME];
	char name[NAME];
};

/* From one start to the next. */
struct trace {
	unsigned int session;
	enum sp_trace_clock clock;
	size_t entries;
	uint64_t seq;
	uint64_t dropped;
	struct sp_ring **rings;
	size_t nr_rings;
	struct trace_name *names;
	uint32_t nr_names;
};

struct sp_ring {
	unsigned int refs;
	unsigned int session;
	size_t size;
	uint64_t written;
	int tid;
	char comm[16];
	struct sp_trace_event events[];
};

void ring_put(struct sp_ring *ring)
{
	if (ring && __atomic_sub_fetch(&ring->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(ring);
}

static void forget(struct trace *t)
{
	while (t->nr_rings)
		ring_put(t->rings[--t->nr_rings]);
	free(t->rings);
	free(t->names);
	t->rings = NULL;
	t->names = NULL;
	t->nr_names = 0;
}

void trace_exit(struct machine *m)
{
	if (!m->trace)
		return;
	forget(m->trace);
	free(m->trace);
}

enum sp_status sp_trace_start(struct machine *m, size_t entries,
			      enum sp_trace_clock clock)
{
	size_t size = 1;
	struct trace *t;
	bool was_on;

	if (!entries || entries > SIZE_MAX / 2 / sizeof(struct sp_trace_event))
		return SP_INVAL;
	while (size < entries)
		size *= 2;
	machine_lock(m);
	/*
	 * A pass could be writing to what is forgotten here. One that begins
	 * now finds the trace off, or is seen by passes_running().
	 */
	was_on = m->trace_on;
	STORE_RELEASE(m->trace_on, false);
	if (passes_running(m)) {
		STORE_RELEASE(m->trace_on, was_on);
		machine_unlock(m);
		return SP_BUSY;
	}
	if (!m->trace)
		m->trace = calloc(1, sizeof(*m->trace));
	t = m->trace;
	if (t) {
		forget(t);
		t->session++;
		t->clock = clock;
		t->entries = size;
		t->seq = t->dropped = 0;
		STORE_RELEASE(m->trace_on, true);
	}
	machine_unlock(m);
	return t ? SP_OK : SP_NOMEM;
}

void sp_trace_stop(struct machine *m)
{
	STORE_RELEASE(m->trace_on, false);
}

bool sp_trace_is_on(const struct machine *m)
{
	return READ_ONCE(m->trace_on);
}

/* ---- writing ----------------------------------------------------------- */

static void *grown(void *array, size_t n, size_t each)
{
	/* Doubled whenever n is a power of two. */
	if (n & (n - 1))
		return array;
	return realloc(array, (n ? 2 * n : 1) * each);
}

static struct sp_ring *make_ring(struct machine *m)
{
	struct trace *t = m->trace;
	struct sp_ring *ring;
	void *p;

	ring = calloc(1, sizeof(*ring) + t->entries * sizeof(ring->events[0]));
	if (!ring)
		return NULL;
	ring->refs = 2; /* the trace's and the reclaimer's */
	ring->session = t->session;
	ring->size = t->entries;
	ring->tid = (int)syscall(SYS_gettid);
	prctl(PR_GET_NAME, ring->comm);
	machine_lock(m);
	p = grown(t->rings, t->nr_rings, sizeof(*t->rings));
	if (p) {
		t->rings = p;
		t->rings[t->nr_rings++] = ring;
	}
	machine_unlock(m);
	if (!p) {
		free(ring);
		return NULL;
	}
	return ring;
}

static struct sp_ring *ring_of(struct reclaimer *r, struct trace *t)
{
	if (likely(r->ring && r->ring->session == t->session))
		return r->ring;
	ring_put(r->ring);
	r->ring = make_ring(r->machine);
	return r->ring;
}

/* The name is kept at a shrinker's first event: it may be gone when read. */
static uint32_t name_of(struct machine *m, struct shrinker *s)
{
	struct trace *t = m->trace;
	void *p;

	if (likely(LOAD_ACQUIRE(s->trace_session) == t->session))
		return s->trace_name;
	machine_lock(m);
	if (s->trace_session != t->session) {
		p = grown(t->names, t->nr_names, sizeof(*t->names));
		if (p) {
			t->names = p;
			snprintf(t->names[t->nr_names].symbol, NAME, "%s",
				 s->symbol ? s->symbol : s->name);
			snprintf(t->names[t->nr_names].name, NAME, "%s",
				 s->name);
			s->trace_name = t->nr_names++;
			STORE_RELEASE(s->trace_session, t->session);
		}
	}
	machine_unlock(m);
	return s->trace_session == t->session ? s->trace_name : UINT32_MAX;
}

static void write_event(struct reclaimer *r, struct shrinker *s,
			const struct shrink_control *sc,
			struct sp_trace_event e)
{
	struct trace *t = r->machine->trace;
	struct sp_ring *ring = ring_of(r, t);
	struct timespec now;

	if (unlikely(!ring)) {
		ADD_RELAXED(t->dropped, 1);
		return;
	}
	e.name = name_of(r->machine, s);
	e.seq = ADD_RELAXED(t->seq, 1);
	e.shrinker = (uintptr_t)s;
	e.memcg_ino = sc->memcg ? sc->memcg->ino : 0;
	e.nid = sc->nid;
	e.tid = ring->tid;
	e.cpu = -1;
	if (t->clock == SP_CLOCK_MONOTONIC) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		e.time = (uint64_t)now.tv_sec * 1000000000u +
			 (uint64_t)now.tv_nsec;
		e.cpu = sched_getcpu();
	}
	ring->events[ring->written & (ring->size - 1)] = e;
	STORE_RELEASE(ring->written, ring->written + 1);
}

void trace_start_event(struct reclaimer *r, struct shrinker *s,
		       const struct shrink_control *sc, long nr, long freeable,
		       unsigned long delta, long total_scan, int priority)
{
	write_event(r, s, sc,
		    (struct sp_trace_event){ .kind = SP_TRACE_START,
					     .nr = nr,
					     .freeable = freeable,
					     .delta = delta,
					     .total_scan = total_scan,
					     .priority = priority,
					     .gfp_mask = sc->gfp_mask });
}

void trace_end_event(struct reclaimer *r, struct shrinker *s,
		     const struct shrink_control *sc, unsigned long freed,
		     long nr, long new_nr, long total_scan)
{
	write_event(r, s, sc,
		    (struct sp_trace_event){ .kind = SP_TRACE_END,
					     .nr = nr,
					     .new_nr = new_nr,
					     .total_scan = total_scan,
					     .retval = (int32_t)freed });
}

/* ---- reading ----------------------------------------------------------- */

size_t sp_trace_nr_rings(struct machine *m)
{
	size_t n;

	machine_lock(m);
	n = m->trace ? m->trace->nr_rings : 0;
	machine_unlock(m);
	return n;
}

bool sp_trace_ring_get(struct machine *m, size_t i, struct sp_ring **out)
{
	*out = NULL;
	machine_lock(m);
	if (m->trace && i < m->trace->nr_rings) {
		*out = m->trace->rings[i];
		ADD_RELAXED((*out)->refs, 1);
	}
	machine_unlock(m);
	return *out;
}

void sp_trace_ring_put(struct sp_ring **ring)
{
	ring_put(*ring);
	*ring = NULL;
}

void sp_trace_ring_read(const struct sp_ring *ring, struct sp_trace_ring *out)
{
	uint64_t written = LOAD_ACQUIRE(ring->written);

	out->events = ring->events;
	out->size = ring->size;
	out->written = written;
	out->overrun = written > ring->size ? written - ring->size : 0;
	out->tid = ring->tid;
	memcpy(out->comm, ring->comm, sizeof(out->comm));
}

uint64_t sp_trace_dropped(const struct machine *m)
{
	return m->trace ? READ_ONCE(m->trace->dropped) : 0;
}

bool sp_trace_name(struct machine *m, uint32_t i, char symbol[NAME],
		   char name[NAME])
{
	bool known;

	machine_lock(m);
	known = m->trace && i < m->trace->nr_names;
	if (known) {
		memcpy(symbol, m->trace->names[i].symbol, NAME);
		memcpy(name, m->trace->names[i].name, NAME);
	}
	machine_unlock(m);
	return known;
}
