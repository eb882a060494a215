// SPDX-License-Identifier: GPL-2.0-only
/* Kobjects, devices, and what goes with a device. */
#include <linux/bug.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <asm/page.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "runtime.h"

/* ---- kobjects ---------------------------------------------------------- */

#define FOLDER(text)                                                           \
	{ .name = (text), .kref = KREF_INIT(1), .state_initialized = true }

static struct kobject folders[] = { FOLDER("kernel"), FOLDER("mm"),
				    FOLDER("fs") };
struct kobject *kernel_kobj = &folders[0];
struct kobject *mm_kobj = &folders[1];
struct kobject *fs_kobj = &folders[2];

void kobject_init(struct kobject *kobj, const struct kobj_type *ktype)
{
	WARN(kobj->state_initialized, "kobject_init() of one that is in use");
	kref_init(&kobj->kref);
	INIT_LIST_HEAD(&kobj->entry);
	kobj->state_in_sysfs = false;
	kobj->state_initialized = true;
	kobj->ktype = ktype;
}

static int set_name(struct kobject *kobj, const char *fmt, va_list args)
{
	char *name;

	/* One that has a name keeps it where none is given. */
	if (kobj->name && !fmt)
		return 0;
	if (!fmt)
		return -EINVAL;
	name = kernel_kvasprintf("kobject_set_name()", GFP_KERNEL, fmt, args);
	if (!name)
		return -ENOMEM;
	kfree(kobj->name);
	kobj->name = name;
	return 0;
}

int kobject_set_name(struct kobject *kobj, const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = set_name(kobj, fmt, args);
	va_end(args);
	return ret;
}

static void join(struct kset *kset, struct kobject *kobj)
{
	kobject_get(&kset->kobj);
	spin_lock(&kset->list_lock);
	list_add_tail(&kobj->entry, &kset->list);
	spin_unlock(&kset->list_lock);
}

static void leave(struct kset *kset, struct kobject *kobj)
{
	spin_lock(&kset->list_lock);
	list_del_init(&kobj->entry);
	spin_unlock(&kset->list_lock);
	kobject_put(&kset->kobj);
}

static int add(struct kobject *kobj, struct kobject *parent)
{
	if (!kobj->name || !kobj->name[0]) {
		WARN(1, "a kobject is added without a name");
		return -EINVAL;
	}
	if (kobj->kset)
		join(kobj->kset, kobj);
	if (!parent && kobj->kset)
		parent = &kobj->kset->kobj;
	kobj->parent = kobject_get(parent);
	kobj->state_in_sysfs = true;
	return 0;
}

int kobject_add(struct kobject *kobj, struct kobject *parent, const char *fmt,
		...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = set_name(kobj, fmt, args);
	va_end(args);
	return ret ? ret : add(kobj, parent);
}

int kobject_init_and_add(struct kobject *kobj, const struct kobj_type *ktype,
			 struct kobject *parent, const char *fmt, ...)
{
	va_list args;
	int ret;

	kobject_init(kobj, ktype);
	va_start(args, fmt);
	ret = set_name(kobj, fmt, args);
	va_end(args);
	return ret ? ret : add(kobj, parent);
}

void kobject_del(struct kobject *kobj)
{
	struct kobject *parent;

	if (!kobj || !kobj->state_in_sysfs)
		return;
	parent = kobj->parent;
	kobj->parent = NULL;
	kobj->state_in_sysfs = false;
	if (kobj->kset)
		leave(kobj->kset, kobj);
	kobject_put(parent);
}

struct kobject *kobject_get(struct kobject *kobj)
{
	if (kobj)
		kref_get(&kobj->kref);
	return kobj;
}

struct kobject *kobject_get_unless_zero(struct kobject *kobj)
{
	return kobj && kref_get_unless_zero(&kobj->kref) ? kobj : NULL;
}

static void release(struct kref *kref)
{
	struct kobject *kobj = container_of(kref, struct kobject, kref);
	const char *name = kobj->name;

	kobject_del(kobj);
	if (kobj->ktype && kobj->ktype->release)
		kobj->ktype->release(kobj);
	kfree(name);
}

void kobject_put(struct kobject *kobj)
{
	if (!kobj)
		return;
	WARN(!kobj->state_initialized, "kobject_put() before kobject_init()");
	kref_put(&kobj->kref, release);
}

static void release_memory(struct kobject *kobj)
{
	kfree(kobj);
}

static const struct kobj_type of_memory = { .release = release_memory };

struct kobject *kobject_create_and_add(const char *name, struct kobject *parent)
{
	struct kobject *kobj = kzalloc(sizeof(*kobj), GFP_KERNEL);

