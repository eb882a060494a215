// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tree's files and the runtime's call of the rest of the kernel. None
 * of them waits: writers of mm/shrinker.c run one at a time, and whoever frees
 * a shrinker has waited before.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <shrinkpy/oops.h>

#include "tree.h"
#include "tree_env.h"

struct machine *kernel_machine;
struct mem_cgroup *root_mem_cgroup;

/* ---- memory -------------------------------------------------------------- */

void *kernel_kmalloc(size_t size, gfp_t flags, int node, const char *where)
{
	(void)where;
	return seam_alloc(SEAM_PLAIN, node, size, flags & __GFP_ZERO);
}

void *kernel_kmalloc_array(size_t n, size_t size, gfp_t flags, int node,
			   const char *where)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ?
		       NULL :
		       kernel_kmalloc(bytes, flags, node, where);
}

void *kernel_kvmalloc(size_t n, size_t size, gfp_t flags, int node,
		      const char *where)
{
	return kernel_kmalloc_array(n, size, flags, node, where);
}

void kernel_kfree(const void *p, const char *where)
{
	(void)where;
	seam_free(p);
}

void kernel_kvfree(const void *p, const char *where)
{
	kernel_kfree(p, where);
}

void kernel_kfree_rcu(struct rcu_head *head, void *object)
{
	(void)head;
	seam_free_after_passes(object);
}

void kernel_kfree_rcu_mightsleep(const void *object)
{
	seam_free_after_passes(object);
}

void kfree_const(const void *p)
{
	seam_free(p);
}

const char *kvasprintf_const(gfp_t gfp, const char *fmt, va_list args)
{
	va_list again;
	char *text;
	int len;

	(void)gfp;
	va_copy(again, args);
	len = kernel_vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = seam_alloc(SP_SITE_NAME, NUMA_NO_NODE, (size_t)len + 1, true);
	if (text)
		kernel_vsnprintf(text, (size_t)len + 1, fmt, args);
	return text;
}

int shrinker_debugfs_name_alloc(struct shrinker *shrinker, const char *fmt,
				va_list ap)
{
	shrinker->name = kvasprintf_const(GFP_KERNEL, fmt, ap);
	return shrinker->name ? 0 : -ENOMEM;
}

void shrinker_debugfs_name_free(struct shrinker *shrinker)
{
	kfree_const(shrinker->name);
	shrinker->name = NULL;
}

/* ---- RCU ------------------------------------------------------------------ */

/*
 * A call is a read side as a whole, for the core; what the tree's files say of
 * it themselves is counted, so that what is missing shows.
 */
static __thread unsigned int read_sides;

void rcu_read_lock(void)
{
	read_sides++;
}

void rcu_read_unlock(void)
{
	if (!read_sides)
		kernel_oops("rcu_read_unlock() without rcu_read_lock()");
	read_sides--;
}

int rcu_read_lock_held(void)
{
	return read_sides > 0;
}

unsigned int tree_rcu_sides(unsigned int now)
{
	const unsigned int were = read_sides;

	read_sides = now;
	return were;
}

static void run_head(void *arg)
{
	struct rcu_head *head = arg;

	head->func(head);
}

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	head->func = func;
	seam_after_passes(run_head, head);
}

/* ---- completions --------------------------------------------------------- */

void init_completion(struct completion *x)
{
	x->done = 0;
}

void reinit_completion(struct completion *x)
{
	x->done = 0;
}

void complete(struct completion *x)
{
	x->done++;
}

void wait_for_completion(struct completion *x)
{
	/* Nobody is left who could complete it. */
	if (!x->done)
		seam_leave(SP_HANG, "the kernel would wait for ever");
	x->done--;
}

/* ---- locks ---------------------------------------------------------------- */

/*
 * Those taken under the core's own, which nobody can have meanwhile: noted, so
 * that one taken twice, or missing, is found.
 */
static struct sp_lock *taken[8];
static unsigned int nr_taken;

static void note_taken(struct sp_lock *l, const char *where)
{
	if (tree_lock_is_held(l))
		kernel_oops("%s: %s is taken twice, which would wait for "
			    "itself",
			    where, l->name ? l->name : "a lock");
	if (nr_taken == ARRAY_SIZE(taken))
		kernel_oops("%s: too many locks are held", where);
	taken[nr_taken++] = l;
}

