/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's list node, which <linux/types.h> has, for who has only us. */
#ifndef SHRINKPY_LIST_HEAD_H
#define SHRINKPY_LIST_HEAD_H

struct list_head {
	struct list_head *next, *prev;
};

#endif
