# SPDX-License-Identifier: GPL-2.0-only
"""The child of test_no_memory.py: every scenario, with each allocation of its call failing in turn.

It is run with nothing failing first, which tells what there ought to be, and then again with another
allocation failing each time, until the call makes no more. What it has to keep to is its Promise.
"""

from __future__ import annotations

import ctypes
import faulthandler
import functools
import gc
import itertools
import json
import os
import sys
import threading
import traceback
import warnings
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy  # noqa: F401 - to import it is no call of ours
from no_memory_scenarios import (
    CARELESS,
    SCENARIOS,
    BoomError,
    Call,
    InThread,
    Promise,
    Scenario,
    World,
    flat,
    members,
)
from support import TIMEOUT, Cache, Log, Running, until

import shrinkpy as sp
from shrinkpy import _core
from shrinkpy.core import MachineBase, MemCgroupBase, RegisteredShrinkerBase

# ---- the shim -------------------------------------------------------------------------------------


class Request(ctypes.Structure):
    """Which allocations of a call fail, and what was seen."""

    _fields_ = [(name, ctypes.c_ulong) for name in ("first", "last", "core_only", "asked", "refused")]


class Shim:
    """no_memory.c."""

    def __init__(self) -> None:
        shim = ctypes.PyDLL(None)
        self._call = shim.no_memory_call
        self._call.restype = ctypes.py_object
        self._call.argtypes = [ctypes.py_object, ctypes.POINTER(Request)]
        self._where = shim.no_memory_where
        self._spare = shim.no_memory_spare
        self.spare_site: Callable[[], object] = shim.no_memory_spare_site
        self.live: Callable[[], int] = shim.no_memory_live
        assert shim.no_memory_core(_core.__file__.encode())

    def spare(self, module: str) -> None:
        """Refuse nothing from now on that this extension module, or what it calls, asks for."""
        assert self._spare(sys.modules[module].__file__.encode())

    def call(self, call: Call | InThread, request: Request) -> tuple[object, BaseException | None]:
        """Make the call; gives its result, or what it raised."""
        if isinstance(call, InThread):
            threads = os.listdir("/proc/self/task")
            outcome = Running(lambda: self.call(call.call, request)).join()
            # Python has joined it before the core hears of its end.
            until(lambda: os.listdir("/proc/self/task") == threads)
            return outcome
        gc.collect()  # with it go the free lists, from which CPython would serve itself
        try:
            return self._call(call, request), None
        except BaseException as error:
            return None, error

    def where(self) -> list[str]:
        """Which functions asked for what was refused last, innermost first, as far as they have names."""
        r, w = os.pipe()
        self._where(w)
        os.close(w)
        with open(r) as lines:
            names = [line.partition("(")[2].partition("+")[0] for line in lines]
        names = [name for name in names if name]
        return names[: names.index("PyObject_CallNoArgs")] if "PyObject_CallNoArgs" in names else names


# ---- the interpreter ------------------------------------------------------------------------------


@dataclass
class Probe:
    """What must not be lost by Python that has nothing of the package in it."""

    thing: object
    raised: list[BaseException]


def catches(probe: Probe) -> object:
    """CPython forgets an exception where it cannot make the frame object for its traceback."""

    def fail(_each: object) -> None:
        probe.raised.append(BoomError())
        raise probe.raised[0]

    try:
        next(map(fail, (probe,)))
    except BoomError:
        probe.raised.clear()
    return True


def has_cells(probe: Probe) -> object:
    """CPython 3.11 forgets the arguments of a function where it cannot make its cells."""
    return (lambda: probe)()


def generates(probe: Probe) -> object:
    """CPython 3.12 crashes where it cannot make a generator, and where it cannot make a function."""
    return all(each is probe.thing for each in (probe.thing,))


def warns(_probe: Probe) -> object:
    """warnings.warn() goes on with an exception set where CPython cannot make a frame object."""
    return warnings.warn("", ResourceWarning, stacklevel=2)


def locks(_probe: Probe) -> object:
    """CPython says RuntimeError where it cannot make a lock."""
    return threading.RLock()


def keeps_to_the_rules(shim: Shim, python: Callable[[Probe], object], request: Request) -> bool:
    """Raises MemoryError or nothing, loses nothing, and can be called again."""
    probe = Probe(Cache(), [])
    alive = weakref.ref(probe.thing)
    error = shim.call(functools.partial(python, probe), request)[1]
    found = flat(error)
    right = (not found or isinstance(error, MemoryError)) and all(each in found for each in probe.raised)
    while found:
        traceback.clear_frames(found.pop().__traceback__)
    del probe, error
    gc.collect()
    for _ in range(3):  # what was dropped once too often may be gone by now
        python(Probe(Cache(), []))
        gc.collect()
    return right and alive() is None


