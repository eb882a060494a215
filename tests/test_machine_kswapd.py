# SPDX-License-Identifier: GPL-2.0-only
"""Machine.kswapd(): it presses harder only if it must."""

from __future__ import annotations

from typing import Any

import pytest
from support import Cache, Doing, register, registered

import shrinkpy as sp


def steady(*freed: int, asks: int = 128) -> Doing:
    """Scans of so many objects at priority 12, which free so much, one after the other, then nothing."""
    left = iter(freed)
    return Doing(count=lambda _sc: asks << 11, scan=lambda _sc: next(left, 0))


def places(done: sp.Reclaimed) -> list[tuple[int, int]]:
    """Rounds and priorities."""
    return [(p.round, p.priority) for p in done.passes]


class TestPriority:
    def test_it_stays_while_enough_is_scanned_and_something_goes(self, machine: sp.Machine) -> None:
        with register(machine, steady(40, 40, 40)):
            done = machine.kswapd(nr_to_reclaim=120)
        assert places(done) == [(0, 12), (1, 12), (2, 12)]
        assert done.freed == 120

    def test_it_falls_when_nothing_went(self, machine: sp.Machine) -> None:
        with register(machine, steady(0, 100)):
            done = machine.kswapd(nr_to_reclaim=100)
        assert places(done) == [(0, 12), (1, 11)]

    def test_it_falls_when_too_little_was_scanned(self, machine: sp.Machine) -> None:
        with register(machine, steady(100, 100, 100)):
            done = machine.kswapd(nr_to_reclaim=129)
        assert places(done) == [(0, 12), (1, 11)]
        assert done.passes[0].scanned == 128

    def test_after_priority_1_it_gives_up(self, machine: sp.Machine) -> None:
        with registered(machine, Cache(0)):
            done = machine.kswapd()
        assert places(done) == [(n, 12 - n) for n in range(12)]
        assert done.rounds == 12


class TestPlaces:
    def test_one_node_and_all_its_cgroups(self) -> None:
        with sp.Machine(2) as machine:
            app = machine.root.create("app")
            with registered(machine, Cache(10**6)):
                done = machine.kswapd(1, 10)
            assert [(p.nid, p.memcg) for p in done.passes] == [(1, machine.root), (1, app)]
            assert {p.gfp_mask for p in done.passes} == {sp.Gfp.KERNEL}

    def test_32_objects_of_node_0_unless_told(self) -> None:
        with sp.Machine(2) as machine, register(machine, Cache(100), batch=1):
            done = machine.kswapd()
        assert {p.nid for p in done.passes} == {0}
        assert sum(p.freed for p in done.passes[:-1]) < 32 <= done.freed

    @pytest.mark.parametrize(
        ("arguments", "error", "told"),
        [
            ({"nid": 1}, ValueError, "nid must be 0 to 0, not 1"),
            ({"nid": None}, TypeError, "nid must be an int"),
            ({"nr_to_reclaim": 0}, ValueError, "nr_to_reclaim must be 1 to"),
        ],
    )
    def test_bad_arguments(
        self, machine: sp.Machine, arguments: dict[str, Any], error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            machine.kswapd(**arguments)
        assert machine.vmstat["pageoutrun"] == 0
