/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what net/checksum.h calls, over lib.c's csum_partial(). */
#ifndef _ASM_CHECKSUM_H
#define _ASM_CHECKSUM_H

#include <linux/types.h>

/* Of ones' complement, in memory's order; added to sum. */
__wsum csum_partial(const void *p, int len, __wsum sum);
__sum16 ip_compute_csum(const void *p, int len);

static inline __sum16 csum_fold(__wsum sum)
{
	u32 s = (u32)sum;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (__sum16)~s;
}

static inline __sum16 ip_fast_csum(const void *header, unsigned int words)
{
	return csum_fold(csum_partial(header, (int)words * 4, 0));
}

static inline __wsum csum_tcpudp_nofold(__be32 from, __be32 to, u32 len,
					u8 protocol, __wsum sum)
{
	u64 s = (u64)sum + from + to;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	s += (u64)(len + protocol) << 8;
#else
	s += len + protocol;
#endif
	s = (s & 0xffffffff) + (s >> 32);
	return (__wsum)((s & 0xffffffff) + (s >> 32));
}

static inline __sum16 csum_tcpudp_magic(__be32 from, __be32 to, u32 len,
					u8 protocol, __wsum sum)
{
	return csum_fold(csum_tcpudp_nofold(from, to, len, protocol, sum));
}

#endif
