# SPDX-License-Identifier: GPL-2.0-only
"""Machine.close(): frees what still lives, a ResourceWarning each; exit, fork, and being forgotten."""

from __future__ import annotations

import gc
import sys
import threading
import warnings
import weakref
from typing import Any

import pytest
from support import (
    TIMEOUT,
    Cache,
    Doing,
    Held,
    Log,
    Running,
    in_callback,
    interrupted,
    register,
    script,
    survives,
    until_closing,
    warned,
)

import shrinkpy as sp

MEMCG = sp.Flags.MEMCG_AWARE


class TestClose:
    def test_with_nothing_alive_it_is_quiet(self) -> None:
        machine = sp.Machine()
        machine.root.create("app")
        with register(machine, Cache(10)):
            machine.shrink_slab(priority=0)
        machine.close()
        assert machine.closed
        assert repr(machine) == "<Machine, 1 node, closed>"

    def test_again_is_nothing(self) -> None:
        machine = sp.Machine()
        for _ in range(3):
            machine.close()

    def test_the_end_of_a_with_block_does_it(self) -> None:
        with sp.Machine() as machine:
            assert not machine.closed
        assert machine.closed

    def test_live_shrinkers_are_freed_with_a_warning_each(self) -> None:
        machine, done = sp.Machine(), []
        shrinkers = [register(machine, Log(Cache(), done), f"s{i}", flags=MEMCG * (i % 2)) for i in range(3)]
        unregistered = sp.UnregisteredShrinker.alloc("u", machine=machine)
        with pytest.warns(ResourceWarning) as caught:
            machine.close()
        texts = sorted(str(each.message) for each in caught)
        when = "when its machine was closed"
        expected = [f"shrinker 's{i}' was still registered {when}" for i in range(3)]
        assert texts == [*expected, f"shrinker 'u' was neither registered nor closed {when}"]
        assert done.count("from_foreign") == 3
        assert all(shrinker.closed for shrinker in shrinkers)
        assert machine.ledger[:3] == (0, 0, 0)
        unregistered.close()
        for shrinker in shrinkers:
            shrinker.close()

    def test_the_warning_points_at_the_caller(self) -> None:
        machine = sp.Machine()
        shrinker = register(machine, Cache())
        with pytest.warns(ResourceWarning) as caught:
            machine.close()
        assert caught[0].filename == __file__
        assert shrinker.closed

    def test_where_warnings_are_errors_it_closes_all_the_same(self) -> None:
        machine, done = sp.Machine(), []
        shrinkers = [register(machine, Log(Cache(), done), f"s{i}") for i in range(3)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ResourceWarning, match="was still registered"):
                machine.close()
        assert machine.closed
        assert done.count("from_foreign") == 3
        assert all(shrinker.closed for shrinker in shrinkers)

    def test_what_from_foreign_raises_is_unraisable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Stubborn(Log):
            @staticmethod
            def from_foreign(_foreign: Any, /) -> object:
                raise LookupError("not wanted back")

        unraisable: list[str] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(str(args.exc_value)))
        machine = sp.Machine()
        shrinkers = [register(machine, Stubborn(Cache(), [])) for _ in range(2)]
        with warned(times=2):
            machine.close()
        assert unraisable == ["not wanted back"] * 2
        assert all(shrinker.closed for shrinker in shrinkers)

    def test_first_the_free_then_the_drop(self) -> None:
        seen: list[tuple[bool, int]] = []

        class Looking(Log):
            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                seen.append((shrinker.closed, machine.ledger.registered))
                return Log.from_foreign(foreign)

        machine = sp.Machine()
        shrinker = register(machine, Looking(Cache(), []))
        with warned():
            machine.close()
        assert seen == [(True, 0)]

    def test_what_was_seen_stays_readable(self) -> None:
        machine = sp.Machine()
        app = machine.root.create("app")
        with register(machine, Cache(10), seeks=4), machine.trace.start():
            machine.shrink_slab(priority=0)
        machine.close()
        assert machine.last_pass is not None
        assert machine.last_pass.freed == 10
        assert machine.slabs_scanned == 10
        assert len(machine.trace.array()) == 2
        assert machine.ledger.registered == 0
        assert (app.path, app.online, machine.nr_nodes) == ("/app", True, 1)


