/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: reading and writing a device's registers by their widths, in the
 * order of the source.
 * Otherwise: they are memory of this process: there is no device behind it
 * but what the test does, and ioremap() gives the address that it is asked
 * for.
 */
#ifndef _ASM_IO_H
#define _ASM_IO_H

#include <asm/barrier.h>
#include <asm/byteorder.h>
#include <asm/page.h>
#include <linux/string.h>
#include <linux/types.h>

#define SP_IO(letter, T)                                                       \
	static inline T __raw_read##letter(const volatile void __iomem *at)    \
	{                                                                      \
		return *(const volatile T *)at;                                \
	}                                                                      \
	static inline void __raw_write##letter(T v, volatile void __iomem *at) \
	{                                                                      \
		*(volatile T *)at = v;                                         \
	}

SP_IO(b, u8)
SP_IO(w, u16)
SP_IO(l, u32)
SP_IO(q, u64)

/* Registers are little-endian; in order, unless relaxed. */
#define SP_IO_LE(letter, bits, T)                                              \
	static inline T read##letter##_relaxed(const volatile void *at)        \
	{                                                                      \
		return le##bits##_to_cpu(__raw_read##letter(at));              \
	}                                                                      \
	static inline void write##letter##_relaxed(T v, volatile void *at)     \
	{                                                                      \
		__raw_write##letter(cpu_to_le##bits(v), at);                   \
	}                                                                      \
	static inline T read##letter(const volatile void *at)                  \
	{                                                                      \
		const T v = read##letter##_relaxed(at);                        \
                                                                               \
		rmb();                                                         \
		return v;                                                      \
	}                                                                      \
	static inline void write##letter(T v, volatile void *at)               \
	{                                                                      \
		wmb();                                                         \
		write##letter##_relaxed(v, at);                                \
	}

#define le8_to_cpu(x) ((u8)(x))
#define cpu_to_le8(x) ((u8)(x))
SP_IO_LE(b, 8, u8)
SP_IO_LE(w, 16, u16)
SP_IO_LE(l, 32, u32)
SP_IO_LE(q, 64, u64)

#define ioread8(at) readb(at)
#define ioread16(at) readw(at)
#define ioread32(at) readl(at)
#define ioread64(at) readq(at)
#define iowrite8(v, at) writeb(v, at)
#define iowrite16(v, at) writew(v, at)
#define iowrite32(v, at) writel(v, at)
#define iowrite64(v, at) writeq(v, at)

static inline void __iomem *ioremap(phys_addr_t phys, size_t size)
{
	(void)size;
	return __va(phys);
}

#define ioremap_wc(phys, size) ioremap(phys, size)
#define ioremap_np(phys, size) ioremap(phys, size)
#define ioremap_cache(phys, size) ioremap(phys, size)
#define iounmap(at) ((void)(at))

static inline void memcpy_fromio(void *to, const volatile void __iomem *from,
				 size_t n)
{
	memcpy(to, (const void *)from, n);
}

static inline void memcpy_toio(volatile void __iomem *to, const void *from,
			       size_t n)
{
	memcpy((void *)to, from, n);
}

static inline void memset_io(volatile void __iomem *at, int value, size_t n)
{
	memset((void *)at, value, n);
}

#endif
