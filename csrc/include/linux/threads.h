/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: one CPU. */
#ifndef _LINUX_THREADS_H
#define _LINUX_THREADS_H

#define NR_CPUS 1

#endif
