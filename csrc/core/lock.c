// SPDX-License-Identifier: GPL-2.0-only
/*
 * The locks themselves: a word, and a futex to sleep on. Any of them may be
 * held by its thread while it goes through the core; the core takes none while
 * it holds its own. Once the word is given back the lock is not touched any
 * more: whoever takes it next may free it.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <shrinkpy/oops.h>

#include "internal.h"

/* The word: how many share it, or that one has it; and that some sleep. */
static const unsigned int ONE = 1u << 31, SLEEPERS = 1u << 30;
enum { POLL_NS = 20000000 };

/* ---- what this thread holds -------------------------------------------- */

static pthread_key_t held_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void thread_exit(void *held)
{
	struct thread *t = myself();

	free(held);
	t->held = NULL;
	t->nr_held = t->max_held = 0;
}

static void process_init(void)
{
	pthread_key_create(&held_key, thread_exit);
}

enum sp_status held_reserve(void)
{
	struct thread *t = myself();
	size_t max = t->max_held ? 2 * t->max_held : 16;
	struct held *held;

	if (likely(t->nr_held < t->max_held))
		return SP_OK;
	pthread_once(&once, process_init);
	held = malloc(max * sizeof(*held));
	if (!held || pthread_setspecific(held_key, held)) {
		free(held);
		return SP_NOMEM;
	}
	if (t->nr_held)
		memcpy(held, t->held, t->nr_held * sizeof(*held));
	free(t->held);
	t->held = held;
	t->max_held = max;
	return SP_OK;
}

void held_push(struct machine *m, const struct sp_lock *l,
	       struct lock_class *class, unsigned int how, const char *where)
{
	struct thread *t = myself();

	t->held[t->nr_held++] = (struct held){ .lock = l,
					       .machine = m,
					       .machine_id = m->id,
					       .class = class,
					       .how = how,
					       .depth = sp_pass_depth(m),
					       .where = where };
}

void held_remove(struct held *h)
{
	struct thread *t = myself();

	t->nr_held--;
	memmove(h, h + 1, (size_t)(t->held + t->nr_held - h) * sizeof(*h));
}

/* By id too: what was held of a machine that is gone was never given back. */
struct held *held_find(const struct machine *m, const struct sp_lock *l)
{
	struct thread *t = myself();
	size_t i = t->nr_held;

	while (i--) {
		if (t->held[i].lock == l && t->held[i].machine_id == m->id)
			return &t->held[i];
	}
	return NULL;
}

/* ---- the word ---------------------------------------------------------- */

static bool is_taken(unsigned int word, bool shared)
{
	return word & (shared ? ONE : ~SLEEPERS);
}

static bool try_word(struct sp_lock *l, bool shared)
{
	unsigned int was = READ_ONCE(l->word);

	do {
		if (is_taken(was, shared))
			return false;
	} while (!__atomic_compare_exchange_n(
		&l->word, &was, shared ? was + 1 : was | ONE, true,
		__ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

static void wake(unsigned int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static void give_word(struct sp_lock *l, bool shared)
{
	unsigned int was = READ_ONCE(l->word), left;

	do {
		left = shared ? was - 1 : 0;
		if (!(left & ~SLEEPERS))
			left = 0;
	} while (!__atomic_compare_exchange_n(&l->word, &was, left, true,
					      __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	/* They are let go of all at once; who loses says again that it sleeps. */
	if (was & SLEEPERS && !left)
		wake(&l->word);
}

static void sleep_on(struct sp_lock *l, bool shared)
{
	/* Bounded only so that wait_poll gets its turn. */
	const struct timespec most = { .tv_nsec = POLL_NS };
	unsigned int word = READ_ONCE(l->word);

	do {
		if (!is_taken(word, shared))
			return;
	} while (!__atomic_compare_exchange_n(&l->word, &word, word | SLEEPERS,
					      true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	syscall(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, word | SLEEPERS, &most,
		NULL, 0);
}

/* Nothing is held when the hook ends the wait: it may block itself. */
static enum sp_status wait_for(struct machine *m, struct sp_lock *l,
			       bool shared)
{
	const struct wait what = { .lock = l };
	struct sleeper self = { .thread = this_thread(), .wait = &what };

	while (!try_word(l, shared)) {
		if (!lie_down(&self))
			return SP_DEADLOCK;
		sp_wait_begin(m);
		sleep_on(l, shared);
		get_up(&self);
		sp_wait_end(m);
		if (sp_wait_poll(m))
			return SP_INTR;
	}
	return SP_OK;
}

/* ---- the face ---------------------------------------------------------- */

enum sp_status sp_lock_take(struct machine *m, struct sp_lock *l,
			    unsigned int how, int subclass, const char *where)
{
	const bool shared = how & SP_LOCK_SHARED;
	const struct held *mine = held_find(m, l);
	struct lock_class *class;
	enum sp_status status;

	if (mine && !shared && how & SP_LOCK_RECURSIVE && l->owner) {
		l->depth++;
		return SP_OK;
	}
	/* First: it is told of what never comes to be, too. */
	class = lockdep_take(m, l, how, subclass, where);
	mine = held_find(m, l);
	if (mine && !(shared && mine->how & SP_LOCK_SHARED))
		return how & SP_LOCK_TRY ? SP_BUSY : SP_DEADLOCK;
	if (how & SP_LOCK_TRY)
		status = try_word(l, shared) ? SP_OK : SP_BUSY;
	else
		status = wait_for(m, l, shared);
	/* Now: in the wait, the hooks may have taken others. */
	if (status == SP_OK && held_reserve() != SP_OK) {
		give_word(l, shared);
		return SP_NOMEM;
	}
	if (status != SP_OK)
		return status;
	if (!shared)
		WRITE_ONCE(l->owner, this_thread());
	held_push(m, l, class, how, where);
	return SP_OK;
}

enum sp_status sp_lock_give(struct machine *m, struct sp_lock *l)
{
	struct held *mine = held_find(m, l);
	bool shared;

	if (!mine)
		return SP_INVAL;
	if (l->depth && READ_ONCE(l->owner)) {
		l->depth--;
		return SP_OK;
	}
	shared = mine->how & SP_LOCK_SHARED;
	held_remove(mine);
	if (!shared)
		WRITE_ONCE(l->owner, NULL);
	give_word(l, shared);
	return SP_OK;
}

enum sp_status sp_lock_downgrade(struct machine *m, struct sp_lock *l)
{
	struct held *mine = held_find(m, l);

	if (!mine || mine->how & SP_LOCK_SHARED || l->depth)
		return SP_INVAL;
	mine->how |= SP_LOCK_SHARED;
	WRITE_ONCE(l->owner, NULL);
	/* Writers that wake will say again that they sleep. */
	if (__atomic_exchange_n(&l->word, 1, __ATOMIC_RELEASE) & SLEEPERS)
		wake(&l->word);
	return SP_OK;
}

bool sp_lock_is_held(const struct sp_lock *l)
{
	return READ_ONCE(l->word) & ~SLEEPERS;
}

bool sp_lock_is_mine(const struct sp_lock *l)
{
	const struct thread *t = this_thread();
	size_t i;

	if (!sp_lock_is_held(l))
		return false;
	for (i = 0; i < t->nr_held; i++) {
		if (t->held[i].lock == l)
			return true;
	}
	return false;
}
