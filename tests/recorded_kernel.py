# SPDX-License-Identifier: GPL-2.0-only
"""A kernel of a few lines, whose tasks interleave at random: it leaves full recordings as ftrace shows them.

It is written apart from the core and from the reader: what it decides is what SPEC says, in plain integers.
A task is a generator that may be preempted wherever it yields: between a deed and the line that tells of it,
too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

EMPTY, STOP = -2, -1
NUMA_AWARE, MEMCG_AWARE, NONSLAB = 4, 8, 16
GFP = 0xCC0

Task = Iterator[None]


@dataclass(eq=False)
class Cgroup:
    """A cgroup: bits are (node, id)."""

    pointer: int
    ino: int
    parent: Cgroup | None = None
    online: bool = True
    bits: set[tuple[int, int]] = field(default_factory=set)
    deferred: dict[tuple[int, int], int] = field(default_factory=dict)
    busy: int = 0


@dataclass(eq=False)
class Cache:
    """A shrinker and its objects, by node and cgroup."""

    pointer: int
    name: str
    flags: int
    id: int
    seeks: int
    batch: int
    items: dict[tuple[int, int], int] = field(default_factory=dict)
    deferred: dict[int, int] = field(default_factory=dict)
    busy: int = 0
    gone: bool = False


class Kernel:
    """Shrinkers, cgroups and tasks; lines is what was recorded."""

    def __init__(self, seed: int = 0, *, nodes: int = 1, memcg: bool = True, cpus: int = 2) -> None:
        self.rng = random.Random(seed)
        self.nodes, self.memcg, self.cpus = nodes, memcg, cpus
        self.caches: list[Cache] = []  # in the order of registration, those that are gone too
        self.root = Cgroup(0xFF00_0000_0000_1000, 1) if memcg else None
        self.cgroups: list[Cgroup] = [self.root] if self.root else []
        self.lines: list[str] = []
        self.time = 1_000_000
        self.nests = False
        self.pointers = iter(range(0xFF00_0000_0010_0000, 2**64, 0x80))

    # -- what there is

    def register(
        self, name: str, flags: int = 0, *, seeks: int = 2, batch: int = 0, pointer: int = 0
    ) -> Cache:
        if not self.memcg:
            flags &= ~MEMCG_AWARE
        taken = {c.id for c in self.caches if not c.gone and c.flags & MEMCG_AWARE}
        ident = next(i for i in range(1000) if i not in taken) if flags & MEMCG_AWARE else 0
        cache = Cache(pointer or next(self.pointers), name, flags | 3, ident, seeks, batch)
        self.caches.append(cache)
        return cache

    def free(self, cache: Cache) -> None:
        cache.gone = True

    def cgroup(self, parent: Cgroup | None = None, pointer: int = 0) -> Cgroup:
        made = Cgroup(pointer or next(self.pointers), 100 + len(self.cgroups), parent or self.root)
        self.cgroups.append(made)
        return made

    def fill(self, cache: Cache, number: int, nid: int = 0, cgroup: Cgroup | None = None) -> None:
        """Give it objects, as a list_lru does."""
        cgroup = cgroup or self.root
        cache.items[self._pool(cache, nid, cgroup)] = number
        if cgroup is not None and cgroup is not self.root and cache.flags & MEMCG_AWARE:
            cgroup.bits.add((nid, cache.id))

    def offline(self, cgroup: Cgroup, comm: str = "kworker", pid: int = 9) -> None:
        """The end of a cgroup: its deferred work is its parent's."""
        parent = cgroup.parent or self.root
        assert parent is not None
        self.line(
            comm,
            pid,
            f"reparent: (reparent_shrinker_deferred+0x4/0xf0) memcg={cgroup.pointer:#x} "
            f"parent={parent.pointer:#x}",
        )
        for key, value in cgroup.deferred.items():
            parent.deferred[key] = parent.deferred.get(key, 0) + value
        cgroup.online = False

    def mortal(self) -> list[Cgroup]:
        """Those that may go offline."""
        parents = [c.parent for c in self.cgroups if c.online]
        return [c for c in self.cgroups[1:] if c.online and not c.busy and c not in parents]

    def line(self, comm: str, pid: int, text: str) -> None:
        self.time += self.rng.randrange(1, 30)
        cpu = pid % self.cpus
        self.lines.append(
            f"{comm:>16}-{pid:<7} [{cpu:03d}] ..... {self.time // 10**6:5d}.{self.time % 10**6:06d}: {text}\n"
        )

    def text(self) -> str:
        return "# tracer: nop\n#\n" + "".join(self.lines)

    # -- what it does

    def _pool(self, cache: Cache, nid: int, cgroup: Cgroup | None) -> tuple[int, int]:
        aware = cache.flags & MEMCG_AWARE and cgroup is not None
        return nid if cache.flags & NUMA_AWARE else 0, cgroup.ino if aware and cgroup else 0

    def run(self, *tasks: Task) -> None:
        """Advance them at random until all are done."""
        left = list(tasks)
        while left:
            task = self.rng.choice(left)
            for _ in range(self.rng.choice((1, 1, 2, 20, 200))):
                if next(task, "done") == "done":
                    left.remove(task)
                    break

    def shrink_slab(
        self, pid: int, cgroup: Cgroup | None = None, *, nid: int = 0, priority: int = 12, depth: int = 0
    ) -> Task:
        """One call by a task; cgroup None is the root."""
        comm = f"task{pid}"
        cgroup = cgroup or self.root
        pointer, ino = (cgroup.pointer, cgroup.ino) if cgroup else (0, 0)
        where = f"gfp={GFP:#x} nid={nid} memcg={pointer:#x} prio={priority}"
        self.line(comm, pid, f"shrink_slab: (shrink_slab+0x4/0x3d0) {where} ino={ino}")
        freed = 0
        if cgroup is None or cgroup is self.root:
            k = 0
            while k < len(self.caches):
                cache = self.caches[k]
                k += 1
                if cache.gone:
                    continue
                cache.busy += 1
                got = yield from self._do_shrink_slab(comm, pid, cache, nid, cgroup, priority, depth)
                cache.busy -= 1
                freed += 0 if got == EMPTY else got
        elif cgroup.online:
            cgroup.busy += 1
            ident = 0
            while ident <= max((i for n, i in cgroup.bits if n == nid), default=-1):
                if (nid, ident) in cgroup.bits:
                    freed += yield from self._memcg_turn(comm, pid, ident, nid, cgroup, priority, depth)
                ident += 1
            cgroup.busy -= 1
        yield
        self.line(comm, pid, f"shrink_slab_ret: (shrink_node+0x322/0xcb0 <- shrink_slab) freed={freed}")
        yield

    def _memcg_turn(
        self, comm: str, pid: int, ident: int, nid: int, cgroup: Cgroup, priority: int, depth: int
    ) -> Iterator[None]:
        cache = next((c for c in self.caches if not c.gone and c.flags & MEMCG_AWARE and c.id == ident), None)
        if cache is None:
            cgroup.bits.discard((nid, ident))
            return 0
        cache.busy += 1
        got = yield from self._do_shrink_slab(comm, pid, cache, nid, cgroup, priority, depth)
        if got == EMPTY:
            cgroup.bits.discard((nid, ident))
            got = yield from self._do_shrink_slab(comm, pid, cache, nid, cgroup, priority, depth)
            if got == EMPTY:
                got = 0
            else:
                cgroup.bits.add((nid, ident))
        cache.busy -= 1
        return got

    def _do_shrink_slab(
        self, comm: str, pid: int, cache: Cache, nid: int, cgroup: Cgroup | None, priority: int, depth: int
    ) -> Iterator[None]:
        pointer = cgroup.pointer if cgroup else 0
        self.line(
            comm,
            pid,
            f"do_shrink_slab: (do_shrink_slab+0x0/0x350) shr={cache.pointer:#x} nid={nid} memcg={pointer:#x} "
            f"gfp={GFP:#x} prio={priority} batch={cache.batch} seeks={cache.seeks} "
            f"flags={cache.flags:#x} id={cache.id}",
        )
        yield
        items = self.count(cache, nid, cgroup)
        self.line(
            comm,
            pid,
            f"{cache.name}_count_ret: (do_shrink_slab+0x3a/0x350 <- {cache.name}_count) ret={items}",
        )
        if items in (0, EMPTY):
            self.line(
                comm, pid, f"do_shrink_slab_ret: (shrink_slab+0xe2/0x3d0 <- do_shrink_slab) ret={items}"
            )
            return items
        yield
        node = nid if cache.flags & NUMA_AWARE else 0
        aware = cache.flags & MEMCG_AWARE and cgroup is not None
        counters, key = (cgroup.deferred, (node, cache.id)) if aware and cgroup else (cache.deferred, node)
        nr = counters.get(key, 0)
        counters[key] = 0
        yield
        delta = (items >> priority) * 4 // cache.seeks if cache.seeks else items // 2
        total = min((nr >> priority) + delta, 2 * items)
        self.line(
            comm,
            pid,
            f"mm_shrink_slab_start: {cache.name}_scan+0x0/0x1c0 {cache.pointer:016x}: "
            f"nid: {nid} objects to shrink {nr} "
            f"gfp_flags GFP_KERNEL cache items {items} delta {delta} total_scan {total} priority {priority}",
        )
        freed = scanned = 0
        batch = cache.batch or 128
        while total >= batch or total >= items:
            asked = min(batch, total)
            self.line(comm, pid, f"{cache.name}_scan: ({cache.name}_scan+0x4/0x1c0) nr={asked}")
            yield
            if self.nests and depth < 2 and self.rng.random() < 0.1:
                inner = self.rng.choice(self.cgroups) if self.cgroups else None
                yield from self.shrink_slab(pid, inner, nid=self.rng.randrange(self.nodes), depth=depth + 1)
            ret, nr_scanned = self.scan(cache, nid, cgroup, asked)
            self.line(
                comm,
                pid,
                f"{cache.name}_scan_ret: (do_shrink_slab+0x13f/0x350 <- {cache.name}_scan) "
                f"ret={ret} nr_scanned={nr_scanned}",
            )
            if ret == STOP:
                break
            freed += ret
            scanned += nr_scanned
            total -= nr_scanned
        yield
        left = min(max(nr + delta - scanned, 0), 2 * items)
        counters[key] = new_nr = counters.get(key, 0) + left
        yield
        self.line(
            comm,
            pid,
            f"mm_shrink_slab_end: {cache.name}_scan+0x0/0x1c0 {cache.pointer:016x}: "
            f"nid: {nid} unused scan count {nr} "
            f"new scan count {new_nr} total_scan {total} last shrinker return val {freed}",
        )
        yield
        self.line(comm, pid, f"do_shrink_slab_ret: (shrink_slab+0xe2/0x3d0 <- do_shrink_slab) ret={freed}")
        yield
        return freed

    # -- the caches

    def count(self, cache: Cache, nid: int, cgroup: Cgroup | None) -> int:
        return cache.items.get(self._pool(cache, nid, cgroup), 0) or (
            EMPTY if cache.flags & MEMCG_AWARE else 0
        )

    def scan(self, cache: Cache, nid: int, cgroup: Cgroup | None, asked: int) -> tuple[int, int]:
        key = self._pool(cache, nid, cgroup)
        dice = self.rng.random()
        if dice < 0.1:
            return STOP, asked
        freed = min(self.rng.randrange(asked + 1), cache.items.get(key, 0))
        cache.items[key] = cache.items.get(key, 0) - freed
        nr_scanned = asked if dice < 0.8 else self.rng.randrange(1, 2 * asked + 2)
        return freed, nr_scanned