static void note_given(const struct sp_lock *l, const char *where)
{
	unsigned int i;

	for (i = 0; i < nr_taken && taken[i] != l; i++)
		;
	if (i == nr_taken)
		kernel_oops("%s: %s is released by who does not hold it", where,
			    l->name ? l->name : "a lock");
	taken[i] = taken[--nr_taken];
}

bool tree_lock_is_held(const struct sp_lock *l)
{
	unsigned int i;

	if (!seam_locked())
		return sp_lock_is_mine(l);
	for (i = 0; i < nr_taken; i++) {
		if (taken[i] == l)
			return true;
	}
	return false;
}

void tree_locks_forget(void)
{
	nr_taken = 0;
}

int kernel_lock_take(struct sp_lock *l, unsigned int how, int subclass,
		     bool may_fail, const char *where)
{
	enum sp_status status;

	(void)may_fail;
	if (seam_locked()) {
		note_taken(l, where);
		return 0;
	}
	do {
		status = sp_lock_take(kernel_machine, l, how, subclass, where);
	} while (status == SP_INTR && !seam_may_give_up());
	if (status == SP_BUSY)
		return -EBUSY;
	if (status != SP_OK)
		seam_leave(status, "the wait for a lock would not end");
	seam_took(l);
	return 0;
}

void kernel_lock_give(struct sp_lock *l, const char *where)
{
	if (seam_locked()) {
		note_given(l, where);
		return;
	}
	seam_gave(l);
	if (sp_lock_give(kernel_machine, l) != SP_OK)
		kernel_oops("%s: %s is released by who does not hold it", where,
			    l->name ? l->name : "a lock");
}

/* ---- what is said --------------------------------------------------------- */

void kernel_oops(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	seam_oops(fmt, args);
}

void kernel_warn(const char *where, const char *function, const char *fmt, ...)
{
	char text[96], place[96];
	va_list args;

	va_start(args, fmt);
	kernel_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(place, sizeof(place), "%s, %s()", where, function);
	seam_warn(false, text, place);
}

int _printk(const char *fmt, ...)
{
	char text[96];
	va_list args;
	bool warning;

	va_start(args, fmt);
	kernel_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* A level is two characters in front of it. */
	warning = text[0] == KERN_SOH_ASCII && text[1] == KERN_WARNING[1];
	if (warning)
		seam_warn(true, text + 2, "");
	return 0;
}

/* ---- cgroups -------------------------------------------------------------- */

bool mem_cgroup_disabled(void)
{
	return seam_memcg_disabled();
}

bool memcg_kmem_online(void)
{
	return seam_kmem();
}

bool mem_cgroup_online(struct mem_cgroup *memcg)
{
	return seam_memcg_disabled() || seam_memcg_online(memcg->handle);
}

unsigned long mem_cgroup_ino(struct mem_cgroup *memcg)
{
	return memcg ? seam_memcg_ino(memcg->handle) : 0;
}

u64 mem_cgroup_id(struct mem_cgroup *memcg)
{
	return mem_cgroup_ino(memcg);
}

struct mem_cgroup *mem_cgroup_iter(struct mem_cgroup *root,
				   struct mem_cgroup *prev,
				   struct mem_cgroup_reclaim_cookie *cookie)
{
	(void)root;
	(void)cookie;
	if (seam_memcg_disabled())
		return NULL;
	return seam_locked() ? seam_memcg_next(NULL, prev) :
			       seam_memcg_iter(prev);
}

void mem_cgroup_iter_break(struct mem_cgroup *root, struct mem_cgroup *prev)
{
	(void)root;
	if (prev && !seam_locked())
		seam_memcg_put(prev->handle);
}

struct mem_cgroup *mem_cgroup_get_from_ino(unsigned long ino)
{
	return seam_memcg_by_ino(ino);
}

struct mem_cgroup *mem_cgroup_get_from_id(u64 id)
{
	return mem_cgroup_get_from_ino(id);
}

struct mem_cgroup *mem_cgroup_from_private_id(unsigned short id)
{
	struct mem_cgroup *memcg = NULL;

	do {
		memcg = seam_memcg_next(NULL, memcg);
	} while (memcg && memcg->first_kmemcg_id != id);
	return memcg;
}

bool mem_cgroup_tryget(struct mem_cgroup *memcg)
{
	if (memcg)
		seam_memcg_get(memcg->handle);
	return memcg;
}

void mem_cgroup_put(struct mem_cgroup *memcg)
{
	if (memcg)
		seam_memcg_put(memcg->handle);
}

