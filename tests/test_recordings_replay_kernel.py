# SPDX-License-Identifier: GPL-2.0-only
"""Recordings of a small kernel of our own, decided again: nodes, cgroups, tasks that overlap."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_kernel import EMPTY, MEMCG_AWARE, NUMA_AWARE, STOP, Kernel, busy_kernel

from shrinkpy.recordings import read
from shrinkpy.recordings.replay import Replay, replay

Lines = list[str]

# Where shrinkers come and go in the middle of passes, what is recorded does not always tell how: one kernel
# in some hundreds has a second history that fits as well. These have not.
SEEDS = st.integers(0, 999)


@pytest.fixture
def replayed(tmp_path: Path) -> Callable[[Kernel | Lines], Replay]:
    def run(kernel: Kernel | Lines) -> Replay:
        path = tmp_path / "trace.txt"
        lines = kernel if isinstance(kernel, list) else kernel.lines
        path.write_text("# tracer: nop\n" + "".join(lines))
        return replay(read(path))

    return run


Replayed = Callable[[Kernel | Lines], Replay]


class TestByHand:
    def test_two_nodes_with_a_counter_each(self, replayed: Replayed) -> None:
        kernel = Kernel(nodes=2)
        aware, unaware = kernel.register("aware", NUMA_AWARE), kernel.register("unaware")
        kernel.scan = lambda *_: (1, 100)  # type: ignore[method-assign]
        for cache in (aware, unaware):
            kernel.fill(cache, 1000, 0)
            kernel.fill(cache, 1000, 1)
        for nid in (0, 1, 1, 0):
            kernel.run(kernel.shrink_slab(1, nid=nid, priority=2))
        found = replayed(kernel)
        assert not found.differences
        assert not found.given
        assert not found.skipped
        assert set(aware.deferred) == {0, 1}
        assert set(unaware.deferred) == {0}
        assert found.shrinkers[0].decided.deferred == sum(aware.deferred.values()) > 0

    def test_without_cgroups(self, replayed: Replayed) -> None:
        kernel = Kernel(memcg=False)
        cache = kernel.register("cache", MEMCG_AWARE)
        kernel.fill(cache, 5000)
        for _ in range(3):
            kernel.run(kernel.shrink_slab(1, priority=4))
        assert cache.flags == 3
        found = replayed(kernel)
        assert not found.differences
        assert found.passes == 3
        assert found.shrinkers[0].decided.calls == 3

    def test_objects_that_come_between_the_two_counts(self, replayed: Replayed) -> None:
        kernel = Kernel()
        group = kernel.cgroup()
        cache = kernel.register("cache", MEMCG_AWARE)
        kernel.fill(cache, 0, cgroup=group)
        answers = iter([EMPTY, 300, 200, EMPTY, EMPTY])
        kernel.count = lambda *_: next(answers)  # type: ignore[method-assign]
        for _ in range(4):
            kernel.run(kernel.shrink_slab(1, group, priority=0))
        found = replayed(kernel)
        assert not found.differences
        assert not found.given
        assert found.calls == 5  # two passes with a second call, one with one, and one that finds no bit

    def test_a_scan_that_stops(self, replayed: Replayed) -> None:
        kernel = Kernel()
        kernel.fill(kernel.register("cache"), 1000)
        kernel.scan = lambda *_: (STOP, 0)  # type: ignore[method-assign]
        kernel.run(kernel.shrink_slab(1, priority=0))
        found = replayed(kernel)
        assert not found.differences
        assert found.shrinkers[0].decided == found.shrinkers[0].recorded
        assert found.shrinkers[0].decided.deferred == 2000

    def test_a_cgroup_that_goes_leaves_its_work_to_its_parent(self, replayed: Replayed) -> None:
        kernel = Kernel()
        parent = kernel.cgroup()
        child = kernel.cgroup(parent)
        cache = kernel.register("cache", MEMCG_AWARE)
        kernel.scan = lambda *_: (STOP, 0)  # type: ignore[method-assign]
        for group in (parent, child):
            kernel.fill(cache, 1000, cgroup=group)
            kernel.run(kernel.shrink_slab(1, group, priority=3))
        kernel.offline(child)
        kernel.run(kernel.shrink_slab(1, child, priority=3))
        kernel.run(kernel.shrink_slab(1, parent, priority=3))
        found = replayed(kernel)
        assert not found.differences
        assert not found.given
        assert found.shrinkers[0].decided.peak == parent.deferred[0, cache.id] > 500

    def test_a_pointer_that_serves_another_shrinker(self, replayed: Replayed) -> None:
        kernel = Kernel()
        first = kernel.register("first")
        last = kernel.register("last")
        for cache in (first, last):
            kernel.fill(cache, 100)
        kernel.run(kernel.shrink_slab(1))
        kernel.free(first)
        kernel.run(kernel.shrink_slab(1))
        again = kernel.register("first", pointer=first.pointer)
        kernel.fill(again, 700)
        kernel.run(kernel.shrink_slab(1, priority=3))
        found = replayed(kernel)
        assert not found.differences
        assert not found.given
        assert [s.shrinker for s in found.shrinkers] == ["first_scan", "last_scan", "first_scan"]

    def test_ids_that_the_recording_does_not_show_are_taken(self, replayed: Replayed) -> None:
        kernel = Kernel()
        group = kernel.cgroup()
        for number in range(70):
            kernel.register(f"other{number}", MEMCG_AWARE)
        cache = kernel.register("cache", MEMCG_AWARE)
        kernel.fill(cache, 5000, cgroup=group)
        kernel.run(kernel.shrink_slab(1, group, priority=4))
        found = replayed(kernel)
        assert cache.id == 70
        assert not found.differences
        assert found.calls == 1

    def test_reclaim_inside_a_callback(self, replayed: Replayed) -> None:
        found = replayed(_nested())
        assert not found.differences
        assert not found.given
        assert found.passes == 2


def _nested() -> Kernel:
    kernel = Kernel(3)
    cache = kernel.register("cache")
    kernel.fill(cache, 3000)
    kernel.nests = True
    draws = iter([0.0])
    kernel.rng.random = lambda: next(draws, 0.5)  # type: ignore[method-assign]
    kernel.run(kernel.shrink_slab(1, priority=1))
    return kernel


class TestTwoTasks:
    def test_one_takes_while_the_other_scans(self, replayed: Replayed) -> None:
        kernel = Kernel()
        cache = kernel.register("cache")
        kernel.fill(cache, 1000)
        kernel.scan = lambda *_: (0, 10)  # type: ignore[method-assign]
        kernel.run(kernel.shrink_slab(1, priority=6))
        slow, quick = kernel.shrink_slab(2, priority=0), kernel.shrink_slab(3, priority=6)
        for _ in range(6):
            next(slow)  # it has taken what there was, and scans
        kernel.run(quick)
        kernel.run(slow)
        found = replayed(kernel)
        assert not found.differences
        assert not found.skipped
        assert dict(found.given) == {"another task deferred it at the same time": 1}

    def test_a_count_that_no_task_explains_is_a_difference(self, replayed: Replayed) -> None:
        kernel = Kernel()
        cache = kernel.register("cache")
        kernel.fill(cache, 1000)
        for _ in range(2):
            kernel.run(kernel.shrink_slab(1, priority=6))
        lines = list(kernel.lines)
        at = max(k for k, line in enumerate(lines) if "slab_start" in line)
        lines[at] = lines[at].replace("objects to shrink", "objects to shrink 1", 1).replace("1 ", "1", 1)
        lines[at] = kernel.lines[at].replace("objects to shrink ", "objects to shrink 1")
        [start] = {d.what for d in replayed(lines).differences} & {"objects to shrink"}
        assert start


class TestAnyNumbers:
    """What a recording says may be anything: a machine has room for what it needs, and no more."""

    def test_nodes_and_ids_are_numbered_without_gaps(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """Else each id below, and each node, would have its memory."""
        lines = busy_kernel(5).lines
        assert any(" nid=1 " in line for line in lines)
        assert any(" id=1\n" in line for line in lines)
        high = [
            re.sub(
                r" id=(\d+)",
                lambda m: f" id={2**31 - 100 + int(m[1])}",
                re.sub(r"\bnid(: |=)1", r"nid\g<1>1000", line),
            )
            for line in lines
        ]
        assert high != lines
        low, found = _replay(tmp_path_factory, lines), _replay(tmp_path_factory, high)
        assert found.differences == low.differences == []
        assert (found.decisions, found.skipped) == (low.decisions, low.skipped)

    @pytest.mark.parametrize(
        ("number", "other"),
        [
            (r"nid=\d+", "nid=1024"),
            (r"nid=\d+", "nid=-1"),
            (r"memcg=0x\w+", "memcg=0x0"),
            (r"prio=\d+", "prio=64"),
            (r"prio=\d+", "prio=-12"),
            (r"gfp=0x\w+", "gfp=0x1234567890"),
            (r" id=\d+", " id=4294967295"),
        ],
    )
    def test_a_pass_that_no_kernel_makes_is_skipped(
        self, tmp_path_factory: pytest.TempPathFactory, number: str, other: str
    ) -> None:
        lines = list(busy_kernel(3).lines)
        probe = "do_shrink_slab: (" if re.search(number, lines[0]) is None else "shrink_slab: ("
        at = next(k for k, line in enumerate(lines) if f": {probe}" in line)
        lines[at] = re.sub(number, other, lines[at])
        found = _replay(tmp_path_factory, lines)
        assert found.skipped["no kernel has numbers like its node, priority or seeks"] >= 1
        assert found.passes > 0


class TestAtRandom:
    """Several tasks at a time, nodes, cgroups that go, shrinkers that come, reclaim in callbacks."""

    @settings(max_examples=40)
    @given(seed=SEEDS)
    def test_the_core_decides_as_it_did(self, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
        found = _replay(tmp_path_factory, busy_kernel(seed).lines)
        assert found.differences == []
        assert set(found.skipped) <= {"a shrinker came or went during the pass"}

    @settings(max_examples=20)
    @given(seed=SEEDS)
    def test_return_probes_that_miss_calls(self, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
        rng = random.Random(seed)
        lines = [line for line in busy_kernel(seed).lines if "_ret: " not in line or rng.random() > 0.02]
        assert _replay(tmp_path_factory, lines).differences == []

    @settings(max_examples=20)
    @given(seed=SEEDS)
    def test_functions_without_probes(self, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
        silent = ("cache0_scan: ", "cache0_scan_ret: ", "cache1_count_ret: ")
        lines = [line for line in busy_kernel(seed).lines if not any(probe in line for probe in silent)]
        assert _replay(tmp_path_factory, lines).differences == []

    @pytest.mark.parametrize("seed", range(40))
    def test_a_changed_number_is_found(self, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
        kernel = busy_kernel(seed)
        scans = [k for k, line in enumerate(kernel.lines) if "_scan: (" in line]
        if not scans:
            return
        at = random.Random(seed).choice(scans)
        lines = list(kernel.lines)
        lines[at] = lines[at].replace("nr=", "nr=9")
        assert _replay(tmp_path_factory, lines).different >= 1


def _replay(where: pytest.TempPathFactory, lines: Lines) -> Replay:
    path = where.getbasetemp() / "trace.txt"
    path.write_text("# tracer: nop\n" + "".join(lines))
    return replay(read(path))
