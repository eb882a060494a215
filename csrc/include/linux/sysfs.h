/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: attributes and groups of them, and writing one's text.
 * Otherwise: as without CONFIG_SYSFS: nothing is shown anywhere.
 */
#ifndef _SYSFS_H_
#define _SYSFS_H_

#include <linux/idr.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/stat.h>
#include <linux/stringify.h>
#include <linux/types.h>

struct kobject;
struct module;
struct bin_attribute;
struct file;
struct vm_area_struct;

struct attribute {
	const char *name;
	umode_t mode;
};

struct attribute_group {
	const char *name;
	umode_t (*is_visible)(struct kobject *kobj, struct attribute *attr,
			      int n);
	umode_t (*is_bin_visible)(struct kobject *kobj,
				  struct bin_attribute *attr, int n);
	struct attribute **attrs;
	struct bin_attribute **bin_attrs;
};

struct bin_attribute {
	struct attribute attr;
	size_t size;
	void *private;
	ssize_t (*read)(struct file *f, struct kobject *kobj,
			struct bin_attribute *attr, char *buf, loff_t off,
			size_t n);
	ssize_t (*write)(struct file *f, struct kobject *kobj,
			 struct bin_attribute *attr, char *buf, loff_t off,
			 size_t n);
};

struct sysfs_ops {
	ssize_t (*show)(struct kobject *kobj, struct attribute *attr,
			char *buf);
	ssize_t (*store)(struct kobject *kobj, struct attribute *attr,
			 const char *buf, size_t n);
};

#define sysfs_attr_init(attr) ((void)(attr))
#define __ATTR(n, m, s, t)                                                     \
	{ .attr = { .name = __stringify(n), .mode = (m) },                     \
	  .show = s,                                                           \
	  .store = t }
#define __ATTR_RO_MODE(n, m) __ATTR(n, m, n##_show, NULL)
#define __ATTR_RW_MODE(n, m) __ATTR(n, m, n##_show, n##_store)
#define __ATTR_RO(n) __ATTR_RO_MODE(n, 0444)
#define __ATTR_RW(n) __ATTR_RW_MODE(n, 0644)
#define __ATTR_WO(n) __ATTR(n, 0200, NULL, n##_store)
#define __ATTR_NULL                                                            \
	{                                                                      \
		.attr = { .name = NULL }                                       \
	}
#define __ATTRIBUTE_GROUPS(n)                                                  \
	static const struct attribute_group *n##_groups[] __maybe_unused = {   \
		&n##_group, NULL                                               \
	}
#define ATTRIBUTE_GROUPS(n)                                                    \
	static const struct attribute_group n##_group = { .attrs =             \
								  n##_attrs }; \
	__ATTRIBUTE_GROUPS(n)

#define sysfs_create_file(kobj, attr) ((void)(kobj), (void)(attr), 0)
#define sysfs_create_files(kobj, attrs) ((void)(kobj), (void)(attrs), 0)
#define sysfs_create_bin_file(kobj, attr) ((void)(kobj), (void)(attr), 0)
#define sysfs_create_link(kobj, to, name)                                      \
	((void)(kobj), (void)(to), (void)(name), 0)
#define sysfs_create_group(kobj, group) ((void)(kobj), (void)(group), 0)
#define sysfs_create_groups(kobj, groups) ((void)(kobj), (void)(groups), 0)
#define sysfs_update_group(kobj, group) ((void)(kobj), (void)(group), 0)
#define sysfs_remove_file(kobj, attr) ((void)(kobj), (void)(attr))
#define sysfs_remove_files(kobj, attrs) ((void)(kobj), (void)(attrs))
#define sysfs_remove_bin_file(kobj, attr) ((void)(kobj), (void)(attr))
#define sysfs_remove_link(kobj, name) ((void)(kobj), (void)(name))
#define sysfs_remove_group(kobj, group) ((void)(kobj), (void)(group))
#define sysfs_remove_groups(kobj, groups) ((void)(kobj), (void)(groups))
#define sysfs_get_dirent(parent, name)                                         \
	((void)(parent), (void)(name), (struct kernfs_node *)NULL)
#define sysfs_notify_dirent(node) ((void)(node))
#define sysfs_put(node) ((void)(node))
#define sysfs_notify(kobj, dir, attr) ((void)(kobj), (void)(dir), (void)(attr))

/* Into a page; how long it is. */
int sysfs_emit(char *page, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int sysfs_emit_at(char *page, int at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
