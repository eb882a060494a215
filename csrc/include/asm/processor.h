/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: of a processor there is only how it waits. */
#ifndef _ASM_PROCESSOR_H
#define _ASM_PROCESSOR_H

#include <asm/barrier.h>
#include <linux/cache.h>
#include <linux/prefetch.h>

#define cpu_relax() SP_RELAX()
#define cpu_relax_yield() cpu_relax()

struct thread_struct {
	char none;
};

#endif
