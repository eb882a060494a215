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

struct dentry;
struct file;
struct inode;
struct path;

struct seq_file {
	char *buf; /* NULL: nothing yet; count bytes, and a NUL */
	size_t size;
	size_t count;
	bool failed; /* for lack of memory; it takes no more then */
	void *private;
	const struct file *file;
	const struct seq_operations *op;
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

/* Of files, which a file system has: not in the runtime. */
int seq_open(struct file *file, const struct seq_operations *op);
ssize_t seq_read(struct file *file, char __user *to, size_t n, loff_t *pos);
loff_t seq_lseek(struct file *file, loff_t offset, int whence);
int seq_release(struct inode *inode, struct file *file);
int seq_release_private(struct inode *inode, struct file *file);
void *__seq_open_private(struct file *file, const struct seq_operations *op,
			 int size);
int seq_open_private(struct file *file, const struct seq_operations *op,
		     int size);
int single_open(struct file *file, int (*show)(struct seq_file *m, void *v),
		void *data);
int single_release(struct inode *inode, struct file *file);

#define seq_show_option(m, name, value)                                        \
	do {                                                                   \
		const char *value_ = (value);                                  \
		seq_printf(m, value_ ? ",%s=%s" : ",%s", name, value_);        \
	} while (0)
#define DEFINE_SHOW_ATTRIBUTE(name)                                            \
	static int name##_open(struct inode *inode, struct file *file)         \
	{                                                                      \
		return single_open(file, name##_show, inode->i_private);       \
	}                                                                      \
	static const struct file_operations name##_fops = {                    \
		.owner = THIS_MODULE,                                          \
		.open = name##_open,                                           \
		.read = seq_read,                                              \
		.llseek = seq_lseek,                                           \
		.release = single_release,                                     \
	}
#define DEFINE_SEQ_ATTRIBUTE(name)                                             \
	static int name##_open(struct inode *inode, struct file *file)         \
	{                                                                      \
		return seq_open(file, &name##_sops);                           \
	}                                                                      \
	static const struct file_operations name##_fops = {                    \
		.owner = THIS_MODULE,                                          \
		.open = name##_open,                                           \
		.read = seq_read,                                              \
		.llseek = seq_lseek,                                           \
		.release = seq_release,                                        \
	}

static inline bool seq_has_overflowed(struct seq_file *m)
{
	return m->failed;
}

#endif
