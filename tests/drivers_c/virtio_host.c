// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a host, its transport and the virtio core are to virtio_balloon.c: a
 * device with queues, which is done with a buffer when it is kicked.
 */
#include <linux/completion.h>
#include <linux/module.h>
#include <linux/oom.h>
#include <linux/page_reporting.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>

enum { QUEUES = 5, DEPTH = 128 };

struct queue {
	struct virtqueue vq;
	spinlock_t lock;
	void *used[DEPTH];
	unsigned int head, tail; /* of used */
};

struct vm_count {
	unsigned int inflated, deflated; /* pages that the host was told of */
	unsigned int starts, hinted;     /* hints: of blocks */
};

struct host {
	struct vm_count count;
	struct virtio_device vdev;
	struct virtio_balloon_config config;
	struct queue queues[QUEUES];
	struct completion stopped;
	u8 status;
};

static struct virtio_driver *balloon;

static struct host *host_of(struct virtio_device *vdev)
{
	return container_of(vdev, struct host, vdev);
}

static struct queue *queue_of(struct virtqueue *vq)
{
	return container_of(vq, struct queue, vq);
}

/* ---- queues ------------------------------------------------------------ */

static int use(struct virtqueue *vq, void *data)
{
	struct queue *q = queue_of(vq);
	int ret = -ENOSPC;

	spin_lock(&q->lock);
	if (q->tail - q->head < DEPTH) {
		q->used[q->tail++ % DEPTH] = data;
		ret = 0;
	}
	spin_unlock(&q->lock);
	return ret;
}

int virtqueue_add_outbuf(struct virtqueue *vq, struct scatterlist *sg,
			 unsigned int n, void *data, gfp_t gfp)
{
	struct host *h = host_of(vq->vdev);

	(void)gfp;
	BUG_ON(n != 1);
	if (!strcmp(vq->name, "inflate"))
		h->count.inflated += sg->length / sizeof(__virtio32);
	else if (!strcmp(vq->name, "deflate"))
		h->count.deflated += sg->length / sizeof(__virtio32);
	else if (le32_to_cpu(*(__le32 *)sg_virt(sg)) !=
		 VIRTIO_BALLOON_CMD_ID_STOP)
		h->count.starts++;
	else
		complete(&h->stopped);
	return use(vq, data);
}

int virtqueue_add_inbuf(struct virtqueue *vq, struct scatterlist *sg,
			unsigned int n, void *data, gfp_t gfp)
{
	(void)sg, (void)n, (void)gfp;
	host_of(vq->vdev)->count.hinted++;
	return use(vq, data);
}

bool virtqueue_kick(struct virtqueue *vq)
{
	if (vq->callback)
		vq->callback(vq);
	return true;
}

void *virtqueue_get_buf(struct virtqueue *vq, unsigned int *len)
{
	struct queue *q = queue_of(vq);
	void *data = NULL;

	*len = 0;
	spin_lock(&q->lock);
	if (q->head != q->tail)
		data = q->used[q->head++ % DEPTH];
	spin_unlock(&q->lock);
	return data;
}

unsigned int virtqueue_get_vring_size(const struct virtqueue *vq)
{
	(void)vq;
	return DEPTH;
}

/* ---- the transport ----------------------------------------------------- */

static void get(struct virtio_device *vdev, unsigned int at, void *to,
		unsigned int len)
{
	memcpy(to, (char *)&host_of(vdev)->config + at, len);
}

static void set(struct virtio_device *vdev, unsigned int at, const void *from,
		unsigned int len)
{
	memcpy((char *)&host_of(vdev)->config + at, from, len);
}

static u8 get_status(struct virtio_device *vdev)
{
	return host_of(vdev)->status;
}

static void set_status(struct virtio_device *vdev, u8 status)
{
	host_of(vdev)->status = status;
}

