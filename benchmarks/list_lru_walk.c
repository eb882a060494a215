// SPDX-License-Identifier: GPL-2.0-only
/*
 * A walk over a list_lru: nanoseconds an item for callbacks that skip, rotate
 * and remove, against a bare walk over the same linked items.
 *
 *	make -C csrc && cc -O2 -Icsrc/include benchmarks/list_lru_walk.c \
 *		-Lcsrc/build -lshrinkpy -o list_lru_walk
 *	LD_LIBRARY_PATH=csrc/build ./list_lru_walk [items] [rounds]
 */
#include <stdio.h>
#include <stdlib.h>

#include <shrinkpy/list_lru.h>

#include "timing.h"

/* As large as a small object of the kernel's. */
struct object {
	struct list_head lru;
	unsigned long payload[6];
};

static enum lru_status skip(struct list_head *item, struct list_lru_one *list,
			    struct sp_lock *lock, void *cb_arg)
{
	(void)item, (void)list, (void)lock, (void)cb_arg;
	return LRU_SKIP;
}

static enum lru_status rotate(struct list_head *item, struct list_lru_one *list,
			      struct sp_lock *lock, void *cb_arg)
{
	(void)item, (void)list, (void)lock, (void)cb_arg;
	return LRU_ROTATE;
}

static enum lru_status take(struct list_head *item, struct list_lru_one *list,
			    struct sp_lock *lock, void *cb_arg)
{
	(void)lock;
	sp_list_lru_isolate_move(list, item, cb_arg);
	return LRU_REMOVED;
}

static const struct {
	const char *name;
	list_lru_walk_cb isolate;
} walks[] = { { "skip", skip }, { "rotate", rotate }, { "remove", take } };

enum { NR_WALKS = 3, BARE = NR_WALKS, NR_TIMES };

static void fill(struct sp_list_lru *lru, struct object *o, int n)
{
	bool done;
	int i;

	for (i = 0; i < n; i++) {
		o[i].lru.next = o[i].lru.prev = &o[i].lru;
		sp_list_lru_add(lru, &o[i].lru, 0, NULL, &done, NULL);
	}
}

static double walk(struct sp_list_lru *lru, int which, int n,
		   struct list_head *away)
{
	unsigned long nr = (unsigned long)n, isolated;
	double start = now();

	if (sp_list_lru_walk_one(lru, 0, NULL, walks[which].isolate, away, &nr,
				 &isolated) ||
	    nr)
		exit(2);
	return now() - start;
}

/* The items as the last walk left them: a ring of them and away. */
static double bare(struct list_head *away)
{
	volatile unsigned long sum = 0;
	double start = now();
	struct list_head *p;

	for (p = away->next; p != away; p = p->next)
		sum = sum + 1;
	return now() - start;
}

int main(int argc, char **argv)
{
	const int n = argc > 1 ? atoi(argv[1]) : 1000000;
	const int rounds = argc > 2 ? atoi(argv[2]) : 15;
	struct sp_config config = { .nr_nodes = 1, .root = SP_ROOT_NONE };
	struct object *o = calloc((size_t)n, sizeof(*o));
	double *ns[NR_TIMES];
	struct sp_list_lru *lru;
	struct machine *m;
	int i, round;

	if (n < 1 || rounds < 1 || !o || sp_machine_create(&config, &m) ||
	    sp_list_lru_create(m, false, NULL, NULL, &lru))
		return 2;
	for (i = 0; i < NR_TIMES; i++)
		ns[i] = calloc((size_t)rounds, sizeof(double));
	for (round = 0; round < rounds; round++) {
		struct list_head away = { &away, &away };

		fill(lru, o, n);
		for (i = 0; i < NR_WALKS; i++)
			ns[i][round] = walk(lru, i, n, &away) / n;
		ns[BARE][round] = bare(&away) / n;
	}
	printf("list_lru walk of %d items, median of %d:", n, rounds);
	for (i = 0; i < NR_WALKS; i++)
		printf(" %s %.1f ns an item,", walks[i].name,
		       median(ns[i], rounds));
	printf(" bare loop %.1f\n", median(ns[BARE], rounds));
	for (i = 0; i < NR_TIMES; i++)
		free(ns[i]);
	sp_list_lru_destroy(lru);
	sp_machine_destroy(m);
	free(o);
	return 0;
}
