// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree's mm/shrinker.c, unmodified, with eyes and hands inside it: its
 * statics are this file's.
 */
#include <linux/memcontrol.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include "tree.h"
#include "tree_env.h"

/* ---- what is asked on the way in ---------------------------------------- */

/*
 * What is poisoned gives no handle: whoever follows that stops here, in the
 * tree's code, where it is an oops.
 */
static void *handle_of(const struct shrinker *shrinker)
{
	void *handle = shrinker->private_data;

	if (handle)
		(void)READ_ONCE(*(char *)handle);
	return handle;
}

/* A reference of a pass: the core knows who holds one, so that nobody waits for what never comes. */
static bool try_get(struct shrinker *shrinker)
{
	void *handle = handle_of(shrinker);

	if (!handle) /* its alloc is not done yet: it gives none */
		return shrinker_try_get(shrinker);
	if (!seam_hold(handle))
		return false;
	if (shrinker_try_get(shrinker))
		return true;
	seam_drop(handle);
	return false;
}

static void put(struct shrinker *shrinker)
{
	void *handle = handle_of(shrinker);

	shrinker_put(shrinker);
	if (!seam_locked()) /* the one of register is no pass's */
		seam_drop(handle);
}

static int alloc_id(struct idr *idr, void *p, int start, int end, gfp_t gfp)
{
	if (!seam_attempt(SP_SITE_IDR))
		return -ENOMEM;
	return idr_alloc(idr, p, start, end, gfp);
}

/* shrinker_alloc() takes the struct first, and nr_deferred in the same way. */
static __thread bool first_is_shrinker;

static void *kmalloc_site(size_t size, gfp_t flags, int node)
{
	int site = node != NUMA_NO_NODE ? SP_SITE_UNIT : SP_SITE_NR_DEFERRED;

	if (first_is_shrinker)
		site = SP_SITE_SHRINKER;
	first_is_shrinker = false;
	return seam_alloc(site, node, size, flags & __GFP_ZERO);
}

#define kernel_kmalloc(size, flags, node, where) kmalloc_site(size, flags, node)
#define kernel_kvmalloc(n, size, flags, node, where)                           \
	seam_alloc(SP_SITE_INFO, node, (n) * (size), (flags) & __GFP_ZERO)
#define shrinker_try_get try_get
#define shrinker_put put
#define idr_alloc alloc_id
#undef count_vm_events
#define count_vm_events(item, n) seam_scanned(n)

#include TREE_FILE

/* ---- a shrinker's life -------------------------------------------------- */

static unsigned long call(struct shrinker *shrinker, struct shrink_control *sc,
			  unsigned long (*fn)(void *handle,
					      struct seam_control *sc))
{
	struct mem_cgroup *memcg = sc->memcg;
	struct seam_control control = {
		.gfp_mask = sc->gfp_mask,
		.nid = sc->nid,
		.nr_to_scan = sc->nr_to_scan,
		.nr_scanned = sc->nr_scanned,
		.memcg = memcg,
	};
	unsigned long ret = fn(handle_of(shrinker), &control);

	/* What a callback writes there is what the kernel reads. */
	sc->gfp_mask = control.gfp_mask;
	sc->nid = control.nid;
	sc->nr_to_scan = control.nr_to_scan;
	sc->nr_scanned = control.nr_scanned;
	sc->memcg = control.memcg;
	return ret;
}

static unsigned long count(struct shrinker *shrinker, struct shrink_control *sc)
{
	return call(shrinker, sc, seam_count);
}

static unsigned long scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	return call(shrinker, sc, seam_scan);
}

void *tree_shrinker_alloc(unsigned int flags, const char *name, void *handle)
{
	struct shrinker *shrinker;

	first_is_shrinker = true;
	shrinker = shrinker_alloc(flags, "%s", name);
	first_is_shrinker = false;
	if (shrinker)
		shrinker->private_data = handle;
	return shrinker;
}

void tree_shrinker_register(void *twin)
{
	shrinker_register(twin);
}

void tree_shrinker_free(void *twin)
{
	shrinker_free(twin);
}

#undef shrinker_try_get
#undef shrinker_put
bool tree_shrinker_get(void *twin)
{
	return shrinker_try_get(twin);
}

void tree_shrinker_put(void *twin)
{
	shrinker_put(twin);
}

static bool is_listed(const struct shrinker *shrinker)
{
	/* Zeros before it was, poison after. */
	return shrinker->list.prev && shrinker->list.prev != LIST_POISON2 &&
	       shrinker->list.prev->next == &shrinker->list;
}

void tree_shrinker_read(void *twin, struct tree_shrinker *out)
{
	const struct shrinker *shrinker = twin;

	*out = (struct tree_shrinker){
		.flags = shrinker->flags,
		.seeks = shrinker->seeks,
		.batch = shrinker->batch,
		.id = shrinker->id,
		.refcount = (int)refcount_read(&shrinker->refcount),
		.listed = is_listed(shrinker),
		.nr_deferred = (long *)shrinker->nr_deferred,
		.name = shrinker->name,
		.dentry = shrinker->debugfs_entry,
		.debugfs_id = shrinker->debugfs_id,
	};
}

void tree_shrinker_set_flags(void *twin, unsigned int flags)
{
	((struct shrinker *)twin)->flags = flags;
}

