/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: the capabilities. Otherwise: everybody has them all. */
#ifndef __KERNEL__
#include_next <linux/capability.h>
#elif !defined(_LINUX_CAPABILITY_H)
#define _LINUX_CAPABILITY_H

#include <linux/types.h>
#include <linux/uidgid.h>

typedef struct {
	u64 val;
} kernel_cap_t;

enum {
	CAP_CHOWN,
	CAP_DAC_OVERRIDE,
	CAP_DAC_READ_SEARCH,
	CAP_FOWNER,
	CAP_FSETID,
	CAP_KILL,
	CAP_SETGID,
	CAP_SETUID,
	CAP_SETPCAP,
	CAP_LINUX_IMMUTABLE,
	CAP_NET_BIND_SERVICE,
	CAP_NET_BROADCAST,
	CAP_NET_ADMIN,
	CAP_NET_RAW,
	CAP_IPC_LOCK,
	CAP_IPC_OWNER,
	CAP_SYS_MODULE,
	CAP_SYS_RAWIO,
	CAP_SYS_CHROOT,
	CAP_SYS_PTRACE,
	CAP_SYS_PACCT,
	CAP_SYS_ADMIN,
	CAP_SYS_BOOT,
	CAP_SYS_NICE,
	CAP_SYS_RESOURCE,
	CAP_SYS_TIME,
	CAP_SYS_TTY_CONFIG,
	CAP_MKNOD,
	CAP_LEASE,
	CAP_AUDIT_WRITE,
	CAP_AUDIT_CONTROL,
	CAP_SETFCAP,
	CAP_MAC_OVERRIDE,
	CAP_MAC_ADMIN,
	CAP_SYSLOG,
	CAP_WAKE_ALARM,
	CAP_BLOCK_SUSPEND,
	CAP_AUDIT_READ,
	CAP_PERFMON,
	CAP_BPF,
	CAP_CHECKPOINT_RESTORE,
	CAP_LAST_CAP = CAP_CHECKPOINT_RESTORE,
};

#define CAP_EMPTY_SET ((kernel_cap_t){ 0 })
#define CAP_FULL_SET ((kernel_cap_t){ (1ull << (CAP_LAST_CAP + 1)) - 1 })
#define cap_raise(c, flag) ((c).val |= 1ull << (flag))
#define cap_lower(c, flag) ((c).val &= ~(1ull << (flag)))
#define cap_raised(c, flag) (!!((c).val & 1ull << (flag)))
#define cap_clear(c) ((void)((c).val = 0))
#define cap_drop_fs_set(c) (c)
#define cap_drop_nfsd_set(c) (c)
#define cap_raise_nfsd_set(c, permitted) ((void)(permitted), (c))

struct cred;
struct inode;
struct mnt_idmap;
struct task_struct;

#define capable(cap) ((void)(cap), true)
#define ns_capable(ns, cap) ((void)(ns), capable(cap))
#define ns_capable_noaudit ns_capable
#define has_capability(t, cap) ((void)(t), capable(cap))
#define has_capability_noaudit has_capability
#define file_ns_capable(file, ns, cap) ((void)(file), ns_capable(ns, cap))
#define capable_wrt_inode_uidgid(idmap, inode, cap)                            \
	((void)(idmap), (void)(inode), capable(cap))
#define perfmon_capable() (true)

#endif
