# SPDX-License-Identifier: GPL-2.0-only
"""The end of the process, and a second one: fork and exit."""

from __future__ import annotations

import signal
import sys
import textwrap
import warnings
from pathlib import Path
from typing import Any, ClassVar

import pytest
import support
from apart import quiet, script, survives
from support import (
    Cache,
    Doing,
    Log,
    Running,
    register,
    unraised,
)

import shrinkpy as sp


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
        end = "machine.close()\nprint(machine.ledger[:3])"
        out = survives(f"what = {what!r}", setup, self.CHILD, self.WHILE[what], end)
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
        assert ended.stdout == ("late 3\n" if order.startswith("before") else "freed 10\nlate 3\n")

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
        end = "core.end()\nassert cache.counts"
        quiet(script(self.ON_ITS_WAY_IN.format(where=str(tmp_path)), end))

    def test_of_a_child_waits_for_no_thread_of_its_parent(self, tmp_path: Path) -> None:
        survives(
            self.ON_ITS_WAY_IN.format(where=str(tmp_path)),
            """
                import signal, warnings

                warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads
                pid = os.fork()
                if pid:
                    assert os.waitpid(pid, 0)[1] == 0
                else:
                    signal.alarm(20)
            """,
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
