# SPDX-License-Identifier: GPL-2.0-only
"""Swapped-out pages that stay in memory, compressed, until the shrinker writes them to the swap device.

After mm/zswap.c. Writing a page back costs I/O, and once more when it comes back from the device: each
that does was written back too early. So a part of every LRU is protected, which grows with such pages, and
halves as new ones come; the shrinker counts and takes only what is not.
"""

from __future__ import annotations

import random
import threading
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..control import CountObjects, Flags, ScanObjects
from ..core import ShrinkControl
from ..list_lru import ListLru, LruStatus
from ..machine import MemCgroup
from ..shrinker import RegisteredShrinker, Shrinker
from .binder import DamagedError

__all__ = ["Zswap"]

_PAGE = 4096


@dataclass(eq=False, slots=True)
class _Entry:
    """A compressed page."""

    key: int
    data: bytes
    place: tuple[int, int]  # of its LRU, as of _place()


def _place(nid: int, memcg: MemCgroup | None) -> tuple[int, int]:
    # By number, for a cgroup that is gone must not be kept; the root is the same as none.
    return nid, 0 if memcg is None or memcg.parent is None else memcg.ino


def _content(key: int) -> bytes:
    """A page that compresses well, and is like no other."""
    return random.Random(key).randbytes(_PAGE // 16) * 16


class Zswap(Shrinker):
    """Pages by number, in memory or on the device; any thread may call any method at any time.

    attach() comes before the first store(). size, in bytes, is what fill() stores.

    Attributes: nr_written_back, pages that went to the device; nr_came_back, of them, that were loaded
    from it.
    """

    name = "mm-zswap"
    flags = Flags.NUMA_AWARE | Flags.MEMCG_AWARE | Flags.NONSLAB

    def __init__(self, size: int = 4 << 20) -> None:
        """See the class."""
        self._size = size
        self._lock = threading.Lock()
        self._entries: dict[int, _Entry] = {}
        self._device: dict[int, tuple[bytes, tuple[int, int]]] = {}
        self._protected: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._random = random.Random(0)
        self.nr_written_back = 0
        self.nr_came_back = 0

    def attach(self, registration: RegisteredShrinker, cgroups: Sequence[MemCgroup]) -> None:
        """Make the LRUs, which set the shrinker's bits; cgroups are those that fill() stores for."""
        nodes = registration.machine.nr_nodes
        self._lru = ListLru(registration.machine, registration, memcg_aware=True)
        self._places = [(nid, memcg) for nid in range(nodes) for memcg in cgroups]

    # ---- the shrinker

    def count_objects(self, sc: ShrinkControl) -> CountObjects:
        """Count what is not protected; nothing for who must not wait for I/O."""
        if not (sc.reclaim_io_allowed and sc.reclaim_fs_allowed):
            return CountObjects(0)
        size = self._lru.shrink_count(sc)
        if not size:
            return CountObjects.EMPTY
        return CountObjects(max(size - self.protected(sc.nid, sc.memcg), 0))

    def scan_objects(self, sc: ShrinkControl) -> ScanObjects:
        """Write back up to sc.nr_to_scan pages, the oldest first; STOP where all are protected."""
        unprotected = self._lru.shrink_count(sc) - self.protected(sc.nid, sc.memcg)
        if unprotected <= 0:
            sc.nr_scanned = 0
            return ScanObjects.STOP
        sc.nr_scanned = min(sc.nr_to_scan, unprotected)

        def write_back(entry: _Entry) -> LruStatus:
            # Others may have scanned meanwhile; under the lock of the LRU they cannot.
            if self._lru.shrink_count(sc) <= self.protected(sc.nid, sc.memcg):
                return LruStatus.STOP
            return self._write_back(entry)

        return ScanObjects(self._lru.walk_one(sc.nid, sc.memcg, write_back, sc.nr_scanned))

    def _write_back(self, entry: _Entry) -> LruStatus:
        # store() and load() wait for the lock of the LRU, which is held here, while they have this one.
        if not self._lock.acquire(blocking=False):
            return LruStatus.SKIP
        try:
            self._device[entry.key] = zlib.decompress(entry.data), entry.place
            del self._entries[entry.key]
            self.nr_written_back += 1
            return LruStatus.REMOVED
        finally:
            self._lock.release()

    def protected(self, nid: int = 0, memcg: MemCgroup | None = None) -> int:
        """How many pages of a node and cgroup the shrinker leaves alone."""
        return self._protected.get(_place(nid, memcg), 0)

    # ---- the swap

    def store(self, key: int, page: bytes, nid: int = 0, memcg: MemCgroup | None = None) -> None:
        """Swap a page of this node and cgroup out, in the place of what key was before."""
        place = _place(nid, memcg)
        entry = _Entry(key, zlib.compress(page, 1), place)
        with self._lock:
            self._forget(key)
            self._entries[key] = entry
            self._lru.add(entry, nid, memcg)
            # The pages that came back are of less account with each that comes new.
            if self._protected[place] > self._lru.count_one(nid, memcg) // 4:
                self._protected[place] //= 2

    def load(self, key: int) -> bytes:
        """Swap a page in: it is here no longer. Raises KeyError."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                page = zlib.decompress(entry.data)
            else:
                page, place = self._device[key]
                self._protected[place] += 1
                self.nr_came_back += 1
            self._forget(key)
            return page

    def _forget(self, key: int) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._lru.remove(entry)
        self._device.pop(key, None)

    def on_device(self, key: int) -> bool:
        """Was it written back?"""
        return key in self._device

    # ---- under pressure of `shrinkpy run`

    def fill(self) -> None:
        """Store pages of every node and cgroup, as many of each."""
        for key in range(self._size // _PAGE):
            self.store(key, _content(key), *self._places[key % len(self._places)])

    def step(self) -> None:
        """Swap some in and out again, so that some come back from the device."""
        pages = self._size // _PAGE
        for key in self._random.sample(range(pages), min(16, pages)):
            self.store(key, self.load(key), *self._places[key % len(self._places)])

    def verify(self) -> str:
        """Hold that every page has its content, wherever it is."""
        pages = {key: zlib.decompress(entry.data) for key, entry in self._entries.items()}
        pages |= {key: page for key, (page, _) in self._device.items()}
        for key, page in pages.items():
            if page != _content(key):
                raise DamagedError(f"page {key} has lost its content")
        return (
            f"{len(self._entries)} pages in memory and {len(self._device)} on the device kept their content"
        )

    def close(self) -> None:
        """Let go of all pages, and of the LRUs."""
        with self._lock:
            for key in list(self._entries):
                self._forget(key)
            self._device.clear()
        self._lru.close()
