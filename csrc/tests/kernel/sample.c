// SPDX-License-Identifier: GPL-2.0-only
/* A driver as any other: only <linux/…>, but for the test's own header. */
#define pr_fmt(fmt) "sample: " fmt
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "sample.h"

/* How often it was not so. */
#define EXPECT(condition) (wrong += WARN_ON(!(condition)))

struct item {
	struct list_head lru;
	struct rcu_head rcu;
	int value;
};

static struct kmem_cache *item_cache;
static struct list_lru items;
static struct shrinker *sample_shrinker;
static DEFINE_MUTEX(sample_mutex);
static DEFINE_SPINLOCK(sample_spin);
static DECLARE_RWSEM(sample_rwsem);
static DECLARE_WAIT_QUEUE_HEAD(sample_queue);
bool sample_scan_bugs;

/* ---- the shrinker ------------------------------------------------------ */

static unsigned long sample_count(struct shrinker *s, struct shrink_control *sc)
{
	WARN_ON(s->private_data != &items);
	WARN_ON(!(current->flags & PF_MEMALLOC));
	return list_lru_shrink_count(&items, sc) ?: SHRINK_EMPTY;
}

static enum lru_status isolate(struct list_head *item,
			       struct list_lru_one *list, spinlock_t *lock,
			       void *arg)
{
	lockdep_assert_held(lock);
	list_lru_isolate_move(list, item, arg);
	return LRU_REMOVED;
}

static unsigned long sample_scan(struct shrinker *s, struct shrink_control *sc)
{
	struct item *item, *next;
	unsigned long freed;
	LIST_HEAD(gone);

	(void)s;
	BUG_ON(sample_scan_bugs);
	freed = list_lru_shrink_walk(&items, sc, isolate, &gone);
	list_for_each_entry_safe (item, next, &gone, lru) {
		list_del(&item->lru);
		kmem_cache_free(item_cache, item);
	}
	return freed;
}

void sample_fill(int n)
{
	struct item *item;

	while (n--) {
		item = kmem_cache_zalloc(item_cache, GFP_KERNEL);
		INIT_LIST_HEAD(&item->lru);
		list_lru_add_obj(&items, &item->lru);
	}
}

int sample_left(void)
{
	return (int)list_lru_count(&items);
}

static int __init sample_init(void)
{
	int ret;

	item_cache = KMEM_CACHE(item, SLAB_RECLAIM_ACCOUNT);
	if (!item_cache)
		return -ENOMEM;
	sample_shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "sample-%d", 1);
	if (!sample_shrinker) {
		ret = -ENOMEM;
		goto no_shrinker;
	}
	ret = list_lru_init(&items);
	if (ret)
		goto no_lru;
	sample_shrinker->count_objects = sample_count;
	sample_shrinker->scan_objects = sample_scan;
	sample_shrinker->private_data = &items;
	shrinker_register(sample_shrinker);
	pr_info("loaded\n");
	return 0;
no_lru:
	shrinker_free(sample_shrinker);
no_shrinker:
	kmem_cache_destroy(item_cache);
	return ret;
}

static void __exit sample_exit(void)
{
	struct shrink_control sc = { .nr_to_scan = ~0ul };

	sample_scan_bugs = false;
	for_each_node(sc.nid)
	{
		sc.nr_to_scan = ~0ul;
		sample_scan(sample_shrinker, &sc);
	}
	shrinker_free(sample_shrinker);
	list_lru_destroy(&items);
	kmem_cache_destroy(item_cache);
}

module_init(sample_init);
module_exit(sample_exit);
MODULE_LICENSE("GPL");

/* ---- memory ------------------------------------------------------------ */

int sample_memory(void)
{
	char *p = kzalloc(10, GFP_KERNEL), *q;
	int wrong = 0;

	EXPECT(p && ksize(p) == 10 && !p[9]);
	memcpy(p, "shrinkers", 10);
	p = krealloc(p, 100, GFP_KERNEL);
	EXPECT(p && !strcmp(p, "shrinkers"));
	q = kstrdup(p, GFP_KERNEL);
	EXPECT(q && !strcmp(p, q));
	kfree(q);
	q = kasprintf(GFP_KERNEL, "%s-%d", "a", 5);
	EXPECT(q && !strcmp(q, "a-5"));
	kfree(q);
	kfree(p);
	EXPECT(kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR);
	kfree(NULL);
	EXPECT(!kmalloc_array(~0ul, 16, GFP_KERNEL));
	p = kvmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL);
	EXPECT(is_vmalloc_addr(p));
	kvfree(p);
	return wrong;
}

