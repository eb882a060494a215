// SPDX-License-Identifier: GPL-2.0-only
/* Callbacks and threads in C, for tests/native.py. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <shrinkpy/core.h>
#include <shrinkpy/introspect.h>

/* ---- the core, given by address ---------------------------------------- */

#define CORE(name) __typeof__(&sp_##name) core_##name

CORE(shrink_slab);
CORE(shrinker_alloc);
CORE(shrinker_register);
CORE(shrinker_free);
CORE(shrinker_set_callbacks);
CORE(shrinker_set_private);
CORE(shrinker_private);
CORE(shrinker_machine);
CORE(memcg_root);
CORE(set_shrinker_bit);
CORE(peek_deferred);
CORE(wait_begin);
CORE(wait_end);

/* ---- small ones -------------------------------------------------------- */

unsigned long count_none(struct shrinker *s, struct shrink_control *sc)
{
	(void)s, (void)sc;
	return 0;
}

unsigned long count_two(struct shrinker *s, struct shrink_control *sc)
{
	(void)s, (void)sc;
	return 2;
}

/* Frees whatever it is asked for. */
unsigned long scan_all(struct shrinker *s, struct shrink_control *sc)
{
	(void)s;
	return sc->nr_to_scan;
}

/* ---- held: a callback that stays inside -------------------------------- */

/* Ten seconds, as support.TIMEOUT; then it gives up, and says so. */
enum { NAPS = 100000, NAP_US = 100 };

volatile int held_inside, held_leave, held_gave_up;

static void hold(void)
{
	int i;

	held_inside = 1;
	for (i = 0; i < NAPS && !held_leave; i++)
		usleep(NAP_US);
	held_gave_up = !held_leave;
}

/* With the GIL, if its pass has it: for passes that gave it up. */
unsigned long count_held(struct shrinker *s, struct shrink_control *sc)
{
	(void)s, (void)sc;
	hold();
	return 0;
}

/* Says that it is going to block. */
unsigned long count_held_politely(struct shrinker *s, struct shrink_control *sc)
{
	(void)sc;
	core_wait_begin(core_shrinker_machine(s));
	hold();
	core_wait_end(core_shrinker_machine(s));
	return 0;
}

/* ---- a mutex ----------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
volatile int mutex_awaited, mutex_taken;

int mutex_lock(void)
{
	return pthread_mutex_lock(&mutex);
}

int mutex_unlock(void)
{
	return pthread_mutex_unlock(&mutex);
}

/* As the core takes its own lock: try first, then say that it may block. */
unsigned long count_locking(struct shrinker *s, struct shrink_control *sc)
{
	struct machine *m = core_shrinker_machine(s);

	(void)sc;
	while (pthread_mutex_trylock(&mutex)) {
		mutex_awaited = 1;
		core_wait_begin(m);
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
		core_wait_end(m);
	}
	mutex_taken++;
	pthread_mutex_unlock(&mutex);
	return 0;
}

/* Comes into the core again while it waits: a pass without the GIL. */
unsigned long count_reclaiming_in_a_wait(struct shrinker *s,
					 struct shrink_control *sc)
{
	static __thread int inside;
	struct machine *m = core_shrinker_machine(s);
	struct sp_pass pass;

	if (inside)
		return 0;
	inside = 1;
	core_wait_begin(m);
	core_wait_begin(m);
	core_shrink_slab(m, sc->gfp_mask, sc->nid, core_memcg_root(m), 0,
			 &pass);
	core_wait_end(m);
	core_wait_end(m);
	inside = 0;
	return 0;
}

typedef void (*python_fn)(void);

struct holder {
	python_fn call; /* Python: takes the GIL */
	pthread_t thread;
};

/* Holds the mutex until a callback wants it and Python was called. */
static void *hold_mutex(void *arg)
{
	struct holder *h = arg;
	int i;

	pthread_mutex_lock(&mutex);
	held_inside = 1;
	for (i = 0; i < NAPS && !mutex_awaited; i++)
		usleep(NAP_US);
	h->call();
	pthread_mutex_unlock(&mutex);
	return NULL;
}

int holder_start(struct holder *h)
{
	int error = pthread_create(&h->thread, NULL, hold_mutex, h);

	while (!error && !held_inside)
		usleep(NAP_US);
	return error;
}

int holder_join(struct holder *h)
{
	return pthread_join(h->thread, NULL);
}

/* ---- caches that note what is done with them ---------------------------- */

#define ADD(x, n) __atomic_add_fetch(&(x), (n), __ATOMIC_SEQ_CST)
#define READ(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)

struct cache {
	long objects;
	long calls;
	long inside;  /* callbacks that run now */
	long dropped; /* its owner knows that it was freed */
	long late;    /* callbacks after that, or a drop before one returned */
};

