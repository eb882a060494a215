/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: the ledger knows who allocated. */
#ifndef _LINUX_ALLOC_TAG_H
#define _LINUX_ALLOC_TAG_H

#include <linux/gfp_types.h>
#include <linux/numa.h>

struct alloc_tag {
	char none;
};

#define DEFINE_ALLOC_TAG(name)
#define alloc_tag_record(p) ((void)0) /* p need not be there */
#define alloc_hooks(call) (call)
#define alloc_hooks_tag(tag, call) (call)

#endif
