/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: up to fifteen arguments. */
#ifndef _LINUX_ARGS_H
#define _LINUX_ARGS_H

#define SP_16TH(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, ...) q
#define COUNT_ARGS(...)                                                        \
	SP_16TH(, ##__VA_ARGS__, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3,  \
		2, 1, 0)
#define SP_JOIN(a, b) a##b
#define CONCATENATE(a, b) SP_JOIN(a, b)

#endif
