/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what device.h has of it. */
#ifndef _DEVICE_BUS_H_
#define _DEVICE_BUS_H_

#include <linux/device.h>

#endif
