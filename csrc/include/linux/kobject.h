/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: names, parents and references of kobjects, and their release.
 * Otherwise: they are in no sysfs; user space is not told.
 */
#ifndef _KOBJECT_H_
#define _KOBJECT_H_

#include <linux/err.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct kobj_ns_type_operations;
struct kernfs_node;
struct kobject;
struct kset;
struct kset_uevent_ops;

struct kobj_type {
	void (*release)(struct kobject *kobj);
	const struct sysfs_ops *sysfs_ops;
	const struct attribute_group **default_groups;
};

struct kobject {
	const char *name;
	struct list_head entry;
	struct kobject *parent; /* a reference while it is added */
	struct kset *kset;
	const struct kobj_type *ktype;
	struct kref kref;
	struct kernfs_node *sd; /* NULL: none */
	bool state_initialized;
	bool state_in_sysfs;
};

struct kset {
	struct list_head list; /* of the kobjects in it */
	spinlock_t list_lock;
	struct kobject kobj;
	const struct kset_uevent_ops *uevent_ops;
};

struct kobj_attribute {
	struct attribute attr;
	ssize_t (*show)(struct kobject *kobj, struct kobj_attribute *attr,
			char *buf);
	ssize_t (*store)(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t n);
};

struct kobj_uevent_env {
	char *envp[64];
	int envp_idx;
	char buf[2048];
	int buflen;
};

/* 0, or -ENOMEM: there is no room for it. */
int add_uevent_var(struct kobj_uevent_env *env, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

enum kobject_action {
	KOBJ_ADD,
	KOBJ_REMOVE,
	KOBJ_CHANGE,
	KOBJ_MOVE,
	KOBJ_ONLINE,
	KOBJ_OFFLINE,
	KOBJ_BIND,
	KOBJ_UNBIND,
};

extern const struct sysfs_ops kobj_sysfs_ops;
/* The folders of sysfs that all use. */
extern struct kobject *kernel_kobj;
extern struct kobject *mm_kobj;
extern struct kobject *fs_kobj;

void kobject_init(struct kobject *kobj, const struct kobj_type *ktype);
int kobject_set_name(struct kobject *kobj, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int kobject_add(struct kobject *kobj, struct kobject *parent, const char *fmt,
		...) __attribute__((format(printf, 3, 4)));
int kobject_init_and_add(struct kobject *kobj, const struct kobj_type *ktype,
			 struct kobject *parent, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void kobject_del(struct kobject *kobj);
struct kobject *kobject_get(struct kobject *kobj);
struct kobject *kobject_get_unless_zero(struct kobject *kobj);
void kobject_put(struct kobject *kobj);
struct kobject *kobject_create_and_add(const char *name,
				       struct kobject *parent);

/* A name of its own, and a folder. NULL: no memory. */
struct kset *kset_create_and_add(const char *name,
				 const struct kset_uevent_ops *ops,
				 struct kobject *parent);
void kset_unregister(struct kset *kset);

#define kobject_uevent(kobj, action) ((void)(kobj), (void)(action), 0)
#define kobject_uevent_env(kobj, action, env)                                  \
	((void)(kobj), (void)(action), (void)(env), 0)

static inline const char *kobject_name(const struct kobject *kobj)
{
	return kobj->name;
}

#endif
