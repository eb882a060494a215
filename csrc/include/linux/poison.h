/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: addresses that nothing is mapped at, of what was taken off. */
#ifndef _LINUX_POISON_H
#define _LINUX_POISON_H

#define POISON_POINTER_DELTA 0xdead000000000000UL
#define LIST_POISON1 ((void *)(POISON_POINTER_DELTA + 0x100))
#define LIST_POISON2 ((void *)(POISON_POINTER_DELTA + 0x122))
#define TIMER_ENTRY_STATIC ((void *)(POISON_POINTER_DELTA + 0x300))

#define VFS_PTR_POISON ((void *)(POISON_POINTER_DELTA + 0xf5))

#define PAGE_POISON 0xaa
#define POISON_INUSE 0x5a
#define POISON_FREE 0x6b
#define POISON_END 0xa5

#endif
