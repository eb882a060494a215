/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: there are no other modules to be had. */
#ifndef __LINUX_KMOD_H__
#define __LINUX_KMOD_H__

#include <linux/errno.h>

#define request_module(fmt, ...) (-ENOENT)
#define request_module_nowait(fmt, ...) (-ENOENT)
#define try_then_request_module(x, fmt, ...) (x)

#endif
