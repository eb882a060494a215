# SPDX-License-Identifier: GPL-2.0-only
"""close() from wherever it can be called."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from typing import Any, ClassVar

import pytest
from apart import survives
from attacks import OWNING, STATES, States
from support import (
    TIMEOUT,
    Cache,
    Doing,
    Held,
    Log,
    refcount,
    register,
    registered,
    until_closing,
)

import shrinkpy as sp
from shrinkpy.core import lib


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
        setup = """
            import contextlib, gc, sys, threading, warnings, weakref
            import shrinkpy as sp
            from support import Cache, Doing, Log, Running, register

            warnings.simplefilter("ignore")
            machine, done = sp.Machine(), []
            handle = register(machine, Log(Cache(), done))
        """
        end = "print(done.count('from_foreign'), handle.closed)\nmachine.close()"
        assert survives(setup, self.PLACES[place], end) == "1 True\n"


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
