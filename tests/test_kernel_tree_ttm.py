# SPDX-License-Identifier: GPL-2.0-only
"""drivers/gpu/drm/ttm/ttm_pool.c of Linux 6.12 itself, unmodified: pages that wait for the next object.

It takes its subsystem's headers from the whole include/ of the tree, behind ours.
tests/drivers_c/ttm_device.c stands for a graphics driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, loaded, needs

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "drivers" / "gpu" / "drm" / "ttm" / "ttm_pool.c"
DEVICE = SUPPORT / "ttm_device.c"

pytestmark = [pytest.mark.thorough, needs("drivers/gpu/drm/ttm/ttm_pool.c", "include/drm/ttm/ttm_pool.h")]

# What is called: to find it in the debugging information of all those headers takes seconds.
CDEF = """
void *pool_start(int nid, bool coherent, bool dma32);
void pool_end(void *pool);
void *object_start(void *pool, unsigned int pages, int caching);
void object_end(void *pool, void *tt);
void object_fill(void *tt, int value);
unsigned int object_holds(void *tt, int value);
void *object_page(void *tt, unsigned int i);
"""

UNCACHED, WRITE_COMBINED, CACHED = range(3)  # enum ttm_caching
ANY_NODE = -1
PAGES = 256 + 16 + 1  # three allocations: of orders 8, 4 and 0

RECLAIMS: dict[str, Callable[[sp.Machine], object]] = {
    "shrink_slab": lambda machine: machine.shrink_slab(priority=0),
    "drop_slab": sp.Machine.drop_slab,
    "direct_reclaim": lambda machine: machine.direct_reclaim(1000),
    "kswapd": lambda machine: machine.kswapd(0, 1000),
    "memcg": lambda machine: machine.root.reclaim(PAGES),
}


def build(sanitize: str = "") -> native.Built:
    """With pools for uncached and write-combining pages, which only x86 has."""
    return native.build(
        [SOURCE, DEVICE],
        include=[INCLUDE, SOURCE.parent],
        cflags=["-DCONFIG_X86=1"],
        name="ttm",
        cdef=CDEF,
        sanitize=sanitize,
    )


@pytest.fixture(scope="module")
def built() -> native.Built:
    return build()


@pytest.fixture
def ttm(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with loaded(machine, built) as driver:
        yield driver


def in_pools(driver: native.Driver) -> int:
    """What count_objects says: in pages."""
    (shrinker,) = driver.shrinkers
    return sum(int(line.split()[1]) for line in shrinker.debugfs.count.splitlines())


def use(driver: native.Driver, pool: object, caching: int, pages: int = PAGES) -> None:
    """An object that comes and goes."""
    tt = driver.object_start(pool, pages, caching)
    assert tt
    driver.object_end(pool, tt)


@pytest.mark.parametrize("kind", RECLAIMS)
class TestReclaim:
    def test_takes_every_page_that_waits_and_none_in_use(self, ttm: native.Driver, kind: str) -> None:
        pool = ttm.pool_start(ANY_NODE, False, False)
        used = ttm.object_start(pool, PAGES, WRITE_COMBINED)
        ttm.object_fill(used, 0x5A)
        RECLAIMS["drop_slab"](ttm.machine)
        assert ttm.machine.vmstat["slabs_scanned"] == 0  # nothing waited
        use(ttm, pool, WRITE_COMBINED)
        assert in_pools(ttm) == PAGES
        RECLAIMS[kind](ttm.machine)
        assert in_pools(ttm) == 0
        assert ttm.machine.vmstat["slabs_scanned"] == PAGES
        assert ttm.object_holds(used, 0x5A) == PAGES
        ttm.object_end(pool, used)
        assert in_pools(ttm) == PAGES
        ttm.pool_end(pool)

    def test_gives_memory_back(self, ttm: native.Driver, kind: str) -> None:
        pool = ttm.pool_start(ANY_NODE, True, False)  # of the device's coherent memory
        before = ttm.machine.allocations.charged
        use(ttm, pool, CACHED)
        assert ttm.machine.allocations.charged > before + PAGES * 4096
        RECLAIMS[kind](ttm.machine)
        assert ttm.machine.allocations.charged == before
        ttm.pool_end(pool)


class TestPools:
    def test_hand_pages_to_the_next_object_zeroed(self, ttm: native.Driver) -> None:
        pool = ttm.pool_start(ANY_NODE, False, False)
        first = ttm.object_start(pool, PAGES, UNCACHED)
        pages = {ttm.object_page(first, i) for i in range(PAGES)}
        ttm.object_fill(first, 0xFF)
        ttm.object_end(pool, first)
        assert in_pools(ttm) == PAGES
        second = ttm.object_start(pool, PAGES, UNCACHED)
        assert {ttm.object_page(second, i) for i in range(PAGES)} == pages
        assert ttm.object_holds(second, 0) == PAGES
        assert in_pools(ttm) == 0
        ttm.object_end(pool, second)
        ttm.pool_end(pool)

    def test_keep_no_cached_pages(self, ttm: native.Driver) -> None:
        pool = ttm.pool_start(ANY_NODE, False, False)
        use(ttm, pool, CACHED)
        assert in_pools(ttm) == 0
        ttm.pool_end(pool)

    def test_over_their_limit_shrink_themselves(self, ttm: native.Driver) -> None:
        pool = ttm.pool_start(ANY_NODE, False, False)
        objects = [ttm.object_start(pool, 1024, WRITE_COMBINED) for _ in range(5)]
        for tt in objects:
            ttm.object_end(pool, tt)
        assert in_pools(ttm) == 4096  # ttm_pool_mgr_init()'s, in pages
        ttm.pool_end(pool)
        assert in_pools(ttm) == 4096  # theirs is a pool that all share

    def test_of_a_node_go_with_it(self, ttm: native.Driver) -> None:
        pool = ttm.pool_start(0, False, False)
        use(ttm, pool, WRITE_COMBINED)
        assert in_pools(ttm) == PAGES
        ttm.pool_end(pool)
        assert in_pools(ttm) == 0

    def test_give_turn_about_a_whole_allocation_at_a_time(self, ttm: native.Driver) -> None:
        pool = ttm.pool_start(ANY_NODE, False, False)
        use(ttm, pool, WRITE_COMBINED, 256)
        use(ttm, pool, UNCACHED, 256)
        assert in_pools(ttm) == 512
        # One batch: seeks is 1, so that it is (512 >> 4) * 4. What it took was more.
        assert ttm.machine.shrink_slab(priority=4) == 256
        assert ttm.machine.last_pass.scanned == 256
        assert in_pools(ttm) == 256
        ttm.machine.drop_slab()
        assert in_pools(ttm) == 0
        ttm.pool_end(pool)


class TestMemoryThatRunsOut:
    def test_leaves_nothing_behind(self, ttm: native.Driver) -> None:
        pool = ttm.pool_start(ANY_NODE, True, False)
        machine = ttm.machine
        before = machine.allocations.charged
        failed = n = 0
        while True:
            n += 1
            machine.faults.fail_nth(n)
            tt = ttm.object_start(pool, PAGES, CACHED)
            struck = machine.faults.pending == 0
            machine.faults.fail_nth(0)
            failed += not tt
            if tt:  # a smaller order did
                assert ttm.object_holds(tt, 0) == PAGES
                ttm.object_end(pool, tt)
            machine.drop_slab()
            assert machine.allocations.charged == before
            if not struck:
                break
        assert n > 6
        assert failed >= 3  # the object, its two arrays, a page of order 0
        ttm.pool_end(pool)

    def test_is_found_in_the_pools(self, ttm: native.Driver) -> None:
        pool = ttm.pool_start(ANY_NODE, False, False)
        use(ttm, pool, WRITE_COMBINED)
        machine = ttm.machine
        machine.memory_limit = machine.allocations.charged + 16 * 4096
        tt = ttm.object_start(pool, PAGES, CACHED)  # which no pool has
        assert tt
        assert machine.allocations.reclaims > 0
        assert in_pools(ttm) < PAGES
        machine.memory_limit = 0
        ttm.object_end(pool, tt)
        ttm.pool_end(pool)


def under_the_sanitizers() -> list[str]:
    """In the child: pools of both kinds of memory, each reclaim."""
    with sp.Machine() as machine:
        with build("address,undefined").load(machine) as driver:
            for reclaim in RECLAIMS.values():
                for coherent in False, True:
                    pool = driver.pool_start(ANY_NODE, coherent, False)
                    for caching in range(3):
                        use(driver, pool, caching)
                    reclaim(machine)
                    use(driver, pool, WRITE_COMBINED)
                    driver.pool_end(pool)
        return driver.leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert native.run_sanitized(under_the_sanitizers) == []
