# SPDX-License-Identifier: GPL-2.0-only
"""report(): a row a shrinker, against a reader of the tests' own; and how it is shown."""

from __future__ import annotations

import gzip
import io
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recorded_calls import Kernel, Shrinker
from recorded_text import BY_NAME, End, Start, write
from rich.cells import cell_len
from rich.console import Console

from shrinkpy.recordings import read
from shrinkpy.recordings.report import Report, ShrinkerSummary, report
from shrinkpy.recordings.report.tables import show

DATA = Path(__file__).parent / "data" / "recordings"

HEAD = re.compile(r"^ *(.+)-(\d+) +\[\d+\] \S+ +(\d+)\.(\d{6}): (\w+): (.*)$")
START = re.compile(
    r"(\w+)\+\S+(?: \[\w+\])? (\w+): nid: (\d+) objects to shrink (-?\d+) gfp_flags \S+ "
    r"cache items (\d+) delta (\d+) total_scan (-?\d+) priority (\d+)"
)
END = re.compile(
    r"(\w+)\+\S+(?: \[\w+\])? (\w+): nid: (\d+) unused scan count (-?\d+) "
    r"new scan count (-?\d+) total_scan (-?\d+) last shrinker return val (-?\d+)"
)


def lines(name: str) -> Iterator[tuple[int, int, str, str]]:
    """Of each line: pid, us, event, and the rest."""
    with gzip.open(DATA / name, "rt") as file:
        for line in file:
            if found := HEAD.match(line):
                _, pid, seconds, us, event, rest = found.groups()
                yield int(pid), int(seconds) * 10**6 + int(us), event, rest


