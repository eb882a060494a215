// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pass over native shrinkers: nanoseconds a count + scan, against a loop of
 * plain indirect calls of the same functions over the same number of objects.
 *
 *	make -C csrc && cc -O2 -Icsrc/include benchmarks/native_pass.c \
 *		-Lcsrc/build -lshrinkpy -o native_pass
 *	LD_LIBRARY_PATH=csrc/build ./native_pass [shrinkers] [rounds]
 */
#include <stdio.h>
#include <stdlib.h>

#include <shrinkpy/core.h>

#include "timing.h"

static unsigned long count_one(struct shrinker *s, struct shrink_control *sc)
{
	(void)s, (void)sc;
	return 1;
}

static unsigned long scan_all(struct shrinker *s, struct shrink_control *sc)
{
	(void)s;
	return sc->nr_to_scan;
}

struct plain {
	sp_shrink_fn count, scan;
};

int main(int argc, char **argv)
{
	const int n = argc > 1 ? atoi(argv[1]) : 1000;
	const int rounds = argc > 2 ? atoi(argv[2]) : 2000;
	struct sp_config config = { .nr_nodes = 1, .root = SP_ROOT_NONE };
	double *pass_ns = calloc((size_t)rounds, sizeof(double));
	double *plain_ns = calloc((size_t)rounds, sizeof(double));
	struct plain *plain = calloc((size_t)n, sizeof(*plain));
	struct machine *m;
	struct sp_pass out;
	int i, round;

	if (n < 1 || rounds < 1 || sp_machine_create(&config, &m))
		return 2;
	for (i = 0; i < n; i++) {
		struct shrinker *s;

		if (sp_shrinker_alloc(m, 0, "bench", &s))
			return 2;
		sp_shrinker_set_callbacks(s, count_one, scan_all);
		sp_shrinker_register(s, NULL);
		plain[i] = (struct plain){ count_one, scan_all };
	}
	for (round = 0; round < rounds; round++) {
		struct shrink_control sc = { .nr_to_scan = 2 };
		volatile unsigned long sum = 0;
		double start = now(), between, end;

		for (i = 0; i < n; i++) {
			sum += plain[i].count(NULL, &sc);
			sum += plain[i].scan(NULL, &sc);
		}
		between = now();
		sp_shrink_slab(m, 0, 0, NULL, 0, &out);
		end = now();
		if (out.freed != 2ul * (unsigned long)n ||
		    out.nr_scans != (unsigned long)n)
			return 1;
		plain_ns[round] = (between - start) / n;
		pass_ns[round] = (end - between) / n;
	}
	printf("%d native shrinkers: %.2f ns a count + scan in a pass, %.2f ns "
	       "by plain indirect calls (medians of %d interleaved rounds)\n",
	       n, median(pass_ns, rounds), median(plain_ns, rounds), rounds);
	sp_machine_destroy(m);
	free(pass_ns);
	free(plain_ns);
	free(plain);
	return 0;
}
