// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for whom: the lock, the slots, the pass epoch and limbo.
 *
 * A pass stores the shrinker it is about to call in a slot and then looks
 * whether it is still callable; a free makes it uncallable and then looks for
 * slots that hold it. One of the two must see the other, which takes a full
 * barrier on each side. The reader's is left out and the writer pays for both
 * with membarrier(2); where there is none (and under ThreadSanitizer, which
 * does not know it) readers store sequentially consistent. The same bargain
 * holds between the epoch of a pass and what a writer unlinks.
 *
 * Blocking goes through the hooks, always without the lock: whoever holds the
 * lock never waits for anything of the embedder's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <shrinkpy/oops.h>

#include "internal.h"
#include "mm.h"

enum { NS_PER_SEC = 1000000000, POLL_NS = NS_PER_SEC / 50, LAZY_LIMBO = 32 };

#if defined(__SANITIZE_THREAD__)
#define NO_MEMBARRIER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_MEMBARRIER 1
#endif
#endif
#ifndef NO_MEMBARRIER
#define NO_MEMBARRIER 0
#endif

static long membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

static void writer_barrier(struct machine *m)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (!m->asym || !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return;
	/* Only a registration that got lost can make it fail. */
	membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		membarrier(MEMBARRIER_CMD_GLOBAL);
}

/* ---- the lock ---------------------------------------------------------- */

void sp_wait_begin(struct machine *m)
{
	if (m->hooks.wait_begin)
		m->hooks.wait_begin(m->hooks_data);
}

void sp_wait_end(struct machine *m)
{
	if (m->hooks.wait_end)
		m->hooks.wait_end(m->hooks_data);
}

void machine_lock(struct machine *m)
{
	while (pthread_mutex_trylock(&m->lock)) {
		sp_wait_begin(m);
		pthread_mutex_lock(&m->lock);
		pthread_mutex_unlock(&m->lock);
		sp_wait_end(m);
	}
}

void machine_unlock(struct machine *m)
{
	pthread_mutex_unlock(&m->lock);
}

void machine_wake(struct machine *m)
{
	m->wakes++;
	pthread_cond_broadcast(&m->wake);
}

/* ---- who waits for whom ------------------------------------------------ */

static __thread struct thread me;

const struct thread *this_thread(void)
{
	return &me;
}

struct thread *myself(void)
{
	return &me;
}

static pthread_mutex_t sleepers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sleeper *sleepers;

static bool holds_lock(const struct thread *t, const struct sp_lock *l)
{
	size_t i;

	for (i = 0; i < t->nr_held; i++) {
		if (t->held[i].lock == l)
			return true;
	}
	return false;
}

static bool waits_for(const struct wait *w, const struct thread *t)
{
	const struct reclaimer *r;

	if (w->lock && holds_lock(t, w->lock))
		return true;
	if (w->named && READ_ONCE(*w->named) == t)
		return true;
	for (r = w->callbacks_of ? t->reclaimers : NULL; r;
	     r = r->thread_next) {
		if (reclaimer_holds(r, w->callbacks_of))
			return true;
	}
	return false;
}

static bool leads_to_me(const struct wait *w)
{
	struct sleeper *s;

	if (waits_for(w, &me))
		return true;
	for (s = sleepers; s; s = s->next) {
		if (s->visited || !waits_for(w, s->thread))
			continue;
		s->visited = true;
		if (leads_to_me(s->wait))
			return true;
	}
	return false;
}

static bool closes_ring(const struct wait *w)
{
	struct sleeper *s;

	for (s = sleepers; s; s = s->next)
		s->visited = false;
	return leads_to_me(w);
}

bool wait_closes_ring(const struct wait *what)
{
	bool ring;

	pthread_mutex_lock(&sleepers_lock);
	ring = closes_ring(what);
	pthread_mutex_unlock(&sleepers_lock);
	return ring;
}

bool lie_down(struct sleeper *self)
{
	bool ring;

	pthread_mutex_lock(&sleepers_lock);
	ring = closes_ring(self->wait);
	if (!ring) {
		self->next = sleepers;
		self->pprev = &sleepers;
		if (sleepers)
			sleepers->pprev = &self->next;
		sleepers = self;
	}
	pthread_mutex_unlock(&sleepers_lock);
	return !ring;
}

void get_up(struct sleeper *self)
{
	pthread_mutex_lock(&sleepers_lock);
	*self->pprev = self->next;
	if (self->next)
		self->next->pprev = self->pprev;
	pthread_mutex_unlock(&sleepers_lock);
}

bool machine_doze(struct machine *m, const struct wait *what)
{
	struct sleeper self = { .thread = &me, .wait = what };
	unsigned long seen = m->wakes;
	struct timespec until;

	/* Looked at each time round: a ring closes with its last sleeper. */
	if (!lie_down(&self))
		return false;
	machine_unlock(m);
	sp_wait_begin(m);
	pthread_mutex_lock(&m->lock);
	if (m->wakes == seen) {
		/* Bounded only so that wait_poll gets its turn. */
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += POLL_NS;
		until.tv_sec += until.tv_nsec / NS_PER_SEC;
		until.tv_nsec %= NS_PER_SEC;
		pthread_cond_timedwait(&m->wake, &m->lock, &until);
	}
	pthread_mutex_unlock(&m->lock);
	get_up(&self);
	sp_wait_end(m);
	machine_lock(m);
	return true;
}

