/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: attributes by the kernel's names.
 * Empty: what is for sparse, for sections of the image, and for the kernel's
 * own instrumentation.
 */
#ifndef _LINUX_COMPILER_TYPES_H
#define _LINUX_COMPILER_TYPES_H

/* It has an __always_inline of its own, and takes away ours when it comes
 * second. */
#include <sys/cdefs.h>

#define __user
#define __kernel
#define __iomem
#define __percpu
#define __rcu
#define __force
#define __nocast
#define __safe
#define __private
#define __bitwise
#define __bitwise__
#define __must_hold(x)
#define __acquires(x)
#define __cond_acquires(x)
#define __releases(x)
#define __acquire(x) (void)0
#define __release(x) (void)0
#define __cond_lock(x, c) (c)
#define __chk_user_ptr(x) (void)(x)
#define __chk_io_ptr(x) (void)(x)
#define ACCESS_PRIVATE(p, member) ((p)->member)
#define __context_unsafe__(x)

#define __latent_entropy
#define __randomize_layout
#define __no_randomize_layout
#define randomized_struct_fields_start
#define randomized_struct_fields_end
#define __no_kcsan
#define __no_sanitize_address
#define __no_kasan_or_inline inline
#define __no_sanitize_or_inline inline
#define __nocfi
#define __noendbr
#define __noscs
#define __no_profile
#define __designated_init
#define __counted_by(member)
#define __counted_by_le(member)
#define __counted_by_be(member)
#define __kprobes
#define nokprobe_inline inline
#define NOKPROBE_SYMBOL(name)
#define noinstr noinline
#define notrace
#define __visible
#define asmlinkage
#define __ref
#define __refdata
#define __read_mostly
#define __ro_after_init

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define noinline __attribute__((noinline))
#define noinline_for_stack noinline
#define __must_check __attribute__((warn_unused_result))
#define __maybe_unused __attribute__((unused))
#define __always_unused __attribute__((unused))
#define __used __attribute__((used))
#define __cold __attribute__((cold))
#define __hot __attribute__((hot))
#define __pure __attribute__((pure))
#define __weak __attribute__((weak))
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __aligned_largest __attribute__((aligned))
#define __alias(symbol) __attribute__((alias(#symbol)))
#define __assume_aligned(n, ...)                                               \
	__attribute__((assume_aligned(n, ##__VA_ARGS__)))
#define __noreturn __attribute__((noreturn))
#define __malloc __attribute__((malloc))
#define __alloc_size(x, ...) __attribute__((alloc_size(x, ##__VA_ARGS__)))
#define __realloc_size(x, ...) __attribute__((alloc_size(x, ##__VA_ARGS__)))
#define __printf(a, b) __attribute__((format(printf, a, b)))
#define __scanf(a, b) __attribute__((format(scanf, a, b)))
#define __section(name) __attribute__((section(name)))
#define __mode(m) __attribute__((mode(m)))
#define __gnu_inline __attribute__((gnu_inline))
#define __cleanup(func) __attribute__((cleanup(func)))
#define __flatten __attribute__((flatten))
#define __nonstring __attribute__((nonstring))
#define __uninitialized
#ifndef __attribute_const__
#define __attribute_const__ __attribute__((const))
#endif
#define __diagnose_as(...)
#define __deprecated
#define __compiletime_error(msg) __attribute__((error(msg)))
#define __compiletime_warning(msg) __attribute__((warning(msg)))

#if defined(__has_attribute) && __has_attribute(fallthrough)
#define fallthrough __attribute__((fallthrough))
#else
#define fallthrough                                                            \
	do {                                                                   \
	} while (0)
#endif

#define __same_type(a, b) __builtin_types_compatible_p(typeof(a), typeof(b))

/* The type of x as a value: no qualifiers, and char and short stay. */
#define __unqual_scalar_typeof(x)                                              \
	typeof(({                                                              \
		__auto_type sp_copy_ = (x);                                    \
		sp_copy_;                                                      \
	}))

#define __native_word(t)                                                       \
	(sizeof(t) == 1 || sizeof(t) == 2 || sizeof(t) == 4 || sizeof(t) == 8)

#define ___SP_PASTE(a, b) a##b
#define __PASTE(a, b) ___SP_PASTE(a, b)

#define __diag_push()
#define __diag_pop()
#define __diag_ignore_all(option, comment)

#endif
