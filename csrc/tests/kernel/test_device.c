// SPDX-License-Identifier: GPL-2.0-only
/* Devices, DMA, scatterlists and pages of drivers. */
#include "../check.h"

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/set_memory.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>
#include <shrinkpy/driver.h>
#include <shrinkpy/oops.h>

/* ---- kobjects and devices ---------------------------------------------- */

static char order[16];

static void note(void *data)
{
	strcat(order, data);
}

static void device_goes(struct device *dev)
{
	note("r");
	kfree(dev);
}

static void kobject_goes(struct kobject *kobj)
{
	kfree(kobj);
}

static const struct kobj_type of_test = { .release = kobject_goes };

static void kobjects(void)
{
	struct kset *set = kset_create_and_add("set", NULL, kernel_kobj);
	struct kobject *folder = kobject_create_and_add("folder", mm_kobj), *in;

	CHECK(set && folder);
	CHECK(!strcmp(kobject_name(folder), "folder"));
	CHECK_EQ(kref_read(&mm_kobj->kref), 2);
	in = kobject_create_and_add("in", folder);
	CHECK(in->parent == folder);
	kobject_put(folder); /* stays, for what is in it */
	CHECK(!strcmp(kobject_name(in->parent), "folder"));
	kobject_put(in);
	CHECK_EQ(kref_read(&mm_kobj->kref), 1);
	in = kzalloc(sizeof(*in), GFP_KERNEL);
	in->kset = set;
	CHECK_EQ(kobject_init_and_add(in, &of_test, NULL, "%d", 5), 0);
	CHECK(!strcmp(kobject_name(in), "5") && in->parent == &set->kobj);
	CHECK(!list_empty(&set->list));
	kobject_del(in);
	CHECK(list_empty(&set->list));
	kobject_put(in);
	kset_unregister(set);
}

static void devices(void)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	char *p, *q;

	dev->release = device_goes;
	dev->init_name = "first";
	CHECK_EQ(device_register(dev), 0);
	CHECK(!strcmp(dev_name(dev), "first"));
	p = devm_kzalloc(dev, 100, GFP_KERNEL);
	q = devm_kcalloc(dev, 5, 20, GFP_KERNEL);
	CHECK(p && q && !p[99] && !q[99]);
	CHECK(!devm_kcalloc(dev, ~0ul, 20, GFP_KERNEL));
	CHECK_EQ(devm_add_action(dev, note, "1"), 0);
	CHECK_EQ(devm_add_action_or_reset(dev, note, "2"), 0);
	devm_kfree(dev, p);
	sp_fault_fail_nth(kernel_machine, 1, ~0u);
	CHECK_EQ(devm_add_action_or_reset(dev, note, "x"), -ENOMEM);
	get_device(dev);
	device_unregister(dev);
	CHECK(!strcmp(order, "x"));
	put_device(dev); /* what goes with it, the last first, and itself */
	CHECK(!strcmp(order, "x21r"));
	order[0] = '\0';
}

static struct bus_type bus = { .name = "bus" }, other = { .name = "other" };
static char seen[8];

static int see(struct device *dev, void *until)
{
	strcat(seen, dev_name(dev));
	device_del(dev);
	return !strcmp(dev_name(dev), until);
}

static int is_named(struct device *dev, const void *name)
{
	return !strcmp(dev_name(dev), name);
}

static void buses(void)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct device *dev[4];
	int i;

	CHECK_EQ(bus_register(&bus), 0);
	for (i = 0; i < 4; i++) {
		dev[i] = kzalloc(sizeof(**dev), GFP_KERNEL);
		dev[i]->release = device_goes;
		dev[i]->bus = i == 1 ? &other : &bus;
		dev[i]->init_name = names[i];
		CHECK_EQ(device_register(dev[i]), 0);
	}
	CHECK(!bus_find_device(&bus, NULL, "b", is_named));
	CHECK(!bus_find_device(&bus, dev[2], "c", is_named));
	CHECK(bus_find_device(&bus, dev[1], "d", is_named) == dev[3]);
	put_device(dev[3]);
	CHECK_EQ(bus_for_each_dev(&bus, NULL, "c", see), 1);
	CHECK(!strcmp(seen, "ac"));
	CHECK_EQ(bus_for_each_dev(&bus, NULL, "", see), 0);
	CHECK(!strcmp(seen, "acd"));
	device_del(dev[1]);
	for (i = 0; i < 4; i++)
		put_device(dev[i]);
	order[0] = '\0';
	bus_unregister(&bus);
}

