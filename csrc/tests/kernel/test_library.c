// SPDX-License-Identifier: GPL-2.0-only
/* What file systems and protocols take from the kernel's library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../check.h"

#include <shrinkpy/driver.h>
#include <shrinkpy/oops.h>

#include <asm/checksum.h>
#include <linux/cred.h>
#include <linux/kthread.h>
#include <linux/lockref.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu-rwsem.h>
#include <linux/percpu_counter.h>
#include <linux/pid.h>
#include <linux/radix-tree.h>
#include <linux/refcount.h>
#include <linux/sched/task_stack.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <net/ipv6.h>
#include <net/netns/generic.h>

static void kmalloc_is_aligned_as_its_caches(void)
{
	size_t size;
	void *p;

	for (size = 16; size <= 4096; size *= 2) {
		p = kmalloc(size, GFP_KERNEL);
		CHECK_EQ((unsigned long)p % size, 0);
		kfree(p);
	}
}

/* ---- counts ------------------------------------------------------------ */

static bool is_parked(refcount_t *r)
{
	return (int)refcount_read(r) < 0;
}

static void a_count_goes_up_and_down(void)
{
	refcount_t r = REFCOUNT_INIT(1);

	refcount_inc(&r);
	CHECK(refcount_inc_not_zero(&r));
	refcount_add(3, &r);
	CHECK_EQ(refcount_read(&r), 6);
	CHECK(!refcount_sub_and_test(4, &r));
	CHECK(refcount_dec_not_one(&r));
	CHECK(!refcount_dec_not_one(&r));
	CHECK_EQ(refcount_read(&r), 1);
	CHECK(refcount_dec_and_test(&r));
	CHECK(!refcount_inc_not_zero(&r));
	refcount_set(&r, 1);
	CHECK(refcount_dec_if_one(&r));
	CHECK(!refcount_dec_if_one(&r));
	CHECK_EQ(refcount_read(&r), 0);
}

static void a_count_that_is_wrong_stays_where_it_does_no_harm(void)
{
	refcount_t r = REFCOUNT_INIT(0);

	refcount_inc(&r);
	CHECK(is_parked(&r));
	CHECK(refcount_inc_not_zero(&r) && is_parked(&r));
	CHECK(!refcount_dec_and_test(&r) && is_parked(&r));
	CHECK(refcount_dec_not_one(&r) && is_parked(&r));
	refcount_set(&r, INT_MAX);
	refcount_inc(&r);
	CHECK(is_parked(&r));
	refcount_set(&r, 1);
	CHECK(!refcount_sub_and_test(2, &r) && is_parked(&r));
	refcount_set(&r, 1);
	refcount_dec(&r);
	CHECK(is_parked(&r));
}

/* ---- sequence counters ------------------------------------------------- */

static DEFINE_SEQLOCK(seqlock);
static u64 left_of, right_of;

static int write_pairs(void *arg)
{
	u64 i;

	(void)arg;
	for (i = 1; !kthread_should_stop(); i++) {
		write_seqlock(&seqlock);
		WRITE_ONCE(left_of, i);
		WRITE_ONCE(right_of, i);
		write_sequnlock(&seqlock);
	}
	return 0;
}

static void a_reader_sees_no_half_written_pair(void)
{
	struct task_struct *t = kthread_run(write_pairs, NULL, "writer");
	unsigned int seq, i, torn = 0;
	u64 l, r;

	for (i = 0; i < 2000; i++) {
		do {
			seq = read_seqbegin(&seqlock);
			l = READ_ONCE(left_of);
			r = READ_ONCE(right_of);
		} while (read_seqretry(&seqlock, seq));
		torn += l != r;
	}
	CHECK_EQ(torn, 0);
	kthread_stop(t);
}

