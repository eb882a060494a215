// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the rest of NFS is to nfs42xattr.c, as far as its shrinkers can tell:
 * files with attributes, the n-th of which is "user.n", of bytes n.
 */
#include <linux/module.h>
#include <linux/nfs_fs.h>
#include <linux/slab.h>

#include "nfs4_fs.h"

/* Of net/sunrpc/xdr.c. */
void _copy_from_pages(char *to, struct page **pages, size_t from, size_t len)
{
	size_t now;

	for (; len; len -= now, to += now, from += now) {
		now = min(len, PAGE_SIZE - from % PAGE_SIZE);
		memcpy(to,
		       (char *)page_address(pages[from / PAGE_SIZE]) +
			       from % PAGE_SIZE,
		       now);
	}
}

/* ---- what the tests call ----------------------------------------------- */

/* NULL: no memory. */
struct inode *file_open(void)
{
	struct nfs_inode *nfsi = kzalloc(sizeof(*nfsi), GFP_KERNEL);

	if (!nfsi)
		return NULL;
	spin_lock_init(&nfsi->vfs_inode.i_lock);
	return &nfsi->vfs_inode;
}

void file_close(struct inode *inode)
{
	nfs4_xattr_cache_zap(inode);
	kfree(NFS_I(inode));
}

static const char *name_of(unsigned int n, char name[32])
{
	snprintf(name, 32, "user.%u", n);
	return name;
}

/* False: there is no memory for its value. */
bool file_add(struct inode *inode, unsigned int n, unsigned int size)
{
	char name[32], *value = vmalloc(size);

	if (!value)
		return false;
	memset(value, (int)n, size);
	nfs4_xattr_cache_add(inode, name_of(n, name), value, NULL, size);
	vfree(value);
	return true;
}

/* The same, as an answer of the server comes. */
bool file_add_page(struct inode *inode, unsigned int n)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char name[32];

	if (!page)
		return false;
	memset(page_address(page), (int)n, PAGE_SIZE);
	nfs4_xattr_cache_add(inode, name_of(n, name), NULL, &page, PAGE_SIZE);
	__free_page(page);
	return true;
}

/* Its size, or what nfs4_xattr_cache_get() gives; -EIO: it is another. */
long file_get(struct inode *inode, unsigned int n)
{
	static char value[3 * PAGE_SIZE];
	char name[32];
	long size = nfs4_xattr_cache_get(inode, name_of(n, name), value,
					 sizeof(value));

	if (size > 0 && memchr_inv(value, (int)(n & 0xff), (size_t)size))
		return -EIO;
	return size;
}

bool file_has_cache(struct inode *inode)
{
	return NFS_I(inode)->xattr_cache;
}

void file_invalidate(struct inode *inode)
{
	spin_lock(&inode->i_lock);
	NFS_I(inode)->cache_validity |= NFS_INO_INVALID_XATTR;
	spin_unlock(&inode->i_lock);
}

static int __init nfs_files_init(void)
{
	return nfs4_xattr_cache_init();
}

static void __exit nfs_files_exit(void)
{
	nfs4_xattr_cache_exit();
}

module_init(nfs_files_init);
module_exit(nfs_files_exit);
MODULE_DESCRIPTION("files for the tests of fs/nfs/nfs42xattr.c");
