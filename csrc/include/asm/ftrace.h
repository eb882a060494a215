/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: functions are not traced. */
#ifndef _ASM_FTRACE_H
#define _ASM_FTRACE_H
#endif
