/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: how a page is migrated, and why. */
#ifndef MIGRATE_MODE_H_INCLUDED
#define MIGRATE_MODE_H_INCLUDED

enum migrate_mode {
	MIGRATE_ASYNC,
	MIGRATE_SYNC_LIGHT,
	MIGRATE_SYNC,
};

enum migrate_reason {
	MR_COMPACTION,
	MR_MEMORY_FAILURE,
	MR_MEMORY_HOTPLUG,
	MR_SYSCALL,
	MR_MEMPOLICY_MBIND,
	MR_NUMA_MISPLACED,
	MR_CONTIG_RANGE,
	MR_LONGTERM_PIN,
	MR_DEMOTION,
	MR_DAMON,
	MR_TYPES,
};

typedef unsigned int isolate_mode_t;
#define ISOLATE_UNMAPPED ((isolate_mode_t)0x2)
#define ISOLATE_ASYNC_MIGRATE ((isolate_mode_t)0x4)
#define ISOLATE_UNEVICTABLE ((isolate_mode_t)0x8)

#endif
