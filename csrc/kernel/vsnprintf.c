// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's printf: libc's number by number, with what libc does not know:
 * the letters behind %p, and that a bad pointer is printed and not followed.
 */
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sprintf.h>
#include <linux/string.h>

#include "runtime.h"

enum { FIRST_PAGE = 4096, MAX_SPEC = 32, MAX_PIECE = 512 };

struct out {
	char *buf;
	size_t size, len; /* len: as if there were room for all */
};

/* One conversion: everything from % to its letter. */
struct spec {
	char text[MAX_SPEC]; /* the same for libc */
	size_t len;
	int width, precision; /* precision -1: none */
	bool left;
	char length; /* 0, h, H (hh), l (and ll, z, t, j) */
	char letter;
};

static void put(struct out *o, const char *s, size_t len)
{
	if (o->len < o->size)
		memcpy(o->buf + o->len, s, min(len, o->size - o->len));
	o->len += len;
}

static void pad(struct out *o, int n)
{
	while (n-- > 0)
		put(o, " ", 1);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	size_t len;

	if (!text)
		text = "(null)";
	else if ((unsigned long)text < FIRST_PAGE || IS_ERR(text))
		text = "(efault)";
	len = s->precision < 0 ? strlen(text) :
				 strnlen(text, (size_t)s->precision);
	if (!s->left)
		pad(o, s->width - (int)len);
	put(o, text, len);
	if (s->left)
		pad(o, s->width - (int)len);
}

static void put_number(struct out *o, struct spec *s, unsigned long value)
{
	char piece[MAX_PIECE];

	s->text[s->len++] = 'l';
	s->text[s->len++] = s->letter;
	s->text[s->len] = 0;
	put(o, piece, host_print(piece, sizeof(piece), s->text, value));
}

static void put_nested(struct out *o, const struct va_format *inner)
{
	const bool fits = o->len < o->size;
	va_list copy;

	va_copy(copy, *inner->va);
	o->len += (size_t)kernel_vsnprintf(fits ? o->buf + o->len : NULL,
					   fits ? o->size - o->len : 0,
					   inner->fmt, copy);
	va_end(copy);
}

/* The letter behind %p; of those for structures, the address is told. */
static void put_pointer(struct out *o, struct spec *s, char kind,
			const void *pointer)
{
	const char *name = NULL;
	char text[MAX_PIECE];

	if (kind == 'V') {
		put_nested(o, pointer);
		return;
	}
	if (kind == 'e' && IS_ERR(pointer)) {
		put(o, "-", 1);
		name = host_errname((int)-PTR_ERR(pointer));
	}
	if (kind == 's' || kind == 'S' || kind == 'B')
		name = kernel_symbol(pointer);
	if (!name) {
		host_print(text, sizeof(text), "%016lx",
			   (unsigned long)pointer);
		name = text;
	}
	put_string(o, s, name);
}

static unsigned long number(const struct spec *s, va_list *args)
{
	const bool is_signed = s->letter == 'd' || s->letter == 'i';
	unsigned int value;

	if (s->length == 'l')
		return va_arg(*args, unsigned long);
	value = va_arg(*args, unsigned int);
	if (s->length == 'H')
		return is_signed ? (unsigned long)(signed char)value :
				   (unsigned char)value;
	if (s->length == 'h')
		return is_signed ? (unsigned long)(short)value :
				   (unsigned short)value;
	return is_signed ? (unsigned long)(int)value : value;
}

/* An int of digits, or of an argument. */
static const char *read_int(const char *fmt, va_list *args, int *out)
{
	*out = 0;
	if (*fmt == '*') {
		*out = va_arg(*args, int);
		return fmt + 1;
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		*out = *out * 10 + (*fmt - '0');
	return fmt;
}

/* From behind the %; gives what is behind the letter. */
static const char *read_spec(const char *fmt, va_list *args, struct spec *s)
{
	*s = (struct spec){ .text = "%", .len = 1, .precision = -1 };
	for (; *fmt && strchr("-+ #0", *fmt); fmt++) {
		s->left |= *fmt == '-';
		if (s->len < 6)
			s->text[s->len++] = *fmt;
	}
	fmt = read_int(fmt, args, &s->width);
	if (s->width < 0) {
		s->left = true;
		s->width = -s->width;
		s->text[s->len++] = '-';
	}
	s->width = min(s->width, MAX_PIECE - 1);
	if (*fmt == '.') {
		fmt = read_int(fmt + 1, args, &s->precision);
		s->precision = max(s->precision, -1);
	}
	for (; *fmt && strchr("hlLzZtjq", *fmt); fmt++) {
		if (*fmt != 'h')
			s->length = 'l';
		else
			s->length = s->length == 'h' ? 'H' : 'h';
	}
	if (s->width)
		s->len += host_print(s->text + s->len, MAX_SPEC - s->len, "%ld",
				     (unsigned long)s->width);
	if (s->precision >= 0)
		s->len += host_print(
			s->text + s->len, MAX_SPEC - s->len, ".%ld",
			(unsigned long)min(s->precision, MAX_PIECE - 1));
	s->letter = *fmt;
	return *fmt ? fmt + 1 : fmt;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static const char *convert(struct out *o, const char *fmt, va_list *args)
{
	struct spec s;
	char c;

	fmt = read_spec(fmt, args, &s);
	switch (s.letter) {
	case 'd':
	case 'i':
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_number(o, &s, number(&s, args));
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		if (!s.left)
			pad(o, s.width - 1);
		put(o, &c, 1);
		if (s.left)
			pad(o, s.width - 1);
		break;
	case 's':
		put_string(o, &s, va_arg(*args, const char *));
		break;
	case 'p':
		put_pointer(o, &s, *fmt, va_arg(*args, const void *));
		while (is_alnum(*fmt))
			fmt++;
		break;
	case '%':
		put(o, "%", 1);
		break;
	default: /* none of the kernel's: as it stands */
		put(o, "%", 1);
		put(o, &s.letter, s.letter != 0);
		break;
	}
	return fmt;
}

int kernel_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { .buf = buf, .size = size };
	const char *percent;
	va_list left;

	va_copy(left, args);
	while ((percent = strchr(fmt, '%'))) {
		put(&o, fmt, (size_t)(percent - fmt));
		fmt = convert(&o, percent + 1, &left);
	}
	put(&o, fmt, strlen(fmt));
	va_end(left);
	if (size)
		buf[min(o.len, size - 1)] = 0;
	return (int)o.len;
}

/* Under names of ours: linux/sprintf.h. */
int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = kernel_vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

int vsprintf(char *buf, const char *fmt, va_list args)
{
	return kernel_vsnprintf(buf, INT_MAX, fmt, args);
}

int sprintf(char *buf, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsprintf(buf, fmt, args);
	va_end(args);
	return n;
}
