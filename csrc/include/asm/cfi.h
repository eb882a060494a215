/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: calls are not checked. */
#ifndef _ASM_CFI_H
#define _ASM_CFI_H
#endif
