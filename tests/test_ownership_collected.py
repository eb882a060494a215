# SPDX-License-Identifier: GPL-2.0-only
"""What the collector takes: handles in every state, data that hold handles, and how it ends."""

from __future__ import annotations

import gc
import threading
import warnings
import weakref
from typing import Any, ClassVar

import pytest
from apart import quiet, script, survives
from attacks import OWNING, STATES, States
from support import (
    TIMEOUT,
    Cache,
    Doing,
    Log,
    Running,
    register,
    until,
    warned,
)

import shrinkpy as sp


class TestCollectedInEveryState:
    """The data goes back once, by the finalizer, by the machine, or when it went already."""

    @staticmethod
    def hold(name: str, done: list[str], machine: sp.Machine) -> None:
        """Hold that nothing is left."""
        machine.close()
        assert machine.ledger[:3] == (0, 0, 0), name
        assert done.count("from_foreign") == (name in OWNING), (name, done)

    @pytest.mark.parametrize("name", STATES)
    def test_by_its_last_reference(self, name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            states = States()
            handle, done = getattr(states, name)()
            machine = handle.machine
            del handle
            self.hold(name, done, machine)

    @pytest.mark.parametrize("name", STATES)
    def test_in_a_cycle(self, name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            states = States()
            handle, done = getattr(states, name)()
            machine = handle.machine
            cycle = [handle]
            cycle.append(cycle)
            del handle, cycle
            gc.collect()
            self.hold(name, done, machine)

    @pytest.mark.parametrize("name", STATES)
    def test_together_with_its_machine(self, name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            states = States()
            handle, done = getattr(states, name)()
            handle.machine.extra = (states, handle)  # a cycle of all
            gone = weakref.ref(handle.machine)
            del handle, states
            gc.collect()
            assert gone() is None
            assert done.count("from_foreign") == (name in OWNING)

    def test_in_another_thread(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            states = States()
            handles = {name: getattr(states, name)() for name in STATES}
            machines = {name: handle.machine for name, (handle, _) in handles.items()}
            dones = {name: done for name, (_, done) in handles.items()}
            Running(handles.clear).join()
            for name in STATES:
                self.hold(name, dones[name], machines[name])

    def test_by_a_weak_references_callback_that_uses_the_machine(self) -> None:
        # The callback comes after the finalizer: the machine is there, the handle is not.
        machine = sp.Machine()
        seen: list[int] = []
        shrinker = register(machine, Cache(10))
        weak = weakref.ref(shrinker, lambda _: seen.append(machine.shrink_slab(priority=0)))
        with warned():
            del shrinker
        assert weak() is None
        assert seen == [0]
        machine.close()

    EXITS: ClassVar = {
        "globals": "kept = handles",
        "a cycle": "kept = [handles]; kept.append(kept)",
        "another module": "sys.modules['zz'] = types.ModuleType('zz'); sys.modules['zz'].kept = handles",
        "a builtin": "import builtins; builtins.kept = handles",
        "atexit": "import atexit; atexit.register(lambda kept: None, handles)",
        "a thread local": "local = threading.local(); local.kept = handles",
        "an exception": """
            try:
                raise LookupError(handles)
            except LookupError as error:
                kept = error""",
        "a daemon thread": """
            ready = threading.Event()
            def stay(kept):
                ready.set()
                threading.Event().wait()
            threading.Thread(target=stay, args=(handles,), daemon=True).start()
            ready.wait()""",
        "a generator": """
            def generate(kept):
                try:
                    yield
                finally:
                    for handle, done in kept:
                        handle.close() if not hasattr(handle, "set_bit") or handle.closed else None
            kept = generate(handles); next(kept)""",
    }

    @pytest.mark.parametrize("where", EXITS)
    def test_at_the_interpreters_exit(self, where: str) -> None:
        setup = """
            import sys, threading, types
            from attacks import STATES, States

            states = States()
            handles = [getattr(states, name)() for name in STATES]
        """
        quiet(script(setup, self.EXITS[where]))

    @pytest.mark.parametrize("by", ["reference", "collector", "exit"])
    def test_in_a_child_after_fork(self, by: str) -> None:
        out = survives(f"""
            import gc, os, sys, warnings
            from attacks import OWNING, STATES, States

            warnings.simplefilter("ignore")
            states = States()
            handles = {{name: getattr(states, name)() for name in STATES}}
            dones = {{name: done for name, (_, done) in handles.items()}}
            pid = os.fork()
            if pid == 0:
                if {by!r} == "exit":
                    sys.exit(0)
                if {by!r} == "collector":
                    handles["itself"] = handles
                    del handles
                    gc.collect()
                else:
                    handles.clear()
                states.end()
                counts = {{name: done.count("from_foreign") for name, done in dones.items()}}
                os._exit(counts != {{name: int(name in OWNING) for name in STATES}})
            assert os.waitpid(pid, 0)[1] == 0, "the child"
            states.end()
            print([name for name in OWNING if dones[name].count("from_foreign") != 1])
        """)
        assert out == "[]\n"


class TestFinalizersNeverWait:
    """The collector runs anywhere: also where the lock is held that a callback waits for."""

    def test_for_a_callback_that_wants_a_lock_of_this_thread(self, machine: sp.Machine) -> None:
        lock, entered, done = threading.Lock(), threading.Event(), []

        def count(_sc: sp.ShrinkControl) -> int:
            entered.set()
            assert lock.acquire(timeout=TIMEOUT)
            lock.release()
            return 0

        shrinker = register(machine, Log(Doing(count=count), done))
        with warned():
            with lock:
                passing = Running(machine.shrink_slab)
                assert entered.wait(TIMEOUT)
                del shrinker
                assert "from_foreign" not in done
            passing.join()
        until(lambda: done.count("from_foreign") == 1)
        assert machine.ledger.shrinker == 0

    def test_under_the_lock_that_its_from_foreign_wants(self, machine: sp.Machine) -> None:
        lock, done, got = threading.Lock(), [], []

        class Locking(Log):
            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                got.append(lock.acquire(timeout=0))
                lock.release()
                return Log.from_foreign(foreign)

        box: list[Any] = []

        def count(_sc: sp.ShrinkControl) -> int:
            with lock, warned():
                box.clear()
                gc.collect()
            return 0

        box.append(register(machine, Locking(Doing(count=count), done)))
        box.append(box)
        machine.shrink_slab()
        assert got == [True]

    def test_of_many_at_once_in_many_callbacks(self, machine: sp.Machine) -> None:
        done: list[str] = []
        boxes: list[list[sp.RegisteredShrinker]] = [[] for _ in range(20)]

        def count(i: int) -> int:
            boxes[(i + 7) % 20].clear()
            boxes[i].clear()
            return 0

        for i, box in enumerate(boxes):
            box.append(register(machine, Log(Doing(count=lambda _sc, i=i: count(i)), done)))
        with warned(times=20):
            for each in [Running(machine.shrink_slab) for _ in range(3)]:
                each.join()
        assert done.count("from_foreign") == 20
        assert machine.ledger.shrinker == 0


class TestDataThatHoldsItsRegistration:
    WAYS: ClassVar = {
        "directly": lambda data, handle: setattr(data, "held", handle),
        "in a list": lambda data, handle: setattr(data, "held", [[handle]]),
        "by a bound method": lambda data, handle: setattr(data, "held", handle.close),
        "by a closure": lambda data, handle: setattr(data, "held", lambda: handle),
        "by a weak reference's callback": lambda data, handle: setattr(
            data, "held", weakref.ref(data, lambda _, handle=handle: handle.close())
        ),
        "by an exception's traceback": lambda data, handle: setattr(data, "held", _raised_with(handle)),
        "by its machine": lambda data, handle: setattr(handle.machine, "held", (data, handle)),
        "by its class": lambda data, handle: setattr(type(data), "held", handle),
    }

    @pytest.mark.parametrize("owner", [sp.Box, sp.Arc, lambda data: data, lambda data: Log(data, [])])
    @pytest.mark.parametrize("way", WAYS)
    def test_it_is_collected(self, way: str, owner: Any) -> None:
        mine = type("Mine", (Cache,), {})
        machine = sp.Machine()
        data = mine()
        self.WAYS[way](data, register(machine, owner(data)))
        machine.shrink_slab(priority=0)
        gone, ledger = weakref.ref(data), machine.ledger
        assert ledger.registered == 1
        with warned():
            del data, mine
            if way == "by its machine":
                del machine
            gc.collect()
            gc.collect()  # a class goes with the second
        assert gone() is None

    @pytest.mark.parametrize("what", ["close", "use", "reclaim", "close the machine", "register anew"])
    @pytest.mark.parametrize("by", ["the collector", "close", "the machine"])
    def test_its_end_may_use_the_registration(self, what: str, by: str) -> None:
        # Whether the data or the handle ends first: each ends once, and nothing is left.
        out = survives(f"""
            import contextlib, gc, warnings
            import shrinkpy as sp
            from support import Cache, register

            ended = []

            class Ending(Cache):
                def __del__(self):
                    ended.append(self.handle.closed)
                    with contextlib.suppress(sp.ShrinkpyError):
                        ends[{what!r}](self)

            def anew(data):
                with register(data.machine, Cache(5)):
                    data.machine.shrink_slab(priority=0)

            ends = {{
                "close": lambda data: data.handle.close(),
                "use": lambda data: (data.handle.name, data.handle.machine, data.handle.private_data),
                "reclaim": lambda data: data.machine.shrink_slab(priority=0),
                "close the machine": lambda data: data.machine.close(),
                "register anew": anew,
            }}
            warnings.simplefilter("ignore")
            machine = sp.Machine()
            data = Ending(10)
            data.machine = machine
            data.handle = handle = register(machine, sp.Box(data))
            del data
            if {by!r} == "close":
                handle.close()
            elif {by!r} == "the machine":
                machine.close()
            del handle
            gc.collect()
            print(len(ended), machine.ledger[:3])
        """)
        assert out == "1 (0, 0, 0)\n"

    def test_it_may_come_back_to_life(self) -> None:
        out = survives("""
            import gc, warnings
            import shrinkpy as sp
            from support import Cache, register

            risen = []

            class Rising(Cache):
                def __del__(self):
                    risen.append(self)

            warnings.simplefilter("ignore")
            machine = sp.Machine()
            data = Rising(10)
            data.handle = register(machine, sp.Box(data))
            del data
            gc.collect()
            data = risen.pop()
            print(data.handle.closed, machine.ledger.registered, machine.shrink_slab(priority=0))
            data.handle.close()
            print(repr(data.handle))
            again = register(machine, sp.Box(data))
            print(machine.shrink_slab(priority=0))
            data.handle = again
            del again, data
            gc.collect()
            print(len(risen), machine.ledger[:3])
        """)
        assert out == "True 0 0\n<RegisteredShrinker 'cache', closed>\n10\n0 (0, 0, 0)\n"


def _raised_with(handle: object) -> BaseException:
    try:
        raise LookupError(handle)
    except LookupError as error:
        return error


class TestLongChains:
    """Ends that bring about ends, deeper than any stack."""

    def test_of_data_that_hold_the_next_handle(self) -> None:
        out = survives("""
            import warnings
            import shrinkpy as sp
            from support import Cache, register

            warnings.simplefilter("ignore")
            machine, handle = sp.Machine(), None
            for _ in range(20_000):
                data = Cache()
                data.next = handle
                handle = register(machine, sp.Box(data))
            del data, handle
            print(machine.ledger[:3])
        """)
        assert out == "(0, 0, 0)\n"

    def test_of_drops_that_close_the_next(self) -> None:
        # Python's own bound on recursion ends it: some are left, and can be closed.
        out = survives("""
            import shrinkpy as sp
            from support import Cache, Log, register

            class Chained(Log):
                @staticmethod
                def from_foreign(foreign):
                    if foreign[0].next is not None:
                        foreign[0].next.close()
                    return Log.from_foreign(foreign)

            machine, handles = sp.Machine(), [None]
            for _ in range(5000):
                data = Cache()
                data.next = handles[-1]
                handles.append(register(machine, Chained(data, [])))
            try:
                handles[-1].close()
            except RecursionError:
                print("too deep")
            for handle in handles[1:]:
                handle.close()
            print(machine.ledger[:3])
        """)
        assert out.splitlines()[-1] == "(0, 0, 0)"

    def test_of_arcs(self) -> None:
        out = survives("""
            import shrinkpy as sp

            arc = None
            for _ in range(50_000):
                arc = sp.Arc([arc])
            del arc
            print("ended")
        """)
        assert out == "ended\n"
