/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the kernel's conversions, %pe, %ps, %pV; what they return.
 * Otherwise: of structures behind %p (%pd, %pI4 …) the address is printed, and
 * addresses are not hashed.
 */
#ifndef _LINUX_SPRINTF_H
#define _LINUX_SPRINTF_H

#include <stdarg.h>

#include <linux/compiler_types.h>
#include <linux/types.h>

/* The runtime's: libc has other ideas of some conversions. */
int sprintf(char *buf, const char *fmt, ...) __asm__("kernel_sprintf")
	__printf(2, 3);
int vsprintf(char *buf, const char *fmt,
	     va_list args) __asm__("kernel_vsprintf") __printf(2, 0);
int snprintf(char *buf, size_t size, const char *fmt,
	     ...) __asm__("kernel_snprintf") __printf(3, 4);
int vsnprintf(char *buf, size_t size, const char *fmt,
	      va_list args) __asm__("kernel_vsnprintf") __printf(3, 0);
int sscanf(const char *text, const char *fmt, ...) __scanf(2, 3);
int vsscanf(const char *text, const char *fmt, va_list args) __scanf(2, 0);

/* What is in the buffer, and not what would have been. */
static inline __printf(3, 0) int vscnprintf(char *buf, size_t size,
					    const char *fmt, va_list args)
{
	int n = vsnprintf(buf, size, fmt, args);

	if (n < 0 || !size)
		return 0;
	return (size_t)n < size ? n : (int)size - 1;
}

static inline __printf(3, 4) int scnprintf(char *buf, size_t size,
					   const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

#endif
