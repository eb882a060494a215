/* SPDX-License-Identifier: GPL-2.0-only */
/* What the core's side of this folder has of each other. */
#ifndef SP_ORIGINAL_H
#define SP_ORIGINAL_H

#include <shrinkpy/oops.h>

#include "../core/internal.h"
#include "../core/mm.h"
#include "../core/pass.h"
#include "tree.h"

/* The one that there is: the tree's files are built on globals. */
extern struct machine *the_machine;

extern bool is_burying; /* it gives them up just now */

/*
 * false: it was closed, and another has them; it has no twins. Who is in a pass
 * or a look when it asks keeps them until the end.
 */
static inline bool has_globals(const struct machine *m)
{
	return reader_load(the_machine) == m && !reader_load(is_burying);
}

/* ---- enter.c ------------------------------------------------------------ */

/* What is handed to a call into the tree's files, and what it gives. */
struct tree_call {
	void *twin;
	void *parent; /* or what else it is about */
	struct list_head *item;
	const char *text;
	const char *about; /* for warnings: the kernel's texts do not say */
	size_t len;
	unsigned int flags;
	int nid;
	int id;
	/* Given; or what else it needs. */
	void *out;
	long ret;
};

/*
 * Under machine->lock, which stands for the tree's own mutexes meanwhile.
 * SP_OOPS, SP_HANG, SP_SPIN, with reason (may be NULL): it did not come back.
 */
enum sp_status enter_tree(void (*fn)(struct tree_call *), struct tree_call *c,
			  struct sp_reason *reason);
/* For who has nobody to tell of a status: it is a warning. */
void enter_tree_told(void (*fn)(struct tree_call *), struct tree_call *c,
		     const char *what);
/*
 * The same without the lock, where waits are waits: SP_DEADLOCK too, and
 * SP_INTR where a wait may be given up.
 */
enum sp_status enter_tree_unlocked(void (*fn)(struct tree_call *),
				   struct tree_call *c, bool may_give_up,
				   struct sp_reason *reason);
/* A look at what the tree's files have, with the lock or without; SP_OOPS. */
enum sp_status look_at_tree(void (*fn)(struct tree_call *),
			    struct tree_call *c);
/* Round a callback: what it calls stands outside of this call. */
void *callback_begin(void);
void callback_end(void *entry);
/* At the end of a call: what it had of RCU's read sides, it has given back. */
void check_read_sides(unsigned int outside, bool came_back);
/* The tree's code gets on: it has not gone round without an end. */
void sign_of_life(void);

/* ---- memory.c ------------------------------------------------------------ */

/* Everything that the tree's files still have, when their machine goes. */
void memory_forget(void);
/* call_rcu() of something in this object finds its place in the object. */
void memory_leaving(void *p);

/* ---- pass.c --------------------------------------------------------------- */

/*
 * A file of debugfs: callbacks are counted for no pass. SP_NOENT: it is being
 * freed. SP_ABORTED: sp_pass_abort().
 */
enum sp_status file_call(struct shrinker *s, void (*fn)(struct tree_call *),
			 struct tree_call *c);
/* The end of a pass that the tree's files are in, if they are; returns if not. */
void pass_takes_end(enum sp_status status, const char *text);

/* ---- shrinker.c ----------------------------------------------------------- */

/* What the tree's struct shrinker says of itself, into the handle. */
void read_twin(struct shrinker *s);
/* A copy of the tree's name, for those who look without its lock; NULL: no memory. */
struct name *name_new(const char *text);
void name_take(struct machine *m, struct shrinker *s, struct name *name);

#endif