class TestInACallback:
    def test_of_this_machine_it_is_a_deadlock_and_nothing_has_changed(self, machine: sp.Machine) -> None:
        errors: list[sp.DeadlockError] = []

        def count(_sc: sp.ShrinkControl) -> int:
            try:
                machine.close()
            except sp.DeadlockError as error:
                errors.append(error)
            return 0

        with register(machine, Doing(count=count)), register(machine, Cache(10)):
            assert machine.shrink_slab(priority=0) == 10
            assert not machine.closed
            assert "closing the machine" in str(errors[0])
            assert machine.ledger.registered == 2

    def test_of_another_machine_it_is_fine(self, machine: sp.Machine) -> None:
        other = sp.Machine()
        with register(machine, Doing(count=lambda _sc: other.close() or 0)):
            machine.shrink_slab()
        assert other.closed


class TestInItsOwnDrops:
    """Private data that is dropped may do what it likes, closing the machine included."""

    def test_again_is_nothing_or_a_deadlock_but_no_hang(self) -> None:
        out = survives("""
            import contextlib, signal, warnings
            import shrinkpy as sp
            from support import Cache, Log, register

            class Closing(Log):
                @staticmethod
                def from_foreign(foreign):
                    with contextlib.suppress(sp.DeadlockError):
                        machine.close()
                    return Log.from_foreign(foreign)

            signal.alarm(5)
            warnings.simplefilter("ignore")
            machine, done = sp.Machine(), []
            shrinkers = [register(machine, Closing(Cache(), done)) for _ in range(2)]
            machine.close()
            print(machine.closed, done.count("from_foreign"))
        """)
        assert out == "True 2\n"

    def test_of_a_handle_that_is_closed(self) -> None:
        class Closing(Log):
            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                machine.close()
                return Log.from_foreign(foreign)

        machine, done = sp.Machine(), []
        shrinker = register(machine, Closing(Cache(), done))
        shrinker.close()
        assert machine.closed
        assert done.count("from_foreign") == 1


