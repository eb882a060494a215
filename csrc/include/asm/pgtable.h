/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the types of page table entries and of protections, and the sizes.
 * Otherwise: there are no tables; what an entry says is its bits.
 */
#ifndef _ASM_PGTABLE_H
#define _ASM_PGTABLE_H

#include <asm/page.h>

typedef struct {
	unsigned long pte;
} pte_t;

typedef struct {
	unsigned long pmd;
} pmd_t;

typedef struct {
	unsigned long pud;
} pud_t;

typedef struct {
	unsigned long p4d;
} p4d_t;

typedef struct {
	unsigned long pgd;
} pgd_t;

typedef struct {
	unsigned long pgprot;
} pgprot_t;

#define __pte(x) ((pte_t){ (x) })
#define __pmd(x) ((pmd_t){ (x) })
#define __pud(x) ((pud_t){ (x) })
#define __p4d(x) ((p4d_t){ (x) })
#define __pgd(x) ((pgd_t){ (x) })
#define __pgprot(x) ((pgprot_t){ (x) })
#define pte_val(x) ((x).pte)
#define pmd_val(x) ((x).pmd)
#define pud_val(x) ((x).pud)
#define p4d_val(x) ((x).p4d)
#define pgd_val(x) ((x).pgd)
#define pgprot_val(x) ((x).pgprot)

#define PAGE_KERNEL __pgprot(0)
#define PAGE_KERNEL_RO __pgprot(0)
#define PAGE_KERNEL_EXEC __pgprot(0)
#define PAGE_SHARED __pgprot(0)
#define PAGE_READONLY __pgprot(0)
#define pgprot_noncached(prot) (prot)
#define pgprot_writecombine(prot) (prot)
#define pgprot_decrypted(prot) (prot)

#define PMD_SHIFT 21
#define PMD_SIZE (1ul << PMD_SHIFT)
#define PMD_MASK (~(PMD_SIZE - 1))
#define PMD_ORDER (PMD_SHIFT - PAGE_SHIFT)
#define PUD_SHIFT 30
#define PUD_SIZE (1ul << PUD_SHIFT)
#define PUD_MASK (~(PUD_SIZE - 1))
#define PUD_ORDER (PUD_SHIFT - PAGE_SHIFT)
#define PTRS_PER_PTE 512

/* As wide as the addresses of a process may be. */
#define MAX_PHYSMEM_BITS 52
#define MAX_POSSIBLE_PHYSMEM_BITS 52

#endif
