/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the whole text is a number, but for one newline at its end; base 0
 * looks at its prefix. -EINVAL: it is none; -ERANGE: the type has no room.
 */
#ifndef _LINUX_KSTRTOX_H
#define _LINUX_KSTRTOX_H

#include <linux/compiler_types.h>
#include <linux/types.h>

int __must_check kstrtoull(const char *s, unsigned int base,
			   unsigned long long *out);
int __must_check kstrtoll(const char *s, unsigned int base, long long *out);
int __must_check kstrtoul(const char *s, unsigned int base, unsigned long *out);
int __must_check kstrtol(const char *s, unsigned int base, long *out);
int __must_check kstrtouint(const char *s, unsigned int base,
			    unsigned int *out);
int __must_check kstrtoint(const char *s, unsigned int base, int *out);
int __must_check kstrtou16(const char *s, unsigned int base, u16 *out);
int __must_check kstrtos16(const char *s, unsigned int base, s16 *out);
int __must_check kstrtou8(const char *s, unsigned int base, u8 *out);
int __must_check kstrtos8(const char *s, unsigned int base, s8 *out);
int __must_check kstrtobool(const char *s, bool *out);

static inline int __must_check kstrtou64(const char *s, unsigned int base,
					 u64 *out)
{
	return kstrtoull(s, base, out);
}

static inline int __must_check kstrtos64(const char *s, unsigned int base,
					 s64 *out)
{
	return kstrtoll(s, base, out);
}

static inline int __must_check kstrtou32(const char *s, unsigned int base,
					 u32 *out)
{
	return kstrtouint(s, base, out);
}

static inline int __must_check kstrtos32(const char *s, unsigned int base,
					 s32 *out)
{
	return kstrtoint(s, base, out);
}

/* They read as far as there are digits, and never complain. */
unsigned long long simple_strtoull(const char *s, char **end,
				   unsigned int base);
unsigned long simple_strtoul(const char *s, char **end, unsigned int base);
long long simple_strtoll(const char *s, char **end, unsigned int base);
long simple_strtol(const char *s, char **end, unsigned int base);

#endif
