// SPDX-License-Identifier: GPL-2.0-only
/*
 * current, and sleeping. A task is made when its thread first asks who it is,
 * and lives as long as the load: whoever wakes it may be late.
 */
#include <linux/delay.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task_stack.h>
#include <shrinkpy/oops.h>

#include "runtime.h"

enum { LIVE = PF_MEMALLOC | PF_MEMALLOC_NOFS | PF_MEMALLOC_NOIO };

static struct kernel_leaf leaf;
static struct task_struct *tasks;
static __thread struct task_struct *mine;
/* Of the thread itself, should there be no memory for a task. */
static __thread struct task_struct spare;

static struct task_struct *new_task(void)
{
	struct task_struct *t = host_alloc(sizeof(*t), 0, true);
	const bool kept = t;

	if (!t)
		t = &spare;
	t->pid = host_tid();
	t->tgid = host_pid();
	t->group_leader = t;
	t->nsproxy = &init_nsproxy;
	atomic_long_add(2, &init_cred.usage);
	t->cred = t->real_cred = &init_cred;
	host_thread_name(t->comm);
	mine = t;
	if (kept) {
		kernel_leaf_lock(&leaf);
		t->next = tasks;
		tasks = t;
		kernel_leaf_unlock(&leaf);
	}
	return t;
}

static unsigned int live_flags(void)
{
	const unsigned int gfp = sp_scoped_gfp(GFP_KERNEL);
	unsigned int flags = 0;

	if (sp_task_reclaims(kernel_machine))
		flags |= PF_MEMALLOC;
	if (!(gfp & __GFP_IO))
		flags |= PF_MEMALLOC_NOIO;
	else if (!(gfp & __GFP_FS))
		flags |= PF_MEMALLOC_NOFS;
	return flags;
}

struct task_struct *kernel_current(void)
{
	struct task_struct *t = mine ? mine : new_task();

	t->flags =
		(t->flags & ~(unsigned int)LIVE) | t->own_flags | live_flags();
	return t;
}

void tasks_exit(void)
{
	struct task_struct *t;

	while ((t = tasks)) {
		tasks = t->next;
		host_free(t);
	}
	mine = NULL;
}

/* ---- pids -------------------------------------------------------------- */

/* Tasks stay as long as the load, and so do their pids. */
struct pid *get_pid(struct pid *pid)
{
	return pid;
}

void put_pid(struct pid *pid)
{
	(void)pid;
}

struct task_struct *kernel_pid_task(struct pid *pid)
{
	return (struct task_struct *)pid;
}

pid_t pid_nr(struct pid *pid)
{
	return pid ? ((struct task_struct *)pid)->pid : 0;
}

struct pid *kernel_find_pid(int nr, bool exactly)
{
	struct task_struct *t, *found = NULL;

	kernel_leaf_lock(&leaf);
	for (t = tasks; t; t = t->next)
		if (exactly ? t->pid == nr :
			      t->pid >= nr && (!found || t->pid < found->pid))
			found = t;
	kernel_leaf_unlock(&leaf);
	return (struct pid *)found;
}

bool kernel_on_stack(const void *p)
{
	const void *start;
	size_t len;

	host_stack(&start, &len);
	return p >= start && (const char *)p < (const char *)start + len;
}

/* ---- scopes ------------------------------------------------------------ */

unsigned int memalloc_noreclaim_save(void)
{
	struct task_struct *t = kernel_current();
	const unsigned int before = t->own_flags & PF_MEMALLOC;

	t->own_flags |= PF_MEMALLOC;
	return before;
}

void memalloc_noreclaim_restore(unsigned int flags)
{
	struct task_struct *t = kernel_current();

	t->own_flags = (t->own_flags & ~(unsigned int)PF_MEMALLOC) | flags;
}

/* ---- waking and sleeping ----------------------------------------------- */

int wake_up_state(struct task_struct *t, unsigned int state)
{
	unsigned int was = __atomic_load_n(&t->__state, __ATOMIC_SEQ_CST);

	do {
		if (!(was & state))
			return 0;
	} while (!__atomic_compare_exchange_n(&t->__state, &was, TASK_RUNNING,
					      false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	__atomic_fetch_add(&t->wakes, 1, __ATOMIC_SEQ_CST);
	host_wake(&t->wakes, true);
	return 1;
}

int wake_up_process(struct task_struct *t)
{
	return wake_up_state(t, TASK_NORMAL);
}

/* 0: woken, or the time is over; -EINTR: given up. */
static int sleep_until(unsigned long end)
{
	struct task_struct *t = kernel_current();
	unsigned long now = 0;
	unsigned int wakes;
	bool goes_on = true;

	for (;;) {
		wakes = __atomic_load_n(&t->wakes, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&t->__state, __ATOMIC_SEQ_CST) ==
		    TASK_RUNNING)
			return 0;
		if (end && (now = host_now()) >= end)
			return 0;
		if (!goes_on)
			return -EINTR;
		goes_on = kernel_sleep_on(&t->wakes, wakes,
					  end ? (long)(end - now) : -1);
	}
}

static __thread bool signalled;

bool kernel_signal_pending(void)
{
	return signalled;
}

static void sleep(unsigned long end)
{
	struct task_struct *t = kernel_current();
	const unsigned int state =
		__atomic_load_n(&t->__state, __ATOMIC_SEQ_CST);
	const int ret = sleep_until(end);

	__atomic_store_n(&t->__state, TASK_RUNNING, __ATOMIC_SEQ_CST);
	if (!ret)
		return;
	if (!(state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)))
		kernel_oops("a wait that cannot be interrupted was given up");
	signalled = true;
}

/* What gave one wait up does not end the next one. */
int task_take_signal(void)
{
	const bool was = signalled;

	signalled = false;
	return was ? -ERESTARTSYS : 0;
}

void schedule(void)
{
	sleep(0);
}

long schedule_timeout(long timeout)
{
	unsigned long end, now;

	if (timeout == MAX_SCHEDULE_TIMEOUT) {
		sleep(0);
		return timeout;
	}
	if (timeout <= 0) {
		__atomic_store_n(&kernel_current()->__state, TASK_RUNNING,
				 __ATOMIC_SEQ_CST);
		return 0;
	}
	end = host_now() + (unsigned long)timeout * TICK_NSEC;
	sleep(end);
	now = host_now();
	return now < end ? (long)((end - now) / TICK_NSEC) : 0;
}

static long timeout_in(unsigned int state, long timeout)
{
	set_current_state(state);
	return schedule_timeout(timeout);
}

long schedule_timeout_interruptible(long timeout)
{
	return timeout_in(TASK_INTERRUPTIBLE, timeout);
}

long schedule_timeout_killable(long timeout)
{
	return timeout_in(TASK_KILLABLE, timeout);
}

long schedule_timeout_uninterruptible(long timeout)
{
	return timeout_in(TASK_UNINTERRUPTIBLE, timeout);
}

long schedule_timeout_idle(long timeout)
{
	return timeout_in(TASK_IDLE, timeout);
}

void kernel_yield(void)
{
	sp_wait_begin(kernel_machine);
	host_yield();
	sp_wait_end(kernel_machine);
}

void usleep_range(unsigned long min, unsigned long max)
{
	(void)max;
	sp_wait_begin(kernel_machine);
	host_pause(min * 1000);
	sp_wait_end(kernel_machine);
}

void msleep(unsigned int ms)
{
	usleep_range(ms * 1000ul, ms * 1000ul);
}

unsigned long msleep_interruptible(unsigned int ms)
{
	return (unsigned long)schedule_timeout_interruptible(
		(long)msecs_to_jiffies(ms));
}
