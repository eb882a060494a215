/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: current, its state, sleeping and waking.
 * Otherwise: a task is a thread that came into the driver. Of its flags the
 * PF_MEMALLOC family is up to date each time current is asked for.
 */
#ifndef _LINUX_SCHED_H
#define _LINUX_SCHED_H

#include <asm/current.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/sched/prio.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <shrinkpy/runtime.h>

#define TASK_RUNNING 0x0
#define TASK_INTERRUPTIBLE 0x1
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_WAKEKILL 0x100
#define TASK_NOLOAD 0x400
#define TASK_KILLABLE (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_IDLE (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)

#define PF_IDLE 0x2
#define PF_EXITING 0x4
#define PF_WQ_WORKER 0x20
#define PF_MCE_PROCESS 0x80
#define PF_SIGNALED 0x400
#define PF_MEMALLOC 0x800
#define PF_KSWAPD 0x20000
#define PF_MEMALLOC_NOFS 0x40000
#define PF_MEMALLOC_NOIO 0x80000
#define PF_LOCAL_THROTTLE 0x100000
#define PF_KTHREAD 0x200000
#define PF_BLOCK_TS 0x20000000
#define PF_RANDOMIZE 0x400000
#define PF_KCOMPACTD 0x10000
#define PF_MEMALLOC_PIN 0x10000000

#ifndef SCHED_NORMAL
#define SCHED_NORMAL 0
#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_BATCH 3
#define SCHED_IDLE 5
#define SCHED_DEADLINE 6
#define SCHED_EXT 7
#endif

#ifndef CLONE_NEWNS
#define CLONE_VM 0x00000100
#define CLONE_FS 0x00000200
#define CLONE_FILES 0x00000400
#define CLONE_SIGHAND 0x00000800
#define CLONE_THREAD 0x00010000
#define CLONE_NEWNS 0x00020000
#define CLONE_IO 0x80000000
#define CLONE_NEWUTS 0x04000000
#define CLONE_NEWIPC 0x08000000
#define CLONE_NEWUSER 0x10000000
#define CLONE_NEWPID 0x20000000
#define CLONE_NEWNET 0x40000000
#define CLONE_NEWCGROUP 0x02000000
#endif

#define TASK_COMM_LEN 16
#define MAX_SCHEDULE_TIMEOUT LONG_MAX

struct blk_plug;
struct cred;
struct io_context;
struct nsproxy;
struct bio_list;
struct mm_struct;
struct reclaim_state;
struct signal_struct;

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	int pid;
	int tgid;
	char comm[TASK_COMM_LEN];
	int prio;
	int static_prio;
	unsigned int policy;
	struct mm_struct *mm;
	struct mm_struct *active_mm;
	struct task_struct *group_leader;
	struct reclaim_state *reclaim_state;
	void *journal_info;
	struct io_context *io_context;
	struct blk_plug *plug;
	spinlock_t alloc_lock;
	struct bio_list *bio_list;
	struct signal_struct *signal;
	const struct cred *cred;
	const struct cred *real_cred;
	struct nsproxy *nsproxy;
	/* Otherwise than there: */
	unsigned int wakes; /* a futex, bumped by each wake_up_process() */
	unsigned int own_flags;
	int rcu_nesting;
	unsigned int rcu_side;
	void *kthread;
	struct task_struct *next;
};

/* The first one; it runs nothing. */
extern struct task_struct init_task;

#define set_current_state(state)                                               \
	__atomic_store_n(&current->__state, (state), __ATOMIC_SEQ_CST)
#define __set_current_state(state) set_current_state(state)
#define task_is_running(t) (READ_ONCE((t)->__state) == TASK_RUNNING)
#define task_pid_nr(t) ((t)->pid)
#define task_tgid_nr(t) ((t)->tgid)
#define get_task_struct(t) (t)
#define put_task_struct(t) ((void)(t))
#define get_task_comm(buf, t)                                                  \
	((char *)__builtin_memcpy(buf, (t)->comm, TASK_COMM_LEN))
#define same_thread_group(a, b) ((a) == (b))

int wake_up_process(struct task_struct *t);
int wake_up_state(struct task_struct *t, unsigned int state);
void schedule(void);
/* Gives what is left of timeout; all of them in jiffies. */
long schedule_timeout(long timeout);
long schedule_timeout_interruptible(long timeout);
long schedule_timeout_killable(long timeout);
long schedule_timeout_uninterruptible(long timeout);
long schedule_timeout_idle(long timeout);
void kernel_yield(void);
#define yield() kernel_yield()
#define io_schedule schedule
#define io_schedule_timeout schedule_timeout

/* The wait was given up from outside (Ctrl-C): a signal. */
bool kernel_signal_pending(void);
#define signal_pending(t) ((void)(t), kernel_signal_pending())
#define fatal_signal_pending(t) signal_pending(t)
#define signal_pending_state(state, t)                                         \
	(((state) & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) && signal_pending(t))

static inline int cond_resched(void)
{
	return 0;
}

#define cond_resched_lock(l) ((void)(l), 0)
#define cond_resched_rcu() ((void)0)
#define need_resched() (0)
#define might_sleep() ((void)0)
#define might_sleep_if(condition) ((void)(condition))
#define might_resched() ((void)0)

/* See cpumask.h. */
#define smp_processor_id() (0)
#define raw_smp_processor_id() (0)
#define get_cpu() (0)
#define put_cpu() ((void)0)

#endif
