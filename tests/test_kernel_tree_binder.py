# SPDX-License-Identifier: GPL-2.0-only
"""drivers/android/binder_alloc.c of Linux 6.12 itself, unmodified: the pages that Binder lets reclaim have.

tests/drivers_c/binder_process.c stands for binder.c: processes with a mapping and an allocator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kernel_tree import SUPPORT, TREE, needs, only

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "drivers" / "android" / "binder_alloc.c"
PROCESS = SUPPORT / "binder_process.c"
HEADERS = ("uapi/linux/android/binder.h",)

pytestmark = needs("drivers/android/binder_alloc.c", *(f"include/{header}" for header in HEADERS))

PAGE = 4096

RECLAIMS: dict[str, Callable[[sp.Machine], object]] = {
    "shrink_slab": lambda machine: machine.shrink_slab(priority=0),
    "drop_slab": sp.Machine.drop_slab,
    "direct_reclaim": lambda machine: machine.direct_reclaim(1000),
    "kswapd": lambda machine: [machine.kswapd(nid, 1000) for nid in range(machine.nr_nodes)],
    "memcg": lambda machine: machine.root.reclaim(24),
}


def build(include: str, sanitize: str = "") -> native.Built:
    return native.build([SOURCE, PROCESS], include=[include, SOURCE.parent], name="binder", sanitize=sanitize)


@pytest.fixture(scope="module")
def include(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the one header that is neither beside the file nor ours."""
    return only(tmp_path_factory.mktemp("binder"), HEADERS)


@pytest.fixture(scope="module")
def built(include: Path) -> native.Built:
    return build(str(include))


@pytest.fixture
def binder(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with built.load(machine) as driver:
        yield driver
    assert driver.leaks == []
    assert machine.lockdep.reports == []


def transactions(driver: native.Driver, process: Any, n: int, pages: int = 3) -> list[Any]:
    buffers = [driver.process_buffer(process, pages * PAGE) for _ in range(n)]
    assert all(buffers)
    return buffers


def idle_pages(driver: native.Driver) -> int:
    """What count_objects says."""
    (shrinker,) = driver.shrinkers
    text = shrinker.debugfs.count
    return sum(int(line.split()[1]) for line in text.splitlines())


@pytest.mark.parametrize("kind", RECLAIMS)
class TestReclaim:
    def test_pages_in_use_stay_and_idle_ones_go(self, binder: native.Driver, kind: str) -> None:
        machine = binder.machine
        process = binder.process_start(64)
        buffers = transactions(binder, process, 16)
        RECLAIMS["drop_slab"](machine)
        assert machine.vmstat["slabs_scanned"] == 0  # nothing was idle
        for buffer in buffers[:8]:
            binder.process_done(process, buffer)
        assert idle_pages(binder) == 24
        RECLAIMS[kind](machine)
        assert idle_pages(binder) == 0
        for buffer in buffers[8:]:
            binder.process_done(process, buffer)
        assert idle_pages(binder) == 24
        binder.process_end(process)
        assert idle_pages(binder) == 0

    def test_pages_that_went_come_again(self, binder: native.Driver, kind: str) -> None:
        process = binder.process_start(64)
        for _ in range(3):
            for buffer in transactions(binder, process, 8):
                binder.process_done(process, buffer)
            assert idle_pages(binder) == 24
            RECLAIMS[kind](binder.machine)
            assert idle_pages(binder) == 0
        binder.process_end(process)


class TestADyingMm:
    def test_its_pages_stand_in_the_way_of_others(self, binder: native.Driver) -> None:
        dying, living = binder.process_start(64), binder.process_start(64)
        for process in (dying, living):
            for buffer in transactions(binder, process, 8):
                binder.process_done(process, buffer)
        binder.process_dies(dying)
        # Each page of the living one (LRU_REMOVED_RETRY) starts the walk anew, over the 24 that are
        # skipped: of 2 * 48 visits, and then of 2 * 45, every 25th frees a page.
        reclaimed = binder.machine.drop_slab()
        assert [each.freed for each in reclaimed.passes] == [96 // 25, 90 // 25]
        assert idle_pages(binder) == 48 - 6
        binder.process_end(dying)
        assert idle_pages(binder) == 24 - 6
        assert binder.machine.drop_slab().freed == 24 - 6
        binder.process_end(living)


def under_the_sanitizers(include: str) -> list[str]:
    """In the child: a process, idle pages, each reclaim, an mm that dies."""
    with sp.Machine() as machine:
        with build(include, "address,undefined").load(machine) as driver:
            for reclaim in RECLAIMS.values():
                process = driver.process_start(64)
                for buffer in transactions(driver, process, 8):
                    driver.process_done(process, buffer)
                reclaim(machine)
                driver.process_dies(process)
                machine.drop_slab()
                driver.process_end(process)
        return driver.leaks


@pytest.mark.thorough
class TestUnderSanitizers:
    def test_nothing_is_found(self, include: Path) -> None:
        assert native.run_sanitized(under_the_sanitizers, str(include)) == []
