// SPDX-License-Identifier: GPL-2.0-only
/* The XArray, IDR and IDA against arrays of what is in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../check.h"

#include <shrinkpy/driver.h>

#include <linux/idr.h>

enum { SPAN = 5000, STEPS = 30000 };

static u32 chance(u32 below)
{
	static u64 state = 7;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(state >> 33) % below;
}

/* Indices close together, far apart, and at the very end. */
static unsigned long index_of(unsigned int i)
{
	return i < SPAN / 2        ? i :
	       i < SPAN - SPAN / 8 ? (unsigned long)i << 20 :
				     ULONG_MAX - (SPAN - 1 - i);
}

static void an_array_holds_what_was_stored(void)
{
	static void *in[SPAN];
	static bool marked[SPAN];
	struct xarray xa;
	unsigned long index;
	unsigned int step, i;
	void *entry;

	xa_init(&xa);
	for (step = 0; step < STEPS; step++) {
		i = chance(SPAN);
		entry = xa_mk_value(step);
		switch (chance(5)) {
		case 0:
		case 1:
			CHECK(xa_store(&xa, index_of(i), entry, GFP_KERNEL) ==
			      in[i]);
			in[i] = entry;
			break;
		case 2:
			CHECK(xa_erase(&xa, index_of(i)) == in[i]);
			in[i] = NULL;
			marked[i] = false;
			break;
		case 3:
			CHECK_EQ(xa_insert(&xa, index_of(i), entry, GFP_KERNEL),
				 in[i] ? -EBUSY : 0);
			if (!in[i])
				in[i] = entry;
			break;
		default:
			if (in[i] && !marked[i])
				xa_set_mark(&xa, index_of(i), XA_MARK_1);
			else
				xa_clear_mark(&xa, index_of(i), XA_MARK_1);
			marked[i] = in[i] && !marked[i];
		}
		i = chance(SPAN);
		CHECK(xa_load(&xa, index_of(i)) == in[i]);
		CHECK_EQ(xa_get_mark(&xa, index_of(i), XA_MARK_1), marked[i]);
		if (step % 1000)
			continue;
		i = 0;
		xa_for_each (&xa, index, entry) {
			while (i < SPAN && !in[i])
				i++;
			CHECK(i < SPAN && index == index_of(i) &&
			      entry == in[i]);
			i++;
		}
		while (i < SPAN && !in[i])
			i++;
		CHECK_EQ(i, SPAN);
		i = 0;
		xa_for_each_marked(&xa, index, entry, XA_MARK_1)
		{
			while (i < SPAN && !marked[i])
				i++;
			CHECK(i < SPAN && index == index_of(i));
			i++;
		}
	}
	for (i = 0; i < SPAN; i++)
		xa_erase(&xa, index_of(i));
	CHECK(xa_empty(&xa));
}

static void a_reserved_place_is_empty_and_taken(void)
{
	struct xarray xa;
	int x;

	xa_init(&xa);
	CHECK_EQ(xa_reserve(&xa, 9, GFP_KERNEL), 0);
	CHECK(!xa_load(&xa, 9));
	CHECK_EQ(xa_insert(&xa, 9, &x, GFP_KERNEL), -EBUSY);
	CHECK(!xa_store(&xa, 9, &x, 0));
	xa_release(&xa, 9);
	CHECK(xa_load(&xa, 9) == &x);
	CHECK(xa_cmpxchg(&xa, 9, NULL, NULL, 0) == &x);
	CHECK(xa_cmpxchg(&xa, 9, &x, NULL, 0) == &x);
	CHECK(xa_empty(&xa));
	xa_store(&xa, 1UL << 40, &x, GFP_KERNEL);
	xa_store(&xa, 3, &x, GFP_KERNEL);
	xa_destroy(&xa);
	CHECK(xa_empty(&xa));
}

static void ids_are_the_lowest_free(void)
{
	enum { IDS = 700 };
	static bool in[IDS + 10];
	struct idr idr;
	int step, i, x;

	idr_init(&idr);
	for (step = 0; step < 5000; step++) {
		int start = (int)chance(IDS), got;

		if (chance(2)) {
			got = idr_alloc(&idr, &x, start, IDS, GFP_KERNEL);
			for (i = start; i < IDS && in[i]; i++)
				;
			CHECK_EQ(got, i < IDS ? i : -ENOSPC);
			if (got >= 0)
				in[got] = true;
		} else {
			CHECK(idr_remove(&idr, (unsigned long)start) ==
			      (in[start] ? &x : NULL));
			in[start] = false;
		}
	}
	CHECK_EQ(idr_alloc(&idr, NULL, 5000, 0, GFP_KERNEL), 5000);
	CHECK(!idr_find(&idr, 5000));
	CHECK(!idr_replace(&idr, &x, 5000));
	CHECK(idr_find(&idr, 5000) == &x);
	CHECK(idr_replace(&idr, &x, 5001) == ERR_PTR(-ENOENT));
	CHECK_EQ(idr_alloc_cyclic(&idr, &x, 6000, 6002, GFP_KERNEL), 6000);
	CHECK_EQ(idr_alloc_cyclic(&idr, &x, 6000, 6002, GFP_KERNEL), 6001);
	idr_remove(&idr, 6000);
	CHECK_EQ(idr_alloc_cyclic(&idr, &x, 6000, 6002, GFP_KERNEL), 6000);
	idr_destroy(&idr);
	CHECK(idr_is_empty(&idr));
}

static void an_ida_gives_and_takes(void)
{
	struct ida ida;
	int i;

	ida_init(&ida);
	for (i = 0; i < 200; i++)
		CHECK_EQ(ida_alloc(&ida, GFP_KERNEL), i);
	ida_free(&ida, 77);
	CHECK(!ida_exists(&ida, 77));
	CHECK_EQ(ida_alloc_range(&ida, 10, 70, GFP_KERNEL), -ENOSPC);
	CHECK_EQ(ida_alloc_min(&ida, 50, GFP_KERNEL), 77);
	CHECK_EQ(ida_find_first(&ida), 0);
	ida_destroy(&ida);
	CHECK(ida_is_empty(&ida));
}

int main(void)
{
	struct machine *m = make_machine(1, true);

	sp_driver_attach(m);
	an_array_holds_what_was_stored();
	a_reserved_place_is_empty_and_taken();
	ids_are_the_lowest_free();
	an_ida_gives_and_takes();
	sp_driver_detach();
	sp_machine_destroy(m);
	return report("test_xarray");
}
