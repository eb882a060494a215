/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: numbers in memory's order. Constants give constants. */
#ifndef __KERNEL__
#include_next <asm/byteorder.h>
#elif !defined(_ASM_BYTEORDER_H)
#define _ASM_BYTEORDER_H

#include <linux/swab.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#ifndef __LITTLE_ENDIAN
#define __LITTLE_ENDIAN 1234
#endif
#ifndef __LITTLE_ENDIAN_BITFIELD
#define __LITTLE_ENDIAN_BITFIELD
#endif
#define SP_LE(bits, x) ((u##bits)(x))
#define SP_BE(bits, x) ((u##bits)swab##bits(x))
#else
#ifndef __BIG_ENDIAN
#define __BIG_ENDIAN 4321
#endif
#ifndef __BIG_ENDIAN_BITFIELD
#define __BIG_ENDIAN_BITFIELD
#endif
#define SP_LE(bits, x) ((u##bits)swab##bits(x))
#define SP_BE(bits, x) ((u##bits)(x))
#endif

#define cpu_to_le16(x) SP_LE(16, x)
#define le16_to_cpu(x) SP_LE(16, x)
#define __constant_cpu_to_le16(x) SP_LE(16, x)
#define cpu_to_le16p(p) cpu_to_le16(*(const u16 *)(p))
#define le16_to_cpup(p) le16_to_cpu(*(const __le16 *)(p))
#define cpu_to_le16s(p) ((void)(*(p) = cpu_to_le16(*(p))))
#define __cpu_to_le16 cpu_to_le16
#define le16_to_cpus(p) ((void)(*(p) = le16_to_cpu(*(p))))
#define __le16_to_cpu le16_to_cpu

static inline void le16_add_cpu(__le16 *to, u16 n)
{
	*to = cpu_to_le16((u16)(le16_to_cpu(*to) + n));
}

#define cpu_to_le32(x) SP_LE(32, x)
#define le32_to_cpu(x) SP_LE(32, x)
#define __constant_cpu_to_le32(x) SP_LE(32, x)
#define cpu_to_le32p(p) cpu_to_le32(*(const u32 *)(p))
#define le32_to_cpup(p) le32_to_cpu(*(const __le32 *)(p))
#define cpu_to_le32s(p) ((void)(*(p) = cpu_to_le32(*(p))))
#define __cpu_to_le32 cpu_to_le32
#define le32_to_cpus(p) ((void)(*(p) = le32_to_cpu(*(p))))
#define __le32_to_cpu le32_to_cpu

static inline void le32_add_cpu(__le32 *to, u32 n)
{
	*to = cpu_to_le32((u32)(le32_to_cpu(*to) + n));
}

#define cpu_to_le64(x) SP_LE(64, x)
#define le64_to_cpu(x) SP_LE(64, x)
#define __constant_cpu_to_le64(x) SP_LE(64, x)
#define cpu_to_le64p(p) cpu_to_le64(*(const u64 *)(p))
#define le64_to_cpup(p) le64_to_cpu(*(const __le64 *)(p))
#define cpu_to_le64s(p) ((void)(*(p) = cpu_to_le64(*(p))))
#define __cpu_to_le64 cpu_to_le64
#define le64_to_cpus(p) ((void)(*(p) = le64_to_cpu(*(p))))
#define __le64_to_cpu le64_to_cpu

static inline void le64_add_cpu(__le64 *to, u64 n)
{
	*to = cpu_to_le64((u64)(le64_to_cpu(*to) + n));
}

#define cpu_to_be16(x) SP_BE(16, x)
#define be16_to_cpu(x) SP_BE(16, x)
#define __constant_cpu_to_be16(x) SP_BE(16, x)
#define cpu_to_be16p(p) cpu_to_be16(*(const u16 *)(p))
#define be16_to_cpup(p) be16_to_cpu(*(const __be16 *)(p))
#define cpu_to_be16s(p) ((void)(*(p) = cpu_to_be16(*(p))))
#define __cpu_to_be16 cpu_to_be16
#define be16_to_cpus(p) ((void)(*(p) = be16_to_cpu(*(p))))
#define __be16_to_cpu be16_to_cpu

static inline void be16_add_cpu(__be16 *to, u16 n)
{
	*to = cpu_to_be16((u16)(be16_to_cpu(*to) + n));
}

#define cpu_to_be32(x) SP_BE(32, x)
#define be32_to_cpu(x) SP_BE(32, x)
#define __constant_cpu_to_be32(x) SP_BE(32, x)
#define cpu_to_be32p(p) cpu_to_be32(*(const u32 *)(p))
#define be32_to_cpup(p) be32_to_cpu(*(const __be32 *)(p))
#define cpu_to_be32s(p) ((void)(*(p) = cpu_to_be32(*(p))))
#define __cpu_to_be32 cpu_to_be32
#define be32_to_cpus(p) ((void)(*(p) = be32_to_cpu(*(p))))
#define __be32_to_cpu be32_to_cpu

static inline void be32_add_cpu(__be32 *to, u32 n)
{
	*to = cpu_to_be32((u32)(be32_to_cpu(*to) + n));
}

#define cpu_to_be64(x) SP_BE(64, x)
#define be64_to_cpu(x) SP_BE(64, x)
#define __constant_cpu_to_be64(x) SP_BE(64, x)
#define cpu_to_be64p(p) cpu_to_be64(*(const u64 *)(p))
#define be64_to_cpup(p) be64_to_cpu(*(const __be64 *)(p))
#define cpu_to_be64s(p) ((void)(*(p) = cpu_to_be64(*(p))))
#define __cpu_to_be64 cpu_to_be64
#define be64_to_cpus(p) ((void)(*(p) = be64_to_cpu(*(p))))
#define __be64_to_cpu be64_to_cpu

static inline void be64_add_cpu(__be64 *to, u64 n)
{
	*to = cpu_to_be64((u64)(be64_to_cpu(*to) + n));
}

#ifndef htons
#define htonl(x) cpu_to_be32(x)
#define htons(x) cpu_to_be16(x)
#define ntohl(x) be32_to_cpu(x)
#define ntohs(x) be16_to_cpu(x)
#endif

#endif
