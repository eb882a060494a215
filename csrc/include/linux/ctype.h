/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Otherwise: ASCII alone. libc's <ctype.h> has to come first where both are
 * included; these take the place of its macros.
 */
#ifndef _LINUX_CTYPE_H
#define _LINUX_CTYPE_H

#include <linux/types.h>

static inline bool sp_between(int c, int low, int high)
{
	return (unsigned char)c >= low && (unsigned char)c <= high;
}

#undef isdigit
#undef isupper
#undef islower
#undef isalpha
#undef isalnum
#undef isspace
#undef isxdigit
#undef iscntrl
#undef isprint
#undef isgraph
#undef ispunct
#undef isascii
#undef toascii
#undef isodigit
#undef tolower
#undef toupper

#define isdigit(c) sp_between(c, '0', '9')
#define isupper(c) sp_between(c, 'A', 'Z')
#define islower(c) sp_between(c, 'a', 'z')
#define isalpha(c) (sp_between((c) | 0x20, 'a', 'z'))
#define isalnum(c) (isalpha(c) || isdigit(c))
#define isspace(c) ((c) == ' ' || sp_between(c, '\t', '\r'))
#define isxdigit(c) (isdigit(c) || sp_between((c) | 0x20, 'a', 'f'))
#define iscntrl(c) (sp_between(c, 0, 31) || (c) == 127)
#define isprint(c) sp_between(c, ' ', '~')
#define isgraph(c) sp_between(c, '!', '~')
#define ispunct(c) (isgraph(c) && !isalnum(c))
#define isascii(c) ((unsigned char)(c) < 128)
#define toascii(c) ((c) & 0x7f)
#define isodigit(c) sp_between(c, '0', '7')

static inline int sp_tolower(int c)
{
	return isupper(c) ? c + 32 : c;
}

static inline int sp_toupper(int c)
{
	return islower(c) ? c - 32 : c;
}

#define tolower(c) sp_tolower(c)
#define toupper(c) sp_toupper(c)

#endif
