/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: a parameter is a variable that keeps its default. */
#ifndef _LINUX_MODULEPARAM_H
#define _LINUX_MODULEPARAM_H

#include <linux/init.h>
#include <linux/types.h>

#define module_param(name, type, perm)
#define module_param_named(name, value, type, perm)
#define module_param_string(name, string, len, perm)
#define module_param_array(name, type, nump, perm)
#define module_param_cb(name, ops, arg, perm)
#define MODULE_PARM_DESC(name, text)

#endif