struct cgroup_subsys_state *
css_next_descendant_pre(struct cgroup_subsys_state *pos,
			struct cgroup_subsys_state *root)
{
	struct mem_cgroup *next = seam_memcg_next(mem_cgroup_from_css(root),
						  mem_cgroup_from_css(pos));

	return next ? &next->css : NULL;
}

/* ---- debugfs -------------------------------------------------------------- */

/* The folder that all of them are in; nobody looks into it. */
static char shrinker_root;

struct dentry *debugfs_create_dir(const char *name, struct dentry *parent)
{
	void *dentry;
	int error;

	if (!parent)
		return (struct dentry *)&shrinker_root;
	error = seam_create_dir(name, &dentry);
	return error ? ERR_PTR(error) : dentry;
}

struct dentry *debugfs_create_file(const char *name, umode_t mode,
				   struct dentry *parent, void *data,
				   const struct file_operations *fops)
{
	(void)mode;
	(void)data;
	(void)fops;
	seam_create_file(parent, name);
	return parent;
}

void debugfs_remove(struct dentry *dentry)
{
	seam_remove_dir(dentry);
}

struct dentry *debugfs_rename(struct dentry *old_dir, struct dentry *entry,
			      struct dentry *new_dir, const char *name)
{
	int error = seam_rename_dir(entry, name);

	(void)old_dir;
	(void)new_dir;
	return error ? ERR_PTR(error) : entry;
}

int debugfs_change_name(struct dentry *entry, const char *fmt, ...)
{
	char name[256];
	va_list args;

	if (IS_ERR_OR_NULL(entry))
		return 0;
	va_start(args, fmt);
	kernel_vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	return seam_dir_is_called(entry, name) ? 0 :
						 seam_rename_dir(entry, name);
}

/* ---- text ------------------------------------------------------------------ */

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		s++;
	return s;
}

/* One number in base 10; NULL: there is none. A minus is for signed ones. */
static const char *parse_number(const char *s, bool is_signed,
				unsigned long long *out)
{
	const bool minus = is_signed && *s == '-';

	s += minus;
	if (*s < '0' || *s > '9')
		return NULL;
	for (*out = 0; *s >= '0' && *s <= '9'; s++)
		*out = *out * 10 + (unsigned long long)(*s - '0');
	if (minus)
		*out = -*out;
	return s;
}

/* %d, %u with l and ll, and blanks: what the tree's files ask for. */
int vsscanf(const char *text, const char *fmt, va_list args)
{
	int n = 0;

	while (*fmt) {
		unsigned long long value;
		int longs = 0;

		if (*fmt != '%') {
			if (skip_blanks(fmt) != fmt) {
				fmt = skip_blanks(fmt);
				text = skip_blanks(text);
			} else if (*fmt++ != *text++) {
				break;
			}
			continue;
		}
		while (*++fmt == 'l')
			longs++;
		if (*fmt != 'd' && *fmt != 'u')
			kernel_oops("sscanf(): no conversion %%%c here", *fmt);
		text = parse_number(skip_blanks(text), *fmt++ == 'd', &value);
		if (!text)
			break;
		if (longs == 2)
			*va_arg(args, unsigned long long *) = value;
		else if (longs)
			*va_arg(args, unsigned long *) = (unsigned long)value;
		else
			*va_arg(args, unsigned int *) = (unsigned int)value;
		n++;
	}
	return n;
}

int sscanf(const char *text, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsscanf(text, fmt, args);
	va_end(args);
	return n;
}

/* ---- named, never called ---------------------------------------------------- */

struct module kernel_this_module;

static _Noreturn void not_here(const char *what)
{
	kernel_oops("%s is not called here", what);
}

ssize_t seq_read(struct file *file, char __user *to, size_t n, loff_t *pos)
{
	(void)file, (void)to, (void)n, (void)pos;
	not_here("seq_read()");
}

loff_t seq_lseek(struct file *file, loff_t offset, int whence)
{
	(void)file, (void)offset, (void)whence;
	not_here("seq_lseek()");
}

int single_release(struct inode *inode, struct file *file)
{
	(void)inode, (void)file;
	not_here("single_release()");
}

bool kernel_signal_pending(void)
{
	return false; /* whoever gives up is told by the pass's end */
}

struct task_struct *kernel_current(void)
{
	return NULL;
}

/* ---- of the runtime's own files ----------------------------------------------- */

const char *kernel_symbol(const void *address)
{
	(void)address;
	return NULL;
}
