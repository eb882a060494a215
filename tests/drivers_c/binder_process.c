// SPDX-License-Identifier: GPL-2.0-only
/*
 * What binder.c is to binder_alloc.c, as far as its shrinker can tell: a
 * process with a mapping, and an allocator on it.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "binder_alloc.h"

struct process {
	struct mm_struct *mm;
	struct vm_area_struct vma;
	struct binder_alloc alloc;
	bool mapped;
};

struct process *process_start(unsigned long pages)
{
	struct process *p = kzalloc(sizeof(*p), GFP_KERNEL);
	struct mm_struct *mine = current->mm;

	if (!p)
		return NULL;
	p->mm = mm_alloc();
	if (!p->mm)
		goto free;
	p->vma.vm_start = 1ul << 30;
	p->vma.vm_end = p->vma.vm_start + pages * PAGE_SIZE;
	kernel_vma_add(p->mm, &p->vma);
	current->mm = p->mm;
	binder_alloc_init(&p->alloc);
	current->mm = mine;
	if (binder_alloc_mmap_handler(&p->alloc, &p->vma))
		goto put;
	p->mapped = true;
	return p;
put:
	mmput(p->mm);
free:
	kfree(p);
	return NULL;
}

struct binder_buffer *process_buffer(struct process *p, size_t size)
{
	struct binder_buffer *buffer =
		binder_alloc_new_buf(&p->alloc, size, 0, 0, 0);

	return IS_ERR(buffer) ? NULL : buffer;
}

void process_done(struct process *p, struct binder_buffer *buffer)
{
	binder_alloc_free_buf(&p->alloc, buffer);
}

/* Its mm goes, while its allocator is still there. */
void process_dies(struct process *p)
{
	binder_alloc_vma_close(&p->alloc);
	mmput(p->mm);
	p->mapped = false;
}

void process_end(struct process *p)
{
	if (p->mapped)
		process_dies(p);
	binder_alloc_deferred_release(&p->alloc);
	kfree(p);
}

static int __init process_init(void)
{
	return binder_alloc_shrinker_init();
}

static void __exit process_exit(void)
{
	binder_alloc_shrinker_exit();
}

module_init(process_init);
module_exit(process_exit);
