/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the counters of zones and nodes.
 * Otherwise: they are what drivers of this load add to them, exact at once;
 * events are not counted.
 */
#ifndef _LINUX_VMSTAT_H
#define _LINUX_VMSTAT_H

#include <linux/mm_types.h>
#include <linux/mmzone.h>

#define count_vm_event(item) ((void)0)
#define count_vm_events(item, n) ((void)(n))
#define __count_vm_event(item) ((void)0)
#define __count_vm_events(item, n) ((void)(n))
#define count_memcg_events(memcg, item, n) ((void)(memcg), (void)(n))
#define count_memcg_event_mm(mm, item) ((void)(mm))
#define count_objcg_events(objcg, item, n) ((void)(objcg), (void)(n))
#define count_objcg_event(objcg, item) ((void)(objcg))

unsigned long global_node_page_state(enum node_stat_item item);
unsigned long global_zone_page_state(enum zone_stat_item item);

static inline void mod_zone_page_state(struct zone *zone,
				       enum zone_stat_item item, long n)
{
	atomic_long_add(n, &zone->vm_stat[item]);
}

static inline void mod_node_page_state(struct pglist_data *pgdat,
				       enum node_stat_item item, long n)
{
	atomic_long_add(n, &pgdat->vm_stat[item]);
}

/* What a race made negative is read as nothing. */
static inline unsigned long zone_page_state(struct zone *zone,
					    enum zone_stat_item item)
{
	const long n = atomic_long_read(&zone->vm_stat[item]);

	return n < 0 ? 0 : (unsigned long)n;
}

static inline unsigned long node_page_state(struct pglist_data *pgdat,
					    enum node_stat_item item)
{
	const long n = atomic_long_read(&pgdat->vm_stat[item]);

	return n < 0 ? 0 : (unsigned long)n;
}

/* Of a folio's node. */
#define node_stat_mod_folio(folio, item, n)                                    \
	mod_node_page_state(folio_pgdat(folio), item, n)

#define node_page_state_pages node_page_state
#define global_node_page_state_pages global_node_page_state
#define __mod_zone_page_state mod_zone_page_state
#define __mod_node_page_state mod_node_page_state
#define inc_zone_page_state(page, item)                                        \
	mod_zone_page_state(page_zone(page), item, 1)
#define dec_zone_page_state(page, item)                                        \
	mod_zone_page_state(page_zone(page), item, -1)
#define inc_node_page_state(page, item)                                        \
	mod_node_page_state(page_pgdat(page), item, 1)
#define dec_node_page_state(page, item)                                        \
	mod_node_page_state(page_pgdat(page), item, -1)
#define inc_node_state(pgdat, item) mod_node_page_state(pgdat, item, 1)
#define node_stat_add_folio(folio, item)                                       \
	mod_node_page_state(folio_pgdat(folio), item, folio_nr_pages(folio))
#define node_stat_sub_folio(folio, item)                                       \
	mod_node_page_state(folio_pgdat(folio), item, -folio_nr_pages(folio))
#define mod_lruvec_page_state(page, item, n)                                   \
	mod_node_page_state(page_pgdat(page), item, n)
#define mod_lruvec_state(lruvec, item, n)                                      \
	mod_node_page_state(lruvec_pgdat(lruvec), item, n)
#define __mod_lruvec_state mod_lruvec_state
#define lruvec_page_state(lruvec, item)                                        \
	node_page_state(lruvec_pgdat(lruvec), item)
#define lruvec_page_state_local lruvec_page_state
#define lruvec_stat_mod_folio(folio, item, n)                                  \
	mod_node_page_state(folio_pgdat(folio), item, n)
#define __lruvec_stat_mod_folio lruvec_stat_mod_folio

#endif
