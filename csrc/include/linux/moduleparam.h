/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: a parameter is a variable that keeps its default. */
#ifndef _LINUX_MODULEPARAM_H
#define _LINUX_MODULEPARAM_H

#include <linux/init.h>
#include <linux/types.h>

struct kernel_param;

struct kernel_param_ops {
	unsigned int flags;
	int (*set)(const char *text, const struct kernel_param *param);
	int (*get)(char *to, const struct kernel_param *param);
	void (*free)(void *arg);
};

struct kernel_param {
	const char *name;
	const struct kernel_param_ops *ops;
	void *arg;
};

#define SP_PARAM(name)                                                         \
	int param_set_##name(const char *text,                                 \
			     const struct kernel_param *param);                \
	int param_get_##name(char *to, const struct kernel_param *param);      \
	extern const struct kernel_param_ops param_ops_##name

SP_PARAM(int);
SP_PARAM(uint);
SP_PARAM(long);
SP_PARAM(ulong);
SP_PARAM(ullong);
SP_PARAM(bool);
int param_set_uint_minmax(const char *text, const struct kernel_param *param,
			  unsigned int min, unsigned int max);

#define __param_check(name, p, type)                                           \
	static inline type *__maybe_unused kernel_param_check_##name(void)     \
	{                                                                      \
		return p;                                                      \
	}
#define module_param(name, type, perm)
#define module_param_named(name, value, type, perm)
#define module_param_string(name, string, len, perm)
#define module_param_array(name, type, nump, perm)
#define module_param_cb(name, ops, arg, perm)
#define MODULE_PARM_DESC(name, text)

#endif
