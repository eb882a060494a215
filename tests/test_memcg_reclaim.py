# SPDX-License-Identifier: GPL-2.0-only
"""MemCgroup.reclaim(): a write to memory.reclaim, which tries, and may fall short."""

from __future__ import annotations

import copy
import errno
import pickle
from typing import Any

import pytest
from support import Cache, Doing, register

import shrinkpy as sp

MEMCG = sp.Flags.MEMCG_AWARE


@pytest.fixture
def app(machine: sp.Machine) -> sp.MemCgroup:
    """A child of the root, with a child."""
    app = machine.root.create("app")
    app.create("worker")
    return app


class TestEnough:
    def test_from_the_cgroup_and_those_below_it(self, machine: sp.Machine, app: sp.MemCgroup) -> None:
        worker = app.children[0]
        here = {app: 1000, worker: 500, machine.root: 10**6}

        def scan(sc: sp.ShrinkControl) -> int:
            assert sc.memcg is not None
            freed = min(here[sc.memcg], sc.nr_to_scan)
            here[sc.memcg] -= freed
            return freed

        cache = Doing(count=lambda sc: here[sc.memcg], scan=scan)
        with register(machine, cache, flags=MEMCG) as shrinker:
            for memcg in (app, worker):
                shrinker.set_bit(memcg)
            done = app.reclaim(1200)
        assert done.kind is sp.ReclaimKind.MEMCG
        assert done.freed == 1500 - here[app] - here[worker] >= 1200
        assert here[machine.root] == 10**6
        assert {p.memcg for p in done.passes} == {app, worker}

    def test_a_quarter_of_what_is_missing_a_try(self, machine: sp.Machine) -> None:
        asked: list[int] = []

        def scan(sc: sp.ShrinkControl) -> int:
            asked.append(sc.nr_to_scan)
            return 10

        # Each scan frees 10, and priority 12 makes one, 11 two, 10 four of them.
        with register(machine, Doing(count=lambda _sc: 128 << 11, scan=scan)):
            done = machine.root.reclaim(280)
        by_try = [sum(p.freed for p in done.passes if p.round == n) for n in range(done.passes[-1].round + 1)]
        # 280 / 4 is 70; then 210 / 4 is 52; then 140 / 4 is 35; then 32 at least.
        assert by_try == [70, 70, 70, 70]
        assert done.freed == 280

    def test_nodes_are_all_reclaimed_from(self) -> None:
        with sp.Machine(2) as machine, register(machine, Cache(10**6)):
            done = machine.root.reclaim(1)
            assert [p.nid for p in done.passes] == [0, 1]


class TestShort:
    def test_it_is_the_kernels_eagain(self, machine: sp.Machine, app: sp.MemCgroup) -> None:
        with register(machine, Cache(3), flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            with pytest.raises(sp.ReclaimShortError) as caught:
                app.reclaim(10)
        error = caught.value
        assert isinstance(error, OSError)
        assert isinstance(error, sp.ShrinkpyError)
        assert error.errno == errno.EAGAIN
        assert str(error) == f"[Errno {errno.EAGAIN}] 3 of 10 objects were freed from cgroup /app"
        assert error.reclaimed == machine.last_reclaim
        assert error.reclaimed.freed == 3

    def test_17_tries_in_vain_are_too_many(self, machine: sp.Machine) -> None:
        with pytest.raises(sp.ReclaimShortError) as caught:
            machine.root.reclaim(1)
        passes = caught.value.reclaimed.passes
        assert [(p.round, p.priority) for p in passes] == [
            (n, priority) for n in range(17) for priority in range(12, -1, -1)
        ]

    def test_it_can_be_copied_and_pickled(self, machine: sp.Machine) -> None:
        with pytest.raises(sp.ReclaimShortError) as caught:
            machine.root.reclaim(1, gfp_mask=0)
        error = caught.value
        for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert (str(twin), twin.errno, twin.reclaimed) == (str(error), error.errno, error.reclaimed)

    def test_a_mask_that_must_not_reclaim(self, machine: sp.Machine) -> None:
        cache = Cache(100)
        with register(machine, cache), pytest.raises(sp.ReclaimShortError) as caught:
            machine.root.reclaim(1, gfp_mask=sp.Gfp.NOWAIT)
        assert caught.value.reclaimed.passes == ()
        assert cache.counts == 0

    def test_what_a_callback_raises_comes_first(self, machine: sp.Machine) -> None:
        calls = iter(range(1000))

        def count(_sc: Any) -> int:
            if next(calls) == 5:
                raise KeyError("lost")
            return 0

        with register(machine, Doing(count=count)), pytest.raises(KeyError, match="lost"):
            machine.root.reclaim(1)
        assert machine.last_reclaim is not None
        assert len(machine.last_reclaim.passes) == 17 * 13


class TestMask:
    """The callbacks see that of user pages, as recordings of memory.reclaim show."""

    @pytest.mark.parametrize(
        ("mask", "seen"),
        [
            (sp.Gfp.KERNEL, sp.Gfp.HIGHUSER_MOVABLE),
            (sp.Gfp.KERNEL_ACCOUNT, sp.Gfp.HIGHUSER_MOVABLE),
            (sp.Gfp.NOFS, sp.Gfp.HIGHUSER_MOVABLE & ~sp.Gfp.FS),
            (sp.Gfp.NOIO | sp.Gfp.NOFAIL, sp.Gfp.HIGHUSER_MOVABLE & ~sp.Gfp.FS & ~sp.Gfp.IO | sp.Gfp.NOFAIL),
            (sp.Gfp.KERNEL | sp.Gfp.ZERO | sp.Gfp.COMP, sp.Gfp.HIGHUSER_MOVABLE),
        ],
    )
    def test_it(self, machine: sp.Machine, mask: sp.Gfp, seen: sp.Gfp) -> None:
        masks: set[sp.Gfp] = set()

        def count(sc: sp.ShrinkControl) -> int:
            masks.add(sc.gfp_mask)
            return 10**6

        with register(machine, Doing(count=count)):
            done = machine.root.reclaim(1, gfp_mask=mask)
        assert masks == {p.gfp_mask for p in done.passes} == {seen}


class TestRefused:
    def test_a_cgroup_that_is_not_online(self, app: sp.MemCgroup) -> None:
        worker = app.children[0]
        worker.remove()
        with pytest.raises(OSError, match="cgroup /app/worker is not online") as caught:
            worker.reclaim(1)
        assert caught.value.errno == errno.ENODEV

    @pytest.mark.parametrize(
        ("nr", "mask", "error"),
        [(0, 0, ValueError), (-1, 0, ValueError), ("1", 0, TypeError), (1, 2**32, ValueError)],
    )
    def test_bad_arguments(self, machine: sp.Machine, nr: Any, mask: int, error: type[Exception]) -> None:
        with pytest.raises(error, match="must be"):
            machine.root.reclaim(nr, gfp_mask=mask)
        assert machine.last_reclaim is None
