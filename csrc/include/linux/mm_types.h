/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: of struct page, struct folio, struct mm_struct and struct
 * vm_area_struct what a shrinker's driver touches.
 * Otherwise: there are no page tables; a mapping is what somebody says it is.
 */
#ifndef _LINUX_MM_TYPES_H
#define _LINUX_MM_TYPES_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE (1ul << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define MAX_PAGE_ORDER 10
#define NR_PAGE_ORDERS (MAX_PAGE_ORDER + 1)

struct kernel_object;
struct address_space;
struct mem_cgroup;
struct file;

struct page {
	unsigned long flags;
	struct list_head lru;
	struct address_space *mapping;
	pgoff_t index;
	unsigned long private;
	atomic_t _refcount;
	atomic_t _mapcount;
	/* Otherwise than there: */
	void *virtual;
	struct page *head;
	struct kernel_object *object; /* NULL: of a slab object */
	int nid;
	unsigned int order;
};

struct folio {
	struct page page;
};

struct vm_area_struct;

struct vm_operations_struct {
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
};

struct mm_struct {
	atomic_t mm_users;
	atomic_t mm_count;
	struct rw_semaphore mmap_lock;
	spinlock_t page_table_lock;
	struct vm_area_struct *mmap; /* by address */
	struct mem_cgroup *memcg;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	const struct vm_operations_struct *vm_ops;
	struct file *vm_file;
	void *vm_private_data;
	struct vm_area_struct *next;
};

typedef int vm_fault_t;

#endif
