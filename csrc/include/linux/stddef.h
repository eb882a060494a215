/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: NULL, offsetof() and what is built of it. */
#ifndef __KERNEL__
#include_next <linux/stddef.h>
#elif !defined(_LINUX_STDDEF_H)
#define _LINUX_STDDEF_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/compiler_types.h>

#define sizeof_field(type, member) sizeof(((type *)0)->member)
#define offsetofend(type, member)                                              \
	(offsetof(type, member) + sizeof_field(type, member))

/* The members under a name of their own as well as without one. */
#define __struct_group(tag, name, attrs, ...)                                  \
	union {                                                                \
		struct {                                                       \
			__VA_ARGS__                                            \
		} attrs;                                                       \
		struct tag {                                                   \
			__VA_ARGS__                                            \
		} attrs name;                                                  \
	} attrs
#define struct_group(name, ...)                                                \
	__struct_group(/* none */, name, /* none */, __VA_ARGS__)
#define struct_group_attr(name, attrs, ...)                                    \
	__struct_group(/* none */, name, attrs, __VA_ARGS__)
#define struct_group_tagged(tag, name, ...)                                    \
	__struct_group(tag, name, /* none */, __VA_ARGS__)

/* An array without a size where C allows none: alone, or in a union. */
#define __DECLARE_FLEX_ARRAY(type, name)                                       \
	struct {                                                               \
		struct {                                                       \
		} sp_nothing_##name;                                           \
		type name[];                                                   \
	}

#define DECLARE_FLEX_ARRAY(type, name) __DECLARE_FLEX_ARRAY(type, name)

#endif
