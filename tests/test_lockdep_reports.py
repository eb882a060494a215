# SPDX-License-Identifier: GPL-2.0-only
"""machine.lockdep: what is reported and what is not, once, with the user's functions; fs_reclaim."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Cache, Doing, Running, register

import shrinkpy as sp

NOFS = sp.Gfp.NOFS


class Locking(Cache):
    """A cache that takes a lock in its scan, and so must not hold it over what may reclaim."""

    def __init__(self, machine: sp.Machine, *, blocking: bool = True) -> None:
        super().__init__(1000)
        self.machine = machine
        self.lock = sp.Lock(machine, "cache lock")
        self.blocking = blocking

    def scan_objects(self, sc: sp.ShrinkControl) -> int | sp.ScanObjects:
        if not self.lock.acquire(self.blocking):
            return sp.ScanObjects.STOP
        try:
            return super().scan_objects(sc)
        finally:
            self.lock.release()

    def add(self, gfp: int = sp.Gfp.KERNEL) -> None:
        """Take memory for one more object, under the lock."""
        with self.lock:
            self.machine.allocate(gfp, 100).free()


class TestFsReclaim:
    @pytest.fixture
    def cache(self, machine: sp.Machine) -> Iterator[Locking]:
        cache = Locking(machine)
        with register(machine, cache):
            yield cache

    @pytest.mark.parametrize("scan_first", [True, False])
    def test_a_lock_over_an_allocation_that_scan_takes_too(
        self, machine: sp.Machine, cache: Locking, scan_first: bool
    ) -> None:
        steps: list[Callable[[], Any]] = [lambda: machine.shrink_slab(priority=0), cache.add]
        for step in steps if scan_first else steps[::-1]:
            assert machine.lockdep.reports == []
            step()
        (report,) = machine.lockdep.reports
        assert set(report.classes) == {"cache lock", "fs_reclaim"}
        assert report.classes[0] == report.classes[-1]
        by_held = dict(zip(report.classes, report.stacks, strict=False))
        assert "in add" in by_held["cache lock"]
        assert "in scan_objects" in by_held["fs_reclaim"]
        for stack in report.stacks:
            assert stack in report.text
            assert "shrinkpy/machine.py" not in stack

    def test_each_once(self, machine: sp.Machine, cache: Locking) -> None:
        for _ in range(3):
            cache.add()
            cache.objects = 1000
            machine.shrink_slab(priority=0)
        assert len(machine.lockdep.reports) == 1

    @pytest.mark.parametrize("gfp", [NOFS, sp.Gfp.NOIO, sp.Gfp.ATOMIC, sp.Gfp.NOWAIT])
    def test_an_allocation_that_does_not_come_back_is_none(
        self, machine: sp.Machine, cache: Locking, gfp: sp.Gfp
    ) -> None:
        cache.add(gfp)
        machine.shrink_slab(priority=0)
        assert machine.lockdep.reports == []

    @pytest.mark.parametrize("scope", [sp.memalloc_nofs, sp.memalloc_noio])
    def test_neither_is_one_in_a_scope(
        self, machine: sp.Machine, cache: Locking, scope: Callable[[], Any]
    ) -> None:
        with scope():
            cache.add()
        machine.shrink_slab(priority=0)
        assert machine.lockdep.reports == []
        cache.add()
        assert len(machine.lockdep.reports) == 1

    def test_a_try_in_scan_is_none(self, machine: sp.Machine) -> None:
        cache = Locking(machine, blocking=False)
        with register(machine, cache):
            cache.add()
            machine.faults.reclaim_nth(1)
            cache.add()
            machine.shrink_slab(priority=0)
        assert machine.allocations.reclaims == 1
        assert machine.lockdep.reports == []

    def test_a_pass_without_fs_is_none(self, machine: sp.Machine, cache: Locking) -> None:
        cache.add()
        machine.shrink_slab(NOFS, priority=0)
        assert machine.lockdep.reports == []
        cache.objects = 1000
        machine.shrink_slab(priority=0)
        assert len(machine.lockdep.reports) == 1

    def test_when_it_strikes_it_is_an_error_too(self, machine: sp.Machine, cache: Locking) -> None:
        machine.faults.reclaim_nth(1)
        with pytest.raises(ExceptionGroup) as caught:
            cache.add()
        assert {type(each) for each in caught.value.exceptions} == {sp.DeadlockError}
        assert len(machine.lockdep.reports) == 1
        assert not cache.lock.locked()
        assert machine.allocations.charged == 0

    def test_over_a_lock_between(self, machine: sp.Machine, cache: Locking) -> None:
        outer = sp.Lock(machine, "outer")
        machine.shrink_slab(priority=0)
        with outer:
            machine.allocate().free()
        assert machine.lockdep.reports == []
        with cache.lock, outer:
            pass
        (report,) = machine.lockdep.reports
        assert report.classes == ("cache lock", "outer", "fs_reclaim", "cache lock")


class TestOrders:
    def test_two_locks_in_both_orders(self, machine: sp.Machine) -> None:
        a, b = sp.Lock(machine, "a"), sp.Lock(machine, "b")

        def one_way() -> None:
            with a, b:
                pass

        def the_other_way() -> None:
            with b, a:
                pass

        one_way()
        # Never at the same time: nothing strikes, and it is reported.
        Running(the_other_way).join()
        (report,) = machine.lockdep.reports
        assert report.classes == ("b", "a", "b")
        assert "in the_other_way" in report.stacks[0]
        assert "in one_way" in report.stacks[1]
        assert "possible circular locking dependency" in str(report)

    def test_locks_of_one_name_are_one_class(self, machine: sp.Machine) -> None:
        a, b, other = sp.Lock(machine, "a"), sp.Lock(machine, "b"), sp.Lock(machine, "a")
        with a, b:
            pass
        with b, other:
            pass
        assert len(machine.lockdep.reports) == 1

    def test_not_of_two_machines(self, machine: sp.Machine) -> None:
        with sp.Machine() as second:
            a, b = sp.Lock(machine, "a"), sp.Lock(second, "b")
            with a, b:
                pass
            with b, a:
                pass
            assert machine.lockdep.reports == second.lockdep.reports == []

    def test_two_of_a_class_need_a_subclass(self, machine: sp.Machine) -> None:
        parent, child = sp.Lock(machine, "inode"), sp.Lock(machine, "inode")
        with parent, child.nested(1):
            pass
        assert machine.lockdep.reports == []
        for _ in range(2):
            with child, parent:
                pass
        (report,) = machine.lockdep.reports
        assert report.classes == ("inode", "inode")
        assert "recursive" in report.text

    def test_readers(self, machine: sp.Machine) -> None:
        a, b = sp.RWLock(machine, "a"), sp.RWLock(machine, "b")
        with a.read(recursive=True), b.read(recursive=True), a.read(recursive=True):
            pass
        assert machine.lockdep.reports == []
        # Between the two, a writer may have come to wait.
        with a.read(), a.read():
            pass
        assert len(machine.lockdep.reports) == 1

    def test_what_was_off_was_not_seen(self, machine: sp.Machine) -> None:
        a, b = sp.Lock(machine, "a"), sp.Lock(machine, "b")
        machine.lockdep.enable(False)
        with a, b:
            pass
        machine.lockdep.enable()
        with b, a:
            pass
        assert machine.lockdep.reports == []
        assert repr(machine.lockdep) == "<Lockdep, 0 reports>"


def contradict(machine: sp.Machine) -> None:
    a, b = sp.Lock(machine, "a"), sp.Lock(machine, "b")
    with a, b:
        pass
    with b, a:
        pass


class TestWhoLooks:
    def test_check_raises_all_of_them(self, machine: sp.Machine) -> None:
        machine.lockdep.check()
        contradict(machine)
        with pytest.raises(sp.LockdepError, match="circular") as caught:
            machine.lockdep.check()
        assert list(caught.value.reports) == machine.lockdep.reports

    def test_close_warns_of_what_nobody_has_looked_at(self) -> None:
        machine = sp.Machine()
        contradict(machine)
        with pytest.warns(sp.LockdepWarning, match="circular"):
            machine.close()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            machine.close()
        assert len(machine.lockdep.reports) == 1

    def test_not_of_others(self) -> None:
        with sp.Machine() as machine:
            contradict(machine)
            assert machine.lockdep.reports


class TestWhileItLooks:
    def test_an_interruption_there_is_raised_and_the_lock_not_taken(
        self, machine: sp.Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        a, b = sp.Lock(machine, "a"), sp.Lock(machine, "b")
        with a:
            monkeypatch.setattr("traceback.StackSummary.extract", interrupt)
            with pytest.raises(KeyboardInterrupt):
                b.acquire()
            assert not b.locked()

    def test_the_hook_may_take_locks(self, machine: sp.Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        inner = sp.Lock(machine, "inner")

        def take(*_: object) -> list[str]:
            with inner:
                return ["  stack\n"]

        a, b = sp.Lock(machine, "a"), sp.Lock(machine, "b")
        with a:
            with inner:  # an order that is known: the hook is not called for it again
                pass
            monkeypatch.setattr("traceback.format_stack", take)
            with b:
                assert b.mine()
        assert machine.lockdep.reports == []


# ---- against a model of its own ----------------------------------------------------------------

FS = "fs_reclaim"
NAMES = ("a", "b", "c", "d")

takes = st.tuples(
    st.sampled_from(NAMES), st.sampled_from(["wait", "wait", "wait", "try", "read", "recursive"])
)
allocations = st.tuples(st.just("allocate"), st.booleans())
simple = st.one_of(takes, allocations, st.just(("give", "")))
passes = st.tuples(st.just("pass"), st.booleans(), st.lists(simple, max_size=4))
programs = st.lists(st.one_of(simple, simple, simple, passes), max_size=25)


class Model:
    """Edges as (held, taken, held is shared, taken is a recursive reader), and their closure."""

    def __init__(self) -> None:
        self.edges: set[tuple[str, str, bool, bool]] = set()
        self.closings = 0
        self.held: list[tuple[str, bool, bool]] = []  # class, shared, taken in the pass
        self.in_pass = False
        self.fs = False

    def add(self, held: str, taken: str, shared: bool, recursive: bool) -> None:
        edge = (held, taken, shared, recursive)
        if edge not in self.edges:
            self.edges.add(edge)
            self.closings += self.closes(edge)

    def closes(self, edge: tuple[str, str, bool, bool]) -> bool:
        """Is there a way from its end to its beginning, on which no recursive reader meets a reader?"""
        reached = {edge}
        while True:
            more = {
                b for a, b in itertools.product(reached, self.edges) if a[1] == b[0] and not (a[3] and b[2])
            } - reached
            if not more:
                break
            reached |= more
        return any(e[1] == edge[0] and not (e[3] and edge[2]) for e in reached)

    def take(self, name: str, how: str) -> None:
        shared = how in ("read", "recursive")
        if how != "try":
            for held, held_shared, inside in self.held:
                if self.fs and not inside:
                    self.add(held, FS, held_shared, False)
                self.add(held, name, held_shared, how == "recursive")
            if self.fs:
                self.add(FS, name, False, how == "recursive")
        self.held.append((name, shared, self.in_pass))

    def allocate(self, fs: bool) -> None:
        if fs and not self.in_pass:
            for held, shared, _ in self.held:
                self.add(held, FS, shared, False)


class Both:
    """A program, on a machine and on the model."""

    def __init__(self, machine: sp.Machine) -> None:
        self.machine = machine
        self.model = Model()
        self.locks = {name: sp.RWLock(machine, name) for name in NAMES}
        self.inside: list[Any] = []
        self.cache = Doing(scan=self.scan, objects=1)

    def run(self, program: list[Any]) -> None:
        for step in program:
            if step[0] == "allocate":
                self.machine.allocate(sp.Gfp.KERNEL if step[1] else NOFS).free()
                self.model.allocate(step[1])
            elif step[0] == "give":
                if self.model.held:
                    self.locks[self.model.held.pop()[0]].release()
            elif step[0] == "pass":
                self.inside = step[2]
                self.model.in_pass, self.model.fs = True, step[1]
                self.machine.shrink_slab(sp.Gfp.KERNEL if step[1] else NOFS, priority=0)
                self.model.in_pass = self.model.fs = False
            elif step[0] not in [held[0] for held in self.model.held]:
                self.model.take(*step)
                self.take(*step)

    def take(self, name: str, how: str) -> None:
        if how in ("read", "recursive"):
            assert self.locks[name].acquire_read(recursive=how == "recursive")
        else:
            assert self.locks[name].acquire_write(how == "wait")

    def scan(self, sc: Any) -> sp.ScanObjects:
        self.run(self.inside)
        return sp.ScanObjects.STOP


@given(programs)
def test_it_finds_what_the_model_finds(program: list[Any]) -> None:
    with sp.Machine() as machine:
        both = Both(machine)
        with register(machine, both.cache, batch=1):
            both.run(program)
        while both.model.held:
            both.run([("give", "")])
        reports = machine.lockdep.reports
        edges = {edge[:2] for edge in both.model.edges}
        for report in reports:
            assert set(itertools.pairwise(report.classes)) <= edges
        assert bool(reports) == bool(both.model.closings)
        if not any(shared or recursive for *_, shared, recursive in both.model.edges):
            # An edge closes what was never closed before.
            assert len(reports) == both.model.closings


WAYS = tuple(itertools.product(["wait", "read", "recursive"], repeat=2))


@pytest.mark.parametrize("first", WAYS, ids="-".join)
def test_every_way_round_three_locks(first: tuple[str, str]) -> None:
    for others in itertools.product(WAYS, repeat=2):
        with sp.Machine() as machine:
            both = Both(machine)
            ring = zip("abc", "bca", (first, *others), strict=True)
            for held, taken, (how_held, how_taken) in ring:
                both.run([(held, how_held), (taken, how_taken), ("give", ""), ("give", "")])
            assert bool(machine.lockdep.reports) == bool(both.model.closings), (first, others)
