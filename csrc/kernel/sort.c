// SPDX-License-Identifier: GPL-2.0-only
/* Sorting arrays (a heap, so that nothing recurses) and lists (by merging). */
#include <linux/list_sort.h>
#include <linux/sort.h>

struct job {
	char *base;
	size_t size;
	cmp_r_func_t cmp;
	swap_r_func_t swap;
	const void *priv;
};

static void exchange(const struct job *j, size_t a, size_t b)
{
	char *x = j->base + a * j->size, *y = j->base + b * j->size;
	size_t i;

	if (j->swap) {
		j->swap(x, y, (int)j->size, j->priv);
		return;
	}
	for (i = 0; i < j->size; i++) {
		char c = x[i];

		x[i] = y[i];
		y[i] = c;
	}
}

static bool less(const struct job *j, size_t a, size_t b)
{
	return j->cmp(j->base + a * j->size, j->base + b * j->size, j->priv) <
	       0;
}

/* The element at i goes down to where nothing below it is greater. */
static void sink(const struct job *j, size_t i, size_t n)
{
	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= n)
			return;
		if (kid + 1 < n && less(j, kid, kid + 1))
			kid++;
		if (!less(j, i, kid))
			return;
		exchange(j, i, kid);
		i = kid;
	}
}

void sort_r(void *base, size_t n, size_t size, cmp_r_func_t cmp,
	    swap_r_func_t swap, const void *priv)
{
	const struct job j = { base, size, cmp, swap, priv };
	size_t i;

	for (i = n / 2; i--;)
		sink(&j, i, n);
	while (n > 1) {
		n--;
		exchange(&j, 0, n);
		sink(&j, 0, n);
	}
}

struct plain {
	cmp_func_t cmp;
	swap_func_t swap;
};

static int plain_cmp(const void *a, const void *b, const void *priv)
{
	return ((const struct plain *)priv)->cmp(a, b);
}

static void plain_swap(void *a, void *b, int size, const void *priv)
{
	((const struct plain *)priv)->swap(a, b, size);
}

void sort(void *base, size_t n, size_t size, cmp_func_t cmp, swap_func_t swap)
{
	const struct plain plain = { cmp, swap };

	sort_r(base, n, size, plain_cmp, swap ? plain_swap : NULL, &plain);
}

/* Both are sorted; of equals those of a, which came first, go first. */
static void merge(void *priv, struct list_head *a, struct list_head *b,
		  list_cmp_func_t cmp)
{
	struct list_head *at = a->next;

	while (at != a && !list_empty(b)) {
		if (cmp(priv, at, b->next) > 0)
			list_move_tail(b->next, at);
		else
			at = at->next;
	}
	list_splice_tail_init(b, a);
}

/* runs[i] has 2^i entries or none, older ones in the higher runs. */
void list_sort(void *priv, struct list_head *head, list_cmp_func_t cmp)
{
	struct list_head runs[64];
	int i, top = 0;

	while (!list_empty(head)) {
		LIST_HEAD(run);

		list_move(head->next, &run);
		for (i = 0; i < top && !list_empty(&runs[i]); i++) {
			merge(priv, &runs[i], &run, cmp);
			list_splice_init(&runs[i], &run);
		}
		if (i == top)
			INIT_LIST_HEAD(&runs[top++]);
		list_splice_init(&run, &runs[i]);
	}
	for (i = 0; i < top; i++) {
		merge(priv, &runs[i], head, cmp);
		list_splice_init(&runs[i], head);
	}
}
