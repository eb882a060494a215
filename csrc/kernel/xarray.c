// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XArray as a radix tree of nodes with 64 slots. Every node knows which of
 * its slots are full (an entry, or a node that has no free index below) and
 * under which there are marks. Readers walk it without a lock: what a writer
 * takes away is freed after a grace period.
 */
#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/xarray.h>

enum { SHIFT = 6, SLOTS = 1 << SHIFT };

struct xa_node {
	unsigned int shift;  /* how far an index is shifted for this one */
	unsigned int offset; /* in the parent */
	unsigned int count;  /* slots in use */
	struct xa_node *parent;
	unsigned long full;
	unsigned long marks[XA_MAX_MARKS];
	struct rcu_head rcu;
	void *slots[SLOTS];
};

static void *error(int err)
{
	return xa_mk_internal((unsigned long)(long)err);
}

static void *seen_as(void *entry)
{
	return xa_is_zero(entry) ? NULL : entry;
}

static unsigned int offset_in(const struct xa_node *n, unsigned long index)
{
	return index >> n->shift & (SLOTS - 1);
}

/* The last index that a tree with this one on top can have. */
static unsigned long last_of(const struct xa_node *n)
{
	return n->shift + SHIFT >= BITS_PER_LONG ?
		       ULONG_MAX :
		       (1UL << (n->shift + SHIFT)) - 1;
}

static struct xa_node *leaf_of(const struct xarray *xa, unsigned long index)
{
	struct xa_node *n = smp_load_acquire(&xa->xa_head);

	if (!n || index > last_of(n))
		return NULL;
	while (n && n->shift)
		n = smp_load_acquire(&n->slots[offset_in(n, index)]);
	return n;
}

static void **slot_of(const struct xarray *xa, unsigned long index)
{
	struct xa_node *leaf = leaf_of(xa, index);

	return leaf ? &leaf->slots[offset_in(leaf, index)] : NULL;
}

static void *entry_at(const struct xarray *xa, unsigned long index)
{
	void **slot = slot_of(xa, index);

	return slot ? smp_load_acquire(slot) : NULL;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	void *entry;

	rcu_read_lock();
	entry = seen_as(entry_at(xa, index));
	rcu_read_unlock();
	return entry;
}

bool kernel_xa_in_use(const struct xarray *xa, unsigned long index)
{
	return entry_at(xa, index);
}

/* ---- writers ----------------------------------------------------------- */

static void free_node(struct rcu_head *head)
{
	kfree(container_of(head, struct xa_node, rcu));
}

static void set_full(struct xa_node *n, unsigned int offset)
{
	for (; n; offset = n->offset, n = n->parent) {
		WRITE_ONCE(n->full, n->full | BIT(offset));
		if (n->full != ~0UL)
			break;
	}
}

static void clear_full(struct xa_node *n, unsigned int offset)
{
	for (; n; offset = n->offset, n = n->parent)
		WRITE_ONCE(n->full, n->full & ~BIT(offset));
}

static void set_mark(struct xa_node *n, unsigned int offset, xa_mark_t mark)
{
	for (; n; offset = n->offset, n = n->parent)
		WRITE_ONCE(n->marks[mark], n->marks[mark] | BIT(offset));
}

static void clear_mark(struct xa_node *n, unsigned int offset, xa_mark_t mark)
{
	for (; n; offset = n->offset, n = n->parent) {
		WRITE_ONCE(n->marks[mark], n->marks[mark] & ~BIT(offset));
		if (n->marks[mark])
			break;
	}
}

/* An empty node goes, and what it leaves empty above it. */
static void take_away(struct xarray *xa, struct xa_node *n)
{
	while (n && !n->count) {
		struct xa_node *parent = n->parent;

		if (parent) {
			WRITE_ONCE(parent->slots[n->offset], NULL);
			parent->count--;
		} else {
			WRITE_ONCE(xa->xa_head, NULL);
		}
		call_rcu(&n->rcu, free_node);
		n = parent;
	}
}

