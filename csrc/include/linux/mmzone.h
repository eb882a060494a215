/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: nodes, zones, LRU lists by their names, and their statistics.
 * Otherwise: a node has one zone, ZONE_NORMAL, whose counters are those of the
 * node; no page is on a list but by who put it there.
 */
#ifndef _LINUX_MMZONE_H
#define _LINUX_MMZONE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/page-flags.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#define PAGE_ALLOC_COSTLY_ORDER 3
#define MAX_ORDER_NR_PAGES (1ul << MAX_PAGE_ORDER)
#define pageblock_order 9u
#define pageblock_nr_pages (1ul << pageblock_order)
#define SWAP_CLUSTER_MAX 32ul

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES,
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_CMA,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES,
};

enum zone_type {
	ZONE_DMA,
	ZONE_DMA32,
	ZONE_NORMAL,
	ZONE_MOVABLE,
	__MAX_NR_ZONES,
};
#define MAX_NR_ZONES 4

enum zone_stat_item {
	NR_FREE_PAGES,
	NR_ZONE_LRU_BASE,
	NR_ZONE_INACTIVE_ANON = NR_ZONE_LRU_BASE,
	NR_ZONE_ACTIVE_ANON,
	NR_ZONE_INACTIVE_FILE,
	NR_ZONE_ACTIVE_FILE,
	NR_ZONE_UNEVICTABLE,
	NR_ZONE_WRITE_PENDING,
	NR_MLOCK,
	NR_BOUNCE,
	NR_ZSPAGES,
	NR_FREE_CMA_PAGES,
	NR_VM_ZONE_STAT_ITEMS,
};

enum meminit_context {
	MEMINIT_EARLY,
	MEMINIT_HOTPLUG,
};

enum node_stat_item {
	NR_LRU_BASE,
	NR_INACTIVE_ANON = NR_LRU_BASE,
	NR_ACTIVE_ANON,
	NR_INACTIVE_FILE,
	NR_ACTIVE_FILE,
	NR_UNEVICTABLE,
	NR_SLAB_RECLAIMABLE_B,
	NR_SLAB_UNRECLAIMABLE_B,
	NR_ISOLATED_ANON,
	NR_ISOLATED_FILE,
	WORKINGSET_NODES,
	WORKINGSET_REFAULT_BASE,
	WORKINGSET_REFAULT_ANON = WORKINGSET_REFAULT_BASE,
	WORKINGSET_REFAULT_FILE,
	WORKINGSET_ACTIVATE_BASE,
	WORKINGSET_ACTIVATE_ANON = WORKINGSET_ACTIVATE_BASE,
	WORKINGSET_ACTIVATE_FILE,
	WORKINGSET_RESTORE_BASE,
	WORKINGSET_RESTORE_ANON = WORKINGSET_RESTORE_BASE,
	WORKINGSET_RESTORE_FILE,
	WORKINGSET_NODERECLAIM,
	NR_ANON_MAPPED,
	NR_FILE_MAPPED,
	NR_FILE_PAGES,
	NR_FILE_DIRTY,
	NR_WRITEBACK,
	NR_WRITEBACK_TEMP,
	NR_SHMEM,
	NR_SHMEM_THPS,
	NR_SHMEM_PMDMAPPED,
	NR_FILE_THPS,
	NR_FILE_PMDMAPPED,
	NR_ANON_THPS,
	NR_VMSCAN_WRITE,
	NR_VMSCAN_IMMEDIATE,
	NR_DIRTIED,
	NR_WRITTEN,
	NR_THROTTLED_WRITTEN,
	NR_KERNEL_MISC_RECLAIMABLE,
	NR_FOLL_PIN_ACQUIRED,
	NR_FOLL_PIN_RELEASED,
	NR_KERNEL_STACK_KB,
	NR_PAGETABLE,
	NR_SECONDARY_PAGETABLE,
	NR_SWAPCACHE,
	PGDEMOTE_KSWAPD,
	PGDEMOTE_DIRECT,
	PGDEMOTE_KHUGEPAGED,
	NR_VM_NODE_STAT_ITEMS,
};

