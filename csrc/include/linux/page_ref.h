/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what mm.h has of it. */
#ifndef _LINUX_PAGE_REF_H
#define _LINUX_PAGE_REF_H

#include <linux/mm.h>

#endif
