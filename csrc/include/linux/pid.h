/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: a pid's references, its task, its number.
 * Otherwise: there is one pid namespace; a task has one pid, for all types.
 */
#ifndef _LINUX_PID_H
#define _LINUX_PID_H

#include <linux/pid_types.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

struct pid_namespace;

/* All of them NULL for none. */
struct pid *get_pid(struct pid *pid);
void put_pid(struct pid *pid);
/* NULL of NULL only: a task stays as long as the load. */
struct task_struct *kernel_pid_task(struct pid *pid);
#define pid_task(pid, type) ((void)(type), kernel_pid_task(pid))
#define get_pid_task(pid, type) pid_task(pid, type)
pid_t pid_nr(struct pid *pid);
/* The first one from nr on. */
struct pid *kernel_find_pid(int nr, bool exactly);

#define get_task_pid(t, type) ((void)(type), get_pid(task_pid(t)))
#define pid_vnr(pid) pid_nr(pid)
#define pid_nr_ns(pid, ns) ((void)(ns), pid_nr(pid))
#define find_ge_pid(nr, ns) ((void)(ns), kernel_find_pid(nr, false))
#define find_pid_ns(nr, ns) ((void)(ns), kernel_find_pid(nr, true))
#define find_vpid(nr) kernel_find_pid(nr, true)
#define find_get_pid(nr) get_pid(find_vpid(nr))
#define task_pid_vnr(t) task_pid_nr(t)
#define task_tgid_vnr(t) task_tgid_nr(t)
#define task_pid_nr_ns(t, ns) ((void)(ns), task_pid_nr(t))
#define task_tgid_nr_ns(t, ns) ((void)(ns), task_tgid_nr(t))
#define is_global_init(t) (task_tgid_nr(t) == 1)

/* A task's pid is the task. */
static inline struct pid *task_pid(struct task_struct *t)
{
	return (struct pid *)t;
}

#endif