static int find_vqs(struct virtio_device *vdev, unsigned int n,
		    struct virtqueue *vqs[], struct virtqueue_info infos[],
		    struct irq_affinity *affinity)
{
	unsigned int i;
	struct queue *q;

	(void)affinity;
	for (i = 0; i < n; i++) {
		q = &host_of(vdev)->queues[i];
		spin_lock_init(&q->lock);
		q->vq = (struct virtqueue){ .callback = infos[i].callback,
					    .name = infos[i].name,
					    .vdev = vdev,
					    .index = i,
					    .num_free = DEPTH };
		vqs[i] = infos[i].name ? &q->vq : NULL;
	}
	return 0;
}

static void del_vqs(struct virtio_device *vdev)
{
	(void)vdev;
}

static const struct virtio_config_ops ops = {
	.get = get,
	.set = set,
	.get_status = get_status,
	.set_status = set_status,
	.find_vqs = find_vqs,
	.del_vqs = del_vqs,
};

/* ---- virtio's core ----------------------------------------------------- */

int __register_virtio_driver(struct virtio_driver *drv, struct module *owner)
{
	(void)owner;
	balloon = drv;
	return 0;
}

void unregister_virtio_driver(struct virtio_driver *drv)
{
	BUG_ON(balloon != drv);
}

void virtio_check_driver_offered_feature(const struct virtio_device *vdev,
					 unsigned int bit)
{
	unsigned int i;

	(void)vdev;
	for (i = 0; i < balloon->feature_table_size; i++) {
		if (balloon->feature_table[i] == bit)
			return;
	}
	BUG();
}

void virtio_reset_device(struct virtio_device *vdev)
{
	set_status(vdev, 0);
}

int page_reporting_register(struct page_reporting_dev_info *info)
{
	(void)info;
	return -ENODEV;
}

void page_reporting_unregister(struct page_reporting_dev_info *info)
{
	(void)info;
}

/* ---- the host ---------------------------------------------------------- */

static void release(struct device *dev)
{
	kfree(host_of(dev_to_virtio(dev)));
}

/* NULL: the driver does not want it. */
struct host *vm_start(u64 features)
{
	struct host *h = kzalloc(sizeof(*h), GFP_KERNEL);

	if (!h)
		return NULL;
	init_completion(&h->stopped);
	h->vdev.config = &ops;
	h->vdev.features = features;
	h->vdev.dev.release = release;
	device_initialize(&h->vdev.dev);
	if (!balloon->probe(&h->vdev))
		return h;
	put_device(&h->vdev.dev);
	return NULL;
}

void vm_end(struct host *h)
{
	balloon->remove(&h->vdev);
	put_device(&h->vdev.dev);
}

struct vm_count *vm_count(struct host *h)
{
	return &h->count;
}

/* So many pages shall be in the balloon; waits until they are. */
void vm_wants(struct host *h, unsigned int pages)
{
	h->config.num_pages = cpu_to_le32(pages);
	balloon->config_changed(&h->vdev);
	while (le32_to_cpu(READ_ONCE(h->config.actual)) != pages)
		flush_workqueue(system_freezable_wq);
	flush_workqueue(system_freezable_wq);
}

unsigned int vm_actual(struct host *h)
{
	return le32_to_cpu(READ_ONCE(h->config.actual));
}

/* Asks for hints of what is free; waits for the last of them. */
void vm_asks_for_hints(struct host *h, unsigned int id)
{
	h->config.free_page_hint_cmd_id = cpu_to_le32(id);
	balloon->config_changed(&h->vdev);
	wait_for_completion(&h->stopped);
}

void vm_has_hints(struct host *h)
{
	h->config.free_page_hint_cmd_id =
		cpu_to_le32(VIRTIO_BALLOON_CMD_ID_DONE);
	balloon->config_changed(&h->vdev);
}

/* Memory runs out: how many pages came back. */
unsigned long out_of_memory(void)
{
	return kernel_oom_notify();
}
