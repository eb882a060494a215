/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's own structures, and who may touch what.
 *
 * Readers are passes: they take no lock and write only to their reclaimer.
 * Writers are everything else: they hold machine->lock. What both see is
 * atomic (READ_ONCE and friends below), and what a writer takes away waits in
 * limbo until no pass is left that could still be standing on it.
 */
#ifndef SP_INTERNAL_H
#define SP_INTERNAL_H

#if !defined(__linux__)
#error "shrinkpy works on Linux only: membarrier(2), and the kernel's own types"
#elif !defined(__LP64__)
#error "shrinkpy works with 64 bits only: unsigned long is the kernel's word"
#endif

#include <pthread.h>
#include <stdatomic.h>

#include <shrinkpy/alloc.h>
#include <shrinkpy/code.h>
#include <shrinkpy/core.h>
#include <shrinkpy/introspect.h>
#include <shrinkpy/lock.h>
#include <shrinkpy/reclaim.h>

#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE_RELEASE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
#define ADD_RELAXED(x, v) __atomic_fetch_add(&(x), (v), __ATOMIC_RELAXED)
#define XCHG(x, v) __atomic_exchange_n(&(x), (v), __ATOMIC_SEQ_CST)

#define container_of(ptr, type, member)                                        \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline, cold))

enum {
	SP_CACHELINE = 64,
	SP_DIRNAME = 128,
	SP_KEPT_WARNINGS = 32,
	SP_KEPT_PLACES = 16,
	SP_LRU_PARTS = 24, /* of 8, 16, 32 … list_lrus */
};

struct thread;

struct list_node {
	struct list_node *next, *prev;
};

/* Something unlinked that a pass may still be looking at. */
struct limbo {
	struct limbo *next;
	unsigned long stamp;
	void (*free)(struct machine *m, struct limbo *l);
};

struct shrinker {
	/* struct sp_shrinker_head: a driver in C reads and writes these. */
	sp_shrink_fn count_objects;
	sp_shrink_fn scan_objects;
	long batch;
	int seeks;
	unsigned int flags;
	void *private_data;
	/* What passes call; with those above, one cache line. */
	sp_shrink_fn count;
	sp_shrink_fn scan;
	struct list_node list; /* shrinker_list; keeps next when unlinked */
	/*
	 * A pass may take a reference: published, and not being freed.
	 * Cleared by the free before it looks for slots.
	 */
	bool callable;
	int id;

	long *nr_deferred; /* own counts, NULL when memcg-aware */
	struct machine *machine;
	unsigned long leaked;       /* references lost on the nokmem path */
	unsigned int trace_session; /* the session that knows its name */
	uint32_t trace_name;

	/* Under machine->lock. */
	char *name;
	char *symbol;
	struct dentry *dentry;
	int debugfs_id;
	unsigned long serial;
	struct list_node all; /* machine->shrinkers, from alloc to free */
	bool listed;
	bool base_ref;  /* the reference that register gave */
	int leaked_nid; /* where the first was */
	unsigned long leaked_ino;
	bool freeing; /* by freer, from its wait to the end of release */
	bool deferred_free;
	bool hung;  /* a free of it would wait for ever, and said so */
	bool freed; /* torn down */
	const struct thread *freer;
	sp_release_fn release;
	void *owner; /* what release is given */
	unsigned int pins;
	struct shrinker *next_reaped;
	struct limbo limbo;
	void *twin; /* original/: the tree's own struct shrinker */
};

struct shrinker_info_unit {
	struct limbo limbo;
	unsigned long map;
	long nr_deferred[SHRINKER_UNIT_BITS];
};

struct shrinker_info {
	struct limbo limbo;
	int map_nr_max;
	struct shrinker_info_unit *unit[];
};

struct list_lru_memcg;

struct mem_cgroup {
	struct machine *machine;
	bool online;
	bool takes_items; /* may have lists of list_lrus made for it */
	unsigned long ino;
	unsigned long refs;
	void *private_data;
	/* Under machine->lock. */
	struct mem_cgroup *parent;
	struct list_node sibling;
	struct list_node children;
	struct list_node by_id; /* machine->memcgs, from online to release */
	struct limbo limbo;
	void *twin; /* original/: the tree's own struct mem_cgroup */
	struct list_lru_memcg **lru_part[SP_LRU_PARTS]; /* by the lru's id */
	struct shrinker_info *info[];                   /* one a node */
};

