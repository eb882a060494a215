# SPDX-License-Identifier: GPL-2.0-only
"""The public face against the model: the same random life on both, and every result compared.

A World is a machine with scripted shrinkers. There are two, one of the package and one of the
model; an action is a verb with plain arguments, and both worlds do it. Shrinkers and cgroups go by
name. What a callback does besides answering (free another shrinker, start a pass, ...) is an
action, too: the script does it in the world in which it runs.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import fields
from itertools import count, product
from typing import Any, NamedTuple

import model
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    precondition,
    rule,
)

import shrinkpy
from shrinkpy import CountObjects, Flags, Gfp, ScanObjects

PATIENCE = 10
"""Scan calls in one turn after which a script says STOP: nothing goes on for long."""
RING = 2048
"""Events that fit into the trace: more than any action makes."""
KEPT = 16
"""So many exceptions of one call the face keeps."""


# ---- scripted callbacks ---------------------------------------------------------------------------


class Count(NamedTuple):
    """One answer of count_objects: what it returns, and what it leaves in nr_scanned (None: as is)."""

    result: int
    nr_scanned: int | None = None


class Scan(NamedTuple):
    """One answer of scan_objects.

    freed None is all that was asked for. nr_scanned is None (left alone), or what to add to
    nr_to_scan, or with absolute the number itself.
    """

    freed: int | None = None
    nr_scanned: int | None = None
    absolute: bool = False


Action = tuple[Any, ...]
"""A verb of World and its arguments."""


class Script(NamedTuple):
    """What a shrinker answers, and what it does besides.

    counts go round and round, a call each; scans start anew in each turn, and the last one stays.
    The i-th call of count_objects, or of scan_objects, does the i-th of its actions first.
    """

    counts: tuple[Count, ...]
    scans: tuple[Scan, ...]
    on_count: tuple[Action, ...] = ()
    on_scan: tuple[Action, ...] = ()


class Spec(NamedTuple):
    """A shrinker to make; bits says that it has objects everywhere: in every cgroup, on every node."""

    flags: int
    seeks: int
    batch: int
    script: Script
    bits: bool


class ScriptedShrinker:
    """The callbacks of a shrinker in one world; all that they see and do is in the world's log."""

    def __init__(self, world: World, name: str, script: Script) -> None:
        self.world = world
        self.name = name
        self.program(script)

    def program(self, script: Script) -> None:
        self.script = script
        self.counts = 0
        self.scans_in_turn = 0
        self.actions = {"count": list(script.on_count), "scan": list(script.on_scan)}

    def count_objects(self, sc: Any) -> int:
        found = self.look("count", sc)
        answer = self.script.counts[self.counts % len(self.script.counts)]
        self.counts += 1
        self.scans_in_turn = 0
        if answer.nr_scanned is not None:
            sc.nr_scanned = answer.nr_scanned
        self.world.log.append((*found, answer.result))
        return CountObjects.raw(answer.result)

    def scan_objects(self, sc: Any) -> int:
        found = self.look("scan", sc)
        answer = self.script.scans[min(self.scans_in_turn, len(self.script.scans) - 1)]
        self.scans_in_turn += 1
        freed = sc.nr_to_scan if answer.freed is None else answer.freed
        if self.scans_in_turn > PATIENCE:
            freed = shrinkpy.SHRINK_STOP
        if answer.nr_scanned is not None:
            sc.nr_scanned = (answer.nr_scanned + (0 if answer.absolute else sc.nr_to_scan)) % 2**64
        self.world.log.append((*found, freed, sc.nr_scanned))
        return ScanObjects.raw(freed)

    def look(self, kind: str, sc: Any) -> tuple[Any, ...]:
        """Tells what the call was given, and does what is due."""
        memcg = sc.memcg.name if sc.memcg is not None else None
        found = (kind, self.name, int(sc.gfp_mask), sc.nid, memcg, sc.nr_to_scan, sc.nr_scanned)
        if self.actions[kind]:
            verb, *args = self.actions[kind].pop(0)
            self.world.here = sc.nid, memcg
            self.world.log.append((self.name, verb, self.world.do(verb, *args)))
        return found


# ---- the two worlds -------------------------------------------------------------------------------


def told(error: BaseException) -> Any:
    """An outcome that both worlds can agree on: kinds, and the shrinkers they name."""
    error.with_traceback(None)  # it holds frames, those hold cgroups, and last_pass holds the error
    if isinstance(error, ExceptionGroup):
        return [told(each) for each in error.exceptions[:KEPT]]
    return type(error).__name__, getattr(error, "shrinker", None)


