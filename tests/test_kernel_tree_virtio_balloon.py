# SPDX-License-Identifier: GPL-2.0-only
"""drivers/virtio/virtio_balloon.c and mm/balloon_compaction.c of Linux 6.12 itself, unmodified.

What reclaim gets back are the free pages that the host was hinted of, blocks of the largest order.
They take their subsystem's headers from the whole include/ of the tree, behind ours.
tests/drivers_c/virtio_host.c stands for the host and the virtio core.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, loaded, needs, reclaims
from support import until

import shrinkpy as sp
from shrinkpy import native

SOURCES = TREE / "drivers" / "virtio" / "virtio_balloon.c", TREE / "mm" / "balloon_compaction.c"
HOST = SUPPORT / "virtio_host.c"

pytestmark = [
    pytest.mark.thorough,
    needs("drivers/virtio/virtio_balloon.c", "mm/balloon_compaction.c", "include/linux/virtio.h"),
]

# What is called: to find it in the debugging information of all those headers takes seconds.
CDEF = """
struct host_count { unsigned int inflated, deflated, starts, hinted; };
void *vm_start(uint64_t features);
void vm_end(void *host);
struct host_count *vm_count(void *host);
void vm_wants(void *host, unsigned int pages);
unsigned int vm_actual(void *host);
void vm_asks_for_hints(void *host, unsigned int id);
void vm_has_hints(void *host);
unsigned long out_of_memory(void);
"""

DEFLATE_ON_OOM, FREE_PAGE_HINT = 1 << 2, 1 << 3
PAGE, BLOCK, BLOCKS = 4096, 1 << 10, 6  # a block is of pages

RECLAIMS = reclaims(BLOCKS * BLOCK)


def build(sanitize: str = "") -> native.Built:
    return native.build([*SOURCES, HOST], include=INCLUDE, name="balloon", cdef=CDEF, sanitize=sanitize)


@pytest.fixture(scope="module")
def built() -> native.Built:
    return build()


@pytest.fixture
def balloon(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with loaded(machine, built) as driver:
        yield driver


@pytest.fixture
def host(balloon: native.Driver) -> Iterator[Any]:
    """One that may ask for hints."""
    host = balloon.vm_start(FREE_PAGE_HINT)
    assert host
    yield host
    balloon.vm_end(host)


def hint(driver: native.Driver, host: Any, number: int, blocks: int = BLOCKS) -> None:
    """The host asks for the number-th time: room for so many blocks is free."""
    machine = driver.machine
    machine.memory_limit = machine.allocations.charged + blocks * BLOCK * PAGE + PAGE
    driver.vm_asks_for_hints(host, number + 1)
    machine.memory_limit = 0


def hinted(driver: native.Driver) -> int:
    """What count_objects says: in pages."""
    (shrinker,) = driver.shrinkers
    return sum(int(line.split()[1]) for line in shrinker.debugfs.count.splitlines())


class TestReclaim:
    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_takes_the_hinted_pages_back(
        self, machine: sp.Machine, balloon: native.Driver, host: Any, kind: str
    ) -> None:
        before = machine.allocations.charged
        for number in 1, 2:
            hint(balloon, host, number)
            assert hinted(balloon) == BLOCKS * BLOCK
            assert balloon.vm_count(host).hinted == number * BLOCKS
            RECLAIMS[kind](machine)
            assert hinted(balloon) == 0
            assert machine.allocations.charged == before

    def test_takes_a_whole_block_for_each_batch(
        self, machine: sp.Machine, balloon: native.Driver, host: Any
    ) -> None:
        hint(balloon, host, 1)
        # (6144 >> 6) * 2 is 192: one batch of 128.
        assert machine.shrink_slab(priority=6) == BLOCK
        assert machine.last_pass.scans == 1
        assert hinted(balloon) == (BLOCKS - 1) * BLOCK
        balloon.vm_has_hints(host)
        until(lambda: hinted(balloon) == 0)

    def test_leaves_the_balloon_as_it_is(
        self, machine: sp.Machine, balloon: native.Driver, host: Any
    ) -> None:
        balloon.vm_wants(host, 600)
        hint(balloon, host, 1)
        machine.drop_slab()
        assert hinted(balloon) == 0
        assert balloon.vm_actual(host) == 600


class TestTheBalloon:
    def test_takes_what_the_host_wants(self, machine: sp.Machine, balloon: native.Driver, host: Any) -> None:
        before = machine.allocations.charged
        for pages in 600, 100, 0:
            balloon.vm_wants(host, pages)
            assert balloon.vm_actual(host) == pages
            assert machine.allocations.charged == before + pages * PAGE
        count = balloon.vm_count(host)
        assert (count.inflated, count.deflated) == (600, 600)

    def test_gives_some_back_where_memory_runs_out(self, balloon: native.Driver) -> None:
        host = balloon.vm_start(DEFLATE_ON_OOM)
        assert balloon.shrinkers == []  # that is for hints
        balloon.vm_wants(host, 600)
        assert [balloon.out_of_memory() for _ in range(4)] == [256, 256, 88, 0]
        assert balloon.vm_actual(host) == 0
        balloon.vm_end(host)
        assert balloon.out_of_memory() == 0

    def test_that_cannot_be_made_leaves_nothing(self, balloon: native.Driver) -> None:
        machine, n = balloon.machine, 0
        while True:
            n += 1
            machine.faults.fail_nth(n)
            host = balloon.vm_start(FREE_PAGE_HINT | DEFLATE_ON_OOM)
            struck = machine.faults.pending == 0
            machine.faults.fail_nth(0)
            if host:
                balloon.vm_end(host)
            if not struck:
                break
            assert not host
            assert balloon.shrinkers == []
        assert n > 3


def under_the_sanitizers() -> list[str]:
    """In the child: a balloon, hints, each reclaim."""
    with sp.Machine() as machine:
        with build("address,undefined").load(machine) as driver:
            host = driver.vm_start(FREE_PAGE_HINT)
            for number, reclaim in enumerate(RECLAIMS.values(), 1):
                driver.vm_wants(host, 100 * number)
                hint(driver, host, number)
                reclaim(machine)
            driver.vm_end(host)
        return driver.leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert native.run_sanitized(under_the_sanitizers) == []
