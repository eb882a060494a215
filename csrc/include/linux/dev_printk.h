/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: messages in a device's name. */
#ifndef _DEVICE_PRINTK_H_
#define _DEVICE_PRINTK_H_

#include <linux/printk.h>
#include <linux/ratelimit.h>

#define dev_printk(level, dev, fmt, ...)                                       \
	printk(level "%s: " fmt, dev_name(dev), ##__VA_ARGS__)
#define dev_emerg(dev, ...) dev_printk(KERN_EMERG, dev, __VA_ARGS__)
#define dev_alert(dev, ...) dev_printk(KERN_ALERT, dev, __VA_ARGS__)
#define dev_crit(dev, ...) dev_printk(KERN_CRIT, dev, __VA_ARGS__)
#define dev_err(dev, ...) dev_printk(KERN_ERR, dev, __VA_ARGS__)
#define dev_warn(dev, ...) dev_printk(KERN_WARNING, dev, __VA_ARGS__)
#define dev_notice(dev, ...) dev_printk(KERN_NOTICE, dev, __VA_ARGS__)
#define dev_info(dev, ...) dev_printk(KERN_INFO, dev, __VA_ARGS__)
#define dev_dbg(dev, fmt, ...)                                                 \
	no_printk(KERN_DEBUG "%s: " fmt, dev_name(dev), ##__VA_ARGS__)
#define dev_vdbg dev_dbg

#define KERNEL_DEV_ONCE_(how, dev, ...)                                        \
	do {                                                                   \
		static bool told_;                                             \
		if (!__atomic_exchange_n(&told_, true, __ATOMIC_RELAXED))      \
			how(dev, __VA_ARGS__);                                 \
	} while (0)
#define dev_err_once(dev, ...) KERNEL_DEV_ONCE_(dev_err, dev, __VA_ARGS__)
#define dev_warn_once(dev, ...) KERNEL_DEV_ONCE_(dev_warn, dev, __VA_ARGS__)
#define dev_info_once(dev, ...) KERNEL_DEV_ONCE_(dev_info, dev, __VA_ARGS__)
#define dev_err_ratelimited dev_err
#define dev_warn_ratelimited dev_warn
#define dev_notice_ratelimited dev_notice
#define dev_info_ratelimited dev_info
#define dev_dbg_ratelimited dev_dbg
#define dev_WARN(dev, fmt, ...)                                                \
	WARN(1, "%s: " fmt, dev_name(dev), ##__VA_ARGS__)
#define dev_WARN_ONCE(dev, condition, fmt, ...)                                \
	WARN_ONCE(condition, "%s: " fmt, dev_name(dev), ##__VA_ARGS__)
/* Gives err; -EPROBE_DEFER is nothing to tell of. */
#define dev_err_probe(dev, err, fmt, ...)                                      \
	({                                                                     \
		const int err_ = (err);                                        \
		if (err_ != -517)                                              \
			dev_err(dev, "error %d: " fmt, err_, ##__VA_ARGS__);   \
		err_;                                                          \
	})

#endif