class World(ABC):
    """A machine, its shrinkers and cgroups by name ("" is the root), and the log of its callbacks."""

    def __init__(self, nr_nodes: int) -> None:
        self.nr_nodes = nr_nodes
        self.log: list[Any] = []
        self.here: tuple[int, str | None] = 0, None
        """node and cgroup of the callback that runs"""
        self.callbacks: dict[str, ScriptedShrinker] = {}
        self.unregistered: dict[str, Any] = {}
        self.registered: dict[str, Any] = {}
        self.cgroups: dict[str, Any] = {}
        self.fillers: dict[str, Any] = {}
        self.filler_numbers = count()
        self.spawned_numbers = count()

    def do(self, verb: str, *args: Any) -> Any:
        """Does an action; gives its result, or what was raised. KeyError: nobody of that name any more."""
        try:
            return getattr(self, verb)(*args)
        except (shrinkpy.ShrinkpyError, ExceptionGroup, MemoryError, OSError, ValueError, KeyError) as error:
            return told(error)

    # verbs made of others

    def spawn(self, name: str, spec: Spec) -> None:
        """Allocates, sets up and registers it; sets its bits."""
        self.alloc(name, spec.flags)
        self.setup(name, spec.seeks, spec.batch)
        self.register(name, spec.script)
        if spec.bits and spec.flags & Flags.MEMCG_AWARE:
            for cgroup, nid in product(self.cgroups, range(self.nr_nodes)):
                self.set_bit(name, cgroup, nid)

    def register(self, name: str, script: Script) -> None:
        callbacks = ScriptedShrinker(self, name, script)
        self.registered[name] = self.register_shrinker(self.unregistered[name], callbacks)
        del self.unregistered[name]
        self.callbacks[name] = callbacks

    def close(self, name: str) -> None:
        self.free_shrinker(self.registered[name])
        del self.registered[name]

    def program(self, name: str, script: Script) -> None:
        self.callbacks[name].program(script)

    def fill_ids(self, upto: int) -> None:
        """Allocates fillers, which keep ids and do nothing, until the next id would be upto."""
        while True:
            name = f"filler{next(self.filler_numbers)}"
            new_id = self.alloc(name, Flags.MEMCG_AWARE)
            self.fillers[name] = self.unregistered.pop(name)
            if new_id is None or new_id >= upto - 1:
                break

    def drain_ids(self, every: int) -> None:
        """Frees every n-th filler."""
        for name in list(self.fillers)[::every]:
            self.unregistered[name] = self.fillers.pop(name)
            self.discard(name)

    # verbs for callbacks, which know no names

    def again(self, priority: int) -> int:
        """A pass where the running one is."""
        return self.shrink(0, *self.here, priority)

    def elsewhere(self, nth: int, priority: int) -> int:
        """A pass over the n-th cgroup, the root included."""
        return self.shrink(0, self.here[0], self.nth(self.cgroups, nth), priority)

    def close_nth(self, nth: int) -> None:
        self.close(self.nth(self.registered, nth))

    def set_bit_here(self, nth: int) -> None:
        """Sets the n-th shrinker's bit where the running pass is."""
        nid, cgroup = self.here
        self.set_bit(self.nth(self.registered, nth), cgroup or "", nid)

    def spawn_another(self, spec: Spec) -> None:
        self.spawn(f"spawned{next(self.spawned_numbers)}", spec)

    def offline_here(self) -> None:
        self.offline(self.here[1] or "")

    def remove_here(self) -> None:
        self.remove(self.here[1] or "")

    @staticmethod
    def nth(of: dict[str, Any], n: int) -> str:
        return list(of)[n % len(of)]

    # verbs of the face

    @abstractmethod
    def alloc(self, name: str, flags: int) -> int | None:
        """Gives the id."""

    @abstractmethod
    def discard(self, name: str) -> None: ...

    @abstractmethod
    def setup(self, name: str, seeks: int, batch: int) -> None: ...

    @abstractmethod
    def register_shrinker(self, unregistered: Any, callbacks: ScriptedShrinker) -> Any: ...

    @abstractmethod
    def free_shrinker(self, registered: Any) -> None: ...

    @abstractmethod
    def set_bit(self, name: str, cgroup: str, nid: int) -> None: ...

    @abstractmethod
    def set_kmem(self, on: bool) -> None: ...

    @abstractmethod
    def shrink(self, gfp_mask: int, nid: int, cgroup: str | None, priority: int) -> int: ...

    @abstractmethod
    def create(self, parent: str, name: str) -> None: ...

    @abstractmethod
    def offline(self, cgroup: str) -> None: ...

    @abstractmethod
    def remove(self, cgroup: str) -> None: ...

    @abstractmethod
    def forget(self, cgroup: str) -> None:
        """Lets go of the handle of a removed cgroup."""

    @abstractmethod
    def fail_nth(self, n: int, sites: tuple[str, ...]) -> None: ...

    # what is compared

    def seen(self) -> dict[str, Any]:
        """All that there is to compare, after each action."""
        log, self.log = self.log, []
        return {"log": log, **self.news(), **self.state()}

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What the face shows at rest."""

    @abstractmethod
    def news(self) -> dict[str, Any]:
        """What happened since the last time: allocations, events, the last pass."""


class RealWorld(World):
    def __init__(self, nr_nodes: int, memcg: bool, kmem: bool, max_stall: int) -> None:
        super().__init__(nr_nodes)
        self.machine = shrinkpy.Machine(nr_nodes, memcg=memcg, kmem=kmem, max_stall=max_stall)
        self.cgroups[""] = self.machine.root
        self.names = {self.machine.root.ino: ""}
        self.machine.faults.record()
        self.machine.trace.start(RING, clock=False)

    def alloc(self, name: str, flags: int) -> int | None:
        s = shrinkpy.UnregisteredShrinker.alloc(name, machine=self.machine, flags=flags)
        self.unregistered[name] = s
        return s.id

    def discard(self, name: str) -> None:
        self.unregistered.pop(name).close()

    def setup(self, name: str, seeks: int, batch: int) -> None:
        s = self.unregistered[name]
        s.set_seeks(seeks)
        s.set_batch(batch)

    def register_shrinker(self, unregistered: Any, callbacks: ScriptedShrinker) -> Any:
        return unregistered.register(callbacks)

    def free_shrinker(self, registered: Any) -> None:
        registered.close()

    def set_bit(self, name: str, cgroup: str, nid: int) -> None:
        self.registered[name].set_bit(self.cgroups[cgroup], nid)

    def set_kmem(self, on: bool) -> None:
        self.machine.kmem = on

    def shrink(self, gfp_mask: int, nid: int, cgroup: str | None, priority: int) -> int:
        memcg = None if cgroup is None else self.cgroups[cgroup]
        return self.machine.shrink_slab(gfp_mask, nid, memcg, priority)

    def create(self, parent: str, name: str) -> None:
        memcg = self.cgroups[name] = self.cgroups[parent].create(name)
        self.names[memcg.ino] = name

    def offline(self, cgroup: str) -> None:
        self.cgroups[cgroup].offline()

    def remove(self, cgroup: str) -> None:
        self.cgroups[cgroup].remove()

    def forget(self, cgroup: str) -> None:
        del self.cgroups[cgroup]

    def fail_nth(self, n: int, sites: tuple[str, ...]) -> None:
        self.machine.faults.fail_nth(n, *sites)

    def state(self) -> dict[str, Any]:
        ledger = self.machine.ledger._asdict()
        ledger.pop("bytes")
        return {
            "ledger": ledger,
            "slabs_scanned": self.machine.slabs_scanned,
            "kmem": self.machine.kmem,
            "fails in": self.machine.faults.pending,
            "shrinkers": {
                name: (s.id, int(s.flags), s.seeks, s.batch)
                for name, s in (self.unregistered | self.registered).items()
            },
            "deferred": {
                (name, cgroup, nid): nr
                for name, s in self.registered.items()
                for cgroup, memcg in self.cgroups.items()
                for nid in range(self.nr_nodes)
                if (nr := s.nr_deferred(memcg, nid))
            },
            "online": {cgroup: memcg.online for cgroup, memcg in self.cgroups.items()},
        }

    def news(self) -> dict[str, Any]:
        attempts = self.machine.faults.attempts()
        self.machine.faults.record()
        events = self.machine.trace.array()
        names = events.dtype.names or ()
        traced = [self.event(dict(zip(names, e, strict=True))) for e in events.tolist()]
        if traced:
            assert self.machine.trace.overrun == 0
            self.machine.trace.start(RING, clock=False)
        last = self.machine.last_pass
        return {
            "attempts": [tuple(a) for a in attempts],
            "events": traced,
            "last pass": last and self.pass_done(last),
        }

    def pass_done(self, last: shrinkpy.LastPass) -> tuple[Any, ...]:
        gfp_mask, nid, memcg, *numbers, exceptions = last
        stalled = [e for e in exceptions if isinstance(e, shrinkpy.LivelockError)]
        assert len(stalled) == len(exceptions)
        where = [(e.shrinker, e.nid, self.name_of(e.memcg)) for e in stalled]
        return int(gfp_mask), nid, memcg and memcg.name, *numbers, where

    def event(self, e: dict[str, int]) -> tuple[Any, ...]:
        kind = model.End if e["kind"] else model.Start
        who = self.machine.trace.names(e["name"])[1], self.name_of(e["memcg_ino"])
        return *who, *(e[key] for key in kind._fields[len(who) :])

    def name_of(self, ino: int | None) -> str | None:
        return self.names[ino] if ino else None


class ModelWorld(World):
    """The face's own rules (who may be removed, what last_pass holds on to) over the model."""

    def __init__(self, nr_nodes: int, memcg: bool, kmem: bool, max_stall: int) -> None:
        super().__init__(nr_nodes)
        root = "online" if memcg else "bare"
        self.machine = model.Machine(nr_nodes, memcg=memcg, kmem=kmem, root=root, max_stall=max_stall)
        self.cgroups[""] = self.machine.root
        self.last_memcg: model.MemCgroup | None = None
        self.removed: set[str] = set()

    def alloc(self, name: str, flags: int) -> int | None:
        s = self.unregistered[name] = self.machine.shrinker_alloc(flags, name)
        return s.id if s.memcg_aware else None

    def discard(self, name: str) -> None:
        self.machine.shrinker_free(self.unregistered.pop(name))

    def setup(self, name: str, seeks: int, batch: int) -> None:
        s = self.unregistered[name]
        s.seeks, s.batch = seeks, batch

    def register_shrinker(self, unregistered: Any, callbacks: ScriptedShrinker) -> Any:
        self.machine.shrinker_register(unregistered, callbacks)
        return unregistered

    def free_shrinker(self, registered: Any) -> None:
        self.machine.shrinker_free(registered)

    def set_bit(self, name: str, cgroup: str, nid: int) -> None:
        s, memcg = self.registered[name], self.cgroups[cgroup]
        if s.memcg_aware:
            self.machine.set_shrinker_bit(memcg, nid, s.id)
        elif self.machine.memcg_enabled:
            raise ValueError("it has no bit")

    def set_kmem(self, on: bool) -> None:
        self.machine.kmem = on

    def shrink(self, gfp_mask: int, nid: int, cgroup: str | None, priority: int) -> int:
        memcg = None if cgroup is None else self.cgroups[cgroup]
        self.machine.css_get(memcg)
        try:
            where = self.machine.root if memcg is None and self.machine.memcg_enabled else memcg
            return self.machine.shrink_slab(gfp_mask, nid, where, priority)
        finally:
            assert self.machine.last_pass is not None
            self.machine.last_pass.memcg = memcg
            self.machine.css_put(self.last_memcg)
            self.last_memcg = memcg

    def create(self, parent: str, name: str) -> None:
        if not self.cgroups[parent].online and self.machine.memcg_enabled:
            raise OSError("the parent is offline")
        memcg = self.machine.mem_cgroup_create(self.cgroups[parent], name)
        try:
            self.machine.mem_cgroup_online(memcg)
        except MemoryError:
            self.machine.css_put(memcg)
            raise
        self.cgroups[name] = memcg

    def offline(self, cgroup: str) -> None:
        memcg = self.cgroups[cgroup]
        if memcg.parent is None:
            raise ValueError("it is the root")
        if any(child.online for child in memcg.children):
            raise OSError("it has children")
        if memcg.online:
            self.machine.mem_cgroup_offline(memcg)

    def remove(self, cgroup: str) -> None:
        if any(child.name not in self.removed for child in self.cgroups[cgroup].children):
            raise OSError("it has children")
        self.offline(cgroup)
        self.removed.add(cgroup)

    def forget(self, cgroup: str) -> None:
        self.machine.css_put(self.cgroups.pop(cgroup))

    def fail_nth(self, n: int, sites: tuple[str, ...]) -> None:
        self.machine.fail_nth(n, *sites)

    def state(self) -> dict[str, Any]:
        shrinkers = self.unregistered | self.registered
        deferred = {}
        for name, s in self.registered.items():
            for cgroup, memcg in self.cgroups.items():
                for nid in range(self.nr_nodes):
                    where, key = self.machine.nr_deferred_of(s, memcg, nid)
                    deferred[name, cgroup, nid] = where[key]
        return {
            "ledger": self.machine.ledger() | {"dentry": 0, "list_lru": 0, "kmalloc": 0, "limbo": 0},
            "slabs_scanned": self.machine.slabs_scanned,
            "kmem": self.machine.kmem,
            "fails in": self.machine.fail_in,
            "shrinkers": {
                name: (s.id if s.memcg_aware else None, s.flags, s.seeks, s.batch)
                for name, s in shrinkers.items()
            },
            "deferred": {where: nr for where, nr in deferred.items() if nr},
            "online": {cgroup: memcg.online for cgroup, memcg in self.cgroups.items()},
        }

    def news(self) -> dict[str, Any]:
        attempts, events, last = self.machine.attempts, self.machine.events, self.machine.last_pass
        self.machine.attempts, self.machine.events = [], []
        return {
            "attempts": [tuple(a) for a in attempts],
            "events": [tuple(e) for e in events],
            "last pass": last and self.pass_done(last),
        }

    @staticmethod
    def pass_done(last: model.Pass) -> tuple[Any, ...]:
        gfp_mask, nid, memcg, *numbers, stalled = (getattr(last, f.name) for f in fields(last))
        return gfp_mask, nid, memcg and memcg.name, *numbers, [tuple(e) for e in stalled[:KEPT]]


