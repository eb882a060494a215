# SPDX-License-Identifier: GPL-2.0-only
"""Ownership under attack: collected, closed, copied and forked where nobody expects it."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import pickle
import signal
import sys
import textwrap
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import apart
import pytest
import support
from apart import script, survives
from attacks import ACTIONS, COPIES, HOOKS, OWNING, STATES, States, alloc, hooked
from support import (
    TIMEOUT,
    Cache,
    Doing,
    Held,
    Log,
    Running,
    in_callback,
    interrupted,
    refcount,
    register,
    registered,
    until,
    until_closing,
    warned,
)

import shrinkpy as sp
from shrinkpy.core import lib

MEMCG = sp.Flags.MEMCG_AWARE
apart.WARM += ["attacks", "native"]


def quiet(ended: Any) -> None:
    """Hold that a process ended well, and said nothing but ResourceWarnings."""
    assert ended.returncode == 0, f"status {ended.returncode}\n{ended.stdout}{ended.stderr}"
    lines = [line for line in ended.stderr.splitlines() if line and not line.startswith(" ")]
    assert all("ResourceWarning: " in line for line in lines), ended.stderr


@contextlib.contextmanager
def unraised() -> Iterator[list[Any]]:
    """What sys.unraisablehook is given in the block."""
    seen: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda args: seen.append(args.exc_value)
    try:
        yield seen
    finally:
        sys.unraisablehook = before


# ---- collected, in every state -------------------------------------------------------------------


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
        code = textwrap.dedent("""
            import sys, threading, types
            from attacks import STATES, States

            states = States()
            handles = [getattr(states, name)() for name in STATES]
        """)
        quiet(script(code + textwrap.dedent(self.EXITS[where])))

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


# ---- data that holds its own registration --------------------------------------------------------


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


# ---- register() that fails half-way --------------------------------------------------------------


class TestRegisterFailsHalfWay:
    @pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit, GeneratorExit])
    @pytest.mark.parametrize("at", HOOKS[:4])
    def test_whatever_is_raised_wherever_nothing_was_consumed(
        self, machine: sp.Machine, at: str, error: type[BaseException]
    ) -> None:
        def fail() -> None:
            raise error

        done: list[str] = []
        with alloc(machine) as unregistered:
            with pytest.raises(error):
                unregistered.register(hooked(at, fail, done))
            # What into_foreign() did not give cannot be given back.
            assert done.count("from_foreign") == (at != "into_foreign")
            assert unregistered.seeks == 2
            with unregistered.register(Cache(10)):
                assert machine.shrink_slab(priority=0) == 10
        assert machine.ledger.shrinker == 0

    @pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit])
    def test_undoing_it_fails_as_well(self, machine: sp.Machine, error: type[BaseException]) -> None:
        def fail() -> None:
            raise error

        done: list[str] = []
        with unraised() as seen, alloc(machine) as unregistered:
            with pytest.raises(LookupError, match="to undo"):
                unregistered.register(hooked("from_foreign", fail, done))
            assert [type(each) for each in seen] == [error]
            with unregistered.register(Cache(10)):
                assert machine.shrink_slab(priority=0) == 10
        machine.lost_exceptions.clear()

    @pytest.mark.parametrize("name", ["from_foreign", "borrow", "into_foreign"])
    def test_an_owner_whose_method_went_away(self, machine: sp.Machine, name: str) -> None:
        # It was one when it was looked at, and is none any more.
        class Fleeting(Log):
            pass

        class Meta(type(Fleeting)):  # type: ignore[misc]
            looked = 0

            def __getattribute__(cls, attribute: str) -> Any:
                if attribute == name:
                    raise AttributeError(f"{name} went away")
                return super().__getattribute__(attribute)

        done: list[str] = []
        owner = Fleeting(Cache(), done)
        owner.__class__ = Meta("Gone", (Fleeting,), {"__slots__": ()})
        with alloc(machine) as unregistered:
            if name == "into_foreign":  # called on the object, whose class is not asked by name
                unregistered.register(owner).close()
                return
            with pytest.raises((AttributeError, TypeError)):
                unregistered.register(owner)
            assert unregistered.seeks == 2
            assert done.count("into_foreign") == done.count("from_foreign")

    @pytest.mark.parametrize("borrowed", [None, 5, "text", object(), Cache, type])
    def test_borrow_gives_something_else(self, machine: sp.Machine, borrowed: object) -> None:
        class Fickle(Log):
            @staticmethod
            def borrow(_foreign: Any, /) -> object:
                return borrowed

        done: list[str] = []
        with alloc(machine) as unregistered:
            if borrowed is Cache:  # has the two; calling them will tell
                shrinker = unregistered.register(Fickle(Cache(), done))
                with pytest.raises(TypeError):
                    machine.shrink_slab()
                shrinker.close()
            else:
                with pytest.raises(TypeError, match="has no method"):
                    unregistered.register(Fickle(Cache(), done))
                assert unregistered.seeks == 2
            assert done.count("from_foreign") == 1

    def test_borrow_gives_another_one_each_time(self, machine: sp.Machine) -> None:
        given: list[Cache] = []

        class Fickle(Log):
            @staticmethod
            def borrow(_foreign: Any, /) -> object:
                given.append(Cache(10))
                return given[-1]

        with register(machine, Fickle(Cache(), [])) as shrinker:
            assert machine.shrink_slab(priority=0) == 10
            assert given[0].counts == 1
            assert shrinker.private_data is given[-1] is not given[0]

    @pytest.mark.parametrize("lookups", [1, 2, 3, 4])
    def test_callbacks_that_cannot_be_looked_up_again(self, machine: sp.Machine, lookups: int) -> None:
        # They are looked up before into_foreign(), and once more after it.
        class Moody:
            left = lookups

            def __getattr__(self, name: str) -> Any:
                if self.left == 0:
                    raise LookupError("not again")
                self.left -= 1
                return getattr(TestRegisterFailsHalfWay, f"_{name}")

        done: list[str] = []
        with alloc(machine) as unregistered:
            owner = Log([1, 2, 3], done)
            if lookups >= 4:
                with unregistered.register(owner, Moody()):
                    assert machine.shrink_slab(priority=0) == 3
            else:
                with pytest.raises(LookupError, match="not again"):
                    unregistered.register(owner, Moody())
                assert unregistered.seeks == 2
            assert done.count("into_foreign") == done.count("from_foreign")

    @staticmethod
    def _count_objects(data: list[int], _sc: object) -> int:
        return len(data)

    @staticmethod
    def _scan_objects(data: list[int], sc: sp.ShrinkControl) -> int:
        return len(data)

    @pytest.mark.parametrize("name", ["two\0parts", "half \ud800 a pair", "%s%n", "line\nbreak"])
    def test_a_class_of_any_name(self, machine: sp.Machine, name: str) -> None:
        data = type("Named", (Cache,), {})(10)
        type(data).__qualname__ = name
        done: list[str] = []
        with alloc(machine) as unregistered:
            try:
                shrinker = unregistered.register(Log(data, done), type(data))
            except (ValueError, UnicodeError):
                assert done == []
                assert unregistered.seeks == 2
            else:
                assert machine.shrink_slab(priority=0) == 10
                shrinker.close()

    @pytest.mark.parametrize("action", ACTIONS)
    def test_what_is_called_meanwhile_may_do_anything(self, action: str) -> None:
        out = survives(f"""
            import contextlib, gc, signal, warnings
            import shrinkpy as sp
            from attacks import ACTIONS, HOOKS, alloc, hooked

            signal.alarm(20)
            warnings.simplefilter("ignore")
            for at in HOOKS:
                machine, done = sp.Machine(), []
                unregistered, over = alloc(machine), False

                def action():
                    if not over:
                        with contextlib.suppress(sp.ShrinkpyError):
                            ACTIONS[{action!r}](machine, unregistered)

                handle = None
                with contextlib.suppress(sp.ClosedError, LookupError):
                    handle = unregistered.register(hooked(at, action, done))
                over = True
                closes = {action!r} == "close the machine"
                if at != "from_foreign" and not closes:
                    assert not handle.closed, at
                    assert machine.shrink_slab(priority=0) == 10, at
                with contextlib.suppress(sp.ShrinkpyError):
                    unregistered.set_seeks(3)
                unregistered.close()
                if handle is not None:
                    handle.close()
                machine.close()
                assert done.count("into_foreign") == 1, (at, done)
                assert done.count("from_foreign") == 1, (at, done)
                assert machine.ledger[:3] == (0, 0, 0), (at, machine.ledger)
                del handle, unregistered
                gc.collect()
                print(at)
        """)
        assert out.split() == HOOKS


class Stopped(Running[Any]):
    """A call in a thread that stops where the function of that name begins (or ends), once.

    What the test does meanwhile could have come there by itself: a thread may be switched away at
    every call.
    """

    def __init__(self, call: Callable[[], Any], at: str, event: str = "call") -> None:
        """Start it, and wait until it is there."""
        self._there, self._go = threading.Event(), threading.Event()

        def trace(frame: types.FrameType, what: str, _arg: object) -> Any:
            if frame.f_code.co_name != at:
                return None
            if what == event and not self._there.is_set():
                self._there.set()
                assert self._go.wait(TIMEOUT)
            return trace

        def run() -> Any:
            sys.settrace(trace)
            try:
                return gives(call)
            finally:
                sys.settrace(None)

        super().__init__(run)
        until(lambda: self._there.is_set() or not self.alive)
        assert self._there.is_set(), f"{at}() was not called"

    def go(self) -> None:
        """Let it go on."""
        self._go.set()


def gives(call: Callable[[], Any]) -> Any:
    """What it gives, or the type of what it raises."""
    try:
        return call()
    except Exception as error:
        return type(error)


def briefly(running: Running[Any]) -> None:
    """Give it time to end; it may as well wait for somebody."""
    running._thread.join(0.2)


def meeting(
    first: Callable[[], Any], second: Callable[[], Any], at: str, event: str = "call"
) -> tuple[Any, Any]:
    """What the two give, of which the second comes while the first stands there."""
    stopped = Stopped(first, at, event)
    running = Running(lambda: gives(second))
    briefly(running)
    stopped.go()
    return stopped.join(), running.join()


class TestSetters:
    """Nothing changes once registered: not by one that began before, either."""

    SETTERS: ClassVar = [("set_seeks", "seeks", 2), ("set_batch", "batch", 0)]

    @pytest.mark.parametrize(("setter", "field", "value"), SETTERS)
    def test_whose_number_registers_the_handle(
        self, machine: sp.Machine, setter: str, field: str, value: int
    ) -> None:
        made: list[sp.RegisteredShrinker] = []

        class Number:
            def __index__(self) -> int:
                made.append(unregistered.register(Cache()))
                return 77

        unregistered = alloc(machine)
        raised = gives(lambda: getattr(unregistered, setter)(Number()))
        with made[0] as shrinker:
            assert raised is sp.MovedError
            assert getattr(shrinker, field) == value

    @pytest.mark.parametrize(("setter", "field", "value"), SETTERS)
    def test_while_another_thread_registers_it(
        self, machine: sp.Machine, setter: str, field: str, value: int
    ) -> None:
        unregistered = alloc(machine)
        setting, shrinker = meeting(
            lambda: getattr(unregistered, setter)(77), lambda: unregistered.register(Cache()), "_checked_int"
        )
        with shrinker:
            assert setting is sp.MovedError
            assert getattr(shrinker, field) == value


class TestAnotherMachinesCgroup:
    def test_keeps_no_deferred_work_of_this_shrinker(self) -> None:
        # It may have fewer nodes, too.
        out = survives("""
            import shrinkpy as sp
            from support import Cache, register

            machine, other = sp.Machine(nr_nodes=1024), sp.Machine()
            flags = sp.Flags.MEMCG_AWARE | sp.Flags.NUMA_AWARE
            with register(other, Cache(), flags=flags), register(machine, Cache(), flags=flags) as shrinker:
                answers = set()
                for each in [other.root, *(other.root.create(f"c{i}") for i in range(30))]:
                    for nid in range(1024):
                        try:
                            answers.add(shrinker.nr_deferred(each, nid))
                        except ValueError:
                            answers.add("refused")
                print(answers)
        """)
        assert out == "{'refused'}\n"

    @pytest.mark.parametrize("memcg", [5, "app", object(), [], sp.Box(5)])
    def test_what_is_no_cgroup_is_refused_as_such(self, machine: sp.Machine, memcg: Any) -> None:
        with register(machine, Cache(), flags=MEMCG) as shrinker:
            with pytest.raises(TypeError, match="MemCgroup"):
                shrinker.nr_deferred(memcg)
            with pytest.raises(TypeError, match="MemCgroup"):
                shrinker.set_bit(memcg)


class TestNoMemory:
    """Python's own memory is short, at each allocation in turn.

    Of a function that finds no memory CPython itself loses count: what is called here makes none.
    """

    SETUP: ClassVar = """
        import gc, sys, traceback, warnings, weakref
        import _testcapi
        import shrinkpy as sp
        from attacks import alloc
        from support import Cache, register

        def at_each(call, numbers=range(120)):
            for n in numbers:
                error = None
                _testcapi.set_nomemory(n, n + 1)
                try:
                    call()
                except BaseException as raised:
                    error = raised
                finally:
                    _testcapi.remove_mem_hooks()
                if error is not None:
                    traceback.clear_frames(error.__traceback__)
                    error.__traceback__ = None
                    yield type(error).__name__
                error = raised = None
                gc.collect()

        sys.unraisablehook = lambda args: None
        warnings.simplefilter("ignore")
        machine = sp.Machine()
        alloc(machine).close()
        machine.shrink_slab()
        before = machine.ledger
    """

    def run(self, code: str) -> str:
        """What it prints; nothing where this Python was built without its own tests."""
        pytest.importorskip("_testcapi")
        return survives(textwrap.dedent(self.SETUP) + textwrap.dedent(code))

    def test_alloc_leaves_nothing_behind(self) -> None:
        out = self.run("""
            print(set(at_each(lambda: alloc(machine).close())), machine.ledger == before)
        """)
        assert out == "{'MemoryError'} True\n"

    def test_register_consumes_nothing(self) -> None:
        out = self.run("""
            def registered():
                unregistered.register(Cache())

            consumed = 0
            for n in range(100):
                unregistered = alloc(machine)
                for error in at_each(registered, range(n, n + 1)):
                    try:
                        unregistered.seeks
                    except sp.MovedError:
                        consumed += 1
                unregistered.close()
            print(consumed)
        """)
        assert out == "0\n"

    @pytest.mark.parametrize(
        "life",
        [
            "register(machine, sp.Box(Cache(1)), flags=8).close()",
            "register(machine, sp.Arc(Cache(1))) and None",
            "[register(machine, Cache(5)), machine.shrink_slab(priority=0)].clear()",
            "[register(machine, Cache(-1)), machine.shrink_slab(priority=0)].clear()",
            "[register(machine, Cache('many')), machine.shrink_slab(priority=0)].clear()",
            "sp.Machine(nr_nodes=2).close()",
            "[machine.last_pass, machine.ledger, machine.warnings, machine.root]",
        ],
    )
    def test_whole_lives_end(self, life: str) -> None:
        out = self.run(f"""
            errors = set(at_each(lambda: {life}))
            del errors
            machine.shrink_slab(memcg=machine.root.create("app"))  # lets the last one's exceptions go
            gc.collect()
            print(machine.ledger.registered)
            machine.close()
            print(machine.ledger[:3])
        """)
        assert out == "0\n(0, 0, 0)\n"


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


# ---- two at once ---------------------------------------------------------------------------------


class TestTwoAtOnce:
    def test_the_same_handle_is_registered_twice(self, machine: sp.Machine) -> None:
        unregistered, box = alloc(machine), sp.Box(Cache(5))
        inside, leave, done = threading.Event(), threading.Event(), []

        def wait() -> None:
            inside.set()
            assert leave.wait(TIMEOUT)

        first = Running(lambda: unregistered.register(hooked("into_foreign", wait, done)))
        assert inside.wait(TIMEOUT)
        for use in (
            lambda: unregistered.register(box),
            lambda: unregistered.set_seeks(1),
            lambda: unregistered.seeks,
        ):
            with pytest.raises(sp.MovedError):
                use()
        unregistered.close()
        leave.set()
        with first.join() as shrinker:
            assert not shrinker.closed
            assert isinstance(box.value, Cache)
            assert machine.shrink_slab(priority=0) == 10

    @pytest.mark.parametrize("at", ["_live", "_owner", "_check_callbacks"])
    def test_the_second_comes_before_the_first_has_begun(self, machine: sp.Machine, at: str) -> None:
        unregistered, box, other = alloc(machine), sp.Box(Cache(5)), sp.Box(Cache(10))
        first, second = meeting(lambda: unregistered.register(box), lambda: unregistered.register(other), at)
        lost, won = (box, second) if first is sp.MovedError else (other, first)
        assert sp.MovedError in (first, second)
        assert isinstance(lost.value, Cache)
        assert machine.ledger.registered == 1
        won.close()

    @pytest.mark.parametrize("owner", [sp.Box, sp.Arc])
    def test_the_same_owner_goes_to_two_handles(self, machine: sp.Machine, owner: Any) -> None:
        handles, data = [alloc(machine), alloc(machine)], owner(Cache(10))
        outcome = meeting(
            lambda: handles[0].register(data), lambda: handles[1].register(data), "into_foreign"
        )
        assert outcome.count(sp.MovedError) == 1
        lost = outcome.index(sp.MovedError)
        assert handles[lost].seeks == 2
        handles[lost].close()
        assert machine.shrink_slab(priority=0) == 10
        outcome[1 - lost].close()

    def test_the_root_is_one(self) -> None:
        with sp.Machine() as machine:
            first, second = meeting(lambda: machine.root, lambda: machine.root, "_make")
            assert first is second
            assert machine.root is first

    def test_of_two_that_create_a_cgroup_of_a_name_one_is_refused(self, machine: sp.Machine) -> None:
        root = machine.root
        both = [*meeting(lambda: root.create("app"), lambda: root.create("app"), "_make")]
        assert both.count(FileExistsError) == 1
        both.remove(FileExistsError)
        assert root.children == tuple(both)
        both[0].remove()

    @pytest.mark.parametrize("at", ["offline", "online"])
    def test_of_two_that_remove_a_cgroup_both_find_it_gone(self, machine: sp.Machine, at: str) -> None:
        app = machine.root.create("app")
        assert meeting(app.remove, app.remove, at) == (None, None)
        assert machine.root.children == ()
        machine.root.create("app").remove()

    def test_a_cgroup_is_removed_while_a_child_is_made_in_it(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        child, removed = meeting(lambda: app.create("child"), app.remove, "_make")
        # Refused with ENODEV or EBUSY: one of the two, never a child that is online in one that is not.
        assert (removed is OSError) != (child is OSError)
        if child is not OSError:
            child.remove()
            app.remove()
        assert machine.root.children == ()

    def test_a_cgroup_goes_offline_while_a_child_is_made_in_it(self, machine: sp.Machine) -> None:
        # It looks at the first child, which is offline, when the second comes.
        app = machine.root.create("app")
        first = app.create("first")
        first.offline()
        offline, late = meeting(app.offline, lambda: app.create("late"), "online")
        assert (offline is OSError) != (late is OSError)
        for child in app.children:
            child.remove()
        app.remove()
        assert machine.root.children == ()

    @pytest.mark.parametrize("end", ["register", "close"])
    def test_the_machines_list_of_the_unregistered_may_change_under_its_close(self, end: str) -> None:
        out = survives(f"""
            import sys, threading, warnings
            import shrinkpy as sp
            from support import Cache

            warnings.simplefilter("ignore")
            sys.setswitchinterval(1e-6)
            errors = []

            def take(part):
                for unregistered in part:
                    try:
                        unregistered.register(Cache()) if {end!r} == "register" else unregistered.close()
                    except sp.ClosedError:
                        pass
                    except BaseException as error:
                        errors.append(error)

            for _ in range(60):
                machine = sp.Machine()
                made = [sp.UnregisteredShrinker.alloc("u", machine=machine) for _ in range(90)]
                threads = [threading.Thread(target=take, args=(made[i::3],)) for i in range(3)]
                for thread in threads:
                    thread.start()
                try:
                    machine.close()
                except BaseException as error:
                    errors.append(error)
                for thread in threads:
                    thread.join()
                machine.close()
                assert machine.ledger[:3] == (0, 0, 0), machine.ledger
            print(errors)
        """)
        assert out == "[]\n"

    def test_two_drop_the_same_arc_handle(self) -> None:
        value = Cache()
        arc = sp.Arc(value)
        other = arc.clone()
        assert meeting(arc.drop, arc.drop, "drop") == (None, None)
        assert other.strong_count == 1

    def test_threads_that_drop_the_same_arc_handle(self) -> None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for _ in range(200):
                arc = sp.Arc(Cache())
                other = arc.clone()
                start = threading.Barrier(3)

                def drop(arc: sp.Arc[Cache] = arc, start: threading.Barrier = start) -> None:
                    start.wait(TIMEOUT)
                    arc.drop()

                for each in [Running(drop) for _ in range(3)]:
                    each.join()
                assert other.strong_count == 1
        finally:
            sys.setswitchinterval(before)


# ---- copies, subclasses, the wrong use of what has an underscore ---------------------------------


class TestCopies:
    """Whatever owns something is there once."""

    @pytest.mark.parametrize("way", COPIES)
    @pytest.mark.parametrize(
        "which", ["machine", "cgroup", "registered", "closed", "Box", "Arc", "moved Box"]
    )
    def test_are_refused(self, machine: sp.Machine, which: str, way: str) -> None:
        with register(machine, Cache(10)) as shrinker:
            closed = register(machine, Cache())
            closed.close()
            moved = sp.Box(Cache())
            moved.into_foreign()
            each = {
                "machine": machine,
                "cgroup": machine.root.create("app"),
                "registered": shrinker,
                "closed": closed,
                "Box": sp.Box(5),
                "Arc": sp.Arc(5),
                "moved Box": moved,
            }[which]
            with pytest.raises((TypeError, pickle.PicklingError)):
                COPIES[way](each)
            assert machine.shrink_slab(priority=0) == 10

    @pytest.mark.parametrize("way", COPIES)
    def test_of_a_handle_that_is_not_registered_are_refused(self, way: str) -> None:
        out = survives(f"""
            import gc, warnings
            import shrinkpy as sp
            from support import Cache
            from attacks import COPIES, alloc

            warnings.simplefilter("ignore")
            machine = sp.Machine()
            unregistered = alloc(machine)
            try:
                second = COPIES[{way!r}](unregistered)
            except TypeError:
                print("refused")
            else:
                print("copied")
                del second
            gc.collect()
            with unregistered.register(Cache(10)):
                print(machine.shrink_slab(priority=0))
        """)
        assert out == "refused\n10\n"

    @pytest.mark.parametrize("way", COPIES)
    def test_of_what_a_callback_is_lent_are_refused(self, machine: sp.Machine, way: str) -> None:
        def count(sc: sp.ShrinkControl) -> int:
            with pytest.raises((TypeError, pickle.PicklingError)):
                pickle.loads(COPIES[way](sc))  # an old one has the class's name in it, and no more
            return 0

        with register(machine, Doing(count=count)):
            machine.shrink_slab()

    def test_of_what_was_told_are_values(self, machine: sp.Machine) -> None:
        with register(machine, Cache(10)):
            machine.shrink_slab(priority=0)
        told = (machine.ledger, machine.last_pass._replace(memcg=None), sp.CountObjects(5), sp.Flags(0))
        assert pickle.loads(pickle.dumps(told)) == copy.deepcopy(told) == told


class TestSubclasses:
    def test_of_the_handles_are_not_made_by_hand(self, machine: sp.Machine) -> None:
        for base in (sp.RegisteredShrinker, sp.UnregisteredShrinker):

            class Mine(base):  # type: ignore[misc,valid-type]
                """One of ours."""

                extra = 5

            with pytest.raises(TypeError):
                Mine()

    def test_of_a_handle_that_end_in_their_own_way(self) -> None:
        # An end that forgets super() leaves the shrinker to the machine.
        out = survives("""
            import gc, warnings
            import shrinkpy as sp
            from support import Cache

            warnings.simplefilter("ignore")

            class Mine(sp.UnregisteredShrinker):
                __slots__ = ("extra",)

                def __del__(self):
                    print("ended")

            machine = sp.Machine()
            mine = Mine.alloc("mine", machine=machine)
            mine.extra = mine
            del mine
            gc.collect()
            machine.close()
            print(machine.ledger[:3])
        """)
        assert out == "ended\n(0, 0, 0)\n"

    def test_that_a_handle_became_later(self) -> None:
        out = survives("""
            import gc, warnings
            import shrinkpy as sp
            from support import Cache, Log, register

            class Mine(sp.RegisteredShrinker):
                __slots__ = ()

                def __del__(self):
                    print("ended")

            warnings.simplefilter("ignore")
            machine, done = sp.Machine(), []
            for cycle in (False, True):
                data = Cache(10)
                handle = register(machine, Log(data, done))
                handle.__class__ = Mine
                data.handle = handle if cycle else None
                del data, handle
                gc.collect()
                machine.shrink_slab(priority=0)
            machine.close()
            print(done.count("from_foreign"), machine.ledger[:3])
        """)
        assert out == "ended\nended\n2 (0, 0, 0)\n"

    def test_of_a_machine(self) -> None:
        out = survives("""
            import gc, warnings
            import shrinkpy as sp
            from support import Cache, register

            warnings.simplefilter("ignore")

            class Failing(sp.Machine):
                def __init__(self):
                    self.shrinker = register(self, Cache(10))
                    raise LookupError("no")

                def __del__(self):
                    self.shrink_slab(priority=0)
                    print("ended")
                    self.close()

            class Single(sp.Machine):
                one = None

                def __new__(cls):
                    cls.one = cls.one or super().__new__(cls)
                    return cls.one

            class Unhashable(sp.Machine):
                __eq__ = object.__eq__
                __hash__ = None

            class Slotted(sp.Machine):
                __slots__ = ()

            class Foreign(sp.Machine):
                def __new__(cls):
                    return 5

            for cls in (Failing, Single, Single, Unhashable, Slotted, Foreign):
                try:
                    machine = cls()
                    if cls is not Foreign:
                        with register(machine, Cache(10)):
                            print(cls.__name__, machine.shrink_slab(priority=0))
                except (LookupError, TypeError) as error:
                    print(type(error).__name__)
                machine = error = None
                gc.collect()
        """)
        assert out == "LookupError\nended\nSingle 10\nSingle 10\nTypeError\nSlotted 10\n"


class TestUnderscores:
    """What is not for users must not be used; but the interpreter survives it."""

    CODES: ClassVar = {
        "an empty handle": """
            handle = sp.RegisteredShrinker.__new__(sp.RegisteredShrinker)
            repr(handle), handle.closed, handle.name, handle.machine, handle._address, handle._borrow()
            for name in ("flags", "id", "seeks", "batch", "private_data"):
                refused(lambda: getattr(handle, name))
            refused(lambda: handle.set_bit(machine.root))
            handle.close()
        """,
        "an empty unregistered one": """
            handle = sp.UnregisteredShrinker.__new__(sp.UnregisteredShrinker)
            for name in ("name", "machine", "flags", "close", "register"):
                refused(lambda: getattr(handle, name)(*((Cache(),) if name == "register" else ())))
        """,
        "registering into one handle twice": """
            handle = RegisteredShrinkerBase()
            for unregistered in (alloc(machine), alloc(machine)):
                refused(lambda: give(handle, unregistered))
            del handle
            gc.collect()
            machine.shrink_slab(priority=0)
        """,
        "registering one shrinker into two handles": """
            unregistered = alloc(machine)
            handles = [RegisteredShrinkerBase() for _ in range(2)]
            for handle in handles:
                refused(lambda: give(handle, unregistered))
            machine.shrink_slab(priority=0)
            del handles, handle
            gc.collect()
            machine.shrink_slab(priority=0)
        """,
        "with another machine": """
            other, handle = sp.Machine(), RegisteredShrinkerBase()
            refused(lambda: give(handle, alloc(machine), other))
            other.close()
            del other
            gc.collect()
            machine.shrink_slab(priority=0)
            del handle
            gc.collect()
        """,
        "without a shrinker": """
            box = sp.Box(Cache())
            refused(lambda: RegisteredShrinkerBase()._register(machine, 0, "n", "s", box, None, True))
        """,
        "a base that is closed by its warning": """
            handle = RegisteredShrinkerBase()
            unregistered = alloc(machine)
            give(handle, unregistered)
            warnings.simplefilter("always")
            warnings.showwarning = lambda *args, **kwargs: machine.close()
            del handle
        """,
        "handles that are initialised again": """
            for each in (machine, machine.root, register(machine, Cache()), alloc(machine)):
                refused(each.__init__)
        """,
        "a second root": """
            root = MemCgroupBase.__new__(sp.MemCgroup, machine, None)
            del root
            gc.collect()
            machine.root.create("app").remove()
        """,
        "a base of a machine": """
            for args in ((1, 1, 1, 1, 0), (0, 1, 1, 1, 0), (1, 0, 1, 2, 0), (1, 1, 1, 7, 0), (1, 1, 1, 0, 0)):
                base = None
                try:
                    base = MachineBase(*args)
                except (ValueError, TypeError):
                    continue
                refused(base.shrink_slab)
                refused(lambda: MemCgroupBase(base, None))
                refused(lambda: alloc(base))
                base._close()
        """,
    }

    @pytest.mark.parametrize("what", CODES)
    def test_used_wrongly(self, what: str) -> None:
        setup = textwrap.dedent("""
            import gc, warnings
            import shrinkpy as sp
            from shrinkpy.core import MachineBase, MemCgroupBase, RegisteredShrinkerBase, ffi
            from support import Cache, register
            from attacks import alloc

            def refused(call):
                try:
                    call()
                except Exception:
                    pass

            def give(handle, unregistered, to=None):
                address = int(ffi.cast("uintptr_t", unregistered._pointer))
                handle._register(to or machine, address, "n", "s", sp.Box(Cache(10)), None, True)
                unregistered._consumed = True

            warnings.simplefilter("ignore")
            machine = sp.Machine()
        """)
        end = "\nmachine.close()\nprint('ended')\n"
        assert survives(setup + textwrap.dedent(self.CODES[what]) + end) == "ended\n"


# ---- Arc's count ---------------------------------------------------------------------------------


class TestArcCounts:
    """Each handle counts once, that of the registration included, however it ends."""

    ENDS: ClassVar = [
        "close",
        "forgotten",
        "in a cycle",
        "the machine",
        "interrupted",
        "hung",
        "refused",
        "raising",
    ]

    @pytest.mark.parametrize("end", ENDS)
    def test_after(self, end: str) -> None:
        machine = sp.Machine()
        held = Held(10)
        held.leave.set()
        mine = sp.Arc(held)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            if end == "refused":
                with alloc(machine) as unregistered, pytest.raises(TypeError):
                    unregistered.register(mine.clone(), callbacks=object())
            else:
                shrinker: Any = register(machine, mine.clone(), flags=MEMCG)
                assert mine.strong_count == 2
                self.end(end, machine, shrinker, held)
                del shrinker
            gc.collect()
            machine.close()
        assert mine.strong_count == 1
        assert mine.value is held

    @staticmethod
    def end(end: str, machine: sp.Machine, shrinker: sp.RegisteredShrinker, held: Held) -> None:
        """Bring it there."""
        if end == "close":
            shrinker.close()
        elif end == "in a cycle":
            cycle: list[Any] = [shrinker]
            cycle.append(cycle)
        elif end == "the machine":
            machine.close()
        elif end == "interrupted":
            held.leave.clear()
            with in_callback(machine, held), pytest.raises(KeyboardInterrupt):
                interrupted(shrinker.close, shrinker)
            shrinker.close()
        elif end == "hung":
            app = machine.root.create("app")
            shrinker.set_bit(app)
            machine.kmem = False
            machine.shrink_slab(memcg=app)
            with pytest.raises(sp.HungError):
                shrinker.close()
        elif end == "raising":
            held.objects = -1
            with pytest.raises(ValueError, match="returned -1"):
                machine.shrink_slab()
            shrinker.close()

    def test_a_thousand_registrations_of_one(self, machine: sp.Machine) -> None:
        arc = sp.Arc(Cache(0))
        shrinkers = [register(machine, arc.clone()) for _ in range(1000)]
        assert arc.strong_count == 1001
        machine.shrink_slab()
        for each in [Running(lambda i=i: [s.close() for s in shrinkers[i::2]]) for i in range(3)]:
            each.join()
        assert arc.strong_count == 1

    def test_the_last_handle_may_go_under_a_callback(self, machine: sp.Machine) -> None:
        # The registration's is the last then: the object stays until it is closed.
        seen: list[object] = []
        arc = sp.Arc(Doing(count=lambda _sc: arc.drop() or 0))
        gone = weakref.ref(arc.value)
        shrinker = register(machine, arc.clone())
        machine.shrink_slab()
        assert gone() is not None
        with pytest.raises(sp.MovedError):
            seen.append(arc.value)
        shrinker.close()
        assert gone() is None


# ---- close() from anywhere -----------------------------------------------------------------------


class TestCloseFromAnywhere:
    """It waits, or it says why it cannot; it never hangs, and the data goes once."""

    def test_in_anothers_drop_and_so_on(self, machine: sp.Machine) -> None:
        done: list[str] = []
        shrinkers: list[sp.RegisteredShrinker] = []

        class Chained(Log):
            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                if shrinkers:
                    shrinkers.pop().close()
                return Log.from_foreign(foreign)

        shrinkers += [register(machine, Chained(Cache(), done)) for _ in range(50)]
        shrinkers.pop().close()
        assert done.count("from_foreign") == 50
        assert machine.ledger.shrinker == 0

    @pytest.mark.parametrize("second", ["handle", "machine"])
    @pytest.mark.parametrize("first", ["handle", "machine"])
    def test_two_drops_that_close_each_others(self, first: str, second: str) -> None:
        # One of them closes the ring, and is told so; both are gone in the end.
        out = survives(f"""
            import signal, threading, warnings
            import shrinkpy as sp
            from support import TIMEOUT, Cache, Log, Running, register

            signal.alarm(20)
            warnings.simplefilter("ignore")
            inside, errors = threading.Barrier(2), []

            class Crossed(Log):
                @staticmethod
                def from_foreign(foreign):
                    inside.wait(TIMEOUT)
                    try:
                        closes[foreign[0].objects]()
                    except sp.DeadlockError as error:
                        errors.append(error)
                    return Log.from_foreign(foreign)

            machines, done = [sp.Machine() for _ in range(2)], []
            if ({first!r}, {second!r}) == ("handle", "handle"):
                machines[1] = machines[0]
            handles = [register(machines[i], Crossed(Cache(i), done)) for i in range(2)]
            kinds = [{first!r}, {second!r}]
            ends = [handles[i].close if kinds[i] == "handle" else machines[i].close for i in range(2)]
            closes = ends[::-1]
            for each in [Running(end) for end in ends]:
                each.join()
            print(len(errors), done.count("from_foreign"), [handle.closed for handle in handles])
        """)
        assert out == "1 2 [True, True]\n"

    @pytest.mark.parametrize("which", ["handle", "machine"])
    def test_a_drop_and_a_callback_that_close_each_others(self, which: str) -> None:
        out = survives(f"""
            import signal, threading, warnings
            import shrinkpy as sp
            from support import TIMEOUT, Cache, Doing, Log, Running, register

            signal.alarm(20)
            warnings.simplefilter("ignore")
            inside, outcome = threading.Barrier(2), []

            def close(each):
                inside.wait(TIMEOUT)
                try:
                    each.close()
                    outcome.append("closed")
                except sp.DeadlockError:
                    outcome.append("deadlock")

            class Crossed(Log):
                @staticmethod
                def from_foreign(foreign):
                    close(called)
                    return Log.from_foreign(foreign)

            first, second, done = sp.Machine(), sp.Machine(), []
            dropped = register(first, Crossed(Cache(), done))
            ends = dropped if {which!r} == "handle" else first
            called = register(second, Doing(count=lambda sc: close(ends) or 0))
            running = [Running(second.shrink_slab), Running(ends.close)]
            for each in running:
                each.join()
            called.close()
            print(sorted(outcome), done.count("from_foreign"), dropped.closed, called.closed)
        """)
        assert out == "['closed', 'deadlock'] 1 True True\n"

    @pytest.mark.parametrize("kinds", ["handle handle", "handle machine", "machine machine"])
    def test_two_callbacks_of_two_machines_that_close_each_others(self, kinds: str) -> None:
        out = survives(f"""
            import signal, threading, warnings
            import shrinkpy as sp
            from support import TIMEOUT, Doing, Log, Running, register

            signal.alarm(20)
            warnings.simplefilter("ignore")
            inside, outcome, done = threading.Barrier(2), [], []

            def close(i):
                if len(outcome) == 2:
                    return 0
                inside.wait(TIMEOUT)
                try:
                    ends[1 - i].close()
                    outcome.append("closed")
                except sp.DeadlockError:
                    outcome.append("deadlock")
                return 0

            machines = [sp.Machine() for _ in range(2)]
            data = [Doing(count=lambda sc, i=i: close(i)) for i in range(2)]
            handles = [register(machines[i], Log(data[i], done)) for i in range(2)]
            of = dict(handle=handles, machine=machines)
            ends = [of[kind][i] for i, kind in enumerate({kinds!r}.split())]
            for each in [Running(machine.shrink_slab) for machine in machines]:
                each.join()
            print(sorted(outcome), done.count("from_foreign"))
            for machine in machines:
                machine.close()
            print(done.count("from_foreign"), [handle.closed for handle in handles])
        """)
        assert out == "['closed', 'deadlock'] 1\n2 [True, True]\n"

    @pytest.mark.parametrize("inner", ["handle", "machine"])
    @pytest.mark.parametrize("outer", ["handle", "machine"])
    def test_in_a_signal_handler_that_came_while_it_waits(self, outer: str, inner: str) -> None:
        # The inner one would wait for the outer one, which cannot go on before the handler returns.
        out = survives(f"""
            import signal, warnings
            import shrinkpy as sp
            from support import Held, Log, Running, in_callback, register, until_closing

            signal.alarm(20)
            warnings.simplefilter("ignore")
            machine, held, done = sp.Machine(), Held(), []
            handle = register(machine, Log(held, done))
            both = dict(handle=handle, machine=machine)

            def handler(*args):
                try:
                    both[{inner!r}].close()
                except sp.DeadlockError:
                    print("deadlock")
                held.leave.set()

            signal.signal(signal.SIGUSR1, handler)
            with in_callback(machine, held):
                sender = Running(lambda: (until_closing(handle), signal.raise_signal(signal.SIGUSR1)))
                both[{outer!r}].close()
                sender.join()
            machine.close()
            print(done.count("from_foreign"), handle.closed, machine.closed)
        """)
        assert out == "deadlock\n1 True True\n"

    @pytest.mark.parametrize("through", ["itself", "another"])
    def test_whoever_is_in_no_callback_is_never_told_that_it_would_wait_for_itself(
        self, through: str
    ) -> None:
        # The callback comes to the same close() while the first is awake for a moment, in a handler.
        out = survives(f"""
            import signal, threading, warnings
            import shrinkpy as sp
            from support import TIMEOUT, Doing, Held, Log, Running, register, until_closing

            machine, done, outcome = sp.Machine(), [], []
            awake = threading.Event()
            held, other = Held(), Held()

            def close(handle):
                try:
                    handle.close()
                    outcome.append("closed")
                except sp.DeadlockError:
                    outcome.append("deadlock")

            def in_first(sc):
                held.count_objects(sc)
                close(first if {through!r} == "itself" else second)
                return 0

            def in_second(sc):
                other.count_objects(sc)
                close(first)
                return 0

            def handler(*args):
                held.leave.set()
                other.leave.set()
                threading.Event().wait(0.2)

            signal.signal(signal.SIGUSR1, handler)
            groups = [machine.root.create(name) for name in "ab"]
            first = register(machine, Log(Doing(count=in_first), done), flags=sp.Flags.MEMCG_AWARE)
            second = register(machine, Log(Doing(count=in_second), done), flags=sp.Flags.MEMCG_AWARE)
            first.set_bit(groups[0])
            second.set_bit(groups[1])
            running = [Running(lambda: machine.shrink_slab(memcg=groups[0]))]
            held.entered.wait(TIMEOUT)
            if {through!r} == "another":
                running.append(Running(lambda: machine.shrink_slab(memcg=groups[1])))
                other.entered.wait(TIMEOUT)
            sender = Running(lambda: (until_closing(first), signal.raise_signal(signal.SIGUSR1)))
            first.close()
            for each in (sender, *running):
                each.join()
            print("deadlock" in outcome, first.closed)
            second.close()
            print(done.count("from_foreign"))
        """)
        assert out == "True True\n2\n"

    PLACES: ClassVar = {
        "a data's end": """
            class Ending(Cache):
                def __del__(self):
                    handle.close()
            data = Ending()
            del data
        """,
        "a weak reference's callback": """
            data = Cache()
            weak = weakref.ref(data, lambda _: handle.close())
            del data
        """,
        "a callback of the collector": """
            gc.callbacks.append(lambda phase, info: handle.close())
            gc.collect()
            gc.callbacks.clear()
        """,
        "a finalizer that the collector runs in a callback": """
            class Ending:
                def __del__(self):
                    handle.close()
            def count(sc):
                cycle = Ending()
                cycle.itself = cycle
                del cycle
                gc.collect()
                return 0
            with register(machine, Doing(count=count)):
                machine.shrink_slab()
        """,
        "a thread's end": """
            local = threading.local()
            class Ending:
                def __del__(self):
                    handle.close()
            def work():
                local.ending = Ending()
                machine.shrink_slab()
            Running(work).join()
        """,
        "a warning that is shown": """
            def show(*args, **kwargs):
                handle.close()
            warnings.showwarning = show
            warnings.simplefilter("always")
            other = register(machine, Cache())
            del other
        """,
        "sys.unraisablehook": """
            sys.unraisablehook = lambda args: handle.close()
            class Failing(Log):
                @staticmethod
                def from_foreign(foreign):
                    raise LookupError
            other = register(machine, Failing(Cache(), []))
            del other
        """,
        "the trace function of a thread": """
            def work():
                sys.settrace(lambda *args: handle.close())
                register(machine, Cache()).close()
                sys.settrace(None)
            Running(work).join()
        """,
        "the number of a result": """
            class Number:
                def __index__(self):
                    handle.close()
                    return 0
            with register(machine, Doing(count=lambda sc: Number())):
                machine.shrink_slab()
        """,
        "the text of a bad result": """
            class Bad:
                def __repr__(self):
                    handle.close()
                    return "bad"
            with register(machine, Doing(count=lambda sc: Bad())):
                try:
                    machine.shrink_slab()
                except TypeError:
                    pass
        """,
        "the making of an error": """
            import shrinkpy.errors
            made = shrinkpy.core._core
            class Slow(str):
                pass
            other = sp.Machine()
            with register(other, Doing(count=lambda sc: other.close() or handle.close() or 0)):
                try:
                    other.shrink_slab()
                except sp.DeadlockError:
                    handle.close()
        """,
        "a generator's end": """
            def generate():
                try:
                    yield 0
                finally:
                    handle.close()
            with register(machine, Doing(count=lambda sc: next(generate()))):
                machine.shrink_slab()
        """,
        "a context that is left": """
            with contextlib.ExitStack() as stack:
                stack.callback(handle.close)
                stack.enter_context(handle)
        """,
    }

    @pytest.mark.parametrize("place", PLACES)
    def test_in(self, place: str) -> None:
        setup = textwrap.dedent("""
            import contextlib, gc, sys, threading, warnings, weakref
            import shrinkpy as sp
            from support import Cache, Doing, Log, Running, register

            warnings.simplefilter("ignore")
            machine, done = sp.Machine(), []
            handle = register(machine, Log(Cache(), done))
        """)
        end = "\nprint(done.count('from_foreign'), handle.closed)\nmachine.close()\n"
        assert survives(setup + textwrap.dedent(self.PLACES[place]) + end) == "1 True\n"


# ---- the machine's close() -----------------------------------------------------------------------


class TestMachineClose:
    def test_with_handles_in_every_state(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            for name in STATES:
                states = States()
                handle, done = getattr(states, name)()
                states.end()
                assert handle.machine.ledger[:3] == (0, 0, 0)
                assert done.count("from_foreign") == (name in OWNING)
                handle.close()
                for use in ("seeks", "batch", "flags", "id"):
                    with pytest.raises(sp.ShrinkpyError):
                        getattr(handle, use)
                repr(handle)
                del handle, states
                gc.collect()

    def test_all_that_is_public_survives_it(self) -> None:
        # Each property is read and each method called, with arguments that it would have taken.
        out = survives("""
            import gc, inspect, warnings
            import shrinkpy as sp
            from support import Cache, register
            from attacks import STATES, States, alloc

            warnings.simplefilter("ignore")

            def use(each, machine, app):
                for name in dir(type(each)):
                    if name.startswith("_"):
                        continue
                    for args in ((), (app,), ("x",), (1,), (Cache(),)):
                        try:
                            value = getattr(each, name)
                            value(*args) if callable(value) else repr(value)
                        except Exception:
                            pass

            for name in STATES:
                states = States()
                handle, done = getattr(states, name)()
                machine = handle.machine
                app, child = machine.root, None
                if not machine.closed:
                    app = machine.root.create("other")
                    child = app.create("child")
                    child.offline()
                machine.trace.start(8) if not machine.closed else None
                machine.close()
                for each in (handle, machine, app, child, machine.trace, machine.faults, machine.root):
                    if each is not None:
                        use(each, machine, app)
                del handle, machine, app, child, states, each
                gc.collect()
            print("ended")
        """)
        assert out == "ended\n"


# ---- fork ----------------------------------------------------------------------------------------


class TestFork:
    """A child closes, registers, reclaims and exits, whatever the parent's threads were at."""

    CHILD = """
            def child(old):
                signal.alarm(15)
                for each in old:
                    each.close()
                with register(machine, Cache(5), flags=sp.Flags.MEMCG_AWARE) as shrinker:
                    app = machine.root.create("child")
                    shrinker.set_bit(app)
                    assert machine.shrink_slab(memcg=app, priority=0) == 5
                    assert machine.shrink_slab(priority=0) >= 0
                machine.close()
                assert machine.ledger[:3] == (0, 0, 0), machine.ledger
                sys.exit(0)

            def forked(old):
                pid = os.fork()
                if pid == 0:
                    child(old)
                return os.waitpid(pid, 0)[1]
    """

    WHILE: ClassVar = {
        "a pass": """
            with in_callback(machine, held):
                print(forked([shrinker]))
        """,
        "a nested pass": """
            nesting = Doing(count=lambda sc: machine.shrink_slab() * 0 if nesting.counts == 1 else 0)
            shrinker.close()
            outer, shrinker = register(machine, nesting, "outer"), register(machine, Log(held, done), "held")
            with in_callback(machine, held):
                print(forked([outer, shrinker]))
        """,
        "close()": """
            with in_callback(machine, held):
                closing = Running(shrinker.close)
                until_closing(shrinker)
                print(forked([shrinker]))
            closing.join()
        """,
        "two close()": """
            with in_callback(machine, held):
                closing = [Running(shrinker.close) for _ in range(2)]
                until_closing(shrinker)
                print(forked([shrinker]))
            for each in closing:
                each.join()
        """,
        "the machine's close()": """
            with in_callback(machine, held):
                closing = Running(machine.close)
                until_closing(shrinker)
                pid = os.fork()
                if pid == 0:
                    signal.alarm(15)
                    shrinker.close()
                    machine.close()
                    assert machine.ledger[:3] == (0, 0, 0)
                    sys.exit(0)
                print(os.waitpid(pid, 0)[1])
            closing.join()
        """,
        "from_foreign()": """
            dropped = register(machine, Slow(Cache(), []), "slow")
            closing = Running(dropped.close)
            inside.wait(TIMEOUT)
            print(forked([dropped, shrinker]))
            leave.set()
            closing.join()
        """,
        "from_foreign() by the machine's close()": """
            shrinker.close()
            dropped = register(machine, Slow(Cache(), []), "slow")
            closing = Running(machine.close)
            inside.wait(TIMEOUT)
            pid = os.fork()
            if pid == 0:
                signal.alarm(15)
                dropped.close()
                machine.close()
                sys.exit(0)
            print(os.waitpid(pid, 0)[1])
            leave.set()
            closing.join()
        """,
        "into_foreign()": """
            unregistered = sp.UnregisteredShrinker.alloc("u", machine=machine)
            registering = Running(lambda: unregistered.register(Slow(Cache(), [])))
            inside.wait(TIMEOUT)
            print(forked([shrinker, unregistered]))
            leave.set()
            registering.join().close()
        """,
        "a finalizer": """
            box = [register(machine, Slow(Cache(), []), "slow")]
            clearing = Running(box.clear)
            inside.wait(TIMEOUT)
            print(forked([shrinker]))
            leave.set()
            clearing.join()
        """,
        "a native pass": """
            with contextlib.ExitStack() as stack:
                running = Running(lambda: native_pass(machine))
                held.entered.wait(TIMEOUT)
                print(forked([shrinker]))
                held.leave.set()
                running.join()
        """,
        "a trace that is written": """
            machine.trace.start(8)
            with in_callback(machine, held):
                print(forked([shrinker]))
        """,
    }

    @pytest.mark.parametrize("what", WHILE)
    def test_while_another_thread_is_in(self, what: str) -> None:
        setup = """
            import contextlib, os, signal, sys, threading, warnings
            import shrinkpy as sp
            from support import TIMEOUT, Cache, Doing, Held, Log, Running, in_callback, native_pass
            from support import register, until_closing

            class Slow(Log):
                def into_foreign(self):
                    foreign = super().into_foreign()
                    if what == "into_foreign()":
                        inside.set()
                        leave.wait(TIMEOUT)
                    return foreign

                @staticmethod
                def from_foreign(foreign):
                    if what != "into_foreign()":
                        inside.set()
                        leave.wait(TIMEOUT)
                    return Log.from_foreign(foreign)

            warnings.simplefilter("ignore")
            inside, leave = threading.Event(), threading.Event()
            machine, held, done = sp.Machine(), Held(), []
            shrinker = register(machine, Log(held, done), "held")
        """
        head = f"what = {what!r}\n"
        parts = [textwrap.dedent(part) for part in (setup, self.CHILD, self.WHILE[what])]
        end = "\nmachine.close()\nprint(machine.ledger[:3])\n"
        out = survives(head + "".join(parts) + end)
        assert out.splitlines()[-2:] == ["0", "(0, 0, 0)"]

    def test_of_a_child_of_a_child_in_callbacks(self) -> None:
        out = survives("""
            import os, sys, warnings
            import shrinkpy as sp
            from support import Doing, register

            warnings.simplefilter("ignore")
            depth = 0

            def count(sc):
                global depth
                depth += 1
                if depth > 3:
                    return 7
                pid = os.fork()
                if pid == 0:
                    machine.shrink_slab(priority=0)
                    sys.exit(0)  # out of a callback, through the passes of all parents
                assert os.waitpid(pid, 0)[1] == 0
                return 0

            machine = sp.Machine()
            with register(machine, Doing(count=count, scan=lambda sc: sc.nr_to_scan), seeks=4):
                print(machine.shrink_slab(priority=0), flush=True)
        """)
        assert out == "0\n"

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_by_multiprocessing(self, method: str) -> None:
        out = survives(f"""
            import multiprocessing, warnings
            import shrinkpy as sp
            from support import Cache, Held, in_callback, register
            import attacks

            if __name__ == "__main__":
                warnings.simplefilter("ignore")
                context = multiprocessing.get_context({method!r})
                machine, held = sp.Machine(), Held()
                with register(machine, held), in_callback(machine, held):
                    attacks.inherited = machine
                    with context.Pool(2) as pool:
                        print(pool.map(attacks.child_work, range(4)))
                    process = context.Process(target=attacks.child_work, args=(9,))
                    process.start()
                    process.join()
                    print(process.exitcode)
                    try:
                        pool = context.Process(target=print, args=(machine,))
                        pool.start()
                        pool.join()
                        print(pool.exitcode)
                    except TypeError:
                        print("refused")
        """)
        lines = [line for line in out.splitlines() if not line.startswith("<")]
        assert lines == ["[0, 1, 2, 3]", "0", "0" if method == "fork" else "refused"]

    @pytest.mark.parametrize("where", ["a callback", "from_foreign", "into_foreign", "another thread"])
    def test_os_exit(self, where: str) -> None:
        ended = script(f"""
            import os, threading, warnings
            import shrinkpy as sp
            from support import Cache, Doing, Log, Running, register
            from attacks import alloc, hooked

            machine = sp.Machine()
            leave = lambda *args: os._exit(7)
            if {where!r} == "a callback":
                with register(machine, Doing(count=leave)):
                    machine.shrink_slab()
            elif {where!r} == "another thread":
                with register(machine, Doing(count=lambda sc: Running(leave).join())):
                    machine.shrink_slab()
            else:
                alloc(machine).register(hooked({where!r}, leave, []))
        """)
        assert (ended.returncode, ended.stdout, ended.stderr) == (7, "", "")


