# SPDX-License-Identifier: GPL-2.0-only
"""RegisteredShrinker.close() and its finalizer: free, which waits, then the data goes, once."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
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
    refcount,
    register,
    registered,
    survives,
    until_closing,
    warned,
)

import shrinkpy as sp
from shrinkpy.core import ffi, lib

MEMCG, NONSLAB = sp.Flags.MEMCG_AWARE, sp.Flags.NONSLAB


def dropped(done: list[str]) -> int:
    """How often the data was given back."""
    return done.count("from_foreign")


def counts(machine: sp.Machine) -> int:
    """Run a pass; how many shrinkers it called."""
    machine.shrink_slab()
    assert machine.last_pass is not None
    return machine.last_pass.counts


class TestClose:
    @pytest.mark.parametrize("flags", [sp.Flags(0), sp.Flags.NUMA_AWARE, MEMCG])
    def test_it_frees_all_that_alloc_made(self, machine: sp.Machine, flags: sp.Flags) -> None:
        register(machine, Cache(), flags=flags).close()  # grows what stays grown
        before = machine.ledger
        shrinker = register(machine, Cache(), flags=flags)
        assert machine.ledger.registered == 1
        shrinker.close()
        assert machine.ledger == before

    def test_passes_no_longer_call_it(self, machine: sp.Machine) -> None:
        cache = Cache()
        shrinker = register(machine, cache)
        assert counts(machine) == 1
        shrinker.close()
        assert counts(machine) == 0
        assert cache.counts == 1

    def test_first_the_free_then_the_drop(self, machine: sp.Machine) -> None:
        seen: list[tuple[bool, int, int]] = []

        class Looking(Log):
            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                seen.append((shrinker.closed, machine.ledger.registered, counts(machine)))
                return Log.from_foreign(foreign)

        shrinker = register(machine, Looking(Cache(), []))
        shrinker.close()
        assert seen == [(True, 0, 0)]

    def test_the_data_is_dropped_once(self, machine: sp.Machine) -> None:
        done: list[str] = []
        shrinker = register(machine, Log(Cache(), done))
        shrinker.close()
        shrinker.close()
        del shrinker
        gc.collect()
        assert dropped(done) == 1

    def test_nothing_else_keeps_the_data(self, machine: sp.Machine) -> None:
        cache = Cache(5)
        gone = weakref.ref(cache)
        shrinker = register(machine, sp.Box(cache))
        del cache
        machine.shrink_slab(priority=0)
        assert gone() is not None
        shrinker.close()
        assert gone() is None

    def test_what_from_foreign_gives_is_dropped(self, machine: sp.Machine) -> None:
        arc = sp.Arc(Cache())
        shrinker = register(machine, arc.clone())
        assert arc.strong_count == 2
        shrinker.close()
        assert arc.strong_count == 1

    def test_what_from_foreign_raises_comes_through_after_the_free(self, machine: sp.Machine) -> None:
        class Stubborn(Log):
            @staticmethod
            def from_foreign(_foreign: Any, /) -> object:
                raise LookupError("not wanted back")

        shrinker = register(machine, Stubborn(Cache(), []))
        with pytest.raises(LookupError, match="not wanted back"):
            shrinker.close()
        assert shrinker.closed
        assert machine.ledger.shrinker == 0
        shrinker.close()

    def test_the_end_of_a_with_block_does_it(self, machine: sp.Machine) -> None:
        with register(machine, Cache()) as shrinker:
            assert not shrinker.closed
        assert shrinker.closed
        assert repr(shrinker) == "<RegisteredShrinker 'cache', closed>"

    def test_from_a_thread_that_did_not_register_it(self, machine: sp.Machine) -> None:
        done: list[str] = []
        shrinker = register(machine, Log(Cache(), done))
        Running(shrinker.close).join()
        assert shrinker.closed
        assert dropped(done) == 1

    def test_it_knows_name_and_machine_ever_after(self, machine: sp.Machine) -> None:
        shrinker = register(machine, Cache(), "inodes")
        shrinker.close()
        assert (shrinker.name, shrinker.machine) == ("inodes", machine)

    @pytest.mark.parametrize("name", ["private_data", "flags", "id", "seeks", "batch"])
    def test_anything_else_raises_closed_error(self, machine: sp.Machine, name: str) -> None:
        shrinker = register(machine, Cache(), "inodes")
        shrinker.close()
        with pytest.raises(sp.ClosedError, match="'inodes' was closed"):
            getattr(shrinker, name)
        with pytest.raises(sp.ClosedError):
            shrinker.nr_deferred()
        with pytest.raises(sp.ClosedError):
            shrinker.set_bit(machine.root)

    def test_the_next_id_is_the_freed_one(self, machine: sp.Machine) -> None:
        register(machine, Cache(), flags=MEMCG).close()
        with register(machine, Cache(), flags=MEMCG) as again:
            assert again.id == 0

    def test_a_bit_left_behind_is_cleared_by_the_next_pass(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        shrinker = register(machine, Cache(), flags=MEMCG)
        shrinker.set_bit(app)
        shrinker.close()
        assert lib.sp_peek_bit(app._pointer, 0, 0)
        assert machine.shrink_slab(memcg=app) == 0
        assert not lib.sp_peek_bit(app._pointer, 0, 0)


class TestWaiting:
    """close() returns when no callback runs or will run, and the data goes then, not before."""

    def test_for_a_callback_in_another_thread(self, machine: sp.Machine) -> None:
        held, done = Held(), []
        shrinker = register(machine, Log(held, done))
        with in_callback(machine, held):
            closing = Running(shrinker.close)
            until_closing(shrinker)
            assert closing.alive
            assert dropped(done) == 0
            assert not shrinker.closed
        closing.join()
        assert dropped(done) == 1
        assert held.counts == 1

    def test_for_scan_as_well(self, machine: sp.Machine) -> None:
        entered, leave = threading.Event(), threading.Event()
        done: list[str] = []

        def scan(_sc: sp.ShrinkControl) -> sp.ScanObjects:
            entered.set()
            assert leave.wait(TIMEOUT)
            done.append("scanned")
            return sp.ScanObjects.STOP

        shrinker = register(machine, Log(Doing(scan=scan), done))
        passing = Running(lambda: machine.shrink_slab(priority=0))
        assert entered.wait(TIMEOUT)
        closing = Running(shrinker.close)
        until_closing(shrinker)
        leave.set()
        closing.join()
        passing.join()
        assert done[-2:] == ["scanned", "from_foreign"]

    def test_until_the_last_of_several_returned(self, machine: sp.Machine) -> None:
        done: list[str] = []
        leave = [threading.Event() for _ in range(3)]
        inside = threading.Barrier(4)
        turn: Iterator[int] = iter(range(3))

        def count(_sc: sp.ShrinkControl) -> int:
            event = leave[next(turn)]
            inside.wait(TIMEOUT)
            assert event.wait(TIMEOUT)
            done.append("returned")
            return 0

        shrinker = register(machine, Log(Doing(count=count), done))
        passes = [Running(machine.shrink_slab) for _ in range(3)]
        inside.wait(TIMEOUT)
        assert refcount(shrinker) == 4
        closing = Running(shrinker.close)
        for left, event in zip((3, 2, 1), leave, strict=True):
            until_closing(shrinker, callbacks=left)
            assert closing.alive
            assert dropped(done) == 0
            event.set()
        closing.join()
        for each in passes:
            each.join()
        assert done[-4:] == ["returned", "returned", "returned", "from_foreign"]

    def test_for_this_shrinkers_callbacks_only(self, machine: sp.Machine) -> None:
        held, first, last = Held(), Cache(), Cache()
        with registered(machine, first, held, last) as shrinkers, in_callback(machine, held):
            shrinkers[0].close()
            shrinkers[2].close()
            assert shrinkers[0].closed
            assert shrinkers[2].closed
        assert (first.counts, last.counts) == (1, 0)

    def test_the_data_goes_while_the_pass_that_called_it_still_runs(self, machine: sp.Machine) -> None:
        held = Held()
        cache = Cache()
        gone = weakref.ref(cache)
        shrinker = register(machine, sp.Box(cache))
        del cache
        with register(machine, held), in_callback(machine, held):
            shrinker.close()
            assert gone() is None

    def test_passes_skip_it_meanwhile(self, machine: sp.Machine) -> None:
        held, after = Held(), Cache()
        with registered(machine, held, after) as shrinkers:
            with in_callback(machine, held):
                closing = Running(shrinkers[0].close)
                until_closing(shrinkers[0])
                assert counts(machine) == 1
                assert (held.counts, after.counts) == (0, 1)
            closing.join()

    def test_its_fields_may_be_read_meanwhile(self, machine: sp.Machine) -> None:
        held = Held()
        shrinker = register(machine, held)
        with in_callback(machine, held):
            closing = Running(shrinker.close)
            until_closing(shrinker)
            assert shrinker.private_data is held
            assert shrinker.seeks == 2
        closing.join()
        with pytest.raises(sp.ClosedError):
            _ = shrinker.private_data

    def test_for_a_callback_deep_in_a_nested_pass(self, machine: sp.Machine) -> None:
        held = Held()
        outer = Doing(count=lambda _sc: machine.shrink_slab() if outer.counts == 1 else 0)
        with register(machine, outer):
            shrinker = register(machine, held)
            with in_callback(machine, held):
                closing = Running(shrinker.close)
                until_closing(shrinker)
                assert closing.alive
            closing.join()

    def test_two_close_at_once(self, machine: sp.Machine) -> None:
        held, done = Held(), []
        shrinker = register(machine, Log(held, done))
        with in_callback(machine, held):
            closing = [Running(shrinker.close) for _ in range(3)]
            until_closing(shrinker)
            assert all(each.alive for each in closing)
        for each in closing:
            each.join()
        assert dropped(done) == 1

    def test_the_second_waits_for_the_firsts_drop(self, machine: sp.Machine) -> None:
        dropping, may_end = threading.Event(), threading.Event()
        order: list[str] = []

        class Slow(Log):
            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                dropping.set()
                assert may_end.wait(TIMEOUT)
                order.append("dropped")
                return Log.from_foreign(foreign)

        shrinker = register(machine, Slow(Cache(), []))
        first = Running(shrinker.close)
        assert dropping.wait(TIMEOUT)
        second = Running(lambda: (shrinker.close(), order.append("second returned")))
        may_end.set()
        first.join()
        second.join()
        assert order == ["dropped", "second returned"]

    def test_close_in_its_own_drop_returns_at_once(self, machine: sp.Machine) -> None:
        class Reentrant(Log):
            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                shrinker.close()
                return Log.from_foreign(foreign)

        done: list[str] = []
        shrinker = register(machine, Reentrant(Cache(), done))
        shrinker.close()
        assert dropped(done) == 1

    def test_the_gil_is_free_meanwhile(self, machine: sp.Machine) -> None:
        # The callback takes many steps of Python before it lets close() go on.
        shrinker: sp.RegisteredShrinker
        inside = threading.Event()

        def count(_sc: sp.ShrinkControl) -> int:
            inside.set()
            until_closing(shrinker)
            return sum(range(1000)) * 0

        shrinker = register(machine, Doing(count=count))
        passing = Running(machine.shrink_slab)
        assert inside.wait(TIMEOUT)
        Running(shrinker.close).join()
        passing.join()


class TestInAnothersCallback:
    def test_one_that_is_ahead_is_not_called_any_more(self, machine: sp.Machine) -> None:
        doomed, last = Cache(), Cache(7)
        closing = Doing(count=lambda _sc: shrinkers[1].close() or 0)
        with registered(machine, closing, doomed, last) as shrinkers:
            assert machine.shrink_slab(priority=0) == 7
            assert shrinkers[1].closed
        assert doomed.counts == 0

    def test_one_that_was_called_already(self, machine: sp.Machine) -> None:
        first, last = Cache(), Cache(7)
        done: list[str] = []
        closing = Doing(count=lambda _sc: shrinkers[0].close() or 0)
        with registered(machine, Log(first, done), closing, last) as shrinkers:
            assert machine.shrink_slab(priority=0) == 100 + 7
            assert dropped(done) == 1

    def test_all_the_others(self, machine: sp.Machine) -> None:
        def count(_sc: sp.ShrinkControl) -> int:
            for i in (0, 1, 3, 4):
                shrinkers[i].close()
            return 0

        caches = [Cache(0) for _ in range(4)]
        with registered(machine, *caches[:2], Doing(count=count), *caches[2:]) as shrinkers:
            assert counts(machine) == 3
            assert machine.ledger.registered == 1
        assert [cache.counts for cache in caches] == [1, 1, 0, 0]

    def test_its_successor_may_be_replaced(self, machine: sp.Machine) -> None:
        made: list[sp.RegisteredShrinker] = []

        def count(_sc: sp.ShrinkControl) -> int:
            shrinkers[1].close()
            made.append(register(machine, Cache(5), "new"))
            return 0

        with registered(machine, Doing(count=count), Cache(3)) as shrinkers:
            assert machine.shrink_slab(priority=0) == 5
        made[0].close()

    def test_in_a_cgroup_its_bit_is_cleared(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        doomed, last = Cache(), Cache(7)
        closing = Doing(count=lambda _sc: shrinkers[1].close() or 0)
        with registered(machine, closing, doomed, last, flags=MEMCG) as shrinkers:
            for each in shrinkers:
                each.set_bit(app)
            assert machine.shrink_slab(memcg=app, priority=0) == 7
            assert not lib.sp_peek_bit(app._pointer, 0, 1)
        assert doomed.counts == 0


class TestDeadlock:
    """A wait for oneself: DeadlockError, and nothing has changed."""

    @staticmethod
    def nothing_changed(machine: sp.Machine, shrinker: sp.RegisteredShrinker, cache: Cache) -> None:
        """Hold that it is registered, callable and has its data."""
        assert not shrinker.closed
        assert shrinker.private_data is cache
        assert refcount(shrinker) == 1
        assert machine.ledger.registered == 1
        before = cache.counts
        machine.shrink_slab()
        assert cache.counts == before + 1

    @pytest.mark.parametrize("where", ["count", "scan"])
    def test_in_its_own_callback(self, machine: sp.Machine, where: str) -> None:
        errors: list[sp.DeadlockError] = []

        def close(_sc: sp.ShrinkControl) -> int:
            if not errors:
                with pytest.raises(sp.DeadlockError, match="itself") as caught:
                    shrinker.close()
                errors.append(caught.value)
            return 100 if where == "count" else 50

        cache = Doing(**{where: close})
        with register(machine, cache, "inodes") as shrinker:
            freed = machine.shrink_slab(priority=0)
            assert freed in (50, 100, 200)
            assert (errors[0].shrinker, errors[0].nid, errors[0].memcg) == ("inodes", None, None)
            assert str(errors[0]).startswith("shrinker 'inodes': ")
            self.nothing_changed(machine, shrinker, cache)

    def test_uncaught_it_ends_the_turn_and_comes_out_of_the_pass(self, machine: sp.Machine) -> None:
        cache = Doing(count=lambda _sc: shrinker.close())
        with register(machine, cache) as shrinker, pytest.raises(sp.DeadlockError):
            machine.shrink_slab()

    def test_in_a_pass_nested_in_its_callback(self, machine: sp.Machine) -> None:
        caught: list[BaseException] = []

        def inner_count(_sc: sp.ShrinkControl) -> int:
            try:
                shrinkers[0].close()
            except sp.DeadlockError as error:
                caught.append(error)
            return 0

        outer = Doing(count=lambda _sc: machine.shrink_slab() * 0 if outer.counts == 1 else 0)
        with registered(machine, outer, Doing(count=inner_count)) as shrinkers:
            machine.shrink_slab()
            # In the nested pass; in the outer one nobody is inside s0 any more.
            assert len(caught) == 1
            assert shrinkers[0].closed

    def test_in_its_own_callback_while_another_thread_closes_it(self, machine: sp.Machine) -> None:
        class Closing(Held):
            def count_objects(self, sc: sp.ShrinkControl) -> int | sp.CountObjects:
                n = super().count_objects(sc)
                with pytest.raises(sp.DeadlockError):
                    shrinker.close()
                return n

        held, done = Closing(), []
        shrinker = register(machine, Log(held, done))
        with in_callback(machine, held):
            closing = Running(shrinker.close)
            until_closing(shrinker)
        closing.join()
        assert shrinker.closed
        assert dropped(done) == 1

    @pytest.mark.parametrize("n", [2, 3, 4])
    def test_a_ring_of_callbacks_that_close_the_next_ones_shrinker(self, machine: sp.Machine, n: int) -> None:
        inside = threading.Barrier(n)
        errors: list[sp.DeadlockError] = []
        closed: list[int] = []
        called: set[int] = set()

        def count(i: int) -> int:
            if i in called or threading.current_thread() is threading.main_thread():
                return 0
            called.add(i)
            inside.wait(TIMEOUT)
            try:
                shrinkers[(i + 1) % n].close()
                closed.append((i + 1) % n)
            except sp.DeadlockError as error:
                errors.append(error)
            return 0

        # Each in a cgroup of its own, so that each pass calls only one of them.
        caches = [Doing(count=lambda _sc, i=i: count(i)) for i in range(n)]
        groups = [machine.root.create(f"g{i}") for i in range(n)]
        with registered(machine, *caches, flags=MEMCG) as shrinkers:
            for shrinker, group in zip(shrinkers, groups, strict=True):
                shrinker.set_bit(group)
            passes = [Running(lambda group=group: machine.shrink_slab(memcg=group)) for group in groups]
            for each in passes:
                each.join()
            assert len(errors) == 1
            assert len(closed) == n - 1
            (left,) = set(range(n)) - set(closed)
            assert errors[0].shrinker == f"s{left}"
            self.nothing_changed(machine, shrinkers[left], caches[left])

    def test_a_ring_through_a_thread_that_waits_for_another_ones_close(self, machine: sp.Machine) -> None:
        # main closes s0, which waits for A in s0; B, in s1, closes s0 as well; A closes s1: a ring.
        held, other = Held(), Held()
        outcome: list[str] = []

        def in_s0(sc: sp.ShrinkControl) -> int:
            held.count_objects(sc)
            try:
                shrinkers[1].close()
            except sp.DeadlockError:
                outcome.append("A would wait for itself")
            return 0

        def in_s1(sc: sp.ShrinkControl) -> int:
            other.count_objects(sc)
            shrinkers[0].close()
            outcome.append("B closed s0")
            return 0

        groups = [machine.root.create(name) for name in "ab"]
        with registered(machine, Doing(count=in_s0), Doing(count=in_s1), flags=MEMCG) as shrinkers:
            for shrinker, group in zip(shrinkers, groups, strict=True):
                shrinker.set_bit(group)
            with in_callback(machine, held, memcg=groups[0]):
                b = Running(lambda: machine.shrink_slab(memcg=groups[1]))
                assert other.entered.wait(TIMEOUT)
                other.leave.set()
                until_closing(shrinkers[0])
            b.join()
        assert outcome == ["A would wait for itself", "B closed s0"]

    def test_a_callback_may_wait_where_there_is_no_ring(self, machine: sp.Machine) -> None:
        held = Held()
        shrinkers: list[sp.RegisteredShrinker] = []
        groups = [machine.root.create(name) for name in "ab"]
        closing = Doing(count=lambda _sc: shrinkers[0].close() or 0)
        with contextlib.ExitStack() as stack:
            for data, group in zip((held, closing), groups, strict=True):
                shrinkers.append(stack.enter_context(register(machine, data, flags=MEMCG)))
                shrinkers[-1].set_bit(group)
            with in_callback(machine, held, memcg=groups[0]):
                waiting = Running(lambda: machine.shrink_slab(memcg=groups[1]))
                until_closing(shrinkers[0])
                assert waiting.alive
            waiting.join()
            assert shrinkers[0].closed


@pytest.fixture
def on_signal() -> Iterator[Callable[[Callable[..., object]], None]]:
    """Set the handler of SIGUSR1 for one test."""

    def set_handler(handler: Callable[..., object]) -> None:
        signal.signal(signal.SIGUSR1, handler)

    before = signal.getsignal(signal.SIGUSR1)
    yield set_handler
    signal.signal(signal.SIGUSR1, before)


class TestInterrupted:
    """A signal whose handler raises ends the wait: half closed, no longer called, to be gone on with."""

    @staticmethod
    def half_closed(
        machine: sp.Machine, shrinker: sp.RegisteredShrinker, held: Held, done: list[str]
    ) -> None:
        """Hold that it is not called, has its data, and that the next close() goes on."""
        assert not shrinker.closed
        assert shrinker.private_data is held
        assert dropped(done) == 0
        before = held.counts
        assert counts(machine) == 0
        shrinker.close()
        assert shrinker.closed
        assert dropped(done) == 1
        assert held.counts == before

    @pytest.mark.parametrize(
        "send",
        [
            lambda: signal.raise_signal(signal.SIGINT),
            lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT),
        ],
        ids=["raise_signal", "pthread_kill"],
    )
    def test_ctrl_c(self, machine: sp.Machine, send: Callable[[], None]) -> None:
        held, done = Held(), []
        shrinker = register(machine, Log(held, done))
        with in_callback(machine, held), pytest.raises(KeyboardInterrupt):
            interrupted(shrinker.close, shrinker, send)
        self.half_closed(machine, shrinker, held, done)

    def test_whatever_the_handler_raises(
        self, machine: sp.Machine, on_signal: Callable[[Callable[..., object]], None]
    ) -> None:
        def handler(*_args: object) -> None:
            raise LookupError("enough")

        on_signal(handler)
        held, done = Held(), []
        shrinker = register(machine, Log(held, done))
        with in_callback(machine, held), pytest.raises(LookupError, match="enough"):
            interrupted(shrinker.close, shrinker, lambda: signal.raise_signal(signal.SIGUSR1))
        self.half_closed(machine, shrinker, held, done)

    def test_again_and_again(self, machine: sp.Machine) -> None:
        held, done = Held(), []
        shrinker = register(machine, Log(held, done))
        with in_callback(machine, held):
            for _ in range(3):
                with pytest.raises(KeyboardInterrupt):
                    interrupted(shrinker.close, shrinker)
        self.half_closed(machine, shrinker, held, done)

    def test_a_handler_that_does_not_raise_changes_nothing(
        self, machine: sp.Machine, on_signal: Callable[[Callable[..., object]], None]
    ) -> None:
        held, done = Held(), []
        on_signal(lambda *_args: held.leave.set())  # as the callback is held, only the handler can end it
        shrinker = register(machine, Log(held, done))
        passing = Running(machine.shrink_slab)
        assert held.entered.wait(TIMEOUT)
        sender = Running(lambda: (until_closing(shrinker), signal.raise_signal(signal.SIGUSR1)))
        shrinker.close()
        sender.join()
        passing.join()
        assert dropped(done) == 1

    def test_half_closed_and_then_forgotten(self, machine: sp.Machine) -> None:
        held, done = Held(), []
        shrinker = register(machine, Log(held, done), "half")
        with in_callback(machine, held):
            with pytest.raises(KeyboardInterrupt):
                interrupted(shrinker.close, shrinker)
            with warned("'half' was still registered"):
                del shrinker
                gc.collect()  # the interrupt's traceback had it, too
            assert dropped(done) == 0
        assert dropped(done) == 1
        assert machine.ledger.shrinker == 0

    def test_a_handler_may_use_the_core(self) -> None:
        out = survives("""
            import signal
            import shrinkpy as sp
            from support import Cache, Held, Running, native_pass, in_callback, register, until_closing

            machine, other = sp.Machine(), sp.Machine()
            held, cache = Held(), Cache(50)
            shrinker, second = register(machine, held), register(other, cache)

            def handler(*args):
                status, done = native_pass(other)
                print(status, done.freed)
                held.leave.set()

            signal.signal(signal.SIGUSR1, handler)
            with in_callback(machine, held):
                sender = Running(lambda: (until_closing(shrinker), signal.raise_signal(signal.SIGUSR1)))
                shrinker.close()
                sender.join()
            second.close()
        """)
        assert out == "0 50\n"


class TestHung:
    """References lost by passes with kernel-memory accounting off: the kernel would wait for ever."""

    @pytest.fixture
    def lost(self) -> Iterator[tuple[sp.Machine, sp.MemCgroup, sp.RegisteredShrinker, list[str]]]:
        """One whose reference a pass lost."""
        machine, done = sp.Machine(), []
        app = machine.root.create("app")
        shrinker = register(machine, Log(Cache(10), done), "inodes", flags=MEMCG)
        shrinker.set_bit(app)
        machine.kmem = False
        assert machine.shrink_slab(memcg=app, priority=0) == 0
        yield machine, app, shrinker, done
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            machine.close()

    def test_every_close_says_so(self, lost: Any) -> None:
        _machine, _app, shrinker, done = lost
        for _ in range(3):
            with pytest.raises(sp.HungError, match=r"1 reference to it was lost") as caught:
                shrinker.close()
            assert caught.value.shrinker == "inodes"
            assert "for ever" in caught.value.reason
        assert not shrinker.closed
        assert dropped(done) == 0

    def test_the_message_counts_them(self, lost: Any) -> None:
        machine, app, shrinker, _done = lost
        machine.shrink_slab(memcg=app)
        machine.shrink_slab(memcg=app)
        with pytest.raises(sp.HungError, match="3 references to it were lost"):
            shrinker.close()

    def test_it_stays_registered_and_callable(self, lost: Any) -> None:
        machine, app, shrinker, _done = lost
        with pytest.raises(sp.HungError):
            shrinker.close()
        assert machine.ledger.registered == 1
        assert shrinker.private_data.objects == 10
        machine.kmem = True
        assert machine.shrink_slab(memcg=app, priority=0) == 10
        assert machine.shrink_slab(priority=0) == 0
        assert shrinker.private_data.counts == 2

    def test_a_with_block_says_so_at_its_end(self, lost: Any) -> None:
        *_, shrinker, _done = lost
        with pytest.raises(sp.HungError), shrinker:
            pass

    def test_the_machine_tears_it_down_by_force(self, lost: Any) -> None:
        machine, _app, shrinker, done = lost
        with pytest.raises(sp.HungError):
            shrinker.close()
        with warned("'inodes' was still registered"):
            machine.close()
        assert shrinker.closed
        assert dropped(done) == 1
        assert machine.ledger.shrinker == 0

    def test_a_forgotten_one_is_dropped_with_the_machine(self) -> None:
        machine, done = sp.Machine(), []
        app = machine.root.create("app")
        shrinker = register(machine, Log(Cache(10), done), flags=MEMCG)
        shrinker.set_bit(app)
        machine.kmem = False
        machine.shrink_slab(memcg=app)
        with warned("was still registered when its last handle went"):
            del shrinker
        assert dropped(done) == 0
        assert machine.ledger.registered == 1
        machine.close()
        assert dropped(done) == 1
        assert machine.ledger.registered == 0

    def test_nonslab_loses_none(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with register(machine, Cache(10), flags=MEMCG | NONSLAB) as shrinker:
            shrinker.set_bit(app)
            machine.kmem = False
            assert machine.shrink_slab(memcg=app, priority=0) == 10

    def test_a_global_pass_loses_none(self, machine: sp.Machine) -> None:
        machine.kmem = False
        with register(machine, Cache(10), flags=MEMCG):
            assert machine.shrink_slab(priority=0) == 10

    def test_in_its_own_callback_it_is_a_deadlock_first(self) -> None:
        machine = sp.Machine()
        app = machine.root.create("app")
        errors: list[type[BaseException]] = []

        def count(_sc: sp.ShrinkControl) -> int:
            try:
                shrinker.close()
            except sp.KernelWouldError as error:
                errors.append(type(error))
            return 0

        shrinker = register(machine, Doing(count=count), flags=MEMCG)
        shrinker.set_bit(app)
        machine.kmem = False
        machine.shrink_slab(memcg=app)
        machine.kmem = True
        machine.shrink_slab(memcg=app)
        assert errors == [sp.DeadlockError]
        with pytest.raises(sp.HungError):
            shrinker.close()
        with warned():
            machine.close()


class TestFinalizer:
    """It warns, frees and drops as close() does, but never waits."""

    def test_the_last_handle_goes(self, machine: sp.Machine) -> None:
        before, done = machine.ledger, []
        shrinker = register(machine, Log(Cache(), done), "forgotten")
        with warned("'forgotten' was still registered.*call close"):
            del shrinker
        assert dropped(done) == 1
        assert machine.ledger == before
        assert counts(machine) == 0

    def test_the_data_holds_its_own_registration(self, machine: sp.Machine) -> None:
        before = machine.ledger
        cache: Any = Cache()
        cache.shrinker = register(machine, cache, "in a cycle")
        gone = weakref.ref(cache)
        gc.collect()
        assert counts(machine) == 1
        with warned("in a cycle"):
            del cache
            gc.collect()
        assert gone() is None
        assert machine.ledger == before

    @pytest.mark.parametrize("owner", [sp.Box, sp.Arc, lambda cache: Log(cache, [])])
    def test_the_cycle_goes_through_its_owner(self, machine: sp.Machine, owner: Any) -> None:
        cache: Any = Cache()
        cache.shrinker = register(machine, owner(cache))
        gone = weakref.ref(cache)
        with warned():
            del cache
            gc.collect()
        assert gone() is None
        assert machine.ledger.shrinker == 0

    def test_the_cycle_goes_through_the_callbacks(self, machine: sp.Machine) -> None:
        class Functions:
            shrinker: object = None

            def count_objects(self, data: object, sc: sp.ShrinkControl) -> int:
                return 0

            def scan_objects(self, data: object, sc: sp.ShrinkControl) -> int:
                return 0

        callbacks = Functions()
        callbacks.shrinker = register(machine, None, callbacks=callbacks)
        gone = weakref.ref(callbacks)
        with warned():
            del callbacks
            gc.collect()
        assert gone() is None

    def test_machine_and_all_go_together(self) -> None:
        machine: Any = sp.Machine()
        cache: Any = Cache()
        cache.machine, cache.app = machine, machine.root.create("app")
        cache.shrinker = register(machine, cache, flags=MEMCG)
        cache.shrinker.set_bit(cache.app)
        machine.shrink_slab(priority=0)
        gone = [weakref.ref(cache), weakref.ref(machine)]
        with warned():
            del machine, cache
            gc.collect()
        assert [ref() for ref in gone] == [None, None]

    def test_under_its_own_callback(self, machine: sp.Machine) -> None:
        done: list[str] = []
        box: list[sp.RegisteredShrinker] = []

        def count(_sc: sp.ShrinkControl) -> int:
            with warned("suicide"):
                box.clear()
            assert dropped(done) == 0
            done.append("returned")
            return 0

        box.append(register(machine, Log(Doing(count=count), done), "suicide"))
        machine.shrink_slab()
        assert done[-2:] == ["returned", "from_foreign"]
        assert machine.ledger.shrinker == 0

    def test_under_its_own_count_scan_is_still_called(self, machine: sp.Machine) -> None:
        box: list[sp.RegisteredShrinker] = []

        def count(_sc: sp.ShrinkControl) -> int:
            with warned():
                box.clear()
            return 10

        cache = Doing(count=count, scan=lambda sc: sc.nr_to_scan)
        box.append(register(machine, sp.Box(cache)))
        assert machine.shrink_slab(priority=0) == 20
        assert counts(machine) == 0

    def test_under_a_callback_in_another_thread(self, machine: sp.Machine) -> None:
        held, done = Held(), []
        shrinker = register(machine, Log(held, done))
        with in_callback(machine, held):
            with warned():
                del shrinker
            assert dropped(done) == 0
            assert counts(machine) == 0
        assert dropped(done) == 1
        assert machine.ledger.shrinker == 0

    def test_a_cycle_under_a_callback_in_another_thread(self, machine: sp.Machine) -> None:
        held: Any = Held()
        held.shrinker = register(machine, sp.Box(held))
        gone, leave, entered = weakref.ref(held), held.leave, held.entered
        passing = Running(machine.shrink_slab)
        assert entered.wait(TIMEOUT)
        with warned():
            del held
            gc.collect()
            # The callback's own frame keeps the data; the collector comes again later.
            leave.set()
            passing.join()
            gc.collect()
        assert gone() is None
        assert machine.ledger.shrinker == 0

    def test_in_another_shrinkers_callback(self, machine: sp.Machine) -> None:
        box: list[sp.RegisteredShrinker] = []

        def count(_sc: sp.ShrinkControl) -> int:
            with warned():
                box.clear()
            return 0

        with register(machine, Doing(count=count)):
            doomed = Cache()
            box.append(register(machine, doomed))
            assert counts(machine) == 1
        assert doomed.counts == 0

    def test_a_closed_one_says_nothing(self, machine: sp.Machine) -> None:
        shrinker = register(machine, Cache())
        shrinker.close()
        del shrinker  # a warning would be an error

    def test_it_frees_also_where_the_warning_is_an_error(
        self, machine: sp.Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unraisable: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_type))
        done: list[str] = []
        shrinker = register(machine, Log(Cache(), done))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del shrinker
        assert unraisable == [ResourceWarning]
        assert dropped(done) == 1
        assert machine.ledger.shrinker == 0

    def test_what_from_foreign_raises_is_unraisable(
        self, machine: sp.Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Stubborn(Log):
            @staticmethod
            def from_foreign(_foreign: Any, /) -> object:
                raise LookupError("not wanted back")

        unraisable: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(str(args.exc_value)))
        shrinker = register(machine, Stubborn(Cache(), []))
        with warned():
            del shrinker
        assert unraisable == ["not wanted back"]

    def test_an_exception_under_way_goes_on(self, machine: sp.Machine) -> None:
        def fail() -> None:
            shrinker = register(machine, Cache())
            try:
                raise LookupError("mine")
            finally:
                del shrinker

        with warned(), pytest.raises(LookupError, match="mine"):
            fail()

    def test_it_keeps_its_machine(self) -> None:
        shrinker = register(sp.Machine(), Cache())
        gc.collect()
        assert shrinker.seeks == 2
        shrinker.close()

    def test_its_warning_may_close_the_machine(self) -> None:
        out = survives("""
            import warnings
            import shrinkpy as sp
            from support import Cache, Log, register

            machine = sp.Machine()
            done = []
            shrinker = register(machine, Log(Cache(), done))
            warnings.showwarning = lambda *args, **kwargs: machine.close()
            del shrinker
            print(machine.closed, done.count("from_foreign"))
        """)
        assert out == "True 1\n"


class TestSharedWithTheCore:
    def test_a_handle_may_be_asked_for_its_pointer_after_close(self, machine: sp.Machine) -> None:
        shrinker = register(machine, Cache())
        pointer = ffi.cast("struct shrinker *", shrinker._address)
        shrinker.close()
        assert lib.sp_shrinker_freed(pointer)
        assert machine.ledger.shrinker == 0