static void a_counter_says_whether_somebody_wrote(void)
{
	seqcount_t s = SEQCNT_ZERO(s);
	unsigned int start = read_seqcount_begin(&s);
	int seq = 0;

	CHECK(!read_seqcount_retry(&s, start));
	write_seqcount_begin(&s);
	CHECK(raw_read_seqcount(&s) & 1);
	CHECK(read_seqcount_retry(&s, raw_seqcount_begin(&s)));
	write_seqcount_end(&s);
	CHECK(read_seqcount_retry(&s, start));
	start = read_seqcount_begin(&s);
	write_seqcount_invalidate(&s);
	CHECK(read_seqcount_retry(&s, start));

	/* First without the lock, then with it. */
	read_seqbegin_or_lock(&seqlock, &seq);
	write_seqlock(&seqlock);
	write_sequnlock(&seqlock);
	CHECK(need_seqretry(&seqlock, seq));
	seq = 1;
	read_seqbegin_or_lock(&seqlock, &seq);
	CHECK(spin_is_locked(&seqlock.lock));
	CHECK(!need_seqretry(&seqlock, seq));
	done_seqretry(&seqlock, seq);
	CHECK(!spin_is_locked(&seqlock.lock));
}

static void reading_what_one_writes_is_an_oops(void)
{
	struct sp_boundary b;

	write_seqlock(&seqlock);
	if (sp_boundary_oopsed(&b)) {
		CHECK(strstr(b.reason.text, "reads what it is writing"));
	} else {
		read_seqbegin(&seqlock);
		CHECK(false);
		sp_boundary_leave(&b);
	}
	write_sequnlock(&seqlock);
}

/* ---- references and counters ------------------------------------------- */

static void a_lockref_lives_and_dies(void)
{
	struct lockref ref = { .lock = __SPIN_LOCK_UNLOCKED(ref.lock),
			       .count = 1 };

	lockref_get(&ref);
	CHECK_EQ(ref.count, 2);
	CHECK_EQ(lockref_put_not_zero(&ref), 1);
	CHECK_EQ(lockref_put_not_zero(&ref), 0);
	CHECK_EQ(lockref_put_or_lock(&ref), 0);
	CHECK(spin_is_locked(&ref.lock));
	CHECK_EQ(ref.count, 1);
	spin_unlock(&ref.lock);
	CHECK_EQ(lockref_put_return(&ref), 0);
	CHECK_EQ(lockref_put_return(&ref), -1);
	CHECK_EQ(lockref_get_not_zero(&ref), 0);
	CHECK_EQ(lockref_get_not_dead(&ref), 1);
	spin_lock(&ref.lock);
	lockref_mark_dead(&ref);
	spin_unlock(&ref.lock);
	CHECK(__lockref_is_dead(&ref));
	CHECK_EQ(lockref_get_not_dead(&ref), 0);
}

static void the_last_one_comes_with_the_lock(void)
{
	static DEFINE_SPINLOCK(lock);
	atomic_t count = ATOMIC_INIT(2);

	CHECK_EQ(atomic_dec_and_lock(&count, &lock), 0);
	CHECK(!spin_is_locked(&lock));
	CHECK_EQ(atomic_dec_and_lock(&count, &lock), 1);
	CHECK(spin_is_locked(&lock));
	spin_unlock(&lock);
}

static int ended;

static void end(struct percpu_ref *ref)
{
	(void)ref;
	ended++;
}

static void a_percpu_ref_ends_when_it_was_killed(void)
{
	struct percpu_ref ref;

	CHECK_EQ(percpu_ref_init(&ref, end, 0, GFP_KERNEL), 0);
	CHECK(percpu_ref_tryget_live(&ref));
	percpu_ref_kill(&ref);
	CHECK(percpu_ref_is_dying(&ref));
	CHECK(!percpu_ref_tryget_live(&ref));
	CHECK(percpu_ref_tryget(&ref));
	percpu_ref_put_many(&ref, 2);
	CHECK_EQ(ended, 1);
	CHECK(percpu_ref_is_zero(&ref));
	CHECK(!percpu_ref_tryget(&ref));
	percpu_ref_reinit(&ref);
	CHECK(percpu_ref_tryget_live(&ref));
	percpu_ref_put(&ref);
	percpu_ref_kill(&ref);
	CHECK_EQ(ended, 2);
	percpu_ref_exit(&ref);
}

