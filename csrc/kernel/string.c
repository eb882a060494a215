// SPDX-License-Identifier: GPL-2.0-only
/* Strings, and numbers in them. */
#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/string.h>

ssize_t sized_strscpy(char *to, const char *from, size_t size)
{
	size_t n;

	if (!size || size > INT_MAX)
		return -E2BIG;
	n = strnlen(from, size);
	if (n < size) {
		memcpy(to, from, n + 1);
		return (ssize_t)n;
	}
	memcpy(to, from, size - 1);
	to[size - 1] = 0;
	return -E2BIG;
}

ssize_t sized_strscpy_pad(char *to, const char *from, size_t size)
{
	ssize_t n = sized_strscpy(to, from, size);

	if (n >= 0)
		memset(to + n, 0, size - (size_t)n);
	return n;
}

size_t sp_strlcat(char *to, const char *from, size_t size)
{
	size_t at = strnlen(to, size);

	if (at < size)
		sized_strscpy(to + at, from, size - at);
	return at + strlen(from);
}

char *strnchr(const char *s, size_t n, int c)
{
	for (; n--; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			break;
	}
	return NULL;
}

char *sp_strchrnul(const char *s, int c)
{
	while (*s && *s != (char)c)
		s++;
	return (char *)s;
}

char *strnstr(const char *s, const char *what, size_t n)
{
	size_t len = strlen(what);

	for (; n >= len; s++, n--)
		if (!memcmp(s, what, len))
			return (char *)s;
	return NULL;
}

char *skip_spaces(const char *s)
{
	while (isspace(*s))
		s++;
	return (char *)s;
}

char *strim(char *s)
{
	size_t n = strlen(s);

	while (n && isspace(s[n - 1]))
		n--;
	s[n] = 0;
	return skip_spaces(s);
}

char *strreplace(char *s, char old, char new)
{
	char *at;

	for (at = s; *at; at++)
		if (*at == old)
			*at = new;
	return s;
}

void *memscan(void *p, int c, size_t n)
{
	void *at = memchr(p, c, n);

	return at ? at : (char *)p + n;
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *at = p;

	for (; n--; at++)
		if (*at != (u8)c)
			return (void *)at;
	return NULL;
}

bool sysfs_streq(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	if (n == m + 1 && a[m] == '\n')
		n--;
	else if (m == n + 1 && b[n] == '\n')
		m--;
	return n == m && !memcmp(a, b, n);
}

int match_string(const char *const *array, size_t n, const char *s)
{
	size_t i;

	for (i = 0; i < n && array[i]; i++)
		if (!strcmp(array[i], s))
			return (int)i;
	return -EINVAL;
}

int __sysfs_match_string(const char *const *array, size_t n, const char *s)
{
	size_t i;

	for (i = 0; i < n && array[i]; i++)
		if (sysfs_streq(array[i], s))
			return (int)i;
	return -EINVAL;
}

/* ---- numbers ----------------------------------------------------------- */

static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10 : 99;
}

/* Past the prefix; *base 0 becomes what it says. */
static const char *take_prefix(const char *s, unsigned int *base)
{
	bool hex = s[0] == '0' && (s[1] | 0x20) == 'x' && digit(s[2]) < 16;

	if (!*base)
		*base = hex ? 16 : s[0] == '0' ? 8 : 10;
	return *base == 16 && hex ? s + 2 : s;
}

/* The digits; *over: they are more than there is room for. */
static const char *take_digits(const char *s, unsigned int base,
			       unsigned long long *out, bool *over)
{
	*out = 0;
	*over = false;
	for (; digit(*s) < base; s++)
		*over |= __builtin_mul_overflow(*out, base, out) |
			 __builtin_add_overflow(*out, digit(*s), out);
	return s;
}

static int take_whole(const char *s, unsigned int base, unsigned long long *out)
{
	unsigned long long v;
	const char *end;
	bool over;

	s = take_prefix(s, &base);
	end = take_digits(s, base, &v, &over);
	if (end == s)
		return -EINVAL;
	if (over)
		return -ERANGE;
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	*out = v;
	return 0;
}

int kstrtoull(const char *s, unsigned int base, unsigned long long *out)
{
	return take_whole(*s == '+' ? s + 1 : s, base, out);
}

int kstrtoll(const char *s, unsigned int base, long long *out)
{
	unsigned long long v;
	int err;

	if (*s != '-') {
		err = kstrtoull(s, base, &v);
		if (err)
			return err;
		if ((long long)v < 0)
			return -ERANGE;
		*out = (long long)v;
		return 0;
	}
	err = take_whole(s + 1, base, &v);
	if (err)
		return err;
	if ((long long)-v > 0)
		return -ERANGE;
	*out = (long long)-v;
	return 0;
}

#define NARROW(name, type, wide, wide_type)                                    \
	int name(const char *s, unsigned int base, type *out)                  \
	{                                                                      \
		wide_type v;                                                   \
		int err = wide(s, base, &v);                                   \
                                                                               \
		if (err)                                                       \
			return err;                                            \
		if ((wide_type)(type)v != v)                                   \
			return -ERANGE;                                        \
		*out = (type)v;                                                \
		return 0;                                                      \
	}

NARROW(kstrtoul, unsigned long, kstrtoull, unsigned long long)
NARROW(kstrtol, long, kstrtoll, long long)
NARROW(kstrtouint, unsigned int, kstrtoull, unsigned long long)
NARROW(kstrtoint, int, kstrtoll, long long)
NARROW(kstrtou16, u16, kstrtoull, unsigned long long)
NARROW(kstrtos16, s16, kstrtoll, long long)
NARROW(kstrtou8, u8, kstrtoull, unsigned long long)
NARROW(kstrtos8, s8, kstrtoll, long long)

/* By the first letter; of "on" and "off" by the second. */
int kstrtobool(const char *s, bool *out)
{
	char first, second;

	if (!s || !*s)
		return -EINVAL;
	first = (char)tolower(s[0]);
	second = (char)tolower(s[1]);
	if (strchr("yt1", first) || (first == 'o' && second == 'n'))
		*out = true;
	else if (strchr("nf0", first) || (first == 'o' && second == 'f'))
		*out = false;
	else
		return -EINVAL;
	return 0;
}

unsigned long long simple_strtoull(const char *s, char **end, unsigned int base)
{
	unsigned long long v;
	bool over;

	s = take_digits(take_prefix(s, &base), base, &v, &over);
	if (end)
		*end = (char *)s;
	return v;
}

unsigned long simple_strtoul(const char *s, char **end, unsigned int base)
{
	return simple_strtoull(s, end, base);
}

long long simple_strtoll(const char *s, char **end, unsigned int base)
{
	if (*s == '-')
		return -(long long)simple_strtoull(s + 1, end, base);
	return (long long)simple_strtoull(s, end, base);
}

long simple_strtol(const char *s, char **end, unsigned int base)
{
	return simple_strtoll(s, end, base);
}

const char hex_asc[] = "0123456789abcdef";
const char hex_asc_upper[] = "0123456789ABCDEF";
