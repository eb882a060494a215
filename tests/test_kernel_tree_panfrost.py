# SPDX-License-Identifier: GPL-2.0-only
"""drivers/gpu/drm/panfrost/panfrost_gem_shrinker.c of Linux 6.12 itself, unmodified: objects nobody needs.

It takes DRM's headers from the whole include/ of the tree, behind ours.
tests/drivers_c/panfrost_objects.c stands for the rest of the driver and for DRM's helpers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, loaded, needs

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "drivers" / "gpu" / "drm" / "panfrost" / "panfrost_gem_shrinker.c"
OBJECTS = SUPPORT / "panfrost_objects.c"

pytestmark = [
    pytest.mark.thorough,
    needs(
        "drivers/gpu/drm/panfrost/panfrost_gem_shrinker.c",
        "drivers/gpu/drm/panfrost/panfrost_gem.h",
        "include/drm/drm_gem_shmem_helper.h",
    ),
]

# What is called: to find it in the debugging information of all those headers takes seconds.
CDEF = """
unsigned int teardowns(void);
void *object_start(unsigned int pages);
void object_end(void *bo);
bool object_needed(void *bo, bool needed);
void object_busy(void *bo, int jobs);
void object_lock(void *bo);
void object_unlock(void *bo);
void object_lock_mappings(void *bo, bool on);
void device_lock_shrinker(bool on);
"""

SIZES = 1, 7, 64, 300  # in pages
PAGES = sum(SIZES)

RECLAIMS: dict[str, Callable[[sp.Machine], object]] = {
    "shrink_slab": lambda machine: machine.shrink_slab(priority=0),
    "drop_slab": sp.Machine.drop_slab,
    "direct_reclaim": lambda machine: machine.direct_reclaim(1000),
    "kswapd": lambda machine: machine.kswapd(0, 1000),
    "memcg": lambda machine: machine.root.reclaim(PAGES),
}


def build(sanitize: str = "") -> native.Built:
    return native.build(
        [SOURCE, OBJECTS],
        include=[INCLUDE, SOURCE.parent],
        name="panfrost",
        cdef=CDEF,
        sanitize=sanitize,
    )


@pytest.fixture(scope="module")
def built() -> native.Built:
    return build()


@pytest.fixture
def panfrost(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with loaded(machine, built) as driver:
        yield driver


@pytest.fixture
def objects(panfrost: native.Driver) -> Iterator[list[Any]]:
    """One of each size, needed by its user; ended in the end."""
    objects = [panfrost.object_start(size) for size in SIZES]
    yield objects
    for each in objects:
        panfrost.object_end(each)


def purgeable(driver: native.Driver) -> int:
    """What count_objects says: in pages."""
    (shrinker,) = driver.shrinkers
    return sum(int(line.split()[1]) for line in shrinker.debugfs.count.splitlines())


class TestReclaim:
    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_purges_what_is_not_needed(
        self, machine: sp.Machine, panfrost: native.Driver, objects: list[Any], kind: str
    ) -> None:
        needed = panfrost.object_start(50)
        for each in objects:
            assert panfrost.object_needed(each, False)
        assert purgeable(panfrost) == PAGES
        before = machine.allocations.charged
        RECLAIMS[kind](machine)
        assert purgeable(panfrost) == 0
        assert panfrost.teardowns() == len(SIZES)
        assert before - machine.allocations.charged > PAGES * 4096
        assert [panfrost.object_needed(each, True) for each in objects] == [False] * len(SIZES)
        assert panfrost.object_needed(needed, True)
        panfrost.object_end(needed)

    def test_finds_nothing_that_was_taken_back(
        self, machine: sp.Machine, panfrost: native.Driver, objects: list[Any]
    ) -> None:
        for each in objects:
            panfrost.object_needed(each, False)
            assert panfrost.object_needed(each, True)
        assert purgeable(panfrost) == 0
        machine.drop_slab()
        assert panfrost.teardowns() == 0

    def test_takes_whole_objects_the_first_ones_first(
        self, machine: sp.Machine, panfrost: native.Driver, objects: list[Any]
    ) -> None:
        for each in objects:
            panfrost.object_needed(each, False)
        # (372 >> 2) * 2 is one batch of 128 and a rest; it ends behind the last of the four.
        assert machine.shrink_slab(priority=2) == PAGES
        assert machine.last_pass.scans == 1
        assert [panfrost.object_needed(each, True) for each in objects] == [False] * 4


class TestAnObject:
    @pytest.mark.parametrize("by", ["a job", "its lock", "its mappings"])
    def test_in_use_stays(
        self, machine: sp.Machine, panfrost: native.Driver, objects: list[Any], by: str
    ) -> None:
        for each in objects:
            panfrost.object_needed(each, False)
        used = objects[2]
        if by == "a job":
            panfrost.object_busy(used, 1)
        elif by == "its lock":
            panfrost.object_lock(used)
        else:
            panfrost.object_lock_mappings(used, True)
        machine.drop_slab()
        assert purgeable(panfrost) == SIZES[2]  # counted, and not to be had
        if by == "a job":
            panfrost.object_busy(used, -1)
        elif by == "its lock":
            panfrost.object_unlock(used)
        else:
            panfrost.object_lock_mappings(used, False)
        assert machine.drop_slab().freed == SIZES[2]

    def test_whose_allocation_fails_is_none(self, panfrost: native.Driver) -> None:
        machine = panfrost.machine
        for n in itertools.count(1):
            machine.faults.fail_nth(n)
            each = panfrost.object_start(3)
            struck = machine.faults.pending == 0
            machine.faults.fail_nth(0)
            if each:
                panfrost.object_end(each)
            if not struck:
                break
            assert not each
        assert n == 4  # the object, its table, the entries; its pages cannot fail


class TestTheListsLock:
    def test_is_only_tried(self, machine: sp.Machine, panfrost: native.Driver, objects: list[Any]) -> None:
        for each in objects:
            panfrost.object_needed(each, False)
        panfrost.device_lock_shrinker(True)
        assert machine.shrink_slab(priority=0) == 0
        assert machine.last_pass.scans == 0
        panfrost.device_lock_shrinker(False)
        assert machine.drop_slab().freed == PAGES


def under_the_sanitizers() -> list[str]:
    """In the child: objects of all sizes, each reclaim."""
    with sp.Machine() as machine:
        with build("address,undefined").load(machine) as driver:
            for reclaim in RECLAIMS.values():
                objects = [driver.object_start(size) for size in SIZES]
                for each in objects:
                    driver.object_needed(each, False)
                reclaim(machine)
                for each in objects:
                    assert not driver.object_needed(each, True)
                    driver.object_end(each)
        return driver.leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert native.run_sanitized(under_the_sanitizers) == []