# ---- what a callback was lent --------------------------------------------------------------------


class TestControl:
    def test_in_a_generator_that_goes_on_later(self, machine: sp.Machine) -> None:
        made: list[Any] = []

        def work(sc: sp.ShrinkControl) -> Iterator[int]:
            yield sc.nid
            sc.nr_scanned = 5
            yield sc.nid

        def count(sc: sp.ShrinkControl) -> int:
            made.append(work(sc))
            return next(made[-1])

        with register(machine, Doing(count=count)):
            machine.shrink_slab()
            machine.shrink_slab()
        for each in made:
            with pytest.raises(sp.ExpiredError):
                next(each)

    def test_kept_in_each_place_that_outlives_the_callback(self, machine: sp.Machine) -> None:
        kept: list[Callable[[], sp.ShrinkControl]] = []

        def count(sc: sp.ShrinkControl) -> int:
            cycle: list[Any] = [sc]
            cycle.append(cycle)
            try:
                raise LookupError(sc)
            except LookupError as error:
                kept.append(lambda error=error: error.args[0])
            kept.append(lambda: cycle[0])
            frame = sys._getframe()
            kept.append(lambda: frame.f_locals["sc"])
            return 10

        with register(machine, Doing(count=count)):
            for _ in range(3):
                machine.shrink_slab(priority=0)
        for each in kept:
            with pytest.raises(sp.ExpiredError):
                _ = each().nid
            assert "expired" in repr(each())

    def test_a_thread_of_the_callback_cannot_use_it(self, machine: sp.Machine) -> None:
        outcome: list[Any] = []

        def scan(sc: sp.ShrinkControl) -> int:
            uses = (lambda: sc.nr_to_scan, lambda: sc.memcg, lambda: setattr(sc, "nr_scanned", 3))
            outcome.extend(Running(lambda use=use: gives(use)).join() for use in uses)
            repr(sc)
            return sc.nr_to_scan

        with register(machine, Doing(scan=scan), seeks=4):
            machine.shrink_slab(priority=0)
        assert outcome == [sp.ExpiredError] * 3

    def test_a_thread_that_has_the_same_ident_later_cannot(self, machine: sp.Machine) -> None:
        kept: list[sp.ShrinkControl] = []
        with register(machine, Doing(count=lambda sc: kept.append(sc) or 0)):
            for _ in range(5):
                Running(machine.shrink_slab).join()
        assert {Running(lambda sc=sc: gives(lambda: sc.nid)).join() for sc in kept} == {sp.ExpiredError}

    def test_its_last_reference_may_go_in_another_thread(self) -> None:
        out = survives("""
            import threading
            import shrinkpy as sp
            from support import Doing, Running, register

            machine, kept = sp.Machine(), []

            def count(sc):
                kept.append(sc)
                del sc
                Running(kept.clear).join()
                return 0

            with register(machine, Doing(count=count)):
                for _ in range(3):
                    print(machine.shrink_slab(priority=0))
        """)
        assert out == "0\n0\n0\n"


