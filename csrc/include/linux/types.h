/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the kernel's names of types.
 * Otherwise: what libc has under the same name (dev_t, ino_t, mode_t, pid_t,
 * uint64_t, loff_t) is libc's, so that both may be included. Sparse's notes
 * (__bitwise, __force) say nothing to a compiler.
 */
#ifndef __KERNEL__
#include_next <linux/types.h>
#elif !defined(_LINUX_TYPES_H)
#define _LINUX_TYPES_H

#include <asm/posix_types.h>
#include <asm/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* libc's is of another shape than the kernel's, which asm/statfs.h has. */
#define fsid_t sp_libc_fsid_t
#include <sys/types.h>
#undef fsid_t

#include <linux/compiler_types.h>
#include <shrinkpy/list_head.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

typedef __u16 __le16, __be16, __sum16;
typedef __u32 __le32, __be32, __wsum;
typedef __u64 __le64, __be64;
typedef unsigned int __poll_t;

#define __aligned_u64 __u64 __attribute__((aligned(8)))
#define __aligned_s64 __s64 __attribute__((aligned(8)))
#define __aligned_be64 __be64 __attribute__((aligned(8)))
#define __aligned_le64 __le64 __attribute__((aligned(8)))
#define aligned_u64 __aligned_u64

typedef long __kernel_long_t;
typedef unsigned long __kernel_ulong_t;
typedef long long __kernel_loff_t;
typedef u32 __kernel_dev_t;
typedef unsigned char unchar;

typedef unsigned short umode_t;
typedef unsigned int gfp_t;
typedef unsigned int slab_flags_t;
typedef unsigned int fmode_t;
typedef unsigned long pgoff_t;
typedef u64 sector_t;
typedef u64 dma_addr_t;
typedef u64 phys_addr_t;
typedef phys_addr_t resource_size_t;
typedef unsigned long irq_hw_number_t;
typedef long long time64_t;
typedef u64 timeu64_t;
typedef int __kernel_clockid_t;
typedef int mqd_t;

#define DECLARE_BITMAP(name, bits)                                             \
	unsigned long name[((bits) + 8 * sizeof(long) - 1) / (8 * sizeof(long))]

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

typedef atomic64_t atomic_long_t;

#define ATOMIC_INIT(i) { (i) }

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct callback_head {
	struct callback_head *next;
	void (*func)(struct callback_head *head);
} __attribute__((aligned(sizeof(void *))));

#define rcu_head callback_head

typedef void (*rcu_callback_t)(struct rcu_head *head);
typedef void (*call_rcu_func_t)(struct rcu_head *head, rcu_callback_t func);
typedef void (*swap_func_t)(void *a, void *b, int size);
typedef void (*swap_r_func_t)(void *a, void *b, int size, const void *priv);
typedef int (*cmp_func_t)(const void *a, const void *b);
typedef int (*cmp_r_func_t)(const void *a, const void *b, const void *priv);

#endif
