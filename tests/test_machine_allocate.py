# SPDX-License-Identifier: GPL-2.0-only
"""machine.allocate(): what is charged, when it reclaims, fails or would spin; tasks; callbacks."""

from __future__ import annotations

import gc
import signal
import threading
from typing import Any

import pytest
from support import TIMEOUT, Cache, Doing, Running, register, until

import shrinkpy as sp

CLUSTER = 32
"""Objects that one direct reclaim aims at: SWAP_CLUSTER_MAX."""
RETRIES = 16
"""Reclaims in a row that get nothing, after which an allocation fails: MAX_RECLAIM_RETRIES."""


class Backed(Cache):
    """A cache whose objects are allocations of 100 bytes each."""

    def __init__(self, machine: sp.Machine) -> None:
        super().__init__(0)
        self.machine = machine
        self.memory: list[sp.Allocation] = []

    def add(self, gfp: int = sp.Gfp.KERNEL) -> None:
        self.memory.append(self.machine.allocate(gfp, 100))
        self.objects += 1

    def scan_objects(self, sc: sp.ShrinkControl) -> int | sp.ScanObjects:
        freed = int(super().scan_objects(sc))
        for _ in range(freed):
            self.memory.pop().free()
        return freed


def direct_reclaims(machine: sp.Machine, cache: Cache) -> int:
    """How many there were, of a cache that nothing can be got from: each goes through 13 priorities."""
    return cache.counts // 13


class TestCharge:
    def test_it_is_charged_until_freed(self, machine: sp.Machine) -> None:
        one = machine.allocate()
        two = machine.allocate(sp.Gfp.NOFS, size=10)
        assert (one.size, one.gfp, one.machine) == (4096, sp.Gfp.KERNEL, machine)
        assert repr(two) == "<Allocation, 10 bytes, GFP_NOFS>"
        assert machine.allocations.charged == 4106
        assert (machine.ledger.kmalloc, machine.ledger.bytes >= 4106) == (2, True)
        one.free()
        one.free()
        assert one.freed
        assert repr(one) == "<Allocation, 4096 bytes, GFP_KERNEL, freed>"
        assert machine.allocations.charged == 10
        two.free()
        assert machine.allocations == (0, 2, 0, 0, 0, ())
        assert machine.ledger.kmalloc == 0

    def test_with_frees_it(self, machine: sp.Machine) -> None:
        with machine.allocate() as memory:
            assert not memory.freed
        assert machine.allocations.charged == 0

    def test_so_does_its_finalizer(self, machine: sp.Machine) -> None:
        memory = machine.allocate()
        del memory
        gc.collect()
        assert machine.allocations.charged == 0

    def test_two_threads_free_it_once(self, machine: sp.Machine) -> None:
        memory = [machine.allocate() for _ in range(100)]

        def free() -> None:
            for each in memory:
                each.free()

        for thread in [Running(free) for _ in range(4)]:
            thread.join()
        assert machine.allocations.charged == 0
        assert machine.ledger.kmalloc == 0

    @pytest.mark.parametrize("size", [0, -1, 2**63])
    def test_what_is_no_size_is_refused(self, machine: sp.Machine, size: int) -> None:
        with pytest.raises(ValueError, match="size"):
            machine.allocate(size=size)
        with pytest.raises(ValueError, match="gfp"):
            machine.allocate(2**32)

    def test_on_a_closed_machine_it_is_refused(self) -> None:
        machine = sp.Machine()
        memory = machine.allocate()
        machine.close()
        with pytest.raises(sp.ClosedError):
            machine.allocate()
        memory.free()


