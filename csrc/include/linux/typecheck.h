/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches. */
#ifndef _LINUX_TYPECHECK_H
#define _LINUX_TYPECHECK_H

#include <linux/compiler_types.h>

#define typecheck(type, x)                                                     \
	({                                                                     \
		_Static_assert(__same_type(type, x), #x " is no " #type);      \
		1;                                                             \
	})
#define typecheck_fn(type, fn)                                                 \
	({                                                                     \
		typeof(type) *sp_fn_ = (fn);                                   \
		(void)sp_fn_;                                                  \
	})

#endif
