# SPDX-License-Identifier: GPL-2.0-only
"""A shrinker of somebody's, put under pressure on a machine made for it: what `shrinkpy run` does."""

from __future__ import annotations

import abc
import contextlib
import enum
import gc
import importlib
import importlib.util
import inspect
import mmap
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from .control import DEF_PRIORITY, CountObjects, Flags, ScanObjects
from .core import ShrinkControl
from .errors import ReclaimShortError, ShrinkpyError
from .machine import Machine, MemCgroup
from .reclaim import Reclaimed
from .shrinker import RegisteredShrinker, UnregisteredShrinker

if TYPE_CHECKING:
    from .native import DriverShrinker

__all__ = [
    "DEFAULT_SIZE",
    "DEFAULT_TARGET",
    "MAX_CGROUPS",
    "Plan",
    "Pressure",
    "Reclaiming",
    "Row",
    "Target",
    "TargetError",
    "TargetFailed",
    "load_target",
    "parse_size",
    "resident_memory",
]

DEFAULT_TARGET = "shrinkpy.drivers.binder:PageRange"
DEFAULT_SIZE = 256 << 20
"""bytes"""
MAX_CGROUPS = 65534
"""Child cgroups that a kernel has room for beside the root (MEM_CGROUP_ID_MAX)."""

# drop_slab() of mm/vmscan.c shifts what a round freed by one more each time: it too ends by then.
_MAX_ROUNDS = 64

_PACKAGE = Path(__file__).parent


class TargetError(ShrinkpyError, ValueError):
    """The target cannot be put under pressure; the message says what to do."""


class TargetFailed(ShrinkpyError, RuntimeError):  # noqa: N818 - the target's failure, not the caller's error
    """A method of the target raised; __cause__ is what it raised."""


class Target(Protocol):
    """What a class may have to be put under pressure; only the first two methods must be there.

    It is made without arguments, but for these if its constructor has such parameters: ``size``, the
    bytes that were asked for (without a default of its own, 256 MiB), and ``flags``, NUMA_AWARE on a
    machine of several nodes and MEMCG_AWARE on one with child cgroups. What it does not have is left
    out or takes its default.
    """

    name: str
    """of the shrinker; default: the class's name"""
    flags: int
    """Flags; default 0"""
    seeks: int
    """default DEFAULT_SEEKS"""
    batch: int
    """default 0, for SHRINK_BATCH"""
    object_size: int
    """bytes that go with an object; without it, freed bytes are not known"""

    def count_objects(self, sc: ShrinkControl) -> int | CountObjects:
        """As Shrinker.count_objects()."""

    def scan_objects(self, sc: ShrinkControl) -> int | ScanObjects:
        """As Shrinker.scan_objects()."""

    def attach(self, registration: RegisteredShrinker, cgroups: Sequence[MemCgroup]) -> None:
        """Keep the registration, to set bits with; cgroups is the root and its children. After register()."""

    def fill(self) -> None:
        """Put objects there to be freed; once, before the first pass."""

    def step(self) -> None:
        """Do what else goes on under pressure; between two passes."""

    def verify(self) -> str | None:
        """Raise if something is broken, else say what was checked; after the last pass."""

    def close(self) -> None:
        """Let go of everything; at the end, when the registration is closed."""


class Plan(enum.StrEnum):
    """In which order a machine is reclaimed from."""

    DIRECT = "direct"
    """priority 12 down to 0, as direct reclaim that never finds enough"""
    DROP = "drop"
    """priority 0 until a round over everything frees nothing; Machine.drop_slab() ends as drop_caches does"""
    STEADY = "steady"
    """one priority, again and again"""
    KSWAPD = "kswapd"
    """each node's kswapd until it freed a number of objects: see Machine.kswapd()"""
    MEMCG = "memcg"
    """memory.reclaim of each child cgroup that holds objects, of the root if none does: see
    MemCgroup.reclaim()"""


