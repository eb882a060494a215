/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: of struct page, struct folio, struct mm_struct and struct
 * vm_area_struct what a shrinker's driver touches.
 * Otherwise: there are no page tables; a mapping is what somebody says it is.
 */
#ifndef _LINUX_MM_TYPES_H
#define _LINUX_MM_TYPES_H

#include <asm/pgtable.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/pfn.h>
#include <linux/rwsem.h>
#include <linux/spinlock_types.h>
#include <linux/time64.h>
#include <linux/types.h>

#define MAX_PAGE_ORDER 10
#define PAGE_ALLOC_COSTLY_ORDER 3
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
	unsigned int order; /* of a compound one's head, else 0 */
	unsigned int page_type;
	unsigned int caching; /* KERNEL_CACHED_*, see asm/set_memory.h */
};

/* Its head page, whose members it has itself. */
struct folio {
	union {
		struct page page;
		struct {
			unsigned long flags;
			struct list_head lru;
			struct address_space *mapping;
			pgoff_t index;
			void *private;
			atomic_t _refcount;
			atomic_t _mapcount;
		};
	};
};

_Static_assert(offsetof(struct folio, private) ==
		       offsetof(struct page, private),
	       "a folio is its head page");
_Static_assert(offsetof(struct folio, _mapcount) ==
		       offsetof(struct page, _mapcount),
	       "a folio is its head page");

typedef struct {
	unsigned long val;
} swp_entry_t;

typedef unsigned int zap_flags_t;
typedef unsigned int vm_fault_t;
typedef unsigned long vm_flags_t;

enum vm_fault_reason {
	VM_FAULT_OOM = 0x1,
	VM_FAULT_SIGBUS = 0x2,
	VM_FAULT_MAJOR = 0x4,
	VM_FAULT_HWPOISON = 0x10,
	VM_FAULT_HWPOISON_LARGE = 0x20,
	VM_FAULT_SIGSEGV = 0x40,
	VM_FAULT_NOPAGE = 0x100,
	VM_FAULT_LOCKED = 0x200,
	VM_FAULT_RETRY = 0x400,
	VM_FAULT_FALLBACK = 0x800,
	VM_FAULT_DONE_COW = 0x1000,
	VM_FAULT_NEEDDSYNC = 0x2000,
	VM_FAULT_COMPLETED = 0x4000,
};
#define VM_FAULT_ERROR                                                         \
	(VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV |                   \
	 VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE | VM_FAULT_FALLBACK)

enum fault_flag {
	FAULT_FLAG_WRITE = 1 << 0,
	FAULT_FLAG_MKWRITE = 1 << 1,
	FAULT_FLAG_ALLOW_RETRY = 1 << 2,
	FAULT_FLAG_RETRY_NOWAIT = 1 << 3,
	FAULT_FLAG_KILLABLE = 1 << 4,
	FAULT_FLAG_TRIED = 1 << 5,
	FAULT_FLAG_USER = 1 << 6,
	FAULT_FLAG_REMOTE = 1 << 7,
	FAULT_FLAG_INSTRUCTION = 1 << 8,
	FAULT_FLAG_INTERRUPTIBLE = 1 << 9,
};

struct vm_area_struct;
struct vm_userfaultfd_ctx {
	char nothing_[0];
};

struct vm_fault {
	struct vm_area_struct *vma;
	gfp_t gfp_mask;
	pgoff_t pgoff;
	unsigned long address;
	unsigned long real_address;
	enum fault_flag flags;
	pmd_t *pmd;
	pud_t *pud;
	pte_t orig_pte;
	struct page *cow_page;
	struct page *page;
	pte_t *pte;
	spinlock_t *ptl;
};

struct vm_operations_struct {
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
	int (*may_split)(struct vm_area_struct *vma, unsigned long address);
	int (*mremap)(struct vm_area_struct *vma);
	vm_fault_t (*fault)(struct vm_fault *vmf);
	vm_fault_t (*huge_fault)(struct vm_fault *vmf, unsigned int order);
	vm_fault_t (*page_mkwrite)(struct vm_fault *vmf);
	vm_fault_t (*pfn_mkwrite)(struct vm_fault *vmf);
	int (*access)(struct vm_area_struct *vma, unsigned long address,
		      void *buf, int len, int write);
};

struct mm_struct {
	atomic_t mm_users;
	atomic_t mm_count;
	struct rw_semaphore mmap_lock;
	spinlock_t page_table_lock;
	unsigned long flags; /* MMF_* */
	unsigned long total_vm;
	struct vm_area_struct *mmap; /* by address */
	struct mem_cgroup *memcg;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	pgprot_t vm_page_prot;
	unsigned long vm_pgoff;
	const struct vm_operations_struct *vm_ops;
	struct file *vm_file;
	void *vm_private_data;
	struct vm_area_struct *next;
};

#endif
