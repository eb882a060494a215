/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: there are no clocks of the processor's own. */
#ifndef _ASM_TRACE_CLOCK_H
#define _ASM_TRACE_CLOCK_H

#define ARCH_TRACE_CLOCKS

#endif
