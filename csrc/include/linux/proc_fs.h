/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: as without CONFIG_PROC_FS. */
#ifndef _LINUX_PROC_FS_H
#define _LINUX_PROC_FS_H

#include <linux/seq_file.h>

struct proc_dir_entry;

#define proc_mkdir(name, parent) ((struct proc_dir_entry *)NULL)
#define proc_create(name, mode, parent, ops) ((struct proc_dir_entry *)NULL)
#define proc_create_single(name, mode, parent, show)                           \
	((void)(show), (struct proc_dir_entry *)NULL)
#define remove_proc_entry(name, parent) ((void)(parent))
#define proc_remove(entry) ((void)(entry))

#endif
