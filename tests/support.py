# SPDX-License-Identifier: GPL-2.0-only
"""What several tests need: caches, owners, threads that must end, scripts in a process of their own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import shrinkpy as sp
from shrinkpy.core import ffi, lib

T = TypeVar("T")

PATH_OF_PROGRAMS = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
"""PYTHONPATH for programs that tests start: these helpers, and where the tested package may be."""

TIMEOUT = 10.0
"""Seconds after which something that should have happened did not."""


class Cache(sp.Shrinker):
    """Objects by number; an honest shrinker that notes what it was asked."""

    def __init__(self, objects: int = 100) -> None:
        """Hold that many objects."""
        self.objects = objects
        self.counts = 0
        self.asked: list[int] = []

    def count_objects(self, sc: sp.ShrinkControl) -> int | sp.CountObjects:
        """Say how many there are."""
        self.counts += 1
        return self.objects

    def scan_objects(self, sc: sp.ShrinkControl) -> int | sp.ScanObjects:
        """Free what is asked for."""
        self.asked.append(sc.nr_to_scan)
        freed = min(self.objects, sc.nr_to_scan)
        self.objects -= freed
        return freed


class Doing(Cache):
    """A cache whose callbacks are given as functions of sc; without one, the honest one."""

    def __init__(
        self,
        count: Callable[[Any], Any] | None = None,
        scan: Callable[[Any], Any] | None = None,
        objects: int = 100,
    ) -> None:
        """Call these instead."""
        super().__init__(objects)
        self._count = count
        self._scan = scan

    def count_objects(self, sc: sp.ShrinkControl) -> Any:
        """Do what count does."""
        honest = super().count_objects(sc)
        return honest if self._count is None else self._count(sc)

    def scan_objects(self, sc: sp.ShrinkControl) -> Any:
        """Do what scan does."""
        if self._scan is None:
            return super().scan_objects(sc)
        self.asked.append(sc.nr_to_scan)
        return self._scan(sc)


class Held(Cache):
    """A cache whose count callback says that it was entered, and waits until it may leave."""

    def __init__(self, objects: int = 0) -> None:
        """Start with both events clear."""
        super().__init__(objects)
        self.entered = threading.Event()
        self.leave = threading.Event()

    def count_objects(self, sc: sp.ShrinkControl) -> int | sp.CountObjects:
        """Stay inside until leave is set."""
        self.entered.set()
        assert self.leave.wait(TIMEOUT), "nobody let the callback go"
        return super().count_objects(sc)


class Log:
    """A ForeignOwnable of one's own that notes what is done with it, in order."""

    def __init__(self, value: object, done: list[str]) -> None:
        """Own value."""
        self.value = value
        self.done = done

    def into_foreign(self) -> object:
        """Give up the pair of value and list."""
        self.done.append("into_foreign")
        return (self.value, self.done)

    @staticmethod
    def from_foreign(foreign: Any, /) -> object:
        """Note that it came back."""
        foreign[1].append("from_foreign")
        return object()

    @staticmethod
    def borrow(foreign: Any, /) -> object:
        """Note that it was lent."""
        foreign[1].append("borrow")
        return foreign[0]


def register(
    machine: sp.Machine,
    data: object,
    name: str = "cache",
    *,
    flags: int = 0,
    seeks: int = sp.DEFAULT_SEEKS,
    batch: int = 0,
    callbacks: object = None,
) -> sp.RegisteredShrinker:
    """Allocate, set up and register in one line."""
    unregistered = sp.UnregisteredShrinker.alloc(name, machine=machine, flags=flags)
    unregistered.set_seeks(seeks)
    unregistered.set_batch(batch)
    return unregistered.register(data, callbacks)


@contextlib.contextmanager
def registered(machine: sp.Machine, *data: object, flags: int = 0) -> Iterator[list[sp.RegisteredShrinker]]:
    """Register each under the names s0, s1 …, and close them at the end."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(register(machine, each, f"s{i}", flags=flags)) for i, each in enumerate(data)
        ]


class Running(Generic[T]):
    """A call in a thread of its own; join() gives its result, and fails where it hangs."""

    def __init__(self, call: Callable[[], T]) -> None:
        """Start it."""
        self._call = call
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result.append(self._call())
        except BaseException as error:  # raised again by join()
            self._error = error

    @property
    def alive(self) -> bool:
        """Is it still at it?"""
        return self._thread.is_alive()

    def join(self) -> T:
        """Wait for its end."""
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive(), "the thread hangs"
        if self._error is not None:
            raise self._error
        return self._result[0]


@contextlib.contextmanager
def in_callback(machine: sp.Machine, held: Held, **kwargs: Any) -> Iterator[Running[int]]:
    """Run the block while a pass in another thread stands in held's callback."""
    running = Running(lambda: machine.shrink_slab(**kwargs))
    try:
        assert held.entered.wait(TIMEOUT)
        yield running
    finally:
        held.leave.set()
    running.join()


@contextlib.contextmanager
def warned(match: str = "", times: int = 1) -> Iterator[None]:
    """Hold that the block gives so many ResourceWarnings, each with match in its text, and no other."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    texts = [str(each.message) for each in caught]
    assert [each.category for each in caught] == [ResourceWarning] * times, texts
    assert all(re.search(match, text) for text in texts), texts


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do inside the core, where no event can be set."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


def refcount(shrinker: sp.RegisteredShrinker) -> int:
    """The kernel's refcount: 1 for the registration, 1 for each callback that runs."""
    return int(lib.sp_peek_refcount(ffi.cast("struct shrinker *", shrinker._address)))


def until_closing(shrinker: sp.RegisteredShrinker, callbacks: int = 1) -> None:
    """Wait until a close() has begun that so many running callbacks hold up."""
    until(lambda: refcount(shrinker) == callbacks)


def interrupted(
    call: Callable[[], object],
    shrinker: sp.RegisteredShrinker,
    send: Callable[[], object] = lambda: signal.raise_signal(signal.SIGINT),
) -> None:
    """Call what has to wait for shrinker's callback, and send a signal while it does."""
    sender = Running(lambda: (until_closing(shrinker), send()))
    try:
        call()
    finally:
        sender.join()


def native_pass(machine: sp.Machine, memcg: Any = None, priority: int = 0, nid: int = 0) -> Any:
    """One pass through core.h, with no call of the binding below it; gives status and struct sp_pass."""
    out = ffi.new("struct sp_pass *")
    memcg = machine.root if memcg is None else memcg
    pointer = memcg if isinstance(memcg, ffi.CData) else memcg._pointer
    return lib.sp_shrink_slab(machine._pointer, sp.Gfp.KERNEL, nid, pointer, priority, out), out


def environment_of_programs() -> dict[str, str]:
    """The allocators that find use after free, and every warning."""
    return dict(
        os.environ,
        PYTHONPATH=PATH_OF_PROGRAMS,
        PYTHONMALLOC="debug",
        MALLOC_PERTURB_="165",
        PYTHONWARNINGS="default",
    )


def script(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, under the allocators that find use after free."""
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code), *arguments],
        env=environment_of_programs(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def survives(code: str) -> str:
    """Run a program that must end well; gives what it printed."""
    ended = script(code)
    assert ended.returncode == 0, f"status {ended.returncode}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


@contextlib.contextmanager
def unraised() -> Iterator[list[Any]]:
    """What sys.unraisablehook is given in the block."""
    seen: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda args: seen.append(args.exc_value)
    try:
        yield seen
    finally:
        sys.unraisablehook = before
