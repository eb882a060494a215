# SPDX-License-Identifier: GPL-2.0-only
"""Callbacks run in parallel (T::Ptr: Sync), and threads may do anything to a machine at once."""

from __future__ import annotations

import gc
import random
import threading
from collections import deque

import pytest
from support import TIMEOUT, Cache, Doing, Held, Log, Running, in_callback, register, registered

import shrinkpy as sp

MEMCG = sp.Flags.MEMCG_AWARE


class TestParallel:
    @pytest.mark.parametrize("where", ["count", "scan"])
    def test_one_shrinkers_callbacks_meet(self, machine: sp.Machine, where: str) -> None:
        # Nobody leaves before all three are inside.
        inside = threading.Barrier(3)

        def meet(sc: sp.ShrinkControl) -> int:
            inside.wait(TIMEOUT)
            return sc.nr_to_scan

        with register(machine, Doing(**{where: meet}), seeks=4):
            passes = [Running(lambda: machine.shrink_slab(priority=0)) for _ in range(3)]
            for each in passes:
                each.join()

    def test_count_runs_while_scan_does(self, machine: sp.Machine) -> None:
        scanning, counted = threading.Event(), threading.Event()

        def count(_sc: sp.ShrinkControl) -> int:
            if scanning.is_set():
                counted.set()
                return 0
            return 10

        def scan(sc: sp.ShrinkControl) -> int:
            scanning.set()
            assert counted.wait(TIMEOUT)
            return sc.nr_to_scan

        with register(machine, Doing(count=count, scan=scan), seeks=4):
            first = Running(lambda: machine.shrink_slab(priority=0))
            assert scanning.wait(TIMEOUT)
            assert machine.shrink_slab(priority=0) == 0
            assert first.join() == 10

    def test_each_has_its_own_control(self) -> None:
        inside = threading.Barrier(2)
        seen: dict[int, tuple[int, int]] = {}

        def scan(sc: sp.ShrinkControl) -> int:
            inside.wait(TIMEOUT)
            sc.nr_scanned = sc.nr_to_scan + sc.nid
            inside.wait(TIMEOUT)
            seen[sc.nid] = (sc.nr_to_scan, sc.nr_scanned)
            return 0

        with sp.Machine(nr_nodes=2) as machine, register(machine, Doing(scan=scan), seeks=4):
            passes = [Running(lambda nid=nid: machine.shrink_slab(nid=nid, priority=0)) for nid in (0, 1)]
            for each in passes:
                each.join()
        assert seen == {0: (100, 100), 1: (100, 101)}

    def test_deferred_work_of_both_is_added_up(self, machine: sp.Machine) -> None:
        inside = threading.Barrier(2)

        def count(_sc: sp.ShrinkControl) -> int:
            inside.wait(TIMEOUT)
            return 1000

        with register(machine, Doing(count=count), seeks=4) as shrinker:
            for each in [Running(lambda: machine.shrink_slab(priority=5)) for _ in range(2)]:
                each.join()
            assert shrinker.nr_deferred() == 62

    def test_registrations_go_on_while_a_pass_runs(self, machine: sp.Machine) -> None:
        held = Held()
        with register(machine, held), in_callback(machine, held):
            app = machine.root.create("app")
            with registered(machine, Cache(5), Cache(7), flags=MEMCG) as shrinkers:
                shrinkers[0].set_bit(app)
                assert machine.shrink_slab(memcg=app, priority=0) == 5
            app.remove()

    def test_exceptions_go_to_the_thread_whose_pass_it_is(self, machine: sp.Machine) -> None:
        inside = threading.Barrier(3)

        def count(_sc: sp.ShrinkControl) -> int:
            inside.wait(TIMEOUT)
            raise ValueError(threading.get_ident())

        def reclaim() -> bool:
            with pytest.raises(ValueError) as caught:  # noqa: PT011 - its argument is looked at
                machine.shrink_slab()
            return caught.value.args == (threading.get_ident(),)

        with register(machine, Doing(count=count)):
            assert all(each.join() for each in [Running(reclaim) for _ in range(3)])

    def test_a_thread_may_reclaim_on_many_machines(self) -> None:
        def work() -> None:
            machines = [sp.Machine() for _ in range(5)]
            shrinkers = [register(machine, Cache(i)) for i, machine in enumerate(machines)]
            for _ in range(3):
                for machine in machines:
                    machine.shrink_slab()
            for i, machine in enumerate(machines):
                assert machine.shrink_slab(priority=0) == i
            for each in (*shrinkers, *machines):
                each.close()

        for running in [Running(work) for _ in range(3)]:
            running.join()

    def test_threads_come_and_go(self, machine: sp.Machine) -> None:
        with register(machine, Cache(10)):
            assert [Running(lambda: machine.shrink_slab(priority=0)).join() for _ in range(50)] == [10] + [
                0
            ] * 49


