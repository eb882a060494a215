/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole face of the core: Linux 6.12's shrinkers on a machine of one's own.
 *
 * What is global in the kernel (nodes, cgroups, the shrinker list, ids) is a
 * struct machine here, and any number of them live side by side. Every call
 * gives a status and takes out parameters last; struct shrinker and
 * struct mem_cgroup are opaque, so that another implementation of this header
 * can stand in for this one. What only tests may look at is in introspect.h.
 *
 * Beside it, each with a header of its own: list_lru.h (mm/list_lru.c), and
 * what stands on this one: lock.h (locks, lockdep), alloc.h (allocations that
 * reclaim), reclaim.h (the loops of mm/vmscan.c).
 *
 * Threads: every call may come from any thread, and from inside a callback
 * unless its comment says otherwise. No lock is held while a callback runs.
 */
#ifndef SHRINKPY_CORE_H
#define SHRINKPY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SP_API __attribute__((visibility("default")))
#else
#define SP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct machine;
struct shrinker;
struct mem_cgroup;

/* ---- statuses ---------------------------------------------------------- */

/* Those of errno's values are what the kernel's own functions return. */
enum sp_status {
	SP_OK = 0,
	SP_GONE = 1, /* of a free: another call did it meanwhile */
	SP_NOENT = -2,
	SP_INTR = -4, /* a wait was given up because hooks.wait_poll said so */
	SP_NOMEM = -12,
	SP_ACCES = -13,
	SP_BUSY = -16,
	SP_EXIST = -17,
	SP_INVAL = -22,
	/* The kernel would not come back from these: */
	SP_OOPS = -1001,     /* a NULL or wild dereference */
	SP_HANG = -1002,     /* shrinker_free() waiting for leaked references */
	SP_SPIN = -1003,     /* scans that make no progress, for ever */
	SP_DEADLOCK = -1004, /* a wait for oneself, or a ring of waits */
	/* The harness's own: */
	SP_DEPTH = -1005,   /* passes nested deeper than SP_MAX_DEPTH */
	SP_ABORTED = -1006, /* sp_pass_abort() ended the pass */
	SP_CLOSED = -1007,  /* the machine was closed */
};

/* Where and why, for the statuses from SP_OOPS on; else text is empty. */
struct sp_reason {
	enum sp_status status;
	int nid;                 /* -1: no node is concerned */
	unsigned long memcg_ino; /* 0: no cgroup is concerned */
	char shrinker[64];       /* the name, cut */
	char text[200];
};

/* ---- machine ----------------------------------------------------------- */

enum sp_limits {
	SP_MAX_NODES = 1024,
	SP_MAX_DEPTH = 8,
};

enum sp_root {
	SP_ROOT_NONE,   /* early boot: there is no root cgroup yet */
	SP_ROOT_ONLINE, /* made, with its shrinker_info, and online */
	SP_ROOT_BARE,   /* set, but neither: as under cgroup_disable=memory */
};

struct sp_config {
	int nr_nodes;
	bool memcg; /* false: cgroup_disable=memory */
	bool kmem;  /* memcg_kmem_online() */
	enum sp_root root;
	unsigned long root_ino; /* 0: the kernel's 1 */
	unsigned long
		max_stall; /* scans in a row without progress; 0: no bound */
};

/*
 * What the embedder wants to do around waits and with what the core finds.
 * Each may be NULL. None is called with a lock of the core held.
 */
struct sp_hooks {
	/* This thread is going to block; wait_end() when it no longer does. */
	void (*wait_begin)(void *data);
	void (*wait_end)(void *data);
	/* Now and then in a wait of any length: true gives it up (SP_INTR). */
	bool (*wait_poll)(void *data);
	/* A shrinker's turn was ended because the kernel would spin there. */
	void (*report)(void *data, const struct sp_reason *reason);
	/* Where this thread is, for reports; free() lets it go. NULL: unknown. */
	char *(*stack)(void *data);
};

SP_API enum sp_status sp_machine_create(const struct sp_config *config,
					struct machine **out);
/*
 * Frees every shrinker that lives, by force where references were leaked, and
 * waits for the callbacks in flight. From then on the machine answers
 * SP_CLOSED. SP_DEADLOCK in a callback of this machine, or in
 * what it releases, or where a ring of waits is closed: nothing has changed,
 * unless the ring came to be while it waited.
 */
