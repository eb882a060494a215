// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the block layer and a device-mapper target are to dm-bufio.c: a disk in
 * memory, which is done with an I/O when it is submitted, and one who reads and
 * writes its blocks through a dm_bufio client.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/dm-bufio.h>
#include <linux/dm-io.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

struct disk_io {
	unsigned int reads, writes; /* of blocks */
	int fail;                   /* what each I/O ends with */
};

struct disk {
	struct disk_io io;
	struct block_device bdev;
	struct request_queue queue;
	struct dm_bufio_client *client;
	unsigned char *data;
	unsigned int block_size;
};

static int transfer(struct block_device *bdev, bool write, sector_t sector,
		    void *memory, size_t len)
{
	struct disk *d = container_of(bdev, struct disk, bdev);
	unsigned char *at = d->data + (sector << SECTOR_SHIFT);

	if (d->io.fail)
		return d->io.fail;
	if (write) {
		memcpy(at, memory, len);
		d->io.writes++;
	} else {
		memcpy(memory, at, len);
		d->io.reads++;
	}
	return 0;
}

/* ---- the block layer --------------------------------------------------- */

blk_status_t errno_to_blk_status(int error)
{
	return error ? BLK_STS_IOERR : BLK_STS_OK;
}

int blk_status_to_errno(blk_status_t status)
{
	return status ? -EIO : 0;
}

void blk_start_plug(struct blk_plug *plug)
{
	(void)plug;
}

void blk_finish_plug(struct blk_plug *plug)
{
	(void)plug;
}

struct bio *bio_kmalloc(unsigned short n, gfp_t gfp)
{
	return kmalloc(struct_size((struct bio *)NULL, bi_inline_vecs, n), gfp);
}

void bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *vecs,
	      unsigned short n, blk_opf_t how)
{
	memset(bio, 0, sizeof(*bio));
	bio->bi_bdev = bdev;
	bio->bi_opf = how;
	bio->bi_io_vec = vecs;
	bio->bi_max_vecs = n;
}

void bio_uninit(struct bio *bio)
{
	(void)bio;
}

void __bio_add_page(struct bio *bio, struct page *page, unsigned int len,
		    unsigned int offset)
{
	BUG_ON(bio->bi_vcnt == bio->bi_max_vecs);
	bio->bi_io_vec[bio->bi_vcnt++] = (struct bio_vec){
		.bv_page = page, .bv_len = len, .bv_offset = offset
	};
	bio->bi_iter.bi_size += len;
}

void submit_bio(struct bio *bio)
{
	const struct bio_vec *v = bio->bi_io_vec;

	BUG_ON(bio->bi_vcnt != 1);
	bio->bi_status = errno_to_blk_status(transfer(
		bio->bi_bdev, op_is_write(bio_op(bio)), bio->bi_iter.bi_sector,
		(char *)page_address(v->bv_page) + v->bv_offset, v->bv_len));
	bio->bi_end_io(bio);
}

struct dm_io_client *dm_io_client_create(void)
{
	return kmalloc(1, GFP_KERNEL) ?: ERR_PTR(-ENOMEM);
}

void dm_io_client_destroy(struct dm_io_client *client)
{
	kfree(client);
}

int dm_io(struct dm_io_request *request, unsigned int n,
	  struct dm_io_region *region, unsigned long *errors,
	  unsigned short prio)
{
	int ret = 0;

	(void)n, (void)errors, (void)prio;
	if (region->count) /* else it is a flush */
		ret = transfer(region->bdev,
			       op_is_write(request->bi_opf & REQ_OP_MASK),
			       region->sector,
			       request->mem.type == DM_IO_VMA ?
				       request->mem.ptr.vma :
				       request->mem.ptr.addr,
			       region->count << SECTOR_SHIFT);
	if (!request->notify.fn)
		return ret;
	request->notify.fn(ret != 0, request->notify.context);
	return 0;
}

/* ---- who uses it ------------------------------------------------------- */

struct disk *disk_start(unsigned int blocks, unsigned int block_size)
{
	struct disk *d = kzalloc(sizeof(*d), GFP_KERNEL);
	unsigned int i;

	if (!d)
		return NULL;
	d->data = vzalloc((size_t)blocks * block_size);
	if (!d->data)
		goto free;
	for (i = 0; i < blocks; i++)
		memset(d->data + (size_t)i * block_size, i % 251, block_size);
	d->block_size = block_size;
	d->queue.limits.physical_block_size = SECTOR_SIZE;
	d->bdev.bd_queue = &d->queue;
	d->bdev.bd_nr_sectors = (sector_t)blocks * (block_size >> SECTOR_SHIFT);
	d->client = dm_bufio_client_create(&d->bdev, block_size, 1, 0, NULL,
					   NULL, 0);
	if (!IS_ERR(d->client))
		return d;
	vfree(d->data);
free:
	kfree(d);
	return NULL;
}

void disk_end(struct disk *d)
{
	dm_bufio_client_destroy(d->client);
	vfree(d->data);
	kfree(d);
}

struct disk_io *disk_io(struct disk *d)
{
	return &d->io;
}

/* NULL: an error. Held until dm_bufio_release(). */
struct dm_buffer *block_hold(struct disk *d, unsigned int block)
{
	struct dm_buffer *b;

	return IS_ERR(dm_bufio_read(d->client, block, &b)) ? NULL : b;
}

/* The byte that all of it is; -1: there is no such, -EIO. */
int block_read(struct disk *d, unsigned int block)
{
	struct dm_buffer *b = block_hold(d, block);
	const unsigned char *at;
	int value;

	if (!b)
		return -EIO;
	at = dm_bufio_get_block_data(b);
	value = memchr_inv(at, at[0], d->block_size) ? -1 : at[0];
	dm_bufio_release(b);
	return value;
}

int block_write(struct disk *d, unsigned int block, int value)
{
	struct dm_buffer *b;
	void *at = dm_bufio_new(d->client, block, &b);

	if (IS_ERR(at))
		return (int)PTR_ERR(at);
	memset(at, value, d->block_size);
	dm_bufio_mark_buffer_dirty(b);
	dm_bufio_release(b);
	return 0;
}

/* What is on the disk itself. */
int block_on_disk(struct disk *d, unsigned int block)
{
	return d->data[(size_t)block * d->block_size];
}

int disk_write_back(struct disk *d)
{
	return dm_bufio_write_dirty_buffers(d->client);
}