# ---- exits ---------------------------------------------------------------------------------------


class TestExit:
    """sys.exit() wherever it is said: it gets through, or is told as unraisable; nothing is half done."""

    def test_in_from_foreign_of_close(self, machine: sp.Machine) -> None:
        class Leaving(Log):
            @staticmethod
            def from_foreign(_foreign: Any, /) -> object:
                sys.exit(3)

        shrinker = register(machine, Leaving(Cache(), []))
        with pytest.raises(SystemExit):
            shrinker.close()
        assert shrinker.closed
        assert machine.ledger.shrinker == 0

    @pytest.mark.parametrize("by", ["finalizer", "machine", "pass"])
    def test_in_from_foreign_where_nobody_can_raise_it(self, by: str) -> None:
        class Leaving(Log):
            @staticmethod
            def from_foreign(_foreign: Any, /) -> object:
                sys.exit(3)

        machine, box = sp.Machine(), []
        count = (lambda _sc: box.clear() or 0) if by == "pass" else None
        box.append(register(machine, Leaving(Doing(count=count), [])))
        with unraised() as seen, warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            if by == "finalizer":
                box.clear()
            elif by == "pass":
                machine.shrink_slab()
            machine.close()
        assert [type(each) for each in seen] == [SystemExit]
        assert machine.closed
        assert machine.ledger.shrinker == 0

    def test_in_a_callback_of_a_thread_it_ends_the_thread_alone(self, machine: sp.Machine) -> None:
        with register(machine, Doing(count=lambda _sc: sys.exit(3))), pytest.raises(SystemExit):
            Running(machine.shrink_slab).join()
        assert machine.shrink_slab() == 0

    ATEXIT: ClassVar = {
        "before shrinkpy": "import atexit; atexit.register(lambda: last())\nimport shrinkpy as sp\n",
        "after shrinkpy": "import shrinkpy as sp\nimport atexit; atexit.register(lambda: last())\n",
    }

    @pytest.mark.parametrize("order", ATEXIT)
    def test_atexit_functions_before_and_after_ours(self, order: str) -> None:
        code = self.ATEXIT[order] + textwrap.dedent("""
            import contextlib, warnings
            from support import Cache, register

            machine = sp.Machine()
            shrinker = register(machine, Cache(10))

            def last():
                with contextlib.suppress(sp.ClosedError):
                    print("freed", machine.shrink_slab(priority=0))
                with contextlib.suppress(sp.ClosedError):
                    register(machine, Cache(5)).close()
                shrinker.close()
                machine.close()
                with sp.Machine() as late, register(late, Cache(3)):
                    print("late", late.shrink_slab(priority=0))
        """)
        ended = support.script(code)  # where nothing is imported yet
        quiet(ended)
        assert ended.stdout == "late 3\n" if order.startswith("before") else "freed 10\nlate 3\n"

    def test_what_ends_with_the_modules_may_use_it(self) -> None:
        # Objects in module globals and in builtins end when much of the interpreter is gone.
        quiet(
            script("""
                import builtins, contextlib
                import shrinkpy as sp
                from support import Cache, Log, register

                class Ending:
                    def __init__(self, machine, suppress, error):
                        self.machine, self.suppress, self.error = machine, suppress, error
                        self.handle = register(machine, Log(Cache(10), []))
                        self.unregistered = sp.UnregisteredShrinker.alloc("u", machine=machine)

                    def __del__(self):
                        with self.suppress(self.error):
                            self.machine.shrink_slab(priority=0)
                        self.handle.close()
                        self.unregistered.close()
                        self.machine.close()

                builtins.ending = Ending(sp.Machine(), contextlib.suppress, sp.ClosedError)
                ending = Ending(sp.Machine(), contextlib.suppress, sp.ClosedError)
            """)
        )

    def test_a_machine_made_in_its_last_moments(self) -> None:
        quiet(
            script("""
                import builtins
                import shrinkpy as sp
                from support import Cache, register

                class Late:
                    def __init__(self):
                        self.make, self.register, self.cache = sp.Machine, register, Cache

                    def __del__(self):
                        machine = self.make()
                        builtins.last = (machine, self.register(machine, self.cache(10)))
                        machine.shrink_slab(priority=0)

                import atexit
                atexit.register(Late().__del__)
                builtins.late = Late()
            """)
        )

    @pytest.mark.parametrize("inside", ["Python", "the core"])
    def test_daemon_threads_that_reclaim_without_end(self, inside: str) -> None:
        quiet(
            script(f"""
                import threading, time
                import shrinkpy as sp
                from support import TIMEOUT, Cache, native_pass, register

                machine, begun = sp.Machine(), threading.Event()
                handles = [register(machine, Cache(0)) for _ in range(50)]

                def work():
                    try:
                        while True:
                            machine.shrink_slab() if {inside!r} == "Python" else native_pass(machine)
                            begun.set()
                    except sp.ClosedError:
                        pass  # the exit came between two passes

                for _ in range(3):
                    threading.Thread(target=work, daemon=True).start()
                begun.wait(TIMEOUT)
            """)
        )

    def test_threads_that_python_has_never_seen_reclaim_without_end(self, tmp_path: Path) -> None:
        ended = script(
            f"""
            import ctypes
            from pathlib import Path
            import shrinkpy as sp
            from native import Native, Thread
            from support import Cache, register, until

            native, machine = Native(Path({str(tmp_path)!r})), sp.Machine()
            handles = [register(machine, Cache(0)) for _ in range(50)]
            threads = [Thread(native, machine) for _ in range(2)]
            for each in threads:  # what they write to outlives Python
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(each.job))
            until(lambda: all(each.job.done for each in threads))
        """,
            seconds=10,
        )
        quiet(ended)

    # A thread that is new to Python, in a pass of its own, waits for the GIL to call the first callback.
    ON_ITS_WAY_IN = """
        import ctypes, os, sys
        from pathlib import Path
        import shrinkpy as sp
        from native import Native, Thread
        from shrinkpy import core
        from support import Cache, register

        native, machine, cache = Native(Path({where!r})), sp.Machine(), Cache(0)
        handle = register(machine, cache)
        sys.setswitchinterval(1000)  # who has the GIL has it until it gives it up
        thread = Thread(native, machine)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thread.job))  # what it writes to outlives Python
        thread.sleeps()
        assert not cache.counts
    """

    def test_lets_in_who_is_on_the_way(self, tmp_path: Path) -> None:
        quiet(
            script(
                textwrap.dedent(self.ON_ITS_WAY_IN.format(where=str(tmp_path)))
                + textwrap.dedent("""
                    core.end()
                    assert cache.counts
                """)
            )
        )

    def test_of_a_child_waits_for_no_thread_of_its_parent(self, tmp_path: Path) -> None:
        survives(
            textwrap.dedent(self.ON_ITS_WAY_IN.format(where=str(tmp_path)))
            + textwrap.dedent("""
                import signal, warnings

                warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads
                pid = os.fork()
                if pid:
                    assert os.waitpid(pid, 0)[1] == 0
                else:
                    signal.alarm(20)
            """)
        )

    def test_by_a_signal_in_the_middle_of_a_pass(self) -> None:
        ended = script("""
            import os, signal
            import shrinkpy as sp
            from support import Doing, register

            machine = sp.Machine()
            shrinker = register(machine, Doing(count=lambda sc: os.kill(os.getpid(), signal.SIGTERM) or 0))
            machine.shrink_slab()
        """)
        assert ended.returncode == -signal.SIGTERM