/* n as the child of parent, or on top. */
static void hang(struct xarray *xa, struct xa_node *n, struct xa_node *parent,
		 unsigned int offset)
{
	n->parent = parent;
	n->offset = offset;
	if (!parent) {
		smp_store_release(&xa->xa_head, n);
		return;
	}
	smp_store_release(&parent->slots[offset], n);
	parent->count++;
}

/* One more level above the top one. */
static void grow(struct xarray *xa, struct xa_node *n)
{
	struct xa_node *top = xa->xa_head;
	unsigned int mark;

	n->shift = top->shift + SHIFT;
	n->slots[0] = top;
	n->count = 1;
	n->full = top->full == ~0UL;
	for (mark = 0; mark < XA_MAX_MARKS; mark++)
		n->marks[mark] = top->marks[mark] != 0;
	hang(xa, n, NULL, 0);
	top->parent = n;
}

/*
 * The leaf for index, made of *spare as far as that goes (a node is used up,
 * and *spare NULL). NULL: another node is wanted.
 */
static struct xa_node *make_leaf(struct xarray *xa, unsigned long index,
				 struct xa_node **spare)
{
	for (;;) {
		struct xa_node *n = xa->xa_head, *parent = NULL;
		unsigned int offset = 0, shift = 0;

		if (n && index > last_of(n)) {
			if (!*spare)
				return NULL;
			grow(xa, *spare);
			*spare = NULL;
			continue;
		}
		if (!n)
			while (shift + SHIFT < BITS_PER_LONG &&
			       index >> (shift + SHIFT))
				shift += SHIFT;
		while (n && n->shift) {
			parent = n;
			offset = offset_in(n, index);
			shift = n->shift - SHIFT;
			n = n->slots[offset];
		}
		if (n)
			return n;
		if (!*spare)
			return NULL;
		(*spare)->shift = shift;
		hang(xa, *spare, parent, offset);
		*spare = NULL;
	}
}

/*
 * Where gfp lets it sleep, the lock is given up meanwhile: all may be otherwise
 * afterwards. How it was taken does not matter, there are no interrupts.
 */
static struct xa_node *get_node(struct xarray *xa, gfp_t gfp)
{
	struct xa_node *n;

	if (gfp & __GFP_DIRECT_RECLAIM)
		xa_unlock(xa);
	n = kzalloc(sizeof(*n), gfp);
	if (gfp & __GFP_DIRECT_RECLAIM)
		xa_lock(xa);
	return n;
}

static void put(struct xarray *xa, struct xa_node *leaf, unsigned long index,
		void *entry)
{
	unsigned int offset = offset_in(leaf, index), mark;
	bool had = leaf->slots[offset];

	smp_store_release(&leaf->slots[offset], entry);
	if (entry && !had) {
		leaf->count++;
		set_full(leaf, offset);
	} else if (!entry && had) {
		for (mark = 0; mark < XA_MAX_MARKS; mark++)
			clear_mark(leaf, offset, mark);
		leaf->count--;
		clear_full(leaf, offset);
		take_away(xa, leaf);
	}
}

/* A path that was begun, and is not going to be used. */
static void give_up(struct xarray *xa, unsigned long index)
{
	struct xa_node *n = xa->xa_head;

	while (n && n->shift && index <= last_of(n) &&
	       n->slots[offset_in(n, index)])
		n = n->slots[offset_in(n, index)];
	take_away(xa, n);
}

/* Asked again, each time the lock has been given up: may it be stored? */
typedef bool (*may_fn)(void *there, const void *data);