class TestWaiting:
    def test_for_the_callbacks_that_run(self) -> None:
        machine, held, done = sp.Machine(), Held(), []
        shrinker = register(machine, Log(held, done))
        with warned():
            with in_callback(machine, held):
                closing = Running(machine.close)
                until_closing(shrinker)
                assert closing.alive
                assert "from_foreign" not in done
                assert not machine.closed
            closing.join()
        assert machine.closed
        assert done.count("from_foreign") == 1

    def test_meanwhile_nothing_new_is_made(self) -> None:
        machine, held = sp.Machine(), Held()
        shrinker = register(machine, held)
        with warned():
            with in_callback(machine, held):
                closing = Running(machine.close)
                until_closing(shrinker)
                with pytest.raises(sp.ClosedError):
                    sp.UnregisteredShrinker.alloc("late", machine=machine)
            closing.join()

    def test_for_a_pass_between_two_shrinkers(self) -> None:
        # The callback's own shrinker is freed already when the machine is closed.
        machine, held = sp.Machine(), Held()
        inner = Doing(count=lambda _sc: shrinkers[1].close() or machine.shrink_slab() * 0)
        shrinkers = [register(machine, held), register(machine, inner)]
        inner._count = lambda _sc: 0
        with warned(times=2):
            with in_callback(machine, held):
                closing = Running(machine.close)
                until_closing(shrinkers[0])
            closing.join()
        assert machine.closed

    def test_two_threads_close_at_once_and_each_warning_comes_once(self) -> None:
        machine, held, done = sp.Machine(), Held(), []
        shrinker = register(machine, Log(held, done))
        with warned(times=1):
            with in_callback(machine, held):
                closing = [Running(machine.close) for _ in range(2)]
                until_closing(shrinker)
            for each in closing:
                each.join()
        assert done.count("from_foreign") == 1

    def test_a_handle_and_its_machine_are_closed_at_once(self) -> None:
        # The data is dropped by one of the two, once; the drop is held open until both were let go on.
        out = survives("""
            import threading, warnings
            import shrinkpy as sp
            from support import Held, Log, Running, in_callback, register, until_closing

            warnings.simplefilter("ignore")
            for _ in range(5):
                dropping, machine, held, done = threading.Event(), sp.Machine(), Held(), []

                class Slow(Log):
                    @staticmethod
                    def from_foreign(foreign):
                        dropping.set()
                        for _ in range(50):
                            threading.Event().wait(0.001)
                        return Log.from_foreign(foreign)

                shrinker = register(machine, Slow(held, done))
                with in_callback(machine, held):
                    handle = Running(shrinker.close)
                    until_closing(shrinker)
                    closing = Running(machine.close)
                    while True:  # until that one waits as well
                        try:
                            sp.UnregisteredShrinker.alloc("probe", machine=machine).close()
                        except sp.ClosedError:
                            break
                handle.join()
                closing.join()
                print(done.count("from_foreign"), shrinker.closed, machine.closed)
        """)
        assert out == "1 True True\n" * 5

    def test_one_was_forgotten_in_its_callback_and_the_pass_goes_on(self) -> None:
        # Its data is dropped by the machine's close(), and not once more when the pass ends.
        out = survives("""
            import threading, warnings
            import shrinkpy as sp
            from support import TIMEOUT, Doing, Held, Log, Running, in_callback, register

            warnings.simplefilter("ignore")
            machine, held, done = sp.Machine(), Held(), []
            dropped = threading.Event()

            class Telling(Log):
                @staticmethod
                def from_foreign(foreign):
                    dropped.set()
                    return Log.from_foreign(foreign)

            box = []
            box.append(register(machine, Telling(Doing(count=lambda sc: box.clear() or 0), done)))
            second = register(machine, held)
            with in_callback(machine, held):
                closing = Running(machine.close)
                dropped.wait(TIMEOUT)
            closing.join()
            print(done.count("from_foreign"), machine.ledger.shrinker)
        """)
        assert out == "1 0\n"

    def test_an_unregistered_one_is_left_alone_or_gone_but_never_both(self) -> None:
        # The machine's close() waits for the held one, with the others freed already.
        out = survives("""
            import warnings
            import shrinkpy as sp
            from support import Cache, Held, Running, in_callback, register, until_closing

            warnings.simplefilter("ignore")
            machine, held = sp.Machine(), Held()
            unregistered = sp.UnregisteredShrinker.alloc("u", machine=machine)
            shrinker = register(machine, held)
            with in_callback(machine, held):
                closing = Running(machine.close)
                until_closing(shrinker)
                for use in (lambda: unregistered.set_seeks(7), lambda: unregistered.register(Cache())):
                    try:
                        use()
                    except sp.ShrinkpyError:
                        print("refused")
                unregistered.close()
            closing.join()
            print(machine.ledger.shrinker)
        """)
        assert out == "refused\nrefused\n0\n"


