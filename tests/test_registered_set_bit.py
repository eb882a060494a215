# SPDX-License-Identifier: GPL-2.0-only
"""RegisteredShrinker.set_bit(): passes of a cgroup call the shrinkers whose bit is set in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support import Cache, Doing, register, registered

import shrinkpy as sp
from shrinkpy.core import lib

NUMA, MEMCG = sp.Flags.NUMA_AWARE, sp.Flags.MEMCG_AWARE
EMPTY = sp.CountObjects.EMPTY


@pytest.fixture
def numa() -> Iterator[sp.Machine]:
    """A machine of three nodes."""
    with sp.Machine(nr_nodes=3) as machine:
        yield machine


def bit(shrinker: sp.RegisteredShrinker, memcg: sp.MemCgroup, nid: int = 0) -> bool:
    """Is its bit set?"""
    assert shrinker.id is not None
    return bool(lib.sp_peek_bit(memcg._pointer, nid, shrinker.id))


class TestItsPasses:
    def test_without_the_bit_it_is_not_called(self, machine: sp.Machine) -> None:
        app, cache = machine.root.create("app"), Cache(10)
        with register(machine, cache, flags=MEMCG) as shrinker:
            assert not bit(shrinker, app)
            assert machine.shrink_slab(memcg=app, priority=0) == 0
            assert cache.counts == 0

    def test_with_it_it_is(self, machine: sp.Machine) -> None:
        app, cache = machine.root.create("app"), Cache(10)
        with register(machine, cache, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            assert bit(shrinker, app)
            assert machine.shrink_slab(memcg=app, priority=0) == 10

    def test_in_this_cgroup_alone(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        others = [machine.root.create("other"), app.create("child")]
        cache = Cache(10)
        with register(machine, cache, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            for other in others:
                machine.shrink_slab(memcg=other)
            assert cache.counts == 0

    def test_on_this_node_alone(self, numa: sp.Machine) -> None:
        app, cache = numa.root.create("app"), Cache(10)
        with register(numa, cache, flags=MEMCG | NUMA) as shrinker:
            shrinker.set_bit(app, nid=1)
            assert [bit(shrinker, app, nid) for nid in range(3)] == [False, True, False]
            numa.shrink_slab(memcg=app, nid=0)
            numa.shrink_slab(memcg=app, nid=2)
            assert cache.counts == 0
            numa.shrink_slab(memcg=app, nid=1)
            assert cache.counts == 1

    def test_node_0_unless_said(self, numa: sp.Machine) -> None:
        app = numa.root.create("app")
        with register(numa, Cache(), flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            assert [bit(shrinker, app, nid) for nid in range(3)] == [True, False, False]

    def test_passes_go_in_order_of_id(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        order: list[int] = []
        caches = [Doing(count=lambda _sc, i=i: order.append(i) or 0) for i in range(70)]
        with registered(machine, *caches, flags=MEMCG) as shrinkers:
            for i in (69, 3, 64, 0):
                shrinkers[i].set_bit(app)
            machine.shrink_slab(memcg=app)
        assert order == [0, 3, 64, 69]

    def test_set_in_a_callback_it_counts_if_its_id_is_ahead(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        ahead, behind = Cache(5), Cache(5)

        def count(_sc: sp.ShrinkControl) -> int:
            shrinkers[0].set_bit(app)
            shrinkers[2].set_bit(app)
            return 0

        with registered(machine, behind, Doing(count=count), ahead, flags=MEMCG) as shrinkers:
            shrinkers[1].set_bit(app)
            assert machine.shrink_slab(memcg=app, priority=0) == 5
            assert (behind.counts, ahead.counts) == (0, 1)
            assert bit(shrinkers[0], app)


class TestWhatClearsIt:
    """The second count after EMPTY is what keeps an object added meanwhile from being forgotten."""

    @pytest.mark.parametrize(
        ("counts", "calls", "stays"),
        [
            ([0], 1, True),
            ([EMPTY, EMPTY], 2, False),
            ([EMPTY, 0], 2, True),
            ([EMPTY, 7], 2, True),
            ([7], 1, True),
        ],
    )
    def test_only_empty_said_twice(
        self, machine: sp.Machine, counts: list[int], calls: int, stays: bool
    ) -> None:
        app = machine.root.create("app")
        said = iter(counts)
        cache = Doing(count=lambda _sc: next(said), scan=lambda sc: sc.nr_to_scan)
        with register(machine, cache, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            freed = machine.shrink_slab(memcg=app, priority=0)
            assert cache.counts == calls
            assert bit(shrinker, app) == stays
            assert freed == (14 if 7 in counts else 0)

    def test_the_second_count_sees_the_bit_cleared(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        seen: list[bool] = []
        with register(
            machine, Doing(count=lambda sc: seen.append(bit(shrinker, sc.memcg)) or EMPTY), flags=MEMCG
        ) as shrinker:
            shrinker.set_bit(app)
            machine.shrink_slab(memcg=app)
        assert seen == [True, False]

    def test_one_set_between_the_two_stays(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")

        def count(sc: sp.ShrinkControl) -> sp.CountObjects:
            if cache.counts == 2:
                shrinker.set_bit(sc.memcg)  # an object was added just now
            return EMPTY

        cache = Doing(count=count)
        with register(machine, cache, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            machine.shrink_slab(memcg=app)
            assert bit(shrinker, app)

    def test_the_global_pass_looks_at_no_bit(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with register(machine, Doing(count=lambda _sc: EMPTY), flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            machine.shrink_slab()
            assert bit(shrinker, app)


class TestWhatIsRefused:
    def test_for_the_root_there_is_nothing_to_do(self, machine: sp.Machine) -> None:
        with register(machine, Cache(), flags=MEMCG) as shrinker:
            shrinker.set_bit(machine.root)
            assert not bit(shrinker, machine.root)

    def test_a_shrinker_that_is_not_memcg_aware(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with (
            register(machine, Cache(), "inodes") as shrinker,
            pytest.raises(ValueError, match="not MEMCG_AWARE"),
        ):
            shrinker.set_bit(app)

    def test_where_cgroups_are_disabled_there_is_nothing_to_do(self) -> None:
        with sp.Machine(memcg=False) as machine:
            app = machine.root.create("app")
            with register(machine, Cache(), flags=MEMCG) as shrinker:
                shrinker.set_bit(app)

    @pytest.mark.parametrize("nid", [-1, 3, 2**31, -(2**40)])
    def test_a_node_that_is_not_there(self, numa: sp.Machine, nid: int) -> None:
        app = numa.root.create("app")
        with (
            register(numa, Cache(), flags=MEMCG) as shrinker,
            pytest.raises(ValueError, match="nid must be 0 to 2"),
        ):
            shrinker.set_bit(app, nid)

    @pytest.mark.parametrize("nid", [None, 0.0, "0"])
    def test_a_node_that_is_no_int(self, machine: sp.Machine, nid: Any) -> None:
        app = machine.root.create("app")
        with register(machine, Cache(), flags=MEMCG) as shrinker:
            with pytest.raises(TypeError):
                shrinker.set_bit(app, nid)
            assert not bit(shrinker, app)

    def test_a_cgroup_of_another_machine(self, machine: sp.Machine) -> None:
        with (
            sp.Machine() as other,
            register(machine, Cache(), flags=MEMCG) as shrinker,
            pytest.raises(ValueError, match="another Machine"),
        ):
            shrinker.set_bit(other.root)

    def test_after_close(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        shrinker = register(machine, Cache(), flags=MEMCG)
        shrinker.close()
        with pytest.raises(sp.ClosedError):
            shrinker.set_bit(app)

    def test_a_cgroup_that_was_removed_takes_it_and_forgets_it(self, machine: sp.Machine) -> None:
        app, cache = machine.root.create("app"), Cache()
        with register(machine, cache, flags=MEMCG) as shrinker:
            app.remove()
            shrinker.set_bit(app)
            assert machine.shrink_slab(memcg=app) == 0
            assert cache.counts == 0
            assert machine.warnings == []
