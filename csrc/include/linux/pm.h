/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: what a driver says of its power management.
 * Otherwise: nothing is ever suspended.
 */
#ifndef _LINUX_PM_H
#define _LINUX_PM_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct device;

typedef struct pm_message {
	int event;
} pm_message_t;

#define PM_EVENT_INVALID (-1)
#define PM_EVENT_ON 0
#define PMSG_INVALID ((struct pm_message){ .event = PM_EVENT_INVALID })
#define PMSG_ON ((struct pm_message){ .event = PM_EVENT_ON })

struct dev_pm_ops {
	int (*prepare)(struct device *dev);
	int (*suspend)(struct device *dev);
	int (*resume)(struct device *dev);
	int (*freeze)(struct device *dev);
	int (*thaw)(struct device *dev);
	int (*poweroff)(struct device *dev);
	int (*restore)(struct device *dev);
	int (*suspend_late)(struct device *dev);
	int (*resume_early)(struct device *dev);
	int (*freeze_late)(struct device *dev);
	int (*thaw_early)(struct device *dev);
	int (*poweroff_late)(struct device *dev);
	int (*restore_early)(struct device *dev);
	int (*suspend_noirq)(struct device *dev);
	int (*resume_noirq)(struct device *dev);
	int (*freeze_noirq)(struct device *dev);
	int (*thaw_noirq)(struct device *dev);
	int (*poweroff_noirq)(struct device *dev);
	int (*restore_noirq)(struct device *dev);
	int (*runtime_suspend)(struct device *dev);
	int (*runtime_resume)(struct device *dev);
	int (*runtime_idle)(struct device *dev);
	void (*complete)(struct device *dev);
};

enum rpm_status {
	RPM_INVALID = -1,
	RPM_ACTIVE = 0,
	RPM_RESUMING,
	RPM_SUSPENDED,
	RPM_SUSPENDING,
};

struct dev_pm_info {
	pm_message_t power_state;
	spinlock_t lock;
	atomic_t usage_count;
	atomic_t child_count;
	enum rpm_status runtime_status;
	unsigned int disable_depth;
	bool is_suspended;
	bool can_wakeup;
	void *subsys_data;
	void *qos;
};

/* As without CONFIG_PM and CONFIG_PM_SLEEP. */
#define pm_ptr(p) ((void)(p), NULL)
#define pm_sleep_ptr(p) pm_ptr(p)
#define SET_SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn)
#define SET_LATE_SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn)
#define SET_NOIRQ_SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn)
#define SET_RUNTIME_PM_OPS(suspend_fn, resume_fn, idle_fn)
#define SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn)
#define RUNTIME_PM_OPS(suspend_fn, resume_fn, idle_fn)
#define SIMPLE_DEV_PM_OPS(name, suspend_fn, resume_fn)                         \
	const struct dev_pm_ops __maybe_unused name = { 0 }
#define DEFINE_SIMPLE_DEV_PM_OPS(name, suspend_fn, resume_fn)                  \
	const struct dev_pm_ops name = { 0 }
#define UNIVERSAL_DEV_PM_OPS(name, suspend_fn, resume_fn, idle_fn)             \
	SIMPLE_DEV_PM_OPS(name, suspend_fn, resume_fn)

#endif
