# SPDX-License-Identifier: GPL-2.0-only
"""A second shrinker core, in plain Python: what the tests hold the compiled one against.

It is written from the rules alone and meant to be checked by eye: one rule a function, with the
section of the specification (SPEC) that it tells. It is slow, knows one thread only, and so never
waits. Names of functions and fields are the kernel's; errors are those of the package.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, MutableMapping, MutableSequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, Protocol

from shrinkpy import DeadlockError, HungError, KernelOops, LivelockError, NestingError

SHRINK_STOP = 2**64 - 1
SHRINK_EMPTY = 2**64 - 2
DEFAULT_SEEKS = 2
SHRINK_BATCH = 128
SHRINKER_UNIT_BITS = 64
SHRINKER_NUMA_AWARE, SHRINKER_MEMCG_AWARE, SHRINKER_NONSLAB = 1 << 2, 1 << 3, 1 << 4
GFP_KERNEL, GFP_DIRECT_RECLAIM = 0xCC0, 0x400
MAX_DEPTH = 8
"""How deep passes may nest: the harness's bound, not the kernel's."""


# ---- arithmetic -----------------------------------------------------------------------------------


def unsigned(n: int) -> int:
    """SPEC 1: an unsigned long, wrapped."""
    return n % 2**64


def signed(n: int, bits: int = 64) -> int:
    """SPEC 1: the two's complement number that these bits are, wrapped."""
    n %= 2**bits
    return n - 2**bits if n >= 2 ** (bits - 1) else n


def delta_of(freeable: int, priority: int, seeks: int) -> int:
    """SPEC 4.3: how much this pass alone asks for (unsigned)."""
    if seeks == 0:
        half = abs(freeable) // 2
        return unsigned(half if freeable >= 0 else -half)
    return unsigned((freeable >> priority) * 4) // (seeks % 2**32)


def total_scan_of(nr: int, delta: int, freeable: int, priority: int) -> int:
    """SPEC 4.4: with its share of the deferred work, at most twice the cache (signed)."""
    return min(signed((nr >> priority) + delta), signed(2 * freeable))


def goes_on(total_scan: int, batch_size: int, freeable: int) -> bool:
    """SPEC 4.6: is another scan call due?"""
    return total_scan >= batch_size or total_scan >= freeable


def next_deferred_of(nr: int, delta: int, scanned: int, freeable: int) -> int:
    """SPEC 4.7: what is left for later; first not below 0, then at most twice the cache."""
    return min(max(signed(nr + delta - scanned), 0), signed(2 * freeable))


# ---- types ----------------------------------------------------------------------------------------


@dataclass(eq=False)
class ShrinkerInfo:
    """SPEC 2: what a cgroup keeps on one node. units are counted only: nothing is stored by unit."""

    map_nr_max: int
    map: set[int] = field(default_factory=set)
    nr_deferred: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def units(self) -> int:
        return self.map_nr_max // SHRINKER_UNIT_BITS


