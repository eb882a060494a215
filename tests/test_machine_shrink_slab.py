# SPDX-License-Identifier: GPL-2.0-only
"""Machine.shrink_slab(): its arguments, its result, nesting, and where the kernel would not come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support import Cache, Doing, Log, Running, native_pass, register, registered, warned

import shrinkpy as sp
from shrinkpy.core import check, ffi, lib

NUMA, MEMCG, NONSLAB = sp.Flags.NUMA_AWARE, sp.Flags.MEMCG_AWARE, sp.Flags.NONSLAB


@pytest.fixture
def numa() -> Iterator[sp.Machine]:
    """A machine of three nodes."""
    with sp.Machine(nr_nodes=3) as machine:
        yield machine


def last(machine: sp.Machine) -> sp.LastPass:
    """The last pass, of which there was one."""
    assert machine.last_pass is not None
    return machine.last_pass


class TestMachine:
    @pytest.mark.parametrize("nr_nodes", [1, 2, 1024])
    def test_one_to_1024_nodes(self, nr_nodes: int) -> None:
        with sp.Machine(nr_nodes) as machine:
            assert machine.nr_nodes == nr_nodes

    @pytest.mark.parametrize("nr_nodes", [0, -1, 1025, 2**40])
    def test_no_other_number(self, nr_nodes: int) -> None:
        with pytest.raises(ValueError, match="nr_nodes must be 1 to 1024"):
            sp.Machine(nr_nodes)

    @pytest.mark.parametrize("max_stall", [-1, 2**64])
    def test_max_stall_is_an_unsigned_long(self, max_stall: int) -> None:
        with pytest.raises(ValueError, match="max_stall"):
            sp.Machine(max_stall=max_stall)

    def test_its_defaults(self, machine: sp.Machine) -> None:
        assert (machine.nr_nodes, machine.memcg_enabled, machine.kmem, machine.closed) == (
            1,
            True,
            True,
            False,
        )
        assert (machine.slabs_scanned, machine.last_pass, machine.lost_exceptions) == (0, None, [])
        assert machine.warnings == []
        assert repr(machine) == "<Machine, 1 node>"

    def test_machines_know_nothing_of_each_other(self, machine: sp.Machine) -> None:
        with sp.Machine() as other, register(machine, Cache(10)), register(other, Cache(20)):
            assert other.shrink_slab(priority=0) == 20
            assert machine.last_pass is None
            assert machine.shrink_slab(priority=0) == 10


class TestResult:
    def test_nobody_there_nothing_freed(self, machine: sp.Machine) -> None:
        assert machine.shrink_slab() == 0

    @pytest.mark.parametrize("priority", [0, 1, 5, 12, 63])
    def test_a_share_of_each_cache_by_priority(self, machine: sp.Machine, priority: int) -> None:
        # do_shrink_slab(): delta = (10000 >> priority) · 4 / 4; batches of 1, so that all of it is asked for.
        with register(machine, Cache(10_000), seeks=4, batch=1):
            assert machine.shrink_slab(priority=priority) == 10_000 >> priority

    def test_it_sums_up_over_shrinkers(self, machine: sp.Machine) -> None:
        with registered(machine, Cache(5), Cache(0), Cache(7)):
            assert machine.shrink_slab(priority=0) == 12

    def test_sums_wrap(self, machine: sp.Machine) -> None:
        huge = Doing(count=lambda _sc: 1, scan=lambda _sc: 2**63)
        with registered(machine, huge, huge):
            assert machine.shrink_slab(priority=0) == 0
            assert last(machine).scans == 2

    def test_what_a_seekless_cache_gives_is_half_whatever_the_priority(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000), seeks=0, batch=1):
            assert machine.shrink_slab(priority=12) == 500

    def test_work_is_deferred_and_done_later(self, machine: sp.Machine) -> None:
        cache = Cache(1000)
        with register(machine, cache, seeks=4) as shrinker:
            for n in range(1, 5):  # 31 each, and a batch is 128
                assert machine.shrink_slab(priority=5) == 0
                assert shrinker.nr_deferred() == 31 * n
                assert last(machine).deferred == 31 * n
            assert machine.shrink_slab(priority=0) == 1000
            assert shrinker.nr_deferred() == 1124 - 8 * 128


class TestArguments:
    def test_its_defaults(self, machine: sp.Machine) -> None:
        machine.shrink_slab()
        assert last(machine)[:4] == (sp.Gfp.KERNEL, 0, None, 12)

    def test_in_the_kernels_order(self, numa: sp.Machine) -> None:
        app = numa.root.create("app")
        numa.shrink_slab(sp.Gfp.NOFS, 2, app, 3)
        assert last(numa)[:4] == (sp.Gfp.NOFS, 2, app, 3)

    def test_or_by_name(self, numa: sp.Machine) -> None:
        app = numa.root.create("app")
        numa.shrink_slab(priority=3, memcg=app, nid=2, gfp_mask=sp.Gfp.NOFS)
        assert last(numa)[:4] == (sp.Gfp.NOFS, 2, app, 3)

    def test_ints_of_other_types_will_do(self, numa: sp.Machine) -> None:
        numa.shrink_slab(nid=np.int32(1), priority=np.uint8(3))
        assert (last(numa).nid, last(numa).priority) == (1, 3)

    @pytest.mark.parametrize(
        ("kwargs", "says"),
        [
            ({"nid": -1}, "nid must be 0 to 2"),
            ({"nid": 3}, "nid must be 0 to 2"),
            ({"nid": 2**70}, "nid must be 0 to 2"),
            ({"priority": -1}, "priority must be 0 to 63"),
            ({"priority": 64}, "priority must be 0 to 63"),
            ({"gfp_mask": -1}, "gfp_mask must be 0 to 4294967295"),
            ({"gfp_mask": 2**32}, "gfp_mask must be 0 to 4294967295"),
            ({"gfp_mask": -(2**70)}, "gfp_mask must be 0 to 4294967295"),
        ],
    )
    def test_what_is_outside_is_refused(self, numa: sp.Machine, kwargs: dict[str, int], says: str) -> None:
        cache = Cache()
        with register(numa, cache), pytest.raises(ValueError, match=says):
            numa.shrink_slab(**kwargs)
        assert cache.counts == 0
        assert numa.last_pass is None

    @pytest.mark.parametrize("name", ["gfp_mask", "nid", "priority"])
    @pytest.mark.parametrize("value", [True, None, 1.0, "1"])
    def test_what_is_no_int_is_refused(self, machine: sp.Machine, name: str, value: Any) -> None:
        with pytest.raises(TypeError, match=f"{name} must be an int"):
            machine.shrink_slab(**{name: value})

    @pytest.mark.parametrize("memcg", [0, "/", object(), False])
    def test_a_cgroup_is_a_memcgroup(self, machine: sp.Machine, memcg: Any) -> None:
        with pytest.raises(TypeError, match="memcg must be a MemCgroup or None"):
            machine.shrink_slab(memcg=memcg)

    def test_of_this_machine(self, machine: sp.Machine) -> None:
        with sp.Machine() as other, pytest.raises(ValueError, match="another Machine"):
            machine.shrink_slab(memcg=other.root)

    def test_unknown_and_repeated_ones_are_refused(self, machine: sp.Machine) -> None:
        with pytest.raises(TypeError, match="takes gfp_mask, nid, memcg and priority"):
            machine.shrink_slab(prio=1)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="twice"):
            machine.shrink_slab(sp.Gfp.KERNEL, gfp_mask=sp.Gfp.KERNEL)  # type: ignore[misc]
        with pytest.raises(TypeError, match="at most 4"):
            machine.shrink_slab(sp.Gfp.KERNEL, 0, None, 1, 2)  # type: ignore[call-arg]

    def test_a_closed_machine_is_refused(self) -> None:
        machine = sp.Machine()
        machine.close()
        with pytest.raises(sp.ClosedError):
            machine.shrink_slab()


class TestWhichShrinkers:
    def test_none_is_the_root_and_the_root_is_everybody(self, machine: sp.Machine) -> None:
        with register(machine, Cache(5)), register(machine, Cache(7), flags=MEMCG):
            assert machine.shrink_slab(priority=0, memcg=None) == 12
            assert machine.shrink_slab(priority=0, memcg=machine.root) == 0
            assert last(machine).counts == 2
            assert last(machine).memcg is machine.root

    def test_a_cgroup_has_its_memcg_aware_ones(self, machine: sp.Machine) -> None:
        app, unaware = machine.root.create("app"), Cache(5)
        with register(machine, unaware), register(machine, Cache(7), flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            assert machine.shrink_slab(priority=0, memcg=app) == 7
        assert unaware.counts == 0

    def test_where_cgroups_are_disabled_everybody_is_called_for_any(self) -> None:
        with sp.Machine(memcg=False) as machine, register(machine, Cache(5), flags=MEMCG):
            app = machine.root.create("app")
            assert machine.shrink_slab(priority=0, memcg=app) == 5

    def test_an_unaware_one_runs_on_each_node_with_one_deferred_count(self, numa: sp.Machine) -> None:
        with register(numa, Cache(1000), seeks=4) as shrinker:
            for nid in range(3):
                numa.shrink_slab(priority=5, nid=nid)
            assert [shrinker.nr_deferred(nid=nid) for nid in range(3)] == [93, 93, 93]

    def test_a_numa_aware_one_has_a_count_a_node(self, numa: sp.Machine) -> None:
        with register(numa, Cache(1000), seeks=4, flags=NUMA) as shrinker:
            for nid in (0, 2, 2):
                numa.shrink_slab(priority=5, nid=nid)
            assert [shrinker.nr_deferred(nid=nid) for nid in range(3)] == [31, 0, 62]

    def test_a_memcg_aware_one_has_a_count_a_cgroup(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with register(machine, Cache(1000), seeks=4, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            machine.shrink_slab(priority=5)
            machine.shrink_slab(priority=5, memcg=app)
            machine.shrink_slab(priority=5, memcg=app)
            assert (shrinker.nr_deferred(), shrinker.nr_deferred(app)) == (31, 62)


class TestNonslab:
    """With kernel-memory accounting off, passes of a cgroup call the NONSLAB ones alone."""

    @pytest.mark.parametrize(
        ("flags", "kmem", "freed"),
        [(MEMCG, True, 10), (MEMCG, False, 0), (MEMCG | NONSLAB, True, 10), (MEMCG | NONSLAB, False, 10)],
    )
    def test_in_a_cgroup(self, flags: sp.Flags, kmem: bool, freed: int) -> None:
        machine, cache = sp.Machine(kmem=kmem), Cache(10)
        app = machine.root.create("app")
        shrinker = register(machine, cache, flags=flags)
        shrinker.set_bit(app)
        assert machine.shrink_slab(memcg=app, priority=0) == freed
        assert cache.counts == bool(freed)
        assert lib.sp_peek_bit(app._pointer, 0, 0)  # the bit of a skipped one stays
        with warned():
            machine.close()

    def test_the_global_pass_calls_all(self) -> None:
        with sp.Machine(kmem=False) as machine, register(machine, Cache(10), flags=MEMCG):
            assert machine.shrink_slab(priority=0) == 10

    def test_it_may_change_at_any_time(self, machine: sp.Machine) -> None:
        app, cache = machine.root.create("app"), Cache(10)
        with register(machine, cache, flags=MEMCG | NONSLAB) as shrinker:
            shrinker.set_bit(app)
            machine.kmem = False
            assert not machine.kmem
            machine.shrink_slab(memcg=app)
            machine.kmem = True
            machine.shrink_slab(memcg=app)
        assert cache.counts == 2


class TestLastPass:
    def test_it_is_whole(self, numa: sp.Machine) -> None:
        empty = Doing(count=lambda _sc: sp.CountObjects.EMPTY)
        stopping = Doing(count=lambda _sc: 50, scan=lambda _sc: sp.ScanObjects.STOP)
        with registered(numa, Cache(1000), empty, stopping, Cache(0)):
            freed = numa.shrink_slab(sp.Gfp.NOFS, 1, None, 1)
        assert numa.last_pass == sp.LastPass(
            gfp_mask=sp.Gfp.NOFS,
            nid=1,
            memcg=None,
            priority=1,
            freed=896,  # 7 batches of the 1000 that (1000 >> 1) · 4 / 2 asks for
            freeable=1050,
            scanned=896,
            deferred=104 + 50,
            counts=4,
            scans=7 + 1,
            spins=0,
            exceptions=(),
        )
        assert freed == 896
        assert numa.slabs_scanned == 896

    def test_a_second_count_after_empty_counts(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with register(machine, Doing(count=lambda _sc: sp.CountObjects.EMPTY), flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            machine.shrink_slab(memcg=app)
        assert (last(machine).counts, last(machine).freeable) == (2, 0)

    def test_it_is_the_last_that_ended(self, machine: sp.Machine) -> None:
        seen: list[int] = []

        def count(_sc: sp.ShrinkControl) -> int:
            if outer.counts == 1:
                machine.shrink_slab(priority=7)
                seen.append(last(machine).priority)
            return 0

        outer = Doing(count=count)
        with register(machine, outer):
            machine.shrink_slab(priority=3)
        assert seen == [7]
        assert last(machine).priority == 3

    def test_it_keeps_the_cgroup(self, machine: sp.Machine) -> None:
        machine.shrink_slab(memcg=machine.root.create("app"))
        machine.root.children[0].remove()
        memcg = last(machine).memcg
        assert memcg is not None
        assert (memcg.path, memcg.online) == ("/app", False)
        assert machine.ledger.memcgs == 2
        del memcg
        machine.shrink_slab()
        assert machine.ledger.memcgs == 1

    def test_a_refused_call_is_no_pass(self) -> None:
        machine = sp.Machine()
        with register(machine, Cache(10)):
            machine.shrink_slab(priority=0)
        before = machine.last_pass
        machine.close()
        with pytest.raises(sp.ClosedError):
            machine.shrink_slab()
        assert machine.last_pass == before


class TestNesting:
    """A callback may reclaim, to depth 8."""

    @staticmethod
    def nested(machine: sp.Machine, depth: int) -> tuple[list[int], list[BaseException]]:
        """Depths that were reached by callbacks that reclaim until depth, and what failed."""
        reached: list[int] = []
        errors: list[BaseException] = []

        def count(_sc: sp.ShrinkControl) -> int:
            now = lib.sp_pass_depth(machine._pointer)
            reached.append(now)
            if now < depth:
                try:
                    machine.shrink_slab()
                except sp.NestingError as error:
                    errors.append(error)
            return 0

        with register(machine, Doing(count=count)):
            machine.shrink_slab()
        return reached, errors

    @pytest.mark.parametrize("depth", [1, 2, 8])
    def test_to_depth_eight(self, machine: sp.Machine, depth: int) -> None:
        reached, errors = self.nested(machine, depth)
        assert reached == list(range(1, depth + 1))
        assert errors == []
        assert lib.sp_pass_depth(machine._pointer) == 0

    def test_no_deeper(self, machine: sp.Machine) -> None:
        reached, errors = self.nested(machine, 9)
        assert reached == list(range(1, 9))
        assert len(errors) == 1
        assert "deeper than 8" in str(errors[0])
        assert isinstance(errors[0], RecursionError)
        assert machine.shrink_slab() == 0

    def test_uncaught_it_comes_out_of_the_outermost_call(self, machine: sp.Machine) -> None:
        cache = Doing(count=lambda _sc: machine.shrink_slab())
        with register(machine, cache), pytest.raises(sp.NestingError):
            machine.shrink_slab()
        assert cache.counts == 8

    def test_in_other_machines_it_starts_anew(self, machine: sp.Machine) -> None:
        with sp.Machine() as other:
            reached: list[int] = []

            def count(_sc: sp.ShrinkControl) -> int:
                if lib.sp_pass_depth(machine._pointer) < 8:
                    machine.shrink_slab()
                else:
                    other.shrink_slab()
                return 0

            deepest = Doing(count=lambda _sc: reached.append(lib.sp_pass_depth(other._pointer)) or 0)
            with register(machine, Doing(count=count)), register(other, deepest):
                machine.shrink_slab()
            assert reached == [1]

    def test_what_it_frees_is_its_own(self, machine: sp.Machine) -> None:
        freed: list[int] = []

        def count(_sc: sp.ShrinkControl) -> int:
            if outer.counts == 1:
                freed.append(machine.shrink_slab(priority=0))
            return 0

        outer = Doing(count=count)
        with registered(machine, outer, Cache(10)):
            assert machine.shrink_slab(priority=0) == 0
        assert freed == [10]

    def test_the_shrinker_itself_is_called_again(self, machine: sp.Machine) -> None:
        def scan(sc: sp.ShrinkControl) -> int:
            inner = machine.shrink_slab(priority=0) if cache.counts == 1 else 0
            return sc.nr_to_scan + inner * 0

        cache = Doing(count=lambda _sc: 10, scan=scan)
        with register(machine, cache):
            assert machine.shrink_slab(priority=0) == 20
        assert cache.counts == 2


class TestLivelock:
    """Scans without progress, where the kernel would spin: the turn ends as by STOP."""

    @staticmethod
    def spin(
        machine: sp.Machine, scan: Any, count: Any = lambda _sc: 1000, **kwargs: Any
    ) -> tuple[sp.LivelockError, Doing]:
        """What a pass raises for a scan that makes none, and the cache, with an honest one behind it."""
        cache, after = Doing(count=count, scan=scan), Cache(10)
        with register(machine, cache, "spinner"), register(machine, after):
            with pytest.raises(sp.LivelockError) as caught:
                machine.shrink_slab(priority=0, **kwargs)
            assert after.objects == 0
        assert last(machine).spins == 1
        assert last(machine).freed >= 10
        return caught.value, cache

    @staticmethod
    def saying(n: int) -> Any:
        """A scan that says it looked at n."""

        def scan(sc: sp.ShrinkControl) -> int:
            sc.nr_scanned = n
            return 0

        return scan

    def test_nr_scanned_zero(self) -> None:
        with sp.Machine(max_stall=50) as machine:
            error, cache = self.spin(machine, self.saying(0))
            assert len(cache.asked) == 50
            assert "50 scans in a row" in error.reason

    def test_nr_scanned_that_wraps(self) -> None:
        with sp.Machine(max_stall=50) as machine:
            error, cache = self.spin(machine, self.saying(2**64 - 1))
            assert len(cache.asked) == 50
            assert "nr_scanned at -1" in error.reason

    def test_two_steps_forth_and_two_back(self) -> None:
        with sp.Machine(max_stall=50) as machine:
            steps = iter([2, 2**64 - 2] * 1000)
            _error, cache = self.spin(machine, lambda sc: self.saying(next(steps))(sc))
            assert len(cache.asked) == 51  # the first was progress

    def test_a_count_of_2_to_the_63_with_an_honest_scan(self) -> None:
        with sp.Machine(max_stall=50) as machine:
            self.spin(machine, lambda sc: sc.nr_to_scan, lambda _sc: sp.CountObjects.raw(2**63))

    def test_slow_progress_is_none_of_it(self) -> None:
        with sp.Machine(max_stall=2) as machine:
            cache = Doing(count=lambda _sc: 1000, scan=self.saying(1))
            with register(machine, cache, seeks=4, batch=1000):
                machine.shrink_slab(priority=0)
            assert len(cache.asked) == 1
            steps = iter([0, 1] * 2000)
            cache = Doing(count=lambda _sc: 100, scan=lambda sc: self.saying(next(steps))(sc))
            with register(machine, cache, seeks=4, batch=1):
                machine.shrink_slab(priority=0)
            assert len(cache.asked) == 200

    def test_it_names_shrinker_and_node(self) -> None:
        with sp.Machine(nr_nodes=3, max_stall=5) as machine:
            error, _cache = self.spin(machine, self.saying(0), nid=2)
            assert (error.shrinker, error.nid, error.memcg) == ("spinner", 2, machine.root.ino)

    def test_it_names_the_cgroup(self) -> None:
        with sp.Machine(max_stall=5) as machine:
            app = machine.root.create("app")
            spinner = Doing(count=lambda _sc: 10, scan=self.saying(0))
            with register(machine, spinner, "spinner", flags=MEMCG) as shrinker:
                shrinker.set_bit(app)
                with pytest.raises(sp.LivelockError) as caught:
                    machine.shrink_slab(memcg=app, priority=0)
            assert caught.value.memcg == app.ino
            assert f"shrinker 'spinner', node 0, cgroup {app.ino}: 5 scans" in str(caught.value)

    def test_work_is_deferred_as_after_stop(self) -> None:
        with sp.Machine(max_stall=5) as machine:
            spinner = Doing(count=lambda _sc: 1000, scan=self.saying(0))
            with register(machine, spinner, seeks=4) as shrinker:
                with pytest.raises(sp.LivelockError):
                    machine.shrink_slab(priority=0)
                assert shrinker.nr_deferred() == 1000

    def test_several_come_as_a_group(self) -> None:
        with sp.Machine(max_stall=5) as machine:
            spinners = [Doing(count=lambda _sc: 10, scan=self.saying(0)) for _ in range(3)]
            with registered(machine, *spinners), pytest.raises(ExceptionGroup) as caught:
                machine.shrink_slab(priority=0)
            assert [e.shrinker for e in caught.value.exceptions] == ["s0", "s1", "s2"]
            assert last(machine).spins == 3

    def test_its_bound_is_ten_thousand_at_first(self, machine: sp.Machine) -> None:
        _error, cache = self.spin(machine, self.saying(0))
        assert len(cache.asked) == 10_000

    def test_without_a_bound_it_goes_on_as_the_kernel_does(self) -> None:
        with sp.Machine(max_stall=0) as machine:
            left = iter([0] * 12_000)  # more than the usual bound

            def scan(sc: sp.ShrinkControl) -> int:
                sc.nr_scanned = next(left, sc.nr_to_scan)
                return 0

            cache = Doing(count=lambda _sc: 10, scan=scan)
            with register(machine, cache):
                machine.shrink_slab(priority=0)
            assert len(cache.asked) == 12_001

    def test_the_machine_goes_on(self) -> None:
        with sp.Machine(max_stall=5) as machine:
            self.spin(machine, self.saying(0))
            with register(machine, Cache(10)):
                assert machine.shrink_slab(priority=0) == 10


class TestOops:
    """Where the kernel would dereference NULL. The face does not let it come to that; core.h does."""

    @staticmethod
    def error_of(status: int, done: Any) -> sp.KernelOops:
        """The exception of a pass through core.h."""
        with pytest.raises(sp.KernelOops) as caught:
            check(status, done.reason)
        return caught.value

    def test_no_cgroup_while_there_is_a_root(self, machine: sp.Machine) -> None:
        cache = Cache(10)
        with register(machine, cache):
            error = self.error_of(*native_pass(machine, ffi.NULL))
            assert (error.shrinker, error.nid, error.memcg) == (None, 0, None)
            assert "NULL dereference" in str(error)
            assert cache.counts == 0
            assert machine.shrink_slab(priority=0) == 10

    def test_it_names_the_node(self) -> None:
        with sp.Machine(nr_nodes=3) as machine:
            assert self.error_of(*native_pass(machine, ffi.NULL, nid=2)).nid == 2

    def test_a_memcg_aware_shrinker_in_a_cgroup_that_never_came_online(self, machine: sp.Machine) -> None:
        out = ffi.new("struct mem_cgroup **")
        assert lib.sp_memcg_create(machine._pointer, machine.root._pointer, 0, out) == 0
        with register(machine, Cache(10), flags=MEMCG) as shrinker:
            reason = ffi.new("struct sp_reason *")
            status = lib.sp_set_shrinker_bit(machine._pointer, out[0], 0, shrinker.id, reason)
            with pytest.raises(sp.KernelOops, match="no shrinker_info") as caught:
                check(status, reason)
            assert caught.value.memcg == lib.sp_memcg_ino(out[0])
        lib.sp_memcg_put(out[0])

    def test_for_python_none_is_the_root(self, machine: sp.Machine) -> None:
        with register(machine, Cache(10), flags=MEMCG):
            assert machine.shrink_slab(memcg=None, priority=0) == 10


class TestHung:
    def test_the_skipping_pass_itself_raises_nothing(self) -> None:
        machine, done = sp.Machine(kmem=False), []
        app = machine.root.create("app")
        shrinker = register(machine, Log(Cache(10), done), "inodes", flags=MEMCG)
        shrinker.set_bit(app)
        assert machine.shrink_slab(memcg=app, priority=0) == 0
        with pytest.raises(sp.HungError) as caught:
            shrinker.close()
        assert caught.value.shrinker == "inodes"
        assert machine.shrink_slab(priority=0) == 10
        with warned():
            machine.close()
        assert done[-1] == "from_foreign"


class TestThreads:
    def test_passes_run_side_by_side(self, machine: sp.Machine) -> None:
        cache = Cache(0)
        with register(machine, cache):
            for each in [Running(lambda: [machine.shrink_slab() for _ in range(200)]) for _ in range(4)]:
                assert each.join() == [0] * 200
        assert cache.counts == 800
