/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: everything is let through; see printk.h. */
#ifndef _LINUX_RATELIMIT_H
#define _LINUX_RATELIMIT_H

#include <linux/printk.h>

struct ratelimit_state {
	int interval, burst;
};

#define DEFAULT_RATELIMIT_INTERVAL 5000
#define DEFAULT_RATELIMIT_BURST 10
#define DEFINE_RATELIMIT_STATE(n, i, b) struct ratelimit_state n = { i, b }
#define RATELIMIT_STATE_INIT(n, i, b) { .interval = (i), .burst = (b) }
#define ratelimit_state_init(rs, i, b)                                         \
	((void)(*(rs) = (struct ratelimit_state){ i, b }))
#define __ratelimit(rs) ((void)(rs), 1)
#define WARN_ON_RATELIMIT(condition, rs) WARN_ON(condition)
#define WARN_RATELIMIT(condition, ...) WARN(condition, __VA_ARGS__)

#endif
