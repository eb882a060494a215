# SPDX-License-Identifier: GPL-2.0-only
"""mm/zsmalloc.c of Linux 6.12 itself, unmodified: reclaim moves objects together, and frees pages.

It takes its own headers and otherwise ours; under the sanitizers, the whole include/ of the tree behind ours.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, loaded, needs, only

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "mm" / "zsmalloc.c"
USER = SUPPORT / "zsmalloc_user.c"

HEADERS = "linux/zsmalloc.h", "linux/zpool.h"

pytestmark = [
    pytest.mark.thorough,
    needs("mm/zsmalloc.c", *(f"include/{header}" for header in HEADERS), "include/linux/kconfig.h"),
]

PAGE = 4096
# Of a class each: many to a page, some that span two pages, a page of its own.
SIZES = 48, 600, 2000, PAGE
OBJECTS, KEPT = 400, range(0, 400, 4)
PAGES, MOVABLE = 7 + 63 + 100 + 100, 5 + 42 + 50  # that are left of them, and could go

RECLAIMS: dict[str, Callable[[sp.Machine], object]] = {
    "shrink_slab": lambda machine: machine.shrink_slab(priority=0),
    "drop_slab": sp.Machine.drop_slab,
    "direct_reclaim": lambda machine: machine.direct_reclaim(1000),
    "kswapd": lambda machine: machine.kswapd(0, 1000),
    "memcg": lambda machine: machine.root.reclaim(MOVABLE),
}


def build(include: Path, sanitize: str = "") -> native.Built:
    return native.build(
        [SOURCE, USER],
        include=include,
        cflags=["-DCONFIG_ZSMALLOC_CHAIN_SIZE=8"],
        name="zsmalloc",
        sanitize=sanitize,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> native.Built:
    return build(only(tmp_path_factory.mktemp("zsmalloc"), HEADERS))


@pytest.fixture
def zsmalloc(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with loaded(machine, built) as driver:
        yield driver


class Pool:
    """One of zsmalloc's, with what is in it."""

    def __init__(self, driver: native.Driver) -> None:
        """An empty one."""
        self.driver = driver
        self.pool = driver.zs_create_pool(b"pool")
        assert self.pool
        self.objects: dict[tuple[int, int], int] = {}  # size, number: handle

    def fill(self, sizes: tuple[int, ...] = SIZES) -> None:
        """OBJECTS of each size, of which KEPT stay, scattered over all of its pages."""
        for size in sizes:
            for i in range(OBJECTS):
                self.objects[size, i] = self.driver.object_start(self.pool, size, i % 256)
        for size, i in [key for key in self.objects if key[1] not in KEPT]:
            self.driver.zs_free(self.pool, self.objects.pop((size, i)))

    def intact(self) -> bool:
        """All that is in it is as it was."""
        return all(
            self.driver.object_holds(self.pool, handle, size, i % 256)
            for (size, i), handle in self.objects.items()
        )

    @property
    def pages(self) -> int:
        """That it has."""
        return int(self.driver.zs_get_total_pages(self.pool))

    @property
    def movable(self) -> int:
        """How many of them its shrinker counts: that would go if objects were moved together."""
        text = self.driver.shrinkers[0].debugfs.count
        return sum(int(line.split()[1]) for line in text.splitlines())

    def end(self) -> None:
        """Give back all, and the pool."""
        for handle in self.objects.values():
            self.driver.zs_free(self.pool, handle)
        assert self.pages == 0
        self.driver.zs_destroy_pool(self.pool)


@pytest.fixture
def pool(zsmalloc: native.Driver) -> Iterator[Pool]:
    """One, given back in the end."""
    pool = Pool(zsmalloc)
    yield pool
    pool.end()


class TestReclaim:
    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_frees_what_it_counts_and_loses_nothing(self, machine: sp.Machine, pool: Pool, kind: str) -> None:
        pool.fill()
        charged = machine.allocations.charged
        assert (pool.pages, pool.movable) == (PAGES, MOVABLE)
        RECLAIMS[kind](machine)
        assert (pool.pages, pool.movable) == (PAGES - MOVABLE, 0)
        assert machine.allocations.charged < charged - MOVABLE * PAGE
        assert pool.intact()

    def test_packs_a_class_as_full_as_it_gets(self, machine: sp.Machine, pool: Pool) -> None:
        pool.fill((2000,))
        assert pool.pages == OBJECTS // 4  # two to a page, and every second page was empty
        machine.drop_slab()
        assert pool.pages == len(KEPT) // 2
        assert pool.intact()

    def test_moves_no_object_of_a_page_of_its_own(self, machine: sp.Machine, pool: Pool) -> None:
        pool.fill((PAGE,))
        assert pool.pages == len(KEPT)
        assert pool.movable == 0
        machine.drop_slab()
        assert pool.pages == len(KEPT)

    def test_asks_nothing_of_an_empty_pool(self, machine: sp.Machine, pool: Pool) -> None:
        assert machine.shrink_slab(priority=0) == 0
        assert machine.last_pass.scans == 0

    def test_of_two_pools_is_of_two_shrinkers(self, machine: sp.Machine, zsmalloc: native.Driver) -> None:
        first, second = Pool(zsmalloc), Pool(zsmalloc)
        first.fill((48,))
        second.fill((600,))
        assert [shrinker.name for shrinker in zsmalloc.shrinkers] == ["mm-zspool:pool"] * 2
        machine.drop_slab()
        assert first.movable == second.movable == 0
        first.end()
        assert second.intact()
        second.end()


class TestMemoryThatRunsOut:
    def test_is_an_error_of_the_allocation(self, zsmalloc: native.Driver, pool: Pool) -> None:
        machine = zsmalloc.machine
        for n in range(1, 5):  # the handle, the zspage, its two pages
            machine.faults.fail_nth(n)
            handle = zsmalloc.object_start(pool.pool, 3000, 1)
            if machine.faults.pending:
                machine.faults.fail_nth(0)
                break
            assert handle == 2**64 - errno.ENOMEM
            assert pool.pages == 0
        assert n > 3
        pool.objects[3000, 1] = handle

    def test_while_a_pool_is_made_leaves_nothing(self, zsmalloc: native.Driver) -> None:
        machine, n = zsmalloc.machine, 0
        while True:
            n += 1
            machine.faults.fail_nth(n)
            made = zsmalloc.zs_create_pool(b"pool")
            struck = machine.faults.pending == 0
            machine.faults.fail_nth(0)
            if made:
                zsmalloc.zs_destroy_pool(made)
            if not struck:
                break
        assert n > 100  # a class each
        assert zsmalloc.shrinkers == []


def under_the_sanitizers() -> list[str]:
    """In the child: a pool, filled and thinned out, under each reclaim."""
    with sp.Machine() as machine:
        with build(INCLUDE, "address,undefined").load(machine) as driver:
            for reclaim in RECLAIMS.values():
                pool = Pool(driver)
                pool.fill()
                reclaim(machine)
                assert pool.intact()
                pool.end()
        return driver.leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert native.run_sanitized(under_the_sanitizers) == []
