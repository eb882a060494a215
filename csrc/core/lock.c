// SPDX-License-Identifier: GPL-2.0-only
/*
 * The locks themselves: a word, and a futex to sleep on. Any of them may be
 * held by its thread while it goes through the core; the core takes none while
 * it holds its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <shrinkpy/lock.h>

#include "internal.h"

/* The word: how many share it, or that one has it for itself. */
enum { ONE = 1u << 31 };
enum { POLL_NS = 20000000 };

static bool try_word(struct sp_lock *l, bool shared)
{
	unsigned int was = READ_ONCE(l->word);

	do {
		if (shared ? was & ONE : was)
			return false;
	} while (!__atomic_compare_exchange_n(
		&l->word, &was, shared ? was + 1 : ONE, true, __ATOMIC_ACQUIRE,
		__ATOMIC_RELAXED));
	return true;
}

static void sleep_on(struct sp_lock *l, unsigned int word)
{
	/* Bounded only so that wait_poll gets its turn. */
	const struct timespec most = { .tv_nsec = POLL_NS };

	__atomic_fetch_add(&l->sleepers, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, word, &most, NULL, 0);
	__atomic_fetch_sub(&l->sleepers, 1, __ATOMIC_SEQ_CST);
}

/* Nothing is held when the hook ends the wait: it may block itself. */
static enum sp_status wait_for(struct machine *m, struct sp_lock *l,
			       bool shared)
{
	unsigned int word;

	while (!try_word(l, shared)) {
		sp_wait_begin(m);
		word = READ_ONCE(l->word);
		if (shared ? word & ONE : word)
			sleep_on(l, word);
		sp_wait_end(m);
		if (m->hooks.wait_poll && m->hooks.wait_poll(m->hooks_data))
			return SP_INTR;
	}
	return SP_OK;
}

enum sp_status sp_lock_take(struct machine *m, struct sp_lock *l,
			    unsigned int how, int subclass, const char *where)
{
	const bool shared = how & SP_LOCK_SHARED;
	enum sp_status status;

	(void)subclass, (void)where;
	if (READ_ONCE(l->owner) == this_thread()) {
		if (how & SP_LOCK_RECURSIVE) {
			l->depth++;
			return SP_OK;
		}
		return how & SP_LOCK_TRY ? SP_BUSY : SP_DEADLOCK;
	}
	if (how & SP_LOCK_TRY)
		status = try_word(l, shared) ? SP_OK : SP_BUSY;
	else
		status = wait_for(m, l, shared);
	if (status == SP_OK && !shared)
		WRITE_ONCE(l->owner, this_thread());
	return status;
}

enum sp_status sp_lock_give(struct machine *m, struct sp_lock *l)
{
	const bool mine = READ_ONCE(l->owner) == this_thread();

	(void)m;
	if (!READ_ONCE(l->word) || (READ_ONCE(l->word) & ONE && !mine))
		return SP_INVAL;
	if (mine && l->depth) {
		l->depth--;
		return SP_OK;
	}
	if (mine) {
		WRITE_ONCE(l->owner, NULL);
		__atomic_store_n(&l->word, 0, __ATOMIC_SEQ_CST);
	} else {
		__atomic_sub_fetch(&l->word, 1, __ATOMIC_SEQ_CST);
	}
	if (__atomic_load_n(&l->sleepers, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &l->word, FUTEX_WAKE_PRIVATE, INT32_MAX,
			NULL, NULL, 0);
	return SP_OK;
}

bool sp_lock_is_held(const struct sp_lock *l)
{
	return READ_ONCE(l->word);
}

bool sp_lock_is_mine(const struct sp_lock *l)
{
	return READ_ONCE(l->owner) == this_thread();
}
