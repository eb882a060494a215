// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the processor stops in code under test, the kernel would oops: it reads
 * from NULL, divides by 0. So does this, if a boundary stands; what the signal
 * interrupted is known to be that code, so that nothing but its own state is
 * left half done.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#include <shrinkpy/oops.h>

#include "internal.h"

enum { FIRST_PAGE = 4096, NEAR = 64 * 1024 };

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
static struct sigaction before[NSIG];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What land() is to say, and how. */
static __thread char landed_text[240];
static __thread void (*landed_trap)(const char *text);

/* On the stack of the code that stopped, as if that had called it. */
static _Noreturn void land(void)
{
	if (landed_trap)
		landed_trap(landed_text);
	else
		sp_oops(NULL, "%s", landed_text);
	fprintf(stderr, "shrinkpy: %s\n", landed_text);
	abort();
}

/*
 * Where it stopped, and where that returns to if it has no frame yet. false: on
 * such a processor nothing is known.
 */
static bool stopped_at(ucontext_t *context, const void **pc,
		       const void **caller)
{
#if defined(__x86_64__)
	greg_t *regs = context->uc_mcontext.gregs;

	*pc = (void *)regs[REG_RIP];
	*caller = *(void **)regs[REG_RSP];
	return true;
#elif defined(__aarch64__)
	*pc = (void *)context->uc_mcontext.pc;
	*caller = (void *)context->uc_mcontext.regs[30];
	return true;
#else
	(void)context;
	(void)pc;
	(void)caller;
	return false;
#endif
}

/* Go on in land(), out of the signal, below what may be in use of the stack. */
static void go_to_land(ucontext_t *context)
{
#if defined(__x86_64__)
	enum { RED_ZONE = 128, DIRECTION = 0x400 };
	greg_t *regs = context->uc_mcontext.gregs;

	/* As after a call: 8 below a multiple of 16. */
	regs[REG_RSP] = ((regs[REG_RSP] - RED_ZONE) & ~15ll) - 8;
	regs[REG_RIP] = (greg_t)&land;
	regs[REG_EFL] &= ~DIRECTION;
#elif defined(__aarch64__)
	context->uc_mcontext.sp &= ~15ull;
	context->uc_mcontext.pc = (unsigned long)&land;
#else
	(void)context;
#endif
}

/* No room to land: the stack itself is at its end. */
static bool overflowed(const ucontext_t *context, const siginfo_t *info)
{
#if defined(__x86_64__)
	const unsigned long sp =
		(unsigned long)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	const unsigned long sp = (unsigned long)context->uc_mcontext.sp;
#else
	const unsigned long sp = 0;
#endif
	return (unsigned long)info->si_addr - sp + NEAR < 2 * NEAR;
}

static void say(char *out, size_t size, int signal, const siginfo_t *info,
		const void *pc)
{
	const unsigned long address = (unsigned long)info->si_addr;
	char place[160];
	int n;

	if (signal == SIGFPE)
		n = snprintf(out, size, "divide error");
	else if (signal == SIGILL)
		n = snprintf(out, size, "invalid opcode");
	else if (info->si_code == SI_KERNEL)
		n = snprintf(out, size,
			     "general protection fault, probably for a "
			     "non-canonical address");
	else if (address < FIRST_PAGE)
		n = snprintf(out, size,
			     "kernel NULL pointer dereference, address: %016lx",
			     address);
	else
		n = snprintf(out, size,
			     "unable to handle page fault for address: %016lx",
			     address);
	if (n >= 0 && (size_t)n < size && place_of(pc, place, sizeof(place)))
		snprintf(out + n, size - (size_t)n, ", in %s", place);
}

/* As if there were no handler of ours. */
static void pass_on(int signal, siginfo_t *info, void *context)
{
	const struct sigaction *b = &before[signal];

	if (b->sa_flags & SA_SIGINFO) {
		b->sa_sigaction(signal, info, context);
	} else if (b->sa_handler == SIG_DFL || b->sa_handler == SIG_IGN) {
		/* It stops there once more, and that is the end. */
		sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL },
			  NULL);
		if (info->si_code <= 0)
			raise(signal);
	} else {
		b->sa_handler(signal);
	}
}

static void on_signal(int signal, siginfo_t *info, void *data)
{
	const void *pc = NULL, *caller = NULL, *place;
	const struct sp_code *c = NULL;
	ucontext_t *context = data;

	/* Sent by somebody; or of who runs no code under test. */
	if (info->si_code <= 0 || !sp_boundary_innermost ||
	    (signal == SIGSEGV && overflowed(context, info)) ||
	    !stopped_at(context, &pc, &caller)) {
		pass_on(signal, info, context);
		return;
	}
	place = pc;
	c = code_of(pc);
	/* A memcpy() of libc's that it called; not what calls on in there. */
	if (!c && is_machinery(pc)) {
		place = caller;
		c = code_of(caller);
	}
	if (c ? !c->trap : is_machinery(place)) {
		pass_on(signal, info, context);
		return;
	}
	landed_trap = c ? c->trap : NULL;
	say(landed_text, sizeof(landed_text), signal, info, place);
	go_to_land(context);
}

static void install(void)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	size_t i;

	sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, &before[signals[i]]);
}

void sp_traps_enable(void)
{
	pthread_once(&once, install);
}