enum sp_status machine_wait(struct machine *m, const struct wait *what)
{
	bool gave_up;

	if (!machine_doze(m, what))
		return SP_DEADLOCK;
	machine_unlock(m);
	gave_up = sp_wait_poll(m);
	machine_lock(m);
	return gave_up ? SP_INTR : SP_OK;
}

/* ---- threads ----------------------------------------------------------- */

static pthread_key_t thread_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static pthread_mutex_t machines_lock = PTHREAD_MUTEX_INITIALIZER;
static struct machine *machines;
static unsigned long last_machine_id;

static void disown(struct reclaimer *r)
{
	if (__atomic_sub_fetch(&r->owners, 1, __ATOMIC_ACQ_REL) == 0) {
		ring_put(r->ring);
		free(r);
	}
}

static void thread_exit(void *list)
{
	/* Not the one that the key has: it may have been pruned. */
	struct reclaimer *r = me.reclaimers, *next;

	(void)list;
	me.last = me.reclaimers = NULL;
	for (; r; r = next) {
		next = r->thread_next;
		/* It may have ended in the middle of a pass; no hook knows. */
		memset(r->slot, 0, sizeof(r->slot));
		r->depth = r->reading = 0;
		r->nofs = 0;
		r->place = (struct sp_place){ 0 };
		r->memalloc = false;
		STORE_RELEASE(r->epoch, 0ul);
		STORE_RELEASE(r->orphaned, true);
		disown(r);
	}
}

/*
 * A child has only the forking thread. What others held there, nobody will
 * ever put back; what they were freeing may be freed again.
 */
static void forget_other_threads(struct machine *m)
{
	struct reclaimer *r, *mine = reclaimer_find(m);
	struct list_node *pos, *next;

	for (r = m->reclaimers; r; r = r->next) {
		if (r == mine)
			continue;
		memset(r->slot, 0, sizeof(r->slot));
		r->epoch = 0;
		r->depth = r->reading = 0;
		r->orphaned = true;
	}
	for (pos = m->shrinkers.next; pos != &m->shrinkers; pos = next) {
		struct shrinker *s = container_of(pos, struct shrinker, all);

		next = pos->next;
		if (s->freer == &me)
			continue;
		s->freeing = false;
		if (s->freed)
			list_del(&s->all); /* half dropped for ever */
	}
	if (m->closer != &me)
		WRITE_ONCE(m->closer, NULL);
}

static void fork_prepare(void)
{
	struct machine *m;

	mm_fork_prepare();
	pthread_mutex_lock(&machines_lock);
	for (m = machines; m; m = m->next)
		pthread_mutex_lock(&m->lock);
	pthread_mutex_lock(&sleepers_lock);
	codes_hold();
}

static void fork_parent(void)
{
	struct machine *m;

	codes_let_go();
	pthread_mutex_unlock(&sleepers_lock);
	for (m = machines; m; m = m->next)
		pthread_mutex_unlock(&m->lock);
	pthread_mutex_unlock(&machines_lock);
	mm_fork_end();
}

static void init_wake(struct machine *m)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->wake, &attr);
	pthread_condattr_destroy(&attr);
}

static void fork_child(void)
{
	struct machine *m;

	codes_let_go();
	sleepers = NULL; /* who forks does not sleep */
	pthread_mutex_unlock(&sleepers_lock);
	for (m = machines; m; m = m->next) {
		forget_other_threads(m);
		mm_forked(m);
		list_lru_forked(m);
		init_wake(m); /* its waiters are gone */
		pthread_mutex_unlock(&m->lock);
	}
	pthread_mutex_unlock(&machines_lock);
	mm_fork_end();
}