@dataclass(eq=False)
class MemCgroup:
    """SPEC 7: a cgroup; info has one entry a node, or is empty while there is none."""

    name: str
    parent: MemCgroup | None
    children: list[MemCgroup] = field(default_factory=list)
    online: bool = False
    info: list[ShrinkerInfo] = field(default_factory=list)
    refs: int = 1

    def walk(self) -> Iterator[MemCgroup]:
        """SPEC 7: pre-order, children in order of creation, online or not."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass
class ShrinkControl:
    """SPEC 2: what a callback is given."""

    gfp_mask: int
    nid: int
    memcg: MemCgroup | None
    nr_to_scan: int = 0
    nr_scanned: int = 0


class Callbacks(Protocol):
    """The two functions of a shrinker."""

    def count_objects(self, sc: ShrinkControl, /) -> int: ...

    def scan_objects(self, sc: ShrinkControl, /) -> int: ...


@dataclass(eq=False)
class Shrinker:
    """SPEC 2: a shrinker; serial is its place in the order of registration."""

    name: str
    flags: int
    id: int = 0
    seeks: int = DEFAULT_SEEKS
    batch: int = 0
    nr_deferred: list[int] = field(default_factory=list)
    callbacks: Callbacks | None = None
    serial: int = -1
    registered: bool = False
    refcount: int = 0
    first_dropped: bool = False

    @property
    def memcg_aware(self) -> bool:
        return bool(self.flags & SHRINKER_MEMCG_AWARE)

    @property
    def numa_aware(self) -> bool:
        return bool(self.flags & SHRINKER_NUMA_AWARE)


class Attempt(NamedTuple):
    """SPEC 12: one allocation, its node if the site has one, and whether it failed."""

    site: str
    nid: int | None
    failed: bool


class Start(NamedTuple):
    """SPEC 4.5: the event mm_shrink_slab_start."""

    shrinker: str
    memcg: str | None
    nid: int
    nr: int
    gfp_mask: int
    freeable: int
    delta: int
    total_scan: int
    priority: int


class End(NamedTuple):
    """SPEC 4.9: the event mm_shrink_slab_end."""

    shrinker: str
    memcg: str | None
    nid: int
    retval: int
    nr: int
    new_nr: int
    total_scan: int


class Livelock(NamedTuple):
    """SPEC 9: a turn that was ended because it made no progress."""

    shrinker: str
    nid: int
    memcg: str | None


@dataclass
class Pass:
    """What one pass did, not counting those nested in it; sums wrap."""

    gfp_mask: int
    nid: int
    memcg: MemCgroup | None
    priority: int
    freed: int = 0
    freeable: int = 0
    scanned: int = 0
    deferred: int = 0
    counts: int = 0
    scans: int = 0
    spins: int = 0
    livelocks: tuple[Livelock, ...] = ()
    """of the nested ones too, once the outermost is over"""


# ---- the machine ----------------------------------------------------------------------------------


class Machine:
    """Nodes, cgroups and shrinkers; root is "online", "bare" (no info, not online) or None (early boot)."""

    def __init__(
        self,
        nr_nodes: int = 1,
        *,
        memcg: bool = True,
        kmem: bool = True,
        root: str | None = "online",
        max_stall: int = 0,
    ) -> None:
        self.nr_nodes = nr_nodes
        self.memcg_enabled = memcg
        self.kmem = kmem
        self.max_stall = max_stall
        self.nr_max = 0
        self.shrinkers: list[Shrinker] = []
        """all that live, in order of allocation"""
        self.ids: dict[int, Shrinker] = {}
        self.serials = count()
        self.slabs_scanned = 0
        self.events: list[Start | End] = []
        self.attempts: list[Attempt] = []
        self.fail_in = 0
        self.fail_sites: frozenset[str] = frozenset()
        self.passes: list[Pass] = []
        """those that run, the outermost first"""
        self.running: list[Shrinker] = []
        """those whose turn it is in these"""
        self.last_pass: Pass | None = None
        self.reclaim_passes: list[Pass] = []
        """those that the loops of SPEC 8 made, in order"""
        self.vmstat = {"drop_slab": 0, "allocstall_normal": 0, "pageoutrun": 0}
        self.livelocks: list[Livelock] = []
        self.root: MemCgroup | None = None
        if root is not None:
            self.root = MemCgroup("", None)
            if root == "online":
                self.mem_cgroup_online(self.root)
        self.attempts.clear()

    # -- allocations

    def fail_nth(self, n: int, *sites: str) -> None:
        """SPEC 9: the n-th allocation from now fails, once; 0: none."""
        self.fail_in, self.fail_sites = n, frozenset(sites)

    def attempt(self, site: str, nid: int | None = None) -> None:
        """SPEC 12: one allocation; MemoryError if it is the one that fails."""
        counted = self.fail_in > 0 and (not self.fail_sites or site in self.fail_sites)
        self.fail_in -= counted
        failed = counted and self.fail_in == 0
        self.attempts.append(Attempt(site, nid, failed))
        if failed:
            raise MemoryError

    # -- life of a shrinker

    def shrinker_alloc(self, flags: int, name: str) -> Shrinker:
        """SPEC 3 and 12.1."""
        self.attempt("shrinker")
        self.attempt("name")
        if not self.memcg_enabled:
            flags &= ~SHRINKER_MEMCG_AWARE
        s = Shrinker(name, flags)
        if s.memcg_aware:
            s.id = self.take_id()
            self.ids[s.id] = s
        else:
            self.attempt("nr_deferred")
            s.nr_deferred = [0] * (self.nr_nodes if s.numa_aware else 1)
        self.shrinkers.append(s)
        return s

    def take_id(self) -> int:
        """SPEC 3: the lowest free id, and room for it."""
        self.attempt("idr")
        new = next(i for i in count() if i not in self.ids)
        if new >= self.nr_max:
            self.expand_shrinker_info(new)
        return new

    def expand_shrinker_info(self, new_id: int) -> None:
        """SPEC 3 and 12.2: every info grows; where one fails, those before it stay grown."""
        nr_max = (new_id // SHRINKER_UNIT_BITS + 1) * SHRINKER_UNIT_BITS
        for memcg in self.root.walk() if self.root else ():
            for nid, info in enumerate(memcg.info):
                if info.map_nr_max < nr_max:
                    self.attempt("info", nid)
                    for _ in range(info.units, nr_max // SHRINKER_UNIT_BITS):
                        self.attempt("unit", nid)
                    info.map_nr_max = nr_max
        self.nr_max = nr_max

    def shrinker_register(self, s: Shrinker, callbacks: Callbacks) -> None:
        """SPEC 3: to the tail of the list, and published."""
        s.callbacks = callbacks
        s.serial = next(self.serials)
        s.registered = True
        s.refcount = 1

    @property
    def shrinker_list(self) -> list[Shrinker]:
        """SPEC 3: the registered ones, in order of registration."""
        return sorted((s for s in self.shrinkers if s.registered), key=lambda s: s.serial)

    def shrinker_free(self, s: Shrinker) -> None:
        """SPEC 3: a self-free changes nothing; one that would hang has dropped the first reference."""
        if s.registered:
            if s in self.running:
                raise DeadlockError("in its own callback", shrinker=s.name)
            s.refcount -= not s.first_dropped
            s.first_dropped = True
            if s.refcount > 0:
                raise HungError("references were lost", shrinker=s.name)
            s.registered = False
        if s.memcg_aware:
            del self.ids[s.id]
        self.shrinkers.remove(s)

    # -- deferred work

    def nr_deferred_of(
        self, s: Shrinker, memcg: MemCgroup | None, nid: int
    ) -> tuple[MutableMapping[int, int] | MutableSequence[int], int]:
        """SPEC 4.2 and 5: where its deferred count for (nid, memcg) is kept: a container and a key."""
        nid = nid if s.numa_aware else 0
        if not s.memcg_aware:
            return s.nr_deferred, nid
        if memcg is None or not memcg.info:
            raise KernelOops("no place for deferred work", shrinker=s.name)
        return memcg.info[nid].nr_deferred, s.id

    def xchg_nr_deferred(self, s: Shrinker, sc: ShrinkControl) -> int:
        """SPEC 4.2: takes the count away."""
        where, key = self.nr_deferred_of(s, sc.memcg, sc.nid)
        nr, where[key] = where[key], 0
        return nr

    def add_nr_deferred(self, nr: int, s: Shrinker, sc: ShrinkControl) -> int:
        """SPEC 4.8: added to what came meanwhile; gives the sum."""
        where, key = self.nr_deferred_of(s, sc.memcg, sc.nid)
        where[key] = signed(where[key] + nr)
        return where[key]

    # -- one shrinker's turn

    def do_shrink_slab(self, sc: ShrinkControl, s: Shrinker, priority: int) -> int:
        """SPEC 4, its steps in order."""
        assert s.callbacks is not None
        this, memcg = self.passes[-1], sc.memcg.name if sc.memcg else None
        this.counts += 1
        result = unsigned(s.callbacks.count_objects(sc))
        if result in (0, SHRINK_EMPTY):
            return result
        this.freeable = unsigned(this.freeable + result)
        freeable = signed(result)
        nr = self.xchg_nr_deferred(s, sc)
        delta = delta_of(freeable, priority, s.seeks)
        total_scan = total_scan_of(nr, delta, freeable, priority)
        self.events.append(
            Start(s.name, memcg, sc.nid, nr, sc.gfp_mask, freeable, delta, total_scan, priority)
        )
        batch_size = s.batch or SHRINK_BATCH
        freed = scanned = stall = 0
        least = total_scan
        while goes_on(total_scan, batch_size, freeable):
            sc.nr_to_scan = sc.nr_scanned = unsigned(min(batch_size, total_scan))
            this.scans += 1
            result = unsigned(s.callbacks.scan_objects(sc))
            if result == SHRINK_STOP:
                break
            freed = unsigned(freed + result)
            scanned = unsigned(scanned + sc.nr_scanned)
            self.slabs_scanned = unsigned(self.slabs_scanned + sc.nr_scanned)
            total_scan = signed(total_scan - sc.nr_scanned)
            stall = 0 if total_scan < least else stall + 1
            least = min(least, total_scan)
            if stall and stall == self.max_stall:
                self.stalled(s, sc)
                break
        new_nr = self.add_nr_deferred(next_deferred_of(nr, delta, scanned, freeable), s, sc)
        this.scanned = unsigned(this.scanned + scanned)
        this.deferred = unsigned(this.deferred + new_nr)
        self.events.append(End(s.name, memcg, sc.nid, signed(freed, 32), nr, new_nr, total_scan))
        return freed

    def stalled(self, s: Shrinker, sc: ShrinkControl) -> None:
        """SPEC 9: max_stall calls in a row brought total_scan no lower; the last one's result counts."""
        self.passes[-1].spins += 1
        self.livelocks.append(Livelock(s.name, sc.nid, sc.memcg.name if sc.memcg else None))

    def take_turn(self, sc: ShrinkControl, s: Shrinker, priority: int) -> int:
        """SPEC 3: a turn under a reference, which frees in its callbacks would wait for."""
        self.running.append(s)
        try:
            return self.do_shrink_slab(sc, s, priority)
        finally:
            self.running.pop()

    # -- passes

    def shrink_slab(self, gfp_mask: int, nid: int, memcg: MemCgroup | None, priority: int) -> int:
        """SPEC 5: the memcg pass or the global one; what stalled is raised by the outermost."""
        if len(self.passes) == MAX_DEPTH:
            self.last_pass = Pass(gfp_mask, nid, memcg, priority)
            raise NestingError("too deep")
        this = Pass(gfp_mask, nid, memcg, priority)
        self.passes.append(this)
        self.css_get(memcg)
        try:
            if self.memcg_enabled and memcg is not None and memcg is not self.root:
                this.freed = self.shrink_slab_memcg(gfp_mask, nid, memcg, priority)
            else:
                this.freed = self.shrink_slab_global(gfp_mask, nid, memcg, priority)
        finally:
            self.css_put(memcg)
            self.passes.pop()
            self.last_pass = this
        if not self.passes and self.livelocks:
            this.livelocks = tuple(self.livelocks)
            self.livelocks.clear()
            errors = [LivelockError("no progress", shrinker=at.shrinker) for at in this.livelocks]
            raise errors[0] if len(errors) == 1 else ExceptionGroup("several", errors)
        return this.freed

    def shrink_slab_global(self, gfp_mask: int, nid: int, memcg: MemCgroup | None, priority: int) -> int:
        """SPEC 5: everyone in order of registration, those that register meanwhile too."""
        freed, at = 0, -1
        while ahead := [s for s in self.shrinker_list if s.serial > at]:
            s = ahead[0]
            at = s.serial
            result = self.take_turn(ShrinkControl(gfp_mask, nid, memcg), s, priority)
            freed += 0 if result == SHRINK_EMPTY else result
        return unsigned(freed)

    def shrink_slab_memcg(self, gfp_mask: int, nid: int, memcg: MemCgroup, priority: int) -> int:
        """SPEC 6: those whose bit is set, in order of id, bits set ahead meanwhile too."""
        if not memcg.online:
            return 0
        info = memcg.info[nid]
        freed, at = 0, -1
        while ahead := [i for i in info.map if i > at]:
            at = min(ahead)
            s = self.ids.get(at)
            if s is None or not s.registered:
                info.map.discard(at)
            elif not self.kmem and not s.flags & SHRINKER_NONSLAB:
                s.refcount += 1
            else:
                freed += self.shrink_one(ShrinkControl(gfp_mask, nid, memcg), s, priority, info)
        return unsigned(freed)

    def shrink_one(self, sc: ShrinkControl, s: Shrinker, priority: int, info: ShrinkerInfo) -> int:
        """SPEC 6: EMPTY clears the bit; what a second look finds sets it again."""
        result = self.take_turn(sc, s, priority)
        if result == SHRINK_EMPTY:
            info.map.discard(s.id)
            result = self.take_turn(sc, s, priority)
            if result == SHRINK_EMPTY:
                return 0
            info.map.add(s.id)
        return result

    def set_shrinker_bit(self, memcg: MemCgroup | None, nid: int, shrinker_id: int) -> None:
        """SPEC 6: an id past the map is ignored (the kernel warns)."""
        if shrinker_id < 0 or memcg is None or memcg is self.root:
            return
        info = memcg.info[nid]
        if shrinker_id < info.map_nr_max:
            info.map.add(shrinker_id)

    # -- who calls shrink_slab()

    def walk(self, gfp: int, nids: range, top: MemCgroup | None, priority: int) -> tuple[int, int]:
        """SPEC 8: all cgroups of all nodes once; objects freed and scanned."""
        freed = scanned = 0
        memcgs: list[MemCgroup | None] = [None]
        if self.memcg_enabled and self.root is not None:
            memcgs = list((top or self.root).walk())
        for nid in nids:
            for memcg in memcgs:
                freed += self.shrink_slab(gfp, nid, memcg, priority)
                assert self.last_pass is not None
                scanned += self.last_pass.scanned
                self.reclaim_passes.append(self.last_pass)
        return freed, scanned

    def drop_slab(self) -> int:
        """SPEC 8: another round while (freed >> k) > 1, k one more each round."""
        self.vmstat["drop_slab"] += 1
        total = 0
        for k in count():
            freed, _ = self.walk(GFP_KERNEL, range(self.nr_nodes), None, 0)
            total += freed
            if freed >> k <= 1:
                break
        return total

    def priorities(self, gfp: int, nids: range, top: MemCgroup | None, nr: int) -> int:
        """SPEC 8: from 12 down to 0 until it was enough."""
        freed = 0
        for priority in range(12, -1, -1):
            freed += self.walk(gfp, nids, top, priority)[0]
            if freed >= nr:
                break
        return freed

    def try_to_free_pages(self, nr: int, gfp: int, nid: int | None, top: MemCgroup | None) -> int:
        """SPEC 8: direct reclaim."""
        if not gfp & GFP_DIRECT_RECLAIM:
            return 0
        self.vmstat["allocstall_normal"] += 1
        nids = range(self.nr_nodes) if nid is None else range(nid, nid + 1)
        return self.priorities(gfp, nids, top, nr)

    def balance_pgdat(self, nid: int, nr: int) -> int:
        """SPEC 8: kswapd presses harder after a round that scanned too little or freed nothing."""
        self.vmstat["pageoutrun"] += 1
        total, priority = 0, 12
        while priority >= 1 and total < nr:
            freed, scanned = self.walk(GFP_KERNEL, range(nid, nid + 1), None, priority)
            total += freed
            priority -= scanned < nr or freed == 0
        return total

    def memory_reclaim(self, memcg: MemCgroup, nr: int, gfp: int) -> int:
        """SPEC 8: tries for a quarter of what is missing (32 at least); 17 in vain are too many."""
        # What reclaim for a cgroup keeps of the mask; the rest is that of user pages.
        kept = 0x20 | 0x40 | 0x80 | 0xC00 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000 | 0x80000
        mask = gfp & kept | 0x100CCA & ~kept
        total = in_vain = 0
        while total < nr and in_vain < 17 and gfp & GFP_DIRECT_RECLAIM:
            freed = self.priorities(mask, range(self.nr_nodes), memcg, max((nr - total) // 4, 32))
            total += freed
            in_vain += freed == 0
        return total

    # -- cgroups

    def mem_cgroup_create(self, parent: MemCgroup | None, name: str) -> MemCgroup:
        """SPEC 7: linked as the last child, not online; the caller holds a reference."""
        memcg = MemCgroup(name, parent)
        if parent is None:
            self.root = memcg
        else:
            parent.children.append(memcg)
            self.css_get(parent)
        return memcg

    def mem_cgroup_online(self, memcg: MemCgroup) -> None:
        """SPEC 7 and 12.3: alloc_shrinker_info() for every node, or for none."""
        infos = []
        for nid in range(self.nr_nodes):
            self.attempt("info", nid)
            info = ShrinkerInfo(self.nr_max)
            for _ in range(info.units):
                self.attempt("unit", nid)
            infos.append(info)
        memcg.info = infos
        memcg.online = True

    def mem_cgroup_offline(self, memcg: MemCgroup) -> None:
        """SPEC 7: deferred counts are added to the parent's (the child keeps its own), bits are not."""
        parent = memcg.parent or self.root
        assert parent is not None
        for nid, info in enumerate(memcg.info):
            for shrinker_id, nr in info.nr_deferred.items():
                theirs = parent.info[nid].nr_deferred
                theirs[shrinker_id] = signed(theirs[shrinker_id] + nr)
        memcg.online = False

    def css_get(self, memcg: MemCgroup | None) -> None:
        """SPEC 7: handles, children and passes hold a cgroup."""
        if memcg is not None:
            memcg.refs += 1

    def css_put(self, memcg: MemCgroup | None) -> None:
        """SPEC 7: with the last reference it is unlinked and its info freed."""
        if memcg is not None:
            memcg.refs -= 1
            if memcg.refs == 0 and memcg.parent is not None:
                memcg.parent.children.remove(memcg)
                memcg.info = []
                self.css_put(memcg.parent)

    # -- the books

    def ledger(self) -> dict[str, int]:
        """SPEC 9: what lives, by kind of allocation."""
        memcgs = list(self.root.walk()) if self.root else []
        infos = [info for memcg in memcgs for info in memcg.info]
        return {
            "shrinker": len(self.shrinkers),
            "name": len(self.shrinkers),
            "nr_deferred": sum(not s.memcg_aware for s in self.shrinkers),
            "info": len(infos),
            "unit": sum(info.units for info in infos),
            "registered": len(self.shrinker_list),
            "memcgs": len(memcgs),
        }
