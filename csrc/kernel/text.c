// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include <linux/printk.h>

#include "runtime.h"

static bool make_room(struct text *t, size_t more)
{
	size_t size = t->size ? t->size : 128;
	char *at;

	if (t->failed)
		return false;
	while (size < t->len + more + 1)
		size *= 2;
	if (size == t->size)
		return true;
	at = host_grow(t->at, size);
	if (!at) {
		t->failed = true;
		return false;
	}
	t->at = at;
	t->size = size;
	return true;
}

void text_add(struct text *t, const char *s, size_t len)
{
	if (!make_room(t, len))
		return;
	memcpy(t->at + t->len, s, len);
	t->len += len;
	t->at[t->len] = 0;
}

void text_vprintf(struct text *t, const char *fmt, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = kernel_vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !make_room(t, (size_t)n))
		return;
	kernel_vsnprintf(t->at + t->len, (size_t)n + 1, fmt, args);
	t->len += (size_t)n;
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_vprintf(t, fmt, args);
	va_end(args);
}

enum sp_status text_take(struct text *t, char **out, size_t *len)
{
	text_add(t, "", 0);
	if (t->failed) {
		host_free(t->at);
		*t = (struct text){ 0 };
		return SP_NOMEM;
	}
	*out = t->at;
	*len = t->len;
	*t = (struct text){ 0 };
	return SP_OK;
}