/*
 * One thread in one machine. The slots are the references that its passes
 * hold, one a nesting level; epoch is when its outermost pass began.
 */
struct reclaimer {
	struct shrinker *slot[SP_MAX_DEPTH];
	unsigned long epoch; /* 0: in no pass */
	int depth;
	int reading;                     /* passes, and looks that are none */
	const void *frame[SP_MAX_DEPTH]; /* of the stack, where each began */
	bool ends;         /* the innermost pass does, after this callback */
	unsigned int nofs; /* a bit a level: its pass has no __GFP_FS */
	unsigned long slabs_scanned; /* this thread's part of the vmstat */
	struct sp_ring *ring;
	/* What its thread is as a task: alloc.c. */
	struct sp_place place;
	bool memalloc; /* reclaims for an allocation */
	struct machine *machine;
	unsigned long machine_id; /* 0: the machine is gone */

	/* Given up by its thread, by its machine. */
	bool orphaned;
	unsigned int owners;
	struct reclaimer *next;        /* of the machine */
	struct reclaimer *thread_next; /* of the thread */
} __attribute__((aligned(SP_CACHELINE)));

struct dentry {
	struct list_node list;
	struct shrinker *shrinker;
	char name[SP_DIRNAME];
	bool count, scan; /* which files there are */
};

/* Ids from 0, the lowest free one first: the kernel's idr and ida. */
struct id_table {
	struct limbo limbo;
	size_t size;
	void *slot[];
};

struct warning {
	char text[96]; /* the kernel's */
	char where[96];
};

struct trace;
struct lockdep;
struct report;

struct machine {
	/* Fixed, or read by passes. */
	int nr_nodes;
	bool memcg;
	bool kmem;
	bool closed;
	bool asym; /* readers store plainly, writers use membarrier(2) */
	unsigned long id;
	unsigned long max_stall;
	unsigned long epoch;
	struct mem_cgroup *root;
	struct list_node shrinker_list;
	struct id_table *idr;
	struct trace *trace;
	bool trace_on;
	bool tidy; /* a pass that ends has something to clean up */

	struct lockdep *lockdep; /* from its first lock on */
	bool no_lockdep;

	struct sp_hooks hooks;
	void *hooks_data;

	pthread_mutex_t lock;
	pthread_cond_t wake;

	/* Under lock. */
	struct reclaimer *reclaimers;
	struct list_node shrinkers;        /* all->, in order of allocation */
	struct list_node list_lrus;        /* by id */
	struct list_node memcgs;           /* by_id->, as they came online */
	struct limbo *limbo, **limbo_tail; /* oldest first */
	unsigned long nr_limbo;
	unsigned long wakes;
	struct shrinker *reap;
	int nr_max;
	unsigned long next_serial;
	unsigned long next_ino;
	unsigned long nr_memcgs;
	unsigned long nr_listed;
	const struct thread *closer; /* while it is being closed */

	bool debugfs_up;
	struct list_node dentries;
	struct id_table *ida;

	unsigned long live[SP_NR_SITES];
	unsigned long bytes;
	unsigned long fail_nth;
	unsigned int fail_sites;
	bool recording, attempts_lost;
	struct sp_attempt *attempts;
	size_t nr_attempts, max_attempts;

	/* Of alloc.c. */
	struct sp_alloc_stats alloc;
	size_t limit;
	unsigned long reclaim_nth;
	char alloc_where[SP_KEPT_PLACES][128];

	unsigned long warnings[SP_NR_WARNINGS];
	struct warning warning[SP_KEPT_WARNINGS];

	struct report *reports; /* of lockdep, oldest first */
	size_t nr_reports;

	unsigned long reclaims[SP_NR_RECLAIM_KINDS]; /* begun; atomic */

	struct machine *next, **pprev; /* of all machines, for fork */
};

/* ---- list.h in five functions ------------------------------------------ */

static inline void list_init(struct list_node *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list_node *l)
{
	return l->next == l;
}

/* Readers may be walking: the node is whole before it can be reached. */
static inline void list_add_tail(struct list_node *n, struct list_node *head)
{
	n->next = head;
	n->prev = head->prev;
	STORE_RELEASE(head->prev->next, n);
	head->prev = n;
}

/* n->next stays, for the reader that stands on n. */
static inline void list_del(struct list_node *n)
{
	WRITE_ONCE(n->prev->next, n->next);
	n->next->prev = n->prev;
}

