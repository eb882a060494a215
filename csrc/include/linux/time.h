/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches. */
#ifndef __KERNEL__
#include_next <linux/time.h>
#elif !defined(_LINUX_TIME_H)
#define _LINUX_TIME_H

#include <linux/time64.h>
#include <linux/time_types.h>
#include <linux/timekeeping.h>

#endif
