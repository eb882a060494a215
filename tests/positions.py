# SPDX-License-Identifier: GPL-2.0-only
"""Kinds of failures of callbacks, and scenes of scripted shrinkers in which they fail.

A Scene is a list of Parts (shrinkers whose callbacks follow a script) and of passes over them. play()
runs it on machines of the package, foretell() computes in plain Python what has to come out. Both
give the same kind of Outcome; what a callback raised stands in both as the Fault that was scripted.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import ctypes
import fractions
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import pytest
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
from support import Doing, register

import shrinkpy as sp
from shrinkpy.core import ffi, lib

KEPT = 16
"""So many exceptions of one call are kept, the others are counted."""
FATAL = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""What ends a pass at once."""


# ---- what goes wrong ------------------------------------------------------------------------------


class Kind(NamedTuple):
    """A way for a callback to fail.

    act() gives what to do in the callback: it raises, or returns what no callback may return. error
    is the exception's class. lazy: nobody may look at the exception on its way (so it is known by
    its class alone). where names the only callback that it is wrong in.
    """

    name: str
    act: Callable[[], Callable[[Any], Any]]
    error: type[BaseException]
    lazy: bool = False
    where: str | None = None

    @property
    def fatal(self) -> bool:
        return issubclass(self.error, FATAL)


@dataclass(eq=False)
class Fault:
    """One failure that a script asks for; asked for again, it raises the same object."""

    kind: Kind
    raised: BaseException | None = None
    """what was raised, once it was"""

    def __post_init__(self) -> None:
        self._act = self.kind.act()

    def strike(self, sc: Any) -> Any:
        """Fail, in a callback."""
        if self.kind.lazy:
            return self._act(sc)
        if self.raised is not None:
            raise self.raised
        try:
            return self._act(sc)
        except BaseException as error:
            self.raised = error
            raise

    def is_in(self, error: BaseException | None) -> bool:
        """Is this what it raised?"""
        if self.raised is not None:
            return error is self.raised
        return type(error) is self.kind.error

    def __repr__(self) -> str:
        return f"Fault({self.kind.name})"


# ---- kinds of it ----------------------------------------------------------------------------------


def throw(error: BaseException) -> NoReturn:
    """Raise it."""
    raise error


class BoomError(Exception):
    """An ordinary one."""


class CancelledError(BaseException):
    """No Exception, and none of those that end a pass."""


class Interrupted(KeyboardInterrupt):
    """One that ends a pass."""


class BothError(SystemExit, ValueError):
    """An error and an exit."""


class FussyError(Exception):
    """Cannot be made of one argument."""

    def __init__(self, one: object, two: object) -> None:
        super().__init__(one, two)


class UnmakeableError(Exception):
    def __init__(self, *_args: object) -> None:
        raise LookupError("not even made")


class InterruptingError(Exception):
    def __init__(self, *_args: object) -> None:
        raise Interrupted


class OddError(Exception):
    """Whatever is asked of it raises, and it is false."""

    __slots__ = ("slot",)
    __hash__ = None  # type: ignore[assignment]  # an exception that cannot be hashed

    def __str__(self) -> str:
        raise RuntimeError("no str")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no eq")

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        raise RuntimeError("no len")


