/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what device.h has of it. */
#ifndef _LINUX_PM_WAKEUP_H
#define _LINUX_PM_WAKEUP_H

#include <linux/device.h>

#endif
