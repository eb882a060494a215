/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: local_t of 64 bits; here an atomic one. */
#ifndef _ASM_LOCAL64_H
#define _ASM_LOCAL64_H

#include <linux/atomic.h>

typedef struct {
	atomic64_t a;
} local64_t;

#define LOCAL64_INIT(i) { ATOMIC_INIT(i) }
#define local64_read(l) atomic64_read(&(l)->a)
#define local64_set(l, i) atomic64_set(&(l)->a, i)
#define local64_inc(l) atomic64_inc(&(l)->a)
#define local64_dec(l) atomic64_dec(&(l)->a)
#define local64_add(i, l) atomic64_add(i, &(l)->a)
#define local64_sub(i, l) atomic64_sub(i, &(l)->a)
#define local64_add_return(i, l) atomic64_add_return(i, &(l)->a)
#define local64_cmpxchg(l, old, new) atomic64_cmpxchg(&(l)->a, old, new)
#define local64_try_cmpxchg(l, old, new) atomic64_try_cmpxchg(&(l)->a, old, new)
#define local64_xchg(l, new) atomic64_xchg(&(l)->a, new)

#endif
