/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: VM_BUG_ON() and theirs, which bug.h has. */
#ifndef _LINUX_MMDEBUG_H
#define _LINUX_MMDEBUG_H
#include <linux/bug.h>
#endif
