/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: a thread is libc's; its stack has what libc gave it. */
#ifndef _ASM_THREAD_INFO_H
#define _ASM_THREAD_INFO_H

#define THREAD_SIZE_ORDER 2
#define THREAD_SIZE (4096ul << THREAD_SIZE_ORDER)

#endif
