// SPDX-License-Identifier: GPL-2.0-only
/* Trees, lists, bits and numbers for drivers, against simple models. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../check.h"

#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/kstrtox.h>
#include <linux/list_bl.h>
#include <linux/list_sort.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/rbtree_augmented.h>
#include <linux/sort.h>
#include <linux/string.h>

static u32 chance(u32 below)
{
	static u64 state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(state >> 33) % below;
}

/* ---- red-black trees --------------------------------------------------- */

enum { KEYS = 512, STEPS = 20000 };

struct thing {
	struct rb_node rb;
	int key, most;
	bool in;
};

static int own_key(struct thing *t)
{
	return t->key;
}

RB_DECLARE_CALLBACKS_MAX(static, most_below, struct thing, rb, int, most,
			 own_key)

/* Black nodes on each way down, or -1 where a rule is broken. */
static int black_height(struct rb_node *n, int *most)
{
	struct thing *t = rb_entry_safe(n, struct thing, rb);
	int left, right, below = -1, black;

	if (!n)
		return 0;
	*most = t->key;
	black = n->__rb_parent_color & 1;
	left = black_height(n->rb_left, &below);
	*most = max(*most, below);
	right = black_height(n->rb_right, &below);
	*most = max(*most, below);
	if (left < 0 || left != right || t->most != *most)
		return -1;
	if (!black && ((n->rb_left && !(n->rb_left->__rb_parent_color & 1)) ||
		       (n->rb_right && !(n->rb_right->__rb_parent_color & 1))))
		return -1;
	return left + black;
}

