// SPDX-License-Identifier: GPL-2.0-only
/* Chains, semaphores, mutexes under a context, CPUs and tasklets of drivers. */
#include "../check.h"

#include <linux/cpu.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/semaphore.h>
#include <linux/ww_mutex.h>
#include <shrinkpy/driver.h>
#include <shrinkpy/oops.h>

/* ---- chains ------------------------------------------------------------ */

static char said[32];

static int say(struct notifier_block *nb, unsigned long action, void *data)
{
	const size_t len = strlen(said);

	said[len] = (char)nb->priority;
	said[len + 1] = '\0';
	return nb->priority == 's' ? (int)action :
	       data                ? NOTIFY_OK :
				     NOTIFY_DONE;
}

static BLOCKING_NOTIFIER_HEAD(blocking);
static ATOMIC_NOTIFIER_HEAD(atomic);
static RAW_NOTIFIER_HEAD(raw);
SRCU_NOTIFIER_HEAD_STATIC(srcu);

#define CHAIN_OF(kind)                                                         \
	do {                                                                   \
		struct notifier_block c = { .notifier_call = say,              \
					    .priority = 'c' },                 \
				      s = { .notifier_call = say,              \
					    .priority = 's' },                 \
				      z = { .notifier_call = say,              \
					    .priority = 'z' },                 \
				      last = { .notifier_call = say,           \
					       .priority = 'c' };              \
                                                                               \
		said[0] = '\0';                                                \
		CHECK_EQ(kind##_notifier_call_chain(&kind, 0, NULL),           \
			 NOTIFY_DONE);                                         \
		CHECK_EQ(kind##_notifier_chain_register(&kind, &s), 0);        \
		CHECK_EQ(kind##_notifier_chain_register(&kind, &c), 0);        \
		CHECK_EQ(kind##_notifier_chain_register(&kind, &z), 0);        \
		CHECK_EQ(kind##_notifier_chain_register(&kind, &last), 0);     \
		CHECK_EQ(kind##_notifier_call_chain(&kind, NOTIFY_OK, said),   \
			 NOTIFY_OK);                                           \
		CHECK(!strcmp(said, "zscc"));                                  \
		CHECK_EQ(kind##_notifier_call_chain(                           \
				 &kind, notifier_from_errno(-ENOMEM), said),   \
			 notifier_from_errno(-ENOMEM));                        \
		CHECK(!strcmp(said, "zscczs"));                                \
		CHECK_EQ(kind##_notifier_chain_unregister(&kind, &c), 0);      \
		CHECK_EQ(kind##_notifier_chain_unregister(&kind, &c),          \
			 -ENOENT);                                             \
		CHECK_EQ(kind##_notifier_chain_register(&kind, &z), -EEXIST);  \
		CHECK_EQ(kind##_notifier_chain_unregister(&kind, &s), 0);      \
		said[0] = '\0';                                                \
		kind##_notifier_call_chain(&kind, 0, NULL);                    \
		CHECK(!strcmp(said, "zc"));                                    \
		CHECK_EQ(kind##_notifier_chain_unregister(&kind, &z), 0);      \
		CHECK_EQ(kind##_notifier_chain_unregister(&kind, &last), 0);   \
	} while (0)

static int frees_pages(struct notifier_block *nb, unsigned long action,
		       void *freed)
{
	(void)nb, (void)action;
	*(unsigned long *)freed += 7;
	return NOTIFY_OK;
}

static void chains(void)
{
	struct notifier_block oom = { .notifier_call = frees_pages };

	CHAIN_OF(blocking);
	CHAIN_OF(atomic);
	CHAIN_OF(raw);
	CHAIN_OF(srcu);
	CHECK_EQ(notifier_to_errno(notifier_from_errno(-ENOMEM)), -ENOMEM);
	CHECK_EQ(notifier_to_errno(NOTIFY_OK), 0);
	CHECK_EQ(notifier_to_errno(NOTIFY_STOP), 0);
	CHECK_EQ(kernel_oom_notify(), 0);
	CHECK_EQ(register_oom_notifier(&oom), 0);
	CHECK_EQ(kernel_oom_notify(), 7);
	CHECK_EQ(unregister_oom_notifier(&oom), 0);
}

/* ---- semaphores -------------------------------------------------------- */

enum { ROUNDS = 300, THREADS = 4 };

static DEFINE_SEMAPHORE(two, 2);
static int inside, most, turns;

static int down_and_up(void *arg)
{
	int i, now, seen;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		if (i % 2)
			down(&two);
		else if (down_killable(&two))
			break;
		now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		seen = __atomic_load_n(&most, __ATOMIC_SEQ_CST);
		while (seen < now &&
		       !__atomic_compare_exchange_n(&most, &seen, now, false,
						    __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST))
			;
		yield();
		__atomic_fetch_add(&turns, 1, __ATOMIC_SEQ_CST);
		__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
		up(&two);
	}
	return 0;
}

static int (*what)(void *arg);
static int ended;

static int to_the_end(void *arg)
{
	const int ret = what(arg);

	__atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
	return ret;
}

static void threads(int (*fn)(void *arg))
{
	struct task_struct *t[THREADS];
	int i;

	what = fn;
	ended = 0;
	for (i = 0; i < THREADS; i++)
		t[i] = kthread_run(to_the_end, (void *)(long)i, "t%d", i);
	while (__atomic_load_n(&ended, __ATOMIC_SEQ_CST) < THREADS)
		yield();
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(kthread_stop(t[i]), 0);
}

static void semaphores(void)
{
	struct semaphore one;

	sema_init(&one, 1);
	CHECK_EQ(down_interruptible(&one), 0);
	CHECK_EQ(down_trylock(&one), 1);
	CHECK_EQ(down_timeout(&one, 1), -ETIME);
	up(&one);
	CHECK_EQ(down_trylock(&one), 0);
	up(&one);
	up(&one);
	CHECK_EQ(down_timeout(&one, 1), 0);
	CHECK_EQ(down_timeout(&one, 1), 0);
	CHECK_EQ(down_trylock(&one), 1);
	threads(down_and_up);
	CHECK_EQ(turns, ROUNDS * THREADS);
	CHECK(most <= 2);
}

/* ---- mutexes under a context ------------------------------------------- */

enum { LOCKS = 4 };

static DEFINE_WW_CLASS(wounds);
static DEFINE_WD_CLASS(dies);
static struct ww_mutex locks[LOCKS];
static long sums[LOCKS]; /* each under its lock */

/* All of them, the first one `from`; backs off as often as it has to. */
static void lock_all(struct ww_acquire_ctx *ctx, int from)
{
	struct ww_mutex *contended = NULL;
	int i, at, ret;

again:
	if (contended)
		ww_mutex_lock_slow(contended, ctx);
	for (i = 0; i < LOCKS; i++) {
		at = (from + i) % LOCKS;
		if (&locks[at] == contended)
			continue;
		ret = ww_mutex_lock(&locks[at], ctx);
		if (!ret)
			continue;
		CHECK_EQ(ret, -EDEADLK);
		while (i--) {
			if (&locks[(from + i) % LOCKS] != contended)
				ww_mutex_unlock(&locks[(from + i) % LOCKS]);
		}
		if (contended)
			ww_mutex_unlock(contended);
		contended = &locks[at];
		goto again;
	}
	ww_acquire_done(ctx);
}

static int add_to_all(struct ww_class *class, long from)
{
	struct ww_acquire_ctx ctx;
	int i, n;

	for (n = 0; n < ROUNDS; n++) {
		ww_acquire_init(&ctx, class);
		lock_all(&ctx, (int)(from + n) % LOCKS);
		for (i = 0; i < LOCKS; i++) {
			sums[i]++;
			ww_mutex_unlock(&locks[i]);
		}
		ww_acquire_fini(&ctx);
	}
	return 0;
}

static int add_wounding(void *arg)
{
	return add_to_all(&wounds, (long)arg);
}

static int add_dying(void *arg)
{
	return add_to_all(&dies, (long)arg);
}

static void set_up(struct ww_class *class)
{
	int i;

	for (i = 0; i < LOCKS; i++) {
		ww_mutex_init(&locks[i], class);
		sums[i] = 0;
	}
}

static void in_any_order(struct ww_class *class, int (*fn)(void *arg))
{
	int i;

	set_up(class);
	threads(fn);
	for (i = 0; i < LOCKS; i++) {
		CHECK_EQ(sums[i], ROUNDS * THREADS);
		CHECK(!ww_mutex_is_locked(&locks[i]));
	}
}

static struct ww_acquire_ctx young, old;

static int old_wants_the_second(void *arg)
{
	(void)arg;
	CHECK_EQ(ww_mutex_lock(&locks[0], &old), 0);
	CHECK_EQ(ww_mutex_lock(&locks[1], &old), 0);
	ww_mutex_unlock(&locks[0]);
	ww_mutex_unlock(&locks[1]);
	return 0;
}

static void ww_mutexes(void)
{
	struct task_struct *t;

	/* Wait-die: the younger one dies, for who is older has it. */
	set_up(&dies);
	ww_acquire_init(&old, &dies);
	ww_acquire_init(&young, &dies);
	CHECK_EQ(ww_mutex_lock(&locks[0], &old), 0);
	CHECK_EQ(ww_mutex_lock(&locks[0], &old), -EALREADY);
	CHECK_EQ(ww_mutex_lock(&locks[1], &young), 0);
	CHECK_EQ(ww_mutex_lock(&locks[0], &young), -EDEADLK);
	CHECK_EQ(ww_mutex_trylock(&locks[0], &young), 0);
	CHECK_EQ(ww_mutex_trylock(&locks[2], &young), 1);
	CHECK_EQ(young.acquired, 2);
	ww_mutex_unlock(&locks[2]);
	ww_mutex_unlock(&locks[1]);
	ww_mutex_unlock(&locks[0]);
	CHECK_EQ(ww_mutex_lock(&locks[0], NULL), 0);
	ww_mutex_unlock(&locks[0]);
	ww_acquire_fini(&old);
	ww_acquire_fini(&young);

	/* Wound-wait: the older one wounds who has it. */
	set_up(&wounds);
	ww_acquire_init(&old, &wounds);
	ww_acquire_init(&young, &wounds);
	CHECK_EQ(ww_mutex_lock(&locks[1], &young), 0);
	t = kthread_run(old_wants_the_second, NULL, "old");
	while (!__atomic_load_n(&young.wounded, __ATOMIC_SEQ_CST))
		yield();
	CHECK_EQ(ww_mutex_lock(&locks[0], &young), -EDEADLK);
	ww_mutex_unlock(&locks[1]);
	ww_mutex_lock_slow(&locks[0], &young);
	CHECK_EQ(young.wounded, 0);
	CHECK_EQ(kthread_stop(t), 0);
	ww_mutex_unlock(&locks[0]);
	ww_acquire_fini(&young);

	in_any_order(&wounds, add_wounding);
	in_any_order(&dies, add_dying);
}

/* ---- the CPU ----------------------------------------------------------- */

static int came, went;
static int fails;

static int comes(unsigned int cpu)
{
	CHECK_EQ(cpu, 0);
	came++;
	return fails;
}

static int goes(unsigned int cpu)
{
	CHECK_EQ(cpu, 0);
	went++;
	return 0;
}

static int one_comes(unsigned int cpu, struct hlist_node *node)
{
	(void)cpu, (void)node;
	came++;
	return fails;
}

static int one_goes(unsigned int cpu, struct hlist_node *node)
{
	(void)cpu, (void)node;
	went++;
	return 0;
}

static void count_up(void *info)
{
	++*(int *)info;
}

static void cpus(void)
{
	struct hlist_node node;
	cpumask_var_t mask;
	int cpu, n = 0, state;

	for_each_online_cpu(cpu) n++;
	for_each_cpu(cpu, cpu_possible_mask) n++;
	CHECK_EQ(n, 2);
	CHECK(zalloc_cpumask_var(&mask, GFP_KERNEL));
	CHECK(cpumask_empty(mask));
	CHECK_EQ(cpumask_first(mask), nr_cpu_ids);
	cpumask_set_cpu(0, mask);
	CHECK(cpumask_equal(mask, cpu_online_mask));
	CHECK_EQ(cpumask_weight(mask), 1);
	CHECK_EQ(cpumask_any_but(mask, 0), nr_cpu_ids);
	CHECK(cpumask_test_and_clear_cpu(0, mask));
	CHECK(!cpumask_intersects(mask, cpu_online_mask));
	free_cpumask_var(mask);
	on_each_cpu(count_up, &n, 1);
	CHECK_EQ(smp_call_function_single(0, count_up, &n, 1), 0);
	CHECK_EQ(smp_call_function_single(1, count_up, &n, 1), -ENXIO);
	CHECK_EQ(n, 4);

	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "test:dyn", comes, goes);
	CHECK(state > 0);
	CHECK_EQ(came, 1);
	CHECK(cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "test:other",
					comes, goes) == state + 1);
	cpuhp_remove_state((enum cpuhp_state)state);
	cpuhp_remove_state_nocalls((enum cpuhp_state)(state + 1));
	CHECK_EQ(went, 1);
	fails = -ENOMEM;
	CHECK_EQ(cpuhp_setup_state(CPUHP_MM_ZS_PREPARE, "test:zs", comes, goes),
		 -ENOMEM);
	fails = 0;
	CHECK_EQ(cpuhp_setup_state_multi(CPUHP_MM_ZS_PREPARE, "test:multi",
					 one_comes, one_goes),
		 0);
	CHECK_EQ(cpuhp_setup_state(CPUHP_MM_ZS_PREPARE, "test:zs", comes, goes),
		 -EBUSY);
	came = went = 0;
	CHECK_EQ(cpuhp_state_add_instance(CPUHP_MM_ZS_PREPARE, &node), 0);
	CHECK_EQ(came, 1);
	cpuhp_state_remove_instance(CPUHP_MM_ZS_PREPARE, &node);
	CHECK_EQ(went, 1);
	cpuhp_remove_multi_state(CPUHP_MM_ZS_PREPARE);
}

/* ---- tasklets, timers -------------------------------------------------- */

static int ran;

static void tasklet_runs(struct tasklet_struct *t)
{
	(void)t;
	__atomic_fetch_add(&ran, 1, __ATOMIC_SEQ_CST);
}

static enum hrtimer_restart three_times(struct hrtimer *t)
{
	const int n = __atomic_add_fetch(&ran, 1, __ATOMIC_SEQ_CST);

	hrtimer_forward_now(t, NSEC_PER_MSEC);
	return n < 3 ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

static void irq_work_runs(struct irq_work *work)
{
	(void)work;
	__atomic_fetch_add(&ran, 10, __ATOMIC_SEQ_CST);
}

static void kthread_work_runs(struct kthread_work *work)
{
	CHECK(work->worker->task == current);
	__atomic_fetch_add(&ran, 100, __ATOMIC_SEQ_CST);
}

static void works_of_their_own(void)
{
	struct kthread_worker *worker = kthread_create_worker(0, "w/%d", 1);
	struct kthread_work work;
	struct irq_work irq;

	ran = 0;
	init_irq_work(&irq, irq_work_runs);
	CHECK(irq_work_queue(&irq));
	irq_work_sync(&irq);
	CHECK_EQ(ran, 10);
	kthread_init_work(&work, kthread_work_runs);
	CHECK(kthread_queue_work(worker, &work));
	kthread_flush_work(&work);
	CHECK_EQ(ran, 110);
	CHECK(kthread_queue_work(worker, &work));
	kthread_flush_worker(worker);
	CHECK_EQ(ran, 210);
	CHECK(!kthread_cancel_work_sync(&work));
	kthread_destroy_worker(worker);
	ran = 0;
}

static DECLARE_WAIT_QUEUE_HEAD(queue);

static void a_wake_is_remembered(void)
{
	DEFINE_WAIT_FUNC(entry, woken_wake_function);

	add_wait_queue(&queue, &entry);
	wake_up(&queue); /* before it waits */
	CHECK_EQ(wait_woken(&entry, TASK_UNINTERRUPTIBLE, 5000), 5000);
	CHECK_EQ(wait_woken(&entry, TASK_UNINTERRUPTIBLE, 1), 0);
	remove_wait_queue(&queue, &entry);
}

static void tasklets_and_timers(void)
{
	struct tasklet_struct t;
	struct hrtimer timer;

	tasklet_setup(&t, tasklet_runs);
	tasklet_schedule(&t);
	tasklet_kill(&t);
	CHECK_EQ(ran, 1);
	tasklet_disable(&t);
	tasklet_schedule(&t);
	flush_work(&t.work);
	CHECK_EQ(ran, 1);
	CHECK(test_bit(TASKLET_STATE_SCHED, &t.state));
	tasklet_enable(&t);
	tasklet_kill(&t);
	CHECK_EQ(ran, 2);
	CHECK_EQ(t.state, 0);
	CHECK(tasklet_trylock(&t));
	CHECK(!tasklet_trylock(&t));
	tasklet_schedule(&t);
	tasklet_unlock(&t);
	tasklet_kill(&t);
	CHECK_EQ(ran, 3);

	ran = 0;
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer.function = three_times;
	hrtimer_start(&timer, NSEC_PER_MSEC, HRTIMER_MODE_REL);
	while (__atomic_load_n(&ran, __ATOMIC_SEQ_CST) < 3)
		yield();
	CHECK_EQ(hrtimer_cancel(&timer), 0);
	hrtimer_start(&timer, 3600 * NSEC_PER_SEC, HRTIMER_MODE_REL);
	CHECK_EQ(hrtimer_cancel(&timer), 1);
	hrtimer_set_expires(&timer, 100);
	CHECK_EQ(hrtimer_forward(&timer, 99, 10), 0);
	CHECK_EQ(hrtimer_forward(&timer, 125, 10), 3);
	CHECK_EQ(hrtimer_get_expires(&timer), 130);
}

/* ------------------------------------------------------------------------ */

static void leaves_nothing(void (*fn)(void))
{
	struct machine *m = make_machine(1, true);
	char *text;
	size_t len;

	CHECK_EQ(sp_driver_attach(m), 0);
	fn();
	sp_driver_exit();
	CHECK_EQ(sp_driver_leaks(&text, &len), SP_OK);
	CHECK_EQ(len, 0);
	if (len)
		fprintf(stderr, "%s", text);
	sp_text_free(&text);
	sp_driver_detach();
	sp_machine_destroy(m);
}

static void killing_what_is_disabled_is_an_oops(void)
{
	struct machine *m = make_machine(1, true);
	static struct tasklet_struct t;
	struct sp_boundary b;

	CHECK_EQ(sp_driver_attach(m), 0);
	tasklet_setup(&t, tasklet_runs);
	if (sp_boundary_oopsed(&b)) {
		CHECK(strstr(b.reason.text, "would wait for ever"));
		sp_driver_exit();
		sp_driver_detach();
		sp_machine_destroy(m);
		return;
	}
	tasklet_disable(&t);
	tasklet_schedule(&t);
	tasklet_kill(&t);
	sp_boundary_leave(&b);
	CHECK(false);
}

static void a_cpus_state_that_stays_is_told(void)
{
	struct machine *m = make_machine(1, true);
	char *text;
	size_t len;

	CHECK_EQ(sp_driver_attach(m), 0);
	CHECK_EQ(cpuhp_setup_state(CPUHP_ZCOMP_PREPARE, "test:left", comes,
				   goes),
		 0);
	CHECK_EQ(sp_driver_leaks(&text, &len), SP_OK);
	CHECK(strstr(text, "CPU's state test:left"));
	sp_text_free(&text);
	sp_driver_detach();
	sp_machine_destroy(m);
}

int main(void)
{
	leaves_nothing(chains);
	leaves_nothing(semaphores);
	leaves_nothing(ww_mutexes);
	leaves_nothing(cpus);
	leaves_nothing(works_of_their_own);
	leaves_nothing(a_wake_is_remembered);
	leaves_nothing(tasklets_and_timers);
	killing_what_is_disabled_is_an_oops();
	a_cpus_state_that_stays_is_told();
	return report("test_sync");
}
