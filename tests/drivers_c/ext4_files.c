// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the rest of ext4 is to extents_status.c, as far as its shrinker can
 * tell: file systems with a shrinker each, and files with a tree of extents.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "ext4.h"

/* Blocks whose reservation was given back when their extent went. */
static long released;

void ext4_da_release_space(struct inode *inode, int to_free)
{
	released += to_free;
}

void ext4_da_update_reserve_space(struct inode *inode, int used,
				  int quota_claim)
{
	released += used;
}

void __ext4_warning(struct super_block *sb, const char *function,
		    unsigned int line, const char *fmt, ...)
{
	pr_warn("%s: %s\n", sb->s_id, fmt);
}

/* Later releases of 6.12 have it apart from the shrinker's end. */
void ext4_es_destroy_stats(struct ext4_sb_info *sbi) __weak;

/* ---- what the tests call ----------------------------------------------- */

void ext4_umount(struct super_block *sb)
{
	ext4_es_unregister_shrinker(EXT4_SB(sb));
	if (ext4_es_destroy_stats)
		ext4_es_destroy_stats(EXT4_SB(sb));
	kfree(EXT4_SB(sb));
	kfree(sb);
}

/* NULL: no memory. */
struct super_block *ext4_mount(int number)
{
	struct super_block *sb = kzalloc(sizeof(*sb), GFP_KERNEL);
	struct ext4_sb_info *sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);

	if (!sb || !sbi)
		goto free;
	snprintf(sb->s_id, sizeof(sb->s_id), "sd%d", number);
	sb->s_fs_info = sbi;
	sbi->s_sb = sb;
	sbi->s_cluster_ratio = 1;
	set_opt(sb, DELALLOC);
	if (!ext4_es_register_shrinker(sbi))
		return sb;
free:
	kfree(sbi);
	kfree(sb);
	return NULL;
}

struct inode *ext4_open(struct super_block *sb)
{
	struct ext4_inode_info *ei = kzalloc(sizeof(*ei), GFP_KERNEL);

	if (!ei)
		return NULL;
	ei->vfs_inode.i_sb = sb;
	ext4_es_init_tree(&ei->i_es_tree);
	ext4_init_pending_tree(&ei->i_pending_tree);
	rwlock_init(&ei->i_es_lock);
	INIT_LIST_HEAD(&ei->i_es_list);
	return &ei->vfs_inode;
}

/* Gives how many blocks were still reserved. */
long ext4_close(struct inode *inode)
{
	released = 0;
	ext4_es_remove_extent(inode, 0, EXT_MAX_BLOCKS);
	WARN_ON(EXT4_I(inode)->i_es_all_nr || EXT4_I(inode)->i_es_shk_nr);
	kfree(EXT4_I(inode));
	return released;
}

/* The extent of a block that is on disk, and of one that is not yet. */
void ext4_written(struct inode *inode, unsigned int block)
{
	ext4_es_insert_extent(inode, block, 1, 1000 + block,
			      EXTENT_STATUS_WRITTEN, 0);
}

void ext4_delayed(struct inode *inode, unsigned int block)
{
	ext4_es_insert_delayed_extent(inode, block, 1, false, false);
}

/* Looked up, as a read does. */
bool ext4_read(struct inode *inode, unsigned int block)
{
	struct extent_status es;

	return ext4_es_lookup_extent(inode, block, NULL, &es) &&
	       (ext4_es_is_delayed(&es) || ext4_es_pblock(&es) == 1000 + block);
}

static int any(struct extent_status *es)
{
	return 1;
}

/* Is it there? Nobody notices. */
bool ext4_has(struct inode *inode, unsigned int block)
{
	return ext4_es_scan_range(inode, any, block, block);
}

void ext4_precached(struct inode *inode)
{
	ext4_set_inode_state(inode, EXT4_STATE_EXT_PRECACHED);
}

/* As if another thread changed the tree: a shrinker does not wait for it. */
void ext4_busy(struct inode *inode, bool is)
{
	if (is)
		write_lock(&EXT4_I(inode)->i_es_lock);
	else
		write_unlock(&EXT4_I(inode)->i_es_lock);
}

static int __init ext4_files_init(void)
{
	int err = ext4_init_es();

	if (err)
		return err;
	err = ext4_init_pending();
	if (err)
		ext4_exit_es();
	return err;
}

static void __exit ext4_files_exit(void)
{
	ext4_exit_pending();
	ext4_exit_es();
}

module_init(ext4_files_init);
module_exit(ext4_files_exit);
MODULE_DESCRIPTION("files for the tests of fs/ext4/extents_status.c");
