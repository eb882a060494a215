/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Otherwise: inodes, mappings and superblocks have only the members that do
 * not need a file system behind them. A driver that uses another one does not
 * compile, and the error names it. Where a whole kernel's include/ stands behind
 * ours, its own are taken: they are memory that only the driver knows.
 */
#if !defined(__KERNEL__) || __has_include_next(<linux/kconfig.h>)
#if defined(__KERNEL__)
#include <linux/kobject.h>
#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/srcu.h>
#endif
#include_next <linux/fs.h>
#elif !defined(_LINUX_FS_H)
#define _LINUX_FS_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/list_bl.h>
#include <linux/list_lru.h>
#include <linux/mm_types.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stat.h>
#include <linux/time64.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

struct dentry;
struct file_system_type;
struct inode;
struct super_block;
struct vfsmount;

struct address_space {
	struct inode *host;
	struct xarray i_pages;
	gfp_t gfp_mask;
	unsigned long nrpages;
	unsigned long flags;
	void *i_private_data;
};

struct super_block {
	struct list_head s_list;
	dev_t s_dev;
	unsigned char s_blocksize_bits;
	unsigned long s_blocksize;
	loff_t s_maxbytes;
	unsigned long s_flags;
	unsigned long s_magic;
	struct dentry *s_root;
	struct rw_semaphore s_umount;
	int s_count;
	atomic_t s_active;
	struct file_system_type *s_type;
	char s_id[32];
	void *s_fs_info;
	struct shrinker *s_shrink;
	atomic_long_t s_remove_count;
	struct list_lru s_dentry_lru;
	struct list_lru s_inode_lru;
	spinlock_t s_inode_list_lock;
	struct list_head s_inodes;
};

struct inode {
	umode_t i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	unsigned int i_flags;
	struct super_block *i_sb;
	struct address_space *i_mapping;
	unsigned long i_ino;
	unsigned int i_nlink;
	loff_t i_size;
	spinlock_t i_lock;
	unsigned char i_blkbits;
	unsigned long i_state;
	struct rw_semaphore i_rwsem;
	struct hlist_node i_hash;
	struct list_head i_lru;
	struct list_head i_sb_list;
	atomic_t i_count;
	struct address_space i_data;
	void *i_private;
};

struct file {
	fmode_t f_mode;
	unsigned int f_flags;
	struct inode *f_inode;
	struct address_space *f_mapping;
	loff_t f_pos;
	void *private_data;
};

#define FMODE_READ ((fmode_t)0x1)
#define FMODE_WRITE ((fmode_t)0x2)

#define I_DIRTY_SYNC (1 << 0)
#define I_DIRTY_DATASYNC (1 << 1)
#define I_DIRTY_PAGES (1 << 2)
#define I_NEW (1 << 3)
#define I_WILL_FREE (1 << 4)
#define I_FREEING (1 << 5)
#define I_CLEAR (1 << 6)
#define I_SYNC (1 << 7)
#define I_REFERENCED (1 << 8)
#define I_DIRTY (I_DIRTY_SYNC | I_DIRTY_DATASYNC | I_DIRTY_PAGES)

#define SB_RDONLY (1UL << 0)
#define SB_ACTIVE (1UL << 30)
#define SB_BORN (1UL << 29)

static inline struct inode *file_inode(const struct file *f)
{
	return f->f_inode;
}

static inline loff_t i_size_read(const struct inode *inode)
{
	return READ_ONCE(inode->i_size);
}

static inline void i_size_write(struct inode *inode, loff_t size)
{
	WRITE_ONCE(inode->i_size, size);
}

static inline unsigned int i_blocksize(const struct inode *inode)
{
	return 1U << inode->i_blkbits;
}

static inline bool sb_rdonly(const struct super_block *sb)
{
	return sb->s_flags & SB_RDONLY;
}

static inline void inode_lock(struct inode *inode)
{
	down_write(&inode->i_rwsem);
}

static inline void inode_unlock(struct inode *inode)
{
	up_write(&inode->i_rwsem);
}

static inline void inode_lock_shared(struct inode *inode)
{
	down_read(&inode->i_rwsem);
}

static inline void inode_unlock_shared(struct inode *inode)
{
	up_read(&inode->i_rwsem);
}

#endif
