// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mounted filesystem keeps of names and files that nobody uses: the
 * shrinker that fs/super.c has for each superblock, over two list_lrus.
 *
 * A dentry holds its inode. So dentries go first, and the inodes that this
 * leaves without a user follow from their own LRU. Both are charged to the
 * cgroup, and lie on the node, of the task that first used them.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list_lru.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

/* A dentry or an inode. On the LRU while it has no users. */
struct cached {
	struct list_head lru;
	struct cache *cache;
	unsigned long nr;
	unsigned int users;
	bool referenced;      /* used again since the LRU last saw it */
	struct cached *inode; /* of a dentry */
};

/* Lock order: the xarray's, which is that of users and referenced; the LRU's. */
struct cache {
	struct xarray by_nr;
	struct list_lru lru;
	struct kmem_cache *slab;
};

struct superblock {
	struct rw_semaphore umount;
	struct cache dentries, inodes;
	struct shrinker *shrinker;
};

static struct kmem_cache *dentry_slab, *inode_slab;
static unsigned int vfs_cache_pressure = 100;

static void cached_put(struct cached *c)
{
	struct cache *cache = c->cache;

	xa_lock(&cache->by_nr);
	if (!--c->users)
		WARN_ON(!list_lru_add_obj(&cache->lru, &c->lru));
	xa_unlock(&cache->by_nr);
}

/* Off the LRU if it is there, with one user more; or NULL. */
static struct cached *cached_find(struct cache *cache, unsigned long nr)
{
	struct cached *c;

	xa_lock(&cache->by_nr);
	c = xa_load(&cache->by_nr, nr);
	if (c) {
		if (!c->users++)
			list_lru_del_obj(&cache->lru, &c->lru);
		c->referenced = true;
	}
	xa_unlock(&cache->by_nr);
	return c;
}

/* Takes over the use of the inode, but not when it fails. */
static struct cached *cached_get(struct cache *cache, unsigned long nr,
				 struct cached *inode)
{
	struct cached *c, *made;
	int err;

	for (;;) {
		c = cached_find(cache, nr);
		if (c) {
			if (inode)
				cached_put(inode);
			return c;
		}
		made = kmem_cache_alloc_lru(cache->slab, &cache->lru,
					    GFP_KERNEL);
		if (!made)
			return NULL;
		INIT_LIST_HEAD(&made->lru);
		made->cache = cache;
		made->nr = nr;
		made->users = 1;
		made->referenced = false;
		made->inode = inode;
		err = xa_insert(&cache->by_nr, nr, made, GFP_KERNEL);
		if (!err)
			return made;
		kmem_cache_free(cache->slab, made);
		if (err != -EBUSY) /* else somebody was quicker */
			return NULL;
	}
}

/* ---- the shrinker ------------------------------------------------------ */

static enum lru_status cached_isolate(struct list_head *item,
				      struct list_lru_one *list,
				      spinlock_t *lock, void *arg)
{
	struct cached *c = container_of(item, struct cached, lru);
	struct list_head *dispose = arg;

	if (!xa_trylock(&c->cache->by_nr))
		return LRU_SKIP;
	if (c->referenced) {
		c->referenced = false;
		xa_unlock(&c->cache->by_nr);
		return LRU_ROTATE;
	}
	__xa_erase(&c->cache->by_nr, c->nr);
	list_lru_isolate_move(list, item, dispose);
	xa_unlock(&c->cache->by_nr);
	return LRU_REMOVED;
}

static void cached_dispose(struct list_head *dispose)
{
	struct cached *c, *next;

	list_for_each_entry_safe (c, next, dispose, lru) {
		if (c->inode)
			cached_put(c->inode);
		kmem_cache_free(c->cache->slab, c);
	}
}

static unsigned long cache_prune(struct cache *cache, struct shrink_control *sc)
{
	LIST_HEAD(dispose);
	unsigned long freed;

	freed = list_lru_shrink_walk(&cache->lru, sc, cached_isolate, &dispose);
	cached_dispose(&dispose);
	return freed;
}

static unsigned long sb_count(struct shrinker *shrinker,
			      struct shrink_control *sc)
{
	struct superblock *sb = shrinker->private_data;
	unsigned long n;

	n = list_lru_shrink_count(&sb->dentries.lru, sc) +
	    list_lru_shrink_count(&sb->inodes.lru, sc);
	return n ? mult_frac(n, vfs_cache_pressure, 100) : SHRINK_EMPTY;
}

static unsigned long sb_scan(struct shrinker *shrinker,
			     struct shrink_control *sc)
{
	struct superblock *sb = shrinker->private_data;
	unsigned long dentries, inodes, total, freed;

	/* Who reclaims may be in a filesystem, and hold its locks. */
	if (!(sc->gfp_mask & __GFP_FS))
		return SHRINK_STOP;
	if (!down_read_trylock(&sb->umount))
		return SHRINK_STOP;

	dentries = list_lru_shrink_count(&sb->dentries.lru, sc);
	inodes = list_lru_shrink_count(&sb->inodes.lru, sc);
	total = dentries + inodes + 1;
	dentries = mult_frac(sc->nr_to_scan, dentries, total);
	inodes = mult_frac(sc->nr_to_scan, inodes, total);