class TestEverythingAtOnce:
    """A few hundred random steps in each of four threads; what must hold holds whatever their order."""

    def test_data_is_dropped_once_and_no_callback_runs_after_close(self) -> None:
        machine = sp.Machine()
        groups = [machine.root.create(f"g{i}") for i in range(3)]
        late: list[str] = []
        opened: deque[list[str]] = deque()

        class Watched(Cache):
            closed = False

            def count_objects(self, sc: sp.ShrinkControl) -> int | sp.CountObjects:
                if self.closed:
                    late.append("called after close")
                return super().count_objects(sc)

        def life(chance: random.Random) -> None:
            cache, done = Watched(chance.randrange(500)), []
            opened.append(done)
            shrinker = register(machine, Log(cache, done), flags=MEMCG if chance.random() < 0.5 else 0)
            for _ in range(chance.randrange(4)):
                memcg = chance.choice([None, *groups])
                if memcg is not None and shrinker.flags:
                    shrinker.set_bit(memcg)
                machine.shrink_slab(memcg=memcg, priority=chance.randrange(13))
            shrinker.close()
            cache.closed = True

        def work(seed: int) -> None:
            chance = random.Random(seed)
            for _ in range(100):
                life(chance)

        for running in [Running(lambda seed=seed: work(seed)) for seed in range(4)]:
            running.join()
        assert late == []
        assert all(done.count("from_foreign") == 1 for done in opened)
        assert len(opened) == 400
        for group in groups:
            group.remove()
        groups.clear()
        del group
        machine.shrink_slab()
        gc.collect()
        ledger = machine.ledger
        assert ledger[:3] == (0, 0, 0)
        assert (ledger.limbo, ledger.registered, ledger.memcgs) == (0, 0, 1)
        machine.close()

    def test_cgroups_come_and_go_under_passes(self, machine: sp.Machine) -> None:
        stop = threading.Event()
        current = [machine.root.create("first")]

        def reclaim() -> int:
            freed = 0
            while not stop.is_set():
                freed += machine.shrink_slab(memcg=current[0], priority=0)
            return freed

        counting = Doing(count=lambda _sc: 3, scan=lambda sc: sc.nr_to_scan)
        with register(machine, counting, seeks=4, flags=MEMCG) as shrinker:
            passes = [Running(reclaim) for _ in range(2)]
            for i in range(200):
                memcg = machine.root.create(f"g{i}")
                shrinker.set_bit(memcg)
                before, current[0] = current[0], memcg
                before.remove()
                del before
            stop.set()
            assert all(each.join() % 3 == 0 for each in passes)
            memcg.remove()
        del memcg
        current.clear()
        machine.shrink_slab()
        gc.collect()
        assert machine.ledger.memcgs == 1

    def test_closing_each_others_shrinkers_never_hangs(self, machine: sp.Machine) -> None:
        # Rings may or may not come about; each ends in at most one DeadlockError a callback.
        shrinkers: list[sp.RegisteredShrinker] = []
        errors: list[sp.DeadlockError] = []

        def count(i: int) -> int:
            try:
                shrinkers[(i + 1) % len(shrinkers)].close()
            except sp.DeadlockError as error:
                errors.append(error)
            return 0

        for _ in range(20):
            shrinkers[:] = [register(machine, Doing(count=lambda _sc, i=i: count(i))) for i in range(4)]
            for each in [Running(machine.shrink_slab) for _ in range(3)]:
                each.join()
            for shrinker in shrinkers:
                shrinker.close()
            assert machine.ledger.registered == 0