class Pair:
    """Both worlds, side by side; whatever is done to one is done to the other, and compared."""

    def __init__(self, nr_nodes: int = 1, memcg: bool = True, kmem: bool = True, max_stall: int = 3) -> None:
        self.nr_nodes = nr_nodes
        self.memcg = memcg
        self.real = RealWorld(nr_nodes, memcg, kmem, max_stall)
        self.modelled = ModelWorld(nr_nodes, memcg, kmem, max_stall)
        self.agree = True
        self.last_log: list[Any] = []
        """what the callbacks of the last action saw and did"""

    def both(self, verb: str, *args: Any) -> Any:
        """Does it in both worlds; gives the outcome, which is the same."""
        self.agree = False
        expected = {"outcome": self.modelled.do(verb, *args), **self.modelled.seen()}
        got = {"outcome": self.real.do(verb, *args), **self.real.seen()}
        assert got == expected
        self.agree = True
        self.last_log = got["log"]
        return got["outcome"]

    def close(self) -> None:
        """Takes everything down again: what is left is what an empty machine has."""
        try:
            if self.agree:
                self.take_down()
        finally:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                self.real.machine.close()
        if self.agree:
            assert len(caught) == len(self.modelled.registered)  # those that hung
            left, got = self.modelled.machine.ledger(), self.real.machine.ledger
            with shrinkpy.Machine(self.nr_nodes, memcg=self.memcg) as empty:
                blank = empty.ledger
            expected = blank._replace(unit=left["unit"])  # what grew stays grown
            if expected != blank:
                expected = expected._replace(bytes=got.bytes)
            assert got == expected

    def take_down(self) -> None:
        self.both("fail_nth", 0, ())
        for cgroup in reversed(list(self.modelled.cgroups)[1:]):
            self.both("remove", cgroup)
            self.both("forget", cgroup)
        for name in list(self.modelled.registered):
            self.both("close", name)
        for name in list(self.modelled.unregistered):
            self.both("discard", name)
        self.both("drain_ids", 1)
        # Lets go of the cgroup of the last pass.
        self.both("shrink", 0, 0, None, 12)


