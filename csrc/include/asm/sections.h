/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: a load has no sections of an image. */
#ifndef _ASM_SECTIONS_H
#define _ASM_SECTIONS_H

#include <linux/compiler.h>
#include <linux/types.h>

#endif
