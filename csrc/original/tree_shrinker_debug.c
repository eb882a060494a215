// SPDX-License-Identifier: GPL-2.0-only
/* The tree's mm/shrinker_debug.c, unmodified, and its files for the core. */
#include <linux/debugfs.h>
#include <linux/idr.h>
#include <linux/memcontrol.h>
#include <linux/seq_file.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include "tree.h"
#include "tree_env.h"

static int alloc_debugfs_id(struct ida *ida, gfp_t gfp)
{
	if (!seam_attempt(SP_SITE_IDA))
		return -ENOMEM;
	return ida_alloc_range(ida, 0, ~0U, gfp);
}

#undef ida_alloc
#define ida_alloc alloc_debugfs_id
#undef late_initcall
#define late_initcall(fn)                                                      \
	int tree_debugfs_init(void)                                            \
	{                                                                      \
		return fn();                                                   \
	}

#include TREE_FILE

int tree_debugfs_add(void *twin)
{
	return shrinker_debugfs_add(twin);
}

int tree_debugfs_rename(void *twin, const char *name)
{
	return shrinker_debugfs_rename(twin, "%s", name);
}

/* ---- a file, opened and used once ---------------------------------------- */

struct opened {
	struct inode inode;
	struct file file;
	struct seq_file seq;
	int (*show)(struct seq_file *m, void *v);
};

int single_open(struct file *file, int (*show)(struct seq_file *m, void *v),
		void *data)
{
	struct opened *o = container_of(file, struct opened, file);

	o->seq.private = data;
	o->show = show;
	return 0;
}

static int open_file(struct opened *o, const struct file_operations *fops,
		     void *twin)
{
	*o = (struct opened){ .inode.i_private = twin };
	return fops->open ? fops->open(&o->inode, &o->file) : 0;
}

char *tree_count_read(void *twin, size_t *len, int *error)
{
	struct opened o;

	*error = open_file(&o, &shrinker_debugfs_count_fops, twin);
	if (!*error)
		*error = o.show(&o.seq, NULL);
	/* At least the NUL behind it. */
	seq_write(&o.seq, "", 0);
	if (!*error && o.seq.failed)
		*error = -ENOMEM;
	if (*error) {
		kernel_seq_free(&o.seq);
		return NULL;
	}
	*len = o.seq.count;
	return o.seq.buf;
}

long tree_scan_write(void *twin, const char *text, size_t len)
{
	const struct file_operations *fops = &shrinker_debugfs_scan_fops;
	loff_t pos = 0;
	struct opened o;
	int error = open_file(&o, fops, twin);

	return error ? error :
		       fops->write(&o.file, (const char __user *)text, len,
				   &pos);
}
