/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the kernel would die in the middle of a driver's function: sp_oops()
 * leaves everything up to the innermost boundary of this thread, as if the
 * functions between had never been called. What they held stays held.
 */
#ifndef SHRINKPY_OOPS_H
#define SHRINKPY_OOPS_H

#include <stdarg.h>

#include <shrinkpy/core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sp_boundary {
	void *env[5];
	const void *frame; /* of the function that it stands in */
	struct sp_boundary *outer;
	struct sp_reason reason; /* of the oops that ended here */
};

/*
 * Stands until sp_boundary_leave(), in the same function. false at once; true
 * when an oops came here: it is gone then, and reason is set. Locals that are
 * read after that are volatile.
 */
#define sp_boundary_oopsed(b)                                                  \
	((b)->frame = __builtin_frame_address(0), sp_boundary_enter(b),        \
	 __builtin_setjmp((b)->env) != 0)
SP_API void sp_boundary_enter(struct sp_boundary *b);
SP_API void sp_boundary_leave(struct sp_boundary *b);
/*
 * The innermost of this thread. Like this it costs a callback of Python next to
 * nothing; glibc keeps room for a pointer or two of such storage.
 */
#ifdef __GLIBC__
extern SP_API __thread struct sp_boundary *sp_boundary_innermost
	__attribute__((tls_model("initial-exec")));
#else
extern SP_API __thread struct sp_boundary *sp_boundary_innermost;
#endif
/*
 * For frames that cannot be left so (an interpreter's): no oops passes them
 * until what this gives was handed to sp_boundary_restore().
 */
static inline struct sp_boundary *sp_boundary_hide(void)
{
	struct sp_boundary *b = sp_boundary_innermost;

	sp_boundary_innermost = NULL;
	return b;
}

static inline void sp_boundary_restore(struct sp_boundary *b)
{
	sp_boundary_innermost = b;
}

/*
 * m: of the driver; its passes and all others of this thread above the
 * boundary end. Without a boundary it prints, and the process aborts.
 */
_Noreturn SP_API void sp_oops(struct machine *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
_Noreturn SP_API void sp_oops_v(struct machine *m, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/*
 * fn(s, sc) inside a boundary, for a shrinker's callbacks: an oops goes to
 * hooks.report, and the answer is otherwise.
 */
SP_API unsigned long sp_call_bounded(struct shrinker *s,
				     struct shrink_control *sc, sp_shrink_fn fn,
				     unsigned long otherwise);
/* The same for a thread that nobody called; false: it oopsed. */
SP_API bool sp_run_bounded(struct machine *m, void (*fn)(void *arg), void *arg);

/* A warning of the code under test. where: file:line. */
SP_API void sp_warn(struct machine *m, const char *text, const char *where);
/* hooks.wait_poll: true, this thread's wait has to be given up. */
SP_API bool sp_wait_poll(struct machine *m);

#ifdef __cplusplus
}
#endif
#endif
