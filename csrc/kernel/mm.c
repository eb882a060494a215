// SPDX-License-Identifier: GPL-2.0-only
/* mm_structs: their references, and what is mapped in them. */
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "runtime.h"

struct mm_struct *mm_alloc(void)
{
	struct mm_struct *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (!mm)
		return NULL;
	atomic_set(&mm->mm_users, 1);
	atomic_set(&mm->mm_count, 1);
	mmap_init_lock(mm);
	spin_lock_init(&mm->page_table_lock);
	return mm;
}

static void unmap_all(struct mm_struct *mm)
{
	struct vm_area_struct *vma;

	mmap_write_lock(mm);
	while ((vma = mm->mmap)) {
		kernel_vma_remove(vma);
		if (vma->vm_ops && vma->vm_ops->close)
			vma->vm_ops->close(vma);
	}
	mmap_write_unlock(mm);
}

void mmput(struct mm_struct *mm)
{
	if (!atomic_dec_and_test(&mm->mm_users))
		return;
	unmap_all(mm);
	mmdrop(mm);
}

void mmdrop(struct mm_struct *mm)
{
	if (!atomic_dec_and_test(&mm->mm_count))
		return;
	mem_cgroup_put(mm->memcg);
	kfree(mm);
}

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long address)
{
	struct vm_area_struct *vma = mm->mmap;

	while (vma && vma->vm_end <= address)
		vma = vma->next;
	return vma;
}

struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long address)
{
	struct vm_area_struct *vma = find_vma(mm, address);

	return vma && vma->vm_start <= address ? vma : NULL;
}

void kernel_vma_add(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct vm_area_struct **p = &mm->mmap;

	while (*p && (*p)->vm_start < vma->vm_start)
		p = &(*p)->next;
	vma->vm_mm = mm;
	vma->next = *p;
	*p = vma;
}

void kernel_vma_remove(struct vm_area_struct *vma)
{
	struct vm_area_struct **p = &vma->vm_mm->mmap;

	while (*p && *p != vma)
		p = &(*p)->next;
	if (*p)
		*p = vma->next;
}
