// SPDX-License-Identifier: GPL-2.0-only
/* What a module's parameters are read from, and shown as. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#define PARAM(name, type, parse, format)                                       \
	int param_set_##name(const char *text,                                 \
			     const struct kernel_param *param)                 \
	{                                                                      \
		return text ? parse(text, 0, (type *)param->arg) : -EINVAL;    \
	}                                                                      \
	int param_get_##name(char *to, const struct kernel_param *param)       \
	{                                                                      \
		return sprintf(to, format "\n", *(type *)param->arg);          \
	}                                                                      \
	const struct kernel_param_ops param_ops_##name = {                     \
		.set = param_set_##name,                                       \
		.get = param_get_##name,                                       \
	}

PARAM(int, int, kstrtoint, "%d");
PARAM(uint, unsigned int, kstrtouint, "%u");
PARAM(long, long, kstrtol, "%ld");
PARAM(ulong, unsigned long, kstrtoul, "%lu");
PARAM(ullong, unsigned long long, kstrtoull, "%llu");

/* Without a value: on. */
int param_set_bool(const char *text, const struct kernel_param *param)
{
	return kstrtobool(text ? text : "1", param->arg);
}

int param_get_bool(char *to, const struct kernel_param *param)
{
	return sprintf(to, "%c\n", *(bool *)param->arg ? 'Y' : 'N');
}

const struct kernel_param_ops param_ops_bool = {
	.set = param_set_bool,
	.get = param_get_bool,
};

int param_set_uint_minmax(const char *text, const struct kernel_param *param,
			  unsigned int min, unsigned int max)
{
	unsigned int n;
	int ret;

	if (!text)
		return -EINVAL;
	ret = kstrtouint(text, 0, &n);
	if (ret)
		return ret;
	if (n < min || n > max)
		return -EINVAL;
	*(unsigned int *)param->arg = n;
	return 0;
}
