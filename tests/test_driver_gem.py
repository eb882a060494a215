# SPDX-License-Identifier: GPL-2.0-only
"""drivers/gem.c: objects that go whole, counted in pages."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from driving import Place, built, check_every_way, check_sanitized, counted, driven, every_way, places

import shrinkpy as sp

WILLNEED, DONTNEED = 0, 1


class Objects:
    """Objects of 1 to 7 pages: of three, one is not needed, one is pinned, one is needed."""

    def __init__(self, machine: sp.Machine, where: list[Place], *, number: int = 300) -> None:
        self.driver = built("gem").load(machine)
        self.sizes = {self.create(1 + i % 7): 1 + i % 7 for i in range(number)}
        made = list(self.sizes)
        self.unneeded, self.pinned, self.needed = made[::3], made[1::3], made[2::3]
        for each in self.unneeded:
            self.give_up(each)
        for each in self.pinned:
            assert self.driver.gem_pin(each) == 0

    def create(self, pages: int) -> int:
        obj: int = self.driver.gem_create(pages)
        assert obj
        assert self.driver.gem_pin(obj) == 0
        self.driver.gem_unpin(obj)
        return obj

    def give_up(self, obj: int) -> None:
        assert self.driver.gem_madvise(obj, DONTNEED)

    def resident(self) -> int:
        return int(self.driver.gem_resident())

    def pages(self, objects: list[int]) -> int:
        return sum(self.sizes[each] for each in objects)

    def freeable(self) -> int:
        return self.resident() - self.pages(self.pinned + self.needed)

    def check_in_use(self) -> None:
        for each in self.pinned + self.needed:
            assert self.driver.gem_madvise(each, WILLNEED)
            assert self.driver.gem_pin(each) == 0
            self.driver.gem_unpin(each)

    def check_gone(self) -> None:
        assert not any(self.driver.gem_madvise(each, DONTNEED) for each in self.unneeded)

    def close(self) -> None:
        for each in self.pinned:
            self.driver.gem_unpin(each)
        for each in self.sizes:
            self.driver.gem_free(each)
        assert self.resident() == 0
        self.driver.close()


@pytest.fixture
def gem() -> Iterator[tuple[sp.Machine, Objects]]:
    """A machine of one node without cgroups, and objects on it."""
    with driven(Objects, cgroups=False) as (machine, objects):
        yield machine, objects


@pytest.mark.parametrize(("kind", "nodes", "cgroups", "threads"), every_way)
def test_what_nobody_needs_goes_and_nothing_else(kind: str, nodes: int, cgroups: bool, threads: int) -> None:
    check_every_way(Objects, kind, nodes, cgroups, threads)


@pytest.mark.thorough
def test_the_sanitizers_find_nothing() -> None:
    check_sanitized(Objects)


class TestCount:
    def test_it_is_in_pages_and_the_same_on_every_node(self) -> None:
        with driven(Objects, nodes=4, cgroups=False) as (machine, objects):
            assert counted(machine, places(machine)) == [objects.freeable()] * 4

    def test_a_pass_of_a_child_cgroup_does_not_come_here(self) -> None:
        with driven(Objects) as (machine, objects):
            for child in machine.root.children:
                assert machine.shrink_slab(priority=0, memcg=child) == 0
            assert machine.last_pass is not None
            assert machine.last_pass.counts == 0
            assert objects.freeable() > 0

    def test_pinned_or_needed_again_is_not_counted(self, gem: tuple[sp.Machine, Objects]) -> None:
        machine, objects = gem
        one, *others = objects.unneeded
        assert objects.driver.gem_madvise(one, WILLNEED)
        assert counted(machine, places(machine)) == [objects.pages(others)]
        assert objects.driver.gem_pin(one) == 0
        objects.give_up(one)
        assert counted(machine, places(machine)) == [objects.pages(others)]
        objects.driver.gem_unpin(one)
        assert counted(machine, places(machine)) == [objects.pages([one, *others])]


class TestScan:
    @pytest.mark.parametrize("gfp_mask", [sp.Gfp.NOFS, sp.Gfp.NOIO, sp.Gfp.KERNEL & ~sp.Gfp.IO])
    def test_without_fs_or_io_it_stops_and_all_is_deferred(
        self, gem: tuple[sp.Machine, Objects], gfp_mask: int
    ) -> None:
        machine, objects = gem
        freeable = objects.freeable()
        assert machine.shrink_slab(priority=0, gfp_mask=gfp_mask) == 0
        last = machine.last_pass
        assert last is not None
        assert (last.freeable, last.scanned, last.scans) == (freeable, 0, 1)
        assert last.deferred == 2 * freeable

    def test_an_object_larger_than_the_scan_goes_whole_and_says_so(self) -> None:
        def one_large(machine: sp.Machine, where: list[Place]) -> Objects:
            objects = Objects(machine, where, number=0)
            large = objects.create(1000)
            objects.sizes[large] = 1000
            objects.unneeded.append(large)
            objects.give_up(large)
            return objects

        with driven(one_large, cgroups=False) as (machine, _objects), machine.trace.start():
            assert machine.shrink_slab(priority=0) == 1000
            last = machine.last_pass
            assert last is not None
            # The scan was for a batch of 128; the second finds nothing, and stops.
            assert (last.scans, last.scanned) == (2, 1000)
            _start, end = machine.trace.array()
            assert end["total_scan"] == 2000 - 1000

    def test_the_oldest_go_first(self, gem: tuple[sp.Machine, Objects]) -> None:
        machine, objects = gem
        freed = machine.shrink_slab(priority=1)
        gone = [each for each in objects.unneeded if not objects.driver.gem_madvise(each, DONTNEED)]
        assert objects.unneeded[: len(gone)] == gone
        assert 0 < len(gone) < len(objects.unneeded)
        assert objects.pages(gone) == freed


class TestReclaimFromItsOwnAllocations:
    def test_with_its_lock_held_it_stops(self, gem: tuple[sp.Machine, Objects]) -> None:
        machine, objects = gem
        obj, before = objects.driver.gem_create(5), objects.freeable()
        machine.faults.reclaim_nth(1)
        with machine.trace.start():
            assert objects.driver.gem_pin(obj) == 0
        objects.driver.gem_unpin(obj)
        objects.sizes[obj] = 5
        objects.needed.append(obj)
        assert machine.allocations.reclaims == 1
        ends = machine.trace.array()[1::2]
        assert len(ends) > 0
        assert not ends["retval"].any()
        assert objects.freeable() == before

    def test_without_it_its_objects_go(self, gem: tuple[sp.Machine, Objects]) -> None:
        machine, objects = gem
        before = objects.freeable()
        machine.faults.reclaim_nth(1)
        objects.driver.gem_free(objects.driver.gem_create(5))
        assert machine.allocations.reclaims == 1
        assert objects.freeable() < before

    def test_without_memory_a_pin_fails(self, gem: tuple[sp.Machine, Objects]) -> None:
        machine, objects = gem
        obj = objects.driver.gem_create(5)
        machine.faults.fail_nth(1, "kmalloc")
        assert objects.driver.gem_pin(obj) == -errno.ENOMEM
        assert objects.driver.gem_pin(obj) == 0
        objects.driver.gem_unpin(obj)
        objects.driver.gem_free(obj)


class TestMadvise:
    def test_what_was_purged_is_empty_and_can_be_had_again(self, gem: tuple[sp.Machine, Objects]) -> None:
        machine, objects = gem
        one = objects.unneeded[0]
        assert objects.driver.gem_pin(one) == -errno.EFAULT
        resident = objects.resident()
        freed = machine.drop_slab().freed
        assert objects.resident() == resident - freed
        assert not objects.driver.gem_madvise(one, WILLNEED)
        assert objects.driver.gem_pin(one) == 0
        objects.driver.gem_unpin(one)
        assert objects.driver.gem_madvise(one, WILLNEED)
        assert objects.resident() == resident - freed + objects.sizes[one]