class FrozenError(Exception):
    """Refuses every attribute, as a frozen dataclass does."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"frozen: {name}")


RAISING: dict[str, Kind] = {}
"""Those that raise by themselves, wherever they are asked to."""
RESULTS: dict[str, Kind] = {}
"""Those that return what a callback may not."""
SETTING: dict[str, Kind] = {}
"""Those that do with the ShrinkControl what may not be done."""


def kind(error: type[BaseException], *, lazy: bool = False) -> Callable[[Callable[[], Any]], Any]:
    """Note a function that raises error."""

    def note(do: Callable[[], Any]) -> Any:
        name = do.__name__.removesuffix("_")
        RAISING[name] = Kind(name, lambda: lambda _sc: do(), error, lazy)
        return do

    return note


@kind(BoomError)
def ordinary() -> None:
    raise BoomError("ordinary")


@kind(CancelledError)
def no_exception() -> None:
    raise CancelledError


@kind(Interrupted)
def fatal_subclass() -> None:
    raise Interrupted


@kind(BothError)
def fatal_and_an_error() -> None:
    raise BothError(3)


@kind(ExceptionGroup)
def group() -> None:
    raise ExceptionGroup("mine", [BoomError(), ExceptionGroup("inner", [ValueError()])])


@kind(BaseExceptionGroup)
def group_with_an_interrupt() -> None:
    raise BaseExceptionGroup("mine", [KeyboardInterrupt(), BoomError()])


@kind(asyncio.CancelledError)
def asyncio_cancelled() -> None:
    raise asyncio.CancelledError


@kind(pytest.fail.Exception)
def pytest_fail() -> None:
    pytest.fail("in a callback")


@kind(pytest.skip.Exception)
def pytest_skip() -> None:
    raise pytest.skip.Exception("in a callback")


@kind(AssertionError)
def assertion() -> None:
    assert not RAISING


@kind(SystemExit)
def exit_() -> None:
    sys.exit("in a callback")


@kind(TypeError)
def class_that_needs_arguments() -> None:
    raise FussyError


@kind(LookupError)
def class_that_cannot_be_made() -> None:
    raise UnmakeableError


@kind(TypeError)
def no_class_of_exceptions() -> None:
    raise object  # type: ignore[misc]  # no exception at all: Python makes a TypeError of it


def set_from_c(error: type[BaseException], value: object) -> None:
    """Set an exception as C does: class and value apart, so that who takes it has to make it."""
    ctypes.pythonapi.PyErr_SetObject(ctypes.py_object(error), ctypes.py_object(value))


@kind(BoomError, lazy=True)
def made_by_who_takes_it() -> None:
    set_from_c(BoomError, ("a", "tuple"))


@kind(TypeError, lazy=True)
def made_of_the_wrong_arguments() -> None:
    set_from_c(FussyError, "one")


@kind(LookupError, lazy=True)
def made_by_a_constructor_that_raises() -> None:
    set_from_c(UnmakeableError, "x")


@kind(Interrupted, lazy=True)
def made_by_a_constructor_that_is_interrupted() -> None:
    set_from_c(InterruptingError, "x")


@kind(OddError)
def odd() -> None:
    raise OddError


@kind(FrozenError)
def frozen() -> None:
    raise FrozenError


@kind(RecursionError)
def real_recursion() -> None:
    def deeper() -> None:
        deeper()

    deeper()


@kind(MemoryError)
def real_memory_error() -> None:
    bytearray(2**62)


@kind(BoomError)
def with_cause_context_and_notes() -> None:
    error = BoomError()
    error.add_note("a note")
    try:
        raise KeyError
    except KeyError:
        raise error from ValueError("cause")


@kind(BoomError)
def raised_before() -> None:
    try:
        raise BoomError
    except BoomError as caught:
        error = caught
    raise error


@kind(BoomError)
def its_own_context() -> None:
    error = BoomError()
    error.__context__ = KeyError()
    error.__context__.__context__ = error
    raise error


def generator() -> Iterator[None]:
    """Yields for ever, also when it is closed."""
    while True:
        try:
            yield
        except GeneratorExit:
            yield


def started() -> Any:
    each = generator()
    next(each)
    return each


@kind(BoomError)
def thrown_into_a_generator() -> None:
    started().throw(BoomError())


@kind(RuntimeError)
def generator_that_will_not_close() -> None:
    started().close()


@kind(GeneratorExit)
def generator_exit_let_out() -> None:
    def honest() -> Iterator[None]:
        yield

    each = honest()
    next(each)
    each.throw(GeneratorExit())


@kind(RuntimeError)
def stop_iteration_in_a_generator() -> None:
    def stops() -> Iterator[None]:
        raise StopIteration
        yield

    next(stops())


@kind(DeprecationWarning)
def warning_made_an_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.warn("in a callback", DeprecationWarning, stacklevel=1)


@kind(Interrupted)
def signal_handler() -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: throw(Interrupted()))
    try:
        signal.raise_signal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, before)


@kind(KeyboardInterrupt)
def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


@kind(sp.ExpiredError)
def an_error_of_the_package() -> None:
    kept: list[sp.ShrinkControl] = []
    with sp.Machine() as machine, register(machine, Doing(count=lambda sc: kept.append(sc) or 0)):
        machine.shrink_slab()
    _ = kept[0].nid


# ---- every wrong result ---------------------------------------------------------------------------


class Index:
    """An int by __index__()."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __index__(self) -> Any:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