SURVIVED, WRONG, OVER = 0, 1, 2


def in_child(do: Callable[[], int]) -> int:
    """Do it in a child; gives its exit code, or what it died of as a number below 0."""
    pid = os.fork()
    if pid == 0:
        faulthandler.dump_traceback_later(6 * TIMEOUT, exit=True)
        try:
            code = do()
        except BaseException:
            traceback.print_exc()
            code = 100
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def spare_the_interpreter(shim: Shim) -> None:
    """Refuse nothing from now on in places where it does not survive that, which children find out."""

    def probe(python: Callable[[Probe], object], n: int) -> int:
        request = Request(n, n)
        survived = keeps_to_the_rules(shim, python, request)
        return OVER if request.asked < n else SURVIVED if survived else WRONG

    for python in (catches, has_cells, generates, warns, locks):
        for n in itertools.count(1):
            status = in_child(functools.partial(probe, python, n))
            if status == OVER:
                break
            if status != SURVIVED:
                shim.spare_site()
                print(
                    f"spared in {python.__name__}(): {' < '.join(shim.where())}", file=sys.stderr, flush=True
                )


# ---- runs -----------------------------------------------------------------------------------------

OURS = (
    MachineBase,
    MemCgroupBase,
    RegisteredShrinkerBase,
    sp.UnregisteredShrinker,
    sp.Box,
    sp.Arc,
    Cache,
    Log,
)


def ours() -> dict[int, str]:
    """The objects of the package that there are."""
    gc.collect()
    return {id(each): type(each).__name__ for each in gc.get_objects() if isinstance(each, OURS)}


def settle() -> None:
    """Make the core forget what it keeps of this thread for machines that are gone."""
    for _ in range(2):  # the first of them is one, too
        machine = sp.Machine()
        machine.shrink_slab()
        machine.close()
        del machine
        gc.collect()


def told(result: object, error: BaseException | None) -> object:
    """An outcome that can be compared with that of another run."""
    if error is not None:
        return sorted(type(each).__name__ for each in flat(error))
    return json.dumps(result, default=lambda each: type(each).__name__)


