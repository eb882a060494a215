/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what uname says. Otherwise: there is one uts namespace. */
#ifndef __KERNEL__
#include_next <linux/utsname.h>
#elif !defined(_LINUX_UTSNAME_H)
#define _LINUX_UTSNAME_H

#include <linux/nsproxy.h>
#include <linux/ns_common.h>
#include <linux/types.h>
#include <linux/user_namespace.h>

#define __NEW_UTS_LEN 64

struct new_utsname {
	char sysname[__NEW_UTS_LEN + 1];
	char nodename[__NEW_UTS_LEN + 1];
	char release[__NEW_UTS_LEN + 1];
	char version[__NEW_UTS_LEN + 1];
	char machine[__NEW_UTS_LEN + 1];
	char domainname[__NEW_UTS_LEN + 1];
};

struct uts_namespace {
	struct new_utsname name;
	struct user_namespace *user_ns;
	struct ns_common ns;
};

extern struct uts_namespace init_uts_ns;
#define utsname() (&init_uts_ns.name)
#define init_utsname() (&init_uts_ns.name)

#endif
