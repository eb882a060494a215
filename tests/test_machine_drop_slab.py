# SPDX-License-Identifier: GPL-2.0-only
"""Machine.drop_slab(): rounds over every node and cgroup, until one frees next to nothing."""

from __future__ import annotations

import pytest
from support import Cache, Doing, register, registered

import shrinkpy as sp


def giving(*freed: int) -> Doing:
    """A cache of one object whose scans free so much, one after the other, then nothing."""
    left = iter(freed)
    return Doing(count=lambda _sc: 1, scan=lambda _sc: next(left, 0))


class TestRounds:
    @pytest.mark.parametrize(
        ("freed", "rounds"),
        [
            ([], 1),
            ([1], 1),
            ([2], 2),
            ([2, 2], 2),
            ([2, 3], 2),
            ([2, 4], 3),
            ([2, 4, 7], 3),
            ([2, 4, 8], 4),
            ([1, 100], 1),
        ],
    )
    def test_round_k_is_not_the_last_if_it_freed_2_to_the_k_plus_1(
        self, machine: sp.Machine, freed: list[int], rounds: int
    ) -> None:
        # A scan of 4 objects, for the one there is: capped at 2, so a single call.
        with register(machine, giving(*freed)):
            done = machine.drop_slab()
        assert (done.rounds, done.freed) == (rounds, sum(freed[:rounds]))
        assert [p.round for p in done.passes] == list(range(rounds))

    def test_one_without_end_is_ended_after_64(self, machine: sp.Machine) -> None:
        endless = Doing(count=lambda _sc: 1, scan=lambda _sc: 2**63)
        with register(machine, endless):
            assert machine.drop_slab().rounds == 64

    def test_everything_goes(self, machine: sp.Machine) -> None:
        caches = [Cache(5), Cache(10**6), Cache(0)]
        with registered(machine, *caches):
            assert machine.drop_slab().freed == 10**6 + 5
        assert [cache.objects for cache in caches] == [0, 0, 0]


class TestPlaces:
    def test_each_round_goes_over_nodes_and_there_over_cgroups(self) -> None:
        with sp.Machine(2) as machine:
            a = machine.root.create("a")
            b = a.create("b")
            c = machine.root.create("c")
            with register(machine, giving(2)):
                done = machine.drop_slab()
            order = [(nid, memcg) for nid in (0, 1) for memcg in (machine.root, a, b, c)]
            assert [(p.nid, p.memcg) for p in done.passes] == order * 2
            assert {(p.priority, p.gfp_mask) for p in done.passes} == {(0, sp.Gfp.KERNEL)}

    def test_offline_cgroups_are_passed_and_give_nothing(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with register(machine, Cache(0), flags=sp.Flags.MEMCG_AWARE) as shrinker:
            shrinker.set_bit(app)
            app.offline()
            done = machine.drop_slab()
        assert [(p.memcg, p.counts) for p in done.passes] == [(machine.root, 1), (app, 0)]

    def test_a_cgroup_made_by_a_callback_is_reached(self, machine: sp.Machine) -> None:
        made: list[sp.MemCgroup] = []

        def count(_sc: sp.ShrinkControl) -> int:
            if not made:
                made.append(machine.root.create("made"))
            return 0

        with register(machine, Doing(count=count)):
            assert [p.memcg for p in machine.drop_slab().passes] == [machine.root, *made]
