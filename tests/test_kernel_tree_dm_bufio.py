# SPDX-License-Identifier: GPL-2.0-only
"""drivers/md/dm-bufio.c of Linux 6.12 itself, unmodified: a shrinker that leaves the work to a workqueue.

It takes its subsystem's headers from the whole include/ of the tree, behind ours.
tests/drivers_c/dm_bufio_disk.c stands for the block layer and for a device-mapper target.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, loaded, needs, reclaims
from support import until

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "drivers" / "md" / "dm-bufio.c"
DISK = SUPPORT / "dm_bufio_disk.c"

pytestmark = [
    pytest.mark.thorough,
    needs("drivers/md/dm-bufio.c", "drivers/md/dm.h", "include/linux/dm-bufio.h"),
]

# What is called: to find it in the debugging information of all those headers takes seconds.
CDEF = """
struct disk_io { unsigned int reads, writes; int fail; };
void *disk_start(unsigned int blocks, unsigned int block_size);
void disk_end(void *disk);
struct disk_io *disk_io(void *disk);
void *block_hold(void *disk, unsigned int block);
int block_read(void *disk, unsigned int block);
int block_write(void *disk, unsigned int block, int value);
int block_on_disk(void *disk, unsigned int block);
int disk_write_back(void *disk);
void dm_bufio_release(void *buffer);
"""

BLOCK, BLOCKS = 4096, 300
RETAINED = 256 * 1024 // BLOCK  # dm_bufio_retain_bytes
OVER = BLOCKS - RETAINED
DIRTY = 200  # not three times the clean ones: more are written at once

RECLAIMS = reclaims(OVER)


def build(sanitize: str = "") -> native.Built:
    return native.build(
        [SOURCE, DISK], include=[INCLUDE, SOURCE.parent], name="dm_bufio", cdef=CDEF, sanitize=sanitize
    )


@pytest.fixture(scope="module")
def built() -> native.Built:
    return build()


@pytest.fixture
def bufio(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with loaded(machine, built) as driver:
        yield driver
    assert not [line for line in driver.log if "leaked" in line]


class Disk:
    """One, with a client of dm-bufio's on it."""

    def __init__(self, driver: native.Driver, blocks: int = BLOCKS) -> None:
        """Nothing of it was read."""
        self.driver = driver
        self.disk = driver.disk_start(blocks, BLOCK)
        assert self.disk
        self.io = driver.disk_io(self.disk)
        self.empty = driver.machine.allocations.charged
        self.buffer = 0  # bytes that each takes

    def read(self, blocks: range = range(BLOCKS)) -> None:
        """Each of them once."""
        before, reads = self.driver.machine.allocations.charged, self.io.reads
        for block in blocks:
            assert self.driver.block_read(self.disk, block) == block % 251
        read = self.io.reads - reads
        if read:
            self.buffer, rest = divmod(self.driver.machine.allocations.charged - before, read)
            assert self.buffer > BLOCK
            assert rest == 0

    @property
    def cached(self) -> int:
        """How many blocks have a buffer."""
        return (self.driver.machine.allocations.charged - self.empty) // self.buffer

    @property
    def idle(self) -> int:
        """What its shrinker counts: buffers over those that are retained and those that will go."""
        text = self.driver.shrinkers[0].debugfs.count
        return sum(int(line.split()[1]) for line in text.splitlines())

    def end(self) -> None:
        """It goes."""
        self.driver.disk_end(self.disk)


@pytest.fixture
def disk(bufio: native.Driver) -> Iterator[Disk]:
    """One, which goes in the end."""
    disk = Disk(bufio)
    yield disk
    disk.end()


class TestReclaim:
    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_leaves_what_is_retained(self, machine: sp.Machine, disk: Disk, kind: str) -> None:
        disk.read()
        assert (disk.cached, disk.idle) == (BLOCKS, OVER)
        RECLAIMS[kind](machine)
        until(lambda: disk.cached == RETAINED)
        assert disk.idle == 0
        reads = disk.io.reads
        disk.read()
        assert disk.io.reads == reads + OVER

    def test_takes_the_ones_that_were_read_first(self, machine: sp.Machine, disk: Disk) -> None:
        disk.read()
        machine.drop_slab()
        until(lambda: disk.cached == RETAINED)
        reads = disk.io.reads
        for block in range(OVER, BLOCKS):
            disk.driver.block_read(disk.disk, block)
        assert disk.io.reads == reads

    def test_spares_what_is_held(self, machine: sp.Machine, disk: Disk) -> None:
        disk.read()
        held = [disk.driver.block_hold(disk.disk, block) for block in range(10)]
        machine.drop_slab()
        until(lambda: disk.cached == RETAINED)
        reads = disk.io.reads
        for block in range(10):
            assert disk.driver.block_read(disk.disk, block) == block
        assert disk.io.reads == reads
        for buffer in held:
            disk.driver.dm_bufio_release(buffer)

    def test_writes_what_is_dirty_before_it_goes(self, machine: sp.Machine, disk: Disk) -> None:
        disk.read()
        for block in range(DIRTY):
            assert disk.driver.block_write(disk.disk, block, 7) == 0
        assert disk.io.writes == 0
        machine.drop_slab()
        until(lambda: disk.cached == RETAINED)
        gone = OVER - (BLOCKS - DIRTY)  # of the dirty ones; all that were clean went before
        assert disk.io.writes == gone
        assert [disk.driver.block_on_disk(disk.disk, block) for block in range(gone)] == [7] * gone
        assert disk.driver.disk_write_back(disk.disk) == 0
        assert disk.io.writes == DIRTY

    def test_counts_nothing_up_to_what_is_retained(self, machine: sp.Machine, disk: Disk) -> None:
        disk.read(range(RETAINED))
        assert disk.idle == 0
        assert machine.drop_slab().freed == 0
        assert disk.cached == RETAINED

    def test_claims_at_once_what_a_work_does_later(self, machine: sp.Machine, disk: Disk) -> None:
        disk.read()
        assert machine.shrink_slab(priority=0) == 3 * sp.SHRINK_BATCH  # twice OVER, in whole batches
        assert 3 * sp.SHRINK_BATCH > OVER
        until(lambda: disk.cached == RETAINED)


class TestErrors:
    def test_of_the_disk_reach_the_reader(self, disk: Disk) -> None:
        disk.io.fail = -5
        assert disk.driver.block_read(disk.disk, 0) == -5
        disk.io.fail = 0
        assert disk.driver.block_read(disk.disk, 0) == 0

    def test_of_memory_leave_no_client_behind(self, bufio: native.Driver) -> None:
        machine, n = bufio.machine, 0
        while True:
            n += 1
            machine.faults.fail_nth(n)
            made = bufio.disk_start(16, BLOCK)
            struck = machine.faults.pending == 0
            machine.faults.fail_nth(0)
            if made:
                bufio.disk_end(made)
            if not struck:
                break
            assert bufio.shrinkers == []
        assert n > 6


def under_the_sanitizers() -> list[str]:
    """In the child: clean and dirty blocks under each reclaim."""
    with sp.Machine() as machine:
        with build("address,undefined").load(machine) as driver:
            for reclaim in RECLAIMS.values():
                disk = Disk(driver)
                disk.read()
                for block in range(0, BLOCKS, 3):
                    assert driver.block_write(disk.disk, block, 9) == 0
                reclaim(machine)
                until(lambda: disk.cached == RETAINED)  # noqa: B023, called in this turn
                disk.end()
        return driver.leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert native.run_sanitized(under_the_sanitizers) == []