class Row(NamedTuple):
    """One pass: shrink_slab() on one node and cgroup. Objects, but for those that say otherwise."""

    priority: int
    nid: int
    memcg: str
    """path"""
    freeable: int
    scan_calls: int
    """calls of scan_objects()"""
    scanned: int
    freed: int
    deferred: int
    """left for later passes"""
    seconds: float


# ---- from words to things


def parse_size(text: str) -> int:
    """Read a size in bytes as memparse() of the kernel does, with K, M, G (or KiB, MiB, GiB).

    Raises ValueError for what is no size.
    """
    match = re.fullmatch(r"([0-9]+)(?:([KMG])(?:iB)?)?", text.strip(), re.IGNORECASE)
    size = int(match[1]) << 10 * ("KMG".index(match[2].upper()) + 1 if match[2] else 0) if match else 0
    if not 0 < size < 2**63:
        raise ValueError(f"{text!r} is no size: give bytes, or a number with K, M or G, as in 256MiB")
    return size


# An exception in words, and where in the target it was raised.
def _told(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) or not frames or Path(frames[-1].filename).is_relative_to(_PACKAGE):
        return text
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})"


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"there is no file {path}: give the path of a Python file, as in cache.py:Cache")
    # Under a name that no other module has: the file may be called types.py.
    spec = importlib.util.spec_from_file_location(f"_target_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # What the file defines asks for its module there (dataclasses do), and it may import its neighbours.
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))
    spec.loader.exec_module(module)
    return module


def _import(where: str) -> ModuleType:
    try:
        if where.endswith(".py"):
            return _import_file(Path(where))
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        return importlib.import_module(where)
    except TargetError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{where}.".startswith(f"{error.name}."):
            raise TargetError(
                f"there is no module {where}: check its name, or give a file's path, as in cache.py:Cache"
            ) from None
        raise TargetError(f"cannot import {where}: {_told(error)}") from error


def _shrinkers_of(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and all(callable(getattr(value, method, None)) for method in ("count_objects", "scan_objects"))
    ]


def load_target(target: str) -> type:
    """Find the class that ``module:Class`` or ``file.py:Class`` names.

    Raises TargetError if there is none, or it lacks count_objects() or scan_objects().
    """
    where, colon, names = target.rpartition(":")
    if not (where and colon and names):
        raise TargetError(f"a target is module:Class or file.py:Class, not {target!r}")
    found: Any = _import(where)
    for name in names.split("."):
        if not hasattr(found, name):
            known = ", ".join(_shrinkers_of(found)) if isinstance(found, ModuleType) else ""
            raise TargetError(f"{where} has no class {names}" + (f"; it has {known}" if known else ""))
        found = getattr(found, name)
    if not isinstance(found, type):
        raise TargetError(f"{target} is no class, it is of type {type(found).__name__}: name a class")
    for method in ("count_objects", "scan_objects"):
        if not callable(getattr(found, method, None)):
            raise TargetError(
                f"{target} has no method {method}(): a shrinker needs count_objects(self, sc) and "
                "scan_objects(self, sc)"
            )
    return found


def _parameter(cls: type, name: str) -> inspect.Parameter | None:
    try:
        found = inspect.signature(cls).parameters.get(name)
    except (TypeError, ValueError):  # compiled, and says nothing
        return None
    return found if found and found.kind in (found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY) else None


def resident_memory() -> int:
    """Measure how many bytes of this process are in memory now.

    From smaps_rollup, which walks the page tables: the counters of statm lag behind.
    """
    try:
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # a kernel or a sandbox without it
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


# ---- the pressure