static void uevents(void)
{
	struct kobj_uevent_env *env = kzalloc(sizeof(*env), GFP_KERNEL);
	int n = 0;

	CHECK_EQ(add_uevent_var(env, "A=%d", 1), 0);
	CHECK_EQ(add_uevent_var(env, "B=%s", "two"), 0);
	CHECK(!strcmp(env->envp[0], "A=1") && !strcmp(env->envp[1], "B=two"));
	while (!add_uevent_var(env, "%0100d", n))
		n++;
	CHECK_EQ(n, 20); /* 10 bytes are taken, and each is one of 101 */
	kfree(env);
}

static void attributes(void)
{
	char *page = (char *)get_zeroed_page(GFP_KERNEL);
	int n = sysfs_emit(page, "%d\n", 12);

	CHECK_EQ(n, 3);
	CHECK_EQ(sysfs_emit_at(page, n, "%s", "more"), 4);
	CHECK(!strcmp(page, "12\nmore"));
	CHECK_EQ(sysfs_emit_at(page, 4090, "%s", "too long for it"), 5);
	CHECK_EQ(sp_warnings(kernel_machine, SP_WARN), 0);
	CHECK_EQ(sysfs_emit(page + 1, "no page"), 0);
	CHECK_EQ(sp_warnings(kernel_machine, SP_WARN), 1);
	free_page((unsigned long)page);
}

/* ---- lists of memory --------------------------------------------------- */

static void lists(void)
{
	struct page *run = alloc_pages(GFP_KERNEL, 2), *one = alloc_page(0);
	struct page *pages[] = { &run[0], &run[1], one, &run[2], &run[3] };
	struct sg_page_iter it;
	struct sg_dma_page_iter dma;
	struct sg_table table;
	struct scatterlist *sg;
	char text[64] = { 0 };
	unsigned int i, n = 0;

	CHECK_EQ(sg_alloc_table_from_pages(&table, pages, 5, 4000, 16000,
					   GFP_KERNEL),
		 0);
	CHECK_EQ(table.orig_nents, 3);
	for_each_sgtable_sg(&table, sg, i) n += sg->length;
	CHECK_EQ(n, 16000);
	CHECK_EQ(table.sgl->offset, 4000);
	CHECK_EQ(table.sgl->length, 2 * PAGE_SIZE - 4000);
	CHECK_EQ(sg_nents(table.sgl), 3);
	CHECK_EQ(sg_nents_for_len(table.sgl, 4193), 2);
	CHECK_EQ(sg_nents_for_len(table.sgl, 16001), -EINVAL);
	CHECK(sg_last(table.sgl, 3)->page_link & SG_END);

	/* Over the edge of the first two pieces, and back. */
	CHECK_EQ(sg_pcopy_from_buffer(table.sgl, 3, "hello", 5, 4190), 5);
	CHECK(!memcmp((char *)page_address(&run[1]) + 4094, "he", 2));
	CHECK(!memcmp(page_address(one), "llo", 3));
	CHECK_EQ(sg_pcopy_to_buffer(table.sgl, 3, text, 5, 4190), 5);
	CHECK(!strcmp(text, "hello"));
	CHECK_EQ(sg_copy_to_buffer(table.sgl, 3, text, 0), 0);

	n = 0;
	for_each_sgtable_page(&table, &it, 0)
		CHECK(sg_page_iter_page(&it) == pages[n++]);
	CHECK_EQ(n, 5);
	CHECK_EQ(dma_map_sgtable(NULL, &table, DMA_TO_DEVICE, 0), 0);
	n = 1;
	for_each_sgtable_dma_page(&table, &dma, 1)
		CHECK_EQ(sg_page_iter_dma_address(&dma) & PAGE_MASK,
			 page_to_phys(pages[n++]));
	CHECK_EQ(sg_dma_address(table.sgl), sg_phys(table.sgl));
	dma_unmap_sgtable(NULL, &table, DMA_TO_DEVICE, 0);
	sg_free_table(&table);
	CHECK_EQ(sg_alloc_table(&table, 0, GFP_KERNEL), -EINVAL);
	__free_page(one);
	__free_pages(run, 2);
}

