/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: seq_printf() and theirs, the operations' names.
 * Otherwise: a seq_file is a text that grows, from all zeros to
 * kernel_seq_free(); who shows it is the caller.
 */
#ifndef _LINUX_SEQ_FILE_H
#define _LINUX_SEQ_FILE_H

#include <stdarg.h>

#include <linux/types.h>

struct seq_file {
	char *buf; /* NULL: nothing yet; count bytes, and a NUL */
	size_t size;
	size_t count;
	bool failed; /* for lack of memory; it takes no more then */
	void *private;
};

struct seq_operations {
	void *(*start)(struct seq_file *m, loff_t *pos);
	void (*stop)(struct seq_file *m, void *v);
	void *(*next)(struct seq_file *m, void *v, loff_t *pos);
	int (*show)(struct seq_file *m, void *v);
};

#define SEQ_SKIP 1
#define SEQ_START_TOKEN ((void *)1)

void seq_printf(struct seq_file *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void seq_vprintf(struct seq_file *m, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));
void seq_puts(struct seq_file *m, const char *s);
void seq_putc(struct seq_file *m, char c);
int seq_write(struct seq_file *m, const void *data, size_t len);
void kernel_seq_free(struct seq_file *m);

static inline bool seq_has_overflowed(struct seq_file *m)
{
	return m->failed;
}

#endif
