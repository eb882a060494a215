/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: a key is a counter, looked at each time. */
#ifndef _LINUX_STATIC_KEY_H
#define _LINUX_STATIC_KEY_H

#include <linux/jump_label.h>

#endif