#define list_for_each(pos, head)                                               \
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

/* ---- sync.c ------------------------------------------------------------ */

void sync_init(struct machine *m);
void sync_exit(struct machine *m);

void machine_lock(struct machine *m);
void machine_unlock(struct machine *m);

/* For all of them; for none, it is nobody who sleeps. */
struct wait {
	const struct shrinker *callbacks_of; /* whoever runs one */
	const struct thread *const *named;   /* whom this names at the time */
	const struct sp_lock *lock;          /* whoever holds it */
};

/*
 * The threads asleep, over all machines: a ring of waits may go through
 * several. What a sleeper has (reclaimers, slots, locks) does not change.
 */
struct sleeper {
	struct sleeper *next, **pprev;
	const struct thread *thread;
	const struct wait *wait;
	bool visited;
};

/* false: it would close a ring. Looked at anew before each sleep. */
bool lie_down(struct sleeper *self);
void get_up(struct sleeper *self);

/* A lock that a thread has; they are in the order of their taking. */
struct held {
	const struct sp_lock *lock; /* NULL: fs_reclaim, as if by itself */
	struct machine *machine;
	unsigned long machine_id;
	struct lock_class *class; /* NULL: lockdep was off; the machine's */
	unsigned int how;
	int depth; /* the passes that this thread was in */
	const char *where;
};

/*
 * What a thread knows of itself: its reclaimers, the last one used first, and
 * the locks that it has. Its address is the thread's identity, over all
 * machines.
 */
struct thread {
	struct reclaimer *last;
	struct reclaimer *reclaimers;
	struct held *held;
	size_t nr_held, max_held;
};
struct thread *myself(void);

/*
 * Sleeps until machine_wake(), the lock given up meanwhile. SP_INTR: given up.
 * SP_DEADLOCK, at once: what is waited for waits for this thread.
 */
enum sp_status machine_wait(struct machine *m, const struct wait *what);
/* Once round, and no hook gives it up. false: SP_DEADLOCK, at once. */
bool machine_doze(struct machine *m, const struct wait *what);
void machine_wake(struct machine *m);
/* Would it be SP_DEADLOCK, as things are? */
bool wait_closes_ring(const struct wait *what);
const struct thread *this_thread(void);

/* This thread's, or NULL; _get makes one, NULL when memory is short. */
struct reclaimer *reclaimer_find(struct machine *m);
struct reclaimer *reclaimer_get(struct machine *m);
bool reclaimer_holds(const struct reclaimer *r, const struct shrinker *s);
/* Is s in a slot of another thread? Makes plain stores of readers visible. */
bool held_elsewhere(struct machine *m, struct reclaimer *self,
		    struct shrinker *s);
bool passes_running(struct machine *m);

void limbo_add(struct machine *m, struct limbo *l,
	       void (*free)(struct machine *, struct limbo *));
/* Frees what no pass can see; _lazily leaves a few, to save barriers. */
void limbo_drain(struct machine *m);
void limbo_drain_lazily(struct machine *m);

/*
 * A store that a writer's barrier must be able to order against the reader's
 * next load: no barrier of its own where the writer has membarrier(2).
 */
#define reader_store(m, x, v)                                                  \
	do {                                                                   \
		if (likely((m)->asym)) {                                       \
			STORE_RELEASE(x, v);                                   \
			atomic_signal_fence(memory_order_seq_cst);             \
		} else {                                                       \
			__atomic_store_n(&(x), (v), __ATOMIC_SEQ_CST);         \
		}                                                              \
	} while (0)

/* The load on the other side of it. */
#define reader_load(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)

/* ---- lock.c, lockdep.c ------------------------------------------------- */

/* The innermost of this thread, or NULL. */
struct held *held_find(const struct machine *m, const struct sp_lock *l);
/* Room for one more: SP_NOMEM. */
enum sp_status held_reserve(void);
void held_push(struct machine *m, const struct sp_lock *l,
	       struct lock_class *class, unsigned int how, const char *where);
void held_remove(struct held *h);

/* Before l is waited for; the class of what is about to be taken, or NULL. */
struct lock_class *lockdep_take(struct machine *m, const struct sp_lock *l,
				unsigned int how, int subclass,
				const char *where);
void lockdep_exit(struct machine *m);

/* ---- stack.c ----------------------------------------------------------- */

/* free() it. NULL: no memory. Calls a hook; where: file:line, or NULL. */
char *stack_here(struct machine *m, const char *where);

