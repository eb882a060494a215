/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: there are no programs of 32 bits; only their types. */
#ifndef _ASM_COMPAT_H
#define _ASM_COMPAT_H

#include <linux/types.h>

typedef u16 compat_mode_t;
typedef u32 compat_dev_t;
typedef u16 __compat_uid_t;
typedef u16 __compat_gid_t;
typedef u32 __compat_uid32_t;
typedef u32 __compat_gid32_t;
typedef u32 compat_size_t;
typedef s32 compat_ssize_t;
typedef s32 compat_clock_t;
typedef s32 compat_pid_t;
typedef u32 compat_ino_t;
typedef s32 compat_off_t;
typedef s64 compat_loff_t;
typedef s32 compat_daddr_t;
typedef s32 compat_timer_t;
typedef s32 compat_key_t;
typedef s16 compat_short_t;
typedef s32 compat_int_t;
typedef s32 compat_long_t;
typedef u16 compat_ushort_t;
typedef u32 compat_uint_t;
typedef u32 compat_ulong_t;
typedef u32 compat_uptr_t;
typedef u32 compat_caddr_t;
typedef u32 compat_aio_context_t;
typedef u32 compat_old_sigset_t;
typedef u64 compat_u64;
typedef s64 compat_s64;
typedef u32 compat_nlink_t;
typedef s32 compat_fsid_t;
typedef u32 compat_sigset_word;

#define COMPAT_USER_HZ 100
#define COMPAT_RLIM_INFINITY 0xffffffff
#define COMPAT_OFF_T_MAX 0x7fffffff
#define _COMPAT_NSIG 64
#define _COMPAT_NSIG_BPW 32
#define compat_arg_u64(name) u32 name##_lo, u32 name##_hi
#define compat_arg_u64_dual(name) u32, name##_lo, u32, name##_hi
#define compat_arg_u64_glue(name)                                              \
	(((u64)(name##_lo) & 0xffffffff) | (u64)(name##_hi) << 32)

#endif
