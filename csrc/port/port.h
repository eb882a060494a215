/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the port have of each other; core/ knows mm.h only. */
#ifndef SP_PORT_H
#define SP_PORT_H

#include "../core/internal.h"
#include "../core/mm.h"

/* ---- ids.c ------------------------------------------------------------- */

int id_alloc(struct machine *m, struct id_table **table, void *p);
void id_free(struct id_table *table, int id);

/* ---- shrinker.c -------------------------------------------------------- */

/* SP_NOMEM leaves it as it was. text NULL takes it away. */
enum sp_status set_name(struct machine *m, struct shrinker *s,
			const char *text);

/* ---- shrinker_info.c --------------------------------------------------- */

/* Makes room for id everywhere; a failure keeps what has grown already. */
enum sp_status expand_shrinker_info(struct machine *m, int id);
struct shrinker_info_unit *unit_of(struct mem_cgroup *memcg, int nid, int id);
struct shrinker_info *memcg_info(struct mem_cgroup *memcg, int nid);
long *memcg_deferred(struct mem_cgroup *memcg, int nid, int id);

/* ---- list_lru_memcg.c -------------------------------------------------- */

void list_lru_forget(struct machine *m, struct mem_cgroup *memcg);

/* ---- shrinker_debug.c -------------------------------------------------- */

void debugfs_remove(struct machine *m, struct shrinker *s);

#endif
