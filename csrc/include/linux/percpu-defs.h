/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Otherwise: there is one copy, which all threads share. this_cpu_ operations
 * are atomic; what a driver does to it by itself is not.
 */
#ifndef _LINUX_PERCPU_DEFS_H
#define _LINUX_PERCPU_DEFS_H

#include <linux/compiler.h>
#include <linux/preempt.h>

#define DEFINE_PER_CPU(type, name) typeof(type) name
#define DECLARE_PER_CPU(type, name) extern typeof(type) name
#define DEFINE_PER_CPU_ALIGNED DEFINE_PER_CPU
#define DECLARE_PER_CPU_ALIGNED DECLARE_PER_CPU
#define DEFINE_PER_CPU_SHARED_ALIGNED DEFINE_PER_CPU
#define DECLARE_PER_CPU_SHARED_ALIGNED DECLARE_PER_CPU
#define DEFINE_PER_CPU_PAGE_ALIGNED DEFINE_PER_CPU
#define DECLARE_PER_CPU_PAGE_ALIGNED DECLARE_PER_CPU
#define DEFINE_PER_CPU_READ_MOSTLY DEFINE_PER_CPU
#define DECLARE_PER_CPU_READ_MOSTLY DECLARE_PER_CPU
#define DEFINE_PER_CPU_FIRST DEFINE_PER_CPU
#define EXPORT_PER_CPU_SYMBOL(name)
#define EXPORT_PER_CPU_SYMBOL_GPL(name)

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
#define this_cpu_and(var, n)                                                   \
	((void)__atomic_fetch_and(&(var), n, __ATOMIC_RELAXED))
#define this_cpu_or(var, n)                                                    \
	((void)__atomic_fetch_or(&(var), n, __ATOMIC_RELAXED))
#define this_cpu_add_return(var, n)                                            \
	__atomic_add_fetch(&(var), n, __ATOMIC_RELAXED)
#define this_cpu_sub_return(var, n)                                            \
	__atomic_sub_fetch(&(var), n, __ATOMIC_RELAXED)
#define this_cpu_inc_return(var) this_cpu_add_return(var, 1)
#define this_cpu_dec_return(var) this_cpu_sub_return(var, 1)
#define this_cpu_xchg(var, v) __atomic_exchange_n(&(var), v, __ATOMIC_RELAXED)
#define this_cpu_cmpxchg(var, old, new) cmpxchg_relaxed(&(var), old, new)
#define this_cpu_inc(var) this_cpu_add(var, 1)
#define this_cpu_dec(var) this_cpu_sub(var, 1)
#define __this_cpu_read this_cpu_read
#define __this_cpu_write this_cpu_write
#define __this_cpu_add this_cpu_add
#define __this_cpu_sub this_cpu_sub
#define __this_cpu_inc this_cpu_inc
#define __this_cpu_dec this_cpu_dec
#define __this_cpu_add_return this_cpu_add_return
#define __this_cpu_inc_return this_cpu_inc_return
#define __this_cpu_dec_return this_cpu_dec_return
#define __this_cpu_xchg this_cpu_xchg
#define __this_cpu_preempt_check(op) ((void)(op))
#define raw_cpu_read this_cpu_read
#define raw_cpu_write this_cpu_write
#define raw_cpu_add this_cpu_add
#define raw_cpu_inc this_cpu_inc
#define raw_cpu_dec this_cpu_dec

#include <asm/cmpxchg.h>

#endif
