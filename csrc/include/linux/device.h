/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: a device's name and data, and messages in its name. */
#ifndef _DEVICE_H_
#define _DEVICE_H_

#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/types.h>

struct device {
	struct device *parent;
	const char *init_name;
	void *driver_data;
	void *platform_data;
};

static inline const char *dev_name(const struct device *dev)
{
	return dev->init_name ? dev->init_name : "device";
}

static inline void *dev_get_drvdata(const struct device *dev)
{
	return dev->driver_data;
}

static inline void dev_set_drvdata(struct device *dev, void *data)
{
	dev->driver_data = data;
}

#define dev_err(dev, fmt, ...)                                                 \
	printk(KERN_ERR "%s: " fmt, dev_name(dev), ##__VA_ARGS__)
#define dev_warn(dev, fmt, ...)                                                \
	printk(KERN_WARNING "%s: " fmt, dev_name(dev), ##__VA_ARGS__)
#define dev_info(dev, fmt, ...)                                                \
	printk(KERN_INFO "%s: " fmt, dev_name(dev), ##__VA_ARGS__)
#define dev_dbg(dev, fmt, ...)                                                 \
	no_printk(KERN_DEBUG "%s: " fmt, dev_name(dev), ##__VA_ARGS__)

#endif
