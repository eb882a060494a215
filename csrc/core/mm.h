/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mm/ does: mm/shrinker.c, mm/shrinker_debug.c, mm/list_lru.c. port/ has
 * it as our port, original/ as a kernel tree's own files; core/ calls either.
 * With these go shrink_slab(), list_lru.h, introspect.h and debugfs's files,
 * which are declared where users see them.
 *
 * All of it under machine->lock, but for what says otherwise.
 */
#ifndef SP_MM_H
#define SP_MM_H

#include "internal.h"

/* Not under the lock. SP_BUSY: there can be no further machine beside another. */
enum sp_status mm_init(struct machine *m);
/* Not under the lock, with nothing of the machine left but its memory. */
void mm_exit(struct machine *m);
/* Round a fork, outside of all locks: what is not a machine's. */
void mm_fork_prepare(void);
void mm_fork_end(void);
/* In a child of fork, with no other thread's slot in use any more. */
void mm_forked(struct machine *m);
/* false: it was closed, and what mm/ has of it has gone to another. */
bool mm_is_there(const struct machine *m);

/* ---- a shrinker's life ------------------------------------------------- */

/* With its flags, fields and name as shrinker_alloc() leaves them. */
enum sp_status mm_shrinker_alloc(struct machine *m, unsigned int flags,
				 const char *name, struct shrinker **out);
/* false: it was not made by shrinker_alloc(), and that was warned of. */
bool mm_shrinker_register(struct machine *m, struct shrinker *s);
/*
 * The kernel's free of one that nobody runs: all but the memory of the handle.
 * SP_HANG: it would wait for ever, and the reference of register is gone; after
 * that every call says the same, and drops none. SP_OOPS, with reason. Neither
 * of them with force.
 */
enum sp_status mm_shrinker_free(struct machine *m, struct shrinker *s,
				bool force, struct sp_reason *reason);
/* The handle's memory, when no pass can see it any more. */
void mm_shrinker_release(struct machine *m, struct shrinker *s);

/* shrinker_debugfs_add(): SP_NOMEM, SP_ACCES, SP_EXIST. */
enum sp_status mm_debugfs_add(struct machine *m, struct shrinker *s);

/* ---- what a cgroup knows of shrinkers ---------------------------------- */

/* The tree has it already; parent is memcg->parent. */
enum sp_status mm_memcg_create(struct mem_cgroup *memcg);
/* alloc_shrinker_info() */
enum sp_status mm_memcg_online(struct mem_cgroup *memcg);
/* map_nr_max of its shrinker_info; -1 without one. */
int mm_map_nr_max(struct mem_cgroup *memcg, int nid);
/* reparent_shrinker_deferred() */
void mm_memcg_offline(struct mem_cgroup *memcg, struct mem_cgroup *parent);
/* It is off the tree: free_shrinker_info() */
void mm_memcg_release(struct mem_cgroup *memcg);
/* When no pass can see it any more. */
void mm_memcg_free(struct mem_cgroup *memcg);

/* ---- list_lrus --------------------------------------------------------- */

/* memcg's items go to its parent; not under the lock. */
enum sp_status list_lru_reparent(struct mem_cgroup *memcg,
				 struct sp_reason *reason);
void list_lru_forked(struct machine *m);
/* With the machine, before its cgroups; not under the lock. */
void list_lru_exit(struct machine *m);

#endif
