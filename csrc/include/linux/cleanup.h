/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what is done at the end of a scope. */
#ifndef _LINUX_CLEANUP_H
#define _LINUX_CLEANUP_H

#include <linux/args.h>
#include <linux/compiler.h>

/* free is a statement about _T, which has the type. */
#define DEFINE_FREE(name, type, free)                                          \
	static __always_inline __maybe_unused void __free_##name(void *p)      \
	{                                                                      \
		type _T = *(type *)p;                                          \
		free;                                                          \
	}
#define __free(name) __cleanup(__free_##name)
#define no_free_ptr(p)                                                         \
	({                                                                     \
		__auto_type sp_mine_ = (p);                                    \
		(p) = NULL;                                                    \
		sp_mine_;                                                      \
	})
#define return_ptr(p) return no_free_ptr(p)
#define retain_and_null_ptr(p) ((void)no_free_ptr(p))

#define DEFINE_CLASS(name, type, exit, init, ...)                              \
	typedef type class_##name##_t;                                         \
	static __always_inline __maybe_unused void class_##name##_destructor(  \
		type *sp_p_)                                                   \
	{                                                                      \
		type _T = *sp_p_;                                              \
		exit;                                                          \
	}                                                                      \
	static __always_inline __maybe_unused type class_##name##_constructor( \
		__VA_ARGS__)                                                   \
	{                                                                      \
		type sp_t_ = init;                                             \
		return sp_t_;                                                  \
	}
#define CLASS(name, var)                                                       \
	class_##name##_t var __cleanup(class_##name##_destructor) =            \
		class_##name##_constructor

/* A lock by its pointer; NULL is none. */
#define DEFINE_GUARD(name, type, lock, unlock)                                 \
	DEFINE_CLASS(                                                          \
		name, type, if (_T) { unlock; }, ({                            \
			lock;                                                  \
			_T;                                                    \
		}),                                                            \
		type _T)                                                       \
	static __always_inline __maybe_unused void *class_##name##_lock_ptr(   \
		class_##name##_t *p)                                           \
	{                                                                      \
		return (void *)(unsigned long)*p;                              \
	}
/* Otherwise: of a lock that is no argument, and of one with flags, the same. */
#define DEFINE_LOCK_GUARD_0(name, lock, unlock, ...)                           \
	DEFINE_CLASS(name, int, (void)_T; unlock, ({                           \
						  lock;                        \
						  1;                           \
					  }),                                  \
					  void)
#define DEFINE_LOCK_GUARD_1(name, type, lockit, unlockit, ...)                 \
	typedef struct {                                                       \
		type *lock;                                                    \
		__VA_ARGS__;                                                   \
	} class_##name##_t;                                                    \
	static __always_inline __maybe_unused void class_##name##_destructor(  \
		class_##name##_t *_T)                                          \
	{                                                                      \
		if (_T->lock) {                                                \
			unlockit;                                              \
		}                                                              \
	}                                                                      \
	static __always_inline __maybe_unused class_##name##_t                 \
	class_##name##_constructor(type *l)                                    \
	{                                                                      \
		class_##name##_t sp_t_ = { .lock = l }, *_T = &sp_t_;          \
		lockit;                                                        \
		return sp_t_;                                                  \
	}
#define guard(name) CLASS(name, __UNIQUE_ID(guard))
#define scoped_guard(name, ...) SP_SCOPED(name, __UNIQUE_ID(scope), __VA_ARGS__)
#define SP_SCOPED(name, var, ...) SP_SCOPED_(name, var, __VA_ARGS__)
#define SP_SCOPED_(name, var, ...)                                             \
	for (CLASS(name, var)(__VA_ARGS__), *var##_once = (void *)1;           \
	     var##_once; var##_once = NULL)

#endif
