/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches. */
#ifndef _LINUX_INSTRUCTION_POINTER_H
#define _LINUX_INSTRUCTION_POINTER_H

#define _RET_IP_ ((unsigned long)__builtin_return_address(0))
#define _THIS_IP_                                                              \
	({                                                                     \
		__label__ sp_here_;                                            \
	sp_here_:                                                              \
		(unsigned long)&&sp_here_;                                     \
	})

#endif
