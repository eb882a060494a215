# SPDX-License-Identifier: GPL-2.0-only
"""fs/ext4/extents_status.c of Linux 6.12 itself, unmodified: where the blocks of ext4's files are.

tests/drivers_c/ext4_files.c stands for the file systems and their files.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, loaded, needs, reclaims

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "fs" / "ext4" / "extents_status.c"

pytestmark = [pytest.mark.thorough, needs("fs/ext4/extents_status.c", "fs/ext4/ext4.h", "include/linux/fs.h")]

CDEF = """
    struct inode;
    struct super_block;
    struct super_block *ext4_mount(int number);
    void ext4_umount(struct super_block *sb);
    struct inode *ext4_open(struct super_block *sb);
    long ext4_close(struct inode *inode);
    void ext4_written(struct inode *inode, unsigned int block);
    void ext4_delayed(struct inode *inode, unsigned int block);
    bool ext4_read(struct inode *inode, unsigned int block);
    bool ext4_has(struct inode *inode, unsigned int block);
    void ext4_precached(struct inode *inode);
    void ext4_busy(struct inode *inode, bool is);
"""

# Apart, so that no two of them are one extent.
BLOCKS = range(0, 200, 2)
DELAYED = range(0, 200, 20)
READ = range(6, 200, 20)
FILES = 5
WRITTEN = FILES * (len(BLOCKS) - len(DELAYED))

RECLAIMS = reclaims(WRITTEN, passes=3)


def build(sanitize: str = "") -> native.Built:
    return native.build(
        [SOURCE, SUPPORT / "ext4_files.c"],
        include=[INCLUDE, SOURCE.parent],
        name="ext4",
        sanitize=sanitize,
        cdef=CDEF,
    )


@pytest.fixture(scope="module")
def built() -> native.Built:
    return build()


@pytest.fixture
def ext4(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with loaded(machine, built) as driver:
        yield driver


class Mounted:
    """A file system with FILES, each of which has BLOCKS; DELAYED are not on disk yet."""

    def __init__(self, driver: native.Driver, number: int = 0) -> None:
        self.driver = driver
        self.sb = driver.ext4_mount(number)
        self.files = [self.open() for _ in range(FILES)]

    def open(self) -> Any:
        file = self.driver.ext4_open(self.sb)
        for block in BLOCKS:
            if block in DELAYED:
                self.driver.ext4_delayed(file, block)
            else:
                self.driver.ext4_written(file, block)
        return file

    def there(self) -> list[set[int]]:
        """The blocks of each file whose extent is there."""
        return [{block for block in BLOCKS if self.driver.ext4_has(file, block)} for file in self.files]

    def end(self) -> None:
        for file in self.files:
            assert self.driver.ext4_close(file) == len(DELAYED)
        self.driver.ext4_umount(self.sb)


@pytest.fixture
def mounted(ext4: native.Driver) -> Iterator[Mounted]:
    mounted = Mounted(ext4)
    yield mounted
    mounted.end()


def scan(driver: native.Driver, extents: int, which: int = 0) -> None:
    """One call of scan_objects."""
    driver.shrinkers[which].debugfs.scan(f"0 0 {extents}")


class TestReclaim:
    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_takes_exactly_what_is_on_disk(self, machine: sp.Machine, mounted: Mounted, kind: str) -> None:
        assert mounted.there() == [set(BLOCKS)] * FILES
        RECLAIMS[kind](machine)
        assert mounted.there() == [set(DELAYED)] * FILES
        assert machine.slabs_scanned > 0

    def test_leaves_a_block_that_was_read_for_one_turn(self, machine: sp.Machine, mounted: Mounted) -> None:
        for file in mounted.files:
            for block in READ:
                assert mounted.driver.ext4_read(file, block)
        scan(mounted.driver, FILES * len(BLOCKS))  # each extent is seen once
        assert mounted.there() == [set(DELAYED) | set(READ)] * FILES
        machine.drop_slab()
        assert mounted.there() == [set(DELAYED)] * FILES

    def test_passes_over_a_file_that_is_busy(self, machine: sp.Machine, mounted: Mounted) -> None:
        busy, *others = mounted.files
        mounted.driver.ext4_busy(busy, True)
        machine.drop_slab()
        mounted.driver.ext4_busy(busy, False)
        assert mounted.there() == [set(BLOCKS)] + [set(DELAYED)] * len(others)

    def test_takes_of_a_precached_file_only_as_a_last_resort(
        self, machine: sp.Machine, mounted: Mounted
    ) -> None:
        mounted.driver.ext4_precached(mounted.files[0])
        scan(mounted.driver, (FILES - 1) * len(BLOCKS))
        assert mounted.there() == [set(BLOCKS)] + [set(DELAYED)] * (FILES - 1)
        assert mounted.driver.log == []
        machine.drop_slab()
        assert mounted.there() == [set(DELAYED)] * FILES
        assert mounted.driver.log[0] == "sd0: forced shrink of precached extents"

    def test_is_each_file_systems_own(self, machine: sp.Machine, ext4: native.Driver) -> None:
        first, second = Mounted(ext4, 0), Mounted(ext4, 1)
        assert [shrinker.name for shrinker in ext4.shrinkers] == ["ext4-es:sd0", "ext4-es:sd1"]
        scan(ext4, 1000, which=1)
        assert first.there() == [set(BLOCKS)] * FILES
        assert second.there() == [set(DELAYED)] * FILES
        first.end()
        second.end()


class TestNoMemory:
    def test_loses_an_extent_that_is_on_disk_and_no_other(
        self, machine: sp.Machine, mounted: Mounted
    ) -> None:
        file = mounted.files[0]
        machine.faults.fail_nth(1)
        mounted.driver.ext4_written(file, 1001)
        assert machine.faults.pending == 0
        assert not mounted.driver.ext4_has(file, 1001)
        machine.faults.fail_nth(1)
        mounted.driver.ext4_delayed(file, 1003)
        assert machine.faults.pending == 0
        assert mounted.driver.ext4_has(file, 1003)
        assert mounted.driver.ext4_close(mounted.files.pop(0)) == len(DELAYED) + 1

    def test_mounts_nothing_and_leaves_nothing(self, machine: sp.Machine, ext4: native.Driver) -> None:
        for n in count(1):
            machine.faults.fail_nth(n)
            sb = ext4.ext4_mount(0)
            machine.faults.fail_nth(0)
            if sb:
                ext4.ext4_umount(sb)
                break
            assert ext4.shrinkers == []
        assert n > 6  # two structures, four counters, the shrinker


def under_the_sanitizers() -> list[str]:
    """In the child: each reclaim, once."""
    with sp.Machine() as machine:
        with build("address,undefined").load(machine) as driver:
            for reclaim in RECLAIMS.values():
                mounted = Mounted(driver)
                reclaim(machine)
                assert mounted.there() == [set(DELAYED)] * FILES
                mounted.end()
        return driver.leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert native.run_sanitized(under_the_sanitizers) == []
