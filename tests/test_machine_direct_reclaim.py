# SPDX-License-Identifier: GPL-2.0-only
"""Machine.direct_reclaim(): from priority 12 down until it is enough."""

from __future__ import annotations

from typing import Any

import pytest
from support import Cache, Doing, register, registered

import shrinkpy as sp

KERNEL = sp.Gfp.KERNEL


class TestPriorities:
    def test_it_ends_with_the_priority_that_was_enough(self, machine: sp.Machine) -> None:
        # A 4096th of the cache and twice that a priority, in batches of 128.
        with registered(machine, Cache(128 << 10)):
            done = machine.direct_reclaim(100)
        assert [p.priority for p in done.passes] == [12, 11]
        assert done.freed == 128
        assert done.priority == 11

    def test_32_objects_unless_told(self, machine: sp.Machine) -> None:
        with register(machine, Cache(40), batch=1):
            done = machine.direct_reclaim()
        assert done.freed >= 32
        assert sum(p.freed for p in done.passes[:-1]) < 32

    def test_that_it_fell_short_is_no_error(self, machine: sp.Machine) -> None:
        with registered(machine, Cache(5)):
            done = machine.direct_reclaim(6)
        assert (done.freed, done.priority, done.rounds) == (5, 0, 13)

    def test_a_priority_is_gone_through_wholly(self) -> None:
        with sp.Machine(2) as machine:
            app = machine.root.create("app")
            with registered(machine, Cache(10**6)):
                done = machine.direct_reclaim(1)
            assert [(p.nid, p.memcg, p.priority) for p in done.passes] == [
                (nid, memcg, 12) for nid in (0, 1) for memcg in (machine.root, app)
            ]


class TestWhere:
    def test_on_one_node(self) -> None:
        with sp.Machine(3) as machine, registered(machine, Cache(0)):
            assert {p.nid for p in machine.direct_reclaim(nid=1).passes} == {1}
            assert {p.nid for p in machine.direct_reclaim(nid=None).passes} == {0, 1, 2}

    def test_in_a_subtree(self, machine: sp.Machine) -> None:
        a = machine.root.create("a")
        b = a.create("b")
        machine.root.create("c")
        cache = Doing(count=lambda sc: 100 if sc.memcg is b else 0)
        with register(machine, cache, flags=sp.Flags.MEMCG_AWARE) as shrinker:
            shrinker.set_bit(b)
            done = machine.direct_reclaim(1, memcg=a)
        assert {p.memcg for p in done.passes} == {a, b}
        assert {p.memcg for p in done.passes if p.freed} == {b}
        # b's objects are not those of c
        with register(machine, Cache(7)):
            assert machine.direct_reclaim(memcg=machine.root.children[1]).freed == 0


class TestMask:
    @pytest.mark.parametrize("mask", [sp.Gfp.NOWAIT, sp.Gfp.ATOMIC, 0, KERNEL & ~sp.Gfp.DIRECT_RECLAIM])
    def test_one_that_must_not_reclaim(self, machine: sp.Machine, mask: int) -> None:
        cache = Cache(100)
        with registered(machine, cache):
            done = machine.direct_reclaim(gfp_mask=mask)
        assert done == (sp.ReclaimKind.DIRECT, 0, 0, 0, (), ())
        assert (cache.counts, done.priority) == (0, None)
        assert machine.vmstat["allocstall_normal"] == 0
        assert machine.last_pass is None

    @pytest.mark.parametrize("mask", [KERNEL, sp.Gfp.NOFS, sp.Gfp.NOIO, KERNEL | sp.Gfp.NOFAIL])
    def test_callbacks_see_it(self, machine: sp.Machine, mask: sp.Gfp) -> None:
        seen: set[tuple[sp.Gfp, bool]] = set()

        def count(sc: sp.ShrinkControl) -> int:
            seen.add((sc.gfp_mask, sc.reclaim_fs_allowed))
            return 0

        with register(machine, Doing(count=count)):
            done = machine.direct_reclaim(gfp_mask=mask)
        assert seen == {(mask, bool(mask & sp.Gfp.FS))}
        assert {p.gfp_mask for p in done.passes} == {mask}


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "error", "told"),
        [
            ({"nr_to_reclaim": 0}, ValueError, "nr_to_reclaim must be 1 to"),
            ({"nr_to_reclaim": 2**64}, ValueError, "nr_to_reclaim must be 1 to"),
            ({"nr_to_reclaim": True}, TypeError, "nr_to_reclaim must be an int"),
            ({"nr_to_reclaim": 1.5}, TypeError, "nr_to_reclaim must be an int"),
            ({"gfp_mask": -1}, ValueError, "gfp_mask must be 0 to"),
            ({"gfp_mask": 2**32}, ValueError, "gfp_mask must be 0 to"),
            ({"nid": 1}, ValueError, "nid must be 0 to 0, not 1"),
            ({"nid": -1}, ValueError, "nid must be 0 to 0, not -1"),
            ({"memcg": "app"}, TypeError, "memcg must be a MemCgroup or None"),
        ],
    )
    def test_bad_ones(
        self, machine: sp.Machine, arguments: dict[str, Any], error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            machine.direct_reclaim(**arguments)
        assert machine.last_reclaim is None

    def test_a_cgroup_of_another_machine(self, machine: sp.Machine) -> None:
        with sp.Machine() as other, pytest.raises(ValueError, match="another Machine"):
            machine.direct_reclaim(memcg=other.root)

    def test_the_most_there_can_be(self, machine: sp.Machine) -> None:
        assert machine.direct_reclaim(2**64 - 1).rounds == 13
