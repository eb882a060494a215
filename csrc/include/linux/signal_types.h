/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: names. Otherwise: none of them is sent. */
#ifndef _LINUX_SIGNAL_TYPES_H
#define _LINUX_SIGNAL_TYPES_H

#include <linux/list.h>
#include <linux/types.h>

typedef struct kernel_siginfo {
	int si_signo;
	int si_errno;
	int si_code;
} kernel_siginfo_t;

struct sigpending {
	struct list_head list;
	sigset_t signal;
};

#endif