int sample_pages(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);
	char *address = page_address(page);
	struct item *item = kmem_cache_alloc(item_cache, GFP_KERNEL);
	int wrong = 0;

	EXPECT(virt_to_page(address + PAGE_SIZE) == page + 1);
	EXPECT(!address[2 * PAGE_SIZE - 1]);
	EXPECT(page_to_nid(virt_to_page(&item->lru)) == numa_node_id());
	get_page(page);
	put_page(page);
	EXPECT(page_count(page) == 1);
	__free_pages(page, 1);
	kmem_cache_free(item_cache, item);
	return wrong;
}

void sample_leak(void)
{
	if (!kmalloc(123, GFP_KERNEL))
		pr_err("no memory to leak\n");
}

/* ---- locks ------------------------------------------------------------- */

struct counter {
	struct work_struct work;
	struct completion *done;
};

static int shared_by_mutex, shared_by_spin, shared_by_rwsem;

static void count_up(struct work_struct *work)
{
	struct counter *c = container_of(work, struct counter, work);
	int i;

	for (i = 0; i < 200; i++) {
		mutex_lock(&sample_mutex);
		shared_by_mutex++;
		mutex_unlock(&sample_mutex);
		spin_lock(&sample_spin);
		shared_by_spin++;
		spin_unlock(&sample_spin);
		down_write(&sample_rwsem);
		shared_by_rwsem++;
		up_write(&sample_rwsem);
		down_read(&sample_rwsem);
		up_read(&sample_rwsem);
	}
	complete(c->done);
}

int sample_locks(void)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct counter c[3];
	int i, wrong = 0;

	for (i = 0; i < 3; i++) {
		INIT_WORK(&c[i].work, count_up);
		c[i].done = &done;
		EXPECT(queue_work(system_unbound_wq, &c[i].work));
	}
	for (i = 0; i < 3; i++)
		wait_for_completion(&done);
	for (i = 0; i < 3; i++)
		flush_work(&c[i].work);
	EXPECT(shared_by_mutex == 600);
	EXPECT(shared_by_spin == 600);
	EXPECT(shared_by_rwsem == 600);
	mutex_lock(&sample_mutex);
	lockdep_assert_held(&sample_mutex);
	EXPECT(!mutex_trylock(&sample_mutex));
	mutex_unlock(&sample_mutex);
	EXPECT(!mutex_is_locked(&sample_mutex));
	down_write(&sample_rwsem);
	EXPECT(!down_read_trylock(&sample_rwsem));
	downgrade_write(&sample_rwsem);
	EXPECT(down_read_trylock(&sample_rwsem));
	EXPECT(!down_write_trylock(&sample_rwsem));
	up_read(&sample_rwsem);
	up_read(&sample_rwsem);
	EXPECT(!rwsem_is_locked(&sample_rwsem));
	return wrong;
}

/* ---- works ------------------------------------------------------------- */

static int runs;

static void run(struct work_struct *work)
{
	(void)work;
	__atomic_fetch_add(&runs, 1, __ATOMIC_SEQ_CST);
}

struct own {
	struct work_struct work;
};

static void free_own(struct work_struct *work)
{
	run(work);
	kfree(container_of(work, struct own, work));
}

static DECLARE_WORK(static_work, run);
static DECLARE_DELAYED_WORK(static_delayed, run);

int sample_works(void)
{
	struct workqueue_struct *wq = alloc_ordered_workqueue("sample", 0);
	struct own *own = kmalloc(sizeof(*own), GFP_KERNEL);
	int wrong = 0;

	schedule_work(&static_work);
	flush_work(&static_work);
	EXPECT(runs == 1);
	EXPECT(!cancel_work_sync(&static_work));
	INIT_WORK(&own->work, free_own);
	queue_work(wq, &own->work);
	flush_workqueue(wq);
	EXPECT(runs == 2);
	schedule_delayed_work(&static_delayed, 1000 * HZ);
	EXPECT(delayed_work_pending(&static_delayed));
	flush_delayed_work(&static_delayed);
	EXPECT(runs == 3);
	schedule_delayed_work(&static_delayed, 1000 * HZ);
	EXPECT(cancel_delayed_work_sync(&static_delayed));
	schedule_delayed_work(&static_delayed, 1);
	while (timer_pending(&static_delayed.timer))
		schedule_timeout_idle(1);
	flush_delayed_work(&static_delayed);
	EXPECT(runs == 4);
	destroy_workqueue(wq);
	return wrong;
}

