/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the sections' names, which say nothing here, and the initcalls.
 * Otherwise: initcalls of all levels run in the order of the source when the
 * driver is initialised, and there may be several.
 */
#ifndef _LINUX_INIT_H
#define _LINUX_INIT_H

#include <linux/compiler.h>
#include <linux/stringify.h>

#define __init
#define __initdata
#define __initconst
#define __exit __attribute__((unused))
#define __exitdata
#define __ref
#define __refdata
#define __devinit
#define __meminit
#define __setup(text, fn)
#define early_param(text, fn)

typedef int (*initcall_t)(void);
typedef void (*exitcall_t)(void);

#define KERNEL_INITCALL_(fn)                                                   \
	static initcall_t kernel_initcall_##fn                                 \
		__attribute__((used, section("kernel_initcalls"))) = (fn)
#define KERNEL_EXITCALL_(fn)                                                   \
	static exitcall_t kernel_exitcall_##fn                                 \
		__attribute__((used, section("kernel_exitcalls"))) = (fn)

#define early_initcall(fn) KERNEL_INITCALL_(fn);
#define pure_initcall(fn) KERNEL_INITCALL_(fn);
#define core_initcall(fn) KERNEL_INITCALL_(fn);
#define postcore_initcall(fn) KERNEL_INITCALL_(fn);
#define arch_initcall(fn) KERNEL_INITCALL_(fn);
#define subsys_initcall(fn) KERNEL_INITCALL_(fn);
#define fs_initcall(fn) KERNEL_INITCALL_(fn);
#define rootfs_initcall(fn) KERNEL_INITCALL_(fn);
#define device_initcall(fn) KERNEL_INITCALL_(fn);
#define late_initcall(fn) KERNEL_INITCALL_(fn);
#define console_initcall(fn) KERNEL_INITCALL_(fn);
#define __initcall(fn) KERNEL_INITCALL_(fn);
#define __exitcall(fn) KERNEL_EXITCALL_(fn);

#endif