void tree_shrinker_set(void *twin, int seeks, long batch)
{
	struct shrinker *shrinker = twin;

	/* Passes may be reading them. */
	WRITE_ONCE(shrinker->seeks, seeks);
	WRITE_ONCE(shrinker->batch, batch);
}

void tree_shrinker_set_callbacks(void *twin, bool has_count, bool has_scan)
{
	struct shrinker *shrinker = twin;

	shrinker->count_objects = has_count ? count : NULL;
	shrinker->scan_objects = has_scan ? scan : NULL;
}

void tree_shrinker_set_references(void *twin, long references)
{
	struct shrinker *shrinker = twin;

	refcount_set(&shrinker->refcount, (int)references);
	reinit_completion(&shrinker->done);
}

size_t tree_list(void **handles, size_t max)
{
	const struct shrinker *shrinker;
	size_t n = 0;

	list_for_each_entry(shrinker, &shrinker_list, list)
	{
		if (n < max)
			handles[n] = shrinker->private_data;
		n++;
	}
	return n;
}

int tree_nr_max(void)
{
	return shrinker_nr_max;
}

unsigned long tree_shrink_slab(unsigned int gfp_mask, int nid, void *memcg,
			       int priority)
{
	return shrink_slab(gfp_mask, nid, memcg, priority);
}

/* ---- what a cgroup knows of shrinkers ----------------------------------- */

void *tree_memcg_new(void *handle, void *parent)
{
	struct mem_cgroup *memcg;
	size_t nodes = nr_node_ids;
	int nid;

	memcg = seam_alloc(SEAM_PLAIN, NUMA_NO_NODE,
			   struct_size(memcg, nodeinfo, nodes) +
				   nodes * sizeof(*memcg->nodeinfo[0]),
			   true);
	if (!memcg)
		return NULL;
	for_each_node(nid) memcg->nodeinfo[nid] =
		(struct mem_cgroup_per_node *)&memcg->nodeinfo[nodes] + nid;
	memcg->handle = handle;
	memcg->parent = parent;
	memcg->kmemcg_id = memcg->first_kmemcg_id = -1;
	memcg->css.cgroup = &memcg->cgroup;
	memcg->cgroup.level = parent ? memcg->parent->cgroup.level + 1 : 0;
	if (!parent)
		root_mem_cgroup = memcg;
	return memcg;
}

void tree_memcg_has_items(void *twin)
{
	struct mem_cgroup *memcg = twin;
	static int last_id;

	memcg->kmemcg_id = memcg->first_kmemcg_id = ++last_id;
}

void tree_memcg_keep_items(void *twin)
{
	struct cgroup_subsys_state *css;

	struct mem_cgroup *top = twin;

	top->css.dying = false;
	css_for_each_descendant_pre(css, &top->css)
	{
		struct mem_cgroup *memcg = mem_cgroup_from_css(css);

		/* Those that went before had theirs from it. */
		if (css->dying)
			memcg = top;
		WRITE_ONCE(mem_cgroup_from_css(css)->kmemcg_id,
			   memcg->first_kmemcg_id);
	}
}

void tree_memcg_delete(void *twin)
{
	seam_free(twin);
}

void *tree_memcg_handle(void *twin)
{
	return twin ? ((struct mem_cgroup *)twin)->handle : NULL;
}

int tree_memcg_online(void *twin)
{
	return alloc_shrinker_info(twin);
}

void tree_memcg_offline(void *twin)
{
	reparent_shrinker_deferred(twin);
}

void tree_memcg_release(void *twin)
{
	free_shrinker_info(twin);
	if (twin == root_mem_cgroup)
		root_mem_cgroup = NULL;
}

static struct shrinker_info *info_of(struct mem_cgroup *memcg, int nid)
{
	return rcu_access_pointer(memcg->nodeinfo[nid]->shrinker_info);
}

int tree_map_nr_max(void *twin, int nid)
{
	const struct shrinker_info *info = info_of(twin, nid);

	/* One that was freed says anything. */
	return info && info->map_nr_max <= shrinker_nr_max + (1 << 16) ?
		       info->map_nr_max :
		       -1;
}

static struct shrinker_info_unit *unit_of(void *twin, int nid, int id)
{
	struct shrinker_info *info = info_of(twin, nid);

	if (!info || id < 0 || id >= info->map_nr_max)
		return NULL;
	return info->unit[id / SHRINKER_UNIT_BITS];
}

bool tree_bit(void *twin, int nid, int id)
{
	const struct shrinker_info_unit *unit = unit_of(twin, nid, id);

	return unit && test_bit(id % SHRINKER_UNIT_BITS, unit->map);
}

bool tree_deferred(void *twin, int nid, int id, long *value)
{
	struct shrinker_info_unit *unit = unit_of(twin, nid, id);

	if (unit)
		*value = atomic_long_read(
			&unit->nr_deferred[id % SHRINKER_UNIT_BITS]);
	return unit;
}

bool tree_set_deferred(void *twin, int nid, int id, long value)
{
	struct shrinker_info_unit *unit = unit_of(twin, nid, id);

	if (unit)
		atomic_long_set(&unit->nr_deferred[id % SHRINKER_UNIT_BITS],
				value);
	return unit;
}

void tree_set_bit(void *twin, int nid, int id)
{
	set_shrinker_bit(twin, nid, id);
}
