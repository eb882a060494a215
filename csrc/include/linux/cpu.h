/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: the one CPU neither comes nor goes. */
#ifndef _LINUX_CPU_H_
#define _LINUX_CPU_H_

#include <linux/compiler.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/smp.h>

#define cpus_read_lock() ((void)0)
#define cpus_read_trylock() (1)
#define cpus_read_unlock() ((void)0)
#define cpus_write_lock() ((void)0)
#define cpus_write_unlock() ((void)0)
#define lockdep_assert_cpus_held() ((void)0)
#define cpu_hotplug_disable() ((void)0)
#define cpu_hotplug_enable() ((void)0)

#endif
