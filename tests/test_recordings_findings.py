# SPDX-License-Identifier: GPL-2.0-only
"""Findings: each on a shrinker that has that fault, at its bound and just short of it."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from recorded_calls import Kernel, Shrinker
from recorded_text import End, Lost, Start

import shrinkpy as sp
from shrinkpy.recordings import Recording, read
from shrinkpy.recordings.columns import Columns
from shrinkpy.recordings.report import findings
from shrinkpy.recordings.report.findings import (
    FAIR_CALLS,
    FRUITLESS_CALLS,
    FUTILE_CALLS,
    LATENCY_BUDGET,
    NEVER_CALLS,
    SHARED_CALLS,
    SLOW_CALL,
    SLOW_CALLS,
    WOUND_UP,
    WOUND_UP_LEAST,
    Finding,
    find,
)

DATA = Path(__file__).parent / "data" / "recordings"


def found(source: Kernel | Recording) -> list[Finding]:
    return find(Columns.read(source.recording() if isinstance(source, Kernel) else source))


def ids(source: Kernel | Recording) -> list[str]:
    return [finding.check for finding in found(source)]


class TestHealthy:
    """Recordings of machines under pressure, with nothing wrong but what is."""

    # Of extents of a small ext4, which counts 32 and frees none of them; and kswapd on a full machine.
    KNOWN = {"b.b-reclaim": ["C10"], "k.k-pressure": ["C20"]}  # noqa: RUF012 - not changed

    @pytest.mark.parametrize("path", sorted(DATA.glob("*.gz")), ids=lambda path: path.name.split(".txt")[0])
    def test_little_is_said(self, path: Path) -> None:
        assert ids(read(path)) == self.KNOWN.get(path.name.removesuffix(".txt.gz"), [])

    def test_a_shrinker_that_does_what_it_should(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for k in range(300):
            shrinker.call(5000 - 10 * k, priority=12 - k % 13)
        assert ids(kernel) == []

    def test_no_call_at_all(self) -> None:
        assert ids(Kernel()) == []


@pytest.fixture(scope="module")
def public() -> dict[tuple[str, str], Finding]:
    """Of the public lines, by id and subject."""
    return {(each.check, each.subject): each for each in found(read(DATA / "public-lines.txt"))}


class TestPublicLines:
    """What people showed when they asked for help."""

    def test_trillions_of_deferred_objects(self, public: dict[tuple[str, str], Finding]) -> None:
        finding = public["C19", "super_cache_scan ffff9a83046f3458"]
        assert finding.severity == "W"
        assert finding.numbers["deferred"] == 3_641_798_379_189
        # Of node 1, and of node 0.
        assert finding.numbers["objects"] == 246_404_277 + 1667
        assert "3,641,798,379,189 objects (line 19" in finding.text
        assert "14,780 times" in finding.text

    def test_the_line_of_two_and_a_half_trillion_by_itself(self) -> None:
        lines = (DATA / "public-lines.txt").read_text().splitlines()
        (line,) = (line for line in lines if "2531805877005" in line)
        (finding,) = found(read(io.BytesIO(line.encode())))
        assert (finding.check, finding.numbers["objects"]) == ("C19", 1667)
        assert finding.numbers["deferred"] == 2_531_805_877_005

    def test_ten_seconds_in_a_call(self, public: dict[tuple[str, str], Finding]) -> None:
        finding = public["C18", "super_cache_scan ffff8eefa4651830"]
        assert finding.text.startswith("a call held chrome-2798 up for 10.3 s (line 18")
        assert "2,048 objects at 5.03 ms each" in finding.text
        assert finding.numbers["latency_ns"] == 10_305_665_000

    def test_a_hundred_and_forty_four_seconds(self, public: dict[tuple[str, str], Finding]) -> None:
        finding = public["C18", "super_cache_scan ffff9a83046f3458"]
        assert finding.numbers["latency_ns"] == 144_180_872_000
        assert "asked for too much at once" in finding.text

    def test_kswapd_that_does_nothing(self, public: dict[tuple[str, str], Finding]) -> None:
        finding = public["C20", "kswapd0-421"]
        assert finding.numbers["shrinkers"] == 11
        assert finding.numbers["calls"] == finding.numbers["useless"] == 44
        assert "11 shrinkers were called in turn, 44 times" in finding.text
        assert "each below a batch, and nothing was done" in finding.text

    def test_nothing_else(self, public: dict[tuple[str, str], Finding]) -> None:
        assert {check for check, _ in public} == {"C18", "C19", "C20"}


class TestC10:
    """Scans that free nothing, again and again."""

    def fruitless(self, calls: int, items: int = 64, freed: float = 0.0) -> Kernel:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        shrinker.call(items)
        for _ in range(calls):
            shrinker.call(items, freed=freed)
        return kernel

    def test_is_told(self) -> None:
        (finding,) = found(self.fruitless(FRUITLESS_CALLS))
        assert (finding.check, finding.severity, finding.subject) == (
            "C10",
            "W",
            "demo_scan 000000001234abcd",
        )
        assert finding.numbers == {
            "shrinker": "000000001234abcd",
            "symbol": "demo_scan",
            "line": 15,  # after the header's twelve and the call that freed
            "calls": FRUITLESS_CALLS,
            "scanned": 128 * FRUITLESS_CALLS,
            "objects": 64,
        }

    def test_fewer_calls_are_not(self) -> None:
        assert ids(self.fruitless(FRUITLESS_CALLS - 1)) == []

    def test_less_than_a_few_times_round_is_not(self) -> None:
        kernel = Kernel()
        for _ in range(3 * FRUITLESS_CALLS):
            Shrinker(kernel).call(100_000, priority=9, freed=0)  # 390 of 100,000
        assert ids(kernel) == []

    def test_a_call_that_frees_ends_the_row_and_one_that_scans_nothing_does_not(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for k in range(2 * FRUITLESS_CALLS - 2):
            shrinker.call(64, freed=float(k == FRUITLESS_CALLS - 1))
            shrinker.call(64, priority=12)
        assert ids(kernel) == []
        for _ in range(2):
            shrinker.call(64, freed=0)
        assert ids(kernel) == ["C10"]

    def test_nodes_are_told_apart(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for _ in range(FRUITLESS_CALLS - 1):
            for nid in (0, 1):
                shrinker.call(64, nid=nid, freed=0)
        assert ids(kernel) == []

    def test_stopping_is_right(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for _ in range(3 * FRUITLESS_CALLS):
            shrinker.call(64, stop=True)
        assert ids(kernel) == []


class TestC18:
    """Calls that take too long."""

    @pytest.mark.parametrize(("took", "told"), [(LATENCY_BUDGET + 1000, ["C18"]), (LATENCY_BUDGET, [])])
    def test_over_the_budget(self, took: int, told: list[str]) -> None:
        kernel = Kernel()
        Shrinker(kernel).call(1_000_000, took=took)
        assert ids(kernel) == told

    @pytest.mark.parametrize(("calls", "told"), [(SLOW_CALLS, ["C18"]), (SLOW_CALLS - 1, [])])
    def test_slow_for_what_was_done(self, calls: int, told: list[str]) -> None:
        kernel = Kernel()
        for _ in range(calls):
            Shrinker(kernel).call(32, took=2 * SLOW_CALL)
        assert ids(kernel) == told
        for finding in found(kernel):
            assert "64 objects at 312 µs each" in finding.text.replace("313", "312")
            assert f"; {SLOW_CALLS} calls took over 10 ms" in finding.text

    def test_what_takes_long_for_much_is_not(self) -> None:
        kernel = Kernel()
        for _ in range(SLOW_CALLS):
            Shrinker(kernel).call(10_000, took=20 * SLOW_CALL)
        assert ids(kernel) == []

    def test_a_call_that_did_nothing_was_preempted(self) -> None:
        kernel = Kernel()
        for _ in range(SLOW_CALLS):
            Shrinker(kernel).call(10, priority=12, took=2 * SLOW_CALL)
        assert ids(kernel) == []


class TestC19:
    """Deferred work that winds up."""

    def wound_up(self, peak: int, items: int) -> Kernel:
        kernel = Kernel()
        Shrinker(kernel).call(items, priority=12)
        kernel.add(Start, nr=peak, items=items, delta=0, total_scan=0, symbol="demo_scan", shrinker=1)
        return kernel

    def test_is_told(self) -> None:
        kernel = Kernel()
        for k in range(40):
            kernel.add(Start, nr=150 * k, items=500, symbol="demo_scan", shrinker=1)
        (finding,) = [each for each in found(kernel) if each.check == "C19"]
        assert finding.text.startswith(
            "deferred work grew over 23 calls to 5,850 objects (line 52), 12 times the 500"
        )

    @pytest.mark.parametrize(("peak", "told"), [(5000, 1), (4999, 0)])
    def test_from_ten_times_the_objects_on(self, peak: int, told: int) -> None:
        assert peak // WOUND_UP in (500, 499)
        assert ids(self.wound_up(peak, 500)).count("C19") == told

    @pytest.mark.parametrize(("peak", "told"), [(WOUND_UP_LEAST, 1), (WOUND_UP_LEAST - 1, 0)])
    def test_a_few_objects_are_not(self, peak: int, told: int) -> None:
        assert ids(self.wound_up(peak, 5)).count("C19") == told

    def test_what_other_nodes_hold_is_counted(self) -> None:
        kernel = Kernel()
        for nid, items in ((0, 500), (1, 100_000)):
            kernel.add(Start, nr=6000, items=items, nid=nid, symbol="demo_scan", shrinker=1)
        assert "C19" not in ids(kernel)

    def test_a_cache_that_shrank_is_not(self) -> None:
        kernel = Kernel()
        for items in (100_000, 50):
            kernel.add(Start, nr=90_000, items=items, symbol="demo_scan", shrinker=1)
        assert "C19" not in ids(kernel)

    def test_less_than_none_breaks_the_contract(self) -> None:
        kernel = Kernel()
        kernel.add(End, nr=0, new_nr=-5)
        (finding,) = [each for each in found(kernel) if each.check == "C19"]
        assert (finding.severity, finding.numbers["deferred_min"]) == ("E", -5)
        assert "negative in 1 calls, -5 at the least" in finding.text


class TestC20:
    """Calls for nothing."""

    def in_vain(self, calls: int, comm: str = "kswapd0", working: int = 0) -> Kernel:
        kernel = Kernel()
        shrinkers = [Shrinker(kernel, shrinker=k) for k in range(1, 11)]
        for k in range(calls):
            shrinkers[k % 10].call(20, priority=12 if k >= working else 0, comm=comm)
        return kernel

    def test_kswapd_that_gets_nowhere(self) -> None:
        (finding,) = found(self.in_vain(FUTILE_CALLS))
        assert (finding.check, finding.subject) == ("C20", "kswapd0-51")
        assert "10 shrinkers were called in turn, 40 times" in finding.text

    def test_fewer_calls_are_not_told(self) -> None:
        assert ids(self.in_vain(FUTILE_CALLS - 1)) == []

    def test_nor_are_tasks_that_reclaim_directly(self) -> None:
        assert ids(self.in_vain(10 * FUTILE_CALLS, comm="dd")) == []

    @pytest.mark.parametrize(("working", "told"), [(5, ["C20"]), (6, [])])
    def test_one_in_twenty_may_work(self, working: int, told: list[str]) -> None:
        assert ids(self.in_vain(100, working=working)) == told

    def never(self, calls: int, items: int, *, stop: bool = False) -> Kernel:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for k in range(calls):
            shrinker.call(items, priority=9 if not stop else 0, comm=f"dd{k}", pid=k, stop=stop)
        return kernel

    def test_a_shrinker_that_never_gets_to_a_batch(self) -> None:
        (finding,) = found(self.never(NEVER_CALLS, 3000))
        assert (finding.check, finding.subject) == ("C20", "demo_scan 000000001234abcd")
        assert finding.numbers["asked"] == NEVER_CALLS * 10
        assert "100 of 100 calls scanned nothing, though 1,000 objects were asked for" in finding.text

    @pytest.mark.parametrize(
        ("calls", "items"),
        [(NEVER_CALLS - 1, 3000), (NEVER_CALLS, 100), (NEVER_CALLS, 600)],
        ids=["fewer calls", "less than a batch in it", "little asked for"],
    )
    def test_is_not_told_of(self, calls: int, items: int) -> None:
        assert ids(self.never(calls, items)) == []

    def test_one_that_stops_was_called_for_something(self) -> None:
        assert ids(self.never(NEVER_CALLS, 3000, stop=True)) == []


class TestC34:
    """Equal load, unequal pressure."""

    def two_nodes(self, calls: int, *, second: int = 2000, stop: bool = True) -> Kernel:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for _ in range(calls):
            shrinker.call(2000, priority=4, nid=0)
            shrinker.call(second, priority=4, nid=1, stop=stop)
        return kernel

    def test_is_told(self) -> None:
        (finding,) = found(self.two_nodes(FAIR_CALLS))
        assert finding.check == "C34"
        assert finding.numbers["cells"] == ["node 0", "node 1"]
        assert finding.numbers["scanned"][1] == 0
        assert "both hold about 2,000" in finding.text

    def test_equal_pressure_is_not(self) -> None:
        assert ids(self.two_nodes(FAIR_CALLS, stop=False)) == []

    def test_fewer_calls_are_not(self) -> None:
        assert ids(self.two_nodes(FAIR_CALLS - 1)) == []

    def test_another_load_is_not(self) -> None:
        assert ids(self.two_nodes(FAIR_CALLS, second=1000)) == []

    def test_cgroups_that_a_probe_names(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel, probed=True)
        for _ in range(FAIR_CALLS):
            for memcg in (0xFF00_0000_0001, 0xFF00_0000_0002):
                shrinker.call(2000, priority=4, memcg=memcg, stop=memcg & 1 == 0)
        (finding,) = found(kernel)
        assert finding.numbers["cells"] == [
            "node 0, cgroup 0xff0000000001",
            "node 0, cgroup 0xff0000000002",
        ]


class TestC35:
    """Lines that no kernel printed."""

    @pytest.mark.parametrize("where", ["start", "end"])
    @pytest.mark.parametrize("pairs", [findings.VERIFIED_PAIRS, 0], ids=["with histories", "pairs alone"])
    def test_a_changed_number(self, where: str, pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(findings, "VERIFIED_PAIRS", pairs)
        with gzip.open(DATA / "a.a-grow.txt.gz", "rt") as file:
            lines = file.readlines()
        number = {"start": " total_scan ", "end": " unused scan count "}[where]
        k = next(k for k, line in enumerate(lines) if f"mm_shrink_slab_{where}" in line)
        begin, _, end = lines[k].partition(number)
        value, _, rest = end.partition(" ")
        lines[k] = f"{begin}{number}{int(value) + 1} {rest}"
        (finding,) = found(read(io.BytesIO("".join(lines).encode())))
        assert (finding.check, finding.severity) == ("C35", "E")
        assert finding.numbers["broken"] == 1
        assert number.strip() in finding.text

    @pytest.mark.parametrize("path", sorted(DATA.glob("*.gz")), ids=lambda path: path.name)
    def test_pairs_of_healthy_recordings_hold(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(findings, "VERIFIED_PAIRS", -1)
        assert "C35" not in ids(read(path))


class TestC36:
    """Deferred work that goes from node to node."""

    def two_nodes(self, calls: int, *, counts: tuple[int, int] = (3000, 5000), **settings: bool) -> Kernel:
        kernel = Kernel()
        shrinker = Shrinker(kernel, **settings)
        for _ in range(calls):
            for nid in (0, 1):
                shrinker.call(counts[nid], priority=9, nid=nid)
        return kernel

    def told(self, kernel: Kernel) -> list[Finding]:
        return [each for each in found(kernel) if each.check == "C36"]

    def test_is_told(self) -> None:
        (finding,) = self.told(self.two_nodes(SHARED_CALLS, numa_aware=False))
        assert (finding.numbers["nodes"], finding.numbers["numa_aware"]) == ([0, 1], None)
        assert "register it with SHRINKER_NUMA_AWARE" in finding.text

    def test_a_counter_a_node_is_right(self) -> None:
        assert self.told(self.two_nodes(SHARED_CALLS)) == []

    def test_a_cache_that_is_one_for_all_nodes_may_have_one_counter(self) -> None:
        assert self.told(self.two_nodes(SHARED_CALLS, counts=(3000, 3000), numa_aware=False)) == []

    def test_fewer_calls_are_not(self) -> None:
        assert self.told(self.two_nodes(SHARED_CALLS // 2, numa_aware=False)) == []

    def test_a_probe_knows_the_flag(self) -> None:
        (finding,) = self.told(self.two_nodes(SHARED_CALLS, numa_aware=False, probed=True))
        assert finding.numbers["numa_aware"] is False
        assert "(it is not NUMA_AWARE)" in finding.text

    @pytest.mark.parametrize(("flags", "told"), [(sp.Flags(0), 1), (sp.Flags.NUMA_AWARE, 0)])
    def test_on_a_machine_of_two_nodes(self, flags: sp.Flags, told: int) -> None:
        """The core's own trace."""

        class Pages(sp.Shrinker):
            def count_objects(self, sc: sp.ShrinkControl) -> int:
                return 3000 + 2000 * sc.nid

            def scan_objects(self, sc: sp.ShrinkControl) -> int:
                return sc.nr_to_scan

        with sp.Machine(nr_nodes=2) as machine, machine.trace.start():
            unregistered = sp.UnregisteredShrinker.alloc("pages", machine=machine, flags=flags)
            with unregistered.register(sp.Box(Pages())):
                for _ in range(2 * SHARED_CALLS):
                    for nid in (0, 1):
                        machine.shrink_slab(nid=nid, priority=9)
            text = machine.trace.text()
        assert ids(read(io.BytesIO(text.encode()))).count("C36") == told


class TestLostEvents:
    def test_are_no_findings(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for k in range(60):
            shrinker.call(3000, priority=9, comm="dd")
            if k % 10 == 9:
                kernel.events[-1:] = [Lost(nr=1)]
        assert ids(kernel) == []