class TestFaults:
    def test_the_nth_fails(self, machine: sp.Machine) -> None:
        machine.faults.fail_nth(2, "kmalloc")
        with machine.allocate(), pytest.raises(MemoryError):
            machine.allocate()
        with machine.allocate():
            assert machine.allocations.failures == 1

    def test_not_one_that_must_not(self, machine: sp.Machine) -> None:
        machine.faults.fail_nth(1, "kmalloc")
        machine.allocate(sp.Gfp.KERNEL | sp.Gfp.NOFAIL).free()
        assert machine.faults.pending == 1
        machine.faults.fail_nth(0)

    def test_its_fault_comes_before_reclaim(self, machine: sp.Machine) -> None:
        machine.faults.fail_nth(1, "kmalloc")
        machine.faults.reclaim_nth(1)
        with pytest.raises(MemoryError):
            machine.allocate()
        assert machine.allocations.reclaims == 0
        machine.allocate().free()
        assert machine.allocations.reclaims == 1


class TestReclaimNth:
    def test_the_nth_reclaims_a_cluster_once(self, machine: sp.Machine) -> None:
        cache = Cache(100_000)
        with register(machine, cache):
            machine.faults.reclaim_nth(2)
            machine.allocate().free()
            assert cache.counts == 0
            machine.allocate().free()
            assert cache.objects <= 100_000 - CLUSTER
            counts = cache.counts
            machine.allocate().free()
            assert cache.counts == counts
        assert machine.allocations.reclaims == 1

    @pytest.mark.parametrize("gfp", [sp.Gfp.ATOMIC, sp.Gfp.NOWAIT])
    def test_one_that_must_not_wait_is_not_counted(self, machine: sp.Machine, gfp: sp.Gfp) -> None:
        machine.faults.reclaim_nth(1)
        machine.allocate(gfp).free()
        assert machine.allocations.reclaims == 0
        machine.allocate().free()
        assert machine.allocations.reclaims == 1

    def test_0_disarms(self, machine: sp.Machine) -> None:
        machine.faults.reclaim_nth(1)
        machine.faults.reclaim_nth(0)
        machine.allocate().free()
        assert machine.allocations.reclaims == 0
        with pytest.raises(ValueError, match="n must be 0 to"):
            machine.faults.reclaim_nth(-1)