/* ---- code.c ------------------------------------------------------------ */

/* Takes no lock; round a fork, and where what is found has to stay: hold. */
const struct sp_code *code_of(const void *address);
void codes_hold(void);
void codes_let_go(void);
/* Of no help: this module, the interpreter, and what lies under both. */
bool is_machinery(const void *address);
/* "function+0x1 (file)"; false: nothing that a reader would want to see. */
bool place_of(const void *address, char *out, size_t size);

/* ---- fault.c ----------------------------------------------------------- */

void *site_alloc(struct machine *m, enum sp_site site, int nid, size_t size);
void site_free(struct machine *m, enum sp_site site, void *p);
/* Out of the ledger now; whoever still holds the memory frees it later. */
void site_retire(struct machine *m, enum sp_site site, void *p);
/* An attempt that takes no memory of its own. */
bool site_attempt(struct machine *m, enum sp_site site, int nid);

/* ---- shrinker.c -------------------------------------------------------- */

/*
 * Leaving a shrinker that is being freed: its free may wait for just this.
 * The pass epoch keeps it readable although the slot no longer does.
 */
void left_uncallable(struct machine *m);

static inline void left(struct machine *m, struct shrinker *s)
{
	if (unlikely(!reader_load(s->callable)))
		left_uncallable(m);
}

/*
 * Takes the reference that a slot is, unless the shrinker has none to give.
 * From one shrinker to the next in one store.
 */
static inline bool shrinker_try_get(struct machine *m, struct shrinker **slot,
				    struct shrinker *s)
{
	struct shrinker *before = *slot;

	reader_store(m, *slot, s);
	if (likely(before))
		left(m, before);
	return reader_load(s->callable);
}

static inline void shrinker_put(struct machine *m, struct shrinker **slot)
{
	struct shrinker *s = *slot;

	if (!s)
		return;
	reader_store(m, *slot, NULL);
	left(m, s);
}

/* Finishes the frees that nobody waits for. */
void reap(struct machine *m);
/* Does none of its shrinkers keep this thread from closing the machine? */
enum sp_status shrinkers_may_close(struct machine *m, struct sp_reason *reason);
enum sp_status shrinkers_close(struct machine *m, struct sp_reason *reason);

/* ---- memcg.c ----------------------------------------------------------- */

enum sp_status memcg_init(struct machine *m, const struct sp_config *config);
void memcg_exit(struct machine *m);
struct mem_cgroup *memcg_next(struct mem_cgroup *top, struct mem_cgroup *pos);
/*
 * In the order in which they came online, which is that of the kernel's ids;
 * takes prev's reference (NULL: start) and gives one on the next.
 */
struct mem_cgroup *memcg_next_online(struct machine *m,
				     struct mem_cgroup *prev);
enum sp_status explain_no_info(struct sp_reason *reason, int nid,
			       const struct mem_cgroup *memcg);

/* ---- debugfs.c --------------------------------------------------------- */

/* Text that grows, from all zeros. */
struct text {
	char *buf;
	size_t len, size;
	bool failed;
};
void text_append(struct text *t, const char *add, size_t len);
/* Whole to the caller, or SP_NOMEM and nothing. */
enum sp_status text_give(struct text *t, char **text, size_t *len);

bool debugfs_has(struct machine *m, const char *name);
/* SP_SITE_DENTRY failed: NULL. */
struct dentry *debugfs_make_dir(struct machine *m, const char *name);
void debugfs_remove_dir(struct machine *m, struct dentry *d);

/* ---- trace.c ----------------------------------------------------------- */

void trace_start_event(struct reclaimer *r, struct shrinker *s,
		       const struct shrink_control *sc, long nr, long freeable,
		       unsigned long delta, long total_scan, int priority);
void trace_end_event(struct reclaimer *r, struct shrinker *s,
		     const struct shrink_control *sc, unsigned long freed,
		     long nr, long new_nr, long total_scan);
void ring_put(struct sp_ring *ring);
void trace_exit(struct machine *m);

/* ---- machine.c --------------------------------------------------------- */

void warn(struct machine *m, enum sp_warning_kind kind, const char *text,
	  const char *where, ...) __attribute__((format(printf, 4, 5)));
enum sp_status explain(struct sp_reason *reason, enum sp_status status,
		       const struct shrinker *s, int nid,
		       const struct mem_cgroup *memcg, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

#endif
