/* SPDX-License-Identifier: GPL-2.0-only */
/* The least a C test needs: checks that say where, a machine, scripted caches. */
#ifndef SP_TESTS_CHECK_H
#define SP_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shrinkpy/introspect.h>

static int nr_passed, nr_failed;

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (condition) {                                               \
			__atomic_fetch_add(&nr_passed, 1, __ATOMIC_RELAXED);   \
		} else {                                                       \
			__atomic_fetch_add(&nr_failed, 1, __ATOMIC_RELAXED);   \
			fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__,   \
				__LINE__, __func__, #condition);               \
		}                                                              \
	} while (0)

#define CHECK_EQ(a, b)                                                         \
	do {                                                                   \
		long left_ = (long)(a), right_ = (long)(b);                    \
		CHECK(left_ == right_);                                        \
		if (left_ != right_)                                           \
			fprintf(stderr, "\t%s is %ld, %s is %ld\n", #a, left_, \
				#b, right_);                                   \
	} while (0)

/* The closing line of a test program, and its exit code. */
static inline int report(const char *name)
{
	printf("%s: %d passed, %d failed\n", name, nr_passed, nr_failed);
	return nr_failed != 0;
}

static inline struct machine *make_machine(int nr_nodes, bool kmem)
{
	struct sp_config config = { .nr_nodes = nr_nodes,
				    .memcg = true,
				    .kmem = kmem,
				    .root = SP_ROOT_ONLINE,
				    .max_stall = 1000 };
	struct machine *m;

	if (sp_machine_create(&config, &m))
		abort();
	return m;
}

/* A cache of n objects, whose scan frees what is asked. */
struct cache {
	long n;
	unsigned long counts, scans;
	unsigned long empty; /* what count says for none */
	/* Called from inside count, when set. */
	void (*inside)(struct shrinker *s, struct shrink_control *sc,
		       struct cache *c);
	void *data;
};

static inline unsigned long cache_count(struct shrinker *s,
					struct shrink_control *sc)
{
	struct cache *c = sp_shrinker_private(s);

	c->counts++;
	if (c->inside)
		c->inside(s, sc, c);
	return c->n ? (unsigned long)c->n : c->empty;
}

static inline unsigned long cache_scan(struct shrinker *s,
				       struct shrink_control *sc)
{
	struct cache *c = sp_shrinker_private(s);
	long n = (long)sc->nr_to_scan;

	c->scans++;
	if (n > c->n)
		n = c->n;
	c->n -= n;
	return (unsigned long)n;
}

static inline struct shrinker *add_cache(struct machine *m, unsigned int flags,
					 const char *name, struct cache *c)
{
	struct shrinker *s;

	if (sp_shrinker_alloc(m, flags, name, &s))
		return NULL;
	sp_shrinker_set_callbacks(s, cache_count, cache_scan);
	sp_shrinker_set_private(s, c);
	if (sp_shrinker_register(s, NULL))
		abort();
	return s;
}

static inline struct mem_cgroup *add_memcg(struct machine *m,
					   struct mem_cgroup *parent)
{
	struct mem_cgroup *memcg;

	if (sp_memcg_create(m, parent, 0, &memcg) || sp_memcg_online(memcg))
		abort();
	return memcg;
}

#endif