class Shy:
    """Will not be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


HUGE = (-1, -(2**63), -(2**63) - 1, -(2**200), 2**64, 10**30, -(10**5000), 10**5000)
"""No unsigned longs; the largest Python will not even print."""


def named_number(n: int) -> str:
    return str(n) if abs(n) < 10**40 else f"{'-' * (n < 0)}10**30 and more"


def result(name: str, value: object, error: type[BaseException], where: str | None = None) -> None:
    """Note a value that a callback may not return."""
    RESULTS[name] = Kind(name, lambda: lambda _sc: value, error, lazy=True, where=where)


for value in (True, False, None, 1.5, 1j, "5", b"5", [5], Ellipsis, NotImplemented, fractions.Fraction(5)):
    result(f"returns_{value!r}", value, TypeError)
result("returns_a_class", int, TypeError)
result("returns_an_error", BoomError(), TypeError)
result("returns_what_cannot_be_shown", Shy(), TypeError)
for n in HUGE:
    result(f"returns_{named_number(n)}", n, ValueError)
    result(f"returns_index_of_{named_number(n)}", Index(n), ValueError)
result("returns_index_that_raises", Index(BoomError()), BoomError)
result("returns_index_that_is_interrupted", Index(Interrupted()), Interrupted)
result("returns_index_that_is_no_int", Index("5"), TypeError)
for n in (SHRINK_STOP, SHRINK_EMPTY):
    result(f"returns_{n}", n, ValueError)
for n in (sp.CountObjects.MAX + 1, 2**63 - 1, 2**63):
    result(f"returns_{n}", n, ValueError, where="count")
for typed in (sp.ScanObjects(5), sp.ScanObjects.STOP):
    result(f"returns_{typed!r}", typed, TypeError, where="count")
for typed in (sp.CountObjects(5), sp.CountObjects.EMPTY):
    result(f"returns_{typed!r}", typed, TypeError, where="scan")
for n in (-5, 2**64):
    result(f"returns_a_forged_count_of_{n}", int.__new__(sp.CountObjects, n), OverflowError, where="count")
    result(f"returns_a_forged_scan_of_{n}", int.__new__(sp.ScanObjects, n), OverflowError, where="scan")


# ---- every wrong word on nr_scanned ---------------------------------------------------------------


def does(name: str, what: Callable[[Any], object], error: type[BaseException]) -> None:
    """Note what may not be done with a ShrinkControl."""
    SETTING[name] = Kind(name, lambda: what, error)


def says(name: str, value: object, error: type[BaseException]) -> None:
    """Note a value that nr_scanned may not be set to."""
    does(f"nr_scanned_{name}", lambda sc: setattr(sc, "nr_scanned", value), error)


for value in (True, False, None, 1.5, "5", b"5", [5]):
    says(repr(value), value, TypeError)
says("that_cannot_be_shown", Shy(), TypeError)
for n in HUGE:
    says(named_number(n), n, ValueError)
says("index_that_raises", Index(BoomError()), BoomError)
says("index_of_-1", Index(-1), ValueError)
for name in ("nr_to_scan", "nid", "gfp_mask", "memcg", "new"):
    does(f"sets_{name}", lambda sc, name=name: setattr(sc, name, 1), AttributeError)
does("deletes_nr_scanned", lambda sc: delattr(sc, "nr_scanned"), TypeError)
does("deletes_nid", lambda sc: delattr(sc, "nid"), AttributeError)
does("reads_what_is_not_there", lambda sc: sc.nr_to_free, AttributeError)


def builtin_classes() -> list[type[BaseException]]:
    """Those that can be reached from BaseException, itself included, in the order of their names."""
    found: set[type[BaseException]] = set()
    left: list[type[BaseException]] = [BaseException]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left += [sub for sub in type.__subclasses__(each) if sub.__module__ == builtins.__name__]
    return sorted(found, key=lambda each: each.__name__)


def arguments(of: type[BaseException]) -> tuple[Any, ...]:
    """What an instance is made of."""
    if issubclass(of, UnicodeTranslateError):
        return ("text", 0, 1, "why")
    if issubclass(of, UnicodeEncodeError):
        return ("utf-8", "text", 0, 1, "why")
    if issubclass(of, UnicodeDecodeError):
        return ("utf-8", b"bytes", 0, 1, "why")
    if issubclass(of, BaseExceptionGroup):
        inner = ValueError() if issubclass(of, ExceptionGroup) else KeyboardInterrupt()
        return ("message", [inner])
    return ("why",)


def builtin_kind(of: type[BaseException]) -> Kind:
    return Kind(of.__name__, lambda: lambda _sc: throw(of(*arguments(of))), of)


BUILTIN = {of.__name__: builtin_kind(of) for of in builtin_classes()}
EVERY = RAISING | RESULTS | SETTING | BUILTIN


# ---- what callbacks do ----------------------------------------------------------------------------


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
