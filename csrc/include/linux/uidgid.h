/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: the types, their order.
 * Otherwise: there is one user namespace, in which everybody is who they are.
 */
#ifndef _LINUX_UIDGID_H
#define _LINUX_UIDGID_H

#include <linux/uidgid_types.h>

struct user_namespace;
extern struct user_namespace init_user_ns;

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
#define INVALID_UID KUIDT_INIT((uid_t) - 1)
#define INVALID_GID KGIDT_INIT((gid_t) - 1)
#ifndef overflowuid
#define overflowuid 65534
#define overflowgid 65534
#endif

/* u: of a user, g: of a group. */
#define SP_ID_FUNCTIONS(u)                                                     \
	static inline u##id_t __k##u##id_val(k##u##id_t id)                    \
	{                                                                      \
		return id.val;                                                 \
	}                                                                      \
	static inline bool u##id_eq(k##u##id_t a, k##u##id_t b)                \
	{                                                                      \
		return a.val == b.val;                                         \
	}                                                                      \
	static inline bool u##id_gt(k##u##id_t a, k##u##id_t b)                \
	{                                                                      \
		return a.val > b.val;                                          \
	}                                                                      \
	static inline bool u##id_gte(k##u##id_t a, k##u##id_t b)               \
	{                                                                      \
		return a.val >= b.val;                                         \
	}                                                                      \
	static inline bool u##id_lt(k##u##id_t a, k##u##id_t b)                \
	{                                                                      \
		return a.val < b.val;                                          \
	}                                                                      \
	static inline bool u##id_lte(k##u##id_t a, k##u##id_t b)               \
	{                                                                      \
		return a.val <= b.val;                                         \
	}                                                                      \
	static inline bool u##id_valid(k##u##id_t id)                          \
	{                                                                      \
		return id.val != (u##id_t) - 1;                                \
	}                                                                      \
	static inline k##u##id_t make_k##u##id(struct user_namespace *from,    \
					       u##id_t id)                     \
	{                                                                      \
		(void)from;                                                    \
		return (k##u##id_t){ id };                                     \
	}                                                                      \
	static inline u##id_t from_k##u##id(struct user_namespace *to,         \
					    k##u##id_t id)                     \
	{                                                                      \
		(void)to;                                                      \
		return id.val;                                                 \
	}                                                                      \
	static inline u##id_t from_k##u##id_munged(struct user_namespace *to,  \
						   k##u##id_t id)              \
	{                                                                      \
		(void)to;                                                      \
		return u##id_valid(id) ? id.val : overflow##u##id;             \
	}                                                                      \
	static inline bool k##u##id_has_mapping(struct user_namespace *ns,     \
						k##u##id_t id)                 \
	{                                                                      \
		(void)ns;                                                      \
		return u##id_valid(id);                                        \
	}

SP_ID_FUNCTIONS(u)
SP_ID_FUNCTIONS(g)

struct uid_gid_map;

static inline u32 map_id_down(struct uid_gid_map *map, u32 id)
{
	(void)map;
	return id;
}

static inline u32 map_id_up(struct uid_gid_map *map, u32 id)
{
	(void)map;
	return id;
}

#endif
