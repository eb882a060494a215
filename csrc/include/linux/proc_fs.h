/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: as without CONFIG_PROC_FS. */
#ifndef _LINUX_PROC_FS_H
#define _LINUX_PROC_FS_H

#include <linux/fs.h>
#include <linux/seq_file.h>

struct file;
struct inode;
struct iov_iter;
struct kiocb;
struct poll_table_struct;
struct proc_dir_entry;
struct vm_area_struct;

struct proc_ops {
	unsigned int proc_flags;
	int (*proc_open)(struct inode *inode, struct file *file);
	ssize_t (*proc_read)(struct file *file, char __user *to, size_t n,
			     loff_t *pos);
	ssize_t (*proc_read_iter)(struct kiocb *io, struct iov_iter *to);
	ssize_t (*proc_write)(struct file *file, const char __user *from,
			      size_t n, loff_t *pos);
	loff_t (*proc_lseek)(struct file *file, loff_t offset, int whence);
	int (*proc_release)(struct inode *inode, struct file *file);
	__poll_t (*proc_poll)(struct file *file,
			      struct poll_table_struct *table);
	long (*proc_ioctl)(struct file *file, unsigned int command,
			   unsigned long arg);
	int (*proc_mmap)(struct file *file, struct vm_area_struct *vma);
};

/* There is no entry, so that there is no inode of one. */
void *pde_data(const struct inode *inode);

#define proc_mkdir(name, parent) ((struct proc_dir_entry *)NULL)
#define proc_create(name, mode, parent, ops) ((struct proc_dir_entry *)NULL)
#define proc_create_single(name, mode, parent, show)                           \
	((void)(show), (struct proc_dir_entry *)NULL)
#define proc_create_data(name, mode, parent, ops, data)                        \
	((void)(data), (struct proc_dir_entry *)NULL)
#define proc_create_seq(name, mode, parent, ops) ((struct proc_dir_entry *)NULL)
#define proc_create_seq_data(name, mode, parent, ops, data)                    \
	((void)(data), (struct proc_dir_entry *)NULL)
#define proc_create_single_data(name, mode, parent, show, data)                \
	((void)(show), (void)(data), (struct proc_dir_entry *)NULL)
#define proc_mkdir_data(name, mode, parent, data) proc_mkdir(name, parent)
#define proc_symlink(name, parent, to) ((struct proc_dir_entry *)NULL)
#define proc_set_size(entry, size) ((void)(entry))
#define remove_proc_subtree(name, parent) ((void)(parent), 0)
#define remove_proc_entry(name, parent) ((void)(parent))
#define proc_remove(entry) ((void)(entry))

#endif