class TestInterrupted:
    def test_ctrl_c_leaves_it_half_closed_and_the_next_goes_on(self) -> None:
        machine, held, done = sp.Machine(), Held(), []
        shrinker = register(machine, Log(held, done))
        with in_callback(machine, held):
            with pytest.raises(KeyboardInterrupt):
                interrupted(machine.close, shrinker)
            assert not machine.closed
            assert "from_foreign" not in done
        with warned():
            machine.close()
        assert machine.closed
        assert done.count("from_foreign") == 1

    def test_none_of_the_warnings_is_lost(self) -> None:
        machine, held = sp.Machine(), Held()
        first = register(machine, Cache(), "first")
        second = register(machine, held, "second")
        with warned("'(first|second)' was still registered", times=2):
            with in_callback(machine, held), pytest.raises(KeyboardInterrupt):
                interrupted(machine.close, second)
            machine.close()
        assert first.closed
        assert second.closed

    def test_an_unregistered_one_was_freed_or_was_not(self) -> None:
        out = survives("""
            import contextlib, warnings
            import shrinkpy as sp
            from support import Cache, Held, in_callback, interrupted, register

            warnings.simplefilter("ignore")
            machine, held = sp.Machine(), Held()
            unregistered = sp.UnregisteredShrinker.alloc("u", machine=machine)
            shrinker = register(machine, held)
            with in_callback(machine, held):
                try:
                    interrupted(machine.close, shrinker)
                except KeyboardInterrupt:
                    print("interrupted")
            with contextlib.suppress(sp.ShrinkpyError):
                unregistered.set_seeks(7)
                assert unregistered.seeks == 7
            unregistered.close()
            machine.close()
            print(machine.ledger.shrinker)
        """)
        assert out == "interrupted\n0\n"


class TestForced:
    def test_what_the_kernel_would_wait_for_is_torn_down(self) -> None:
        machine, done = sp.Machine(kmem=False), []
        app = machine.root.create("app")
        shrinkers = [register(machine, Log(Cache(), done), f"s{i}", flags=MEMCG) for i in range(2)]
        for shrinker in shrinkers:
            shrinker.set_bit(app)
        machine.shrink_slab(memcg=app)
        with warned("still registered", times=2):
            machine.close()
        assert done.count("from_foreign") == 2
        assert machine.ledger[:3] == (0, 0, 0)

    def test_but_not_while_its_callback_runs(self) -> None:
        machine, done, held = sp.Machine(), [], Held()
        app = machine.root.create("app")
        shrinker = register(machine, Log(held, done), flags=MEMCG)
        shrinker.set_bit(app)
        machine.kmem = False
        machine.shrink_slab(memcg=app)
        with warned():
            with in_callback(machine, held):
                closing = Running(machine.close)
                until_closing(shrinker, callbacks=2)  # the callback, and the lost one
                assert "from_foreign" not in done
            closing.join()
        assert done.count("from_foreign") == 1


class TestForgotten:
    def test_with_cgroups_and_a_trace_the_collector_takes_it(self) -> None:
        machine = sp.Machine()
        machine.root.create("app")
        with register(machine, Cache(10)), machine.trace.start():
            machine.shrink_slab(priority=0)
        gone = weakref.ref(machine)
        del machine
        gc.collect()
        assert gone() is None

    def test_its_handles_keep_it(self) -> None:
        shrinker = register(sp.Machine(), Cache(10))
        gc.collect()
        assert shrinker.machine.shrink_slab(priority=0) == 10
        shrinker.close()

    def test_in_a_callback_the_pass_keeps_it(self) -> None:
        cache = Doing(count=lambda _sc: gc.collect() * 0 + 10, scan=lambda sc: sc.nr_to_scan)
        machine = sp.Machine()
        with register(machine, cache, seeks=4):
            call = machine.shrink_slab
            del machine
            assert call(priority=0) == 10

    def test_threads_that_reclaimed_may_outlive_it(self) -> None:
        leave, gone = threading.Event(), threading.Event()

        def work() -> None:
            for _ in range(3):
                with sp.Machine() as machine, register(machine, Cache(5)):
                    assert machine.shrink_slab(priority=0) == 5
            del machine
            gc.collect()
            gone.set()
            assert leave.wait(TIMEOUT)
            with sp.Machine() as machine, register(machine, Cache(7)):
                assert machine.shrink_slab(priority=0) == 7

        running = Running(work)
        assert gone.wait(TIMEOUT)
        leave.set()
        running.join()


