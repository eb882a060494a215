/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: do_div(). */
#ifndef _ASM_DIV64_H
#define _ASM_DIV64_H

#include <linux/math64.h>

#endif