static void lists_of_buffers(void)
{
	char *one = kmalloc(10, GFP_KERNEL), *two = kmalloc(20, GFP_KERNEL);
	struct scatterlist list[3], more[2], *sg;
	int i, n = 0;

	sg_init_table(list, 3);
	sg_init_table(more, 2);
	sg_set_buf(&list[0], one, 10);
	sg_set_buf(&list[1], two, 20);
	sg_chain(list, 3, more);
	sg_set_buf(&more[0], two, 5);
	sg_init_one(&more[1], one + 1, 9);
	for_each_sg(list, sg, 4, i) n += (int)sg->length;
	CHECK_EQ(n, 44);
	CHECK_EQ(sg_nents(list), 4);
	CHECK(sg_virt(&list[1]) == two && sg_virt(&more[1]) == one + 1);
	CHECK_EQ(sg_copy_from_buffer(list, 2, "0123456789abcdefghij", 20), 20);
	CHECK(!memcmp(one, "0123456789", 10) && !memcmp(two, "abcdefghij", 10));
	CHECK_EQ(dma_map_sg(NULL, list, 2, DMA_TO_DEVICE), 2);
	CHECK_EQ(sg_dma_address(&list[1]), (unsigned long)two);
	kfree(one);
	kfree(two);
}

static void coherent_memory(void)
{
	dma_addr_t handle;
	char *p = dma_alloc_coherent(NULL, 3 * PAGE_SIZE, &handle, GFP_KERNEL);

	CHECK_EQ(handle, (unsigned long)p);
	CHECK_EQ(p[3 * PAGE_SIZE - 1], 0);
	CHECK_EQ(dma_map_single(NULL, p + 8, 8, DMA_FROM_DEVICE), handle + 8);
	CHECK_EQ(dma_mapping_error(NULL, handle), 0);
	CHECK(dma_mapping_error(NULL, DMA_MAPPING_ERROR));
	dma_free_coherent(NULL, 3 * PAGE_SIZE, p, handle);
}

/* ---- pages ------------------------------------------------------------- */

static void numbers_of_pages(void)
{
	struct page *run = alloc_pages(GFP_KERNEL, 2);
	char *v = vmalloc(3 * PAGE_SIZE);
	int i;

	for (i = 0; i < 4; i++) {
		CHECK(pfn_to_page(page_to_pfn(&run[i])) == &run[i]);
		CHECK(virt_to_page((char *)page_address(run) +
				   (size_t)i * PAGE_SIZE + 5) == &run[i]);
	}
	for (i = 0; i < 3; i++)
		CHECK(page_address(
			      vmalloc_to_page(v + (size_t)i * PAGE_SIZE + 9)) ==
		      v + (size_t)i * PAGE_SIZE);
	CHECK(!pfn_valid(1));
	CHECK_EQ(compound_order(run), 0);
	vfree(v);
	__free_pages(run, 2);
	run = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
	CHECK_EQ(compound_order(&run[3]), 2);
	CHECK_EQ(folio_nr_pages(page_folio(&run[1])), 4);
	__free_pages(run, 2);
	CHECK_EQ(get_order(1), 0);
	CHECK_EQ(get_order(PAGE_SIZE), 0);
	CHECK_EQ(get_order(PAGE_SIZE + 1), 1);
	CHECK_EQ(get_order(5 * PAGE_SIZE), 3);
}

static void split_pages(void)
{
	struct page *run = alloc_pages(GFP_KERNEL, 3);
	struct sp_alloc_stats stats;

	split_page(run, 3);
	__free_page(&run[5]);
	__free_pages(&run[0], 2);
	__free_page(&run[4]);
	sp_alloc_read(kernel_machine, &stats);
	CHECK_EQ(stats.charged, 8 * PAGE_SIZE);
	__free_pages(&run[6], 1);
	sp_alloc_read(kernel_machine, &stats);
	CHECK_EQ(stats.charged, 0);
}

