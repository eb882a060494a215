/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what sched.h has of it. */
#ifndef _LINUX_SCHED_SIGNAL_H
#define _LINUX_SCHED_SIGNAL_H
#include <linux/sched.h>
#endif
