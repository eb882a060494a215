/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: every address will do for every device. */
#ifndef _ASM_DMA_H
#define _ASM_DMA_H

#define MAX_DMA_ADDRESS (~0ul)

#endif