class TestLimit:
    def test_over_it_the_oldest_make_room(self, machine: sp.Machine) -> None:
        assert machine.memory_limit == 0
        machine.memory_limit = 20_000
        assert machine.memory_limit == 20_000
        cache = Backed(machine)
        with register(machine, cache, batch=1):
            for _ in range(1000):
                cache.add()
                assert machine.allocations.charged <= 20_000
            assert machine.allocations.reclaims > 0
            assert machine.allocations.failures == 0
            cache.memory.clear()

    def test_what_nobody_can_make_room_for_fails(self, machine: sp.Machine) -> None:
        machine.memory_limit = 100
        cache = Cache(0)
        with register(machine, cache):
            machine.allocate(size=100).free()
            with pytest.raises(MemoryError):
                machine.allocate(size=101)
            assert direct_reclaims(machine, cache) == RETRIES
        assert machine.allocations == (0, 2, 1, 1, 0, ())

    def test_a_cache_that_frees_for_nothing_is_emptied_first(self, machine: sp.Machine) -> None:
        machine.memory_limit = 100
        cache = Cache(1000)
        with register(machine, cache, batch=1), pytest.raises(MemoryError):
            machine.allocate(size=101)
        assert cache.objects == 0

    def test_noretry_reclaims_once(self, machine: sp.Machine) -> None:
        machine.memory_limit = 100
        cache = Cache(0)
        with register(machine, cache):
            with pytest.raises(MemoryError):
                machine.allocate(sp.Gfp.KERNEL | sp.Gfp.NORETRY, 101)
            assert direct_reclaims(machine, cache) == 1

    def test_noretry_may_have_what_that_brought(self, machine: sp.Machine) -> None:
        machine.memory_limit = 6400
        cache = Backed(machine)
        with register(machine, cache, batch=1):
            for _ in range(64):
                cache.add()
            cache.add(sp.Gfp.KERNEL | sp.Gfp.NORETRY)
            cache.memory.clear()

    def test_one_that_must_not_wait_fails_at_once(self, machine: sp.Machine) -> None:
        machine.memory_limit = 100
        cache = Cache()
        with register(machine, cache), pytest.raises(MemoryError):
            machine.allocate(sp.Gfp.ATOMIC, 101)
        assert cache.counts == 0

    def test_where_one_that_must_not_fail_would_spin_it_is_told(self) -> None:
        with sp.Machine(max_stall=50) as machine:
            machine.memory_limit = 100
            cache = Cache(0)
            with register(machine, cache):
                with pytest.raises(sp.LivelockError, match="101 bytes that must not fail"):
                    machine.allocate(sp.Gfp.KERNEL | sp.Gfp.NOFAIL, 101)
                assert direct_reclaims(machine, cache) == 50

    def test_without_a_bound_others_run_and_may_free(self) -> None:
        """In the kernel it would go on for ever, but not alone."""
        with sp.Machine(max_stall=0) as machine:
            machine.memory_limit = 100
            blocking = machine.allocate(size=100)
            other = Running(
                lambda: (until(lambda: machine.vmstat["allocstall_normal"] > 200), blocking.free())
            )
            machine.allocate(sp.Gfp.KERNEL | sp.Gfp.NOFAIL, 100).free()
            other.join()

    def test_nor_is_it_deaf_to_ctrl_c(self) -> None:
        main = threading.main_thread().ident or 0
        heard = threading.Event()
        with sp.Machine(max_stall=0) as machine:
            machine.memory_limit = 100

            def interrupt() -> None:
                try:
                    until(lambda: machine.vmstat["allocstall_normal"] > 200)
                    signal.pthread_kill(main, signal.SIGINT)
                    assert heard.wait(TIMEOUT)
                finally:
                    machine.memory_limit = 200  # or it would go on for ever

            other = Running(interrupt)
            with pytest.raises(KeyboardInterrupt):
                machine.allocate(sp.Gfp.KERNEL | sp.Gfp.NOFAIL, 101)
            heard.set()
            other.join()
            assert machine.allocations[:1] == (0,)

    def test_one_that_must_not_fail_waits_longer_than_others(self, machine: sp.Machine) -> None:
        machine.memory_limit = 100
        blocking = machine.allocate(size=100)

        def count(sc: Any) -> int:
            if cache.counts > 13 * 2 * RETRIES:
                blocking.free()
            return 0

        cache = Doing(count=count)
        with register(machine, cache):
            machine.allocate(sp.Gfp.KERNEL | sp.Gfp.NOFAIL, 100).free()
        assert machine.allocations.failures == 0

    @pytest.mark.parametrize("limit", [-1, 2**63])
    def test_what_is_none_is_refused(self, machine: sp.Machine, limit: int) -> None:
        with pytest.raises(ValueError, match="memory_limit"):
            machine.memory_limit = limit


