// SPDX-License-Identifier: GPL-2.0-only
/* References that are killed, and then end. */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/percpu-refcount.h>
#include <linux/slab.h>

int percpu_ref_init(struct percpu_ref *ref, percpu_ref_func_t *release,
		    unsigned int flags, gfp_t gfp)
{
	ref->memory = kmalloc(sizeof(long), gfp);
	if (!ref->memory)
		return -ENOMEM;
	ref->release = release;
	ref->dying = flags & PERCPU_REF_INIT_DEAD;
	atomic_long_set(&ref->count, ref->dying ? 0 : 1);
	return 0;
}

void percpu_ref_exit(struct percpu_ref *ref)
{
	kfree(ref->memory);
	ref->memory = NULL;
	ref->dying = true;
	atomic_long_set(&ref->count, 0);
}

bool percpu_ref_is_zero(struct percpu_ref *ref)
{
	return !atomic_long_read(&ref->count);
}

bool percpu_ref_tryget_many(struct percpu_ref *ref, unsigned long nr)
{
	return atomic_long_add_unless(&ref->count, (long)nr, 0);
}

void percpu_ref_put_many(struct percpu_ref *ref, unsigned long nr)
{
	const long left = atomic_long_sub_return((long)nr, &ref->count);

	WARN(left < 0, "a percpu_ref is put that nobody has\n");
	if (!left)
		ref->release(ref);
}

void percpu_ref_kill_and_confirm(struct percpu_ref *ref,
				 percpu_ref_func_t *confirm)
{
	if (WARN_ONCE(__atomic_exchange_n(&ref->dying, true, __ATOMIC_SEQ_CST),
		      "a percpu_ref is killed twice\n"))
		return;
	if (confirm)
		confirm(ref);
	percpu_ref_put_many(ref, 1);
}

void percpu_ref_resurrect(struct percpu_ref *ref)
{
	WARN_ON_ONCE(!ref->dying);
	percpu_ref_get_many(ref, 1);
	WRITE_ONCE(ref->dying, false);
}

void percpu_ref_reinit(struct percpu_ref *ref)
{
	WARN_ON_ONCE(!percpu_ref_is_zero(ref));
	percpu_ref_resurrect(ref);
}
