/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: container_of() and its const form. */
#ifndef _LINUX_CONTAINER_OF_H
#define _LINUX_CONTAINER_OF_H

#include <linux/build_bug.h>
#include <linux/stddef.h>

#define typeof_member(type, member) typeof(((type *)0)->member)

#define container_of(ptr, type, member)                                        \
	({                                                                     \
		void *sp_part_ = (void *)(ptr);                                \
		_Static_assert(                                                \
			__same_type(*(ptr), ((type *)0)->member) ||            \
				__same_type(*(ptr), void),                     \
			"container_of: the pointer is of another type than "   \
			"the member");                                         \
		(type *)((char *)sp_part_ - offsetof(type, member));           \
	})

#define container_of_const(ptr, type, member)                                  \
	_Generic(ptr,                                                          \
		const typeof(*(ptr)) *: (                                      \
			 (const type *)container_of(ptr, type, member)),       \
		default: ((type *)container_of(ptr, type, member)))

#endif
