# SPDX-License-Identifier: GPL-2.0-only
"""A hundred thousand lives, and nothing has grown: memory, objects, references, the ledger."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import resource
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import PATH_OF_PROGRAMS, Cache, Doing, Log, Running, native_pass, register

import shrinkpy as sp

MEMCG = sp.Flags.MEMCG_AWARE
MIB = 2**20

# ---- one life each -------------------------------------------------------------------------------


class Lives:
    """Each method is one life from its beginning to its end, on a machine that stays."""

    def __init__(self) -> None:
        """Make what they share."""
        self.machine = sp.Machine()
        self.app = self.machine.root.create("app")
        self.name = "a name of its own"
        self.data = Cache(0)
        self.turn = 0

    def whole(self) -> None:
        """All that the face has, once; the owner is another one each time."""
        unregistered = sp.UnregisteredShrinker.alloc(self.name, machine=self.machine, flags=MEMCG)
        unregistered.set_seeks(2)
        unregistered.set_batch(8)
        self.turn += 1
        owner = (sp.Box, sp.Arc, lambda data: data)[self.turn % 3]
        shrinker = unregistered.register(owner(Cache(1)))
        shrinker.set_bit(self.app)
        self.machine.shrink_slab(memcg=self.app, priority=0)
        shrinker.close()

    def shared_data(self) -> None:
        """The data outlives its registrations, an Arc its other handles."""
        arc = sp.Arc(self.data)
        with register(self.machine, arc.clone()), register(self.machine, self.data):
            self.machine.shrink_slab()

    def an_owner_of_ones_own(self) -> None:
        """into_foreign, borrow, from_foreign."""
        with register(self.machine, Log(self.data, [])) as shrinker:
            assert shrinker.private_data is self.data
            self.machine.shrink_slab()

    def with_callbacks(self) -> None:
        """Functions of (data, sc), and no data."""
        with register(self.machine, None, callbacks=Unit):
            self.machine.shrink_slab()

    def never_registered(self) -> None:
        """Closed as it is."""
        sp.UnregisteredShrinker.alloc(self.name, machine=self.machine, flags=MEMCG).close()

    def never_registered_and_forgotten(self) -> None:
        """Left to its finalizer."""
        sp.UnregisteredShrinker.alloc(self.name, machine=self.machine)

    def forgotten(self) -> None:
        """Left to its finalizer while registered."""
        register(self.machine, Cache(1))

    def forgotten_in_its_callback(self) -> None:
        """Its finalizer leaves it to the core."""
        box: list[sp.RegisteredShrinker] = []
        box.append(register(self.machine, Doing(count=lambda _sc: box.clear() or 0)))
        self.machine.shrink_slab()

    def in_a_cycle(self) -> None:
        """The data has its own handle: the collector's."""
        data: Any = Cache(1)
        data.handle = register(self.machine, sp.Box(data))

    def refused(self) -> None:
        """register() fails before and after into_foreign(), then works."""
        with sp.UnregisteredShrinker.alloc(self.name, machine=self.machine) as unregistered:
            for wrong in (sp.Box(object()), Log(object(), []), None):
                with contextlib.suppress(TypeError):
                    unregistered.register(wrong)
            unregistered.register(self.data).close()

    def no_memory(self) -> None:
        """alloc() fails at each of its allocations."""
        for n in (1, 2, 3):
            self.machine.faults.fail_nth(n)
            with contextlib.suppress(MemoryError):
                sp.UnregisteredShrinker.alloc(self.name, machine=self.machine)
        self.machine.faults.fail_nth(0)

    def an_exception_in_a_callback(self) -> None:
        """Raised by the pass, with its traceback."""
        with register(self.machine, Doing(count=lambda _sc: 1 // 0)):
            with contextlib.suppress(ZeroDivisionError):
                self.machine.shrink_slab()
            self.machine.shrink_slab(memcg=self.app)  # lets the last pass go

    def a_group_of_exceptions(self) -> None:
        """More than are kept, in a nested pass."""
        nested = Doing(count=lambda _sc: self.machine.shrink_slab(memcg=self.app) and 0)
        with contextlib.ExitStack() as stack:
            stack.enter_context(register(self.machine, nested))
            for _ in range(18):
                stack.enter_context(register(self.machine, Doing(count=lambda _sc: -1)))
            with contextlib.suppress(ExceptionGroup):
                self.machine.shrink_slab()
        self.machine.shrink_slab()

    def a_fatal_exception(self) -> None:
        """KeyboardInterrupt ends the pass."""

        def count(_sc: sp.ShrinkControl) -> int:
            raise KeyboardInterrupt

        with register(self.machine, Doing(count=count)):
            with contextlib.suppress(KeyboardInterrupt):
                self.machine.shrink_slab()
            self.machine.shrink_slab(memcg=self.app)

    def an_exception_that_is_lost(self) -> None:
        """No call from Python was there to raise it."""
        hook, sys.unraisablehook = sys.unraisablehook, lambda _args: None
        with register(self.machine, Doing(count=lambda _sc: 1 // 0)):
            native_pass(self.machine)
        self.machine.lost_exceptions.clear()
        sys.unraisablehook = hook

    def a_control_that_is_kept(self) -> None:
        """The next callback gets another one."""
        kept: list[sp.ShrinkControl] = []
        with register(self.machine, Doing(count=lambda sc: kept.append(sc) or 5)):
            self.machine.shrink_slab(priority=0)

    def a_cgroup(self) -> None:
        """Created, its bit set, reclaimed, removed."""
        group = self.machine.root.create("group")
        child = group.create("child")
        with register(self.machine, Cache(1), flags=MEMCG) as shrinker:
            shrinker.set_bit(child)
            self.machine.shrink_slab(memcg=child, priority=0)
            child.remove()
            group.remove()

    def traced(self) -> None:
        """With events in a ring, read as an array."""
        with self.machine.trace.start(8, clock=False), register(self.machine, Cache(1)):
            self.machine.shrink_slab(priority=0)
        assert len(self.machine.trace.array()) == 2

    def looked_at(self) -> None:
        """Everything that tells something."""
        with register(self.machine, self.data, flags=MEMCG) as shrinker:
            self.machine.shrink_slab()
            told = [shrinker.private_data, shrinker.flags, shrinker.id, shrinker.name, shrinker.nr_deferred()]
            told += [self.machine.last_pass, self.machine.ledger, self.machine.warnings, repr(shrinker)]
            assert all(each is not None for each in told)

    def a_thread(self) -> None:
        """That reclaims, and ends."""
        with register(self.machine, self.data):
            Running(self.machine.shrink_slab).join()

    def a_machine(self) -> None:
        """With a cgroup and a shrinker, closed."""
        with sp.Machine(nr_nodes=2) as machine:
            machine.root.create("app")
            with register(machine, Cache(1), flags=MEMCG) as shrinker:
                machine.shrink_slab(priority=0)
                shrinker.set_bit(machine.root)

    def a_machine_that_is_forgotten(self) -> None:
        """With everything alive on it, in a cycle."""
        machine = sp.Machine()
        data: Any = Cache(1)
        data.machine, data.app = machine, machine.root.create("app")
        data.handle = register(machine, data, flags=MEMCG)
        data.unregistered = sp.UnregisteredShrinker.alloc("left", machine=machine)
        machine.trace.start(8)
        machine.shrink_slab(priority=0)

    def a_machine_with_all_alive(self) -> None:
        """Closed by its end, hung shrinkers included."""
        machine = sp.Machine(kmem=False)
        app = machine.root.create("app")
        handles = [register(machine, Cache(1), flags=MEMCG) for _ in range(2)]
        handles[0].set_bit(app)
        machine.shrink_slab(memcg=app)
        with contextlib.suppress(sp.HungError):
            handles[0].close()
        machine.close()


class Unit:
    """Callbacks without data."""

    @staticmethod
    def count_objects(_data: object, _sc: sp.ShrinkControl) -> int:
        """Nothing."""
        return 0

    @staticmethod
    def scan_objects(_data: object, _sc: sp.ShrinkControl) -> int:
        """Nothing."""
        return 0


LIVES = [name for name, value in vars(Lives).items() if callable(value) and not name.startswith("_")]
# These take ten times longer than the others.
LONGER = ("a_thread", "a_group_of_exceptions", "traced")


# ---- measuring, in a process of its own ----------------------------------------------------------


def _settle() -> None:
    # The collector first: what it frees is given back to the system then.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _shared(lives: Lives) -> dict[str, object]:
    """What every life refers to, and must let go of."""
    return {
        "None": None,
        "name": lives.name,
        "data": lives.data,
        "machine": lives.machine,
        "cgroup": lives.app,
        "Cache": Cache,
        "Unit": Unit,
        "RegisteredShrinker": sp.RegisteredShrinker,
        "UnregisteredShrinker": sp.UnregisteredShrinker,
        "ShrinkControl": sp.ShrinkControl,
        "Machine": sp.Machine,
        "MemCgroup": sp.MemCgroup,
        "Box": sp.Box,
        "Arc": sp.Arc,
        "EMPTY": sp.CountObjects.EMPTY,
    }


def _prepare(name: str, warm_up: int) -> tuple[Lives, Callable[[], None]]:
    warnings.simplefilter("ignore", ResourceWarning)
    lives = Lives()
    life = getattr(lives, name)
    for _ in range(warm_up):
        life()
    _settle()
    return lives, life


def resident(name: str, n: int) -> dict[str, Any]:
    """How the process has grown after half of n lives and after all, in bytes, and what else has."""
    lives, life = _prepare(name, max(n // 10, 100))
    ledger = lives.machine.ledger
    shared = _shared(lives)
    objects = len(gc.get_objects())
    before = {key: sys.getrefcount(value) for key, value in shared.items()}
    sizes = [_resident()]
    for _ in range(2):
        for _ in range(n // 2):
            life()
        _settle()
        sizes.append(_resident())
    after = {key: sys.getrefcount(value) for key, value in shared.items()}
    return {
        "lives": n,
        "sizes": [size - sizes[0] for size in sizes[1:]],
        "objects": len(gc.get_objects()) - objects,
        "references": {key: after[key] - before[key] for key in shared},
        "ledger": lives.machine.ledger == ledger,
    }


def traced(name: str, n: int) -> dict[str, Any]:
    """By how many bytes and blocks Python's own memory has grown in n lives, and in 2 n more."""
    tracemalloc.start()
    _, life = _prepare(name, 100)

    def allocated() -> tuple[int, int]:
        _settle()
        snapshot = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(False, tracemalloc.__file__)]
        )
        statistics = snapshot.statistics("filename")
        return sum(s.size for s in statistics), sum(s.count for s in statistics)

    seen = [allocated()]
    for lives in (n, 2 * n):
        for _ in range(lives):
            life()
        seen.append(allocated())
    tracemalloc.stop()
    size, count = zip(*seen, strict=True)
    return {
        "lives": n,
        "sizes": [b - a for a, b in pairwise(size)],
        "blocks": [b - a for a, b in pairwise(count)],
    }


def _lives_of(name: str, n: int, fewer: int) -> int:
    return fewer if name in LONGER else n


def report(measure: str, names: list[str], n: int, fewer: int) -> None:
    """Print what one of the two above finds for each kind of life."""
    print(json.dumps({name: globals()[measure](name, _lives_of(name, n, fewer)) for name in names}))


# ---- the tests -----------------------------------------------------------------------------------


def measured(measure: str, names: list[str], n: int, fewer: int) -> dict[str, Any]:
    """The same, from a process of its own, with the allocators that programs have."""
    code = f"import test_life_cycles as t; t.report({measure!r}, {names!r}, {n}, {fewer})"
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        env=dict(os.environ, PYTHONPATH=PATH_OF_PROGRAMS),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def left_behind(found: dict[str, Any]) -> list[str]:
    """What stays of so many lives; a leak would be one thing, or more, of each."""
    few = found["lives"] // 2
    left = [f"{key}: {n} references" for key, n in found["references"].items() if abs(n) >= few]
    if max(found["sizes"]) >= MIB:
        left.append(f"{found['sizes']} bytes after half of them, and all")
    if abs(found["objects"]) >= few:
        left.append(f"{found['objects']} objects")
    if not found["ledger"]:
        left.append("the ledger")
    return left


def left_allocated(found: dict[str, Any]) -> list[str]:
    """The same of Python's own memory, of the second part: its lives are twice as many."""
    # What is freed and kept for the next of its kind is a hundred or two, whatever the number.
    (_, size), (_, blocks) = found["sizes"], found["blocks"]
    if blocks < 1.6 * found["lives"] and size < 100 * found["lives"]:
        return []
    return [f"{blocks} blocks, {size} bytes"]


class TestAHundredThousand:
    @pytest.mark.thorough
    def test_whole_lives(self) -> None:
        assert left_behind(measured("resident", ["whole"], 100_000, 0)["whole"]) == []

    @pytest.mark.slow
    @pytest.mark.parametrize("name", LIVES)
    def test_of_each_kind_or_ten_thousand_where_they_take_longer(self, name: str) -> None:
        assert left_behind(measured("resident", [name], 100_000, 10_000)[name]) == []


class TestSomeHundreds:
    """Of each kind, one after the other in one process."""

    @pytest.mark.thorough
    def test_memory_objects_and_references_stay(self) -> None:
        found = measured("resident", LIVES, 1000, 200)
        assert {name: left for name in LIVES if (left := left_behind(found[name]))} == {}

    @pytest.mark.thorough
    def test_what_python_has_allocated_stays(self) -> None:
        names = [name for name in LIVES if name not in LONGER]
        found = measured("traced", names, 250, 0)
        # What is kept for the next of its kind may be as much as that; it does not grow with the number.
        suspects = [name for name in names if left_allocated(found[name])]
        found = measured("traced", suspects, 2000, 0)
        assert {name: left for name in suspects if (left := left_allocated(found[name]))} == {}

    @pytest.mark.slow
    @pytest.mark.parametrize("name", LIVES)
    def test_what_python_has_allocated_stays_in_many_more(self, name: str) -> None:
        assert left_allocated(measured("traced", [name], 10_000, 1000)[name]) == []
