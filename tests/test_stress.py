# SPDX-License-Identifier: GPL-2.0-only
"""Threads at each other: everything at once on one machine, held against a record of its own."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import random
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apart
import pytest
from apart import survives
from hypothesis import given, settings
from hypothesis import strategies as st
from native import Cache as NativeCache
from native import Native, Thread
from support import TIMEOUT, Cache, Held, Running, native_pass, register, until

import shrinkpy as sp
from shrinkpy.core import ffi, lib

MEMCG = sp.Flags.MEMCG_AWARE
DEADLOCK, OK = -1004, 0  # enum sp_status
apart.WARM.append("test_stress")

# ---- the record ----------------------------------------------------------------------------------


class BoomError(Exception):
    """Raised by a callback; its argument is never used twice."""


def booms(error: BaseException) -> list[int]:
    """The numbers of all that are in error; anything else is raised."""
    if isinstance(error, BoomError):
        return [error.args[0]]
    if isinstance(error, ExceptionGroup):
        return [number for each in error.exceptions for number in booms(each)]
    raise error


class Record:
    """What was done with one private data. Appending to a list is one step under the GIL."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.inside: list[int] = []
        self.dropped: list[int] = []
        self.late: list[str] = []

    @contextlib.contextmanager
    def callback(self) -> Iterator[None]:
        """Note what a callback finds when it comes and when it goes."""
        self.inside.append(threading.get_ident())
        if self.dropped:
            self.late.append("called after the drop")
        try:
            yield
        finally:
            if self.dropped:
                self.late.append("dropped before the callback returned")
            self.inside.remove(threading.get_ident())

    def drop(self) -> None:
        """Note that nobody may call it any more."""
        if self.inside:
            self.late.append("dropped under a callback")
        self.dropped.append(threading.get_ident())


class Watched(sp.Shrinker):
    """A cache that is never empty for long, and whose callbacks do what the storm says."""

    handle: sp.RegisteredShrinker | None = None  # a cycle, if it is set

    def __init__(self, storm: Storm, record: Record) -> None:
        """Belong to a storm."""
        self.storm = storm
        self.record = record
        self.objects = 300

    def count_objects(self, sc: sp.ShrinkControl) -> int | sp.CountObjects:
        """Say how many there are."""
        with self.record.callback():
            self.storm.inside(sc)
            return self.objects or sp.CountObjects.EMPTY

    def scan_objects(self, sc: sp.ShrinkControl) -> int | sp.ScanObjects:
        """Free them, and make new ones when there are none left."""
        with self.record.callback():
            self.storm.inside(sc)
            freed = min(self.objects, sc.nr_to_scan)
            left = self.objects - freed  # without a call no other thread comes between
            self.objects = left if left > 0 else 300
            return freed or sp.ScanObjects.STOP


class Owner:
    """A ForeignOwnable that notes its drop."""

    def __init__(self, data: Watched) -> None:
        """Own data."""
        self.data = data

    def into_foreign(self) -> object:
        """Give the data up."""
        return self.__dict__.pop("data")

    @staticmethod
    def from_foreign(foreign: Any, /) -> object:
        """Take it back."""
        foreign.record.drop()
        return object()

    @staticmethod
    def borrow(foreign: Any, /) -> object:
        """Lend it."""
        return foreign


# ---- the storm -----------------------------------------------------------------------------------