# ---- what to draw ---------------------------------------------------------------------------------

LONG_MAX = 2**63 - 1
EMPTY, STOP = shrinkpy.SHRINK_EMPTY, shrinkpy.SHRINK_STOP
MAX = CountObjects.MAX

ulongs = st.integers(0, 2**64 - 1)
huges = st.sampled_from([MAX, MAX + 1, 2**62, 2**62 + 1, LONG_MAX, 2**63, 2**63 + 2**62, EMPTY - 1, STOP])
small = st.sampled_from([1, 5, 127, 128, 129, 256, 1000, 4095, 4096, 131072]) | st.integers(1, 10_000)
counts = st.one_of(small, st.sampled_from([0, EMPTY, EMPTY]), huges | ulongs)
scribbles = st.sampled_from([None, None, None, 7])
as_is, relative, absolute = st.none(), st.just(False), st.just(True)
scans = st.one_of(
    st.just(Scan()),
    st.just(Scan(STOP)),
    st.builds(Scan, st.integers(0, 300) | st.sampled_from([2**31, 2**32, EMPTY, EMPTY - 1]), as_is, relative),
    st.builds(Scan, st.none(), st.sampled_from([0, 1, -1, 10, 2**63, -(2**62)]), relative),
    st.builds(Scan, st.none(), st.sampled_from([0, 1, 64, 128]) | ulongs, absolute),
)
batches = st.sampled_from([0, 1, 2, 10, 127, 128, 129, LONG_MAX]) | st.integers(0, LONG_MAX)
seekses = st.sampled_from([2, 0, 1, 3, 2**31 - 1]) | st.integers(0, 2**31 - 1)
priorities = st.sampled_from([0, 12, 1, 2, 11, 62, 63]) | st.integers(0, 63)
gfp_masks = st.sampled_from([Gfp.KERNEL, Gfp.NOFS, Gfp.ATOMIC, Gfp(0), Gfp(2**32 - 1)]).map(int)
nids = st.integers(0, 2)
mostly = st.sampled_from([True, True, True, False])
flag_sets = st.sampled_from(
    [
        Flags.MEMCG_AWARE,
        Flags.MEMCG_AWARE | Flags.NUMA_AWARE,
        Flags.MEMCG_AWARE | Flags.NONSLAB,
        Flags(0),
        Flags.NUMA_AWARE,
    ]
).map(int)
endings = st.sampled_from([("offline",), ("remove",), ("remove", "forget")])
site_sets = st.sampled_from([(), ("unit",), ("info",), ("idr",), ("info", "unit"), ("nr_deferred", "name")])


