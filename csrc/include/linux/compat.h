/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: there are no programs of 32 bits. */
#ifndef _LINUX_COMPAT_H
#define _LINUX_COMPAT_H

#include <asm/compat.h>
#include <linux/types.h>

#define in_compat_syscall() (false)
#define compat_ptr(p) ((void __user *)(unsigned long)(p))
#define ptr_to_compat(p) ((u32)(unsigned long)(p))

#endif
