# SPDX-License-Identifier: GPL-2.0-only
"""A shrinker of somebody's, put under pressure on a machine made for it: what `shrinkpy run` does."""

from __future__ import annotations

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
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NamedTuple, Protocol, Self

from .control import DEF_PRIORITY, CountObjects, Flags, ScanObjects
from .core import ShrinkControl
from .errors import ShrinkpyError
from .machine import Machine, MemCgroup
from .shrinker import RegisteredShrinker, UnregisteredShrinker

__all__ = [
    "DEFAULT_SIZE",
    "DEFAULT_TARGET",
    "MAX_CGROUPS",
    "Plan",
    "Pressure",
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
    """priority 0 until a round over everything frees nothing, as drop_caches does"""
    STEADY = "steady"
    """one priority, again and again"""


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


class Pressure:
    """A target registered on a machine of its own, and what reclaim did to it.

    Made of a class (see Target) and what it is called. size is for the target, in bytes (None: its
    own default); nodes and cgroups (children c0, c1, … of the root) are the machine's;
    seeks and batch take the place of the target's. Call fill(), go through passes(), call verify();
    close(), or the end of a with block, tears all down.

    Attributes: rows, one a pass; rss_before and rss_after, bytes resident before the first and after
    the last pass (None: not yet); still_freeing, a drop was given up after 64 rounds.

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
        self.name = name if name is not None else cls.__qualname__
        self.rows: list[Row] = []
        self.rss_before: int | None = None
        self.rss_after: int | None = None
        self.still_freeing = False
        with contextlib.ExitStack() as stack:
            self.machine = stack.enter_context(Machine(nodes))
            children = [self.machine.root.create(f"c{i}") for i in range(cgroups)]
            self.cgroups = (self.machine.root, *children)
            self.target = self._make(cls, size)
            stack.callback(self._call, "close")
            self.registration = self._register(seeks, batch)
            stack.callback(self.registration.close)
            self._call("attach", self.registration, self.cgroups)
            self._stack = stack.pop_all()

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
        self.object_size: int | None = getattr(target, "object_size", None)
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

    def passes(self, plan: Plan = Plan.DIRECT, *, priority: int = 4, passes: int = 10) -> Iterator[Row]:
        """Reclaim by a plan: at each priority every node, and there the root and each child cgroup.

        priority (0 to 63) and passes (over all of these) are for Plan.STEADY. Yields each row when
        its pass is done. Raises TargetFailed if a callback raised, and what the kernel would not
        have come back from (see KernelWouldError).
        """
        if plan is Plan.DIRECT:
            rows = self._priorities(range(DEF_PRIORITY, -1, -1))
        elif plan is Plan.STEADY:
            rows = self._priorities(priority for _ in range(passes))
        else:
            rows = self._until_nothing_goes()
        gc.collect()
        self.rss_before = resident_memory()
        yield from rows
        self.rss_after = resident_memory()

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

    def _pass(self, priority: int, nid: int, memcg: MemCgroup) -> Row:
        if self.rows:
            self._call("step")
        if self.registration.flags & Flags.MEMCG_AWARE and not hasattr(self.target, "attach"):
            # Nobody else would: this target does not get the registration to do it with.
            self.registration.set_bit(memcg, nid)
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