answers = (
    st.lists(st.builds(Count, counts, scribbles), min_size=1, max_size=3).map(tuple),
    st.lists(scans, min_size=1, max_size=3).map(tuple),
)
idle = st.just(())
specs = st.builds(Spec, flag_sets, seekses, batches, st.builds(Script, *answers, idle, idle), mostly)
few = st.integers(0, 4)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("again"), priorities),
        st.tuples(st.just("elsewhere"), few, priorities),
        st.tuples(st.just("close_nth"), few),
        st.tuples(st.just("set_bit_here"), few),
        st.tuples(st.just("set_kmem"), mostly),
        st.tuples(st.just("spawn_another"), specs),
        st.sampled_from([("offline_here",), ("remove_here",)]),
    ),
    max_size=2,
).map(tuple)
scripts = st.builds(Script, *answers, actions, actions)
busy_specs = st.builds(Spec, flag_sets, seekses, batches, scripts, mostly)


populated = precondition(lambda self: bool(self.pair.modelled.registered))
with_memcg = precondition(lambda self: self.pair.memcg)


def failed(outcome: Any) -> bool:
    return isinstance(outcome, tuple | list)


class ShrinkerMachine(RuleBasedStateMachine):
    unregistered: Bundle[str] = Bundle("unregistered")
    registered: Bundle[str] = Bundle("registered")
    cgroups: Bundle[str] = Bundle("cgroups")
    """all but the root, whose name is empty"""

    pair: Pair

    @initialize(
        target=cgroups,
        nr_nodes=st.integers(1, 3),
        memcg=mostly,
        kmem=mostly,
        max_stall=st.sampled_from([3, 1, 2, 0]),
        nr_cgroups=st.integers(1, 3),
    )
    def boot(
        self, nr_nodes: int, memcg: bool, kmem: bool, max_stall: int, nr_cgroups: int
    ) -> MultipleResults[str]:
        self.pair = Pair(nr_nodes, memcg, kmem, max_stall)
        self.nr_nodes = nr_nodes
        self.both = self.pair.both
        self.numbers = count()
        names = [self.new_name("c") for _ in range(nr_cgroups)]
        for parent, name in zip(["", *names], names, strict=False):
            self.both("create", parent, name)
        return multiple(*names)

    def new_name(self, prefix: str) -> str:
        return f"{prefix}{next(self.numbers)}"

    # -- a shrinker's life

    @rule(target=unregistered, flags=flag_sets, seeks=seekses, batch=batches)
    def alloc(self, flags: int, seeks: int, batch: int) -> str | MultipleResults[str]:
        name = self.new_name("s")
        if failed(self.both("alloc", name, flags)):
            return multiple()
        self.both("setup", name, seeks, batch)
        return name

    @rule(name=consumes(unregistered))
    def discard(self, name: str) -> None:
        self.both("discard", name)

    @rule(target=registered, name=consumes(unregistered), script=scripts)
    def register(self, name: str, script: Script) -> str:
        self.both("register", name, script)
        return name

    @rule(target=registered, specs=st.lists(busy_specs, min_size=1, max_size=4))
    def spawn(self, specs: list[Spec]) -> MultipleResults[str]:
        done = []
        for spec in specs:
            name = self.new_name("s")
            if not failed(self.both("spawn", name, spec)):
                done.append(name)
        return multiple(*done)

    @rule(target=registered, name=consumes(registered))
    def close(self, name: str) -> str | MultipleResults[str]:
        return name if failed(self.both("close", name)) else multiple()

    @rule(target=registered, name=consumes(registered), spec=specs, met=st.booleans(), priority=priorities)
    def succeed(self, name: str, spec: Spec, met: bool, priority: int) -> str | MultipleResults[str]:
        """Frees one and makes another: it inherits the id, the deferred work, and the bits no pass met."""
        if failed(self.both("close", name)):
            return name
        if met:
            self.shrink_everywhere(12)
        heir = self.new_name("s")
        if failed(self.both("spawn", heir, spec._replace(bits=False))):
            return multiple()
        self.shrink_everywhere(priority)
        return heir

    @rule(name=registered, script=scripts)
    def program(self, name: str, script: Script) -> None:
        self.both("program", name, script)

    @with_memcg
    @rule(upto=st.sampled_from([63, 64, 65, 128]), every=st.integers(0, 3))
    def fill_ids(self, upto: int, every: int) -> None:
        self.both("fill_ids", upto)
        if every:
            self.both("drain_ids", every)

    # -- cgroups

    @rule(target=cgroups, parent=st.just("") | cgroups)
    def create(self, parent: str) -> str | MultipleResults[str]:
        name = self.new_name("c")
        return multiple() if failed(self.both("create", parent, name)) else name

    @populated
    @rule(target=cgroups, cgroup=consumes(cgroups), verbs=endings)
    def end_cgroup(self, cgroup: str, verbs: tuple[str, ...]) -> str | MultipleResults[str]:
        for verb in verbs:
            if failed(self.both(verb, cgroup)):
                return cgroup
        return multiple() if verbs[-1] == "forget" else cgroup

    @rule(name=registered, cgroup=cgroups, nid=nids)
    def set_bit(self, name: str, cgroup: str, nid: int) -> None:
        self.both("set_bit", name, cgroup, nid % self.nr_nodes)

    @populated
    @rule(on=mostly)
    def set_kmem(self, on: bool) -> None:
        self.both("set_kmem", on)

    # -- passes

    @populated
    @rule(gfp_mask=gfp_masks, nid=nids, priority=priorities, root=st.sampled_from([None, ""]))
    def shrink_globally(self, gfp_mask: int, nid: int, priority: int, root: str | None) -> None:
        self.both("shrink", gfp_mask, nid % self.nr_nodes, root, priority)

    @populated
    @rule(gfp_mask=gfp_masks, nid=nids, cgroup=cgroups, priority=priorities)
    def shrink(self, gfp_mask: int, nid: int, cgroup: str, priority: int) -> None:
        self.both("shrink", gfp_mask, nid % self.nr_nodes, cgroup, priority)

    @populated
    @rule(priority=priorities)
    def shrink_everywhere(self, priority: int) -> None:
        for nid in range(self.nr_nodes):
            for cgroup in self.pair.modelled.cgroups:
                self.both("shrink", Gfp.KERNEL, nid, cgroup, priority)

    # -- faults

    @populated
    @rule(n=st.integers(0, 8), sites=site_sets)
    def fail_nth(self, n: int, sites: tuple[str, ...]) -> None:
        self.both("fail_nth", n, sites)

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            self.pair.close()