static void *store_if(struct xarray *xa, unsigned long index, void *entry,
		      gfp_t gfp, may_fn may, const void *data)
{
	struct xa_node *spare = NULL, *leaf;
	void *there;

	if (WARN_ON_ONCE(xa_is_internal(entry) && !xa_is_zero(entry)))
		return error(-EINVAL);
	for (;;) {
		there = entry_at(xa, index);
		if (!may(there, data) || (!there && !entry)) {
			give_up(xa, index);
			break;
		}
		leaf = make_leaf(xa, index, &spare);
		if (leaf) {
			put(xa, leaf, index, entry);
			break;
		}
		spare = get_node(xa, gfp);
		if (!spare) {
			give_up(xa, index);
			return error(-ENOMEM);
		}
	}
	kfree(spare);
	return there;
}

static bool always(void *there, const void *data)
{
	return (void)there, (void)data, true;
}

static bool if_same(void *there, const void *data)
{
	return there == data;
}

void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	if (xa->xa_flags & XA_FLAGS_TRACK_FREE && !entry)
		entry = XA_ZERO_ENTRY;
	return seen_as(store_if(xa, index, entry, gfp, always, NULL));
}

void *__xa_erase(struct xarray *xa, unsigned long index)
{
	return seen_as(store_if(xa, index, NULL, 0, always, NULL));
}

void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old,
		   void *entry, gfp_t gfp)
{
	return seen_as(store_if(xa, index, entry, gfp, if_same, old));
}

int __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void *there =
		store_if(xa, index, entry ?: XA_ZERO_ENTRY, gfp, if_same, NULL);

	return xa_is_err(there) ? xa_err(there) : there ? -EBUSY : 0;
}

/* The first free index from `from` on; false: none up to max. */
static bool find_free(const struct xarray *xa, unsigned long from,
		      unsigned long max, unsigned long *out)
{
	while (from <= max) {
		struct xa_node *n = xa->xa_head;
		unsigned long past;

		if (!n || from > last_of(n))
			break;
		for (;;) {
			unsigned int at = offset_in(n, from);
			unsigned long free = ~n->full & (~0UL << at);

			if (!free) {
				past = from | last_of(n);
				if (past >= max)
					return false;
				from = past + 1;
				break;
			}
			if (__ffs(free) != at) {
				at = (unsigned int)__ffs(free);
				from = (from & ~last_of(n)) |
				       (unsigned long)at << n->shift;
			}
			if (!n->shift || !n->slots[at])
				goto out;
			n = n->slots[at];
		}
	}
out:
	*out = from;
	return from <= max;
}

int __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit,
	       gfp_t gfp)
{
	unsigned long index, from = limit.min;
	int err;

	if (WARN_ON_ONCE(!(xa->xa_flags & XA_FLAGS_TRACK_FREE)))
		return -EINVAL;
	if (xa->xa_flags & XA_FLAGS_ZERO_BUSY && !from)
		from = 1;
	do {
		if (!find_free(xa, from, limit.max, &index))
			return -EBUSY;
		*id = (u32)index;
		err = __xa_insert(xa, index, entry, gfp);
		/* -EBUSY: somebody came while the lock was given up. */
	} while (err == -EBUSY);
	return err;
}

int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		      struct xa_limit limit, u32 *next, gfp_t gfp)
{
	struct xa_limit first = limit;
	int err, wrapped = 0;

	if (first.min < *next)
		first.min = *next;
	err = first.min > first.max ? -EBUSY :
				      __xa_alloc(xa, id, entry, first, gfp);
	if (err == -EBUSY && first.min > limit.min) {
		err = __xa_alloc(xa, id, entry, limit, gfp);
		wrapped = 1;
	}
	if (err)
		return err;
	*next = *id + 1;
	return wrapped || !*next;
}

void xa_destroy(struct xarray *xa)
{
	struct xa_node *n, *parent;

	xa_lock(xa);
	n = xa->xa_head;
	WRITE_ONCE(xa->xa_head, NULL);
	while (n) {
		/* Down by the first child there is; up when there is none. */
		unsigned int at = 0;

		while (n->shift && at < SLOTS && !n->slots[at])
			at++;
		if (n->shift && at < SLOTS) {
			struct xa_node *below = n->slots[at];

			WRITE_ONCE(n->slots[at], NULL);
			n = below;
			continue;
		}
		parent = n->parent;
		call_rcu(&n->rcu, free_node);
		n = parent;
	}
	xa_unlock(xa);
}

