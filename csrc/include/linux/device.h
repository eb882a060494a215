/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: a device's name, references and data, messages in its name, and
 * memory that goes with it.
 * Otherwise: no bus looks for a driver; who probes is the test.
 */
#ifndef _DEVICE_H_
#define _DEVICE_H_

#include <linux/dev_printk.h>
#include <linux/err.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/types.h>

struct class;
struct device_driver;
struct kobj_uevent_env;
struct kernel_devres;
struct device;
struct device_node;
struct device_private;
struct fwnode_handle;
struct iommu_group;
struct dev_iommu;
struct of_device_id;

struct bus_type {
	const char *name;
	const char *dev_name;
	const struct attribute_group **bus_groups;
	const struct attribute_group **dev_groups;
	const struct attribute_group **drv_groups;
	int (*match)(struct device *dev, const struct device_driver *drv);
	int (*uevent)(const struct device *dev, struct kobj_uevent_env *env);
	int (*probe)(struct device *dev);
	void (*remove)(struct device *dev);
	void (*shutdown)(struct device *dev);
	int (*suspend)(struct device *dev, pm_message_t state);
	int (*resume)(struct device *dev);
	const struct dev_pm_ops *pm;
};

struct device_driver {
	const char *name;
	const struct bus_type *bus;
	struct module *owner;
	const char *mod_name;
	bool suppress_bind_attrs;
	int probe_type;
	const struct of_device_id *of_match_table;
	int (*probe)(struct device *dev);
	int (*remove)(struct device *dev);
	void (*shutdown)(struct device *dev);
	int (*suspend)(struct device *dev, pm_message_t state);
	int (*resume)(struct device *dev);
	const struct attribute_group **groups;
	const struct attribute_group **dev_groups;
	const struct dev_pm_ops *pm;
};

struct device_type {
	const char *name;
	const struct attribute_group **groups;
	void (*release)(struct device *dev);
	const struct dev_pm_ops *pm;
};

struct device_dma_parameters {
	unsigned int max_segment_size;
	unsigned int min_align_mask;
	unsigned long segment_boundary_mask;
};

struct dev_archdata {
	char nothing_[0];
};

struct pdev_archdata {
	char nothing_[0];
};

struct device {
	struct kobject kobj;
	struct device *parent;
	const char *init_name;
	const struct device_type *type;
	const struct bus_type *bus;
	struct device_driver *driver;
	void *driver_data;
	void *platform_data;
	struct mutex mutex;
	struct dev_pm_info power;
	u64 *dma_mask;
	u64 coherent_dma_mask;
	struct device_dma_parameters *dma_parms;
	struct dev_archdata archdata;
	struct device_node *of_node;
	struct fwnode_handle *fwnode;
	int numa_node;
	dev_t devt;
	u32 id;
	spinlock_t devres_lock;
	struct list_head devres_head;
	const struct class *class;
	const struct attribute_group **groups;
	void (*release)(struct device *dev);
	bool offline;
	/* Otherwise than there: */
	struct kernel_devres *managed;
	struct list_head added; /* among those that are */
};

struct device_attribute {
	struct attribute attr;
	ssize_t (*show)(struct device *dev, struct device_attribute *attr,
			char *buf);
	ssize_t (*store)(struct device *dev, struct device_attribute *attr,
			 const char *buf, size_t n);
};

#define DEVICE_ATTR(n, mode, show, store)                                      \
	struct device_attribute dev_attr_##n = __ATTR(n, mode, show, store)
#define DEVICE_ATTR_RO(n) struct device_attribute dev_attr_##n = __ATTR_RO(n)
#define DEVICE_ATTR_RW(n) struct device_attribute dev_attr_##n = __ATTR_RW(n)
#define DEVICE_ATTR_WO(n) struct device_attribute dev_attr_##n = __ATTR_WO(n)
#define kobj_to_dev(k) container_of(k, struct device, kobj)

static inline const char *dev_name(const struct device *dev)
{
	if (dev && dev->init_name)
		return dev->init_name;
	return dev && dev->kobj.name ? dev->kobj.name : "device";
}

static inline void *dev_get_drvdata(const struct device *dev)
{
	return dev->driver_data;
}

static inline void dev_set_drvdata(struct device *dev, void *data)
{
	dev->driver_data = data;
}

static inline void *dev_get_platdata(const struct device *dev)
{
	return dev->platform_data;
}