static void counters(void)
{
	struct page *page = alloc_pages_node(1, GFP_KERNEL, 0);
	struct sysinfo info;
	long total = (long)totalram_pages();

	inc_zone_page_state(page, NR_ZSPAGES);
	mod_node_page_state(page_pgdat(page), NR_FILE_PAGES, 5);
	dec_node_page_state(page, NR_FILE_PAGES);
	CHECK_EQ(zone_page_state(page_zone(page), NR_ZSPAGES), 1);
	CHECK_EQ(node_page_state(NODE_DATA(1), NR_FILE_PAGES), 4);
	CHECK_EQ(node_page_state(NODE_DATA(0), NR_FILE_PAGES), 0);
	CHECK_EQ(global_node_page_state(NR_FILE_PAGES), 4);
	CHECK_EQ(global_zone_page_state(NR_ZSPAGES), 1);
	adjust_managed_page_count(page, -10);
	CHECK_EQ(totalram_pages(), total - 10);
	si_meminfo(&info);
	CHECK_EQ(info.freeram, total - 11);
	CHECK_EQ(si_mem_available(), total - 11);
	adjust_managed_page_count(page, 10);
	__free_page(page);
}

static bool isolates(struct page *page, isolate_mode_t mode)
{
	(void)page, (void)mode;
	return true;
}

static const struct movable_operations ops = { .isolate_page = isolates };

static void movable_pages(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	CHECK(!PageMovable(page));
	__SetPageMovable(page, &ops);
	CHECK(PageMovable(page) && page_movable_ops(page) == &ops);
	__ClearPageMovable(page);
	CHECK(!PageMovable(page) && __PageMovable(page));
	__free_page(page);
}

static void alignment(void)
{
	size_t size;
	void *p;

	for (size = 8; size <= 8192; size += 8) {
		const size_t divides = size & -size;

		p = kmalloc(size, GFP_KERNEL);
		if (divides <= PAGE_SIZE)
			CHECK(!((unsigned long)p & (divides - 1)));
		if (size > 192)
			CHECK(!((unsigned long)p & 63));
		kfree(p);
	}
}

/* ---- what ends in an oops ---------------------------------------------- */

static void a_page_that_is_not_cached(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	CHECK_EQ(set_pages_array_wc(&page, 1), 0);
	CHECK_EQ(set_pages_wb(page, 1), 0);
	CHECK_EQ(set_memory_uc((unsigned long)page_address(page), 1), 0);
	CHECK_EQ(set_memory_uc(PAGE_SIZE, 1), -EINVAL);
	__free_page(page);
}

static void a_split_page_twice(void)
{
	struct page *run = alloc_pages(GFP_KERNEL, 1);

	split_page(run, 1);
	__free_page(&run[1]);
	__free_page(&run[1]);
}

static void a_mapping_of_the_stack(void)
{
	int i = 0;

	dma_map_single(NULL, &i, sizeof(i), DMA_TO_DEVICE);
}

static void a_folio_that_is_not_locked(void)
{
	folio_unlock(page_folio(alloc_page(GFP_KERNEL)));
}

static void dies(void (*fn)(void), const char *text)
{
	struct machine *m = make_machine(1, true);
	struct sp_boundary b;

	CHECK_EQ(sp_driver_attach(m), 0);
	if (sp_boundary_oopsed(&b)) {
		CHECK_EQ(b.reason.status, SP_OOPS);
		CHECK(strstr(b.reason.text, text));
		sp_driver_exit();
		sp_driver_detach();
		sp_machine_destroy(m);
		return;
	}
	fn();
	sp_boundary_leave(&b);
	CHECK(!text);
}

static void leaves_nothing(void (*fn)(void))
{
	struct machine *m = make_machine(2, true);
	char *text;
	size_t len;

	CHECK_EQ(sp_driver_attach(m), 0);
	fn();
	sp_driver_exit();
	CHECK_EQ(sp_driver_leaks(&text, &len), SP_OK);
	CHECK_EQ(len, 0);
	if (len)
		fprintf(stderr, "%s", text);
	sp_text_free(&text);
	sp_driver_detach();
	sp_machine_destroy(m);
}

int main(void)
{
	leaves_nothing(kobjects);
	leaves_nothing(devices);
	leaves_nothing(buses);
	leaves_nothing(uevents);
	leaves_nothing(attributes);
	leaves_nothing(lists);
	leaves_nothing(lists_of_buffers);
	leaves_nothing(coherent_memory);
	leaves_nothing(numbers_of_pages);
	leaves_nothing(split_pages);
	leaves_nothing(counters);
	leaves_nothing(movable_pages);
	leaves_nothing(alignment);
	dies(a_page_that_is_not_cached, "is cached not at all");
	dies(a_split_page_twice, "that nobody holds");
	dies(a_mapping_of_the_stack, "a DMA mapping of what is no memory");
	dies(a_folio_that_is_not_locked, "not locked");
	return report("test_device");
}
