// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a file system and its quota file are to dquot.c, as far as its shrinker
 * can tell: the file is an array, and says how often it was read and written.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/quota.h>
#include <linux/quotaops.h>
#include <linux/slab.h>

enum { FORMAT = 1, NR_USERS = 1024 };

static qsize_t on_disk[NR_USERS];
static unsigned long reads, writes;

static unsigned int user_of(struct dquot *dquot)
{
	return from_kqid(&init_user_ns, dquot->dq_id);
}

static int check_file(struct super_block *sb, int type)
{
	return 1;
}

static int nothing(struct super_block *sb, int type)
{
	return 0;
}

static int read_user(struct dquot *dquot)
{
	reads++;
	dquot->dq_off = 1 + user_of(dquot);
	dquot->dq_dqb.dqb_curspace = on_disk[user_of(dquot)];
	return 0;
}

static int write_user(struct dquot *dquot)
{
	writes++;
	on_disk[user_of(dquot)] = dquot->dq_dqb.dqb_curspace;
	return 0;
}

static const struct quota_format_ops format_ops = {
	.check_quota_file = check_file,
	.read_file_info = nothing,
	.write_file_info = nothing,
	.free_file_info = nothing,
	.read_dqblk = read_user,
	.commit_dqblk = write_user,
};

static struct quota_format_type format = {
	.qf_fmt_id = FORMAT,
	.qf_ops = &format_ops,
	.qf_owner = THIS_MODULE,
};

static const struct super_operations super_ops;
static const struct quotactl_ops control_ops;

/* ---- what the tests call ----------------------------------------------- */

/* NULL: no memory. */
struct super_block *quota_on(void)
{
	struct super_block *sb = kzalloc(sizeof(*sb), GFP_KERNEL);
	int err;

	if (!sb)
		return NULL;
	init_rwsem(&sb->s_umount);
	init_rwsem(&sb->s_dquot.dqio_sem);
	spin_lock_init(&sb->s_inode_list_lock);
	INIT_LIST_HEAD(&sb->s_inodes);
	sb->s_user_ns = &init_user_ns;
	sb->s_op = &super_ops;
	sb->s_qcop = &control_ops;
	sb->dq_op = &dquot_operations;
	sb->s_dquot.flags = DQUOT_QUOTA_SYS_FILE;
	down_write(&sb->s_umount);
	err = dquot_load_quota_sb(sb, USRQUOTA, FORMAT,
				  DQUOT_USAGE_ENABLED | DQUOT_LIMITS_ENABLED);
	up_write(&sb->s_umount);
	if (!err)
		return sb;
	kfree(sb);
	return NULL;
}

void quota_off(struct super_block *sb)
{
	down_write(&sb->s_umount);
	WARN_ON(dquot_disable(sb, -1,
			      DQUOT_USAGE_ENABLED | DQUOT_LIMITS_ENABLED));
	up_write(&sb->s_umount);
	kfree(sb);
}

struct dquot *quota_get(struct super_block *sb, unsigned int user)
{
	struct dquot *dquot =
		dqget(sb, make_kqid_uid(make_kuid(&init_user_ns, user)));

	return IS_ERR(dquot) ? NULL : dquot;
}

void quota_charge(struct dquot *dquot, long bytes)
{
	spin_lock(&dquot->dq_dqb_lock);
	dquot->dq_dqb.dqb_curspace += bytes;
	spin_unlock(&dquot->dq_dqb_lock);
	dquot_mark_dquot_dirty(dquot);
}

long quota_usage(struct dquot *dquot)
{
	return dquot->dq_dqb.dqb_curspace;
}

/* What was put is written, and free, when this returns. */
void quota_sync(struct super_block *sb)
{
	down_read(&sb->s_umount);
	dquot_writeback_dquots(sb, -1);
	up_read(&sb->s_umount);
}

unsigned long quota_reads(void)
{
	return reads;
}

unsigned long quota_writes(void)
{
	return writes;
}

static int __init quota_users_init(void)
{
	register_quota_format(&format);
	return 0;
}

static void __exit quota_users_exit(void)
{
	unregister_quota_format(&format);
}

module_init(quota_users_init);
module_exit(quota_users_exit);
MODULE_DESCRIPTION("users for the tests of fs/quota/dquot.c");

/* ---- of fs/, and no way from here goes there --------------------------- */

unsigned int qtype_enforce_flag(int type)
{
	BUG();
}

void __inode_add_bytes(struct inode *inode, loff_t bytes)
{
	BUG();
}

void __inode_sub_bytes(struct inode *inode, loff_t bytes)
{
	BUG();
}

void inode_add_bytes(struct inode *inode, loff_t bytes)
{
	BUG();
}

void inode_sub_bytes(struct inode *inode, loff_t bytes)
{
	BUG();
}

void dput(struct dentry *dentry)
{
	BUG();
}

void iput(struct inode *inode)
{
	BUG_ON(inode);
}

struct inode *igrab(struct inode *inode)
{
	BUG();
}

bool is_bad_inode(struct inode *inode)
{
	BUG();
}

int generic_file_open(struct inode *inode, struct file *file)
{
	BUG();
}

struct dentry *lookup_positive_unlocked(const char *name, struct dentry *base,
					int len)
{
	BUG();
}

vfsuid_t make_vfsuid(struct mnt_idmap *idmap, struct user_namespace *ns,
		     kuid_t uid)
{
	BUG();
}

vfsgid_t make_vfsgid(struct mnt_idmap *idmap, struct user_namespace *ns,
		     kgid_t gid)
{
	BUG();
}

kuid_t from_vfsuid(struct mnt_idmap *idmap, struct user_namespace *ns,
		   vfsuid_t uid)
{
	BUG();
}

kgid_t from_vfsgid(struct mnt_idmap *idmap, struct user_namespace *ns,
		   vfsgid_t gid)
{
	BUG();
}

int sync_filesystem(struct super_block *sb)
{
	BUG();
}

int sync_blockdev(struct block_device *bdev)
{
	BUG();
}

void invalidate_bdev(struct block_device *bdev)
{
	BUG();
}

void truncate_inode_pages(struct address_space *mapping, loff_t from)
{
	BUG();
}