# No explanation of failures: it takes minutes, and the steps say enough.
ShrinkerMachine.TestCase.settings = settings(
    stateful_step_count=30,
    report_multiple_bugs=False,
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
TestShrinkerMachine = ShrinkerMachine.TestCase


# ---- scenes ---------------------------------------------------------------------------------------


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    try:
        pair.both("create", "", "app")
        yield pair
    finally:
        pair.close()


def spec(
    count: int, *, flags: int = 0, on_count: tuple[Action, ...] = (), on_scan: tuple[Action, ...] = ()
) -> Spec:
    """That many objects, of which none can be freed now."""
    return Spec(int(flags), 2, 0, Script((Count(count),), (Scan(STOP),), on_count, on_scan), bits=True)


class TestScenes:
    """What random lives seldom come to."""

    def test_passes_nest_to_depth_8(self, pair: Pair) -> None:
        pair.both("spawn", "s", spec(1, on_count=(("again", 0),) * 8))
        pair.both("shrink", 0, 0, None, 0)
        assert ("s", "again", ("NestingError", None)) in pair.last_log

    def test_work_deferred_by_a_nested_pass_is_added_to(self, pair: Pair) -> None:
        pair.both("spawn", "s", spec(100, on_scan=(("again", 0),)))
        pair.both("shrink", 0, 0, None, 0)
        assert pair.real.registered["s"].nr_deferred() == 400

    def test_work_reparented_during_the_parents_turn_is_added_to(self, pair: Pair) -> None:
        s = spec(100, flags=Flags.MEMCG_AWARE)
        pair.both("spawn", "s", s)
        pair.both("shrink", 0, 0, "app", 0)
        pair.both("program", "s", s.script._replace(on_scan=(("remove", "app"),)))
        pair.both("shrink", 0, 0, "", 0)
        assert pair.real.registered["s"].nr_deferred() == 400

    def test_an_outer_frame_is_its_own_callback_too(self, pair: Pair) -> None:
        pair.both("spawn", "outer", spec(1, on_scan=(("again", 0),)))
        pair.both("spawn", "inner", spec(1, on_count=(("close_nth", 0),)))
        pair.both("shrink", 0, 0, None, 0)
        assert ("inner", "close_nth", ("DeadlockError", "outer")) in pair.last_log

    def test_one_that_hung_stays_listed_and_callable(self, pair: Pair) -> None:
        pair.both("spawn", "s", spec(1, flags=Flags.MEMCG_AWARE))
        pair.both("set_kmem", False)
        assert pair.both("shrink", 0, 0, "app", 0) == 0
        pair.both("set_kmem", True)
        for _ in range(2):
            assert pair.both("close", "s") == ("HungError", "s")
            for cgroup in ("app", None):
                pair.both("shrink", 0, 0, cgroup, 0)
                assert pair.last_log

    @pytest.mark.parametrize("met", [False, True])
    def test_an_heir_has_the_bit_unless_a_pass_met_it(self, pair: Pair, met: bool) -> None:
        pair.both("spawn", "s", spec(1, flags=Flags.MEMCG_AWARE))
        pair.both("close", "s")
        if met:
            pair.both("shrink", 0, 0, "app", 0)
        pair.both("spawn", "heir", spec(1, flags=Flags.MEMCG_AWARE)._replace(bits=False))
        pair.both("shrink", 0, 0, "app", 0)
        assert bool(pair.last_log) == (not met)

    @pytest.mark.parametrize("second", [0, 1])
    def test_a_second_look_that_is_not_empty_keeps_the_bit(self, pair: Pair, second: int) -> None:
        s = spec(1, flags=Flags.MEMCG_AWARE)
        looks = s.script._replace(counts=(Count(EMPTY), Count(second)))
        pair.both("spawn", "s", s._replace(script=looks))
        for _ in range(2):
            pair.both("shrink", 0, 0, "app", 0)
            assert [entry[-1] for entry in pair.last_log if entry[0] == "count"] == [EMPTY, second]

    def test_growth_during_a_pass_is_seen_by_it(self, pair: Pair) -> None:
        late = spec(1, flags=Flags.MEMCG_AWARE)
        pair.both("spawn", "s", spec(1, flags=Flags.MEMCG_AWARE, on_count=(("spawn_another", late),)))
        pair.both("fill_ids", 64)
        pair.both("shrink", 0, 0, "app", 0)
        assert [entry[:2] for entry in pair.last_log if entry[0] == "count"] == [
            ("count", "s"),
            ("count", "spawned0"),
        ]

    def test_a_growth_that_fails_goes_on_where_it_stopped(self, pair: Pair) -> None:
        pair.both("fail_nth", 2, ("unit",))
        assert pair.both("spawn", "s", spec(1, flags=Flags.MEMCG_AWARE)) == ("MemoryError", None)
        assert pair.real.machine.ledger.unit == 1
        pair.both("spawn", "s", spec(1, flags=Flags.MEMCG_AWARE))
        assert pair.real.machine.ledger.unit == 2
