/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: there are no probes. */
#ifndef _ASM_KPROBES_H
#define _ASM_KPROBES_H
#endif