SP_API enum sp_status sp_machine_close(struct machine *m,
				       struct sp_reason *reason);
/* Would it be SP_DEADLOCK, as things are? Nothing changes. */
SP_API enum sp_status sp_machine_may_close(struct machine *m,
					   struct sp_reason *reason);
/* Closes it if need be; no thread may be in the machine any more. */
SP_API void sp_machine_destroy(struct machine *m);
/* Does some thread run a pass on it? */
SP_API bool sp_machine_busy(struct machine *m);
SP_API void sp_machine_set_hooks(struct machine *m,
				 const struct sp_hooks *hooks, void *data);
/*
 * For native callbacks: around whatever may block, hooks.wait_begin and
 * hooks.wait_end. Try first, and hold nothing when wait_end() is called, which
 * may block itself:
 *
 *	while (pthread_mutex_trylock(&lock)) {
 *		sp_wait_begin(m);
 *		pthread_mutex_lock(&lock);
 *		pthread_mutex_unlock(&lock);
 *		sp_wait_end(m);
 *	}
 */
SP_API void sp_wait_begin(struct machine *m);
SP_API void sp_wait_end(struct machine *m);
SP_API int sp_machine_nr_nodes(const struct machine *m);
SP_API bool sp_machine_memcg_enabled(const struct machine *m);
SP_API bool sp_machine_kmem(const struct machine *m);
SP_API void sp_machine_set_kmem(struct machine *m, bool on);
SP_API unsigned long sp_machine_max_stall(const struct machine *m);
SP_API void sp_machine_set_max_stall(struct machine *m, unsigned long scans);
/* Shrinkers on shrinker_list. */
SP_API unsigned long sp_machine_nr_registered(const struct machine *m);
/* vmstat's slabs_scanned: the sum of nr_scanned over all scan calls. */
SP_API unsigned long sp_machine_slabs_scanned(const struct machine *m);

/* ---- a shrinker's life ------------------------------------------------- */

#define SHRINK_STOP (~0UL)
#define SHRINK_EMPTY (~0UL - 1)
#define SHRINKER_UNIT_BITS 64

enum sp_shrink_constants {
	DEFAULT_SEEKS = 2,
	SHRINK_BATCH = 128,
	DEF_PRIORITY = 12,
};

enum sp_shrinker_flags {
	SHRINKER_REGISTERED = 1 << 0,
	SHRINKER_ALLOCATED = 1 << 1,
	SHRINKER_NUMA_AWARE = 1 << 2,
	SHRINKER_MEMCG_AWARE = 1 << 3,
	SHRINKER_NONSLAB = 1 << 4,
};

struct shrink_control {
	unsigned int gfp_mask;
	int nid;
	unsigned long nr_to_scan;
	unsigned long nr_scanned;
	struct mem_cgroup *memcg;
};

typedef unsigned long (*sp_shrink_fn)(struct shrinker *s,
				      struct shrink_control *sc);

/* name is text, never a format; it is copied. */
SP_API enum sp_status sp_shrinker_alloc(struct machine *m, unsigned int flags,
					const char *name,
					struct shrinker **out);
/*
 * From the return on, passes may call it. SP_INVAL: the ALLOCATED flag is gone
 * (a warning is kept, nothing happens). SP_OOPS: it is registered already.
 */
SP_API enum sp_status sp_shrinker_register(struct shrinker *s,
					   struct sp_reason *reason);
/*
 * Waits until no callback of this shrinker runs. SP_OK: this call freed it (or
 * s is NULL). SP_GONE: another one did, and this one waited for it; only with a
 * pin can that be asked. SP_DEADLOCK: nothing has changed. SP_HANG: the first reference is
 * dropped, the shrinker stays listed and callable, and every later free says
 * the same. SP_INTR: it is no longer called; call again to go on.
 */
SP_API enum sp_status sp_shrinker_free(struct shrinker *s,
				       struct sp_reason *reason);
/*
 * For finalizers: never waits. true: it is gone already. false: passes no
 * longer call it, and it is freed at the end of the pass of its last callback.
 */
SP_API bool sp_shrinker_free_deferred(struct shrinker *s);
/*
 * A pinned shrinker's memory outlives its free, so that a handle may be freed
 * by two threads and asked afterwards. The last unpin lets it go.
 */
