/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: module_init(), module_exit(), the MODULE_*() notes.
 * Otherwise: THIS_MODULE is the load; it cannot go while it is used, so its
 * reference count always has one to give.
 */
#ifndef _LINUX_MODULE_H
#define _LINUX_MODULE_H

#include <linux/bug.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/kmod.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/types.h>

#ifndef KBUILD_MODNAME
#define KBUILD_MODNAME "driver"
#endif

struct module {
	const char *name;
};

extern struct module kernel_this_module;
#define THIS_MODULE (&kernel_this_module)

#define module_init(fn) KERNEL_INITCALL_(fn);
#define module_exit(fn) KERNEL_EXITCALL_(fn);

#define MODULE_LICENSE(text)
#define MODULE_AUTHOR(text)
#define MODULE_DESCRIPTION(text)
#define MODULE_VERSION(text)
#define MODULE_ALIAS(text)
#define MODULE_ALIAS_FS(text)
#define MODULE_SOFTDEP(text)
#define MODULE_INFO(tag, text)
#define MODULE_FIRMWARE(text)
#define MODULE_IMPORT_NS(ns)
#define MODULE_DEVICE_TABLE(type, name)

static inline bool try_module_get(struct module *module)
{
	(void)module;
	return true;
}

static inline void __module_get(struct module *module)
{
	(void)module;
}

static inline void module_put(struct module *module)
{
	(void)module;
}

#define module_name(module) ((module)->name)
#define symbol_get(x) (&(x))
#define symbol_put(x) ((void)0)

#endif
