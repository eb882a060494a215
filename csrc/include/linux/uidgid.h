/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches the types. Otherwise: there is one user namespace. */
#ifndef _LINUX_UIDGID_H
#define _LINUX_UIDGID_H

#include <linux/types.h>

typedef struct {
	uid_t val;
} kuid_t;

typedef struct {
	gid_t val;
} kgid_t;

#define KUIDT_INIT(v)                                                          \
	(kuid_t)                                                               \
	{                                                                      \
		v                                                              \
	}
#define KGIDT_INIT(v)                                                          \
	(kgid_t)                                                               \
	{                                                                      \
		v                                                              \
	}
#define GLOBAL_ROOT_UID KUIDT_INIT(0)
#define GLOBAL_ROOT_GID KGIDT_INIT(0)

static inline bool uid_eq(kuid_t a, kuid_t b)
{
	return a.val == b.val;
}

static inline bool gid_eq(kgid_t a, kgid_t b)
{
	return a.val == b.val;
}

static inline bool uid_valid(kuid_t u)
{
	return u.val != (uid_t)-1;
}

static inline bool gid_valid(kgid_t g)
{
	return g.val != (gid_t)-1;
}

#endif