# ---- asyncio -------------------------------------------------------------------------------------


class TestAsyncio:
    def test_a_pass_in_a_thread_outlives_the_task_that_waited_for_it(self, machine: sp.Machine) -> None:
        held, done = Held(), []
        shrinker = register(machine, Log(held, done))

        async def main() -> None:
            task = asyncio.create_task(asyncio.to_thread(machine.shrink_slab))
            assert await asyncio.to_thread(held.entered.wait, TIMEOUT)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            closing = asyncio.create_task(asyncio.to_thread(shrinker.close))
            await asyncio.to_thread(until_closing, shrinker)
            assert not closing.done()
            assert "from_foreign" not in done
            held.leave.set()
            await closing
            assert done.count("from_foreign") == 1

        asyncio.run(main())
        assert machine.ledger.shrinker == 0

    def test_a_callback_may_run_a_loop_of_its_own(self, machine: sp.Machine) -> None:
        async def freed(sc: sp.ShrinkControl) -> int:
            await asyncio.sleep(0)
            return sc.nr_to_scan

        with register(machine, Doing(scan=lambda sc: asyncio.run(freed(sc))), seeks=4):
            assert machine.shrink_slab(priority=0) == 100

    def test_a_coroutine_is_no_result(self, machine: sp.Machine) -> None:
        async def count(_sc: sp.ShrinkControl) -> int:
            return 5

        made: list[Any] = []
        with (
            register(machine, Doing(count=lambda sc: made.append(count(sc)) or made[-1])),
            pytest.raises(TypeError, match="returned <coroutine"),
        ):
            machine.shrink_slab()
        made[0].close()

    def test_many_tasks_at_once(self, machine: sp.Machine) -> None:
        async def main() -> int:
            with registered(machine, *(Cache(10) for _ in range(5))):
                tasks = [asyncio.to_thread(machine.shrink_slab, priority=0) for _ in range(10)]
                return sum(await asyncio.gather(*tasks))

        assert asyncio.run(main()) >= 50


class TestBorrowedAcrossClose:
    """Python cannot end a borrow; what was borrowed stays an object, and is nobody's shrinker any more."""

    @pytest.mark.parametrize("owner", [sp.Box, sp.Arc, lambda data: data, lambda data: Log(data, [])])
    def test_it_is_still_the_object(self, machine: sp.Machine, owner: Any) -> None:
        with register(machine, owner(Cache(10))) as shrinker:
            borrowed = shrinker.private_data
        gc.collect()
        assert machine.shrink_slab(priority=0) == 0
        assert (borrowed.objects, borrowed.counts) == (10, 0)
        assert sys.getrefcount(borrowed) <= 3
        with register(machine, borrowed) as again:
            assert refcount(again) == 1
            assert machine.shrink_slab(priority=0) == 10
        assert lib.sp_machine_nr_registered(machine._pointer) == 0
