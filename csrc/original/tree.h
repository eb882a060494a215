/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the two sides of this folder. tree_*.c are compiled with the tree's
 * headers and hold its files; the others with the core's. Each has its own
 * struct shrinker, struct mem_cgroup and struct shrink_control, so that here a
 * twin is the tree's and a handle the core's: both are void pointers.
 */
#ifndef SP_TREE_H
#define SP_TREE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- the tree's files, for the core: tree_shrinker.c -------------------- */

/* A struct shrink_control on its way from one side to the other. */
struct seam_control {
	unsigned int gfp_mask;
	int nid;
	unsigned long nr_to_scan;
	unsigned long nr_scanned;
	void *memcg; /* the twin */
};

/* What the core asks of a struct shrinker. */
struct tree_shrinker {
	unsigned int flags;
	int seeks;
	long batch;
	int id;
	long refcount;
	bool listed;
	long *nr_deferred; /* NULL: memcg-aware */
	const char *name;
	void *dentry; /* of debugfs; NULL: none */
	int debugfs_id;
};

/* shrinker_alloc(): NULL for no memory. */
void *tree_shrinker_alloc(unsigned int flags, const char *name, void *handle);
void tree_shrinker_register(void *twin);
void tree_shrinker_free(void *twin);
/* A reference, and back; of a pass that did not come back, the one it had. */
bool tree_shrinker_get(void *twin);
void tree_shrinker_put(void *twin);
void tree_shrinker_read(void *twin, struct tree_shrinker *out);
void tree_shrinker_set_flags(void *twin, unsigned int flags);
void tree_shrinker_set(void *twin, int seeks, long batch);
/* Which of the callbacks there are; they end in seam_count(), seam_scan(). */
void tree_shrinker_set_callbacks(void *twin, bool count, bool scan);
/* As if no pass had lost a reference, and no free had been tried. */
void tree_shrinker_set_references(void *twin, long references);
/* The handles on shrinker_list, in order; gives how many there are. */
size_t tree_list(void **handles, size_t max);
int tree_nr_max(void);
unsigned long tree_shrink_slab(unsigned int gfp_mask, int nid, void *memcg,
			       int priority);

/* Of a new cgroup: NULL for no memory. */
void *tree_memcg_new(void *handle, void *parent);
/* From now on its list_lrus have lists of its own. */
void tree_memcg_has_items(void *twin);
/* For whoever gave reparenting up: they are found again where they were. */
void tree_memcg_keep_items(void *twin);
void tree_memcg_delete(void *twin);
void *tree_memcg_handle(void *twin);
/* 0 or -ENOMEM. */
int tree_memcg_online(void *twin);
void tree_memcg_offline(void *twin);
void tree_memcg_release(void *twin);
int tree_map_nr_max(void *twin, int nid);
bool tree_bit(void *twin, int nid, int id);
/* false: there is no such place. */
bool tree_deferred(void *twin, int nid, int id, long *value);
bool tree_set_deferred(void *twin, int nid, int id, long value);
void tree_set_bit(void *twin, int nid, int id);

/* ---- tree_shrinker_debug.c ------------------------------------------------------- */

/* The late_initcall. All of them: 0 or an errno. */
int tree_debugfs_init(void);
int tree_debugfs_add(void *twin);
int tree_debugfs_rename(void *twin, const char *name);
/* The text of count, to be freed by free(), or NULL with an errno in *error. */
char *tree_count_read(void *twin, size_t *len, int *error);
/* What was written to scan, or an errno. */
long tree_scan_write(void *twin, const char *text, size_t len);

/* ---- tree_list_lru.c ---------------------------------------------------- */

struct list_head;
struct sp_lock;

/* NULL: no memory. key: the class of its locks. */
void *tree_lru_create(bool memcg_aware, void *shrinker, const void *key);
void tree_lru_destroy(void *lru);
bool tree_lru_is_memcg_aware(void *lru);
/* NULL: no shrinker's bit is set from now on. */
void tree_lru_set_shrinker(void *lru, void *shrinker);
/* memcg_list_lru_alloc(): 0 or -ENOMEM. */
int tree_lru_prepare(void *lru, void *memcg);
/* On the list that was made for this cgroup; 0: there is none. */
long tree_lru_own_items(void *lru, int nid, void *memcg);
/* Is there a list that takes its items? */
bool tree_lru_has_room(void *lru, int nid, void *memcg);
void tree_memcg_reparent_lrus(void *twin, void *parent);
/* In a child of fork: nobody else is in there. */
void tree_list_lrus_forked(void);
void tree_lru_forked(void *lru);
/* The lock of the cgroup's own list, of the node's where memcg is NULL, or NULL. */
struct sp_lock *tree_lru_lock(void *lru, int nid, void *memcg);
bool tree_lru_add(void *lru, struct list_head *item, int nid, void *memcg);
bool tree_lru_del(void *lru, struct list_head *item, int nid, void *memcg);
/* one: of seam_isolate(), in it. */
void tree_lru_isolate(void *one, struct list_head *item);
void tree_lru_isolate_move(void *one, struct list_head *item,
			   struct list_head *head);