/* ---- marks ------------------------------------------------------------- */

void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *leaf = leaf_of(xa, index);

	if (leaf && leaf->slots[offset_in(leaf, index)])
		set_mark(leaf, offset_in(leaf, index), mark);
}

void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *leaf = leaf_of(xa, index);

	if (leaf)
		clear_mark(leaf, offset_in(leaf, index), mark);
}

void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	xa_lock(xa);
	__xa_set_mark(xa, index, mark);
	xa_unlock(xa);
}

void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	xa_lock(xa);
	__xa_clear_mark(xa, index, mark);
	xa_unlock(xa);
}

bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *leaf;
	bool is;

	rcu_read_lock();
	leaf = leaf_of(xa, index);
	is = leaf && READ_ONCE(leaf->marks[mark]) & BIT(offset_in(leaf, index));
	rcu_read_unlock();
	return is;
}

bool xa_marked(const struct xarray *xa, xa_mark_t mark)
{
	struct xa_node *top;
	bool is;

	rcu_read_lock();
	top = smp_load_acquire(&xa->xa_head);
	is = top && READ_ONCE(top->marks[mark]);
	rcu_read_unlock();
	return is;
}

/* ---- searches ---------------------------------------------------------- */

/* Which slots of n, from `at` on, are worth a look. */
static unsigned long candidates(const struct xa_node *n, xa_mark_t filter,
				unsigned int at)
{
	unsigned long bits = 0;
	unsigned int i;

	if (filter < XA_MAX_MARKS)
		return READ_ONCE(n->marks[filter]) & (~0UL << at);
	for (i = at; i < SLOTS && !bits; i++)
		if (READ_ONCE(n->slots[i]))
			bits = BIT(i);
	return bits;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      xa_mark_t filter)
{
	unsigned long from = *index;
	void *entry = NULL;

	rcu_read_lock();
	while (from <= max) {
		struct xa_node *n = smp_load_acquire(&xa->xa_head);
		unsigned long past;

		if (!n || from > last_of(n))
			break;
		for (;;) {
			unsigned int at = offset_in(n, from);
			unsigned long bits = candidates(n, filter, at);

			if (!bits)
				break;
			if (__ffs(bits) != at) {
				at = (unsigned int)__ffs(bits);
				from = (from & ~last_of(n)) |
				       (unsigned long)at << n->shift;
			}
			entry = smp_load_acquire(&n->slots[at]);
			if (!n->shift) {
				entry = seen_as(entry);
				past = from;
				goto look;
			}
			if (!entry) {
				past = from | ((1UL << n->shift) - 1);
				goto look;
			}
			n = entry;
			entry = NULL;
		}
		past = from | last_of(n);
	look:
		if (entry && from <= max) {
			*index = from;
			break;
		}
		entry = NULL;
		if (past >= max)
			break;
		from = past + 1;
	}
	rcu_read_unlock();
	return entry;
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max,
		    xa_mark_t filter)
{
	unsigned long from = *index + 1;
	void *entry;

	if (!from)
		return NULL;
	entry = xa_find(xa, &from, max, filter);
	if (entry)
		*index = from;
	return entry;
}

unsigned int xa_extract(struct xarray *xa, void **out, unsigned long start,
			unsigned long max, unsigned int n, xa_mark_t filter)
{
	unsigned int got = 0;
	void *entry;

	if (!n)
		return 0;
	for (entry = xa_find(xa, &start, max, filter); entry;
	     entry = xa_find_after(xa, &start, max, filter)) {
		out[got++] = entry;
		if (got == n)
			break;
	}
	return got;
}
