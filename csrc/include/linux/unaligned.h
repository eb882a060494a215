/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: numbers anywhere in memory, in the host's or a given order. */
#ifndef _LINUX_UNALIGNED_H
#define _LINUX_UNALIGNED_H

#include <asm/byteorder.h>

#define get_unaligned(p)                                                       \
	({                                                                     \
		const struct {                                                 \
			typeof(*(p)) sp_is;                                    \
		} __packed *sp_at_ = (const void *)(p);                        \
		sp_at_->sp_is;                                                 \
	})
#define put_unaligned(v, p)                                                    \
	do {                                                                   \
		struct {                                                       \
			typeof(*(p)) sp_is;                                    \
		} __packed *sp_at_ = (void *)(p);                              \
		sp_at_->sp_is = (v);                                           \
	} while (0)

#define SP_UNALIGNED(order, bits)                                              \
	static inline u##bits get_unaligned_##order##bits(const void *p)       \
	{                                                                      \
		return order##bits##_to_cpu(                                   \
			get_unaligned((const u##bits *)p));                    \
	}                                                                      \
	static inline void put_unaligned_##order##bits(u##bits v, void *p)     \
	{                                                                      \
		put_unaligned(cpu_to_##order##bits(v), (u##bits *)p);          \
	}

SP_UNALIGNED(le, 16)
SP_UNALIGNED(le, 32)
SP_UNALIGNED(le, 64)
SP_UNALIGNED(be, 16)
SP_UNALIGNED(be, 32)
SP_UNALIGNED(be, 64)

#endif
