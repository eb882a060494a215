/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: readers, grace periods, call_rcu(), kfree_rcu().
 * Otherwise: readers may sleep. Waiting for oneself is an oops.
 */
#ifndef __LINUX_RCUPDATE_H
#define __LINUX_RCUPDATE_H

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/preempt.h>
#include <linux/types.h>
#include <shrinkpy/runtime.h>

#ifndef __rcu
#define __rcu
#endif

void rcu_read_lock(void);
void rcu_read_unlock(void);
int rcu_read_lock_held(void);
void synchronize_rcu(void);
void call_rcu(struct rcu_head *head, rcu_callback_t func);
void rcu_barrier(void);
void kernel_kfree_rcu(struct rcu_head *head, void *object);
void kernel_kfree_rcu_mightsleep(const void *object);

#define synchronize_rcu_expedited() synchronize_rcu()
#define call_rcu_hurry(head, func) call_rcu(head, func)
#define cond_synchronize_rcu(state) ((void)(state), synchronize_rcu())
#define get_state_synchronize_rcu() (0ul)
#define rcu_read_lock_bh() rcu_read_lock()
#define rcu_read_unlock_bh() rcu_read_unlock()
#define rcu_read_lock_sched() rcu_read_lock()
#define rcu_read_unlock_sched() rcu_read_unlock()
#define rcu_read_lock_any_held() rcu_read_lock_held()
#define rcu_preempt_depth() rcu_read_lock_held()
#define init_rcu_head(head) ((void)(head))
#define destroy_rcu_head(head) ((void)(head))

/* kfree_rcu(object, field), or (object) where sleeping is fine. */
#define kfree_rcu(...)                                                         \
	KERNEL_RCU_FORM_(__VA_ARGS__, field, plain, )(__VA_ARGS__)
#define kvfree_rcu kfree_rcu
#define KERNEL_RCU_FORM_(a, b, form, ...) KERNEL_RCU_##form##_
#define KERNEL_RCU_field_(object, field)                                       \
	do {                                                                   \
		__typeof__(object) object_ = (object);                         \
		if (object_)                                                   \
			kernel_kfree_rcu(&object_->field, (void *)object_);    \
	} while (0)
#define KERNEL_RCU_plain_(object) kernel_kfree_rcu_mightsleep(object)
#define kfree_rcu_mightsleep(object) kernel_kfree_rcu_mightsleep(object)
#define kvfree_rcu_mightsleep(object) kernel_kfree_rcu_mightsleep(object)

#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_dereference_raw(p) rcu_dereference(p)
#define rcu_dereference_check(p, condition) rcu_dereference(p)
#define rcu_dereference_protected(p, condition) ((void)(condition), (p))
#define rcu_dereference_bh(p) rcu_dereference(p)
#define rcu_dereference_sched(p) rcu_dereference(p)
#define rcu_dereference_raw_check(p) rcu_dereference(p)
#define rcu_access_pointer(p) __atomic_load_n(&(p), __ATOMIC_RELAXED)
#define rcu_assign_pointer(p, v)                                               \
	__atomic_store_n(&(p), (__typeof__(p))(v), __ATOMIC_RELEASE)
#define rcu_replace_pointer(p, v, condition)                                   \
	({                                                                     \
		__typeof__(p) was_ = (p);                                      \
		(void)(condition);                                             \
		rcu_assign_pointer(p, v);                                      \
		was_;                                                          \
	})
#define rcu_swap_protected(p, v, condition)                                    \
	((v) = rcu_replace_pointer(p, v, condition))
#define RCU_INIT_POINTER(p, v) ((void)((p) = (__typeof__(p))(v)))
#define RCU_INITIALIZER(v) (v)
#define RCU_LOCKDEP_WARN(condition, text) ((void)0)
#define rcu_head_after_call_rcu(head, f) ((head)->func == (f))
#define rcu_head_init(head) ((void)((head)->func = NULL))

DEFINE_LOCK_GUARD_0(rcu, rcu_read_lock(), rcu_read_unlock())

#endif
