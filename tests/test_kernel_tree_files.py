# SPDX-License-Identifier: GPL-2.0-only
"""Files of Linux 6.12 that register shrinkers compile as they are; what they lack is their subsystem's.

Slow: each takes a second. Those that also run have tests of their own.
"""

from __future__ import annotations

import re

import pytest
from kernel_tree import INCLUDE, TREE

from shrinkpy import native

XFS = ("fs/xfs", "fs/xfs/libxfs")

# With the folders beside the kernel's include/ that their makefiles ask for.
FILES: dict[str, tuple[str, ...]] = {
    "drivers/gpu/drm/msm/msm_gem_shrinker.c": (),
    "drivers/gpu/drm/panfrost/panfrost_gem_shrinker.c": (),
    "drivers/gpu/drm/ttm/ttm_pool.c": (),
    "drivers/md/dm-bufio.c": (),
    "drivers/md/dm-zoned-metadata.c": (),
    "drivers/md/raid5.c": (),
    "drivers/misc/vmw_balloon.c": (),
    "drivers/virtio/virtio_balloon.c": (),
    "drivers/xen/xenbus/xenbus_probe_backend.c": (),
    "fs/bcachefs/btree_key_cache.c": (),
    "fs/btrfs/compression.c": (),
    "fs/erofs/zutil.c": (),
    "fs/ext4/extents_status.c": (),
    "fs/f2fs/shrinker.c": (),
    "fs/gfs2/glock.c": (),
    "fs/gfs2/quota.c": (),
    "fs/jbd2/journal.c": (),
    "fs/mbcache.c": (),
    "fs/nfs/nfs42xattr.c": (),
    "fs/nfsd/filecache.c": (),
    "fs/nfsd/nfscache.c": (),
    "fs/quota/dquot.c": (),
    "fs/super.c": (),
    "fs/ubifs/shrinker.c": (),
    "fs/ubifs/super.c": (),
    "fs/xfs/xfs_buf.c": XFS,
    "fs/xfs/xfs_qm.c": XFS,
    "lib/rhashtable.c": (),
    "mm/balloon_compaction.c": (),
    "mm/zsmalloc.c": (),
    "net/sunrpc/auth.c": (),
}

# The kernel's library, which shrinkpy has; no file of a subsystem brings it.
LIBRARY = re.compile(
    r"^(_*(k|v|kv|kz|kvz|vz)(malloc|alloc|free)\w*|kmem_cache_\w+|list_\w+|rb_\w+|xa_\w+|idr_\w+|ida_\w+|radix_tree_\w+|"
    r"shrinker_\w+|mutex_\w+|spin_\w+|down_\w+|up_\w+|rcu_(?!pending)\w+|call_rcu|synchronize_\w+|percpu_\w+|lockref_\w+|"
    r"wake_\w+|wait_\w+|queue_(?!limits)\w+|flush_work\w*|cancel_\w*work\w*|schedule\w*|str\w+|kstrto\w+|sort|jhash\w*|"
    r"seq_\w*printf|seq_put\w+|printk|_printk|get_random_\w+|param_\w+|"
    r"(atomic|blocking|raw|srcu)_notifier_\w+|kobject_\w+|kset_\w+|sysfs_\w+|device_(un)?register|(get|put)_device|"
    r"bus_(for|find|un|reg)\w+|devm_k\w+|sg_\w+|dma_((un)?map|alloc|free)\w+|cpuhp_\w+|tasklet_\w+|hrtimer_\w+|"
    r"kthread_\w+|_*folio_(lock|unlock|wait_bit)\w*|unlock_page|split_page|set_pages_\w+|\w*_cred|groups_\w+|init_\w+_ns)$"
)


def log_of_building(file: str) -> str:
    """What compiler and linker said."""
    folders = [INCLUDE, *(TREE / folder for folder in FILES[file])]
    try:
        return native.build(TREE / file, include=folders).log
    except native.BuildError as error:
        return error.log


@pytest.mark.slow
class TestAFile:
    @pytest.mark.parametrize("file", FILES)
    def test_compiles_and_lacks_nothing_of_the_library(self, file: str) -> None:
        if not (TREE / file).exists():
            pytest.skip(f"there is no kernel-tree/{file}: run `make kernel-tree`")
        log = log_of_building(file)
        assert not re.findall(r"^.*:\d+: (?:fatal )?error: .*$", log, re.MULTILINE)
        lacking = set(re.findall(r"undefined reference to `(\w+)'", log))
        assert {symbol for symbol in lacking if LIBRARY.match(symbol)} == set()