	if (!kobj)
		return NULL;
	if (kobject_init_and_add(kobj, &of_memory, parent, "%s", name)) {
		kobject_put(kobj);
		return NULL;
	}
	return kobj;
}

static void release_kset(struct kobject *kobj)
{
	kfree(container_of(kobj, struct kset, kobj));
}

static const struct kobj_type of_kset = { .release = release_kset };

struct kset *kset_create_and_add(const char *name,
				 const struct kset_uevent_ops *ops,
				 struct kobject *parent)
{
	struct kset *kset = kzalloc(sizeof(*kset), GFP_KERNEL);

	if (!kset)
		return NULL;
	INIT_LIST_HEAD(&kset->list);
	spin_lock_init(&kset->list_lock);
	kset->uevent_ops = ops;
	if (kobject_init_and_add(&kset->kobj, &of_kset, parent, "%s", name)) {
		kobject_put(&kset->kobj);
		return NULL;
	}
	return kset;
}

void kset_unregister(struct kset *kset)
{
	if (!kset)
		return;
	kobject_del(&kset->kobj);
	kobject_put(&kset->kobj);
}

static ssize_t show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct kobj_attribute *a =
		container_of(attr, struct kobj_attribute, attr);

	return a->show ? a->show(kobj, a, buf) : -EIO;
}

static ssize_t store(struct kobject *kobj, struct attribute *attr,
		     const char *buf, size_t n)
{
	struct kobj_attribute *a =
		container_of(attr, struct kobj_attribute, attr);

	return a->store ? a->store(kobj, a, buf, n) : -EIO;
}

const struct sysfs_ops kobj_sysfs_ops = { .show = show, .store = store };

int add_uevent_var(struct kobj_uevent_env *env, const char *fmt, ...)
{
	const size_t room = sizeof(env->buf) - (size_t)env->buflen;
	char *at = env->buf + env->buflen;
	va_list args;
	int len;

	if (env->envp_idx >= (int)ARRAY_SIZE(env->envp))
		return -ENOMEM;
	va_start(args, fmt);
	len = vsnprintf(at, room, fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= room)
		return -ENOMEM;
	env->envp[env->envp_idx++] = at;
	env->buflen += len + 1;
	return 0;
}

static int emit(char *page, int at, const char *fmt, va_list args)
{
	if ((unsigned long)page % PAGE_SIZE || at < 0 || at >= (int)PAGE_SIZE) {
		WARN(1, "sysfs_emit() into what is no page, or past its end");
		return 0;
	}
	return vscnprintf(page + at, PAGE_SIZE - (size_t)at, fmt, args);
}

int sysfs_emit(char *page, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = emit(page, 0, fmt, args);
	va_end(args);
	return n;
}

int sysfs_emit_at(char *page, int at, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = emit(page, at, fmt, args);
	va_end(args);
	return n;
}

/* ---- devices ----------------------------------------------------------- */

/* Something that goes with a device: memory, or a call. */
struct kernel_devres {
	struct kernel_devres *next;
	void (*action)(void *data); /* NULL: data is memory */
	void *data;
};

static struct kernel_leaf leaf; /* of dev->managed, and of: */
static LIST_HEAD(all);          /* that are added */

void kernel_devres_release(struct device *dev)
{
	struct kernel_devres *r;

	for (;;) {
		kernel_leaf_lock(&leaf);
		r = dev->managed;
		if (r)
			dev->managed = r->next;
		kernel_leaf_unlock(&leaf);
		if (!r)
			return;
		if (r->action)
			r->action(r->data);
		else
			kfree(r->data);
		host_free(r);
	}
}

static bool manage(struct device *dev, void (*action)(void *data), void *data)
{
	struct kernel_devres *r = host_alloc(sizeof(*r), 0, true);

	if (!r)
		return false;
	r->action = action;
	r->data = data;
	kernel_leaf_lock(&leaf);
	r->next = dev->managed;
	dev->managed = r;
	kernel_leaf_unlock(&leaf);
	return true;
}

void *kernel_devm_kmalloc(struct device *dev, size_t size, gfp_t gfp,
			  const char *where)
{
	void *p = kernel_kmalloc(size, gfp, dev_to_node(dev), where);

	if (!p || manage(dev, NULL, p))
		return p;
	kfree(p);
	return NULL;
}

void kernel_devm_kfree(struct device *dev, const void *p, const char *where)
{
	struct kernel_devres **link, *r;

	if (!p)
		return;
	kernel_leaf_lock(&leaf);
	for (link = &dev->managed; (r = *link); link = &r->next) {
		if (!r->action && r->data == p) {
			*link = r->next;
			break;
		}
	}
	kernel_leaf_unlock(&leaf);
	WARN(!r, "%s: devm_kfree() of what devm_kmalloc() did not give", where);
	if (r)
		kernel_kfree(p, where);
	host_free(r);
}

