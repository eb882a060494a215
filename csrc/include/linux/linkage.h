/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: how functions are called is the compiler's business. */
#ifndef _LINUX_LINKAGE_H
#define _LINUX_LINKAGE_H

#include <linux/compiler_types.h>
#include <linux/export.h>
#include <linux/stringify.h>

#define asmlinkage_protect(n, ret, ...)

#endif