SP_API void sp_shrinker_pin(struct shrinker *s);
SP_API void sp_shrinker_unpin(struct shrinker *s);
SP_API bool sp_shrinker_freed(const struct shrinker *s);

/* What passes and debugfs call. */
SP_API void sp_shrinker_set_callbacks(struct shrinker *s, sp_shrink_fn count,
				      sp_shrink_fn scan);
SP_API void sp_shrinker_set_private(struct shrinker *s, void *data);
SP_API void *sp_shrinker_private(const struct shrinker *s);
/*
 * The embedder's own pointer. release is called once with it, without the
 * lock, when a registered one was freed: by whichever call, in the thread that
 * frees. Other frees of it wait for the end of this.
 */
typedef void (*sp_release_fn)(void *owner);
SP_API void sp_shrinker_set_owner(struct shrinker *s, void *owner,
				  sp_release_fn release);
SP_API void *sp_shrinker_owner(const struct shrinker *s);
/*
 * How a struct shrinker begins: what kernel code reads and writes directly.
 * The callbacks here are the driver's own; who registers it for the driver
 * gives sp_shrinker_set_callbacks() what is to be called.
 */
struct sp_shrinker_head {
	sp_shrink_fn count_objects;
	sp_shrink_fn scan_objects;
	long batch;
	int seeks;
	unsigned int flags;
	void *private_data;
};
SP_API struct sp_shrinker_head *sp_shrinker_head(struct shrinker *s);
SP_API void sp_shrinker_set_seeks(struct shrinker *s, int seeks);
SP_API int sp_shrinker_seeks(const struct shrinker *s);
SP_API void sp_shrinker_set_batch(struct shrinker *s, long batch);
SP_API long sp_shrinker_batch(const struct shrinker *s);
SP_API unsigned int sp_shrinker_flags(const struct shrinker *s);
SP_API int sp_shrinker_id(const struct shrinker *s);
/* Unique in its machine, and never given again. */
SP_API unsigned long sp_shrinker_serial(const struct shrinker *s);
SP_API struct machine *sp_shrinker_machine(const struct shrinker *s);
/*
 * Copies at most size - 1 bytes and a NUL; gives the whole length. In a pass,
 * or where no other thread renames or frees it.
 */
SP_API size_t sp_shrinker_name(const struct shrinker *s, char *buf,
			       size_t size);
/* What a trace prints for scan_objects; without one (NULL), the name. */
SP_API enum sp_status sp_shrinker_set_symbol(struct shrinker *s,
					     const char *symbol);

/* ---- cgroups ----------------------------------------------------------- */

/*
 * Linked as the parent's last child, not online, with no shrinker_info; the
 * caller holds a reference. parent NULL makes the root (SP_EXIST if there is
 * one). ino 0: the next free one.
 */
SP_API enum sp_status sp_memcg_create(struct machine *m,
				      struct mem_cgroup *parent,
				      unsigned long ino,
				      struct mem_cgroup **out);
/* SP_NOMEM leaves it as it was; it may be tried again. */
SP_API enum sp_status sp_memcg_online(struct mem_cgroup *memcg);
/*
 * Its items on list_lrus go to the parent, then its deferred work; passes skip
 * it from then on; again: nothing. SP_DEADLOCK in a walk callback of a list_lru,
 * under its lock. SP_INTR: some items have gone; call again to go on.
 */
SP_API enum sp_status sp_memcg_offline(struct mem_cgroup *memcg,
				       struct sp_reason *reason);
SP_API void sp_memcg_get(struct mem_cgroup *memcg);
/* The last reference unlinks it and frees its shrinker_info. */
SP_API void sp_memcg_put(struct mem_cgroup *memcg);
/* Borrowed; NULL in early boot. */
SP_API struct mem_cgroup *sp_memcg_root(struct machine *m);
SP_API struct mem_cgroup *sp_memcg_parent(const struct mem_cgroup *memcg);
SP_API bool sp_memcg_is_online(const struct mem_cgroup *memcg);
SP_API unsigned long sp_memcg_ino(const struct mem_cgroup *memcg);
/*
 * Pre-order below top (NULL: the root), children in order of creation, online
 * or not. Takes prev's reference (NULL: start) and gives one on the next.
 */
SP_API struct mem_cgroup *sp_memcg_iter(struct machine *m,
					struct mem_cgroup *top,
					struct mem_cgroup *prev);
