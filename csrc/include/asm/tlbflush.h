/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: no table, so that nothing of one is kept anywhere. */
#ifndef _ASM_TLBFLUSH_H
#define _ASM_TLBFLUSH_H

#define flush_tlb_all() ((void)0)
#define flush_tlb_mm(mm) ((void)(mm))
#define flush_tlb_page(vma, address) ((void)(vma), (void)(address))
#define flush_tlb_range(vma, start, end)                                       \
	((void)(vma), (void)(start), (void)(end))
#define flush_tlb_kernel_range(start, end) ((void)(start), (void)(end))

#endif
