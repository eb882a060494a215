/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what linux/ptrace.h has of it. */
#ifndef _ASM_PTRACE_H
#define _ASM_PTRACE_H

#include <linux/ptrace.h>

#endif