class Reclaiming(abc.ABC):
    """A machine of its own, something registered on it, and what reclaim did to that.

    nodes and cgroups (children c0, c1, … of the root) are the machine's. Call fill(), go through
    passes(), call verify(); close(), or the end of a with block, tears all down.

    Attributes: name; machine; cgroups, the root and its children; target, whose methods fill() and so
    on are called, if it has them; object_size, bytes that go with an object (None: unknown); rows, one
    a pass; rss_before and rss_after, bytes resident before the first and after the last pass (None: not
    yet); still_freeing, a drop was given up after 64 rounds; short, where memory.reclaim freed less
    than it was asked for, in words; after close() lockdep, what it reported, and log and leaks, a line
    each, what code under test printed and what it did not give back.
    """

    def __init__(self, name: str, *, nodes: int = 1, cgroups: int = 0) -> None:
        """See the class."""
        self.name = name
        self.target: Any = None
        self.object_size: int | None = None
        self.rows: list[Row] = []
        self.rss_before: int | None = None
        self.rss_after: int | None = None
        self.still_freeing = False
        self.short: list[str] = []
        self.lockdep: list[str] = []
        self.log: list[str] = []
        self.leaks: list[str] = []
        with contextlib.ExitStack() as stack:
            self.machine = stack.enter_context(Machine(nodes))
            stack.callback(self._read_lockdep)
            children = [self.machine.root.create(f"c{i}") for i in range(cgroups)]
            self.cgroups = (self.machine.root, *children)
            self._set_up(stack)
            self._stack = stack.pop_all()

    def _read_lockdep(self) -> None:
        self.lockdep = [str(report) for report in self.machine.lockdep.reports]

    @abc.abstractmethod
    def _set_up(self, stack: contextlib.ExitStack) -> None:
        """Set target and object_size, and register; what undoes it goes on the stack."""

    @abc.abstractmethod
    def _shrinkers(self) -> Iterable[RegisteredShrinker | DriverShrinker]:
        """What is registered, to be counted."""

    def _set_bit(self, memcg: MemCgroup, nid: int) -> None:  # noqa: B027 - most set their own
        """Make the next pass over this cgroup and node call what nobody else would have called."""

    # A method that the target need not have.
    def _call(self, method: str, *args: object) -> Any:
        function = getattr(self.target, method, None)
        if function is None:
            return None
        try:
            return function(*args)
        except Exception as error:
            raise TargetFailed(f"{self.name}: {method}() raised {type(error).__name__}") from error

    # ---- what it does

    def fill(self) -> None:
        """Let the target fill itself."""
        self._call("fill")

    def planned(self, plan: Plan, passes: int = 1) -> int | None:
        """How many rows passes() will give, None if only the run can tell."""
        places = self.machine.nr_nodes * len(self.cgroups)
        return {Plan.DIRECT: (DEF_PRIORITY + 1) * places, Plan.STEADY: passes * places}.get(plan)

    def passes(
        self, plan: Plan = Plan.DIRECT, *, priority: int = 4, passes: int = 10, objects: int | None = None
    ) -> Iterator[Row]:
        """Reclaim by a plan: at each priority every node, and there the root and each child cgroup.

        priority (0 to 63) and passes (over all of these) are for Plan.STEADY; objects, what each
        reclaim is asked for (None: half of what the target counts there), for Plan.KSWAPD and
        Plan.MEMCG. Yields each row when its pass is done, of these two when the reclaim is. Raises
        TargetFailed if a callback raised, and what the kernel would not have come back from (see
        KernelWouldError).
        """
        if plan is Plan.DIRECT:
            rows = self._priorities(range(DEF_PRIORITY, -1, -1))
        elif plan is Plan.STEADY:
            rows = self._priorities(priority for _ in range(passes))
        elif plan is Plan.KSWAPD:
            rows = self._kswapd(objects)
        elif plan is Plan.MEMCG:
            rows = self._memory_reclaim(objects)
        else:
            rows = self._until_nothing_goes()
        self._settle()
        self.rss_before = resident_memory()
        yield from rows
        self._settle()
        self.rss_after = resident_memory()

    def _settle(self) -> None:
        """Give back, before resident memory is measured, what nobody holds any more."""
        gc.collect()

    def _priorities(self, priorities: Iterable[int]) -> Iterator[Row]:
        for priority in priorities:
            for nid in range(self.machine.nr_nodes):
                for memcg in self.cgroups:
                    yield self._pass(priority, nid, memcg)

    def _until_nothing_goes(self) -> Iterator[Row]:
        for _ in range(_MAX_ROUNDS):
            freed = 0
            for row in self._priorities(range(1)):
                freed += row.freed
                yield row
            if not freed:
                return
        self.still_freeing = True

    def _kswapd(self, objects: int | None) -> Iterator[Row]:
        for nid in range(self.machine.nr_nodes):
            nr = objects or sum(counts[nid] for counts in self._counted().values()) // 2
            yield from self._reclaim(partial(self.machine.kswapd, nid, max(1, nr)))

    def _memory_reclaim(self, objects: int | None) -> Iterator[Row]:
        counted = {memcg: sum(self._counted().get(memcg.ino, ())) for memcg in self.cgroups}
        for memcg in [child for child in self.cgroups[1:] if counted[child]] or self.cgroups[:1]:
            yield from self._reclaim(partial(memcg.reclaim, objects or max(1, counted[memcg] // 2)))

    # What is there: cgroup's inode number -> objects a node.
    def _counted(self) -> dict[int, list[int]]:
        total: dict[int, list[int]] = {}
        for shrinker in self._shrinkers():
            directory = shrinker.debugfs
            if directory is None:  # for its name
                continue
            try:
                lines = [[int(n) for n in line.split()] for line in directory.count.splitlines()]
            except Exception as error:
                raise TargetFailed(
                    f"{self.name}: {type(error).__name__} when it was asked for a count"
                ) from error
            for ino, *counts in lines:
                before = total.get(ino, [0] * len(counts))
                total[ino] = [a + b for a, b in zip(before, counts, strict=True)]
        return total

    def _reclaim(self, call: Callable[[], Reclaimed]) -> Iterator[Row]:
        if self.rows:
            self._call("step")
        for nid in range(self.machine.nr_nodes):
            for memcg in self.cgroups:
                self._set_bit(memcg, nid)
        try:
            done = call()
        except ReclaimShortError as error:
            done = error.reclaimed
            self.short.append(str(error.strerror))
        except Exception as error:
            raise TargetFailed(f"{self.name}: {type(error).__name__} in the reclaim") from error
        for each in done.passes:
            row = Row(
                each.priority,
                each.nid,
                each.memcg.path if each.memcg else "/",
                each.freeable,
                each.scans,
                each.scanned,
                each.freed,
                each.deferred,
                each.ns / 1e9,
            )
            self.rows.append(row)
            yield row

    def _pass(self, priority: int, nid: int, memcg: MemCgroup) -> Row:
        if self.rows:
            self._call("step")
        self._set_bit(memcg, nid)
        start = time.perf_counter()
        try:
            self.machine.shrink_slab(priority=priority, nid=nid, memcg=memcg)
        except Exception as error:
            raise TargetFailed(
                f"{self.name}: {type(error).__name__} in the pass at priority {priority} "
                f"on node {nid}, cgroup {memcg.path}"
            ) from error
        seconds = time.perf_counter() - start
        last = self.machine.last_pass
        assert last is not None
        row = Row(
            priority,
            nid,
            memcg.path,
            last.freeable,
            last.scans,
            last.scanned,
            last.freed,
            last.deferred,
            seconds,
        )
        self.rows.append(row)
        return row

    def verify(self) -> str | None:
        """Let the target check itself; what it says of it."""
        said = self._call("verify")
        return None if said is None else str(said)

    # ---- what came out

    @property
    def freed_objects(self) -> int:
        """Freed by all passes."""
        return sum(row.freed for row in self.rows)

    @property
    def freed_bytes(self) -> int | None:
        """The same in bytes, None if the target has no object_size."""
        return None if self.object_size is None else self.freed_objects * self.object_size

    @property
    def scanned_objects(self) -> int:
        """Scanned by all passes."""
        return sum(row.scanned for row in self.rows)

    @property
    def faulty(self) -> bool:
        """Was something found, once it is closed?"""
        return bool(self.leaks or self.lockdep)

    def remarks(self) -> Iterator[str]:
        """Tell, after close(), what a reader of the numbers should know, a line each."""
        if self.still_freeing:
            yield f"gave up dropping after {_MAX_ROUNDS} rounds: {self.name} still frees something"
        for short in self.short:
            yield f"memory.reclaim fell short: {short}"
        for leak in self.leaks:
            yield f"{self.name} leaked: {leak}"

    def result(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "target": self.name,
            "freed_objects": self.freed_objects,
            "freed_bytes": self.freed_bytes,
            "rss_before": self.rss_before,
            "rss_after": self.rss_after,
            "passes": [row._asdict() for row in self.rows],
        }

    def close(self) -> None:
        """Close the registration, the target and the machine. Again: nothing."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Call close(); what was raised in the block comes before what the target's close() raises."""
        try:
            self.close()
        except TargetFailed:
            if value is None:
                raise


class Pressure(Reclaiming):
    """A target in Python under reclaim: an object of a class, registered; see Reclaiming and Target.

    Made of the class and what it is called. size is for the target, in bytes (None: its own default);
    seeks and batch take the place of the target's.

    Raises TargetError if the target cannot be set up, TargetFailed where one of its methods raises.
    """

    def __init__(
        self,
        cls: type,
        name: str | None = None,
        *,
        size: int | None = None,
        nodes: int = 1,
        cgroups: int = 0,
        seeks: int | None = None,
        batch: int | None = None,
    ) -> None:
        """See the class."""
        self._class, self._size, self._seeks, self._batch = cls, size, seeks, batch
        super().__init__(name if name is not None else cls.__qualname__, nodes=nodes, cgroups=cgroups)

    def _set_up(self, stack: contextlib.ExitStack) -> None:
        self.target = self._make(self._class, self._size)
        stack.callback(self._call, "close")
        self.object_size = getattr(self.target, "object_size", None)
        self.registration = self._register(self._seeks, self._batch)
        stack.callback(self.registration.close)
        self._call("attach", self.registration, self.cgroups)

    def _shrinkers(self) -> Iterable[RegisteredShrinker]:
        return (self.registration,)

    # Nobody else would: a target without attach() does not get the registration to do it with.
    def _set_bit(self, memcg: MemCgroup, nid: int) -> None:
        if self.registration.flags & Flags.MEMCG_AWARE and not hasattr(self.target, "attach"):
            self.registration.set_bit(memcg, nid)

    def _make(self, cls: type, size: int | None) -> Any:
        keywords: dict[str, Any] = {}
        parameter = _parameter(cls, "size")
        if size is not None and parameter is None:
            raise TargetError(
                f"{self.name} takes no size: leave --size out, or give its __init__() a parameter size"
            )
        if parameter and (size is not None or parameter.default is parameter.empty):
            keywords["size"] = size if size is not None else DEFAULT_SIZE
        if _parameter(cls, "flags"):
            keywords["flags"] = Flags(0)
            if self.machine.nr_nodes > 1:
                keywords["flags"] |= Flags.NUMA_AWARE
            if len(self.cgroups) > 1:
                keywords["flags"] |= Flags.MEMCG_AWARE
        try:
            return cls(**keywords)
        except Exception as error:
            raise TargetError(
                f"cannot make {self.name} (with {', '.join(keywords) or 'no arguments'}): {_told(error)}"
            ) from error

    def _register(self, seeks: int | None, batch: int | None) -> RegisteredShrinker:
        target = self.target
        try:
            if self.object_size is not None and not (type(self.object_size) is int and self.object_size > 0):
                raise ValueError(f"object_size must be an int above 0, not {self.object_size!r}")
            with UnregisteredShrinker.alloc(
                getattr(target, "name", type(target).__name__),
                machine=self.machine,
                flags=getattr(target, "flags", 0),
            ) as unregistered:
                unregistered.set_seeks(
                    seeks if seeks is not None else getattr(target, "seeks", unregistered.seeks)
                )
                unregistered.set_batch(batch if batch is not None else getattr(target, "batch", 0))
                return unregistered.register(target)
        except (TypeError, ValueError) as error:
            raise TargetError(f"cannot register {self.name}: {error}") from error
