# SPDX-License-Identifier: GPL-2.0-only
"""drivers/superblock.c: dentries and inodes, by node and cgroup."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from driving import Place, built, check_every_way, check_sanitized, counted, driven, every_way, places
from support import Running

import shrinkpy as sp
from shrinkpy.core import ffi, lib

FILES, CLOSED, TWICE = 60, 40, 10
"""In each place: opened, closed again, and of these opened and closed once more."""


class Files:
    """A mounted filesystem with files of every place."""

    def __init__(self, machine: sp.Machine, where: list[Place]) -> None:
        self.machine = machine
        self.driver = built("superblock").load(machine)
        self.sb = self.driver.sb_mount()
        assert self.sb
        self.where = where
        self.files = {place: range(i * 1000, i * 1000 + FILES) for i, place in enumerate(where)}
        for place, files in self.files.items():
            with self.task(place):
                for nr in files:
                    assert self.driver.sb_open(self.sb, nr) == 0
        for files in self.files.values():
            for nr in files[:CLOSED]:
                self.driver.sb_close(self.sb, nr)
            for nr in files[:TWICE]:
                assert self.driver.sb_open(self.sb, nr) == 0
                self.driver.sb_close(self.sb, nr)

    def task(self, place: Place) -> sp.alloc.Task:
        return self.machine.task(place.memcg, place.nid)

    def here(self, nr: int) -> tuple[bool, bool]:
        return self.driver.sb_has_dentry(self.sb, nr), self.driver.sb_has_inode(self.sb, nr)

    def freeable(self) -> int:
        return sum(sum(self.here(nr)) for files in self.files.values() for nr in files[:CLOSED])

    def check_in_use(self) -> None:
        for files in self.files.values():
            for nr in files[CLOSED:]:
                assert self.here(nr) == (True, True)

    def check_gone(self) -> None:
        for files in self.files.values():
            for nr in files[:CLOSED]:
                assert self.here(nr) == (False, False)

    def close(self) -> None:
        self.driver.sb_umount(self.sb)
        self.driver.close()


@pytest.fixture
def files() -> Iterator[tuple[sp.Machine, Files]]:
    """A machine of one node with cgroups, and files of all of them."""
    with driven(Files) as (machine, files):
        yield machine, files


@pytest.mark.parametrize(("kind", "nodes", "cgroups", "threads"), every_way)
def test_closed_files_go_and_open_ones_stay(kind: str, nodes: int, cgroups: bool, threads: int) -> None:
    check_every_way(Files, kind, nodes, cgroups, threads)


@pytest.mark.thorough
def test_the_sanitizers_find_nothing() -> None:
    check_sanitized(Files)


class TestCount:
    def test_it_is_of_dentries_and_of_inodes_without_one(self, files: tuple[sp.Machine, Files]) -> None:
        machine, _files = files
        # The inodes of cached dentries are in use, by them.
        assert counted(machine, places(machine)) == [CLOSED] * 4

    def test_where_nothing_is_it_is_empty_and_the_bit_goes(self, files: tuple[sp.Machine, Files]) -> None:
        machine, _files = files
        app = machine.root.children[0]
        while machine.shrink_slab(priority=0, memcg=app):
            pass
        machine.shrink_slab(priority=0, memcg=app)
        assert machine.last_pass is not None
        assert machine.last_pass.counts == 0

    def test_a_node_and_a_cgroup_have_their_own(self) -> None:
        with driven(Files, nodes=2) as (machine, files):
            where = places(machine)
            with files.task(where[5]):
                assert files.driver.sb_open(files.sb, 10**6) == 0
            files.driver.sb_close(files.sb, 10**6)
            expected = [CLOSED] * 8
            expected[5] += 1
            assert counted(machine, where) == expected


class TestScan:
    @pytest.mark.parametrize("gfp_mask", [sp.Gfp.NOFS, sp.Gfp.NOIO])
    def test_without_fs_it_stops_and_all_is_deferred(
        self, files: tuple[sp.Machine, Files], gfp_mask: int
    ) -> None:
        machine, _files = files
        app = machine.root.children[0]
        assert machine.shrink_slab(priority=0, memcg=app, gfp_mask=gfp_mask) == 0
        assert machine.last_pass is not None
        assert (machine.last_pass.scans, machine.last_pass.scanned) == (1, 0)
        assert machine.last_pass.deferred == 2 * CLOSED

    def test_dentries_go_before_the_inodes_that_they_hold(self, files: tuple[sp.Machine, Files]) -> None:
        machine, files_ = files
        app = machine.root.children[0]
        freed = machine.shrink_slab(priority=1, memcg=app)
        here = [files_.here(nr) for nr in files_.files[Place(0, app)][:CLOSED]]
        assert 0 < freed < 2 * CLOSED
        assert (True, False) not in here
        assert (False, True) in here

    def test_what_was_used_again_gets_a_second_chance(self, files: tuple[sp.Machine, Files]) -> None:
        machine, files_ = files
        app = machine.root.children[0]
        machine.shrink_slab(priority=1, memcg=app)
        again, once = (
            sum(files_.here(nr)[0] for nr in files_.files[Place(0, app)][part])
            for part in (slice(0, TWICE), slice(TWICE, 2 * TWICE))
        )
        assert (again, once) == (TWICE, 0)

    def test_and_is_last_in_line_from_then_on(self, files: tuple[sp.Machine, Files]) -> None:
        machine, files_ = files
        driver, late = files_.driver, range(10**6, 10**6 + 10)
        for nr in late:
            assert driver.sb_open(files_.sb, nr) == 0
            driver.sb_close(files_.sb, nr)
        # On the LRU are 30 that were used once, the 10 used again, and these.
        (shrinker,) = driver.shrinkers
        for scan in (40, 23):  # 40 dentries; then, beside the inodes that are left, 10
            text = f"{machine.root.ino} 0 {scan}".encode()
            assert lib.sp_debugfs_scan(shrinker._live(), text, len(text), ffi.new("size_t *")) == 0
        again = files_.files[Place(0, machine.root)][:TWICE]
        assert [driver.sb_has_dentry(files_.sb, nr) for nr in again] == [True] * 10
        assert [driver.sb_has_dentry(files_.sb, nr) for nr in late] == [False] * 10

    def test_of_a_cgroup_that_goes_they_are_its_parents(self, files: tuple[sp.Machine, Files]) -> None:
        machine, _files = files
        app = machine.root.children[0]
        (worker,) = app.children
        worker.remove()
        assert counted(machine, [Place(0, app)]) == [2 * CLOSED]


class TestUse:
    def test_a_file_that_went_is_made_anew(self, files: tuple[sp.Machine, Files]) -> None:
        machine, files_ = files
        while machine.drop_slab().freed:
            pass
        nr = files_.files[Place(0, machine.root)][0]
        assert files_.here(nr) == (False, False)
        assert files_.driver.sb_open(files_.sb, nr) == 0
        assert files_.here(nr) == (True, True)
        files_.driver.sb_close(files_.sb, nr)

    @pytest.mark.parametrize("nth", range(1, 9))
    def test_without_memory_an_open_fails_and_leaves_nothing(
        self, files: tuple[sp.Machine, Files], nth: int
    ) -> None:
        machine, files_ = files
        nr = 10**9  # far from the others: the trees of numbers grow as well
        machine.faults.fail_nth(nth, "kmalloc")
        result = files_.driver.sb_open(files_.sb, nr)
        struck = machine.faults.pending == 0
        machine.faults.fail_nth(0)
        assert result == (-12 if struck else 0)
        if not struck:
            files_.driver.sb_close(files_.sb, nr)

    def test_files_are_opened_and_closed_meanwhile(self) -> None:
        with driven(Files, nodes=2) as (machine, files):

            def traffic(place: Place) -> None:
                with files.task(place):
                    for i in range(300):
                        nr = 10**6 + i % 70
                        assert files.driver.sb_open(files.sb, nr) == 0
                        assert files.here(nr) == (True, True)
                        files.driver.sb_close(files.sb, nr)

            running = [Running(lambda p=p: traffic(p)) for p in files.where[:3]]  # type: ignore[misc]
            while any(each.alive for each in running):
                machine.drop_slab()
            for each in running:
                each.join()
            while machine.drop_slab().freed:
                pass
            files.check_gone()
            assert not any(any(files.here(10**6 + i)) for i in range(70))