/* For the embedder: a pointer of its own, its lifetime is its business. */
SP_API void sp_memcg_set_private(struct mem_cgroup *memcg, void *data);
SP_API void *sp_memcg_private(const struct mem_cgroup *memcg);
/* set_shrinker_bit(): objects of shrinker id were added on (memcg, nid). */
SP_API enum sp_status sp_set_shrinker_bit(struct machine *m,
					  struct mem_cgroup *memcg, int nid,
					  int id, struct sp_reason *reason);

/* ---- passes ------------------------------------------------------------ */

/* What one pass did; sums over its shrinkers, wrapping as the kernel's do. */
struct sp_pass {
	unsigned long freed;    /* what shrink_slab() returns */
	unsigned long freeable; /* counted, EMPTY as 0 */
	unsigned long scanned;
	unsigned long
		deferred; /* left deferred by the shrinkers that had objects */
	unsigned long nr_counts; /* count calls */
	unsigned long nr_scans;  /* scan calls */
	unsigned long nr_spins;  /* turns ended by max_stall */
	struct sp_reason reason; /* of the status, if it is not SP_OK */
};

/*
 * shrink_slab(). SP_INVAL: nid or priority (0 to 63) out of range. SP_OOPS: the
 * kernel would have died at that point, *out says what was done before it.
 * SP_SPIN: some shrinker's turn was ended; the pass went on.
 */
SP_API enum sp_status sp_shrink_slab(struct machine *m, unsigned int gfp_mask,
				     int nid, struct mem_cgroup *memcg,
				     int priority, struct sp_pass *out);
/*
 * In a callback: the innermost pass of this thread ends after the turn of this
 * shrinker, which goes on as its callbacks say.
 */
SP_API void sp_pass_abort(struct machine *m);
/* How many passes this thread is in. */
SP_API int sp_pass_depth(struct machine *m);

/* ---- debugfs ----------------------------------------------------------- */

/*
 * The late_initcall: entries for all that are registered, up to the first that
 * gets none (SP_NOMEM; SP_ACCES, SP_EXIST: its name), and from now on.
 */
SP_API enum sp_status sp_debugfs_init(struct machine *m);
/* Entries for those after that one, as if debugfs had been up before them. */
SP_API enum sp_status sp_debugfs_catch_up(struct machine *m);
SP_API enum sp_status sp_debugfs_rename(struct shrinker *s, const char *name);
/*
 * The text of `count`; *len without the NUL that is always there. The caller
 * frees it with sp_text_free(text).
 */
SP_API enum sp_status sp_debugfs_count(struct shrinker *s, char **text,
				       size_t *len);
/* A write to `scan`: *written is the text's length, or the errno is given. */
SP_API enum sp_status sp_debugfs_scan(struct shrinker *s, const char *text,
				      size_t len, size_t *written);
/* Paths below shrinker/, a line each, in order of creation. */
SP_API enum sp_status sp_debugfs_list(struct machine *m, char **text,
				      size_t *len);
SP_API void sp_text_free(char **text);
/* A directory below shrinker/, and whose it is. */
struct sp_debugfs_dir {
	char name[128];
	struct shrinker *shrinker; /* pinned until sp_debugfs_dirs_put() */
};
/* Copies at most max of them, in order of creation; gives how many there are. */
SP_API size_t sp_debugfs_dirs(struct machine *m, struct sp_debugfs_dir *out,
			      size_t max);
/* Entries without a shrinker are skipped. */
SP_API void sp_debugfs_dirs_put(struct sp_debugfs_dir *dirs, size_t n);

/* ---- allocations: faults and ledger ------------------------------------ */

enum sp_site {
	SP_SITE_SHRINKER,
	SP_SITE_NAME,
	SP_SITE_IDR,
	SP_SITE_NR_DEFERRED,
	SP_SITE_INFO,
	SP_SITE_UNIT,
	SP_SITE_IDA,
	SP_SITE_DENTRY,
	SP_SITE_LIST_LRU, /* a list_lru's nodes, or a cgroup's lists of one */
	SP_SITE_KMALLOC,  /* of the code under test: sp_allocate() */
	SP_NR_SITES,
};

/* The kernel-side name of a site ("shrinker", "name", …), or NULL. */
SP_API const char *sp_site_name(int site);