class Storm:
    """One machine, what lives on it, and the steps that threads take on it at random."""

    def __init__(self, seed: int, native: Native | None = None, *, closes: bool = False) -> None:
        """Start with a fresh machine; with closes, some thread will close it under the others."""
        self.chance = random.Random(seed)
        self.native = native
        self.machine = sp.Machine(nr_nodes=2)
        self.root = self.machine.root
        self.refused: tuple[type[Exception], ...] = (sp.ClosedError,) if closes else ()
        self.crowd = 140  # so many at once: ids grow past 64 and 128
        self.local = threading.local()
        self.lock = threading.Lock()  # of the pools below; nothing of the core is called under it
        self.names = iter(range(10**9))
        self.handles: list[tuple[sp.RegisteredShrinker, Record]] = []
        self.unregistered: list[sp.UnregisteredShrinker] = []
        self.natives: list[tuple[Any, NativeCache]] = []
        self.groups: list[sp.MemCgroup] = []
        # The record.
        self.records: list[Record] = []
        self.boxed: list[weakref.ref[Watched]] = []
        self.shared: list[sp.Arc[Watched]] = []
        self.caches: list[NativeCache] = []
        self.thrown: list[int] = []
        self.caught: list[int] = []
        self.lost: list[int] = []
        self.rings: list[str] = []

    def pick(self, pool: list[Any], *, out: bool = False) -> Any:
        """Any one of a pool, or None; with out it is the caller's alone."""
        with self.lock:
            if not pool:
                return None
            i = self.chance.randrange(len(pool))
            return pool.pop(i) if out else pool[i]

    def put(self, pool: list[Any], item: Any) -> None:
        """Let others have it."""
        with self.lock:
            pool.append(item)

    # ---- what a thread does

    def make(self) -> None:
        """Allocate, set up; then register it as one of the kinds of owners, or let it lie."""
        unregistered = sp.UnregisteredShrinker.alloc(
            f"s{next(self.names)}", machine=self.machine, flags=self.chance.choice([0, MEMCG, MEMCG])
        )
        unregistered.set_seeks(self.chance.choice([0, 1, 2]))
        unregistered.set_batch(self.chance.choice([0, 100]))
        if self.chance.random() < 0.1:
            self.put(self.unregistered, unregistered)
            return
        record = Record()
        data = Watched(self, record)
        kind = self.chance.choice(["box", "arc", "plain", "own", "own"])
        if kind == "box":
            handle = unregistered.register(sp.Box(data))
            self.boxed.append(weakref.ref(data))
        elif kind == "arc":
            arc = sp.Arc(data)
            self.shared.append(arc.clone())
            handle = unregistered.register(arc)
        elif kind == "plain":
            handle = unregistered.register(data)
            self.boxed.append(weakref.ref(data))
        else:
            handle = unregistered.register(Owner(data))
            self.records.append(record)
        if handle.flags & MEMCG and (group := self.pick(self.groups)):
            handle.set_bit(group, self.chance.randrange(2))
        if kind != "arc" and self.chance.random() < 0.1:
            data.handle = handle
        self.put(self.handles, (handle, record))

    def close(self) -> None:
        """Close one; another thread may be at it as well."""
        picked = self.pick(self.handles)
        if picked is None:
            return
        handle, record = picked
        handle.close()
        if not handle.closed:
            record.late.append("not closed after close()")
        if record.inside:
            record.late.append("a callback runs after close()")
        with self.lock, contextlib.suppress(ValueError):
            self.handles.remove(picked)

    def crowd_or_close(self) -> None:
        """Make more until there are many, then fewer."""
        if len(self.handles) < self.crowd:
            self.make()
            self.make()
        else:
            self.close()
            self.forget()

    def forget(self) -> None:
        """Drop the last reference of a handle: its finalizer does the rest."""
        self.pick(self.handles, out=True)

    def end_unregistered(self) -> None:
        """Close, or forget, one that was never registered."""
        unregistered = self.pick(self.unregistered, out=True)
        if unregistered is not None and self.chance.random() < 0.5:
            unregistered.close()

    def make_native(self) -> None:
        """Register one whose callbacks are C."""
        if self.native is None:
            return
        cache = NativeCache(objects=300)
        count = self.chance.choice(["count_cache", "count_cache", "count_nesting", "count_making"])
        out = ffi.new("struct shrinker **")
        status = lib.sp_shrinker_alloc(self.machine._pointer, self.chance.choice([0, MEMCG]), b"native", out)
        if status != OK:
            assert self.refused, status
            return
        self.native.set_up(out[0], count, "scan_cache", cache)
        self.caches.append(cache)
        status = lib.sp_shrinker_register(out[0], ffi.NULL)
        assert status == OK or self.refused, status
        if status == OK:
            self.put(self.natives, (out[0], cache))

    def free_native(self) -> None:
        """Free one of them; in a callback it may be a ring."""
        if self.native is None or self.refused:  # the machine's close() frees them, and takes the pointer
            return
        picked = self.pick(self.natives, out=True)
        if picked is None:
            return
        pointer, cache = picked
        status = lib.sp_shrinker_free(pointer, ffi.NULL)
        if status == OK:
            self.native.cdll.cache_drop(ctypes.byref(cache))
            return
        self.put(self.natives, picked)
        if status != DEADLOCK or not self.in_callback:
            self.rings.append(f"a native free gave {status}")

    def reclaim(self) -> None:
        """One pass, of the root or of a cgroup."""
        group = self.pick(self.groups) if self.chance.random() < 0.5 else None
        nid = self.chance.randrange(2)
        priority = self.chance.choice([0, 0, 3, 12])
        if self.in_callback:
            self.machine.shrink_slab(nid=nid, memcg=group, priority=priority)
            return
        try:
            self.machine.shrink_slab(nid=nid, memcg=group, priority=priority)
        except (BoomError, ExceptionGroup) as error:
            self.caught.extend(booms(error))

    def make_group(self) -> None:
        """A cgroup, below the root or below another one."""
        parent = self.pick(self.groups) if self.chance.random() < 0.3 else None
        with contextlib.suppress(OSError):  # the parent went offline
            self.put(self.groups, (parent or self.root).create(f"g{next(self.names)}"))

    def end_group(self) -> None:
        """Take one offline or away; passes may be in it."""
        if len(self.groups) < 4:
            self.make_group()
        group = self.pick(self.groups, out=True)
        if group is None:
            return
        with contextlib.suppress(OSError):  # it has children
            group.offline() if self.chance.random() < 0.3 else group.remove()
        if group in (group.parent or self.root).children:
            self.put(self.groups, group)

    def set_bit(self) -> None:
        """Say that objects were added."""
        picked, group = self.pick(self.handles), self.pick(self.groups)
        if picked is None or group is None:
            return
        with contextlib.suppress(sp.ClosedError, ValueError):  # closed meanwhile; not memcg-aware
            picked[0].set_bit(group, self.chance.randrange(2))

    def look(self) -> None:
        """Read what the machine tells of itself."""
        ledger = self.machine.ledger
        assert ledger.registered <= ledger.shrinker
        last = self.machine.last_pass
        if last is not None:
            assert last.scanned >= 0
            repr((last.memcg, last.exceptions))
        if picked := self.pick(self.handles):
            with contextlib.suppress(sp.ClosedError):
                assert picked[0].seeks in (0, 1, 2)
                repr(picked[0])
        repr(list(self.root.walk()))

    def trace(self) -> None:
        """Start it anew, stop it, or read it while others write."""
        trace = self.machine.trace
        what = self.chance.randrange(4)
        if what == 0:
            with contextlib.suppress(OSError):  # a pass runs
                trace.start(64, clock=self.chance.random() < 0.5)
        elif what == 1:
            trace.stop()
        elif what == 2:
            trace.array()
        else:
            assert trace.overrun >= 0

    def collect(self) -> None:
        """Let the collector run; what was forgotten in a cycle goes now."""
        gc.collect(self.chance.choice([0, 0, 2]))

    # ---- in callbacks

    @property
    def in_callback(self) -> bool:
        """Does this thread run a callback?"""
        return getattr(self.local, "depth", 0) > 0

    INSIDE = (
        *("reclaim", "make", "close", "close", "forget", "set_bit", "make_native", "free_native"),
        *("look", "make_group", "end_group", "collect", "boom"),
    )

    def inside(self, sc: sp.ShrinkControl) -> None:
        """In some callbacks something happens."""
        if self.chance.random() > 0.05 or getattr(self.local, "budget", 1) < 1:
            return
        self.local.budget = getattr(self.local, "budget", 1) - 1
        self.local.depth = getattr(self.local, "depth", 0) + 1
        step = getattr(self, self.chance.choice(self.INSIDE))
        try:
            step()
        except sp.DeadlockError:
            if step != self.close:  # a native one says so by its status
                raise
            self.rings.append("")
        except self.refused:
            pass
        finally:
            self.local.depth -= 1

    def boom(self) -> None:
        """An exception that somebody has to get; the last pass keeps it, with all that it knows."""
        if self.refused:
            return
        number = next(self.names)
        self.thrown.append(number)
        raise BoomError(number)

    # ---- a thread

    STEPS = (
        ("make", 3),
        ("crowd_or_close", 8),
        ("close", 3),
        ("forget", 2),
        ("end_unregistered", 2),
        ("make_native", 3),
        ("free_native", 3),
        ("reclaim", 10),
        ("make_group", 2),
        ("end_group", 2),
        ("set_bit", 4),
        ("look", 2),
        ("trace", 2),
        ("collect", 1),
    )

    def step(self, name: str) -> None:
        """One step of a thread; a few callbacks below it may do something of their own."""
        self.local.budget = 3
        with contextlib.suppress(*self.refused):
            getattr(self, name)()

    def work(self, rounds: int) -> None:
        """So many steps at random."""
        names, weights = zip(*self.STEPS, strict=True)
        for i in range(rounds):
            if i == rounds // 2:
                self.crowd = 20
            self.step(self.chance.choices(names, weights)[0])

    # ---- its end

    def settle(self) -> None:
        """Close and forget all that is left."""
        self.local.budget = 0
        while (picked := self.pick(self.handles, out=True)) is not None:
            picked[0].close()
        del picked
        while (unregistered := self.pick(self.unregistered, out=True)) is not None:
            unregistered.close()
        while self.natives:
            self.free_native()
        self.machine.trace.stop()
        # Children before their parents, whatever was only taken offline included.
        for group in reversed(list(self.root.walk())[1:]):
            group.remove()
        self.groups.clear()
        with contextlib.suppress(NameError):
            del group
        # The last pass keeps its cgroup, a lost exception all that its traceback knows.
        self.machine.shrink_slab()
        self.lost = [number for error in self.machine.lost_exceptions for number in booms(error)]
        self.machine.lost_exceptions.clear()
        gc.collect()

    def check_data(self) -> None:
        """Each data was dropped once, when nobody was inside, and was not called any more."""
        assert [record.late for record in self.records if record.late] == []
        assert [len(record.dropped) for record in self.records] == [1] * len(self.records)
        assert [ref() for ref in self.boxed if ref() is not None] == []
        assert {arc.strong_count for arc in self.shared} <= {1}
        assert [(c.late, c.inside) for c in self.caches if c.late or c.inside] == []

    def check(self) -> None:
        """What holds at the end, whatever came before."""
        self.check_data()
        assert {cache.dropped for cache in self.caches} <= {1}
        assert set(self.rings) <= {""}
        assert sorted(self.thrown) == sorted(self.caught + self.lost)
        ledger = self.machine.ledger
        assert ledger[:3] == (0, 0, 0)
        assert (ledger.limbo, ledger.registered, ledger.memcgs) == (0, 0, 1)
        # What has grown stays grown: one info a node, with a unit for each 64 ids.
        assert (ledger.info, ledger.unit) == (2, 2 * lib.sp_peek_nr_max(self.machine._pointer) // 64)


def together(*calls: Callable[[], object], timeout: float = 60) -> None:
    """Run each in a thread of its own; all must end, and none may raise."""
    errors: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:  # raised again below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]


@contextlib.contextmanager
def weather(interval: float | None = None) -> Iterator[None]:
    """Forgotten handles warn, lost exceptions are written out: all of it is expected here."""
    before, hook = sys.getswitchinterval(), sys.unraisablehook
    unexpected: list[Any] = []

    def unraisable(args: Any) -> None:
        try:
            booms(args.exc_value)
        except BaseException as error:
            unexpected.append(error)

    sys.unraisablehook = unraisable
    if interval is not None:
        sys.setswitchinterval(interval)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
    finally:
        sys.setswitchinterval(before)
        sys.unraisablehook = hook
    assert unexpected == []


@contextlib.contextmanager
def busy_thread() -> Iterator[None]:
    """A thread beside that only wants the GIL."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            sum(range(100))

    running = Running(loop)
    try:
        yield
    finally:
        stop.set()
    running.join()


def storm(
    seed: int,
    rounds: int,
    threads: int = 4,
    *,
    native: Native | None = None,
    interval: float | None = None,
    busy: bool = False,
    reclaimers: int = 0,
) -> Storm:
    """One storm from its beginning to its end."""
    with weather(interval), contextlib.ExitStack() as stack:
        made = Storm(seed, native)
        if busy:
            stack.enter_context(busy_thread())
        beside = [Thread(native, made.machine) for _ in range(reclaimers)] if native else []
        together(*[lambda: made.work(rounds)] * threads, timeout=600)
        for each in beside:
            each.stop()
        for each in beside:
            each.join()
        made.settle()
        made.check()
        assert not beside or all(each.job.done for each in beside)
        made.machine.close()
        return made


def compiled(where: str) -> Native:
    """For a process of its own: native_shrinkers.c, compiled into where."""
    return Native(Path(where))


# ---- the tests -----------------------------------------------------------------------------------


class TestEverythingAtOnce:
    @pytest.mark.parametrize("interval", [None, 1e-5], ids=["switches", "switches often"])
    def test_python_shrinkers(self, interval: float | None) -> None:
        made = storm(1, 120, interval=interval)
        assert len(made.records) > 20

    @pytest.mark.parametrize("interval", [None, 1e-5], ids=["switches", "switches often"])
    def test_with_native_ones_between_them(self, native: Native, interval: float | None) -> None:
        made = storm(2, 120, native=native, interval=interval)
        assert any(cache.calls for cache in made.caches)

    @pytest.mark.thorough
    def test_beside_a_busy_thread(self, native: Native) -> None:
        storm(3, 60, native=native, busy=True)

    def test_with_passes_in_threads_that_python_has_never_seen(self, native: Native) -> None:
        storm(4, 120, native=native, reclaimers=2)

    def test_under_the_allocators_that_find_use_after_free(self, tmp_path: Path) -> None:
        survives(f"""
            import test_stress

            native = test_stress.compiled({str(tmp_path)!r})
            test_stress.storm(5, 120, native=native, interval=1e-4, reclaimers=1)
        """)

    @pytest.mark.slow
    @pytest.mark.parametrize("interval", [None, 1e-4, 1e-5])
    @pytest.mark.parametrize("seed", range(3))
    def test_for_long(self, native: Native, seed: int, interval: float | None) -> None:
        storm(100 + seed, 800, 6, native=native, interval=interval, reclaimers=seed)

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(6))
    def test_for_long_under_the_allocators_that_find_use_after_free(self, tmp_path: Path, seed: int) -> None:
        survives(f"""
            import test_stress

            native = test_stress.compiled({str(tmp_path)!r})
            test_stress.storm(200 + {seed}, 400, 6, native=native, interval=1e-5, reclaimers=1)
        """)


class TestTheMachineIsClosedMeanwhile:
    """Whoever comes late is refused; each data is dropped once all the same."""

    @staticmethod
    def close_under(seed: int, native: Native | None, interval: float | None = None) -> None:
        """Two threads close it while others work."""
        with weather(interval):
            made = Storm(seed, native, closes=True)
            made.crowd = 70
            go = threading.Barrier(2)

            def close() -> None:
                go.wait(TIMEOUT)
                made.machine.close()

            def work() -> None:
                for _ in range(15):
                    made.step("crowd_or_close")
                    made.step("reclaim")

            def and_close() -> None:
                work()
                close()
                work()

            together(and_close, work, work, close)
            assert made.machine.closed
            made.handles.clear()
            made.unregistered.clear()
            gc.collect()
            made.check_data()
            assert made.machine.ledger[:3] == (0, 0, 0)

    @pytest.mark.parametrize("interval", [None, 1e-5])
    @pytest.mark.parametrize("seed", range(4))
    def test_python_shrinkers(self, seed: int, interval: float | None) -> None:
        self.close_under(seed, None, interval)

    def test_with_native_ones_between_them(self, tmp_path: Path) -> None:
        survives(f"""
            import test_stress

            native = test_stress.compiled({str(tmp_path)!r})
            for seed in range(4):
                test_stress.TestTheMachineIsClosedMeanwhile.close_under(seed, native)
        """)

    @pytest.mark.slow
    @pytest.mark.parametrize("interval", [None, 1e-5, 1e-6])
    @pytest.mark.parametrize("seed", range(100, 140))
    def test_again_and_again(self, native: Native, seed: int, interval: float | None) -> None:
        self.close_under(seed, native, interval)


class Shared(Cache):
    """One that threads may scan at once, as a Rust shrinker's data must be Sync."""

    def __init__(self, objects: int) -> None:
        """Hold that many objects."""
        super().__init__(objects)
        self.lock = threading.Lock()

    def scan_objects(self, sc: sp.ShrinkControl) -> int | sp.ScanObjects:
        """One after the other."""
        with self.lock:
            return super().scan_objects(sc)


class TestGrowth:
    """The 65th id, and each 64th after it, replaces what a cgroup knows of shrinkers."""

    def test_while_bits_are_set_and_counts_are_read(self, tmp_path: Path) -> None:
        # Neither is a pass: nothing but the lock keeps for them what is replaced.
        survives(f"""
            import test_stress
            from native import Native, Thread
            from shrinkpy.core import ffi, lib
            from support import until
            import shrinkpy as sp

            native = test_stress.compiled({str(tmp_path)!r})
            out = ffi.new("struct shrinker **")
            for _ in range(15):
                with sp.Machine() as machine:
                    app = machine.root.create("app")
                    first = native.register(machine, "count_none", flags=sp.Flags.MEMCG_AWARE)
                    beside = [Thread(native, machine, app, what="set_bits", shrinker=first) for _ in range(2)]
                    until(lambda: all(each.job.done for each in beside))
                    for _ in range(64 * 20):
                        lib.sp_shrinker_alloc(machine._pointer, sp.Flags.MEMCG_AWARE, b"more", out)
                    for each in beside:
                        each.stop()
                        each.join()
                    assert lib.sp_peek_bit(app._pointer, 0, 0)
        """)

    def test_while_passes_of_the_cgroup_run(self, native: Native, machine: sp.Machine) -> None:
        app, cache = machine.root.create("app"), NativeCache(objects=300)
        first = native.register(machine, "count_cache", "scan_cache", cache, MEMCG)
        with weather(1e-5), contextlib.ExitStack() as stack:
            beside = [Thread(native, machine, app) for _ in range(2)]
            for i in range(200):
                shrinker = stack.enter_context(register(machine, Shared(3), flags=MEMCG))
                assert shrinker.id == i + 1
                shrinker.set_bit(app)
                lib.sp_set_shrinker_bit(machine._pointer, app._pointer, 0, 0, ffi.NULL)
            for each in beside:
                each.stop()
                assert each.join().refused == 0
        assert cache.calls
        assert not cache.late
        assert lib.sp_shrinker_free(first, ffi.NULL) == OK


class TestNativeDataAndTheEndOfItsMachine:
    """What is native's is never taken for Python's."""

    @pytest.mark.parametrize(
        "end", ["machine.close()", "del machine", ""], ids=["close", "forgotten", "exit"]
    )
    def test_it_is_left_alone(self, tmp_path: Path, end: str) -> None:
        out = survives(f"""
            import warnings
            import shrinkpy as sp
            import test_stress
            from native import Cache, Native
            from support import Cache as PythonCache, register

            warnings.simplefilter("ignore")
            native, machine = test_stress.compiled({str(tmp_path)!r}), sp.Machine()
            private = Cache(objects=300)
            native.register(machine, "count_cache", "scan_cache", private)
            handle = register(machine, PythonCache(10))
            machine.shrink_slab(priority=0)
            print(private.calls > 0, private.inside)
            del handle
            {end}
        """)
        assert out == "True 0\n"


PLANS = st.lists(
    st.lists(st.sampled_from([name for name, _ in Storm.STEPS]), min_size=1, max_size=25),
    min_size=2,
    max_size=4,
)


class TestAnyPlan:
    """A list of steps for each thread; hypothesis looks for the smallest that breaks something."""

    @settings(max_examples=20)
    @given(plans=PLANS, seed=st.integers(0, 2**32))
    def test_what_must_hold_holds(self, plans: list[list[str]], seed: int) -> None:
        with weather(1e-5):
            made = Storm(seed)
            made.crowd = 30

            def follow(plan: list[str]) -> None:
                for name in plan:
                    made.step(name)

            together(*(lambda plan=plan: follow(plan) for plan in plans))
            made.settle()
            made.check()
            made.machine.close()


# ---- native callbacks that block -----------------------------------------------------------------


class TestANativeCallbackThatBlocks:
    """It says so to the core, so that the pass does not keep the GIL from whom it waits for."""

    SETUP = """
        import ctypes, threading, sys
        import shrinkpy as sp
        import test_stress
        from native import Native
        from support import TIMEOUT, Cache, Running, register, until

        native = test_stress.compiled({where!r})
        cdll, machine = native.cdll, sp.Machine()
        before, after = Cache(5), Cache(7)
        handles = [register(machine, before)]
        locking = native.register(machine, "count_locking")
        handles.append(register(machine, after))

        locked = threading.Event()

        def hold():
            cdll.mutex_lock()
            locked.set()
            until(lambda: native.variable("mutex_awaited").value)
            cdll.mutex_unlock()
    """

    END = """
        assert native.variable("mutex_taken").value == 1
        assert (before.counts, after.counts) == (1, 1)
        for handle in handles:
            handle.close()
        machine.close()
        print("ended")
    """

    def run(self, where: Path, code: str) -> None:
        """All of it in a process of its own, which may hang."""
        assert survives(self.SETUP.format(where=str(where)), code, self.END) == "ended\n"

    def test_on_a_mutex_that_a_python_thread_gives_back(self, tmp_path: Path) -> None:
        self.run(
            tmp_path,
            """
        holding = Running(hold)
        assert locked.wait(TIMEOUT)
        assert machine.shrink_slab(priority=0) == 12
        holding.join()
        """,
        )

    def test_on_a_mutex_that_a_native_thread_gives_back_after_it_called_python(self, tmp_path: Path) -> None:
        self.run(
            tmp_path,
            """
        class Holder(ctypes.Structure):
            _fields_ = [("call", ctypes.CFUNCTYPE(None)), ("thread", ctypes.c_ulong)]

        called = []
        call = ctypes.CFUNCTYPE(None)(lambda: called.append(sum(range(1000))))
        holder = Holder(call)
        assert cdll.holder_start(ctypes.byref(holder)) == 0
        assert machine.shrink_slab(priority=0) == 12
        assert cdll.holder_join(ctypes.byref(holder)) == 0
        assert called
        """,
        )

    def test_in_a_pass_nested_in_a_python_callback(self, tmp_path: Path) -> None:
        # The outer frame has handed the GIL to the callback, the inner one gives it up.
        self.run(
            tmp_path,
            """
        class Outer(Cache):
            def count_objects(self, sc):
                assert machine.shrink_slab(priority=0) == 12
                return 0

        outer = sp.Machine()
        holding = Running(hold)
        assert locked.wait(TIMEOUT)
        with register(outer, Outer()):
            outer.shrink_slab()
        holding.join()
        """,
        )

    def test_until_a_signal_handler_lets_it_go(self, tmp_path: Path) -> None:
        # wait_begin() and wait_end() give no way out of the wait: Python's handler runs after it.
        self.run(
            tmp_path,
            """
        import signal

        locked, seen = threading.Event(), []

        def hold():
            cdll.mutex_lock()
            locked.set()
            until(lambda: native.variable("mutex_awaited").value)
            signal.raise_signal(signal.SIGUSR1)
            cdll.mutex_unlock()

        signal.signal(signal.SIGUSR1, lambda *args: seen.append(after.counts))
        holding = Running(hold)
        assert locked.wait(TIMEOUT)
        assert machine.shrink_slab(priority=0) == 12
        holding.join()
        assert len(seen) == 1
        """,
        )

    def test_and_comes_into_the_core_again_meanwhile(self, native: Native, machine: sp.Machine) -> None:
        before, after = Cache(5), Cache(7)
        with register(machine, before):
            waiting = native.register(machine, "count_reclaiming_in_a_wait")
            with register(machine, after):
                assert machine.shrink_slab(priority=0) == 5
                assert (before.counts, after.counts) == (2, 2)
                assert after.objects == 0
            assert lib.sp_shrinker_free(waiting, ffi.NULL) == OK

    def test_outside_of_a_pass_saying_so_is_harmless(self, machine: sp.Machine) -> None:
        # cffi has given the GIL up by itself; no pass is there that has it.
        for _ in range(2):
            lib.sp_wait_begin(machine._pointer)
            lib.sp_wait_end(machine._pointer)
        assert machine.shrink_slab() == 0


# ---- close() waits for this shrinker only ---------------------------------------------------------


class TestCloseWaitsForThisShrinkersCallbacksOnly:
    """A pass stands in a native callback until the others are closed: waiting for it would be for ever."""

    @pytest.fixture(autouse=True)
    def fresh(self, native: Native) -> Iterator[None]:
        """Nobody is inside, and whoever is at the end may go."""
        for name in ("held_inside", "held_leave", "held_gave_up"):
            native.variable(name).value = 0
        yield
        native.variable("held_leave").value = 1

    @pytest.fixture(params=["the root", "a cgroup"])
    def group(self, request: pytest.FixtureRequest, machine: sp.Machine) -> sp.MemCgroup:
        """Whose pass it is."""
        return machine.root if request.param == "the root" else machine.root.create("app")

    @pytest.fixture(params=["Python", "cffi", "a native thread"])
    def reclaim(
        self, request: pytest.FixtureRequest, native: Native, machine: sp.Machine, group: sp.MemCgroup
    ) -> Callable[[], Callable[[], object]]:
        """Start a pass; the call that it gives waits for its end."""

        def start() -> Callable[[], object]:
            if request.param == "Python":
                return Running(lambda: machine.shrink_slab(memcg=group)).join
            if request.param == "cffi":
                return Running(lambda: native_pass(machine, group, 12)).join
            return Thread(native, machine, group, rounds=1).join

        return start

    def test_native_frees(
        self, native: Native, machine: sp.Machine, group: sp.MemCgroup, reclaim: Callable[[], Any]
    ) -> None:
        caches = [NativeCache(), NativeCache()]
        first, held, last = (
            native.register(machine, count, private=private, flags=MEMCG)
            for count, private in (
                ("count_cache", caches[0]),
                ("count_held_politely", None),
                ("count_cache", caches[1]),
            )
        )
        for shrinker in (first, held, last):
            lib.sp_set_shrinker_bit(
                machine._pointer, group._pointer, 0, lib.sp_shrinker_id(shrinker), ffi.NULL
            )
        join = reclaim()
        until(lambda: native.variable("held_inside").value == 1)
        assert lib.sp_shrinker_free(first, ffi.NULL) == OK
        assert lib.sp_shrinker_free(last, ffi.NULL) == OK
        native.variable("held_leave").value = 1
        join()
        assert not native.variable("held_gave_up").value
        assert caches[0].calls > 0
        assert caches[1].calls == 0
        assert lib.sp_shrinker_free(held, ffi.NULL) == OK

    def test_python_handles(
        self, native: Native, machine: sp.Machine, group: sp.MemCgroup, reclaim: Callable[[], Any]
    ) -> None:
        caches = [Cache(0), Cache(0)]
        first = register(machine, caches[0], flags=MEMCG)
        held = native.register(machine, "count_held_politely", flags=MEMCG)
        last = register(machine, caches[1], flags=MEMCG)
        for shrinker in (first, last):
            shrinker.set_bit(group)
        lib.sp_set_shrinker_bit(machine._pointer, group._pointer, 0, lib.sp_shrinker_id(held), ffi.NULL)
        join = reclaim()
        until(lambda: native.variable("held_inside").value == 1)
        first.close()
        last.close()
        native.variable("held_leave").value = 1
        join()
        assert not native.variable("held_gave_up").value
        assert [cache.counts for cache in caches] == [1, 0]
        assert lib.sp_shrinker_free(held, ffi.NULL) == OK

    def test_a_native_free_while_a_python_callback_is_held(
        self, native: Native, machine: sp.Machine, group: sp.MemCgroup, reclaim: Callable[[], Any]
    ) -> None:
        cache, held = NativeCache(), Held()
        shrinker = native.register(machine, "count_cache", private=cache, flags=MEMCG)
        with register(machine, held, flags=MEMCG) as handle:
            lib.sp_set_shrinker_bit(
                machine._pointer, group._pointer, 0, lib.sp_shrinker_id(shrinker), ffi.NULL
            )
            handle.set_bit(group)
            join = reclaim()
            assert held.entered.wait(TIMEOUT)
            assert lib.sp_shrinker_free(shrinker, ffi.NULL) == OK
            held.leave.set()
            join()
        assert cache.calls > 0