static void a_percpu_counter_counts(void)
{
	struct percpu_counter c[2];

	CHECK_EQ(percpu_counter_init_many(c, 5, GFP_KERNEL, 2), 0);
	percpu_counter_add(&c[1], -7);
	CHECK_EQ(percpu_counter_sum(&c[1]), -2);
	CHECK_EQ(percpu_counter_read_positive(&c[1]), 0);
	CHECK_EQ(percpu_counter_compare(&c[0], 6), -1);
	CHECK(percpu_counter_limited_add(&c[0], 10, 5));
	CHECK(!percpu_counter_limited_add(&c[0], 10, 1));
	CHECK_EQ(percpu_counter_read(&c[0]), 10);
	CHECK(percpu_counter_initialized(&c[1]));
	percpu_counter_destroy_many(c, 2);
	CHECK(!percpu_counter_initialized(&c[1]));
}

static void a_percpu_rwsem_has_readers_or_a_writer(void)
{
	static DEFINE_PERCPU_RWSEM(sem);

	percpu_down_read(&sem);
	CHECK(percpu_is_read_locked(&sem));
	percpu_up_read(&sem);
	percpu_down_write(&sem);
	CHECK(percpu_rwsem_is_held(&sem));
	percpu_up_write(&sem);
	CHECK(!percpu_rwsem_is_held(&sem));
}

static void guards_end_with_their_scope(void)
{
	static DEFINE_SPINLOCK(lock);
	static DEFINE_MUTEX(mutex);
	int turns = 0;

	{
		guard(spinlock)(&lock);
		guard(rcu)();
		CHECK(spin_is_locked(&lock));
		CHECK(rcu_read_lock_held());
	}
	CHECK(!spin_is_locked(&lock));
	CHECK(!rcu_read_lock_held());
	scoped_guard(mutex, &mutex)
	{
		CHECK(mutex_is_locked(&mutex));
		turns++;
	}
	CHECK(!mutex_is_locked(&mutex));
	CHECK_EQ(turns, 1);
}

/* ---- radix trees ------------------------------------------------------- */

static void a_radix_tree_is_an_array_of_items(void)
{
	RADIX_TREE(tree, GFP_KERNEL);
	struct radix_tree_iter iter;
	static int items[100];
	void *out[10], **slot;
	unsigned int i, seen = 0;

	for (i = 0; i < 100; i++)
		CHECK_EQ(radix_tree_insert(&tree, i * 70ul, &items[i]), 0);
	CHECK_EQ(radix_tree_insert(&tree, 70, &items[5]), -EEXIST);
	CHECK(radix_tree_lookup(&tree, 70) == &items[1]);
	CHECK(!radix_tree_lookup(&tree, 71));
	CHECK_EQ(radix_tree_gang_lookup(&tree, out, 71, 10), 10);
	CHECK(out[0] == &items[2] && out[9] == &items[11]);
	CHECK(radix_tree_tag_set(&tree, 140, 0) == &items[2]);
	CHECK(radix_tree_tag_set(&tree, 210, 0) == &items[3]);
	CHECK(radix_tree_tagged(&tree, 0));
	CHECK(!radix_tree_tagged(&tree, 1));
	CHECK_EQ(radix_tree_gang_lookup_tag(&tree, out, 0, 10, 0), 2);
	CHECK_EQ(radix_tree_tag_get(&tree, 140, 0), 1);
	radix_tree_tag_clear(&tree, 140, 0);
	CHECK_EQ(radix_tree_tag_get(&tree, 140, 0), 0);
	radix_tree_for_each_tagged(slot, &tree, &iter, 0, 0)
	{
		CHECK(radix_tree_deref_slot(slot) == &items[3]);
		seen++;
	}
	CHECK_EQ(seen, 1);
	CHECK(!radix_tree_delete_item(&tree, 70, &items[2]));
	CHECK(radix_tree_delete_item(&tree, 70, &items[1]) == &items[1]);
	radix_tree_for_each_slot(slot, &tree, &iter, 0)
		radix_tree_iter_delete(&tree, &iter, slot);
	CHECK(radix_tree_empty(&tree));
}

/* ---- who a task is ----------------------------------------------------- */

