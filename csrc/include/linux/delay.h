/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: sleeping for a time; udelay() does it too. */
#ifndef _LINUX_DELAY_H
#define _LINUX_DELAY_H

void msleep(unsigned int ms);
unsigned long msleep_interruptible(unsigned int ms);
void usleep_range(unsigned long min, unsigned long max);
#define ssleep(s) msleep((s) * 1000)
#define fsleep(us) usleep_range(us, us)
#define mdelay(ms) msleep(ms)
#define udelay(us) usleep_range(us, us)
#define ndelay(ns) usleep_range(1, 1)

#endif
