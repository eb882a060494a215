/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the callbacks of CPUs that come and go.
 * Otherwise: the one CPU comes when a state is set up and goes when it is
 * removed; all states are dynamic ones.
 */
#ifndef __CPUHOTPLUG_H
#define __CPUHOTPLUG_H

#include <linux/list.h>
#include <linux/types.h>

enum cpuhp_state {
	CPUHP_INVALID = -1,
	CPUHP_OFFLINE = 0,
	/* Fixed ones by name. */
	CPUHP_MM_WRITEBACK_DEAD,
	CPUHP_MM_VMSTAT_DEAD,
	CPUHP_MM_ZS_PREPARE,
	CPUHP_MM_ZSWP_POOL_PREPARE,
	CPUHP_MM_MEMCQ_DEAD,
	CPUHP_PERCPU_CNT_DEAD,
	CPUHP_RADIX_DEAD,
	CPUHP_PAGE_ALLOC,
	CPUHP_SLUB_DEAD,
	CPUHP_FS_BUFF_DEAD,
	CPUHP_BLK_MQ_DEAD,
	CPUHP_MD_RAID5_PREPARE,
	CPUHP_KVM_PPC_BOOK3S_PREPARE,
	CPUHP_ZCOMP_PREPARE,
	CPUHP_AP_ONLINE,
	CPUHP_BP_PREPARE_DYN = 64,
	CPUHP_BP_PREPARE_DYN_END = CPUHP_BP_PREPARE_DYN + 20,
	CPUHP_AP_ONLINE_DYN = 128,
	CPUHP_AP_ONLINE_DYN_END = CPUHP_AP_ONLINE_DYN + 40,
	CPUHP_ONLINE,
};

/* 0, or of a dynamic one its number; what startup() said; -EBUSY: taken. */
int kernel_cpuhp_setup(enum cpuhp_state state, const char *name, bool call,
		       bool multi, int (*startup)(unsigned int cpu),
		       int (*teardown)(unsigned int cpu));
void kernel_cpuhp_remove(enum cpuhp_state state, bool call);
int kernel_cpuhp_add(enum cpuhp_state state, struct hlist_node *node,
		     bool call);
void kernel_cpuhp_del(enum cpuhp_state state, struct hlist_node *node,
		      bool call);

#define cpuhp_setup_state(state, name, startup, teardown)                      \
	kernel_cpuhp_setup(state, name, true, false, startup, teardown)
#define cpuhp_setup_state_nocalls(state, name, startup, teardown)              \
	kernel_cpuhp_setup(state, name, false, false, startup, teardown)
#define cpuhp_setup_state_cpuslocked cpuhp_setup_state
#define cpuhp_setup_state_nocalls_cpuslocked cpuhp_setup_state_nocalls
#define cpuhp_setup_state_multi(state, name, startup, teardown)                \
	kernel_cpuhp_setup(state, name, false, true,                           \
			   (int (*)(unsigned int))(void *)(startup),           \
			   (int (*)(unsigned int))(void *)(teardown))
#define cpuhp_remove_state(state) kernel_cpuhp_remove(state, true)
#define cpuhp_remove_state_nocalls(state) kernel_cpuhp_remove(state, false)
#define cpuhp_remove_multi_state(state) kernel_cpuhp_remove(state, false)
#define cpuhp_state_add_instance(state, node)                                  \
	kernel_cpuhp_add(state, node, true)
#define cpuhp_state_add_instance_nocalls(state, node)                          \
	kernel_cpuhp_add(state, node, false)
#define cpuhp_state_remove_instance(state, node)                               \
	kernel_cpuhp_del(state, node, true)
#define cpuhp_state_remove_instance_nocalls(state, node)                       \
	kernel_cpuhp_del(state, node, false)

#endif