static struct cache *cache_enter(struct shrinker *s)
{
	struct cache *c = core_shrinker_private(s);

	ADD(c->inside, 1);
	ADD(c->calls, 1);
	if (READ(c->dropped))
		ADD(c->late, 1);
	if (READ(c->calls) % 16 == 0)
		sched_yield();
	return c;
}

static void cache_leave(struct cache *c)
{
	if (READ(c->dropped))
		ADD(c->late, 1);
	ADD(c->inside, -1);
}

/* By its owner, right after the free. */
void cache_drop(struct cache *c)
{
	if (READ(c->inside))
		ADD(c->late, 1);
	ADD(c->dropped, 1);
}

unsigned long count_cache(struct shrinker *s, struct shrink_control *sc)
{
	struct cache *c = cache_enter(s);
	long n = READ(c->objects);

	(void)sc;
	cache_leave(c);
	return n > 0 ? (unsigned long)n : SHRINK_EMPTY;
}

unsigned long scan_cache(struct shrinker *s, struct shrink_control *sc)
{
	struct cache *c = cache_enter(s);
	long n = (long)sc->nr_to_scan;

	/* Never empty for long: later passes have something to do. */
	if (ADD(c->objects, -n) <= 0)
		ADD(c->objects, 300);
	cache_leave(c);
	return sc->nr_to_scan;
}

/* A pass in a callback; too deep is SP_DEPTH, which is nothing here. */
unsigned long count_nesting(struct shrinker *s, struct shrink_control *sc)
{
	static __thread int depth;
	struct cache *c = cache_enter(s);
	struct machine *m = core_shrinker_machine(s);
	struct sp_pass pass;

	if (depth < 2) {
		depth++;
		core_shrink_slab(m, sc->gfp_mask, sc->nid, core_memcg_root(m),
				 12, &pass);
		depth--;
	}
	cache_leave(c);
	return 0;
}

/* Registers another one in its callback, and frees it again. */
unsigned long count_making(struct shrinker *s, struct shrink_control *sc)
{
	struct cache *c = cache_enter(s);
	struct machine *m = core_shrinker_machine(s);
	struct shrinker *made;

	(void)sc;
	if (core_shrinker_alloc(m, SHRINKER_MEMCG_AWARE, "made", &made) ==
	    SP_OK) {
		core_shrinker_set_callbacks(made, count_two, scan_all);
		if (core_shrinker_register(made, NULL) != SP_OK ||
		    core_shrinker_free(made, NULL) != SP_OK)
			ADD(c->late, 1);
	}
	cache_leave(c);
	return 0;
}

/* ---- threads that Python has never seen --------------------------------- */

struct job {
	struct machine *machine;
	struct mem_cgroup *memcg;
	struct shrinker *shrinker;
	int priority;
	long rounds; /* 0: until stop */
	int stop;
	long done;
	long refused; /* passes that did not come to their end */
	unsigned long freed;
	pthread_t thread;
	pid_t tid; /* of a thread that reclaims */
};

static int goes_on(struct job *j)
{
	return !READ(j->stop) && (!j->rounds || READ(j->done) < j->rounds);
}

void *reclaim(void *arg)
{
	struct job *j = arg;
	enum sp_status status;
	struct sp_pass pass;

	__atomic_store_n(&j->tid, gettid(), __ATOMIC_RELAXED);
	for (; goes_on(j); ADD(j->done, 1)) {
		status = core_shrink_slab(j->machine, 0xcc0, 0, j->memcg,
					  j->priority, &pass);
		if (status == SP_OK)
			j->freed += pass.freed;
		else
			ADD(j->refused, 1);
	}
	return NULL;
}

/* What list_lru does when objects come, and what debugfs shows, in a loop. */
void *set_bits(void *arg)
{
	struct job *j = arg;
	long deferred;

	for (; goes_on(j); ADD(j->done, 1)) {
		core_set_shrinker_bit(j->machine, j->memcg, 0, 0, NULL);
		core_peek_deferred(j->shrinker, j->memcg, 0, &deferred);
	}
	return NULL;
}

int job_start(void *(*what)(void *), struct job *j)
{
	return pthread_create(&j->thread, NULL, what, j);
}

static int asleep(pid_t tid)
{
	char path[64], text[256] = "";
	const char *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	state = strrchr(text, ')');
	return state && state[1] == ' ' && state[2] == 'S';
}

/* Returns when a thread that reclaims has slept for a while. */
void job_sleeps(struct job *j)
{
	int slept = 0;

	while (slept < 50) {
		slept = asleep(READ(j->tid)) ? slept + 1 : 0;
		usleep(1000);
	}
}

int job_join(struct job *j)
{
	return pthread_join(j->thread, NULL);
}
