// SPDX-License-Identifier: GPL-2.0-only
/* The log of the load, warnings, and what ends in an oops. */
#include <stdio.h>
#include <string.h>

#include <linux/bug.h>
#include <linux/printk.h>
#include <shrinkpy/oops.h>

#include "runtime.h"

enum { DEFAULT_LEVEL = '4', MAX_FRAMES = 32 };

static struct kernel_leaf leaf;
static struct text log_text; /* lines that have ended, but for the last */
static bool unfinished;

/* ---- the log ----------------------------------------------------------- */

static void add_line(char level, const char *s, size_t len, bool ends)
{
	if (!unfinished)
		text_printf(&log_text, "<%c>", level);
	text_add(&log_text, s, len);
	unfinished = !ends;
	if (ends)
		text_add(&log_text, "\n", 1);
}

static void end_line(void)
{
	if (unfinished)
		add_line(DEFAULT_LEVEL, "", 0, true);
}

static void add(const char *s)
{
	char level = DEFAULT_LEVEL;
	bool goes_on = false;
	const char *end;

	for (; s[0] == KERN_SOH_ASCII && s[1]; s += 2) {
		goes_on = s[1] == 'c';
		if (s[1] >= '0' && s[1] <= '7')
			level = s[1];
	}
	if (!goes_on)
		end_line();
	for (; (end = strchr(s, '\n')); s = end + 1)
		add_line(level, s, (size_t)(end - s), true);
	if (*s)
		add_line(level, s, strlen(s), false);
}

int vprintk(const char *fmt, va_list args)
{
	struct text t = { 0 };
	char *s;
	size_t len;

	text_vprintf(&t, fmt, args);
	if (text_take(&t, &s, &len) != SP_OK)
		return 0;
	kernel_leaf_lock(&leaf);
	add(s);
	kernel_leaf_unlock(&leaf);
	host_free(s);
	return (int)len;
}

int _printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

enum sp_status sp_driver_log(unsigned long from, char **text, size_t *len)
{
	struct text t = { 0 };
	const char *s, *end;

	kernel_leaf_lock(&leaf);
	s = log_text.at ? log_text.at : "";
	for (; from && (end = strchr(s, '\n')); from--)
		s = end + 1;
	if (!from && *s) {
		text_add(&t, s, strlen(s));
		if (unfinished)
			text_add(&t, "\n", 1);
	}
	kernel_leaf_unlock(&leaf);
	return text_take(&t, text, len);
}

void printk_exit(void)
{
	kernel_leaf_lock(&leaf);
	host_free(log_text.at);
	log_text = (struct text){ 0 };
	unfinished = false;
	kernel_leaf_unlock(&leaf);
}

/* ---- warnings and oopses ----------------------------------------------- */

void dump_stack(void)
{
	void *frame[MAX_FRAMES];
	const char *name;
	int i, n = host_backtrace(frame, MAX_FRAMES);

	printk(KERN_DEFAULT "Call Trace:\n");
	for (i = 1; i < n; i++) {
		name = kernel_symbol(frame[i]);
		printk(KERN_DEFAULT " %s\n", name ? name : "?");
	}
}

void kernel_warn(const char *where, const char *function, const char *fmt, ...)
{
	char text[256];
	va_list args;
	size_t len;

	va_start(args, fmt);
	kernel_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	len = strlen(text);
	if (len && text[len - 1] == '\n')
		text[len - 1] = 0;
	printk(KERN_WARNING "WARNING: %s in %s(): %s\n", where, function, text);
	sp_warn(kernel_machine, text, where);
}

/* For who loaded it: why its module_exit must not run any more; or "". */
char kernel_last_oops[256];

void kernel_oops(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	kernel_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	memcpy(kernel_last_oops, text, sizeof(text));
	printk(KERN_EMERG "%s\n", text);
	sp_oops(kernel_machine, "%s", text);
}