#define LRU_BASE 0
#define LRU_ACTIVE 1
#define LRU_FILE 2

enum lru_list {
	LRU_INACTIVE_ANON = LRU_BASE,
	LRU_ACTIVE_ANON = LRU_BASE + LRU_ACTIVE,
	LRU_INACTIVE_FILE = LRU_BASE + LRU_FILE,
	LRU_ACTIVE_FILE = LRU_BASE + LRU_FILE + LRU_ACTIVE,
	LRU_UNEVICTABLE,
	NR_LRU_LISTS,
};

#define for_each_lru(lru) for ((lru) = 0; (lru) < NR_LRU_LISTS; (lru)++)
#define for_each_evictable_lru(lru)                                            \
	for ((lru) = 0; (lru) <= LRU_ACTIVE_FILE; (lru)++)

static inline bool is_file_lru(enum lru_list lru)
{
	return lru == LRU_INACTIVE_FILE || lru == LRU_ACTIVE_FILE;
}

static inline bool is_active_lru(enum lru_list lru)
{
	return lru == LRU_ACTIVE_ANON || lru == LRU_ACTIVE_FILE;
}

#define ANON_AND_FILE 2

struct pglist_data;

struct lruvec {
	struct list_head lists[NR_LRU_LISTS];
	spinlock_t lru_lock;
	unsigned long anon_cost;
	unsigned long file_cost;
	atomic_long_t nonresident_age;
	unsigned long refaults[ANON_AND_FILE];
	unsigned long flags;
	struct pglist_data *pgdat;
};

struct zone {
	const char *name;
	int node;
	struct pglist_data *zone_pgdat;
	unsigned long present_pages;
	unsigned long spanned_pages;
	unsigned long zone_start_pfn;
	atomic_long_t managed_pages;
	spinlock_t lock;
	atomic_long_t vm_stat[NR_VM_ZONE_STAT_ITEMS];
};

typedef struct pglist_data {
	struct zone node_zones[MAX_NR_ZONES];
	int nr_zones;
	int node_id;
	unsigned long node_start_pfn;
	unsigned long node_present_pages;
	unsigned long node_spanned_pages;
	wait_queue_head_t kswapd_wait;
	struct task_struct *kswapd;
	struct lruvec __lruvec;
	unsigned long flags;
	atomic_long_t vm_stat[NR_VM_NODE_STAT_ITEMS];
} pg_data_t;

struct pglist_data *kernel_node_data(int nid);
#define NODE_DATA(nid) kernel_node_data(nid)
#define page_pgdat(page) NODE_DATA((page)->nid)
#define folio_pgdat(folio) page_pgdat(&(folio)->page)
#define page_zone(page) (&page_pgdat(page)->node_zones[ZONE_NORMAL])
#define folio_zone(folio) page_zone(&(folio)->page)
#define page_zonenum(page) ((void)(page), ZONE_NORMAL)
#define zone_idx(zone) ((zone) - (zone)->zone_pgdat->node_zones)
#define zone_to_nid(zone) ((zone)->node)
#define zone_managed_pages(zone)                                               \
	((unsigned long)atomic_long_read(&(zone)->managed_pages))
#define populated_zone(zone) ((zone)->present_pages > 0)
#define lruvec_pgdat(lruvec) ((lruvec)->pgdat)
#define for_each_online_pgdat(pgdat)                                           \
	for (int nid_ = 0;                                                     \
	     nid_ < (int)nr_node_ids && ((pgdat) = NODE_DATA(nid_), true);     \
	     nid_++)
#define for_each_populated_zone(zone)                                          \
	for (int nid_ = 0;                                                     \
	     nid_ < (int)nr_node_ids &&                                        \
	     ((zone) = &NODE_DATA(nid_)->node_zones[ZONE_NORMAL], true);       \
	     nid_++)

#endif