class Run:
    """A scenario, with these allocations of its call failing."""

    def __init__(self, shim: Shim, scenario: Scenario, request: Request) -> None:
        self.shim = shim
        self.scenario = scenario
        self.request = request
        self.problems: list[str] = []
        self.seen: dict[str, Any] = {}
        """what is the same in every run"""
        self.raised: set[str] = set()
        """kinds of what the call raised, of a group its members'"""
        self.known: set[str] = set()
        """and of all that is in it"""
        self.says_why = False
        """there is a MemoryError in what was raised; or something is where no call could raise it"""
        self.finalizer_failed = False
        w = World(scenario.machine)
        hook, sys.unraisablehook = sys.unraisablehook, lambda u: w.unraisable.append(u.exc_value)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                self._play(w)
            self.seen["warnings"] = sorted(str(each.message) for each in caught)
        finally:
            sys.unraisablehook = hook

    def _play(self, w: World) -> None:
        script = self.scenario.script(w, *self.scenario.arguments)
        call = next(script)
        result = self._survive(w, call)
        del call
        try:
            script.send(result)
        except StopIteration:
            pass
        except Exception as error:
            self.problems.append("".join(traceback.format_exception(error)))
        del result, script
        w.machine.faults.fail_nth(0)
        w.stack.close()
        if not w.machine.closed:
            w.machine.shrink_slab()  # last_pass holds its cgroup
        gc.collect()
        self.seen["end"] = w.picture()
        w.machine.close()

    def _survive(self, w: World, call: Call) -> object:
        """The call with its allocations failing, and again without if that is due; gives its result."""
        promise = self.scenario.promise
        before = w.picture()
        result, error = self.shim.call(call, self.request)
        self._look(w, result, error)
        if promise is Promise.NOTHING and error is not None:
            self.compare("before", before, w.picture(), self.scenario.changes)
        if promise is Promise.PASS or error is not None:
            self._forget(w, error)
            result, error = self.shim.call(call, Request())
        self.seen["result"] = told(result, error)
        self.seen["after"] = w.picture()
        self._forget(w, error)
        return result

    def _look(self, w: World, result: object, error: BaseException | None) -> None:
        """At what came of the call."""
        raised, elsewhere = flat(error), flat(*w.machine.lost_exceptions, *w.unraisable)
        self.raised = {type(each).__name__ for each in members(error)}
        self.known = {type(each).__name__ for each in raised}
        self.says_why = bool(elsewhere) or any(isinstance(each, MemoryError) for each in raised)
        self.finalizer_failed = any(isinstance(each, MemoryError) for each in elsewhere)
        if self.scenario.promise is Promise.PASS:
            last = w.machine.last_pass
            self.seen["turns"] = last and last.counts
            self.seen["pass"] = told(result, error)
            if lost := [each for each in w.raised if each not in raised + elsewhere]:
                self.problems.append(f"lost: {lost}; there is {raised + elsewhere}")
        elif error is not None and (
            self.scenario.promise is Promise.DONE or not isinstance(error, MemoryError)
        ):
            self.problems.append("".join(traceback.format_exception(error)))

    @staticmethod
    def _forget(w: World, error: BaseException | None) -> None:
        for each in flat(error, *w.machine.lost_exceptions, *w.unraisable):
            traceback.clear_frames(each.__traceback__)
        for kept in (w.raised, w.unraisable, w.machine.lost_exceptions):
            kept.clear()

    def compare(self, what: str, expected: Any, seen: Any, but: frozenset[str] = frozenset()) -> None:
        """Hold two pictures, or two outcomes, to be the same."""
        if isinstance(expected, dict):
            for key in expected.keys() - but:
                self.compare(f"{what}: {key}", expected[key], seen[key])
        elif expected != seen:
            self.problems.append(f"{what}: {expected} became {seen}")

    def compare_with(self, model: Run) -> None:
        """Hold it to be the same as the run in which nothing failed."""
        excused = {
            "pass": self.says_why,
            "turns": self.says_why and self.seen.get("turns") is None,  # it has not begun
            "warnings": self.finalizer_failed,
        }
        self.compare("raised", set(), self.raised - model.known - {"MemoryError"})
        tolerated = self.request.refused and not self.raised
        for key, expected in model.seen.items():
            if not excused.get(key):
                but = self.scenario.changes if tolerated else frozenset()
                self.compare(key, expected, self.seen[key], but)


def run(shim: Shim, scenario: Scenario, core_only: bool, length: int) -> dict[str, Any]:
    """The scenario with each allocation failing in turn, and with it those behind it, of so many."""
    if scenario.spares:
        shim.spare(scenario.spares)
    for _ in range(2):  # what is kept from the first time on is there in the second
        model = Run(shim, scenario, Request(core_only=core_only))
        settle()
    problems = [f"with nothing failing: {each}" for each in model.problems]
    there, live = ours(), shim.live()
    struck = 0
    for n in itertools.count(1):
        print(f"allocation {n}", file=sys.stderr, flush=True)
        this = Run(shim, scenario, Request(n, n + length - 1, core_only))
        this.compare_with(model)
        settle()
        before, there = there, ours()
        live_before, live = live, shim.live()
        this.compare("left", [], [there[each] for each in there.keys() - before.keys()])
        this.compare("blocks of the core", live_before, live)
        who = " < ".join(shim.where()[:8])
        problems += [f"allocation {n}, asked for by {who}: {each}" for each in this.problems]
        if this.request.asked < n:
            return {"asked": model.request.asked, "struck": struck, "problems": problems}
        struck += bool(this.request.refused)
    raise AssertionError


def main() -> None:
    """Run what standard input asks for, a scenario a line, each in a process of its own."""
    faulthandler.enable()
    key = ctypes.c_uint()
    for _ in range(32):  # pthread_setspecific() of those behind them takes memory
        ctypes.CDLL(None).pthread_key_create(ctypes.byref(key), None)
    shim = Shim()
    settle()
    gc.disable()
    gc.collect()
    gc.freeze()
    spare_the_interpreter(shim)

    def answer(line: str) -> int:
        name, of, length = line.split()
        print(json.dumps(run(shim, (SCENARIOS | CARELESS)[name], of == "core", int(length))), flush=True)
        return 0

    for line in sys.stdin:
        if status := in_child(functools.partial(answer, line)):
            print(json.dumps({"died": status, "where": shim.where()}), flush=True)


if __name__ == "__main__":
    main()
