/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what a tree's include/ has of it for Arm, which is for any 64 bits. */
#ifndef _ASM_XEN_PAGE_H
#define _ASM_XEN_PAGE_H

#include <xen/arm/page.h>

#endif