static void a_task_takes_credentials_and_gives_them_back(void)
{
	const struct cred *mine = current_cred(), *was;
	struct cred *other = prepare_kernel_cred(&init_task);
	struct group_info *groups = groups_alloc(3);

	CHECK(uid_eq(current_fsuid(), GLOBAL_ROOT_UID));
	other->fsuid = make_kuid(&init_user_ns, 1000);
	CHECK(cred_fscmp(mine, other) < 0);
	groups->gid[0] = KGIDT_INIT(30);
	groups->gid[1] = KGIDT_INIT(10);
	groups->gid[2] = KGIDT_INIT(20);
	groups_sort(groups);
	set_groups(other, groups);
	put_group_info(groups);
	was = override_creds(other);
	CHECK(was == mine);
	CHECK_EQ(from_kuid(&init_user_ns, current_fsuid()), 1000);
	CHECK(in_group_p(KGIDT_INIT(20)));
	CHECK(!in_group_p(KGIDT_INIT(21)));
	revert_creds(was);
	CHECK(current_cred() == mine);
	put_cred(other);
	rcu_barrier();
}

static void a_pid_is_a_tasks(void)
{
	struct pid *mine = get_task_pid(current, PIDTYPE_PID);

	CHECK_EQ(pid_nr(mine), current->pid);
	CHECK(pid_task(mine, PIDTYPE_PID) == current);
	CHECK(find_get_pid(current->pid) == mine);
	CHECK(find_ge_pid(current->pid, NULL) == mine);
	CHECK(!find_vpid(0));
	CHECK_EQ(pid_nr(NULL), 0);
	put_pid(mine);
}

static void what_is_on_the_stack_is_known(void)
{
	static int elsewhere;
	int here;

	CHECK(object_is_on_stack(&here));
	CHECK(!object_is_on_stack(&elsewhere));
}

/* ---- the network namespace --------------------------------------------- */

static unsigned int first_id, second_id;
static int inits, exits;

static int init_one(struct net *net)
{
	int *of = net_generic(net, first_id);

	CHECK_EQ(*of, 0);
	*of = ++inits;
	return inits == 2 ? -EIO : 0;
}

static void exit_one(struct net *net)
{
	CHECK(*(int *)net_generic(net, first_id) == inits);
	exits++;
}

static void a_namespace_has_memory_for_each(void)
{
	struct pernet_operations first = { .init = init_one,
					   .exit = exit_one,
					   .id = &first_id,
					   .size = sizeof(int) },
				 second = { .id = &second_id, .size = 100 };

	CHECK_EQ(register_pernet_subsys(&first), 0);
	CHECK_EQ(register_pernet_subsys(&second), 0);
	CHECK(first_id && second_id && first_id != second_id);
	CHECK(net_generic(&init_net, second_id));
	unregister_pernet_subsys(&second);
	unregister_pernet_subsys(&first);
	CHECK_EQ(exits, 1);
	CHECK_EQ(register_pernet_subsys(&first), -EIO);
	CHECK(!init_net.generic[first_id]);
}

static void an_address_is_of_a_sort(void)
{
	struct in6_addr a = { 0 };

	CHECK_EQ(ipv6_addr_type(&a), IPV6_ADDR_ANY);
	a.s6_addr[15] = 1;
	CHECK(ipv6_addr_type(&a) & IPV6_ADDR_LOOPBACK);
	a.s6_addr[0] = 0xfe;
	a.s6_addr[1] = 0x80;
	CHECK(ipv6_addr_type(&a) & IPV6_ADDR_LINKLOCAL);
	a.s6_addr[0] = 0xff;
	CHECK_EQ(ipv6_addr_type(&a), IPV6_ADDR_MULTICAST);
	ipv6_addr_set_v4mapped(htonl(0x01020304), &a);
	CHECK_EQ(ipv6_addr_type(&a), IPV6_ADDR_MAPPED);
	CHECK_EQ(a.s6_addr[12], 1);
}

static void a_sum_does_not_care_where_it_is_cut(void)
{
	/* A header of RFC 1071's kind: with its checksum in, it sums to 0. */
	u8 header[20] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
			  0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8,
			  0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };
	__sum16 sum = ip_fast_csum(header, 5);

	CHECK_EQ(ntohs(sum), 0xb861);
	memcpy(header + 10, &sum, sizeof(sum));
	CHECK_EQ(ip_compute_csum(header, sizeof(header)), 0);
	CHECK_EQ(csum_fold(csum_partial(header + 8, 12,
					csum_partial(header, 8, 0))),
		 0);
}

