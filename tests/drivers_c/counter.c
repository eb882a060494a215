// SPDX-License-Identifier: GPL-2.0-only
/* A cache of numbered things in a list, with a shrinker: the smallest whole driver. */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "counter.h"

static LIST_HEAD(things);
static DEFINE_SPINLOCK(lock);
static struct shrinker *shrinker;
static unsigned long nr_things;
static int fail;
static void *leaked;

unsigned long counter_add(unsigned long n)
{
	for (; n; n--) {
		struct thing *thing = kzalloc(sizeof(*thing), GFP_KERNEL);

		if (!thing)
			break;
		spin_lock(&lock);
		thing->number = nr_things++;
		list_add_tail(&thing->list, &things);
		spin_unlock(&lock);
	}
	return nr_things;
}

struct thing *counter_first(void)
{
	return list_first_entry_or_null(&things, struct thing, list);
}

enum temper counter_temper(const struct thing *thing)
{
	return thing && thing->number % 2 ? ODD : EVEN;
}

struct narrow *counter_narrow(void)
{
	static struct narrow narrow;

	return &narrow;
}

void counter_leak(size_t bytes)
{
	leaked = kmalloc(bytes, GFP_KERNEL);
}

void counter_say(const char *text)
{
	pr_warn("counter: %s\n", text);
}

int counter_call(int (*function)(int), int n)
{
	return function(n);
}

void counter_oops(void)
{
	BUG();
}

#ifdef FOR_RUN
static unsigned long steps;

void shrinkpy_fill(unsigned long bytes)
{
	counter_add(bytes / sizeof(struct thing));
	if (LEAKS)
		counter_leak(LEAKS);
}

void shrinkpy_step(void)
{
	steps++;
}

int shrinkpy_verify(void)
{
	return steps == 12 ? 0 : -EIO;
}
#endif

static unsigned long counter_count(struct shrinker *s,
				   struct shrink_control *sc)
{
	return nr_things;
}

static unsigned long counter_scan(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long freed = 0;
	struct thing *thing, *next;

#ifdef OOPS_IN_SCAN
	BUG();
#endif
	spin_lock(&lock);
	list_for_each_entry_safe (thing, next, &things, list) {
		if (freed == sc->nr_to_scan)
			break;
		list_del(&thing->list);
		kfree(thing);
		nr_things--;
		freed++;
	}
	spin_unlock(&lock);
	return freed;
}

static int __init counter_init(void)
{
#ifdef FAIL_INIT
	fail = FAIL_INIT;
#endif
#ifdef LEAK_INIT
	if (!kmalloc(77, GFP_KERNEL))
		return -ENOMEM;
#endif
	if (fail)
		return -fail;
	shrinker = shrinker_alloc(0, "counter-%d", 1);
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = counter_count;
	shrinker->scan_objects = counter_scan;
	shrinker->seeks = 1;
	shrinker->batch = 16;
	shrinker_register(shrinker);
	pr_info("counter: loaded\n");
	return 0;
}

static void __exit counter_exit(void)
{
	struct thing *thing, *next;

	shrinker_free(shrinker);
	list_for_each_entry_safe (thing, next, &things, list)
		kfree(thing);
	pr_info("counter: unloaded\n");
}

module_init(counter_init);
module_exit(counter_exit);
MODULE_LICENSE("GPL");
