/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the kernel's additions to libc's <string.h>. What allocates
 * (kstrdup() and its like) is in slab.h, which comes along.
 */
#ifndef __KERNEL__
#include_next <linux/string.h>
#elif !defined(_LINUX_STRING_H)
#define _LINUX_STRING_H

#include <string.h>

#include <linux/array_size.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/overflow.h>
#include <linux/stdarg.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* Copies what has room, and always a NUL. Its length, or -E2BIG. */
ssize_t sized_strscpy(char *to, const char *from, size_t size);
ssize_t sized_strscpy_pad(char *to, const char *from, size_t size);

#define SP_STRSCPY_2(to, from)                                                 \
	sized_strscpy(to, from, sizeof(to) + __must_be_array(to))
#define SP_STRSCPY_3(to, from, size) sized_strscpy(to, from, size)
#define SP_STRSCPY_PAD_2(to, from)                                             \
	sized_strscpy_pad(to, from, sizeof(to) + __must_be_array(to))
#define SP_STRSCPY_PAD_3(to, from, size) sized_strscpy_pad(to, from, size)
#define SP_THIRD(a, b, c, d, ...) d
#define strscpy(to, ...)                                                       \
	SP_THIRD(to, __VA_ARGS__, SP_STRSCPY_3, SP_STRSCPY_2)(to, __VA_ARGS__)
#define strscpy_pad(to, ...)                                                   \
	SP_THIRD(to, __VA_ARGS__, SP_STRSCPY_PAD_3, SP_STRSCPY_PAD_2)          \
	(to, __VA_ARGS__)

#undef strlcat
#define strlcat sp_strlcat
size_t sp_strlcat(char *to, const char *from, size_t size);
#undef strchrnul
#define strchrnul sp_strchrnul
char *sp_strchrnul(const char *s, int c);
char *strnchr(const char *s, size_t n, int c);
char *strnstr(const char *s, const char *what, size_t n);
char *skip_spaces(const char *s);
char *strim(char *s);
char *strreplace(char *s, char old, char new);
void *memscan(void *p, int c, size_t n);
/* The first byte that is not c, or NULL. */
void *memchr_inv(const void *p, int c, size_t n);
/* Equal, but for one newline at an end. */
bool sysfs_streq(const char *a, const char *b);
int match_string(const char *const *array, size_t n, const char *s);
int __sysfs_match_string(const char *const *array, size_t n, const char *s);
#define sysfs_match_string(array, s)                                           \
	__sysfs_match_string(array, ARRAY_SIZE(array), s)

static inline char *strstrip(char *s)
{
	return strim(s);
}

static inline const char *kbasename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static inline bool strstarts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* How long the prefix is that s has, or 0. */
static __always_inline size_t str_has_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) ? 0 : n;
}

static inline void memzero_explicit(void *p, size_t n)
{
	memset(p, 0, n);
	barrier_data(p);
}

static inline void *memset16(u16 *p, u16 v, size_t n)
{
	while (n--)
		p[n] = v;
	return p;
}

static inline void *memset32(u32 *p, u32 v, size_t n)
{
	while (n--)
		p[n] = v;
	return p;
}

static inline void *memset64(u64 *p, u64 v, size_t n)
{
	while (n--)
		p[n] = v;
	return p;
}

static inline void *memset_l(unsigned long *p, unsigned long v, size_t n)
{
	return memset64((u64 *)p, v, n);
}

static inline void *memset_p(void **p, void *v, size_t n)
{
	return memset64((u64 *)p, (unsigned long)v, n);
}

#define memcpy_and_pad(to, size, from, n, pad)                                 \
	({                                                                     \
		size_t sp_room_ = (size), sp_n_ = (n);                         \
		if (sp_n_ > sp_room_)                                          \
			sp_n_ = sp_room_;                                      \
		memcpy(to, from, sp_n_);                                       \
		memset((char *)(to) + sp_n_, pad, sp_room_ - sp_n_);           \
	})
/* From the member on, or after it. */
#define memset_after(obj, v, member)                                           \
	memset((u8 *)(obj) + offsetofend(typeof(*(obj)), member), v,           \
	       sizeof(*(obj)) - offsetofend(typeof(*(obj)), member))
#define memset_startat(obj, v, member)                                         \
	memset((u8 *)(obj) + offsetof(typeof(*(obj)), member), v,              \
	       sizeof(*(obj)) - offsetof(typeof(*(obj)), member))
#define unsafe_memcpy(to, from, n, why) memcpy(to, from, n)

#include <linux/slab.h>

#endif