static void add(struct rb_root_cached *root, struct thing *t)
{
	struct rb_node **link = &root->rb_root.rb_node, *parent = NULL;
	bool first = true;

	while (*link) {
		struct thing *at = rb_entry(*link, struct thing, rb);

		parent = *link;
		at->most = max(at->most, t->key);
		if (t->key < at->key) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	t->most = t->key;
	rb_link_node(&t->rb, parent, link);
	rb_insert_augmented_cached(&t->rb, root, first, &most_below);
}

static void a_tree_keeps_its_rules(void)
{
	static struct thing things[KEYS];
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct rb_node *n;
	int i, step, most;

	for (i = 0; i < KEYS; i++)
		things[i].key = i;
	for (step = 0; step < STEPS; step++) {
		struct thing *t = &things[chance(KEYS)];

		if (t->in)
			rb_erase_augmented_cached(&t->rb, &root, &most_below);
		else
			add(&root, t);
		t->in = !t->in;
		if (step % 64)
			continue;
		CHECK(black_height(root.rb_root.rb_node, &most) >= 0);
		n = rb_first_cached(&root);
		CHECK(n == rb_first(&root.rb_root));
		for (i = 0; i < KEYS; i++) {
			if (!things[i].in)
				continue;
			CHECK(n == &things[i].rb);
			if (n)
				n = rb_next(n);
		}
		CHECK(!n);
		n = rb_last(&root.rb_root);
		for (i = KEYS; i--;) {
			if (!things[i].in)
				continue;
			CHECK(n == &things[i].rb);
			if (n)
				n = rb_prev(n);
		}
		CHECK(!n);
	}
}

static void postorder_gives_children_first(void)
{
	static struct thing things[KEYS];
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct thing *t, *next;
	int i, n = 0;

	for (i = 0; i < KEYS; i++) {
		things[i].key = (int)chance(1000);
		things[i].in = true;
		add(&root, &things[i]);
	}
	rbtree_postorder_for_each_entry_safe(t, next, &root.rb_root, rb)
	{
		struct thing *left =
			rb_entry_safe(t->rb.rb_left, struct thing, rb);

		CHECK(!left || !left->in);
		t->in = false;
		n++;
	}
	CHECK_EQ(n, KEYS);
}

/* ---- lists ------------------------------------------------------------- */

struct item {
	struct list_head list;
	int key, nth;
};

static int by_key(void *priv, const struct list_head *a,
		  const struct list_head *b)
{
	(void)priv;
	return list_entry(a, struct item, list)->key -
	       list_entry(b, struct item, list)->key;
}

static void sorting_lists_is_stable(void)
{
	static struct item items[1000];
	int i, n;

	for (n = 0; n <= 1000; n += 37) {
		struct item *it, *last = NULL;
		LIST_HEAD(head);

		for (i = 0; i < n; i++) {
			items[i].key = (int)chance(50);
			items[i].nth = i;
			list_add_tail(&items[i].list, &head);
		}
		list_sort(NULL, &head, by_key);
		CHECK_EQ(list_count_nodes(&head), n);
		list_for_each_entry(it, &head, list)
		{
			CHECK(!last || last->key < it->key ||
			      (last->key == it->key && last->nth < it->nth));
			CHECK(it->list.next->prev == &it->list);
			last = it;
		}
	}
}

static void lists_are_cut_and_spliced(void)
{
	struct item items[6];
	LIST_HEAD(head);
	LIST_HEAD(cut);
	int i;

	for (i = 0; i < 6; i++)
		list_add_tail(&items[i].list, &head);
	list_cut_position(&cut, &head, &items[2].list);
	CHECK_EQ(list_count_nodes(&cut), 3);
	CHECK(list_is_first(&items[3].list, &head));
	CHECK(list_is_last(&items[2].list, &cut));
	list_cut_position(&cut, &head, &head);
	CHECK(list_empty(&cut));
	list_bulk_move_tail(&head, &items[3].list, &items[4].list);
	CHECK(list_is_first(&items[5].list, &head));
	list_swap(&items[5].list, &items[4].list);
	CHECK(list_is_first(&items[4].list, &head));
	CHECK(list_is_last(&items[5].list, &head));
	list_splice_tail_init(&head, &cut);
	CHECK(list_empty(&head));
	CHECK_EQ(list_count_nodes(&cut), 3);
	list_replace_init(&cut, &head);
	CHECK(list_empty(&cut));
	CHECK_EQ(list_count_nodes(&head), 3);
	INIT_LIST_HEAD(&items[0].list); /* whatever it was */
	list_replace_init(&cut, &items[0].list);
	CHECK(list_empty(&cut) && list_empty(&items[0].list));
}

static int by_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void arrays_are_sorted(void)
{
	int a[300], i, n;

	for (n = 0; n < 300; n += 23) {
		long sum = 0;

		for (i = 0; i < n; i++)
			sum += a[i] = (int)chance(100);
		sort(a, (size_t)n, sizeof(a[0]), by_int, NULL);
		for (i = 0; i < n; i++) {
			sum -= a[i];
			CHECK(!i || a[i - 1] <= a[i]);
		}
		CHECK_EQ(sum, 0);
	}
}

/* ---- locks in bits ----------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 3000 };

struct chained {
	struct hlist_bl_node node;
	int nth;
};

static struct hlist_bl_head chain;
static int in_chain;

static void *change_chain(void *unused)
{
	struct chained own[8];
	int i, j;

	memset(own, 0, sizeof(own));
	for (i = 0; i < ROUNDS; i++) {
		struct chained *c = &own[i % 8];

		hlist_bl_lock(&chain);
		if (hlist_bl_unhashed(&c->node)) {
			hlist_bl_add_head(&c->node, &chain);
			in_chain++;
		} else {
			hlist_bl_del_init(&c->node);
			in_chain--;
		}
		CHECK(hlist_bl_is_locked(&chain));
		hlist_bl_unlock(&chain);
	}
	for (j = 0; j < 8; j++) {
		hlist_bl_lock(&chain);
		if (!hlist_bl_unhashed(&own[j].node)) {
			hlist_bl_del_init(&own[j].node);
			in_chain--;
		}
		hlist_bl_unlock(&chain);
	}
	return unused;
}

static void a_chain_is_locked_by_its_bit(void)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, change_chain, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(in_chain, 0);
	CHECK(hlist_bl_empty(&chain));
	CHECK(!hlist_bl_is_locked(&chain));
}

static void a_chain_keeps_its_lock_bit(void)
{
	struct hlist_bl_head head = { NULL };
	struct chained a = { .nth = 1 }, b = { .nth = 2 }, *c;
	struct hlist_bl_node *pos;
	int seen = 0;

	hlist_bl_lock(&head);
	hlist_bl_add_head(&a.node, &head);
	hlist_bl_add_before(&b.node, &a.node);
	CHECK(hlist_bl_is_locked(&head));
	hlist_bl_for_each_entry(c, pos, &head, node) seen = seen * 10 + c->nth;
	CHECK_EQ(seen, 21);
	hlist_bl_del(&b.node);
	CHECK(hlist_bl_is_locked(&head));
	hlist_bl_unlock(&head);
	CHECK(hlist_bl_first(&head) == &a.node);
}

/* ---- bits -------------------------------------------------------------- */

static void bitmaps_are_sets(void)
{
	enum { BITS = 200 };
	DECLARE_BITMAP(map, BITS);
	bool in[BITS] = { false };
	unsigned int step, i, n;

	bitmap_zero(map, BITS);
	for (step = 0; step < 2000; step++) {
		unsigned int at = chance(BITS);

		switch (chance(3)) {
		case 0:
			CHECK_EQ(test_and_set_bit(at, map), in[at]);
			in[at] = true;
			break;
		case 1:
			CHECK_EQ(test_and_clear_bit(at, map), in[at]);
			in[at] = false;
			break;
		default:
			__change_bit(at, map);
			in[at] = !in[at];
		}
		for (i = at; i < BITS && !in[i]; i++)
			;
		CHECK_EQ(find_next_bit(map, BITS, at), i);
		for (i = at; i < BITS && in[i]; i++)
			;
		CHECK_EQ(find_next_zero_bit(map, BITS, at), i);
	}
	for (n = i = 0; i < BITS; i++)
		n += in[i];
	CHECK_EQ(bitmap_weight(map, BITS), n);
}

static void numbers_of_bits(void)
{
	CHECK_EQ(fls(0), 0);
	CHECK_EQ(fls(1), 1);
	CHECK_EQ(fls64(1ULL << 63), 64);
	CHECK_EQ(ffs(0), 0);
	CHECK_EQ(__ffs(8), 3);
	CHECK_EQ(ffz(7), 3);
	CHECK_EQ(sign_extend32(0x80, 7), -128);
	CHECK_EQ(rol32(0x80000001, 1), 3);
	CHECK_EQ(min(3, 7), 3);
	CHECK_EQ(clamp(12, 3, 9), 9);
	CHECK_EQ(roundup(13, 5), 15);
	CHECK_EQ(round_up(13, 8), 16);
	CHECK_EQ(DIV_ROUND_CLOSEST(-7, 2), -4);
	CHECK_EQ(mul_u64_u64_shr(1ULL << 63, 6, 64), 3);
	CHECK_EQ(int_sqrt64(~0ULL), 0xffffffff);
}

/* Worked out by hand: the high bits of the product. */
static void hashes_are_the_kernels(void)
{
	CHECK_EQ(hash_32(1, 32), 0x61c88647);
	CHECK_EQ(hash_32(1, 4), 6);
	CHECK_EQ(hash_64(1, 8), 0x61);
	/* Published with lookup3: no key, and what stands in the state. */
	CHECK_EQ(jhash("", 0, 0), 0xdeadbeef);
	CHECK_EQ(jhash("", 0, 0xdeadbeef), 0xbd5b7dde);
	CHECK_EQ(jhash("Four score and seven years ago", 30, 0), 0x17770551);
	CHECK_EQ(jhash("Four score and seven years ago", 30, 1), 0xcd628161);
}

static void texts_are_numbers(void)
{
	unsigned int u;
	u8 byte;
	int i;
	bool b;

	CHECK_EQ(kstrtoint("-12\n", 10, &i), 0);
	CHECK_EQ(i, -12);
	CHECK_EQ(kstrtouint("0x1F", 0, &u), 0);
	CHECK_EQ(u, 31);
	CHECK_EQ(kstrtouint("017", 0, &u), 0);
	CHECK_EQ(u, 15);
	CHECK_EQ(kstrtouint("12 ", 10, &u), -EINVAL);
	CHECK_EQ(kstrtouint("", 10, &u), -EINVAL);
	CHECK_EQ(kstrtou8("256", 10, &byte), -ERANGE);
	CHECK_EQ(kstrtobool("on", &b), 0);
	CHECK(b);
	CHECK_EQ(kstrtobool("maybe", &b), -EINVAL);
}

static void texts_are_copied_with_their_end(void)
{
	char to[4];

	CHECK_EQ(strscpy(to, "abc"), 3);
	CHECK_EQ(strscpy(to, "abcd"), -E2BIG);
	CHECK(!strcmp(to, "abc"));
	CHECK_EQ(strscpy(to, "", 0), -E2BIG);
	CHECK(!memchr_inv("aaa", 'a', 3));
	CHECK(sysfs_streq("on\n", "on"));
	CHECK(!sysfs_streq("on\n", "off"));
}

int main(void)
{
	a_tree_keeps_its_rules();
	postorder_gives_children_first();
	sorting_lists_is_stable();
	lists_are_cut_and_spliced();
	arrays_are_sorted();
	a_chain_is_locked_by_its_bit();
	a_chain_keeps_its_lock_bit();
	bitmaps_are_sets();
	numbers_of_bits();
	hashes_are_the_kernels();
	texts_are_numbers();
	texts_are_copied_with_their_end();
	return report("test_data");
}
