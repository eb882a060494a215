# SPDX-License-Identifier: GPL-2.0-only
"""fs/nfs/nfs42xattr.c of Linux 6.12 itself, unmodified: the attributes of NFS's files, on three list_lrus.

tests/drivers_c/nfs_files.c stands for the files.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, loaded, needs

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "fs" / "nfs" / "nfs42xattr.c"

pytestmark = [
    pytest.mark.thorough,
    needs("fs/nfs/nfs42xattr.c", "fs/nfs/internal.h", "include/linux/nfs_fs.h"),
]

CDEF = """
    struct inode;
    struct inode *file_open(void);
    void file_close(struct inode *inode);
    bool file_add(struct inode *inode, unsigned int n, unsigned int size);
    bool file_add_page(struct inode *inode, unsigned int n);
    long file_get(struct inode *inode, unsigned int n);
    bool file_has_cache(struct inode *inode);
    void file_invalidate(struct inode *inode);
"""

SMALL, LARGE = 100, 2 * 4096
FILES = 16
ATTRIBUTES = range(64)
LARGE_ONES = range(64, 66)
ALL = FILES * (len(ATTRIBUTES) + len(LARGE_ONES) + 1)  # and a cache each

RECLAIMS: dict[str, Callable[[sp.Machine], object]] = {
    "shrink_slab": lambda machine: [machine.shrink_slab(priority=0) for _ in range(3)],
    "drop_slab": sp.Machine.drop_slab,
    "direct_reclaim": lambda machine: [machine.direct_reclaim(ALL) for _ in range(2)],
    "kswapd": lambda machine: [machine.kswapd(0, ALL) for _ in range(2)],
    "memcg": lambda machine: machine.root.reclaim(ALL),
}


def build(sanitize: str = "") -> native.Built:
    return native.build(
        [SOURCE, SUPPORT / "nfs_files.c"],
        include=[INCLUDE, SOURCE.parent],
        name="nfs",
        sanitize=sanitize,
        cdef=CDEF,
    )


@pytest.fixture(scope="module")
def built() -> native.Built:
    return build()


@pytest.fixture
def nfs(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with loaded(machine, built) as driver:
        yield driver


class Files:
    """FILES files with ATTRIBUTES, and LARGE_ONES that have memory of their own."""

    def __init__(self, driver: native.Driver) -> None:
        self.driver = driver
        self.files = [driver.file_open() for _ in range(FILES)]
        for file in self.files:
            for n in ATTRIBUTES:
                assert driver.file_add(file, n, SMALL)
            for n in LARGE_ONES:
                assert driver.file_add(file, n, LARGE)

    def sizes(self, file: Any) -> list[int]:
        return [self.driver.file_get(file, n) for n in (*ATTRIBUTES, *LARGE_ONES)]

    def left(self, which: range) -> int:
        """How many of them are there in all files; each has the value that it should."""
        sizes = [self.driver.file_get(file, n) for file in self.files for n in which]
        assert set(sizes) <= {SMALL, LARGE, -errno.ENOENT}
        return sum(size > 0 for size in sizes)

    def caches(self) -> int:
        return sum(self.driver.file_has_cache(file) for file in self.files)

    def end(self) -> None:
        for file in self.files:
            self.driver.file_close(file)


@pytest.fixture
def files(nfs: native.Driver) -> Iterator[Files]:
    files = Files(nfs)
    yield files
    files.end()


def counts(driver: native.Driver) -> dict[str, int]:
    """What the three count_objects say."""
    return {
        shrinker.name: sum(int(line.split()[1]) for line in shrinker.debugfs.count.splitlines())
        for shrinker in driver.shrinkers
    }


def cache_shrinker(driver: native.Driver) -> Any:
    (shrinker,) = (each for each in driver.shrinkers if each.name == "nfs-xattr_cache")
    return shrinker


class TestReclaim:
    def test_finds_all_of_them(self, files: Files) -> None:
        assert counts(files.driver) == {
            "nfs-xattr_cache": FILES,
            "nfs-xattr_entry": FILES * len(ATTRIBUTES),
            "nfs-xattr_large_entry": FILES * len(LARGE_ONES),
        }

    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_takes_attributes_and_then_caches(self, machine: sp.Machine, files: Files, kind: str) -> None:
        for file in files.files:
            assert files.sizes(file) == [SMALL] * len(ATTRIBUTES) + [LARGE] * len(LARGE_ONES)
        RECLAIMS[kind](machine)
        assert set(counts(files.driver).values()) == {0}
        assert files.left(ATTRIBUTES) == files.left(LARGE_ONES) == files.caches() == 0

    def test_takes_twice_as_much_of_the_large_ones(self, machine: sp.Machine, files: Files) -> None:
        machine.shrink_slab(priority=2)
        assert files.left(ATTRIBUTES) == FILES * len(ATTRIBUTES) // 2
        assert files.left(LARGE_ONES) == 0
        assert files.caches() == FILES

    def test_leaves_a_cache_with_more_than_one_attribute(self, files: Files) -> None:
        few = files.driver.file_open()
        assert files.driver.file_add(few, 7, SMALL)
        files.files.append(few)
        assert cache_shrinker(files.driver).debugfs.scan("1 0 100")
        assert not files.driver.file_has_cache(few)
        assert files.driver.file_get(few, 7) == -errno.ENOENT
        assert files.caches() == FILES
        assert files.left(ATTRIBUTES) == FILES * len(ATTRIBUTES)

    def test_of_another_cgroup_finds_nothing(self, machine: sp.Machine, nfs: native.Driver) -> None:
        app = machine.root.create("app")
        with machine.task(app):
            files = Files(nfs)
        assert machine.shrink_slab(priority=0, memcg=app) == 0
        machine.drop_slab()
        assert files.caches() == 0
        files.end()

    def test_in_the_middle_of_an_addition(self, machine: sp.Machine, files: Files) -> None:
        # Of the test's own buffer; of the entry, whose cache goes with the rest before it is there.
        for n, size in ((1, SMALL), (2, -errno.ENOENT)):
            machine.faults.reclaim_nth(n)
            assert files.driver.file_add(files.files[0], 1000 + n, SMALL)
            assert machine.allocations.reclaims == n
            assert files.driver.file_get(files.files[0], 1000 + n) == size
        assert files.left(ATTRIBUTES) < FILES * len(ATTRIBUTES)


class TestTheCache:
    def test_takes_a_value_from_pages(self, machine: sp.Machine, nfs: native.Driver) -> None:
        file = nfs.file_open()
        assert nfs.file_add_page(file, 5)
        assert nfs.file_get(file, 5) == 4096
        assert counts(nfs)["nfs-xattr_large_entry"] == 1
        nfs.file_close(file)

    def test_has_the_last_value_of_a_name(self, files: Files) -> None:
        file = files.files[0]
        assert files.driver.file_add(file, 3, LARGE)
        assert files.driver.file_get(file, 3) == LARGE
        total = counts(files.driver)
        assert total["nfs-xattr_entry"] == FILES * len(ATTRIBUTES) - 1
        assert total["nfs-xattr_large_entry"] == FILES * len(LARGE_ONES) + 1

    def test_goes_when_it_is_invalid(self, machine: sp.Machine, files: Files) -> None:
        file = files.files[0]
        files.driver.file_invalidate(file)
        assert files.driver.file_get(file, 0) == -errno.ENOENT
        assert counts(files.driver)["nfs-xattr_cache"] == FILES - 1
        assert files.left(ATTRIBUTES) == (FILES - 1) * len(ATTRIBUTES)

    def test_keeps_nothing_where_there_is_no_memory(self, machine: sp.Machine, nfs: native.Driver) -> None:
        for n in count(1):
            file = nfs.file_open()
            machine.faults.fail_nth(n)
            nfs.file_add(file, n, LARGE)
            struck = machine.faults.pending == 0
            machine.faults.fail_nth(0)
            kept = nfs.file_get(file, n)
            nfs.file_close(file)
            if not struck:
                break
            assert kept == -errno.ENOENT
        assert kept == LARGE
        assert n == 5  # after the test's own buffer, the cache, the entry, its value


def under_the_sanitizers() -> list[str]:
    """In the child: each reclaim, once."""
    with sp.Machine() as machine:
        with build("address,undefined").load(machine) as driver:
            for reclaim in RECLAIMS.values():
                files = Files(driver)
                reclaim(machine)
                assert files.caches() == files.left(ATTRIBUTES) == 0
                files.end()
        return driver.leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert native.run_sanitized(under_the_sanitizers) == []
