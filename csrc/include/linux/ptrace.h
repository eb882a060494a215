/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: nobody is traced. */
#ifndef _LINUX_PTRACE_H
#define _LINUX_PTRACE_H

#include <linux/sched.h>

struct pt_regs {
	unsigned long none;
};

#endif
