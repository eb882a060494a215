/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests see and change behind the core's back. A core that cannot answer
 * one of these is still a core.
 */
#ifndef SHRINKPY_INTROSPECT_H
#define SHRINKPY_INTROSPECT_H

#include <shrinkpy/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* shrinker_nr_max. */
SP_API int sp_peek_nr_max(struct machine *m);
/* The serials of shrinker_list in order; gives how many there are. */
SP_API size_t sp_peek_list(struct machine *m, unsigned long *serials,
			   size_t max);
/* refcount_read(&shrinker->refcount), the slots that hold it included. */
SP_API long sp_peek_refcount(struct shrinker *s);
/* Do readers store plainly, because writers have membarrier(2)? */
SP_API bool sp_peek_membarrier(struct machine *m);
/* References lost where kernel-memory accounting was off. */
SP_API unsigned long sp_peek_leaked(struct shrinker *s);
/* debugfs_id; -1 without an entry. */
SP_API int sp_peek_debugfs_id(struct shrinker *s);
/* How many nr_deferred it has of its own (0, 1 or one a node). */
SP_API int sp_peek_nr_own_deferred(struct shrinker *s);
/* map_nr_max; -1 without a shrinker_info. */
SP_API int sp_peek_map_nr_max(struct mem_cgroup *memcg, int nid);
SP_API bool sp_peek_bit(struct mem_cgroup *memcg, int nid, int id);
/*
 * The deferred count of id in memcg (memcg not NULL) or s's own; false when
 * there is no such place.
 */
SP_API bool sp_peek_deferred(struct shrinker *s, struct mem_cgroup *memcg,
			     int nid, long *value);
SP_API bool sp_poke_deferred(struct shrinker *s, struct mem_cgroup *memcg,
			     int nid, long value);
/* The same, of an id that no shrinker need have. */
SP_API bool sp_peek_unit_deferred(struct mem_cgroup *memcg, int nid, int id,
				  long *value);
SP_API void sp_poke_flags(struct shrinker *s, unsigned int clear,
			  unsigned int set);

#ifdef __cplusplus
}
#endif
#endif
