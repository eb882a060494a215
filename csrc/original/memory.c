// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tree's files allocate. What is not zeroed is filled, and what was
 * freed is poisoned and kept for a while: neither is ever what somebody hopes
 * for, and a pointer read from it is one that no processor follows.
 */
#include <stdlib.h>
#include <string.h>

#include "original.h"

enum {
	FILL = 0x5a,
	POISON = 0x6b,
	KEPT = 256,
	/* Behind each object; 6.12 reads a slot past the end before it warns. */
	BEHIND = 2 * sizeof(long),
};

/* In front of each object. */
struct block {
	struct list_node list; /* of all that are there */
	struct limbo limbo;
	void (*fn)(void *arg); /* after limbo */
	void *arg;
	size_t size;
	int site;
	bool freed;
	bool waits; /* in limbo */
} __attribute__((aligned(16)));

static struct list_node blocks = { &blocks, &blocks };
static struct block *kept[KEPT]; /* freed, the oldest at next_kept */
static unsigned int next_kept;
static __thread struct block *leaving;

/* The machine's, once, where the call into the tree's files has it not. */
static __thread unsigned int locks;

static void lock(void)
{
	if (!seam_locked() && !locks++)
		machine_lock(the_machine);
}

static void unlock(void)
{
	if (!seam_locked() && !--locks)
		machine_unlock(the_machine);
}

static struct block *block_of(const void *p)
{
	return (struct block *)p - 1;
}

bool seam_attempt(int site)
{
	bool may;

	lock();
	may = site_attempt(the_machine, (enum sp_site)site, -1);
	unlock();
	return may;
}

void *seam_alloc(int site, int nid, size_t size, bool zero)
{
	struct block *b;

	lock();
	if (site == SEAM_PLAIN)
		b = calloc(1, sizeof(*b) + size + BEHIND);
	else
		b = site_alloc(the_machine, (enum sp_site)site, nid,
			       sizeof(*b) + size + BEHIND);
	if (b) {
		b->site = site;
		b->size = size;
		if (!zero)
			memset(b + 1, FILL, size);
		memset((char *)(b + 1) + size, FILL, BEHIND);
		b->list.next = &blocks;
		b->list.prev = blocks.prev;
		blocks.prev->next = &b->list;
		blocks.prev = &b->list;
	}
	unlock();
	return b ? b + 1 : NULL;
}

static void release(struct block *b)
{
	if (b->site == SEAM_PLAIN)
		free(b);
	else
		site_free(the_machine, (enum sp_site)b->site, b);
}

static bool is_all(const void *p, unsigned char what, size_t size)
{
	const unsigned char *at = p;

	while (size && *at == what)
		at++, size--;
	return !size;
}

static void check_end(const struct block *b)
{
	if (!is_all((const char *)(b + 1) + b->size, FILL, BEHIND))
		warn(the_machine, SP_WARN, "write past the end",
		     "an object of %zu bytes", b->size);
}

/* Under the lock. */
static void keep(struct block *b)
{
	struct block **place = &kept[next_kept++ % KEPT];

	if (*place) {
		if (!is_all(*place + 1, POISON, (*place)->size))
			warn(the_machine, SP_WARN, "write after free",
			     "an object of %zu bytes", (*place)->size);
		release(*place);
	}
	*place = b;
}

static void retire(struct block *b)
{
	if (b->site != SEAM_PLAIN)
		site_retire(the_machine, (enum sp_site)b->site, b);
}

static void poison(struct block *b)
{
	check_end(b);
	b->freed = true;
	b->list.next->prev = b->list.prev;
	b->list.prev->next = b->list.next;
	memset(b + 1, POISON, b->size);
	retire(b);
	keep(b);
}

static _Noreturn void oops(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	seam_oops(fmt, ap);
}

void seam_free(const void *p)
{
	bool twice;

	if (!p)
		return;
	lock();
	twice = block_of(p)->freed || block_of(p)->waits;
	if (!twice)
		poison(block_of(p));
	unlock();
	if (twice)
		oops("an object is freed a second time");
}

/* ---- after a grace period ------------------------------------------------ */

/* What is called is the tree's own, and under the lock like everything else. */
static void call_fn(struct tree_call *c)
{
	struct block *b = c->twin;

	b->waits = false;
	b->fn(b->arg);
}

static void run_locked(struct machine *m, struct limbo *l)
{
	struct tree_call c = { .twin = container_of(l, struct block, limbo) };

	(void)m;
	enter_tree_told(call_fn, &c, "a callback of call_rcu()");
}

/* false: it waits already, or is gone. */
static bool wait_for_passes(struct block *b, void (*fn)(void *arg), void *arg)
{
	if (b->waits || b->freed)
		return false;
	b->fn = fn;
	b->arg = arg;
	b->waits = true;
	limbo_add(the_machine, &b->limbo, run_locked);
	return true;
}

void memory_leaving(void *p)
{
	leaving = p ? block_of(p) : NULL;
}

struct later {
	void (*fn)(void *arg);
	void *arg;
};

static void run_later(void *arg)
{
	const struct later later = *(struct later *)arg;

	seam_free(arg);
	later.fn(later.arg);
}

void seam_after_passes(void (*fn)(void *arg), void *arg)
{
	struct later *later;
	bool twice = false;

	lock();
	if (leaving &&
	    (char *)arg - (char *)(leaving + 1) < (long)leaving->size &&
	    (char *)arg >= (char *)(leaving + 1)) {
		twice = !wait_for_passes(leaving, fn, arg);
	} else {
		later = seam_alloc(SEAM_PLAIN, -1, sizeof(*later), true);
		/* Without memory it stays until the machine goes. */
		if (later) {
			*later = (struct later){ fn, arg };
			wait_for_passes(block_of(later), run_later, later);
		}
	}
	unlock();
	if (twice)
		oops("call_rcu() of an object that waits already");
}

static void free_object(void *p)
{
	seam_free(p);
}

void seam_free_after_passes(const void *p)
{
	struct block *b = block_of(p);
	bool twice;

	if (!p)
		return;
	lock();
	twice = !wait_for_passes(b, free_object, b + 1);
	if (!twice)
		retire(b);
	unlock();
	if (twice)
		oops("an object is freed a second time");
}

void memory_forget(void)
{
	unsigned int i;

	for (i = 0; i < KEPT; i++) {
		if (kept[i])
			release(kept[i]);
		kept[i] = NULL;
	}
	while (blocks.next != &blocks) {
		struct block *b = container_of(blocks.next, struct block, list);

		blocks.next = b->list.next;
		b->list.next->prev = &blocks;
		release(b);
	}
}
