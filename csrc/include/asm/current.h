/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: current. */
#ifndef _ASM_CURRENT_H
#define _ASM_CURRENT_H

#include <linux/compiler.h>

struct task_struct;
struct task_struct *kernel_current(void);
#define current kernel_current()
#define get_current() kernel_current()

#endif
