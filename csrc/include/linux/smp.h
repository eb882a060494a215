/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: asking another CPU to do something.
 * Otherwise: there is none but this one, which does it at once.
 */
#ifndef __LINUX_SMP_H
#define __LINUX_SMP_H

#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/llist.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/types.h>

typedef void (*smp_call_func_t)(void *info);
typedef bool (*smp_cond_func_t)(int cpu, void *info);

struct __call_single_node {
	struct llist_node llist;
	unsigned int u_flags;
};

struct __call_single_data {
	struct __call_single_node node;
	smp_call_func_t func;
	void *info;
};

typedef struct __call_single_data call_single_data_t;
#define CSD_INIT(f, i) { .func = (f), .info = (i) }
#define INIT_CSD(csd, f, i)                                                    \
	((void)(*(csd) = (call_single_data_t)CSD_INIT(f, i)))

static inline int smp_call_function_single(int cpu, smp_call_func_t func,
					   void *info, int wait)
{
	(void)wait;
	if (cpu)
		return -ENXIO;
	func(info);
	return 0;
}

static inline int smp_call_function_single_async(int cpu,
						 call_single_data_t *csd)
{
	return smp_call_function_single(cpu, csd->func, csd->info, 0);
}

static inline void on_each_cpu_cond_mask(smp_cond_func_t cond,
					 smp_call_func_t func, void *info,
					 bool wait, const struct cpumask *mask)
{
	(void)wait;
	if (cpumask_test_cpu(0, mask) && (!cond || cond(0, info)))
		func(info);
}

#define on_each_cpu(func, info, wait)                                          \
	on_each_cpu_cond_mask(NULL, func, info, wait, cpu_online_mask)
#define on_each_cpu_mask(mask, func, info, wait)                               \
	on_each_cpu_cond_mask(NULL, func, info, wait, mask)
#define on_each_cpu_cond(cond, func, info, wait)                               \
	on_each_cpu_cond_mask(cond, func, info, wait, cpu_online_mask)
/* All others. */
#define smp_call_function(func, info, wait) ((void)(func), (void)(info))
#define smp_call_function_many(mask, func, info, wait)                         \
	((void)(mask), (void)(func), (void)(info))
#define smp_call_function_any(mask, func, info, wait)                          \
	smp_call_function_single(0, func, info, wait)
#define smp_send_reschedule(cpu) ((void)(cpu))
#define kick_all_cpus_sync() ((void)0)
#define wake_up_all_idle_cpus() ((void)0)

#endif