static void flush_self(struct work_struct *work)
{
	flush_work(work);
}

static DECLARE_WORK(self_work, flush_self);

void sample_flush_self(void)
{
	schedule_work(&self_work);
	flush_work(&self_work);
}

/* ---- RCU --------------------------------------------------------------- */

static struct item __rcu *published;
static int reads;

static void read_it(struct work_struct *work)
{
	struct item *item;
	int i;

	(void)work;
	for (i = 0; i < 500; i++) {
		rcu_read_lock();
		item = rcu_dereference(published);
		if (item && item->value != 7)
			pr_err("an item that is gone\n");
		else
			__atomic_fetch_add(&reads, 1, __ATOMIC_RELAXED);
		rcu_read_unlock();
	}
}

int sample_rcu(void)
{
	static DECLARE_WORK(reader, read_it);
	struct item *item, *old;
	int i, wrong = 0;

	schedule_work(&reader);
	for (i = 0; i < 50; i++) {
		item = kmalloc(sizeof(*item), GFP_KERNEL);
		item->value = 7;
		old = rcu_replace_pointer(published, item, true);
		if (i % 2) {
			kfree_rcu(old, rcu);
		} else {
			synchronize_rcu();
			kfree(old);
		}
	}
	flush_work(&reader);
	EXPECT(reads == 500);
	old = rcu_replace_pointer(published, NULL, true);
	kfree_rcu(old, rcu);
	rcu_barrier();
	return wrong;
}

void sample_synchronize_in_reader(void)
{
	rcu_read_lock();
	synchronize_rcu();
}

/* ---- waits ------------------------------------------------------------- */

static int stage;

static int climb(void *arg)
{
	int *to = arg;

	wait_event(sample_queue, __atomic_load_n(&stage, __ATOMIC_ACQUIRE) > 0);
	__atomic_store_n(to, 5, __ATOMIC_RELEASE);
	wake_up_var(to);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 3;
}

int sample_waits(void)
{
	struct task_struct *task;
	int wrong = 0, to = 0;

	task = kthread_run(climb, &to, "climber/%d", 1);
	EXPECT(!IS_ERR(task));
	EXPECT(wait_event_timeout(sample_queue, stage, 1) == 0);
	__atomic_store_n(&stage, 1, __ATOMIC_RELEASE);
	wake_up(&sample_queue);
	wait_var_event(&to, __atomic_load_n(&to, __ATOMIC_ACQUIRE) == 5);
	EXPECT(wait_event_timeout(sample_queue, stage, 1) == 1);
	EXPECT(kthread_stop(task) == 3);
	return wrong;
}

/* ---- texts ------------------------------------------------------------- */

int sample_text(void)
{
	struct seq_file m = { 0 };
	int wrong = 0;

	seq_printf(&m, "%d ", 5);
	seq_puts(&m, "items");
	seq_putc(&m, '\n');
	EXPECT(m.count == 8 && !memcmp(m.buf, "5 items\n", 8));
	kernel_seq_free(&m);
	pr_info("half ");
	pr_cont("of a line\n");
	pr_info("an address %pS, two\nlines", (void *)0);
	return wrong;
}

/* ---- the ends ---------------------------------------------------------- */

void sample_bug(void)
{
	BUG();
}

void sample_lock_twice(void)
{
	static DEFINE_MUTEX(twice);

	mutex_lock(&twice);
	mutex_lock(&twice);
}

void sample_downgrade_reader(void)
{
	down_read(&sample_rwsem);
	downgrade_write(&sample_rwsem);
}

void sample_free_twice(void)
{
	char *volatile p = kmalloc(8, GFP_KERNEL);

	kfree(p);
	kfree(p);
}

void sample_free_wild(void)
{
	kfree(&runs);
}
