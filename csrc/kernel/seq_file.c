// SPDX-License-Identifier: GPL-2.0-only
/* A seq_file is one of the runtime's texts. */
#include <string.h>

#include <linux/seq_file.h>

#include "runtime.h"

static struct text text_of(const struct seq_file *m)
{
	return (struct text){ .at = m->buf,
			      .len = m->count,
			      .size = m->size,
			      .failed = m->failed };
}

static void put_back(struct seq_file *m, const struct text *t)
{
	m->buf = t->at;
	m->count = t->len;
	m->size = t->size;
	m->failed = t->failed;
}

void seq_vprintf(struct seq_file *m, const char *fmt, va_list args)
{
	struct text t = text_of(m);

	text_vprintf(&t, fmt, args);
	put_back(m, &t);
}

void seq_printf(struct seq_file *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	seq_vprintf(m, fmt, args);
	va_end(args);
}

int seq_write(struct seq_file *m, const void *data, size_t len)
{
	struct text t = text_of(m);

	text_add(&t, data, len);
	put_back(m, &t);
	return m->failed ? -1 : 0;
}

void seq_puts(struct seq_file *m, const char *s)
{
	seq_write(m, s, strlen(s));
}

void seq_putc(struct seq_file *m, char c)
{
	seq_write(m, &c, 1);
}

void kernel_seq_free(struct seq_file *m)
{
	host_free(m->buf);
	*m = (struct seq_file){ .private = m->private };
}