int kernel_devm_add_action(struct device *dev, void (*action)(void *data),
			   void *data, bool or_reset, const char *where)
{
	/* What there is an allocation for, and which may be failed. */
	void *note = kernel_kmalloc(sizeof(struct kernel_devres), GFP_KERNEL,
				    NUMA_NO_NODE, where);
	const bool noted = note && manage(dev, action, data);

	kfree(note);
	if (noted)
		return 0;
	if (or_reset)
		action(data);
	return -ENOMEM;
}

static void release_device(struct kobject *kobj)
{
	struct device *dev = kobj_to_dev(kobj);

	kernel_leaf_lock(&leaf);
	list_del_init(&dev->added);
	kernel_leaf_unlock(&leaf);
	kernel_devres_release(dev);
	if (dev->release)
		dev->release(dev);
	else if (dev->type && dev->type->release)
		dev->type->release(dev);
	else
		WARN(1, "device %s has no release(): its memory would leak",
		     dev_name(dev));
}

static const struct kobj_type of_device = { .release = release_device };

void device_initialize(struct device *dev)
{
	kobject_init(&dev->kobj, &of_device);
	mutex_init(&dev->mutex);
	spin_lock_init(&dev->devres_lock);
	INIT_LIST_HEAD(&dev->devres_head);
	spin_lock_init(&dev->power.lock);
	dev->numa_node = NUMA_NO_NODE;
	dev->managed = NULL;
	INIT_LIST_HEAD(&dev->added);
}

int device_add(struct device *dev)
{
	int ret = 0;

	if (!get_device(dev))
		return -EINVAL;
	if (dev->init_name) {
		ret = dev_set_name(dev, "%s", dev->init_name);
		dev->init_name = NULL;
	}
	if (!ret && !dev->kobj.name)
		ret = -EINVAL;
	if (!ret)
		ret = kobject_add(&dev->kobj,
				  dev->parent ? &dev->parent->kobj : NULL,
				  NULL);
	if (!ret) {
		get_device(dev->parent);
		kernel_leaf_lock(&leaf);
		list_add_tail(&dev->added, &all);
		kernel_leaf_unlock(&leaf);
	}
	put_device(dev);
	return ret;
}

void device_del(struct device *dev)
{
	kernel_leaf_lock(&leaf);
	list_del_init(&dev->added);
	kernel_leaf_unlock(&leaf);
	kobject_del(&dev->kobj);
	put_device(dev->parent);
}

int device_register(struct device *dev)
{
	device_initialize(dev);
	return device_add(dev);
}

void device_unregister(struct device *dev)
{
	device_del(dev);
	put_device(dev);
}

struct device *get_device(struct device *dev)
{
	if (dev)
		kobject_get(&dev->kobj);
	return dev;
}

void put_device(struct device *dev)
{
	if (dev)
		kobject_put(&dev->kobj);
}

/* ---- those of a bus ---------------------------------------------------- */

/* With a reference each; devices come and go while they are looked at. */
static struct device **of_bus(const struct bus_type *bus, struct device *start,
			      size_t *out)
{
	struct device **devs, *dev;
	bool behind = !start;
	size_t n = 1;

	kernel_leaf_lock(&leaf);
	list_for_each_entry(dev, &all, added) n++;
	devs = host_alloc(n * sizeof(*devs), 0, true);
	n = 0;
	list_for_each_entry(dev, &all, added)
	{
		if (devs && behind && dev->bus == bus)
			devs[n++] = get_device(dev);
		behind |= dev == start;
	}
	kernel_leaf_unlock(&leaf);
	*out = n;
	return devs;
}

int bus_for_each_dev(const struct bus_type *bus, struct device *start,
		     void *data, int (*fn)(struct device *dev, void *data))
{
	struct device **devs;
	size_t i, n;
	int ret = 0;

	devs = of_bus(bus, start, &n);
	if (!devs)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (!ret)
			ret = fn(devs[i], data);
		put_device(devs[i]);
	}
	host_free(devs);
	return ret;
}

struct device *bus_find_device(const struct bus_type *bus, struct device *start,
			       const void *data,
			       int (*match)(struct device *dev,
					    const void *data))
{
	struct device **devs, *found = NULL;
	size_t i, n;

	devs = of_bus(bus, start, &n);
	for (i = 0; devs && i < n; i++) {
		if (!found && match(devs[i], data))
			found = devs[i];
		else
			put_device(devs[i]);
	}
	host_free(devs);
	return found;
}

void devices_exit(void)
{
	INIT_LIST_HEAD(&all);
}
