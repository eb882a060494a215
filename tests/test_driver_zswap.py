# SPDX-License-Identifier: GPL-2.0-only
"""drivers/zswap.py: pages in memory, a part of which is protected."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from driving import Place, check_every_way, counted, driven, every_way, places
from support import Running, register

import shrinkpy as sp
from shrinkpy.drivers.zswap import Zswap

PAGES = 40
"""In each place."""


def page(key: int) -> bytes:
    return key.to_bytes(8, "little") * 512


class Pages:
    """Pages of every place, a quarter of which were swapped in again, and some of which are protected."""

    def __init__(self, machine: sp.Machine, where: list[Place]) -> None:
        self.zswap = Zswap()
        self.registration = register(machine, self.zswap, "mm-zswap", flags=Zswap.flags)
        self.zswap.attach(self.registration, [])
        self.where = where
        self.keys = {place: range(i * 1000, i * 1000 + PAGES) for i, place in enumerate(where)}
        for place, keys in self.keys.items():
            for key in keys:
                self.zswap.store(key, page(key), *place)
            for key in keys[::4]:
                assert self.zswap.load(key) == page(key)
        self.stored = {key for keys in self.keys.values() for key in keys if key % 4}
        self.protected = 0

    def too_early(self, place: Place, number: int) -> None:
        """Have so many pages come back from the device."""
        zswap = self.zswap
        keys = range(10**6, 10**6 + number)
        others = [key for key in self.keys[place] if key in self.stored]
        for key in others:
            zswap.load(key)
        for key in keys:
            zswap.store(key, page(key), *place)
        while not all(zswap.on_device(key) for key in keys):
            assert self.registration.machine.shrink_slab(priority=0, nid=place.nid, memcg=place.memcg)
        for key in others:
            zswap.store(key, page(key), *place)
        for key in keys:
            assert zswap.load(key) == page(key)
        self.protected += number

    def freeable(self) -> int:
        return sum(not self.zswap.on_device(key) for key in self.stored) - self.protected

    def check_in_use(self) -> None:
        assert sum(not self.zswap.on_device(key) for key in self.stored) >= self.protected

    def check_gone(self) -> None:
        assert sum(not self.zswap.on_device(key) for key in self.stored) == self.protected

    def close(self) -> None:
        for key in self.stored:
            assert self.zswap.load(key) == page(key)
        self.registration.close()
        self.zswap.close()


@pytest.fixture
def swap() -> Iterator[tuple[sp.Machine, Pages]]:
    """A machine of one node with cgroups, and pages in all of them."""
    with driven(Pages) as (machine, pages):
        yield machine, pages


@pytest.mark.parametrize(("kind", "nodes", "cgroups", "threads"), every_way)
def test_what_is_not_protected_is_written_back(kind: str, nodes: int, cgroups: bool, threads: int) -> None:
    def make(machine: sp.Machine, where: list[Place]) -> Pages:
        pages = Pages(machine, where)
        pages.too_early(where[-1], 10)
        return pages

    check_every_way(make, kind, nodes, cgroups, threads)


class TestCount:
    def test_it_leaves_out_what_is_protected_there(self, swap: tuple[sp.Machine, Pages]) -> None:
        machine, pages = swap
        where = places(machine)
        assert counted(machine, where) == [30] * 4
        pages.too_early(where[1], 7)
        assert [pages.zswap.protected(*place) for place in where] == [0, 7, 0, 0]
        assert counted(machine, where) == [30, 23, 30, 30]

    @pytest.mark.parametrize("gfp_mask", [sp.Gfp.NOFS, sp.Gfp.NOIO])
    def test_it_is_nothing_for_who_must_not_wait_for_io(
        self, swap: tuple[sp.Machine, Pages], gfp_mask: int
    ) -> None:
        machine, pages = swap
        for nid, memcg in places(machine):
            assert machine.shrink_slab(priority=0, nid=nid, memcg=memcg, gfp_mask=gfp_mask) == 0
            assert machine.last_pass is not None
            assert (machine.last_pass.freeable, machine.last_pass.scans) == (0, 0)
        # 0 is not EMPTY: the bits are still there.
        assert machine.drop_slab().freed == pages.protected + len(pages.stored)

    def test_it_goes_on_without_accounting_of_kernel_memory(self, swap: tuple[sp.Machine, Pages]) -> None:
        machine, _pages = swap
        machine.kmem = False  # NONSLAB
        assert counted(machine, places(machine)) == [30] * 4


class TestScan:
    def test_where_all_is_protected_it_stops_and_has_scanned_nothing(
        self, swap: tuple[sp.Machine, Pages]
    ) -> None:
        machine, pages = swap
        app = machine.root.children[0]
        pages.too_early(Place(0, app), 10)
        deferred = pages.registration.nr_deferred(app)
        assert machine.shrink_slab(priority=0, memcg=app) == 20
        last = machine.last_pass
        assert last is not None
        assert (last.freeable, last.scanned, last.scans) == (20, 20, 2)  # the second said STOP
        assert last.deferred == deferred + 40 - 20
        assert counted(machine, [Place(0, app)]) == [0]

    def test_nr_scanned_says_so_although_no_pass_asks(self, swap: tuple[sp.Machine, Pages]) -> None:
        machine, pages = swap
        told: list[tuple[int, int]] = []

        class Told(sp.Shrinker):
            def count_objects(self, sc: sp.ShrinkControl) -> int:
                return 1

            def scan_objects(self, sc: sp.ShrinkControl) -> int:
                freed = pages.zswap.scan_objects(sc)
                told.append((sc.nr_scanned, freed))
                return freed

        with register(machine, Told(), "told"):
            machine.drop_slab()
            told.clear()
            machine.shrink_slab(priority=0)
        assert told == [(0, sp.ScanObjects.STOP)]


class TestProtected:
    def test_new_pages_halve_it_while_it_is_large(self, swap: tuple[sp.Machine, Pages]) -> None:
        machine, pages = swap
        root = Place(0, machine.root)
        pages.too_early(root, 16)
        zswap = pages.zswap
        for i, left in enumerate([8, 8, 8]):  # of 31 pages at most 7 may be for long, of 32 it is 8
            zswap.store(2 * 10**6 + i, page(1), *root)
            assert zswap.protected() == left
        for i in range(3):
            zswap.load(2 * 10**6 + i)
        pages.protected = 8


class TestPages:
    def test_they_keep_their_content_whoever_reclaims(self) -> None:
        with driven(Pages, nodes=2) as (machine, pages):

            def traffic(first: int) -> None:
                for i in range(300):
                    key = 3 * 10**6 + first + i % 50
                    pages.zswap.store(key, page(key), *pages.where[i % len(pages.where)])
                    assert pages.zswap.load(key) == page(key)

            running = [Running(lambda first=first: traffic(first)) for first in (0, 100)]  # type: ignore[misc]
            while any(each.alive for each in running):
                machine.direct_reclaim(2**20)
            for each in running:
                each.join()

    def test_a_page_is_stored_over(self, swap: tuple[sp.Machine, Pages]) -> None:
        machine, pages = swap
        for _ in range(2):  # in memory, then on the device
            pages.zswap.store(1, page(5))
            assert pages.zswap.load(1) == page(5)
            pages.zswap.store(1, page(6))
            machine.drop_slab()
        assert pages.zswap.load(1) == page(6)
        with pytest.raises(KeyError):
            pages.zswap.load(1)
        pages.zswap.store(1, page(1))

    def test_of_a_cgroup_that_goes_they_are_its_parents(self, swap: tuple[sp.Machine, Pages]) -> None:
        machine, _pages = swap
        app = machine.root.children[0]
        (worker,) = app.children
        worker.remove()
        assert counted(machine, [Place(0, app)]) == [60]
        assert machine.shrink_slab(priority=0, memcg=app) == 60
