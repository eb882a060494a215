// SPDX-License-Identifier: GPL-2.0-only
/* Of fs/, what caches beside it ask for. */
#include <linux/compiler.h>

/*
 * /proc/sys/vm/vfs_cache_pressure, in percent. Where fs/dcache.c is among the
 * sources of a driver, it is that one's.
 */
extern int sysctl_vfs_cache_pressure;
int sysctl_vfs_cache_pressure __weak = 100;