def by_hand(name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of a recording in which every start has an end, one number after the other."""
    begun: dict[tuple[int, str, int], tuple[int, list[int]]] = {}
    rows: dict[tuple[str, str], dict[str, Any]] = defaultdict(
        lambda: {
            **dict.fromkeys(("calls", "useless", "objects", "scanned", "freed", "deferred_peak"), 0),
            "took": [],
            "nodes": set(),
        }
    )
    for pid, us, event, rest in lines(name):
        if event == "mm_shrink_slab_start":
            symbol, pointer, *numbers = START.match(rest).groups()  # type: ignore[union-attr]
            nid, nr, items, _, total, _ = map(int, numbers)
            begun[pid, pointer, nid] = us, [nr, items, total]
        elif event == "mm_shrink_slab_end":
            symbol, pointer, *numbers = END.match(rest).groups()  # type: ignore[union-attr]
            nid, _, new_nr, left, freed = map(int, numbers)
            since, (nr, items, total) = begun.pop((pid, pointer, nid))
            row = rows[symbol, pointer]
            row["calls"] += 1
            row["useless"] += total == left
            row["scanned"] += total - left
            row["freed"] += freed
            row["objects"] = max(row["objects"], items)
            row["deferred"] = new_nr
            row["deferred_peak"] = max(row["deferred_peak"], nr, new_nr)
            row["took"].append(us - since)
            row["nodes"].add(nid)
    assert not begun
    return rows


WHOLE = ["a.a-pressure", "a-cloud.a-pressure", "b.b-reclaim", "c-full.c-drop", "e.e-zram", "k.k-pressure"]


def reported(name: str) -> Report:
    return report([read(DATA / f"{name}.txt.gz")])


class TestRecordings:
    """Of real kernels, whose every number is found again."""

    @pytest.mark.parametrize("name", WHOLE)
    def test_every_number(self, name: str) -> None:
        found, expected = reported(name), by_hand(f"{name}.txt.gz")
        assert len(found.shrinkers) == len(expected) > 0
        for row in found.shrinkers:
            wanted = expected[row.symbol, str(row.shrinker)]
            took = sorted(wanted.pop("took"))
            assert row.nodes == sorted(wanted.pop("nodes"))
            assert {key: getattr(row, key) for key in wanted} == wanted
            assert row.efficiency == (row.freed / row.scanned if row.scanned else None)
            assert row.latency_ns == sum(took) * 1000
            assert row.latency_median_us == statistics.median(took)
            assert row.latency_p99_us == took[-(-99 * len(took) // 100) - 1]
            assert row.latency_max_us == took[-1]

    def test_a_file_and_its_tasks(self) -> None:
        (file,) = reported("a.a-pressure").files
        calls: dict[int, int] = defaultdict(int)
        times = []
        for pid, us, event, _ in lines("a.a-pressure.txt.gz"):
            calls[pid] += event == "mm_shrink_slab_start"
            times.append(us)
        assert (file.starts, file.ends, file.pairs, file.lost, file.unread_lines) == (6552, 6552, 6552, 0, 0)
        assert (file.begin_ns, file.end_ns) == (min(times) * 1000, max(times) * 1000)
        assert {task.pid: task.calls for task in file.tasks} == {pid: n for pid, n in calls.items() if n}
        assert [task.calls for task in file.tasks] == sorted(
            (task.calls for task in file.tasks), reverse=True
        )
        assert next(task.comm for task in file.tasks if task.pid == 51) == "kswapd0"

    @pytest.mark.parametrize("name", ["a-full.a-grow", "c-full.c-drop", "b-full.b-limits"])
    def test_stops_that_probes_saw(self, name: str) -> None:
        inside: dict[int, tuple[str, str]] = {}
        stops: dict[tuple[str, str], int] = defaultdict(int)
        probed = set()
        for pid, _, event, rest in lines(f"{name}.txt.gz"):
            if event == "mm_shrink_slab_start":
                inside[pid] = START.match(rest).groups()[:2]  # type: ignore[assignment, union-attr]
            elif event == "mm_shrink_slab_end":
                del inside[pid]
            elif found := re.search(r"<- (\w+)\) ret=(\S+) nr_scanned=", rest):
                probed.add(found[1])
                stops[inside[pid]] += found[2] in ("-1", "0xffffffffffffffff")
        assert sum(stops.values()) > 0 or name != "c-full.c-drop"
        for row in reported(name).shrinkers:
            if row.symbol in probed:
                assert row.stops_told == "probes"
                assert row.stops == stops[row.symbol, str(row.shrinker)]
            else:
                assert row.stops_told == "leftover"

    @pytest.mark.parametrize("name", ["a-full.a-grow", "b-full.b-limits", "b-full.b-rmdir"])
    def test_cgroups_settings_and_what_is_inferred_where_there_are_no_probes(self, name: str) -> None:
        seen: dict[str, set[str]] = defaultdict(set)
        told: dict[str, tuple[int, int]] = {}
        last: dict[int, str] = {}
        for pid, _, event, rest in lines(f"{name}.txt.gz"):
            if event == "do_shrink_slab":
                last[pid] = rest
            elif event == "mm_shrink_slab_start":
                pointer = START.match(rest).groups()[1]  # type: ignore[union-attr]
                fields = dict(pair.split("=") for pair in last[pid].split(") ")[1].split())
                seen[pointer].add(fields["memcg"])
                told[pointer] = int(fields["seeks"]), int(fields["batch"]) or 128
        for row in reported(name).shrinkers:
            pointer = str(row.shrinker)
            assert (row.cgroups, row.cgroups_told) == (len(seen[pointer]), "recorded")
            assert (row.seeks, row.batch) == told[pointer]
        # The same lines without the probes: nothing else may be inferred.
        bare = re.sub(rb"(?m)^.*(shrink_slab: \(|_ret: |_count: |_scan: ).*\n", b"", text_of(name))
        for row in report([read(io.BytesIO(bare))]).shrinkers:
            seeks, batch = told[str(row.shrinker)]
            assert row.seeks in (None, seeks)
            assert row.batch in (None, batch)
            assert row.cgroups_told == "counters"
            assert 1 <= (row.cgroups or 0) <= len(seen[str(row.shrinker)])

    def test_public_lines_of_all_eras(self) -> None:
        rows = {row.shrinker: row for row in report([read(DATA / "public-lines.txt")]).shrinkers}
        # Era A, of which a line tells what a shrinker has left, not what it freed.
        old = rows["00000000c0ee8e34"]
        assert (old.symbol, old.calls, old.scanned, old.freed, old.stops) == (
            "lowmem_shrink",
            1,
            128,
            None,
            None,
        )
        assert old.latency_max_us == 33_717
        assert rows["ffff9a83046f3458"].latency_max_us == 144_180_872
        assert rows["ffff9a83046f3458"].nodes == [0, 1]
        # No pointer at all.
        assert rows[None].calls == 1


def text_of(name: str) -> bytes:
    with gzip.open(DATA / f"{name}.txt.gz") as file:
        return file.read()


def row_of(kernel: Kernel) -> ShrinkerSummary:
    (row,) = report([kernel.recording()]).shrinkers
    return row


class TestWhatIsNotTold:
    """Is None, and never a number."""

    def test_a_start_alone(self) -> None:
        kernel = Kernel()
        kernel.add(Start, items=100, total_scan=70)
        row = row_of(kernel)
        assert (row.calls, row.objects, row.deferred_peak) == (1, 100, 6094)
        assert (row.useless, row.scanned, row.freed, row.efficiency) == (None, None, None, None)
        assert (row.stops, row.deferred, row.latency_ns) == (None, None, None)

    def test_a_start_that_asks_for_nothing_is_useless_whatever_its_end(self) -> None:
        kernel = Kernel()
        kernel.add(Start, total_scan=0)
        assert row_of(kernel).useless == 1

    def test_an_end_alone(self) -> None:
        kernel = Kernel()
        kernel.add(End, ret=7)
        row = row_of(kernel)
        assert (row.calls, row.freed, row.deferred) == (1, 7, 6214)
        assert (row.useless, row.scanned, row.objects, row.seeks) == (None, None, None, None)

    def test_latency_by_a_clock_that_counts(self) -> None:
        kernel = Kernel()
        Shrinker(kernel).call(1000)
        text = write(kernel.events, BY_NAME["trace, clock counter"]).text
        found = report([read(io.BytesIO(text))])
        assert found.shrinkers[0].latency_ns is None
        assert found.shrinkers[0].latency_max_us is None
        assert found.files[0].span_s is None

    def test_halves_of_two_calls_are_no_call(self) -> None:
        """Two starts of a task and two ends, in the same order: the other halves are elsewhere."""
        kernel = Kernel()
        for event in (Start, End):
            for shrinker in (0xA, 0xB):
                kernel.add(event, shrinker=shrinker)
        found = report([kernel.recording()])
        assert [row.latency_ns for row in found.shrinkers] == [None, None]
        assert [row.scanned for row in found.shrinkers] == [None, None]

    def test_a_call_inside_a_call_has_its_own_time(self) -> None:
        kernel = Kernel()
        outer, inner = {"shrinker": 0xA}, {"shrinker": 0xB}
        for event, values in ((Start, outer), (Start, inner), (End, inner), (End, outer)):
            kernel.add(event, **values)
        took = {row.shrinker: row.latency_ns for row in report([kernel.recording()]).shrinkers}
        assert took == {"000000000000000a": 3000, "000000000000000b": 1000}


class TestInferred:
    """What no line says and numbers tell."""

    def test_seeks_batch_and_stops(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel, seeks=3, batch=96)
        for items in range(700, 1200, 37):
            shrinker.call(items, priority=1)
        shrinker.call(1000, priority=2, stop=True)
        row = row_of(kernel)
        assert (row.seeks, row.batch, row.stops, row.stops_told) == (3, 96, 1, "leftover")

    def test_seeks_that_are_not_certain(self) -> None:
        kernel = Kernel()
        Shrinker(kernel, seeks=7).call(50, priority=3)
        row = row_of(kernel)
        assert (row.seeks, row.seeks_told) == (None, "7 to 8")

    def test_the_least_number_of_counters(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for _ in range(4):
            for memcg in (1, 2, 3):
                shrinker.call(100 * memcg, priority=6, memcg=memcg)
        assert (row_of(kernel).cgroups, row_of(kernel).cgroups_told) == (3, "counters")

    def test_one_counter_that_grows(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for _ in range(20):
            shrinker.call(1000, priority=6)
        assert row_of(kernel).cgroups == 1

    def test_nodes_with_a_counter_each_are_no_cgroups(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel)
        for _ in range(5):
            for nid in (0, 1):
                shrinker.call(100 + 900 * nid, priority=6, nid=nid)
        row = row_of(kernel)
        assert (row.nodes, row.cgroups) == ([0, 1], 1)


class TestJson:
    def test_it_is_json(self) -> None:
        told = json.loads(json.dumps(report([read(DATA / "public-lines.txt")]).as_json()))
        assert list(told) == ["files", "shrinkers", "findings"]
        assert {row["file"] for row in told["shrinkers"]} == {str(DATA / "public-lines.txt")}
        assert {"id", "severity", "file", "subject", "text", "line"} <= set(told["findings"][0])

    def test_nothing(self) -> None:
        assert report([]).as_json() == {"files": [], "shrinkers": [], "findings": []}


def shown(found: Report, width: int = 80) -> str:
    out = io.StringIO()
    show(found, Console(file=out, width=width, highlight=False, markup=False, emoji=False))
    return out.getvalue()


class TestShown:
    @pytest.mark.parametrize("width", [40, 80, 100, 200])
    @pytest.mark.parametrize("name", ["a.a-pressure.txt.gz", "b-full.b-limits.txt.gz", "public-lines.txt"])
    def test_tables_are_within_the_width_and_no_number_is_cut(self, name: str, width: int) -> None:
        found = report([read(DATA / name)])
        text = shown(found, width)
        table = text.split("\n\n", 1)[1].split("C18")[0] if width > 40 else ""
        assert all(cell_len(line) <= width for line in table.splitlines())
        assert "…" not in table
        assert not re.search(r" $", text, re.MULTILINE)
        for row in found.shrinkers:
            for number in (row.calls, row.useless, row.objects, row.scanned, row.freed, row.deferred_peak):
                assert number is None or re.search(rf"(?<!\d){number}(?!\d)", text)

    def test_a_wide_terminal_has_one_table(self) -> None:
        found = reported("a.a-pressure")
        assert shown(found, 80).count("shrinker ") == 2
        wide = shown(found, 200)
        assert wide.count("shrinker ") == 1
        assert re.search(
            r"^super_cache_scan 4f13d2c4 +936 +853 +306781 +663552 +559432 +84 % +30 +76036 +266824 "
            r"+1 µs +161 ms +1\.63 s +2 +0 +≥1$",
            wide,
            re.MULTILINE,
        )
        assert re.search(r"^all +6552 +6448 +672940 +566547 +84 % +31$", wide, re.MULTILINE)
        assert "6,552 calls of 7 shrinkers by 19 tasks: memhog-388 2,128, dd-391 1,442" in wide
        assert "STOPs*" in wide
        assert "no findings" in wide

    def test_where_most_time_went_comes_first(self) -> None:
        rows = reported("a.a-pressure").shrinkers
        assert [row.latency_ns for row in rows] == sorted((row.latency_ns or 0 for row in rows), reverse=True)

    def test_what_is_missing_is_said(self) -> None:
        text = shown(report([read(DATA / "public-lines.txt")]))
        assert re.search(
            r"\n4\d starts without their ends, 4\d ends without their starts, 6 lines not read\n", text
        )

    def test_several_files(self) -> None:
        found = report(read(DATA / name) for name in ("b.b-rmdir.txt.gz", "public-lines.txt"))
        text = shown(found, 400)
        assert text.index("b.b-rmdir.txt.gz") < text.index("public-lines.txt")
        assert f"\nC20 {DATA / 'public-lines.txt'}: kswapd0-421: 11 shrinkers" in text

    def test_no_call(self) -> None:
        text = shown(reported("k.k-scan"))
        assert "no call of a shrinker" in text
        assert "findings" not in text

    def test_names_that_are_hostile_are_shown_as_they_are(self) -> None:
        kernel = Kernel()
        names = ["x[bold]y[/bold]", "\x1b]0;owned\x07", "a\x9b31mred", "y" * 300, "漢字" * 20]
        for k, symbol in enumerate(names):
            Shrinker(kernel, symbol=symbol, shrinker=k + 1).call(50, comm="\x1b[2J:boom:", pid=9)
        written = "".join(
            line.encode("utf-8").decode("latin-1") if "漢" in line else line
            for line in (TEXT.line(e) for e in kernel.events)
        )
        found = report([read(io.BytesIO(written.encode("latin-1")))])
        for width in (80, 400):
            text = shown(found, width)
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
            assert "x[bold]y[/bold]" in text
            assert r"\x1b[2J:boom:-9 5" in text
            assert r"\x1b]0;owned\x07" in text.replace("\n", "")
        assert "y" * 255 in shown(found, 900)


TEXT = BY_NAME["trace, bare symbols"]
