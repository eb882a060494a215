/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: everybody is root; credentials are never looked at. */
#ifndef _LINUX_CRED_H
#define _LINUX_CRED_H

#include <linux/uidgid.h>

#define current_uid() GLOBAL_ROOT_UID
#define current_gid() GLOBAL_ROOT_GID
#define current_fsuid() GLOBAL_ROOT_UID
#define current_fsgid() GLOBAL_ROOT_GID

#endif
