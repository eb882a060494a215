// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into a Python: in one call of a Python object, the n-th allocation
 * gives NULL. What other threads ask for, and this one outside of that call,
 * is let alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What is to fail in a call, and what was seen. Python knows it as Request. */
struct request {
	unsigned long first, last; /* these are refused, counted from 1 */
	unsigned long core_only;   /* counting only what the core asks for */
	unsigned long asked, refused;
};

bool no_memory_core(const char *path);
bool no_memory_spare(const char *path);
void no_memory_spare_site(void);
long no_memory_live(void);
void no_memory_where(int fd);
void *no_memory_call(void *callable, struct request *r);

/* ---- loaded objects ---------------------------------------------------- */

struct object {
	const char *path;
	uintptr_t start, end;
};

static struct object core, spared;

/* The last refusal; a child that it kills leaves it to its parent. */
enum { DEPTH = 64 };
static struct refusal {
	void *at[DEPTH];
	int depth;
} *refusal;

static int find(struct dl_phdr_info *info, size_t size, void *data)
{
	struct object *o = data;
	int i;

	(void)size;
	if (strcmp(info->dlpi_name, o->path))
		return 0;
	o->start = info->dlpi_addr;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD)
			o->end = o->start + p->p_vaddr + p->p_memsz;
	}
	return 1;
}

static bool is_in(const struct object *o, const void *address)
{
	return (uintptr_t)address - o->start < o->end - o->start;
}

static bool is_core(const void *caller)
{
	return is_in(&core, caller);
}

/* What is the core from now on; false: no such object is loaded. */
bool no_memory_core(const char *path)
{
	void *frame;

	backtrace(&frame, 1); /* loads what it needs */
	core.path = path;
	refusal = mmap(NULL, sizeof(*refusal), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return refusal != MAP_FAILED && dl_iterate_phdr(find, &core) != 0;
}

/* What the object asks for, or others in calls by it, is not refused. */
bool no_memory_spare(const char *path)
{
	spared.path = path;
	return dl_iterate_phdr(find, &spared) != 0;
}

/*
 * The blocks that the core asked for and has not given back, in an open hash
 * table. What it gives back may be another's: an object of Python, say.
 */
enum { BLOCKS = 1 << 16 };
static void *blocks[BLOCKS];
static long nr_blocks;
static atomic_flag blocks_lock = ATOMIC_FLAG_INIT;

static void **find_block(const void *p)
{
	size_t i = ((uintptr_t)p >> 4) % BLOCKS;

	while (blocks[i] && blocks[i] != p)
		i = (i + 1) % BLOCKS;
	return &blocks[i];
}

static void add_block(void *p)
{
	*find_block(p) = p;
	nr_blocks++;
}

static void remove_block(const void *p)
{
	void **at = find_block(p), *moved;
	size_t i = (size_t)(at - blocks);

	if (!*at)
		return;
	*at = NULL;
	nr_blocks--;
	/* Those behind it may be there only because it was. */
	while ((moved = blocks[i = (i + 1) % BLOCKS])) {
		blocks[i] = NULL;
		*find_block(moved) = moved;
	}
}

static void *replace_block(const void *old, void *new)
{
	while (atomic_flag_test_and_set(&blocks_lock))
		;
	if (old)
		remove_block(old);
	if (new)
		add_block(new);
	atomic_flag_clear(&blocks_lock);
	return new;
}

/* How many there are. */
long no_memory_live(void)
{
	return nr_blocks;
}

/* ---- one call ---------------------------------------------------------- */

/*
 * A site is the function that wants an object, and the one that allocates it:
 * refuse() is called by malloc(), and that by the latter.
 */
enum { ALLOCATES = 2, WANTS = 3, SITES = 64 };
static void *spared_sites[SITES][2];
static int nr_spared_sites;

/* Nothing is refused any more where something was refused last. */
void no_memory_spare_site(void)
{
	void **site = spared_sites[nr_spared_sites++ % SITES];

	site[0] = refusal->at[ALLOCATES];
	site[1] = refusal->at[WANTS];
}

static bool is_spared(void)
{
	int i;

	for (i = 0; i < nr_spared_sites; i++) {
		if (refusal->at[ALLOCATES] == spared_sites[i][0] &&
		    refusal->at[WANTS] == spared_sites[i][1])
			return true;
	}
	for (i = 0; i < refusal->depth; i++) {
		if (is_in(&spared, refusal->at[i]))
			return true;
	}
	return false;
}

static __thread struct request *request
	__attribute__((tls_model("initial-exec")));

static __attribute__((noinline)) bool refuse(const void *caller)
{
	struct request *r = request;
	bool refused;

	if (!r || (r->core_only && !is_core(caller)))
		return false;
	r->asked++;
	if (r->asked < r->first || r->asked > r->last)
		return false;
	request = NULL; /* backtrace() may ask for memory itself */
	refusal->depth = backtrace(refusal->at, DEPTH);
	refused = r->core_only || !is_spared();
	request = r;
	r->refused += refused;
	if (refused)
		errno = ENOMEM;
	return refused;
}

/* Who was refused last, innermost first, a line each. */
void no_memory_where(int fd)
{
	backtrace_symbols_fd(refusal->at, refusal->depth, fd);
}

/* PyObject_CallNoArgs(). */
void *no_memory_call(void *callable, struct request *r)
{
	void *(*call_no_args)(void *) =
		dlsym(RTLD_DEFAULT, "PyObject_CallNoArgs");
	void *result;

	r->asked = r->refused = 0;
	request = r;
	result = call_no_args(callable);
	request = NULL;
	return result;
}

/* ---- in front of the allocator ----------------------------------------- */

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);
static char *(*real_strdup)(const char *);
static void (*real_free)(void *);

