# SPDX-License-Identifier: GPL-2.0-only
"""What Rust Binder registers its shrinker for, on real memory.

Mirrors drivers/android/binder/page_range.rs: the pages of a mapping are free, used or available. A
transaction uses pages until its receiver has consumed it; then they are available: they stay where
they are, on an LRU, for the next transaction or for the shrinker, which gives them back to the
system. In Binder a page goes by vm_insert_page() and zap_vma_range(); here by touching it and by
madvise(MADV_DONTNEED).
"""

from __future__ import annotations

import contextlib
import mmap
import random
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..control import DEFAULT_SEEKS, CountObjects, Flags, ScanObjects
from ..core import ShrinkControl
from ..errors import ShrinkpyError
from ..machine import MemCgroup
from ..shrinker import RegisteredShrinker, Shrinker

__all__ = ["DamagedError", "PageRange", "Transaction"]

_PAGE = mmap.PAGESIZE
_MIB = 1 << 20


class DamagedError(ShrinkpyError, RuntimeError):
    """Pages do not hold what they must: a transaction's bytes, or zeros after they were given back."""


@dataclass(eq=False)
class _Pool:
    """The pages of one node and cgroup that no transaction uses."""

    nid: int
    memcg: MemCgroup | None
    free: list[int]  # the next one to take is the last
    available: deque[int] = field(default_factory=deque)  # the LRU, its cold end left


@dataclass(eq=False)
class Transaction:
    """Bytes that lie in pages of a PageRange until they are consumed."""

    pages: list[int]
    """indices, ascending; the bytes lie in that order"""
    size: int
    """in bytes"""
    checksum: int
    """crc32 of what was sent"""
    pool: _Pool