#define dev_driver_string(dev) "shrinkpy"
#define dev_to_node(dev) ((dev) ? (dev)->numa_node : NUMA_NO_NODE)
#define set_dev_node(dev, node) ((void)((dev)->numa_node = (node)))
#define device_lock(dev) mutex_lock(&(dev)->mutex)
#define device_trylock(dev) mutex_trylock(&(dev)->mutex)
#define device_unlock(dev) mutex_unlock(&(dev)->mutex)
#define device_lock_assert(dev) lockdep_assert_held(&(dev)->mutex)

/*
 * device_initialize() gives the first reference; with the last one goes what
 * devm_*() got for it, the last first, and release() is called.
 */
void device_initialize(struct device *dev);
int device_add(struct device *dev);
void device_del(struct device *dev);
int device_register(struct device *dev);
void device_unregister(struct device *dev);
struct device *get_device(struct device *dev);
void put_device(struct device *dev);
#define dev_set_name(dev, ...) kobject_set_name(&(dev)->kobj, __VA_ARGS__)
#define device_is_registered(dev) ((dev)->kobj.state_in_sysfs)

/* ---- those of a bus ---------------------------------------------------- */

/* Nobody is told of a driver: it is found by the bus's own functions. */
static inline int bus_register(const struct bus_type *bus)
{
	return bus->name ? 0 : -EINVAL;
}

#define bus_unregister(bus) ((void)(bus))
#define driver_register(driver) ((void)(driver), 0)
#define driver_unregister(driver) ((void)(driver))
/* Of those that are added, behind start (NULL: all), until fn gives not 0. */
int bus_for_each_dev(const struct bus_type *bus, struct device *start,
		     void *data, int (*fn)(struct device *dev, void *data));
/* The first that matches, with a reference, or NULL. */
struct device *bus_find_device(const struct bus_type *bus, struct device *start,
			       const void *data,
			       int (*match)(struct device *dev,
					    const void *data));

/* Nothing sleeps here. */
#define device_init_wakeup(dev, on) ((void)(dev), (void)(on), 0)
#define device_set_wakeup_capable(dev, can) ((void)(dev), (void)(can))
#define pm_stay_awake(dev) ((void)(dev))
#define pm_relax(dev) ((void)(dev))
#define pm_wakeup_event(dev, ms) ((void)(dev), (void)(ms))

#define device_create_file(dev, attr) ((void)(dev), (void)(attr), 0)
#define device_remove_file(dev, attr) ((void)(dev), (void)(attr))

/* A driver that does nothing else at its init and exit. */
#define module_driver(driver, add, remove, ...)                                \
	static int __init driver##_init(void)                                  \
	{                                                                      \
		return add(&(driver), ##__VA_ARGS__);                          \
	}                                                                      \
	module_init(driver##_init);                                            \
	static void __exit driver##_exit(void)                                 \
	{                                                                      \
		remove(&(driver), ##__VA_ARGS__);                              \
	}                                                                      \
	module_exit(driver##_exit)
#define builtin_driver(driver, add, ...)                                       \
	static int __init driver##_init(void)                                  \
	{                                                                      \
		return add(&(driver), ##__VA_ARGS__);                          \
	}                                                                      \
	device_initcall(driver##_init)

/* ---- what goes with a device ------------------------------------------- */

void *kernel_devm_kmalloc(struct device *dev, size_t size, gfp_t gfp,
			  const char *where);
void kernel_devm_kfree(struct device *dev, const void *p, const char *where);
/* 0, or -ENOMEM; or_reset calls it then. */
int kernel_devm_add_action(struct device *dev, void (*action)(void *data),
			   void *data, bool or_reset, const char *where);
/* All of it goes now, as when its driver leaves it. */
void kernel_devres_release(struct device *dev);

#define devm_kmalloc(dev, size, gfp)                                           \
	kernel_devm_kmalloc(dev, size, gfp, KERNEL_HERE)
#define devm_kzalloc(dev, size, gfp) devm_kmalloc(dev, size, (gfp) | __GFP_ZERO)
#define devm_kcalloc(dev, n, size, gfp)                                        \
	({                                                                     \
		size_t bytes_;                                                 \
		__builtin_mul_overflow((size_t)(n), (size_t)(size), &bytes_) ? \
			NULL :                                                 \
			devm_kzalloc(dev, bytes_, gfp);                        \
	})
#define devm_kmalloc_array devm_kcalloc
#define devm_kfree(dev, p) kernel_devm_kfree(dev, p, KERNEL_HERE)
#define devm_add_action(dev, action, data)                                     \
	kernel_devm_add_action(dev, action, data, false, KERNEL_HERE)
#define devm_add_action_or_reset(dev, action, data)                            \
	kernel_devm_add_action(dev, action, data, true, KERNEL_HERE)

#endif
