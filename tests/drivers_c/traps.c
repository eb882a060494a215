// SPDX-License-Identifier: GPL-2.0-only
/* Where the processor stops, and what printk makes of formats. */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/shrinker.h>
#include <linux/string.h>
#include <linux/workqueue.h>

static struct shrinker *shrinker;
static unsigned long nr;

int read_at(int *p)
{
	return *p;
}

void write_at(int *p)
{
	*p = 1;
}

int divide(int a, int b)
{
	return a / b;
}

void clear_at(char *p, unsigned long n)
{
	memset(p, 0, n);
}

unsigned long length_of(const char *p)
{
	return strlen(p);
}

void stop(void)
{
	__builtin_trap();
}

/* The second list_del() finds what the first has put there. */
void unlink_twice(void)
{
	struct list_head head, *volatile item;
	struct list_head entry;

	INIT_LIST_HEAD(&head);
	item = &entry;
	list_add(item, &head);
	list_del(item);
	list_del(item);
}

static void work_fn(struct work_struct *work)
{
	(void)work;
	write_at((int *)8);
}

static DECLARE_WORK(work, work_fn);

void run_work(void)
{
	schedule_work(&work);
	flush_work(&work);
}

void say(const char *text)
{
	pr_info("%s|%10.3s|%-4s|", text, "abcdef", "x");
}

void say_numbers(void)
{
	pr_info("%d|%5d|%-5d|%05d|%+d|%x|%#lx|%llu|%zd|%hhu|%hd|%c|%%|%*d", -3,
		42, 42, 42, 7, 255u, 4096ul, 1ull << 63, (ssize_t)-1,
		(unsigned char)200, (short)-2, 'z', 4, 1);
}

void say_pointers(void)
{
	pr_info("%pe|%ps|%px|%pK", ERR_PTR(-ENOMEM), read_at, (void *)0x1234,
		(void *)0);
}

void fill(unsigned long n)
{
	nr = n;
}

static unsigned long traps_count(struct shrinker *s, struct shrink_control *sc)
{
	return nr;
}

static unsigned long traps_scan(struct shrinker *s, struct shrink_control *sc)
{
	return *(unsigned long *)s->private_data;
}

static int __init traps_init(void)
{
	shrinker = shrinker_alloc(0, "traps");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = traps_count;
	shrinker->scan_objects = traps_scan;
	shrinker_register(shrinker);
	return 0;
}

static void __exit traps_exit(void)
{
	shrinker_free(shrinker);
}

module_init(traps_init);
module_exit(traps_exit);
MODULE_LICENSE("GPL");
