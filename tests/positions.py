# SPDX-License-Identifier: GPL-2.0-only
"""Scenes of scripted shrinkers whose callbacks fail, each in one of the kinds of kinds.py.

A Scene is a list of Parts (shrinkers whose callbacks follow a script) and of passes over them. A Stage
plays it on machines of the package, foretell() computes in plain Python what has to come out. Both
give the same kind of Outcome; what a callback raised stands in both as the Fault that was scripted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kinds import FATAL, Fault
from model import (
    SHRINK_BATCH,
    SHRINK_EMPTY,
    SHRINK_STOP,
    delta_of,
    goes_on,
    next_deferred_of,
    signed,
    total_scan_of,
    unsigned,
)
from support import register

import shrinkpy as sp
from shrinkpy.core import ffi, lib
from shrinkpy.cores import core_info

KEPT = 16
"""So many exceptions of one call are kept, the others are counted."""


# ---- what callbacks do ----------------------------------------------------------------------------

MOST_MACHINES = 2 if core_info().is_port else 1
"""That a scene may have: around a kernel's own files there is one at a time."""


class Say(NamedTuple):
    """Return it, as raw: any unsigned long."""

    value: int


class Fail(NamedTuple):
    """Raise it, after a word on nr_scanned that nobody may listen to."""

    fault: Fault


class Reclaim(NamedTuple):
    """Run a pass, do then. What the pass raises goes on, unless it is caught."""

    which: Pass
    then: Action
    catch: bool = False


Action = Say | Fail | Reclaim


class Pass(NamedTuple):
    """One pass of a scene: over the cgroup "app" of a machine, or over all of it."""

    machine: int = 0
    in_app: bool = False
    priority: int = 0


@dataclass
class Part:
    """A shrinker: a count of objects that never changes, work deferred before, and the first actions.

    When its actions are used up, count gives objects, and scan frees what it is asked for. A scan
    that fails leaves 3 in nr_scanned.
    """

    name: str
    counts: tuple[Action, ...] = ()
    scans: tuple[Action, ...] = ()
    objects: int = 100
    seeks: int = 4
    batch: int = 25
    deferred: int = 30
    machine: int = 0


@dataclass
class Scene:
    """Parts in order of registration; aware: they are memcg-aware, and have a bit in "app"."""

    parts: list[Part]
    passes: list[Pass] = field(default_factory=lambda: [Pass()])
    aware: bool = False

    @property
    def nr_machines(self) -> int:
        return 1 + max(part.machine for part in self.parts)


class Event(NamedTuple):
    """What a trace tells of a turn; delta and freeable are 0 at its end, retval at its start."""

    shrinker: str
    end: bool
    nr: int
    new_nr: int
    freeable: int
    delta: int
    total_scan: int
    retval: int


class Sums(NamedTuple):
    """What LastPass adds up."""

    freed: int = 0
    freeable: int = 0
    scanned: int = 0
    deferred: int = 0
    counts: int = 0
    scans: int = 0


class State(NamedTuple):
    """A machine, after a pass of the scene."""

    last: Sums | None
    deferred: dict[str, int]
    bits: list[str]
    events: list[Event]


@dataclass
class Outcome:
    """How a pass of the scene ended. kept and fatal: what was raised, if anything was."""

    freed: int | None
    kept: list[Any]
    fatal: Any
    calls: list[tuple[str, str, int]]
    states: list[State]
    error: BaseException | None = None


# ---- foretold -------------------------------------------------------------------------------------


class _Struck(Exception):  # noqa: N818 - it stands for what the callback raises
    def __init__(self, fault: Fault) -> None:
        self.fault = fault


@dataclass
class _Running:
    """A pass that runs."""

    fatal: Fault | None = None
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Sums._fields, 0))


