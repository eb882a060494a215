# SPDX-License-Identifier: GPL-2.0-only
"""Lock, RLock, RWLock: who holds them, who waits, who is told that it would wait for ever."""

from __future__ import annotations

import gc
import signal
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import TIMEOUT, Doing, Running, register, until

import shrinkpy as sp
from shrinkpy.core import ffi
from shrinkpy.cores import core_info

SLEEPERS = 1 << 30
"""The bit of a lock's word that says that some sleep on it (core/lock.c)."""


class TestLock:
    def test_one_thread_has_it(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        assert (lock.name, lock.machine) == ("lock", machine)
        assert repr(lock) == "<Lock 'lock', free>"
        with lock as entered:
            assert entered is lock
            assert lock.locked()
            assert lock.mine()
            assert repr(lock) == "<Lock 'lock', held>"
            assert Running(lambda: (lock.locked(), lock.mine())).join() == (True, False)
            assert Running(lambda: lock.acquire(blocking=False)).join() is False
        assert not lock.locked()

    def test_it_is_waited_for(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        order: list[str] = []

        def wait() -> None:
            with lock:
                order.append("second")

        with lock:
            waiting = Running(wait)
            assert waiting.alive
            order.append("first")
        waiting.join()
        assert order == ["first", "second"]

    def test_threads_exclude_each_other(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        inside = 0
        most = 0

        def go() -> None:
            nonlocal inside, most
            for _ in range(500):
                with lock:
                    inside += 1
                    most = max(most, inside)
                    inside -= 1

        for thread in [Running(go) for _ in range(4)]:
            thread.join()
        assert most == 1

    def test_only_its_holder_releases_it(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        with pytest.raises(RuntimeError, match="'lock' is not held by this thread"):
            lock.release()
        with lock, pytest.raises(RuntimeError, match="not held by this thread"):
            Running(lock.release).join()

    def test_twice_is_a_deadlock(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        with lock:
            with pytest.raises(sp.DeadlockError, match="'lock' already"):
                lock.acquire()
            assert lock.acquire(blocking=False) is False
        assert not lock.locked()
        # What struck was raised: no report besides.
        assert machine.lockdep.reports == []

    @pytest.mark.parametrize("name", ["", "a\0b"])
    def test_what_is_no_name_is_refused(self, machine: sp.Machine, name: str) -> None:
        with pytest.raises(ValueError, match="no name"):
            sp.Lock(machine, name)

    def test_a_subclass_is_0_to_7(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        for subclass in (-1, 8):
            with pytest.raises(ValueError, match="0 to 7"):
                lock.acquire(subclass=subclass)

    def test_one_that_is_held_stays(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        gone = weakref.ref(lock)
        lock.acquire()
        del lock
        gc.collect()
        kept = gone()
        assert kept is not None
        assert kept.mine()
        kept.release()
        del kept
        gc.collect()
        assert gone() is None

    def test_it_outlives_its_machines_close(self) -> None:
        machine = sp.Machine()
        lock = sp.Lock(machine, "lock")
        machine.close()
        with lock:
            assert lock.mine()

    def test_one_may_be_taken_in_one_callback_and_released_later(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        with register(machine, Doing(count=lambda sc: int(lock.acquire()))):
            machine.shrink_slab()
            assert lock.mine()
            lock.release()


def interrupt_in_stacks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have Ctrl-C come while the core asks where this thread is, once; gives how often."""
    times = [0]

    def extract(frames: Iterator[Any]) -> traceback.StackSummary:
        if not times[0]:
            times[0] += 1
            signal.raise_signal(signal.SIGINT)
        return traceback.StackSummary.from_list([])

    monkeypatch.setattr(traceback.StackSummary, "extract", extract)
    return times


class TestWaits:
    def test_ctrl_c_ends_one(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        leave = threading.Event()

        def hold() -> None:
            with lock:
                held.set()
                assert leave.wait(TIMEOUT)

        held = threading.Event()
        holder = Running(hold)
        assert held.wait(TIMEOUT)
        word = ffi.cast("struct sp_lock *", lock._address)
        main = threading.main_thread().ident
        assert main is not None

        def send() -> None:
            until(lambda: word.word & SLEEPERS)
            signal.pthread_kill(main, signal.SIGINT)

        sender = Running(send)
        try:
            with pytest.raises(KeyboardInterrupt):
                lock.acquire()
            assert not lock.mine()
        finally:
            sender.join()
            leave.set()
            holder.join()
        assert not lock.locked()

    def test_ctrl_c_in_the_stack_of_a_report_ends_the_wait_after_it(
        self, machine: sp.Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outer, inner = sp.Lock(machine, "outer"), sp.Lock(machine, "inner")
        held, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with inner:
                held.set()
                assert leave.wait(TIMEOUT)

        holder = Running(hold)
        assert held.wait(TIMEOUT)
        interrupt_in_stacks(monkeypatch)
        with outer:
            with pytest.raises(KeyboardInterrupt):
                inner.acquire()  # an order of locks not seen before: where, is kept
            assert holder.alive
        leave.set()
        holder.join()
        assert not inner.locked()

    def test_ctrl_c_in_the_stack_of_a_call_that_raises_nothing(
        self, machine: sp.Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A core around a tree takes a lock to make a list; the port takes none, and asks for no stack."""
        lock = sp.Lock(machine, "lock")
        interrupted = interrupt_in_stacks(monkeypatch)
        raised = 0
        with lock:
            try:
                sp.ListLru(machine, memcg_aware=True)
                (lambda: None)()  # the interpreter gets its turn
            except KeyboardInterrupt:
                raised += 1
        assert raised == interrupted[0] == (0 if core_info().is_port else 1)

    def test_who_closes_a_ring_is_told(self, machine: sp.Machine) -> None:
        locks = sp.Lock(machine, "a"), sp.Lock(machine, "b")
        both = threading.Barrier(2)

        def go(i: int) -> str:
            with locks[i]:
                both.wait(TIMEOUT)
                try:
                    with locks[1 - i]:
                        return "acquired"
                except sp.DeadlockError as error:
                    return str(error)

        results = sorted(each.join() for each in [Running(lambda i=i: go(i)) for i in range(2)])
        assert results[0] == "acquired"
        assert "waits, directly or through others, for this thread" in results[1]
        assert len(machine.lockdep.reports) == 1

    def test_a_ring_through_readers(self, machine: sp.Machine) -> None:
        locks = sp.RWLock(machine, "a"), sp.RWLock(machine, "b")
        both = threading.Barrier(2)

        def go(i: int) -> bool:
            with locks[i].read():
                both.wait(TIMEOUT)
                try:
                    with locks[1 - i].write():
                        return True
                except sp.DeadlockError:
                    return False

        assert sorted(each.join() for each in [Running(lambda i=i: go(i)) for i in range(2)]) == [False, True]
        assert machine.lockdep.reports

    def test_a_callback_that_wants_what_its_closer_has(self, machine: sp.Machine) -> None:
        lock = sp.Lock(machine, "lock")
        entered, may_lock = threading.Event(), threading.Event()
        told: list[str] = []

        def count(sc: object) -> int:
            entered.set()
            assert may_lock.wait(TIMEOUT)
            try:
                with lock:
                    told.append("acquired")
            except sp.DeadlockError as error:
                told.append(str(error))
            return 0

        shrinker = register(machine, Doing(count=count))
        reclaiming = Running(machine.shrink_slab)
        assert entered.wait(TIMEOUT)

        def close() -> str:
            with lock:
                may_lock.set()
                try:
                    shrinker.close()
                except sp.DeadlockError as error:
                    return str(error)
                return "closed"

        closed = Running(close).join()
        reclaiming.join()
        # Whoever came last: one of the two was told, and the other one went on.
        assert (closed == "closed") != (told == ["acquired"])
        shrinker.close()


class TestRLock:
    def test_its_holder_may_take_it_again(self, machine: sp.Machine) -> None:
        lock = sp.RLock(machine, "lock")
        with lock:
            with lock:
                assert lock.acquire(blocking=False)
                lock.release()
            assert lock.mine()
            assert Running(lambda: lock.acquire(blocking=False)).join() is False
        assert not lock.locked()
        assert machine.lockdep.reports == []
        with pytest.raises(RuntimeError):
            lock.release()


class TestRWLock:
    def test_readers_share_it(self, machine: sp.Machine) -> None:
        lock = sp.RWLock(machine, "lock")
        with lock.read():
            assert lock.mine()
            assert Running(lambda: lock.acquire_read(False) and (lock.release() or True)).join()
            assert Running(lambda: lock.acquire_write(False)).join() is False
        assert repr(lock) == "<RWLock 'lock', free>"

    def test_a_writer_has_it_alone(self, machine: sp.Machine) -> None:
        lock = sp.RWLock(machine, "lock")
        with lock.write():
            for take in (lock.acquire_read, lock.acquire_write):
                assert Running(lambda take=take: take(False)).join() is False
                with pytest.raises(sp.DeadlockError):
                    take()
        assert not lock.locked()

    def test_a_reader_cannot_become_the_writer(self, machine: sp.Machine) -> None:
        lock = sp.RWLock(machine, "lock")
        with lock.read(), pytest.raises(sp.DeadlockError):
            lock.acquire_write()
        with pytest.raises(RuntimeError):
            lock.release()

    @pytest.mark.parametrize("first", ["read", "write"])
    def test_it_is_waited_for(self, machine: sp.Machine, first: str) -> None:
        lock = sp.RWLock(machine, "lock")
        order: list[str] = []
        ways: dict[str, Callable[[], object]] = {"read": lock.acquire_write, "write": lock.acquire_read}

        def wait() -> None:
            ways[first]()
            order.append("second")
            lock.release()

        with getattr(lock, first)():
            waiting = Running(wait)
            order.append("first")
        waiting.join()
        assert order == ["first", "second"]
