/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Otherwise: there is one copy, which all threads share. this_cpu_ operations
 * are atomic; what a driver does to it by itself is not.
 */
#ifndef _LINUX_PERCPU_H
#define _LINUX_PERCPU_H

#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/types.h>

#define DEFINE_PER_CPU(type, name) typeof(type) name
#define DECLARE_PER_CPU(type, name) extern typeof(type) name
#define DEFINE_PER_CPU_ALIGNED(type, name) DEFINE_PER_CPU(type, name)
#define alloc_percpu(type) ((type *)kzalloc(sizeof(type), GFP_KERNEL))
#define alloc_percpu_gfp(type, gfp) ((type *)kzalloc(sizeof(type), gfp))
#define free_percpu(p) kfree(p)
#define per_cpu_ptr(p, cpu) ((void)(cpu), (p))
#define per_cpu(var, cpu) (*per_cpu_ptr(&(var), cpu))
#define this_cpu_ptr(p) (p)
#define raw_cpu_ptr(p) (p)
#define get_cpu_var(var) (var)
#define put_cpu_var(var) ((void)&(var))
#define get_cpu_ptr(p) (p)
#define put_cpu_ptr(p) ((void)(p))
#define this_cpu_read(var) __atomic_load_n(&(var), __ATOMIC_RELAXED)
#define this_cpu_write(var, v) __atomic_store_n(&(var), v, __ATOMIC_RELAXED)
#define this_cpu_add(var, n)                                                   \
	((void)__atomic_fetch_add(&(var), n, __ATOMIC_RELAXED))
#define this_cpu_sub(var, n)                                                   \
	((void)__atomic_fetch_sub(&(var), n, __ATOMIC_RELAXED))
#define this_cpu_add_return(var, n)                                            \
	__atomic_add_fetch(&(var), n, __ATOMIC_RELAXED)
#define this_cpu_inc(var) this_cpu_add(var, 1)
#define this_cpu_dec(var) this_cpu_sub(var, 1)
#define __this_cpu_read this_cpu_read
#define __this_cpu_write this_cpu_write
#define __this_cpu_add this_cpu_add
#define __this_cpu_inc this_cpu_inc
#define __this_cpu_dec this_cpu_dec
#define raw_cpu_inc this_cpu_inc

#endif
