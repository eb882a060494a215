/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: the bits of mm->flags. */
#ifndef _LINUX_SCHED_COREDUMP_H
#define _LINUX_SCHED_COREDUMP_H

#include <linux/mm_types.h>

#define SUID_DUMP_DISABLE 0
#define SUID_DUMP_USER 1
#define SUID_DUMP_ROOT 2
#define MMF_DUMPABLE_BITS 2
#define MMF_DUMPABLE_MASK ((1 << MMF_DUMPABLE_BITS) - 1)
#define MMF_VM_MERGEABLE 16
#define MMF_VM_HUGEPAGE 17
#define MMF_HAS_UPROBES 19
#define MMF_RECALC_UPROBES 20
#define MMF_OOM_SKIP 21
#define MMF_UNSTABLE 22
#define MMF_HUGE_ZERO_PAGE 23
#define MMF_DISABLE_THP 24
#define MMF_OOM_REAP_QUEUED 25
#define MMF_MULTIPROCESS 26
#define MMF_HAS_PINNED 27
#define MMF_HAS_MDWE 28
#define MMF_HAS_MDWE_NO_INHERIT 29
#define MMF_VM_MERGE_ANY 30
#define MMF_TOPDOWN 31

#define get_dumpable(mm) ((int)((mm)->flags & MMF_DUMPABLE_MASK))

#endif