long tree_lru_one_items(const void *one);
unsigned long tree_lru_count_one(void *lru, int nid, void *memcg);
unsigned long tree_lru_count_node(void *lru, int nid);
/* Each item goes to seam_isolate(walk, …). */
unsigned long tree_lru_walk_one(void *lru, int nid, void *memcg, void *walk,
				unsigned long *nr_to_walk);
unsigned long tree_lru_walk_node(void *lru, int nid, void *walk,
				 unsigned long *nr_to_walk);

/* ---- what the tree's files stand on: tree_env.c -------------------------- */

/* Of a call that did not come back: nothing is held any more. */
void tree_locks_forget(void);
/* How many rcu_read_lock() are not undone; from now on so many. */
unsigned int tree_rcu_sides(unsigned int now);

/* Code and data of the tree's files: tree_begin.c, tree_end.c. */
void tree_text_start(void);
void tree_text_end(void);
extern char tree_data_start[], tree_data_end[];
extern char tree_bss_start[], tree_bss_end[];

/* ---- the core, for the tree's files ------------------------------------- */

unsigned long seam_count(void *handle, struct seam_control *sc);
unsigned long seam_scan(void *handle, struct seam_control *sc);
/* An enum lru_status; with the lock, as it was called. */
int seam_isolate(void *walk, struct list_head *item, void *one,
		 struct sp_lock *lock);
/*
 * Before a pass asks for a reference: false, it gets none. What it still had,
 * it has lost. Does not return where the pass is to end.
 */
bool seam_hold(void *handle);
/* It got none, or gave it back. */
void seam_drop(void *handle);
void seam_scanned(unsigned long n);
void seam_trace_start(void *handle, long nr, long freeable, unsigned long delta,
		      long total_scan, int priority);
void seam_trace_end(void *handle, int nid, unsigned long freed, long nr,
		    long new_nr, long total_scan);

enum seam_site {
	SEAM_PLAIN = -1, /* of no site: never failed, not in the ledger */
};
/* A site of core.h. Filled with what is no zero, unless zero is asked for. */
void *seam_alloc(int site, int nid, size_t size, bool zero);
/* An attempt that takes no memory of its own. */
bool seam_attempt(int site);
void seam_free(const void *p);
/* fn(arg) when no pass that runs now is left. */
void seam_after_passes(void (*fn)(void *arg), void *arg);
/* The same for free; of an object that is not there any more for the ledger. */
void seam_free_after_passes(const void *p);

void seam_warn(bool pr_warn, const char *text, const char *where);
/* Out of the tree's files, from the middle; a status of core.h. */
_Noreturn void seam_leave(int status, const char *text);
_Noreturn void seam_oops(const char *fmt, va_list ap);
/* May a wait be given up, with SP_INTR? */
bool seam_may_give_up(void);
/* A lock of the core's, by this call; what it still has is given back where it is left. */
void seam_took(struct sp_lock *l);
void seam_gave(const struct sp_lock *l);

bool seam_memcg_disabled(void);
bool seam_kmem(void);
bool seam_memcg_online(void *handle);
unsigned long seam_memcg_ino(void *handle);
/* After prev's handle (NULL: first), with a reference; drops prev's. A twin. */
void *seam_memcg_iter(void *prev);
/* Below top and without references. */
void *seam_memcg_next(void *top, void *pos);
void *seam_memcg_by_ino(unsigned long ino);
void seam_memcg_get(void *handle);
void seam_memcg_put(void *handle);

/* Is this call under the lock that all writers of mm/shrinker.c take? */
bool seam_locked(void);

/* 0 and the dentry, or an errno. */
int seam_create_dir(const char *name, void **out);
void seam_create_file(void *dentry, const char *name);
int seam_rename_dir(void *dentry, const char *name);
bool seam_dir_is_called(void *dentry, const char *name);
void seam_remove_dir(void *dentry);

#endif