/* The n-th allocation from now on; 0: none. */
static void fail(unsigned long n)
{
	sp_fault_fail_nth(kernel_machine, n, 1u << SP_SITE_KMALLOC);
}

/* ---- parameters, pages ------------------------------------------------- */

static void a_parameter_is_read_and_shown(void)
{
	unsigned int n = 7;
	bool on = false;
	const struct kernel_param number = { .arg = &n }, flag = { .arg = &on };
	char text[40];

	CHECK_EQ(param_set_uint("0x10", &number), 0);
	CHECK_EQ(n, 16);
	CHECK_EQ(param_set_uint("-1", &number), -EINVAL);
	CHECK_EQ(param_set_uint_minmax("20", &number, 1, 19), -EINVAL);
	CHECK_EQ(param_get_uint(text, &number), 3);
	CHECK(!strcmp(text, "16\n"));
	CHECK_EQ(param_set_bool(NULL, &flag), 0);
	CHECK(on);
	param_get_bool(text, &flag);
	CHECK(!strcmp(text, "Y\n"));
}

static void pages_side_by_side_have_an_address(void)
{
	struct page *block = alloc_pages(GFP_KERNEL, 2), *pages[4] = { 0 };
	unsigned int i;

	for (i = 0; i < 4; i++)
		pages[i] = block + i;
	CHECK(vmap(pages, 4, VM_MAP, PAGE_KERNEL) == page_address(block));
	pages[2] = block;
	CHECK(!vmap(pages, 4, VM_MAP, PAGE_KERNEL));
	__free_pages(block, 2);

	memset(pages, 0, sizeof(pages));
	pages[1] = alloc_page(GFP_KERNEL);
	CHECK_EQ(alloc_pages_bulk_array(GFP_KERNEL, 4, pages), 4);
	fail(1);
	CHECK_EQ(alloc_pages_bulk_array(GFP_KERNEL, 4, pages), 4);
	fail(0);
	for (i = 0; i < 4; i++)
		__free_page(pages[i]);
	memset(pages, 0, sizeof(pages));
	fail(2);
	CHECK_EQ(alloc_pages_bulk_array(GFP_KERNEL, 4, pages), 1);
	fail(0);
	__free_page(pages[0]);
}

static void a_folio_is_its_head_page(void)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 2);
	struct page *tail = folio_page(folio, 3);

	CHECK_EQ(folio_nr_pages(folio), 4);
	CHECK(page_folio(tail) == folio && PageTail(tail));
	folio_set_dirty(folio);
	CHECK(PageDirty(tail) && folio_test_dirty(folio));
	CHECK(folio_test_clear_dirty(folio));
	CHECK(!PageDirty(&folio->page));
	folio->private = &folio;
	CHECK_EQ(page_private(&folio->page), (unsigned long)&folio);
	folio_put(folio);
}

int main(void)
{
	struct machine *m = make_machine(1, true);
	char *leaks;
	size_t len;

	sp_driver_attach(m);
	kmalloc_is_aligned_as_its_caches();
	a_count_goes_up_and_down();
	a_count_that_is_wrong_stays_where_it_does_no_harm();
	a_reader_sees_no_half_written_pair();
	a_counter_says_whether_somebody_wrote();
	reading_what_one_writes_is_an_oops();
	a_lockref_lives_and_dies();
	the_last_one_comes_with_the_lock();
	a_percpu_ref_ends_when_it_was_killed();
	a_percpu_counter_counts();
	a_percpu_rwsem_has_readers_or_a_writer();
	guards_end_with_their_scope();
	a_radix_tree_is_an_array_of_items();
	a_task_takes_credentials_and_gives_them_back();
	a_pid_is_a_tasks();
	what_is_on_the_stack_is_known();
	a_namespace_has_memory_for_each();
	an_address_is_of_a_sort();
	a_sum_does_not_care_where_it_is_cut();
	a_parameter_is_read_and_shown();
	pages_side_by_side_have_an_address();
	a_folio_is_its_head_page();
	CHECK_EQ(sp_driver_leaks(&leaks, &len), SP_OK);
	CHECK_EQ(len, 0);
	if (len)
		fprintf(stderr, "%s\n", leaks);
	sp_text_free(&leaks);
	sp_driver_detach();
	sp_machine_destroy(m);
	return report("test_library");
}
