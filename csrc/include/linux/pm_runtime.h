/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: how often a device's power is held.
 * Otherwise: it is always on; no callback of a driver's is called.
 */
#ifndef _LINUX_PM_RUNTIME_H
#define _LINUX_PM_RUNTIME_H

#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/pm.h>

static inline void pm_runtime_get_noresume(struct device *dev)
{
	atomic_inc(&dev->power.usage_count);
}

static inline void pm_runtime_put_noidle(struct device *dev)
{
	atomic_dec_if_positive(&dev->power.usage_count);
}

/* 1: it was on. */
static inline int pm_runtime_get_sync(struct device *dev)
{
	pm_runtime_get_noresume(dev);
	return 1;
}

static inline int pm_runtime_resume_and_get(struct device *dev)
{
	pm_runtime_get_noresume(dev);
	return 0;
}

static inline int pm_runtime_put(struct device *dev)
{
	pm_runtime_put_noidle(dev);
	return 0;
}

#define pm_runtime_get pm_runtime_get_sync
#define pm_runtime_put_sync pm_runtime_put
#define pm_runtime_put_autosuspend pm_runtime_put
#define pm_runtime_put_sync_suspend pm_runtime_put
/* 1: in use now. */
#define pm_runtime_get_if_in_use(dev)                                          \
	(atomic_inc_not_zero(&(dev)->power.usage_count) ? 1 : 0)
#define pm_runtime_get_if_active pm_runtime_get_sync
#define pm_runtime_active(dev) ((void)(dev), true)
#define pm_runtime_suspended(dev) ((void)(dev), false)
#define pm_runtime_status_suspended(dev) ((void)(dev), false)
#define pm_runtime_enabled(dev) ((void)(dev), true)
#define pm_runtime_enable(dev) ((void)(dev))
#define pm_runtime_disable(dev) ((void)(dev))
#define pm_runtime_allow(dev) ((void)(dev))
#define pm_runtime_forbid(dev) ((void)(dev))
#define pm_runtime_set_active(dev) ((void)(dev), 0)
#define pm_runtime_set_suspended(dev) ((void)(dev), 0)
#define pm_runtime_mark_last_busy(dev) ((void)(dev))
#define pm_runtime_use_autosuspend(dev) ((void)(dev))
#define pm_runtime_dont_use_autosuspend(dev) ((void)(dev))
#define pm_runtime_set_autosuspend_delay(dev, ms) ((void)(dev), (void)(ms))
#define pm_runtime_force_suspend(dev) ((void)(dev), 0)
#define pm_runtime_force_resume(dev) ((void)(dev), 0)
#define pm_runtime_resume(dev) ((void)(dev), 1)
#define pm_runtime_suspend(dev) ((void)(dev), -EBUSY)
#define pm_request_autosuspend(dev) ((void)(dev), 0)

#endif