	/* One more of each, or the last ones would never go. */
	sc->nr_to_scan = dentries + 1;
	freed = cache_prune(&sb->dentries, sc);
	sc->nr_to_scan = inodes + 1;
	freed += cache_prune(&sb->inodes, sc);

	up_read(&sb->umount);
	return freed;
}

/* ---- what the filesystem is used for ----------------------------------- */

/* By the file's number, which is its name as well: 0, or -ENOMEM. */
int sb_open(struct superblock *sb, unsigned long nr)
{
	struct cached *inode = cached_get(&sb->inodes, nr, NULL);

	if (!inode)
		return -ENOMEM;
	if (!cached_get(&sb->dentries, nr, inode)) {
		cached_put(inode);
		return -ENOMEM;
	}
	return 0;
}

/* After sb_open() of the same. */
void sb_close(struct superblock *sb, unsigned long nr)
{
	cached_put(xa_load(&sb->dentries.by_nr, nr));
}

/* Is it still there, used or not? */
bool sb_has_dentry(struct superblock *sb, unsigned long nr)
{
	return xa_load(&sb->dentries.by_nr, nr);
}

bool sb_has_inode(struct superblock *sb, unsigned long nr)
{
	return xa_load(&sb->inodes.by_nr, nr);
}

static int cache_init(struct cache *cache, struct kmem_cache *slab,
		      struct shrinker *shrinker)
{
	xa_init(&cache->by_nr);
	cache->slab = slab;
	return list_lru_init_memcg(&cache->lru, shrinker);
}

static void cache_exit(struct cache *cache)
{
	struct cached *c;
	unsigned long nr;

	xa_for_each (&cache->by_nr, nr, c) {
		list_lru_del_obj(&cache->lru, &c->lru);
		kmem_cache_free(cache->slab, c);
	}
	xa_destroy(&cache->by_nr);
	list_lru_destroy(&cache->lru);
}

struct superblock *sb_mount(void)
{
	struct superblock *sb = kzalloc(sizeof(*sb), GFP_KERNEL);

	if (!sb)
		return NULL;
	init_rwsem(&sb->umount);
	sb->shrinker = shrinker_alloc(
		SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE, "sb-example");
	if (!sb->shrinker)
		goto free_sb;
	if (cache_init(&sb->dentries, dentry_slab, sb->shrinker))
		goto free_shrinker;
	if (cache_init(&sb->inodes, inode_slab, sb->shrinker))
		goto exit_dentries;
	sb->shrinker->count_objects = sb_count;
	sb->shrinker->scan_objects = sb_scan;
	sb->shrinker->batch = 1024;
	sb->shrinker->private_data = sb;
	shrinker_register(sb->shrinker);
	return sb;

exit_dentries:
	cache_exit(&sb->dentries);
free_shrinker:
	shrinker_free(sb->shrinker);
free_sb:
	kfree(sb);
	return NULL;
}

/* With whatever is still cached, and in use; nobody opens or closes any more. */
void sb_umount(struct superblock *sb)
{
	down_write(&sb->umount);
	shrinker_free(sb->shrinker);
	cache_exit(&sb->dentries);
	cache_exit(&sb->inodes);
	up_write(&sb->umount);
	kfree(sb);
}

/* ---- for `shrinkpy run` ------------------------------------------------ */

/* A filesystem of which every eighth file stays open. */
static struct superblock_run {
	struct superblock *sb;
	unsigned long nr; /* files */
	struct superblock_run *next;
} *runs;

void shrinkpy_fill(unsigned long bytes)
{
	const unsigned long n = bytes / (2 * sizeof(struct cached));
	struct superblock_run *run = kzalloc(sizeof(*run), GFP_KERNEL);

	if (!run)
		return;
	run->sb = sb_mount();
	if (!run->sb) {
		kfree(run);
		return;
	}
	run->next = runs;
	runs = run;
	for (; run->nr < n && !sb_open(run->sb, run->nr); run->nr++) {
		if (run->nr % 8)
			sb_close(run->sb, run->nr);
	}
}

int shrinkpy_verify(void)
{
	struct superblock_run *run;
	unsigned long nr;

	for (run = runs; run; run = run->next) {
		for (nr = 0; nr < run->nr; nr += 8) {
			if (!sb_has_dentry(run->sb, nr) ||
			    !sb_has_inode(run->sb, nr))
				return -EIO;
		}
	}
	return 0;
}

void shrinkpy_close(void)
{
	struct superblock_run *run;

	while ((run = runs)) {
		runs = run->next;
		sb_umount(run->sb);
		kfree(run);
	}
}

static int __init superblock_init(void)
{
	const slab_flags_t flags = SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT;

	dentry_slab = kmem_cache_create("example_dentry", sizeof(struct cached),
					0, flags, NULL);
	if (!dentry_slab)
		return -ENOMEM;
	inode_slab = kmem_cache_create("example_inode", sizeof(struct cached),
				       0, flags, NULL);
	if (!inode_slab) {
		kmem_cache_destroy(dentry_slab);
		return -ENOMEM;
	}
	return 0;
}

static void __exit superblock_exit(void)
{
	kmem_cache_destroy(inode_slab);
	kmem_cache_destroy(dentry_slab);
}

module_init(superblock_init);
module_exit(superblock_exit);
MODULE_DESCRIPTION("Dentries and inodes without users, by node and cgroup");
MODULE_LICENSE("GPL");