class _Oracle:
    """What has to come out, by the rules alone: a failing count gives 0, a failing scan STOP."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.actions = {(p.name, w): list(a) for p in scene.parts for w, a in self._scripts(p)}
        self.deferred = {(p.name, False): p.deferred for p in scene.parts}
        self.deferred |= {(p.name, True): p.deferred for p in scene.parts if scene.aware}
        self.bits = {p.name for p in scene.parts if scene.aware}
        self.calls: list[tuple[str, str, int]] = []
        self.events: list[list[Event]] = [[] for _ in range(scene.nr_machines)]
        self.last: list[Sums | None] = [None] * scene.nr_machines
        self.depth = [0] * scene.nr_machines
        self.kept: list[Fault] = []

    @staticmethod
    def _scripts(part: Part) -> Iterator[tuple[str, tuple[Action, ...]]]:
        yield "count", part.counts
        yield "scan", part.scans

    def outcome(self, which: Pass) -> Outcome:
        self.kept, self.calls, self.events = [], [], [[] for _ in self.events]
        freed, fatal = None, None
        try:
            freed = self.shrink_slab(which)
        except _Struck as struck:
            fatal = struck.fault
        states = [self.state(m) for m in range(self.scene.nr_machines)]
        return Outcome(None if self.kept else freed, self.kept, fatal, self.calls, states)

    def state(self, machine: int) -> State:
        names = [p.name for p in self.scene.parts if p.machine == machine]
        deferred = {f"{n} in app" if app else n: v for (n, app), v in self.deferred.items() if n in names}
        return State(self.last[machine], deferred, [n for n in names if n in self.bits], self.events[machine])

    def shrink_slab(self, which: Pass) -> int:
        """One pass; a nested one raises what is fatal, and nothing else."""
        this, at = _Running(), -1
        self.depth[which.machine] += 1
        while this.fatal is None:
            ahead = [i for i, part in enumerate(self.scene.parts) if i > at and self.called(part, which)]
            if not ahead:
                break
            at = ahead[0]
            self.turns(this, which, self.scene.parts[at])
        self.depth[which.machine] -= 1
        self.last[which.machine] = Sums(**{k: unsigned(v) for k, v in this.sums.items()})
        if this.fatal is not None:
            raise _Struck(this.fatal)
        return unsigned(this.sums["freed"])

    def called(self, part: Part, which: Pass) -> bool:
        return part.machine == which.machine and (not which.in_app or part.name in self.bits)

    def turns(self, this: _Running, which: Pass, part: Part) -> None:
        """In a cgroup, EMPTY clears the bit, and a second turn sets it again unless that is EMPTY too."""
        result = self.turn(this, which, part)
        if which.in_app and result == SHRINK_EMPTY:
            self.bits.discard(part.name)
            result = self.turn(this, which, part)
            if result != SHRINK_EMPTY:
                self.bits.add(part.name)
        if result != SHRINK_EMPTY:
            this.sums["freed"] += result

    def turn(self, this: _Running, which: Pass, part: Part) -> int:
        """do_shrink_slab()."""
        sums, key = this.sums, (part.name, which.in_app)
        sums["counts"] += 1
        counted = self.answer(this, part, "count", part.objects, 0)
        if counted in (0, SHRINK_EMPTY):
            return counted
        freeable, nr = signed(counted), self.deferred[key]
        self.deferred[key] = 0
        delta = delta_of(freeable, which.priority, part.seeks)
        total = total_scan_of(nr, delta, freeable, which.priority)
        start = Event(part.name, False, nr, 0, freeable, delta, total, 0)
        self.events[which.machine].append(start)
        batch, freed, scanned = part.batch or SHRINK_BATCH, 0, 0
        while goes_on(total, batch, freeable):
            asked = min(batch, total)
            sums["scans"] += 1
            result = self.answer(this, part, "scan", asked, SHRINK_STOP)
            if result == SHRINK_STOP:
                break
            freed, scanned, total = freed + result, scanned + asked, total - asked
        self.deferred[key] += next_deferred_of(nr, delta, scanned, freeable)
        end = Event(part.name, True, nr, self.deferred[key], 0, 0, total, signed(freed, 32))
        self.events[which.machine].append(end)
        sums["freeable"] += counted
        sums["scanned"] += scanned
        sums["deferred"] += self.deferred[key]
        return freed

    def answer(self, this: _Running, part: Part, which: str, honest: int, failed: int) -> int:
        """What the core hears of a callback."""
        self.calls.append((part.name, which, self.depth[part.machine]))
        actions = self.actions[part.name, which]
        try:
            return self.do(actions.pop(0) if actions else Say(honest))
        except _Struck as struck:
            if struck.fault.kind.fatal:
                this.fatal = struck.fault
            else:
                self.kept.append(struck.fault)
            return failed

    def do(self, action: Action) -> int:
        if isinstance(action, Say):
            return action.value
        if isinstance(action, Fail):
            raise _Struck(action.fault)
        with contextlib.suppress(*([_Struck] if action.catch else [])):
            self.shrink_slab(action.which)
        return self.do(action.then)


def foretell(scene: Scene) -> list[Outcome]:
    """How each pass of the scene has to end."""
    oracle = _Oracle(scene)
    return [oracle.outcome(which) for which in scene.passes]


# ---- played ---------------------------------------------------------------------------------------


class Actor(sp.Shrinker):
    """A Part on a machine."""

    def __init__(self, stage: Stage, part: Part) -> None:
        self.stage = stage
        self.part = part
        self.counts = list(part.counts)
        self.scans = list(part.scans)

    def count_objects(self, sc: sp.ShrinkControl) -> Any:
        return self._do("count", sc, self.counts.pop(0) if self.counts else Say(self.part.objects))

    def scan_objects(self, sc: sp.ShrinkControl) -> Any:
        return self._do("scan", sc, self.scans.pop(0) if self.scans else Say(sc.nr_to_scan))

    def _do(self, which: str, sc: sp.ShrinkControl, action: Action) -> Any:
        machine = self.stage.machines[self.part.machine]
        self.stage.calls.append((self.part.name, which, lib.sp_pass_depth(machine._pointer)))
        while isinstance(action, Reclaim):
            with contextlib.suppress(*(FATAL if action.catch else ())):
                self.stage.shrink_slab(action.which)
            action = action.then
        if isinstance(action, Fail):
            sc.nr_scanned = 3
            return action.fault.strike(sc)
        return (sp.CountObjects if which == "count" else sp.ScanObjects).raw(action.value)


class Stage(contextlib.ExitStack):
    """The machines of a scene, its parts registered and traced."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene
        self.calls: list[tuple[str, str, int]] = []
        self.machines: list[sp.Machine] = []
        self.apps: list[sp.MemCgroup] = []
        for _ in range(scene.nr_machines):
            machine = self.enter_context(sp.Machine())
            self.machines.append(machine)
            self.apps.append(machine.root.create("app"))
        self.actors = {part.name: Actor(self, part) for part in scene.parts}
        self.shrinkers = {part.name: self.enter_context(self._registered(part)) for part in scene.parts}
        self.ledgers = [machine.ledger for machine in self.machines]

    def _registered(self, part: Part) -> sp.RegisteredShrinker:
        flags = sp.Flags.MEMCG_AWARE if self.scene.aware else 0
        machine, app = self.machines[part.machine], self.apps[part.machine]
        actor = self.actors[part.name]
        shrinker = register(
            machine, sp.Box(actor), part.name, flags=flags, seeks=part.seeks, batch=part.batch
        )
        pointer = shrinker._live()
        places = [machine.root._pointer, app._pointer] if self.scene.aware else [ffi.NULL]
        for place in places:
            assert lib.sp_poke_deferred(pointer, place, 0, part.deferred)
        if self.scene.aware:
            shrinker.set_bit(app)
        return shrinker

    def shrink_slab(self, which: Pass) -> int:
        """One pass of the scene."""
        memcg = self.apps[which.machine] if which.in_app else None
        return self.machines[which.machine].shrink_slab(memcg=memcg, priority=which.priority)

    def outcome(self, which: Pass) -> Outcome:
        """Run a pass, and look at what it left."""
        self.calls = []
        for machine in self.machines:
            machine.trace.start(256, clock=False)
        freed, error = None, None
        try:
            freed = self.shrink_slab(which)
        except BaseException as raised:
            error = raised
        kept, fatal = taken_apart(error)
        states = [self.state(i) for i in range(len(self.machines))]
        return Outcome(freed, kept, fatal, self.calls, states, error)

    def state(self, i: int) -> State:
        machine, app = self.machines[i], self.apps[i]
        parts = [part for part in self.scene.parts if part.machine == i]
        last = machine.last_pass
        sums = None if last is None else Sums(*(getattr(last, name) for name in Sums._fields))
        deferred = {p.name: self.shrinkers[p.name].nr_deferred() for p in parts}
        if self.scene.aware:
            deferred |= {f"{p.name} in app": self.shrinkers[p.name].nr_deferred(app) for p in parts}
        bits = [p.name for p in parts if self.scene.aware and self._bit(p, app)]
        return State(sums, deferred, bits, list(self._events(machine)))

    def _bit(self, part: Part, app: sp.MemCgroup) -> bool:
        return bool(lib.sp_peek_bit(app._pointer, 0, self.shrinkers[part.name].id))

    @staticmethod
    def _events(machine: sp.Machine) -> Iterator[Event]:
        array = machine.trace.array()
        assert array.dtype.names is not None
        fields = [array.dtype.names.index(name) for name in Event._fields[2:]]
        kind, name = array.dtype.names.index("kind"), array.dtype.names.index("name")
        for event in array.tolist():
            yield Event(machine.trace.names(event[name])[1], bool(event[kind]), *(event[f] for f in fields))

    def holds_together(self) -> None:
        """What no failure of a callback may change."""
        for machine, ledger in zip(self.machines, self.ledgers, strict=True):
            assert lib.sp_pass_depth(machine._pointer) == 0
            assert machine.ledger == ledger
            assert machine.lost_exceptions == []
        for name, shrinker in self.shrinkers.items():
            assert not shrinker.closed
            assert shrinker.private_data is self.actors[name]
            assert lib.sp_peek_refcount(shrinker._live()) == 1


def taken_apart(error: BaseException | None) -> tuple[list[BaseException], BaseException | None]:
    """What a call raised: those of the callbacks in order, and the one that ended the pass."""
    if error is None:
        return [], None
    if isinstance(error, FATAL):
        return [], error
    if is_of_the_pass(error):
        return list(error.exceptions), None
    return [error], None


def is_of_the_pass(error: BaseException | None) -> bool:
    """Is it a group that a pass made?"""
    return isinstance(error, BaseExceptionGroup) and "in callbacks of one pass" in error.message


def contexts(error: BaseException | None) -> list[BaseException]:
    """It and its contexts, to the end or until they come again."""
    chain: list[BaseException] = []
    while error is not None and all(error is not each for each in chain):
        chain.append(error)
        error = error.__context__
    return chain
