/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: their numbers. Otherwise: a signal is a wait that was given up. */
#ifndef __KERNEL__
#include_next <linux/signal.h>
#elif !defined(_LINUX_SIGNAL_H)
#define _LINUX_SIGNAL_H

#include <linux/sched.h>
#include <linux/signal_types.h>

#ifndef SIG_BLOCK
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2
#endif
#ifndef SIGKILL
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGTRAP 5
#define SIGKILL 9
#define SIGUSR1 10
#define SIGUSR2 12
#define SIGALRM 14
#define SIGTERM 15
#define SIGIO 29
#endif

#define allow_signal(sig) ((void)(sig))
#define disallow_signal(sig) ((void)(sig))
#define kernel_sigaction(sig, action) ((void)(sig))
#define flush_signals(t) ((void)(t))

#endif
