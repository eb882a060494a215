/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: printk(), pr_*() and their _once and _ratelimited forms.
 * Otherwise: lines go to the log of the load; no rate is limited, so that what
 * is logged does not depend on a clock. Of %p's suffixes only %pV and %pS say
 * more than the address.
 */
#ifndef _LINUX_PRINTK_H
#define _LINUX_PRINTK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <linux/init.h>
#include <linux/kern_levels.h>

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif

struct va_format {
	const char *fmt;
	va_list *va;
};

int _printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int vprintk(const char *fmt, va_list args)
	__attribute__((format(printf, 1, 0)));
void dump_stack(void);
int kernel_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));

#define printk(fmt, ...) _printk(fmt, ##__VA_ARGS__)
#define printk_deferred printk
#define _printk_deferred _printk

#define pr_emerg(fmt, ...) printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...) printk(KERN_ALERT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...) printk(KERN_CRIT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...) printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...) printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warning pr_warn
#define pr_notice(fmt, ...) printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...) printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_cont(fmt, ...) printk(KERN_CONT fmt, ##__VA_ARGS__)
#define no_printk(fmt, ...)                                                    \
	({                                                                     \
		if (0)                                                         \
			_printk(fmt, ##__VA_ARGS__);                           \
		0;                                                             \
	})
#ifdef DEBUG
#define pr_debug(fmt, ...) printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__)
#else
#define pr_debug(fmt, ...) no_printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__)
#endif
#define pr_devel pr_debug

#define KERNEL_ONCE_(statement)                                                \
	({                                                                     \
		static bool done_;                                             \
		bool first_ =                                                  \
			!__atomic_exchange_n(&done_, true, __ATOMIC_RELAXED);  \
		if (first_)                                                    \
			statement;                                             \
		first_;                                                        \
	})
#define printk_once(fmt, ...) KERNEL_ONCE_(printk(fmt, ##__VA_ARGS__))
#define pr_emerg_once(fmt, ...) KERNEL_ONCE_(pr_emerg(fmt, ##__VA_ARGS__))
#define pr_err_once(fmt, ...) KERNEL_ONCE_(pr_err(fmt, ##__VA_ARGS__))
#define pr_warn_once(fmt, ...) KERNEL_ONCE_(pr_warn(fmt, ##__VA_ARGS__))
#define pr_notice_once(fmt, ...) KERNEL_ONCE_(pr_notice(fmt, ##__VA_ARGS__))
#define pr_info_once(fmt, ...) KERNEL_ONCE_(pr_info(fmt, ##__VA_ARGS__))
#define pr_debug_once(fmt, ...) KERNEL_ONCE_(pr_debug(fmt, ##__VA_ARGS__))

#define printk_ratelimited printk
#define pr_emerg_ratelimited pr_emerg
#define pr_err_ratelimited pr_err
#define pr_warn_ratelimited pr_warn
#define pr_notice_ratelimited pr_notice
#define pr_info_ratelimited pr_info
#define pr_debug_ratelimited pr_debug
#define printk_ratelimit() (true)

/* There is no index of the formats. */
#define printk_index_subsys_emit(subsystem, level, fmt, ...) ((void)0)
#define printk_index_wrap(call, fmt, ...) call(fmt, ##__VA_ARGS__)

#endif
