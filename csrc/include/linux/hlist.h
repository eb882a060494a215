/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches nothing of 6.12, where hlists are in list.h: for who looks here. */
#ifndef _LINUX_HLIST_H
#define _LINUX_HLIST_H

#include <linux/list.h>

#endif
