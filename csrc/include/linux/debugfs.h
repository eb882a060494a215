/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: as without CONFIG_DEBUG_FS. What a shrinker has there is the core's. */
#ifndef _DEBUGFS_H_
#define _DEBUGFS_H_

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/seq_file.h>

struct dentry;

#define debugfs_create_dir(name, parent) ((struct dentry *)ERR_PTR(-ENODEV))
#define debugfs_create_file(name, mode, parent, data, fops)                    \
	((void)(data), (struct dentry *)ERR_PTR(-ENODEV))
#define debugfs_create_u32(name, mode, parent, value) ((void)(value))
#define debugfs_create_u64(name, mode, parent, value) ((void)(value))
#define debugfs_create_ulong(name, mode, parent, value) ((void)(value))
#define debugfs_create_bool(name, mode, parent, value) ((void)(value))
#define debugfs_create_atomic_t(name, mode, parent, value) ((void)(value))
#define debugfs_remove(dentry) ((void)(dentry))
#define debugfs_remove_recursive(dentry) ((void)(dentry))
#define debugfs_initialized() (false)

#endif