struct sp_attempt {
	enum sp_site site;
	int nid; /* -1: the site has no node */
	bool failed;
};

/*
 * The nth allocation from now (1 is the next) of the sites in the mask fails,
 * all others succeed; 0 disarms.
 */
SP_API void sp_fault_fail_nth(struct machine *m, unsigned long nth,
			      unsigned int sites);
/* Still to come before it fails; 0: disarmed, or it has struck. */
SP_API unsigned long sp_fault_pending(const struct machine *m);
/* Keeps the attempts from now on (true), or none (false). */
SP_API void sp_fault_record(struct machine *m, bool on);
/* Copies at most max of them; gives how many there are, SIZE_MAX if some were
 * lost for lack of memory. */
SP_API size_t sp_fault_attempts(struct machine *m, struct sp_attempt *out,
				size_t max);

struct sp_ledger {
	unsigned long live[SP_NR_SITES];
	unsigned long bytes;
	unsigned long
		limbo; /* of them, waiting for passes that may still look */
	unsigned long registered;
	unsigned long memcgs;
};

SP_API void sp_ledger_read(struct machine *m, struct sp_ledger *out);

/* ---- warnings ---------------------------------------------------------- */

enum sp_warning_kind { SP_WARN, SP_PR_WARN, SP_NR_WARNINGS };

/* How often, WARN_ON_ONCE counted each time. */
SP_API unsigned long sp_warnings(const struct machine *m,
				 enum sp_warning_kind kind);
/*
 * The i-th last (0: the newest): the kernel's text, and what it was about,
 * which that does not say. false when it is not kept any more.
 */
SP_API bool sp_warning_text(struct machine *m, unsigned int i, char text[96],
			    char where[96]);

/* ---- trace ------------------------------------------------------------- */

enum sp_trace_kind { SP_TRACE_START, SP_TRACE_END };
enum sp_trace_clock { SP_CLOCK_NONE, SP_CLOCK_MONOTONIC };

/* One mm_shrink_slab_start or _end; a field the other kind has is 0. */
struct sp_trace_event {
	uint64_t seq;      /* order over all rings of a machine, from 0 */
	uint64_t time;     /* ns, 0 without a clock */
	uint64_t shrinker; /* the address */
	uint64_t memcg_ino;
	int64_t nr;       /* objects to shrink, unused scan count */
	int64_t new_nr;   /* end: new scan count */
	int64_t freeable; /* start: cache items */
	uint64_t delta;   /* start */
	int64_t total_scan;
	uint32_t gfp_mask; /* start */
	uint32_t name;     /* index for sp_trace_name() */
	int32_t nid;
	int32_t priority; /* start */
	int32_t retval;   /* end: freed, cut to 32 bits */
	int32_t kind;
	int32_t tid;
	int32_t cpu; /* -1 without a clock */
};

/*
 * One ring a reclaiming thread, each of at least that many events (a power of
 * two); the oldest are overwritten, and counted. Starting anew forgets what
 * was there, SP_BUSY while a pass runs.
 */
SP_API enum sp_status sp_trace_start(struct machine *m, size_t entries,
				     enum sp_trace_clock clock);
SP_API void sp_trace_stop(struct machine *m);
SP_API bool sp_trace_is_on(const struct machine *m);
SP_API size_t sp_trace_nr_rings(struct machine *m);

struct sp_ring;
struct sp_trace_ring {
	const struct sp_trace_event *events;
	size_t size;      /* slots, a power of two */
	uint64_t written; /* events ever written; slot written % size is next */
	uint64_t overrun; /* of them, lost by overwriting */
	char comm[16];
	int tid;
};

/*
 * A reference: the memory stays until it is put, whatever the machine does.
 * false, and NULL: there is no i-th.
 */
SP_API bool sp_trace_ring_get(struct machine *m, size_t i,
			      struct sp_ring **out);
SP_API void sp_trace_ring_read(const struct sp_ring *ring,
			       struct sp_trace_ring *out);
SP_API void sp_trace_ring_put(struct sp_ring **ring);
/* Events that found no memory for a ring. */
SP_API uint64_t sp_trace_dropped(const struct machine *m);
/* Names outlive their shrinkers. symbol and name are cut to their size. */
SP_API bool sp_trace_name(struct machine *m, uint32_t i, char symbol[128],
			  char name[128]);

#ifdef __cplusplus
}
#endif
#endif