def _runs(pages: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Neighbours together, as (first, last + 1)."""
    start = stop = -1
    for page in pages:
        if page != stop:
            if start != stop:
                yield start, stop
            start = page
        stop = page + 1
    if start != stop:
        yield start, stop


class PageRange(Shrinker):
    """A private anonymous mapping whose pages are managed by hand, and shrink under pressure.

    size is in bytes and rounded up to whole pages. With Flags.NUMA_AWARE, MEMCG_AWARE or both,
    attach() spreads the pages over nodes and cgroups, and each (node, cgroup) has an LRU of its own;
    without, there is one. seed makes the traffic of fill() and step() reproducible. Any thread may
    call any method at any time.

    Attributes: nr_pages; nr_used, of them in use; open, the transactions that use them. Raises
    ValueError for a size that is none, MemoryError if there is no room for it.
    """

    name = "android-binder"
    seeks = DEFAULT_SEEKS
    batch = 0
    object_size = _PAGE

    def __init__(self, size: int = 256 * _MIB, *, flags: int = 0, seed: int = 0) -> None:
        """See the class."""
        if isinstance(size, bool) or not isinstance(size, int) or size <= 0:
            raise ValueError(f"size must be a number of bytes, 1 or more, not {size!r}")
        self.nr_pages = -(-size // _PAGE)
        try:
            self._map = mmap.mmap(-1, self.nr_pages * _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except (OSError, OverflowError):
            raise MemoryError(f"no room for a mapping of {size} bytes; take a smaller size") from None
        with contextlib.suppress(OSError):  # a kernel without huge pages
            # One huge page would make 512 resident at the first touch of any.
            self._map.madvise(mmap.MADV_NOHUGEPAGE)
        self._bytes = memoryview(self._map)
        self.flags = Flags(flags)
        self._lock = threading.Lock()
        self._registration: RegisteredShrinker | None = None
        self._spread([(0, None)])
        self.open: set[Transaction] = set()
        self.nr_used = 0
        self._random = random.Random(seed)
        self._traffic: list[Transaction] = []
        self._noise = memoryview(self._random.randbytes(_MIB + _PAGE))

    # ---- the shrinker

    def count_objects(self, sc: ShrinkControl) -> CountObjects:
        """Count the available pages of sc's node and cgroup, exactly; EMPTY if there are none."""
        pool = self._pool(sc.nid, sc.memcg)
        return CountObjects.from_count(len(pool.available) if pool else 0)

    def scan_objects(self, sc: ShrinkControl) -> ScanObjects:
        """Give up to sc.nr_to_scan pages back, the coldest first. STOP while a transaction has the lock.

        Waiting for it could wait for oneself: its holder may be the one whose allocation reclaims.
        For the same reason page_range.rs only tries its locks, and skips a page whose lock is taken.
        """
        if not self._lock.acquire(blocking=False):
            return ScanObjects.STOP
        try:
            pool = self._pool(sc.nid, sc.memcg)
            if pool is None:
                return ScanObjects(0)
            cold = [pool.available.popleft() for _ in range(min(sc.nr_to_scan, len(pool.available)))]
            cold.sort()
            for start, stop in _runs(cold):
                self._give_back(start, stop)
            pool.free += reversed(cold)
            return ScanObjects(len(cold))
        finally:
            self._lock.release()

    def attach(self, registration: RegisteredShrinker, cgroups: Sequence[MemCgroup]) -> None:
        """Spread the pages over the machine's nodes and the cgroups, as far as the flags go.

        Call it after register(), before the first transaction; RuntimeError once there was one.
        """
        if self._nr_free() != self.nr_pages:
            raise RuntimeError("attach() must come before the first transaction")
        self._registration = registration
        self.flags = registration.flags
        nodes = registration.machine.nr_nodes if self.flags & Flags.NUMA_AWARE else 1
        groups = cgroups if self.flags & Flags.MEMCG_AWARE else [None]
        self._spread([(nid, memcg) for nid in range(nodes) for memcg in groups])

    def _spread(self, places: list[tuple[int, MemCgroup | None]]) -> None:
        self._pools: dict[tuple[int, MemCgroup | None], _Pool] = {}
        for i, place in enumerate(places):
            # Neighbours in one pool, so that they can go together.
            pages = range(i * self.nr_pages // len(places), (i + 1) * self.nr_pages // len(places))
            self._pools[place] = _Pool(*place, free=list(reversed(pages)))
        self._places = list(self._pools.values())

    def _pool(self, nid: int, memcg: MemCgroup | None) -> _Pool | None:
        numa, aware = self.flags & Flags.NUMA_AWARE, self.flags & Flags.MEMCG_AWARE
        return self._pools.get((nid if numa else 0, memcg if aware else None))

    def _nr_free(self) -> int:
        return sum(len(pool.free) for pool in self._places)

    def _give_back(self, start: int, stop: int) -> None:
        self._map.madvise(mmap.MADV_DONTNEED, start * _PAGE, (stop - start) * _PAGE)

    # ---- transactions

    def begin(
        self,
        data: bytes | memoryview,
        nid: int = 0,
        memcg: MemCgroup | None = None,
        *,
        fault: bool = True,
    ) -> Transaction | None:
        """Lay data into pages of a node and cgroup, available ones (the warmest first) before free ones.

        None: there are too few; with fault False only available ones count, for a task in reclaim
        does not fault new memory in. Raises ValueError for no data, or a place without pages.
        Mirrors use_range() of page_range.rs.
        """
        pool = self._pool(nid, memcg)
        if pool is None:
            raise ValueError(f"there are no pages for node {nid}, {memcg}; attach() says where there are")
        if not data:
            raise ValueError("a transaction has 1 byte or more")
        return self._begin(memoryview(data).cast("B"), pool, fault)

    def _begin(self, data: memoryview, pool: _Pool, fault: bool) -> Transaction | None:
        need = -(-len(data) // _PAGE)
        with self._lock:
            warm = min(need, len(pool.available))
            if need - warm > (len(pool.free) if fault else 0):
                return None
            pages = [pool.available.pop() for _ in range(warm)]
            pages += [pool.free.pop() for _ in range(need - warm)]
            pages.sort()  # neighbours are copied together
            transaction = Transaction(pages, len(data), zlib.crc32(data), pool)
            at = 0
            for piece in self._pieces(transaction):
                piece[:] = data[at : at + len(piece)]
                at += len(piece)
            self.open.add(transaction)
            self.nr_used += need
        return transaction

    def consume(self, transaction: Transaction) -> None:
        """Check the bytes of a transaction that its receiver has read, and make its pages available.

        Raises DamagedError, and its pages stay in use; ValueError if it is not open.
        Mirrors stop_using_range() of page_range.rs.
        """
        with self._lock:
            if transaction not in self.open:
                raise ValueError("the transaction was consumed before, or is another mapping's")
            self._check(transaction)
            self.open.remove(transaction)
            self.nr_used -= len(transaction.pages)
            pool = transaction.pool
            first = not pool.available
            pool.available += transaction.pages
            if first and pool.memcg and self._registration and not self._registration.closed:
                # As list_lru_add() does for the first item of a cgroup's list.
                self._registration.set_bit(pool.memcg, pool.nid)

    def _pieces(self, transaction: Transaction) -> Iterator[memoryview]:
        left = transaction.size
        for start, stop in _runs(transaction.pages):
            length = min(left, (stop - start) * _PAGE)
            yield self._bytes[start * _PAGE : start * _PAGE + length]
            left -= length

    def _check(self, transaction: Transaction) -> None:
        checksum = 0
        for piece in self._pieces(transaction):
            checksum = zlib.crc32(piece, checksum)
        if checksum != transaction.checksum:
            raise DamagedError(
                f"a transaction of {transaction.size} bytes in page {transaction.pages[0]} and on has lost "
                f"its content: checksum {checksum:#010x}, sent with {transaction.checksum:#010x}"
            )

    def verify(self) -> str:
        """Check every page that is used or free; what was found good, as a phrase.

        Used pages hold what was sent. Free ones read as zeros and keep what is written to them
        (after which they are given back again). Raises DamagedError.
        """
        with self._lock:
            for transaction in self.open:
                self._check(transaction)
            free = sorted(page for pool in self._places for page in pool.free)
            for start, stop in _runs(free):
                for first in range(start, stop, 16):
                    self._verify_free(first, min(first + 16, stop))
        return f"{len(self.open)} transactions kept their content, {len(free)} free pages are zero and usable"

    def _verify_free(self, start: int, stop: int) -> None:
        where = slice(start * _PAGE, stop * _PAGE)
        size = where.stop - where.start
        if self._map[where] != bytes(size):
            raise DamagedError(f"pages {start} to {stop - 1} were given back and do not read as zeros")
        self._bytes[where] = self._noise[:size]
        if self._map[where] != bytes(self._noise[:size]):
            raise DamagedError(f"pages {start} to {stop - 1} were given back and cannot be used again")
        self._give_back(start, stop)

    # ---- traffic

    def fill(self) -> None:
        """Let transactions come and go until a sixteenth is untouched, then leave an eighth in use."""
        while self._nr_free() > self.nr_pages // 16:
            for _ in range(3):
                self._send(fault=True)
            if self._traffic:
                self._receive()
        self._drain()

    def step(self) -> None:
        """Let some transactions come and go; those that find no available pages wait."""
        for _ in range(8):
            self._send(fault=False)
        self._drain()

    def _send(self, fault: bool) -> None:
        pool = self._random.choice(self._places)
        # As many small ones as large ones, up to Binder's MiB; in a small pool there must be room for some.
        largest = min(_MIB, max(1, self.nr_pages // len(self._places) // 16 * _PAGE))
        size = int(largest ** self._random.random())
        at = self._random.randrange(_PAGE)
        transaction = self._begin(self._noise[at : at + size], pool, fault)
        if transaction:
            self._traffic.append(transaction)

    def _drain(self) -> None:
        while self._traffic and self.nr_used > self.nr_pages // 8:
            self._receive()

    def _receive(self) -> None:
        i = self._random.randrange(len(self._traffic))
        self._traffic[i], self._traffic[-1] = self._traffic[-1], self._traffic[i]
        self.consume(self._traffic.pop())

    # ---- its end

    def close(self) -> None:
        """Unmap it, with all that is in it; close its registration first. Again: nothing."""
        with self._lock:
            self._pools.clear()
            self.open.clear()
            self._registration = None
            with contextlib.suppress(BufferError):  # some traceback looks at a piece: it goes with that
                self._bytes.release()
                self._map.close()