def busy_kernel(seed: int) -> Kernel:
    """A kernel that did all kinds of things, several tasks at a time."""
    rng = random.Random(seed)
    kernel = Kernel(
        seed, nodes=rng.choice((1, 1, 2, 3)), memcg=rng.random() < 0.8, cpus=rng.choice((1, 2, 4))
    )
    kernel.nests = rng.random() < 0.3

    def new_cache() -> None:
        flags = rng.choice((0, NUMA_AWARE, MEMCG_AWARE, MEMCG_AWARE | NUMA_AWARE, MEMCG_AWARE | NONSLAB))
        gone = [c.pointer for c in kernel.caches if c.gone]
        pointer = rng.choice(gone) if gone and rng.random() < 0.5 else 0
        if any(c.pointer == pointer and not c.gone for c in kernel.caches):
            pointer = 0
        kernel.register(
            f"cache{rng.randrange(4)}",
            flags,
            seeks=rng.choice((0, 1, 2, 2, 4, 10)),
            batch=rng.choice((0, 0, 1024, 16)),
            pointer=pointer,
        )

    for _ in range(rng.randrange(1, 6)):
        new_cache()
    for _ in range(rng.randrange(3) if kernel.memcg else 0):
        kernel.cgroup(rng.choice(kernel.cgroups))
    for _round in range(rng.randrange(1, 8)):
        for cache in kernel.caches:
            for cgroup in kernel.cgroups or [None]:
                for nid in range(kernel.nodes):
                    if rng.random() < 0.4 and (cgroup is None or cgroup.online):
                        kernel.fill(cache, rng.choice((0, 1, 40, 500, 5000)), nid, cgroup)
        tasks = [_reclaim(kernel, rng, pid) for pid in range(100, 100 + rng.randrange(1, 5))]
        if rng.random() < 0.5:
            tasks.append(_change(kernel, rng, new_cache))
        kernel.run(*tasks)
        if rng.random() < 0.3:
            new_cache()
        if rng.random() < 0.2:
            kernel.free(rng.choice(kernel.caches))
        mortal = [
            c
            for c in kernel.cgroups[1:]
            if c.online and not any(o.parent is c and o.online for o in kernel.cgroups)
        ]
        if mortal and rng.random() < 0.4:
            kernel.offline(rng.choice(mortal))
        if kernel.memcg and rng.random() < 0.3:
            kernel.cgroup(rng.choice([c for c in kernel.cgroups if c.online]))
    return kernel


def _reclaim(kernel: Kernel, rng: random.Random, pid: int) -> Task:
    for _ in range(rng.randrange(1, 6)):
        yield from kernel.shrink_slab(
            pid,
            rng.choice(kernel.cgroups) if kernel.cgroups else None,
            nid=rng.randrange(kernel.nodes),
            priority=rng.choice((0, 1, 2, 4, 8, 12)),
        )


def _change(kernel: Kernel, rng: random.Random, new_cache: Callable[[], None]) -> Task:
    """Shrinkers and cgroups come and go while others reclaim; a free waits for whoever calls the shrinker."""
    for _ in range(rng.randrange(1, 6)):
        for _ in range(rng.randrange(60)):
            yield
        idle = [c for c in kernel.caches if not c.busy and not c.gone]
        dice = rng.random()
        if dice < 0.4:
            new_cache()
        elif dice < 0.7 and idle:
            kernel.free(rng.choice(idle))
        elif kernel.mortal():
            kernel.offline(rng.choice(kernel.mortal()))
