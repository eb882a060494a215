/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For mm/shrinker_debug.c: directories below shrinker/, and the files in them,
 * which the core lists and calls.
 */
#ifndef _DEBUGFS_H_
#define _DEBUGFS_H_

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

struct dentry;

struct file_operations {
	struct module *owner;
	loff_t (*llseek)(struct file *file, loff_t offset, int whence);
	ssize_t (*read)(struct file *file, char __user *to, size_t n,
			loff_t *pos);
	ssize_t (*write)(struct file *file, const char __user *from, size_t n,
			 loff_t *pos);
	int (*open)(struct inode *inode, struct file *file);
	int (*release)(struct inode *inode, struct file *file);
};

static inline int nonseekable_open(struct inode *inode, struct file *file)
{
	(void)inode;
	(void)file;
	return 0;
}

struct dentry *debugfs_create_dir(const char *name, struct dentry *parent);
struct dentry *debugfs_create_file(const char *name, umode_t mode,
				   struct dentry *parent, void *data,
				   const struct file_operations *fops);
void debugfs_remove(struct dentry *dentry);
#define debugfs_remove_recursive(dentry) debugfs_remove(dentry)
/* Up to 6.13, and from 6.14 on. */
struct dentry *debugfs_rename(struct dentry *old_dir, struct dentry *entry,
			      struct dentry *new_dir, const char *name);
int debugfs_change_name(struct dentry *entry, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