/* What dlsym() itself asks for while it looks for them. */
static _Alignas(16) char early[4096];
static size_t early_used;

static void *early_alloc(size_t size)
{
	void *p = early + early_used;

	early_used += (size + 15) & ~(size_t)15;
	return early_used <= sizeof(early) ? p : NULL;
}

static bool is_early(const void *p)
{
	return (uintptr_t)p - (uintptr_t)early < sizeof(early);
}

static bool ready(void)
{
	static bool looking;

	if (real_free)
		return true;
	if (looking)
		return false;
	looking = true;
	real_malloc = dlsym(RTLD_NEXT, "malloc");
	real_calloc = dlsym(RTLD_NEXT, "calloc");
	real_realloc = dlsym(RTLD_NEXT, "realloc");
	real_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
	real_strdup = dlsym(RTLD_NEXT, "strdup");
	real_free = dlsym(RTLD_NEXT, "free");
	return true;
}

static void *given(void *p, const void *caller)
{
	return p && is_core(caller) ? replace_block(NULL, p) : p;
}

void *malloc(size_t size)
{
	const void *caller = __builtin_return_address(0);

	if (!ready())
		return early_alloc(size);
	return refuse(caller) ? NULL : given(real_malloc(size), caller);
}

void *calloc(size_t n, size_t size)
{
	const void *caller = __builtin_return_address(0);

	if (!ready())
		return early_alloc(n * size);
	return refuse(caller) ? NULL : given(real_calloc(n, size), caller);
}

void *realloc(void *p, size_t size)
{
	const void *caller = __builtin_return_address(0);
	void *new;

	if (!ready() || is_early(p))
		abort();
	if (refuse(caller))
		return NULL;
	new = real_realloc(p, size);
	return new && is_core(caller) ? replace_block(p, new) : new;
}

void *aligned_alloc(size_t align, size_t size)
{
	const void *caller = __builtin_return_address(0);

	ready();
	return refuse(caller) ? NULL :
				given(real_aligned_alloc(align, size), caller);
}

char *strdup(const char *s)
{
	const void *caller = __builtin_return_address(0);
	struct request *r = request;
	char *copy;

	ready();
	if (refuse(caller))
		return NULL;
	request = NULL; /* its own malloc() is no allocation of its own */
	copy = given(real_strdup(s), caller);
	request = r;
	return copy;
}

void free(void *p)
{
	if (!p || is_early(p))
		return;
	ready();
	if (is_core(__builtin_return_address(0)))
		replace_block(p, NULL);
	real_free(p);
}
