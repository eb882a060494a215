/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: nobody accounts the time of a task. */
#ifndef _LINUX_KERNEL_VTIME_H
#define _LINUX_KERNEL_VTIME_H
#endif
