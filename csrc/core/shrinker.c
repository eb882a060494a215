// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a shrinker's handle: who waits for whom when it is freed, and
 * what is told when the kernel would wait for ever. What the kernel does in
 * alloc, register and free is mm.h's.
 *
 * Its references are base_ref (given by register, dropped by free), the slots
 * that hold it, and those that a pass has lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "mm.h"

/* A driver in C sees the head of a struct shrinker, and no more of it. */
#define SAME_PLACE(field)                                                      \
	_Static_assert(offsetof(struct shrinker, field) ==                     \
			       offsetof(struct sp_shrinker_head, field),       \
		       #field " is not where drivers look for it")
SAME_PLACE(count_objects);
SAME_PLACE(scan_objects);
SAME_PLACE(batch);
SAME_PLACE(seeks);
SAME_PLACE(flags);
SAME_PLACE(private_data);

/* ---- references -------------------------------------------------------- */

void left_uncallable(struct machine *m)
{
	machine_lock(m);
	machine_wake(m);
	machine_unlock(m);
}

/* ---- alloc ------------------------------------------------------------- */

enum sp_status sp_shrinker_alloc(struct machine *m, unsigned int flags,
				 const char *name, struct shrinker **out)
{
	enum sp_status status = SP_CLOSED;
	struct shrinker *s;

	*out = NULL;
	machine_lock(m);
	if (!m->closed && !m->closer)
		status = mm_shrinker_alloc(m, flags, name, &s);
	if (status == SP_OK) {
		s->machine = m;
		s->serial = m->next_serial++;
		list_add_tail(&s->all, &m->shrinkers);
		*out = s;
	}
	limbo_drain_lazily(m);
	machine_unlock(m);
	return status;
}

/* ---- register ---------------------------------------------------------- */

enum sp_status sp_shrinker_register(struct shrinker *s,
				    struct sp_reason *reason)
{
	struct machine *m = s->machine;
	enum sp_status status = SP_OK;

	machine_lock(m);
	if (m->closed || m->closer) {
		status = SP_CLOSED;
	} else if (s->listed && s->flags & SHRINKER_ALLOCATED) {
		status = explain(reason, SP_OOPS, s, -1, NULL,
				 "registering it a second time would corrupt "
				 "shrinker_list");
	} else if (!mm_shrinker_register(m, s)) {
		status = explain(reason, SP_INVAL, s, -1, NULL,
				 "it was not made by shrinker_alloc()");
	} else {
		s->listed = true;
		s->base_ref = true;
		WRITE_ONCE(m->nr_listed, m->nr_listed + 1);
		STORE_RELEASE(s->callable, true);
	}
	machine_unlock(m);
	return status;
}

/* ---- free -------------------------------------------------------------- */

/* Does a callback of it run, in whichever thread? */
static bool is_held(struct machine *m, struct reclaimer *self,
		    struct shrinker *s)
{
	return (self && reclaimer_holds(self, s)) || held_elsewhere(m, self, s);
}

/* Would the kernel's free of it wait for ever? */
static bool is_stuck(const struct shrinker *s)
{
	return s->hung || READ_ONCE(s->leaked);
}

/* Off the list of frees that nobody waits for. */
static void unreap(struct machine *m, struct shrinker *s)
{
	struct shrinker **p = &m->reap;

	while (*p && *p != s)
		p = &(*p)->next_reaped;
	if (*p)
		*p = s->next_reaped;
}

static void release_handle(struct machine *m, struct limbo *l)
{
	mm_shrinker_release(m, container_of(l, struct shrinker, limbo));
}

static void unpin(struct machine *m, struct shrinker *s)
{
	if (--s->pins == 0 && s->freed)
		limbo_add(m, &s->limbo, release_handle);
	limbo_drain_lazily(m);
}

/* It is off every list that passes see: off those that users see. */
static void forget(struct machine *m, struct shrinker *s)
{
	if (s->deferred_free)
		unreap(m, s);
	if (s->listed)
		WRITE_ONCE(m->nr_listed, m->nr_listed - 1);
	s->listed = false;
	s->base_ref = false;
	free(s->symbol);
	s->symbol = NULL;
	s->freed = true;
}

static enum sp_status hung(struct shrinker *s, struct sp_reason *reason)
{
	const char *plural = s->leaked == 1 ? "" : "s";

	s->base_ref = false;
	s->hung = true;
	STORE_RELEASE(s->callable, true);
	if (!s->leaked)
		return explain(reason, SP_HANG, s, -1, NULL,
			       "shrinker_free() would wait for ever: nobody "
			       "holds a reference, and its completion is not "
			       "completed; it stays registered");
	explain(reason, SP_HANG, s, s->leaked_nid, NULL,
		"shrinker_free() would wait for ever: %lu reference%s to it "
		"%s lost by passes with kernel-memory accounting off%s; it "
		"stays registered",
		s->leaked, plural, *plural ? "were" : "was",
		*plural ? ", the first one here" : "");
	if (reason)
		reason->memcg_ino = s->leaked_ino;
	return SP_HANG;
}

/*
 * Nobody holds it: torn down, and then what its owner has to do. The lock is
 * given up for that; whoever frees it meanwhile waits for the end. SP_HANG:
 * it is as it was, but for the reference that register gave, and goes on being
 * called, as in the kernel.
 */
static enum sp_status finish(struct machine *m, struct shrinker *s, bool force,
			     struct sp_reason *reason)
{
	const sp_release_fn release = s->listed ? s->release : NULL;
	enum sp_status status;

	status = mm_shrinker_free(m, s, force, reason);
	if (status != SP_OK)
		return status == SP_HANG ? hung(s, reason) : status;
	s->pins++;
	s->freeing = true;
	WRITE_ONCE(s->freer, this_thread());
	forget(m, s);
	if (release) {
		machine_unlock(m);
		release(s->owner);
		machine_lock(m);
	}
	s->freeing = false;
	WRITE_ONCE(s->freer, NULL);
	list_del(&s->all);
	machine_wake(m);
	unpin(m, s);
	return SP_OK;
}

static enum sp_status ring(struct shrinker *s, struct sp_reason *reason)
{
	return explain(reason, SP_DEADLOCK, s, -1, NULL,
		       "whoever runs its callback, or is freeing it, waits, "
		       "directly or through others, for this thread");
}

/*
 * Until no slot of another thread holds it. A slot that is only passing by is
 * waited for as well, and wakes us when it leaves.
 */
static enum sp_status wait_for_slots(struct machine *m, struct reclaimer *self,
				     struct shrinker *s)
{
	const struct wait what = { .callbacks_of = s };
	enum sp_status status = SP_OK;

	s->freeing = true;
	WRITE_ONCE(s->freer, this_thread());
	STORE_RELEASE(s->callable, false);
	while (status == SP_OK && held_elsewhere(m, self, s))
		status = machine_wait(m, &what);
	s->freeing = false;
	WRITE_ONCE(s->freer, NULL);
	machine_wake(m);
	return status;
}

/* Until no other thread is freeing it: SP_GONE if it did. */
static enum sp_status wait_for_freer(struct machine *m, struct shrinker *s,
				     struct sp_reason *reason)
{
	enum sp_status status = SP_OK;

	while (status == SP_OK && s->freeing) {
		/* Until it is torn down, for what the freer waits for as well. */
		const struct wait what = { .named = &s->freer,
					   .callbacks_of =
						   s->freed ? NULL : s };

		if (s->freer != this_thread()) {
			status = machine_wait(m, &what);
			continue;
		}
		if (s->freed)
			return SP_GONE; /* in its own release */
		return explain(reason, SP_DEADLOCK, s, -1, NULL,
			       "freed from inside its own free, while that "
			       "one waits");
	}
	if (status == SP_DEADLOCK)
		return ring(s, reason);
	return status == SP_OK && s->freed ? SP_GONE : status;
}

/* force: what would hang is torn down all the same. */
static enum sp_status free_locked(struct machine *m, struct shrinker *s,
				  bool force, struct sp_reason *reason)
{
	struct reclaimer *self = reclaimer_find(m);
	const bool was_callable = s->callable;
	enum sp_status status;

	status = wait_for_freer(m, s, reason);
	if (status != SP_OK)
		return status;
	if (!s->listed && !(s->flags & SHRINKER_REGISTERED))
		return finish(m, s, force, reason);
	if (self && reclaimer_holds(self, s))
		return explain(reason, SP_DEADLOCK, s, -1, NULL,
			       "freed from inside its own callback, "
			       "shrinker_free() would wait for itself");
	if (!s->listed && !force)
		return explain(reason, SP_HANG, s, -1, NULL,
			       "SHRINKER_REGISTERED is set, but no register "
			       "gave it a reference: shrinker_free() would "
			       "wait for ever");
	/* Its count cannot reach zero, whoever runs it. */
	if (is_stuck(s) && !force)
		return finish(m, s, force, reason);
	status = wait_for_slots(m, self, s);
	if (status == SP_DEADLOCK) {
		STORE_RELEASE(s->callable, was_callable);
		return ring(s, reason);
	}
	if (status != SP_OK)
		return status;
	return finish(m, s, force, reason);
}

enum sp_status sp_shrinker_free(struct shrinker *s, struct sp_reason *reason)
{
	enum sp_status status;
	struct machine *m;

	if (!s)
		return SP_OK;
	m = s->machine;
	machine_lock(m);
	status = free_locked(m, s, false, reason);
	machine_unlock(m);
	return status;
}

bool sp_shrinker_free_deferred(struct shrinker *s)
{
	struct machine *m = s->machine;
	struct reclaimer *self;
	bool gone = false;

	machine_lock(m);
	if (is_stuck(s)) {
		/* Nobody's wait would end: it stays until the machine goes. */
		gone = finish(m, s, false, NULL) == SP_OK;
		machine_unlock(m);
		return gone;
	}
	self = reclaimer_find(m);
	STORE_RELEASE(s->callable, false);
	if (s->freed) {
		gone = true;
	} else if (!s->freeing && !is_held(m, self, s)) {
		gone = finish(m, s, false, NULL) == SP_OK;
	} else if (!s->deferred_free) {
		s->deferred_free = true;
		s->next_reaped = m->reap;
		m->reap = s;
		WRITE_ONCE(m->tidy, true);
	}
	machine_unlock(m);
	return gone;
}

static struct shrinker *next_to_reap(struct machine *m)
{
	struct reclaimer *self = reclaimer_find(m);
	struct shrinker *s;

	for (s = m->reap; s; s = s->next_reaped) {
		if (!s->freeing && !is_stuck(s) && !is_held(m, self, s))
			break;
	}
	return s;
}

void reap(struct machine *m)
{
	struct shrinker *s;

	machine_lock(m);
	while ((s = next_to_reap(m))) {
		/* It would be the next again. */
		if (finish(m, s, false, NULL) == SP_OOPS)
			break;
	}
	limbo_drain(m);
	machine_wake(m);
	machine_unlock(m);
}

/* The oldest, but for those that this thread is just releasing. */
static struct shrinker *next_to_close(struct machine *m)
{
	struct list_node *pos;

	list_for_each (pos, &m->shrinkers) {
		struct shrinker *s = container_of(pos, struct shrinker, all);

		if (!s->freed || s->freer != this_thread())
			return s;
	}
	return NULL;
}

enum sp_status shrinkers_may_close(struct machine *m, struct sp_reason *reason)
{
	struct list_node *pos;

	list_for_each (pos, &m->shrinkers) {
		struct shrinker *s = container_of(pos, struct shrinker, all);
		const struct wait callback = { .callbacks_of = s };
		const struct wait freer = { .named = &s->freer };

		if (s->freed && s->freer == this_thread())
			continue; /* in its release */
		if (wait_closes_ring(s->freeing ? &freer : &callback))
			return ring(s, reason);
	}
	return SP_OK;
}

enum sp_status shrinkers_close(struct machine *m, struct sp_reason *reason)
{
	enum sp_status status = SP_OK;
	struct shrinker *s;

	machine_lock(m);
	while (status >= SP_OK && (s = next_to_close(m))) {
		s->pins++;
		status = free_locked(m, s, true, reason);
		unpin(m, s);
	}
	machine_unlock(m);
	return status > SP_OK ? SP_OK : status;
}

void sp_shrinker_pin(struct shrinker *s)
{
	machine_lock(s->machine);
	s->pins++;
	machine_unlock(s->machine);
}

void sp_shrinker_unpin(struct shrinker *s)
{
	struct machine *m = s->machine;

	machine_lock(m);
	unpin(m, s);
	machine_unlock(m);
}

bool sp_shrinker_freed(const struct shrinker *s)
{
	return READ_ONCE(s->freed);
}

/* ---- fields ------------------------------------------------------------ */

void sp_shrinker_set_callbacks(struct shrinker *s, sp_shrink_fn count,
			       sp_shrink_fn scan)
{
	s->count = count;
	s->scan = scan;
}

void sp_shrinker_set_private(struct shrinker *s, void *data)
{
	s->private_data = data;
}

void sp_shrinker_set_owner(struct shrinker *s, void *owner,
			   sp_release_fn release)
{
	s->owner = owner;
	s->release = release;
}

void *sp_shrinker_owner(const struct shrinker *s)
{
	return s->owner;
}

struct sp_shrinker_head *sp_shrinker_head(struct shrinker *s)
{
	return (struct sp_shrinker_head *)s;
}

void *sp_shrinker_private(const struct shrinker *s)
{
	return s->private_data;
}

void sp_shrinker_set_seeks(struct shrinker *s, int seeks)
{
	WRITE_ONCE(s->seeks, seeks);
}

int sp_shrinker_seeks(const struct shrinker *s)
{
	return READ_ONCE(s->seeks);
}

void sp_shrinker_set_batch(struct shrinker *s, long batch)
{
	WRITE_ONCE(s->batch, batch);
}

long sp_shrinker_batch(const struct shrinker *s)
{
	return READ_ONCE(s->batch);
}

unsigned int sp_shrinker_flags(const struct shrinker *s)
{
	return READ_ONCE(s->flags);
}

int sp_shrinker_id(const struct shrinker *s)
{
	return s->id;
}

unsigned long sp_shrinker_serial(const struct shrinker *s)
{
	return s->serial;
}

struct machine *sp_shrinker_machine(const struct shrinker *s)
{
	return s->machine;
}

size_t sp_shrinker_name(const struct shrinker *s, char *buf, size_t size)
{
	const char *name = LOAD_ACQUIRE(s->name);

	if (!name)
		name = "";

	if (size)
		snprintf(buf, size, "%s", name);
	return strlen(name);
}

enum sp_status sp_shrinker_set_symbol(struct shrinker *s, const char *symbol)
{
	char *copy = symbol ? strdup(symbol) : NULL;

	if (symbol && !copy)
		return SP_NOMEM;
	machine_lock(s->machine);
	free(s->symbol);
	s->symbol = copy;
	machine_unlock(s->machine);
	return SP_OK;
}
