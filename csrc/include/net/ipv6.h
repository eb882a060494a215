/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: addresses, and what sort they are of. Otherwise: no packets. */
#ifndef _NET_IPV6_H
#define _NET_IPV6_H

#include <linux/in6.h>
#include <linux/jhash.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/types.h>
#include <net/net_namespace.h>

#define IPV6_ADDR_ANY 0x0000u
#define IPV6_ADDR_UNICAST 0x0001u
#define IPV6_ADDR_MULTICAST 0x0002u
#define IPV6_ADDR_LOOPBACK 0x0010u
#define IPV6_ADDR_LINKLOCAL 0x0020u
#define IPV6_ADDR_SITELOCAL 0x0040u
#define IPV6_ADDR_COMPATv4 0x0080u
#define IPV6_ADDR_SCOPE_MASK 0x00f0u
#define IPV6_ADDR_MAPPED 0x1000u

static inline bool ipv6_addr_equal(const struct in6_addr *a,
				   const struct in6_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline int ipv6_addr_cmp(const struct in6_addr *a,
				const struct in6_addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

static inline bool ipv6_addr_any(const struct in6_addr *a)
{
	return !memchr_inv(a, 0, sizeof(*a));
}

static inline bool ipv6_addr_loopback(const struct in6_addr *a)
{
	return !memchr_inv(a, 0, 15) && a->s6_addr[15] == 1;
}

static inline bool ipv6_addr_v4mapped(const struct in6_addr *a)
{
	return !memchr_inv(a, 0, 10) && a->s6_addr[10] == 0xff &&
	       a->s6_addr[11] == 0xff;
}

static inline void ipv6_addr_set_v4mapped(const __be32 v4, struct in6_addr *a)
{
	memset(a, 0, 10);
	a->s6_addr[10] = a->s6_addr[11] = 0xff;
	memcpy(a->s6_addr + 12, &v4, sizeof(v4));
}

static inline u32 ipv6_addr_hash(const struct in6_addr *a)
{
	u32 words[4];

	memcpy(words, a, sizeof(words));
	return words[0] ^ words[1] ^ words[2] ^ words[3];
}

static inline int ipv6_addr_type(const struct in6_addr *a)
{
	const u8 *s = a->s6_addr;

	if (s[0] == 0xff)
		return IPV6_ADDR_MULTICAST;
	if (s[0] == 0xfe && (s[1] & 0xc0) == 0x80)
		return IPV6_ADDR_LINKLOCAL | IPV6_ADDR_UNICAST;
	if (s[0] == 0xfe && (s[1] & 0xc0) == 0xc0)
		return IPV6_ADDR_SITELOCAL | IPV6_ADDR_UNICAST;
	if (ipv6_addr_any(a))
		return IPV6_ADDR_ANY;
	if (ipv6_addr_loopback(a))
		return IPV6_ADDR_LOOPBACK | IPV6_ADDR_UNICAST;
	if (ipv6_addr_v4mapped(a))
		return IPV6_ADDR_MAPPED;
	if (!memchr_inv(a, 0, 12))
		return IPV6_ADDR_COMPATv4 | IPV6_ADDR_UNICAST;
	return IPV6_ADDR_UNICAST;
}

#endif