class TestCallbacks:
    def test_what_they_raise_surfaces_and_nothing_is_charged(self, machine: sp.Machine) -> None:
        raised: list[Exception] = []

        def count(sc: Any) -> int:
            if not raised:
                raised.append(ZeroDivisionError("in count"))
                raise raised[0]
            return 0

        with register(machine, Doing(count=count)):
            machine.faults.reclaim_nth(1)
            with pytest.raises(ZeroDivisionError) as caught:
                machine.allocate()
        assert caught.value is raised[0]
        assert machine.allocations.charged == 0
        assert machine.ledger.kmalloc == 0

    def test_ctrl_c_in_one_ends_it(self, machine: sp.Machine) -> None:
        def count(sc: Any) -> int:
            raise KeyboardInterrupt

        cache = Doing(count=count)
        machine.memory_limit = 1
        with register(machine, cache):
            with pytest.raises(KeyboardInterrupt):
                machine.allocate()
            assert cache.counts == 1
        assert machine.allocations.failures == 1

    def test_where_the_kernel_would_spin(self) -> None:
        def scan(sc: sp.ShrinkControl) -> int:
            sc.nr_scanned = 0
            return 0

        with sp.Machine(max_stall=10) as machine, register(machine, Doing(scan=scan, objects=10**6)):
            machine.faults.reclaim_nth(1)
            with pytest.raises((sp.LivelockError, ExceptionGroup)):
                machine.allocate()
            assert machine.allocations.charged == 0

    def test_an_allocation_in_one_is_noted_and_never_reclaims(self, machine: sp.Machine) -> None:
        def grow(sc: Any) -> sp.ScanObjects:
            machine.allocate(size=1000).free()
            machine.allocate(sp.Gfp.ATOMIC, 1).free()
            return sp.ScanObjects.STOP

        cache = Doing(scan=grow)
        machine.memory_limit = 10
        with register(machine, cache):
            machine.shrink_slab(priority=0)
        assert cache.counts == 1
        done = machine.allocations
        assert (done.calls, done.reclaims, done.failures, done.in_callbacks) == (2, 0, 0, 1)
        (place,) = done.places
        assert "grow (test_machine_allocate.py:" in place
        assert machine.lockdep.reports == []

    def test_one_that_may_not_use_reserves_fails_there(self, machine: sp.Machine) -> None:
        def grow(sc: Any) -> sp.ScanObjects:
            with pytest.raises(MemoryError):
                machine.allocate(sp.Gfp.KERNEL | sp.Gfp.NOMEMALLOC, 1000)
            return sp.ScanObjects.STOP

        machine.memory_limit = 10
        with register(machine, Doing(scan=grow)):
            machine.shrink_slab(priority=0)
        assert machine.allocations.failures == 1

    def test_the_last_16_places_are_kept(self, machine: sp.Machine) -> None:
        def many(sc: Any) -> sp.ScanObjects:
            for _ in range(20):
                machine.allocate().free()
            machine.allocate().free()
            return sp.ScanObjects.STOP

        with register(machine, Doing(scan=many)):
            machine.shrink_slab(priority=0)
        done = machine.allocations
        assert (done.in_callbacks, len(done.places)) == (21, 16)
        assert done.places[-1] != done.places[-2] == done.places[0]


class TestTask:
    def test_where_it_is(self) -> None:
        from shrinkpy.core import ffi, lib

        with sp.Machine(nr_nodes=2) as machine:
            app = machine.root.create("app")

            def place() -> tuple[bool, int]:
                at = lib.sp_task_place(machine._pointer)
                assert at.memcg in (ffi.NULL, app._pointer)
                return at.memcg == app._pointer, at.nid

            assert place() == (False, 0)
            with machine.task(app, nid=1):
                assert place() == (True, 1)
                assert Running(place).join() == (False, 0)
                with machine.task():
                    assert place() == (False, 0)
                assert place() == (True, 1)
            assert place() == (False, 0)

    def test_what_is_none_is_refused(self, machine: sp.Machine) -> None:
        with pytest.raises(ValueError, match="nid must be 0 to 0"):
            machine.task(nid=1)
        with sp.Machine() as other, pytest.raises(ValueError, match="another Machine"):
            machine.task(other.root)

    def test_thisnode_reclaims_on_its_node(self) -> None:
        seen: list[int] = []
        with sp.Machine(nr_nodes=3) as machine:
            numa = Doing(count=lambda sc: seen.append(sc.nid) or 0)
            with register(machine, numa, flags=sp.Flags.NUMA_AWARE), machine.task(nid=2):
                machine.faults.reclaim_nth(1)
                machine.allocate(sp.Gfp.KERNEL | sp.Gfp.THISNODE).free()
                assert set(seen) == {2}
                machine.faults.reclaim_nth(1)
                machine.allocate().free()
                assert set(seen) == {0, 1, 2}