class TestExit:
    """The interpreter ends with machines alive: they are closed, with their warnings and no other noise."""

    def test_with_shrinkers_in_every_state(self) -> None:
        ended = script("""
            import shrinkpy as sp
            from support import Cache, Held, Log, Running, in_callback, register

            machine, other = sp.Machine(), sp.Machine()
            app = machine.root.create("app")
            unregistered = sp.UnregisteredShrinker.alloc("unregistered", machine=machine)
            shrinker = register(machine, Cache(10), "registered", flags=sp.Flags.MEMCG_AWARE)
            closed = register(machine, Cache(), "closed")
            closed.close()
            cycle = Cache()
            cycle.shrinker = register(other, cycle, "cycle")
            machine.trace.start()
            machine.shrink_slab(priority=0)
        """)
        assert (ended.returncode, ended.stdout) == (0, "")
        lines = [line for line in ended.stderr.splitlines() if line and not line.startswith(" ")]
        assert len(lines) == 3
        assert all("ResourceWarning: shrinker '" in line for line in lines)
        assert {line.split("'")[1] for line in lines} == {"unregistered", "registered", "cycle"}

    def test_with_nothing_alive_it_is_silent(self) -> None:
        ended = script("""
            import shrinkpy as sp
            from support import Cache, register

            machine = sp.Machine()
            with register(machine, Cache(10)):
                machine.shrink_slab(priority=0)
        """)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")

    def test_by_an_exception(self) -> None:
        ended = script("""
            import shrinkpy as sp
            from support import Doing, register

            machine = sp.Machine()
            shrinker = register(machine, Doing(count=lambda sc: exit(3)), "exiting")
            machine.shrink_slab()
        """)
        assert ended.returncode == 3
        assert "Traceback" not in ended.stderr
        assert "'exiting' was still registered" in ended.stderr

    def test_a_machine_may_be_used_by_what_is_dropped(self) -> None:
        ended = script("""
            import shrinkpy as sp
            from support import Cache, Log, register

            class Reclaiming(Log):
                @staticmethod
                def from_foreign(foreign):
                    print("dropped", machine.ledger.registered)
                    return object()

            machine = sp.Machine()
            shrinker = register(machine, Reclaiming(Cache(), []))
        """)
        assert (ended.returncode, ended.stdout) == (0, "dropped 0\n")

    def test_while_a_daemon_thread_stands_in_a_callback(self) -> None:
        ended = script("""
            import threading
            import shrinkpy as sp
            from support import TIMEOUT, Doing, register

            entered = threading.Event()
            machine = sp.Machine()
            shrinker = register(machine, Doing(count=lambda sc: entered.set() or threading.Event().wait(8)))
            threading.Thread(target=machine.shrink_slab, daemon=True).start()
            entered.wait(TIMEOUT)
            timer = threading.Timer(1, lambda: print("hangs", flush=True))
            timer.daemon = True
            timer.start()
        """)
        assert ended.returncode == 0
        assert ended.stdout == ""