static void process_init(void)
{
	pthread_key_create(&thread_key, thread_exit);
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void sync_init(struct machine *m)
{
	pthread_once(&once, process_init);
	m->asym = !NO_MEMBARRIER &&
		  !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	m->epoch = 1;
	m->limbo_tail = &m->limbo;
	pthread_mutex_init(&m->lock, NULL);
	init_wake(m);

	pthread_mutex_lock(&machines_lock);
	m->id = ++last_machine_id;
	m->next = machines;
	m->pprev = &machines;
	if (machines)
		machines->pprev = &m->next;
	machines = m;
	pthread_mutex_unlock(&machines_lock);
}

void sync_exit(struct machine *m)
{
	struct reclaimer *r, *next;

	pthread_mutex_lock(&machines_lock);
	*m->pprev = m->next;
	if (m->next)
		m->next->pprev = m->pprev;
	pthread_mutex_unlock(&machines_lock);

	limbo_drain(m);
	for (r = m->reclaimers; r; r = next) {
		next = r->next;
		WRITE_ONCE(r->machine_id, 0);
		disown(r);
	}
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
}

/* Machines are told by id, since an address may come again. */
struct reclaimer *reclaimer_find(struct machine *m)
{
	struct reclaimer *r = me.last;

	if (likely(r && READ_ONCE(r->machine_id) == m->id))
		return r;
	for (r = me.reclaimers; r; r = r->thread_next) {
		if (READ_ONCE(r->machine_id) == m->id) {
			me.last = r;
			return r;
		}
	}
	return NULL;
}

static void prune_my_reclaimers(void)
{
	struct reclaimer **p = &me.reclaimers, *r;

	while ((r = *p)) {
		if (READ_ONCE(r->machine_id)) {
			p = &r->thread_next;
			continue;
		}
		*p = r->thread_next;
		if (me.last == r)
			me.last = NULL;
		disown(r);
	}
}

struct reclaimer *reclaimer_get(struct machine *m)
{
	struct reclaimer *r = reclaimer_find(m);

	if (r)
		return r;
	prune_my_reclaimers();
	machine_lock(m);
	for (r = m->reclaimers; r; r = r->next) {
		if (LOAD_ACQUIRE(r->orphaned)) {
			ADD_RELAXED(r->owners, 1);
			WRITE_ONCE(r->orphaned, false);
			/* The ring was the other thread's. */
			ring_put(r->ring);
			r->ring = NULL;
			break;
		}
	}
	if (!r) {
		r = aligned_alloc(SP_CACHELINE, sizeof(*r));
		if (r) {
			memset(r, 0, sizeof(*r));
			r->owners = 2;
			r->machine = m;
			r->machine_id = m->id;
			r->next = m->reclaimers;
			STORE_RELEASE(m->reclaimers, r);
		}
	}
	machine_unlock(m);
	if (!r)
		return NULL;
	/* First: without it the end of this thread would not give it up. */
	if (pthread_setspecific(thread_key, r)) {
		STORE_RELEASE(r->orphaned, true);
		disown(r);
		return NULL;
	}
	r->thread_next = me.reclaimers;
	me.reclaimers = me.last = r;
	return r;
}

/* ---- slots ------------------------------------------------------------- */

bool reclaimer_holds(const struct reclaimer *r, const struct shrinker *s)
{
	int i;

	for (i = 0; i < SP_MAX_DEPTH; i++) {
		if (__atomic_load_n(&r->slot[i], __ATOMIC_ACQUIRE) == s)
			return true;
	}
	return false;
}

static bool has_others(const struct machine *m, const struct reclaimer *self)
{
	const struct reclaimer *r;

	for (r = m->reclaimers; r; r = r->next) {
		if (r != self && !READ_ONCE(r->orphaned))
			return true;
	}
	return false;
}

bool held_elsewhere(struct machine *m, struct reclaimer *self,
		    struct shrinker *s)
{
	struct reclaimer *r;

	/* A slot is claimed under the lock: no others, nothing to order. */
	if (!has_others(m, self))
		return false;
	writer_barrier(m);
	for (r = m->reclaimers; r; r = r->next) {
		if (r != self && reclaimer_holds(r, s))
			return true;
	}
	return false;
}

/* ---- the pass epoch and limbo ------------------------------------------ */

/* The oldest pass that runs, or ULONG_MAX. */
static unsigned long oldest_pass(struct machine *m)
{
	struct reclaimer *r, *self = reclaimer_find(m);
	unsigned long oldest = ~0UL;

	if (has_others(m, self))
		writer_barrier(m);
	for (r = m->reclaimers; r; r = r->next) {
		unsigned long epoch =
			__atomic_load_n(&r->epoch, __ATOMIC_ACQUIRE);

		if (epoch && epoch < oldest)
			oldest = epoch;
	}
	return oldest;
}

bool passes_running(struct machine *m)
{
	return oldest_pass(m) != ~0UL;
}

void limbo_add(struct machine *m, struct limbo *l,
	       void (*free)(struct machine *, struct limbo *))
{
	l->free = free;
	l->next = NULL;
	l->stamp = m->epoch + 1;
	STORE_RELEASE(m->epoch, l->stamp);
	*m->limbo_tail = l;
	m->limbo_tail = &l->next;
	m->nr_limbo++;
	WRITE_ONCE(m->tidy, true);
}

void limbo_drain(struct machine *m)
{
	unsigned long oldest;
	struct limbo *l;

	if (!m->limbo)
		return;
	oldest = oldest_pass(m);
	while ((l = m->limbo) && l->stamp <= oldest) {
		m->limbo = l->next;
		if (!m->limbo)
			m->limbo_tail = &m->limbo;
		m->nr_limbo--;
		l->free(m, l);
	}
	if (!m->limbo && !m->reap)
		WRITE_ONCE(m->tidy, false);
}

void limbo_drain_lazily(struct machine *m)
{
	if (m->nr_limbo >= LAZY_LIMBO || !has_others(m, reclaimer_find(m)))
		limbo_drain(m);
}