class TestFork:
    """A child has only the thread that forked: nobody else's callback is waited for."""

    def test_the_child_reclaims_closes_and_exits(self) -> None:
        ended = script("""
            import os, sys, warnings
            import shrinkpy as sp
            from support import Cache, Held, Log, in_callback, register

            warnings.filterwarnings("ignore", category=DeprecationWarning)
            machine, held, done = sp.Machine(), Held(), []
            app = machine.root.create("app")
            shrinker = register(machine, Log(held, done), "held")
            second = register(machine, Cache(10), "second", flags=sp.Flags.MEMCG_AWARE)
            second.set_bit(app)
            unregistered = sp.UnregisteredShrinker.alloc("unregistered", machine=machine)
            with in_callback(machine, held):
                pid = os.fork()
                if pid == 0:
                    shrinker.close()  # its callback runs in the parent only
                    print("child", done.count("from_foreign"), machine.shrink_slab(memcg=app, priority=0))
                    with register(machine, Cache(5)):
                        print("child", machine.shrink_slab(priority=0))
                    second.close()
                    unregistered.close()
                    machine.close()
                    print("child", machine.ledger.shrinker, flush=True)
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
                assert not shrinker.closed and "from_foreign" not in done
            assert machine.shrink_slab(priority=0) == 10
            for each in (shrinker, second, unregistered, machine):
                each.close()
            print("parent", done.count("from_foreign"), machine.ledger.shrinker)
        """)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines() == ["child 1 10", "child 5", "child 0", "parent 1 0"]
        assert ended.stderr == ""

    def test_in_a_callback(self) -> None:
        ended = script("""
            import os
            import shrinkpy as sp
            from support import Doing, register

            def child(sc):
                try:
                    shrinker.close()
                except sp.DeadlockError:
                    print("child", sc.nid, machine.shrink_slab(priority=0), flush=True)

            def count(sc):
                if cache.counts > 1:
                    return 7
                pid = os.fork()
                if pid == 0:
                    child(sc)
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
                return 0

            machine = sp.Machine()
            cache = Doing(count=count, scan=lambda sc: sc.nr_to_scan)
            shrinker = register(machine, cache, seeks=4)
            print("parent", machine.shrink_slab(priority=0))
            shrinker.close()
        """)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == "child 0 7\nparent 0\n"

    def test_a_close_that_the_parent_waits_in_may_be_done_again_in_the_child(self) -> None:
        ended = script("""
            import os, sys, warnings
            import shrinkpy as sp
            from support import Held, Log, Running, in_callback, register, until_closing

            warnings.filterwarnings("ignore", category=DeprecationWarning)
            machine, held, done = sp.Machine(), Held(), []
            shrinker = register(machine, Log(held, done))
            with in_callback(machine, held):
                closing = Running(shrinker.close)
                until_closing(shrinker)
                pid = os.fork()
                if pid == 0:
                    shrinker.close()
                    print("child", done.count("from_foreign"), shrinker.closed, flush=True)
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
            closing.join()
            print("parent", done.count("from_foreign"))
        """)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == "child 1 True\nparent 1\n"

    def test_while_another_thread_is_in_its_tables(self) -> None:
        ended = script("""
            import os, signal, threading, warnings
            import shrinkpy as sp
            from support import TIMEOUT, Cache, Running, register

            def stay():
                machine._handover.acquire()
                inside.set()
                leave.wait(TIMEOUT)
                machine._handover.release()

            warnings.filterwarnings("ignore", category=DeprecationWarning)
            machine, inside, leave = sp.Machine(), threading.Event(), threading.Event()
            running = Running(stay)
            inside.wait(TIMEOUT)
            pid = os.fork()
            if pid == 0:
                signal.alarm(5)
                with register(machine, Cache(5)):
                    print("child", machine.shrink_slab(priority=0), flush=True)
                machine.close()
                os._exit(0)
            status = os.waitpid(pid, 0)[1]
            leave.set()
            running.join()
            machine.close()
            print("parent", status)
        """)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == "child 5\nparent 0\n"

    def test_a_child_that_exits_says_what_it_left_open(self) -> None:
        ended = script("""
            import os, sys
            import shrinkpy as sp
            from support import Cache, register

            machine = sp.Machine()
            shrinker = register(machine, Cache(10))
            pid = os.fork()
            if pid == 0:
                sys.exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            assert machine.shrink_slab(priority=0) == 10
            shrinker.close()
        """)
        assert ended.returncode == 0, ended.stderr
        lines = [line for line in ended.stderr.splitlines() if not line.startswith(" ")]
        assert len(lines) == 1
        assert "ResourceWarning: shrinker 'cache' was still registered" in lines[0]
