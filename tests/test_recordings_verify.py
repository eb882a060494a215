# SPDX-License-Identifier: GPL-2.0-only
"""Verification: silent about all that a kernel may print, and what it cannot have printed is found."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_events import DATA, FILES, Lines, Tasks, changed, of_kind
from recorded_kernel import busy_kernel

from shrinkpy.recordings import Form, Has, Kind, Recording, read
from shrinkpy.recordings.pairs import AFTER, BEFORE, LOST
from shrinkpy.recordings.verify import Verification, verify
from shrinkpy.recordings.verify.check import NOT_RECORDED
from shrinkpy.recordings.verify.counters import ANEW, ANOTHER_CGROUP, CONCURRENT, REPARENTED


def unexplained(recording: Recording) -> list[str]:
    return verify(recording).lines()


@pytest.fixture(scope="module")
def verified() -> dict[str, Verification]:
    return {path.name: verify(read(path)) for path in FILES}


class TestRealRecordings:
    def test_nothing_is_left_unexplained(self, verified: dict[str, Verification]) -> None:
        assert [line for one in verified.values() for line in one.lines()] == []
        assert sum(one.unread_lines for one in verified.values()) == 0

    def test_have_as_many_starts_and_ends_as_the_manifest_says(
        self, verified: dict[str, Verification]
    ) -> None:
        rows = [
            line.split("|") for line in (DATA / "MANIFEST.md").read_text().splitlines() if ".txt.gz" in line
        ]
        counts = {row[1].strip(): (int(row[5]), int(row[6])) for row in rows}
        here = counts.keys() & verified.keys()
        assert here
        for name in here:
            one = verified[name]
            assert (one.starts, one.ends) == counts[name]
            assert one.pairs == one.starts

    def test_are_of_era_d(self, verified: dict[str, Verification]) -> None:
        assert {one.files[0].eras for one in verified.values()} <= {"D", ""}

    def test_measure_concurrency(self, verified: dict[str, Verification]) -> None:
        assert verified["a-cloud.a-pressure.txt.gz"].explained[CONCURRENT] == 74

    def test_tell_the_seeks(self, verified: dict[str, Verification]) -> None:
        seeks = {s.seeks[0].value for s in verified["a-cloud.a-pressure.txt.gz"].files[0].seeks}
        assert seeks == {0, 2}

    def test_lines_that_users_of_old_kernels_posted(self) -> None:
        one = verify(read(DATA / "public-lines.txt"))
        assert one.lines() == []
        assert one.files[0].eras == "ABC"
        assert one.explained[NOT_RECORDED] > 0


def by_itself() -> Lines:
    """A task that calls one shrinker; nothing is scanned, and the counter grows."""
    lines = Lines()
    for nr, adds in ((0, 0), (0, 4), (4, 4), (4, 4)):
        lines.call(nr, adds)
    return lines


class TestOneTask:
    def test_what_it_leaves_it_takes(self) -> None:
        one = verify(by_itself().recording())
        assert one.lines() == []
        assert (one.starts, one.ends, one.pairs, one.explained) == (4, 4, 4, {})

    @pytest.mark.parametrize(
        ("index", "field", "value", "what"),
        [
            (4, "nr", 5, "unused scan count"),
            (3, "nr", 1, "unused scan count"),
            (2, "delta", 5, "delta"),
            (2, "total_scan", 6, "total_scan"),
            (4, "items", 0, "cache items"),
            (3, "new_nr", 5, "new scan count"),
            (3, "total_scan", 3, "new scan count"),
            (3, "total_scan", 5, "total_scan"),
            (3, "ret", 1, "last shrinker return val"),
            (3, "pid", 2, "no end"),
            (3, "nid", 1, "no end"),
            (2, "shrinker", 0xB0, "no start"),
        ],
    )
    def test_a_changed_number_is_found(self, index: int, field: str, value: int, what: str) -> None:
        found = verify(changed(by_itself().recording(), index, **{field: value})).unexplained
        assert any(what in finding.what for finding in found)
        assert all(finding.file == "by hand" for finding in found)

    def test_a_finding_says_where_and_what(self) -> None:
        found = verify(changed(by_itself().recording(), 3, new_nr=5)).lines()
        assert found == ["by hand:4: new scan count: 5, but 4 were added to 0: no other call explains it"]

    def test_a_count_that_nobody_left(self) -> None:
        lines = by_itself()
        lines.call(2, 2)
        assert unexplained(lines.recording()) == [
            "by hand:9: objects to shrink: 2, but no order of the calls before leaves it: 4 was left"
        ]

    def test_the_first_count_was_left_before(self) -> None:
        lines = Lines()
        lines.call(4, 4)
        assert verify(lines.recording()).explained == {BEFORE: 1}

    def test_another_shrinker_at_the_same_address_begins_at_nothing(self) -> None:
        lines = by_itself()
        lines.call(0, 0)
        assert verify(lines.recording()).explained == {ANEW: 1}

    def test_but_not_while_the_one_before_is_called(self) -> None:
        lines = Lines()
        lines.call(4, 4)
        lines.start(pid=2, nr=4)
        lines.call(0, 4, pid=3)
        lines.call(0, 0, pid=3)
        lines.end(pid=2, nr=4, new_nr=4)
        assert unexplained(lines.recording()) == [
            "by hand:6: objects to shrink: 0, but no order of the calls before leaves it: 4 was left"
        ]


class TestSeveralTasks:
    @given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 2))
    def test_of_which_an_order_explains_all(self, seed: int, tasks: int, nodes: int) -> None:
        run = Tasks(seed, nodes=nodes)
        one = verify(run.run(tasks, 8))
        assert one.lines() == []
        assert one.explained.get(CONCURRENT, 0) == run.concurrent
        assert one.explained.keys() <= {CONCURRENT}

    @given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 2))
    def test_with_counters_for_each_cgroup(self, seed: int, tasks: int, nodes: int) -> None:
        run = Tasks(seed, nodes=nodes, cgroups=3, symbol="super_cache_scan")
        one = verify(run.run(tasks, 8))
        assert one.lines() == []
        assert one.explained.keys() <= {CONCURRENT, ANOTHER_CGROUP, REPARENTED, BEFORE}

    @given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from(["nr", "new_nr"]), st.integers(1, 10**6))
    def test_a_changed_count_is_found(self, seed: int, tasks: int, field: str, more: int) -> None:
        recording = Tasks(seed).run(tasks, 8)
        kind = Kind.END if field == "new_nr" else random.Random(seed).choice((Kind.START, Kind.END))
        index = random.Random(seed).choice(of_kind(recording, kind))
        wrong = int(recording.events[field][index]) + more
        assert unexplained(changed(recording, index, **{field: wrong})) != []

    @given(st.integers(0, 2**32), st.integers(1, 10**4))
    def test_a_whole_call_that_no_order_explains_is_found(self, seed: int, more: int) -> None:
        # One task: it is known what the counter held. Every number of the call agrees with the others.
        recording = Tasks(seed).run(1, 8)
        events = recording.events
        start, end = next(
            (s, e)
            for s, e in zip(of_kind(recording, Kind.START)[1:], of_kind(recording, Kind.END)[1:], strict=True)
            if (events["shrinker"][:s] == events["shrinker"][s]).any()
        )
        nr, items = int(events["nr"][start]) + more, int(events["items"][start])
        total = min((nr >> 12) + 0, 2 * items)
        told = changed(recording, start, nr=nr, priority=12, delta=items >> 12 and 9, total_scan=total)
        if items >> 12:
            return  # delta would be the shrinker's; the small ones have none at this priority
        told = changed(told, end, nr=nr, new_nr=min(nr, 2 * items), total_scan=total, ret=0)
        if events["shrinker"][start] == 0xB0:
            return  # seeks 0 has a delta at every priority
        assert unexplained(told) != []


class TestFullRecordings:
    @pytest.mark.parametrize("seed", range(20))
    def test_of_a_kernel_that_does_all_kinds_of_things(self, seed: int, tmp_path: Path) -> None:
        path = tmp_path / "full.txt"
        path.write_text(busy_kernel(seed).text())
        assert verify(read(path)).lines() == []

    @pytest.mark.parametrize(
        ("kind", "field"),
        [(Kind.START, f) for f in ("nr", "items", "delta", "total_scan", "priority")]
        + [(Kind.END, f) for f in ("nr", "new_nr", "total_scan", "ret")],
    )
    def test_every_changed_number_is_found(self, kind: Kind, field: str) -> None:
        recording = read(DATA / "c-full.c-drop.txt.gz")
        missed = [
            k
            for k in of_kind(recording, kind)[::9]
            if not unexplained(changed(recording, k, **{field: int(recording.events[field][k]) + 1}))
        ]
        assert missed == []


class TestWhatIsMissing:
    def test_lost_events_explain_what_changed_meanwhile(self) -> None:
        lines = Lines()
        lines.call(0, 4, cpu=0)
        lines.add(Kind.LOST, cpu=0, nr=7)
        lines.call(8, 8, cpu=0)
        assert verify(lines.recording()).explained == {LOST: 1}

    def test_lost_events_elsewhere_do_not(self) -> None:
        lines = Lines()
        lines.call(0, 4, cpu=0)
        lines.call(4, 4, cpu=0)
        lines.add(Kind.LOST, cpu=0, nr=7)
        assert len(unexplained(changed(lines.recording(), 1, new_nr=5))) == 1

    def test_a_call_that_the_recording_ends_in(self) -> None:
        lines = by_itself()
        lines.start(nr=4)
        assert verify(lines.recording()).explained == {AFTER: 1}

    def test_starts_only(self) -> None:
        lines = Lines()
        for _ in range(5):
            lines.start()
        one = verify(lines.recording())
        assert (one.lines(), one.explained) == ([], {NOT_RECORDED: 4, AFTER: 1})

    def test_calls_of_other_tasks(self) -> None:
        # Of one task only: the count grows from call to call by what others add.
        lines = Lines()
        for nr in (0, 4, 8, 12, 16):
            lines.start(nr=nr), lines.end(nr=nr, new_nr=nr)
        one = verify(lines.recording())
        assert (one.lines(), one.explained) == ([], {NOT_RECORDED: 4})

    def test_lines_without_some_fields_are_checked_for_what_they_have(self) -> None:
        recording = by_itself().recording()
        for field in (
            "nr",
            "items",
            "delta",
            "total_scan",
            "priority",
            "new_nr",
            "ret",
            "nid",
            "pid",
            "shrinker",
        ):
            shortened = Recording(recording.events.copy(), recording.names)
            shortened.events["fields"] &= ~np.uint32(Has[field.upper()])
            shortened.events[field] = 0
            assert unexplained(shortened) == [], field

    def test_nothing_at_all(self) -> None:
        assert verify(Lines().recording()).as_json()["unexplained"] == 0
        assert verify([]).as_json()["files"] == 0


class TestOtherEras:
    def old(self, form: Form) -> Recording:
        """Era B's arithmetic, as two tasks print it."""
        lines = Lines(form)
        old = {"priority": None, "pgs_scanned": 32, "lru_pgs": 1000, "items": 5000}
        # 128 / 2 * 5000 / 1001 = 319, less than a quarter: at most 2500 are scanned, the rest is kept.
        lines.start(nr=9000, delta=319, total_scan=2500, **old)
        lines.end(nr=9000, new_nr=9319 - 2432, total_scan=68, ret=2000)
        lines.start(nr=6887, delta=319, total_scan=2500, **old)
        lines.end(nr=6887, new_nr=7206, total_scan=2500)
        return lines.recording()

    def test_b(self) -> None:
        one = verify(self.old(Form.B))
        assert (one.lines(), one.files[0].eras) == ([], "B")
        assert [str(s) for s in one.files[0].seeks[0].seeks] == ["2"]

    @pytest.mark.parametrize(
        ("index", "field"), [(0, "delta"), (0, "total_scan"), (1, "new_nr"), (2, "items")]
    )
    def test_b_changed(self, index: int, field: str) -> None:
        recording = self.old(Form.B)
        assert unexplained(changed(recording, index, **{field: int(recording.events[field][index]) + 100}))

    def test_c_is_told_from_d_by_its_numbers(self) -> None:
        lines = Lines()
        lines.start(nr=42, items=87, delta=43, total_scan=85)
        lines.end(nr=42, new_nr=85, total_scan=85)
        assert (verify(lines.recording()).lines(), verify(lines.recording()).files[0].eras) == ([], "C")

    def test_a_prints_new_less_unused(self) -> None:
        lines = Lines(Form.A)
        old = {"priority": None, "pgs_scanned": 83, "lru_pgs": 241753}
        lines.start(nid=None, nr=122, items=241754, delta=10, total_scan=132, **old)
        lines.end(nid=None, nr=122, new_nr=4, total_scan=-118, ret=237339)
        recording = lines.recording()
        assert unexplained(recording) == []
        assert len(unexplained(changed(recording, 1, new_nr=5))) == 1

    def test_e_names_the_cgroup(self) -> None:
        lines = Lines(Form.E)
        for nr, cgroup in ((4, 1), (8, 2), (4, 1), (8, 2)):
            lines.call(nr, nr, memcg_id=cgroup, symbol="new_cache_scan") if nr == 4 else None
            if nr == 8:
                lines.start(nr=8, memcg_id=cgroup, symbol="new_cache_scan")
                lines.end(nr=8, new_nr=8, memcg_id=cgroup, symbol="new_cache_scan")
        one = verify(lines.recording())
        assert (one.lines(), one.files[0].eras, one.explained) == ([], "E", {BEFORE: 2})


class TestAPass:
    def test_too_small_a_scan_is_not_begun(self) -> None:
        # seeks 2: (1000 >> 6) * 4 / 2 = 30 are due and wait, until 128 are.
        lines = Lines()
        for nr, items, delta in (
            (0, 1000, 30),
            (30, 1000, 30),
            (60, 1000, 30),
            (90, 1000, 30),
            (120, 900, 28),
        ):
            total = (nr >> 6) + delta
            lines.start(nr=nr, items=items, delta=delta, total_scan=total, priority=6)
            lines.end(nr=nr, new_nr=nr + delta, total_scan=total)
        recording = lines.recording()
        assert unexplained(recording) == []
        # One that scanned all the same, and handed on as much less.
        scanned = changed(recording, 9, total_scan=0, new_nr=119, ret=1)
        assert [finding.split(": ", 1)[1] for finding in unexplained(scanned)] == [
            "total_scan: 0, but a scan of 29 is not begun: its other calls show it"
        ]


class TestTimes:
    def test_of_a_processor_go_on(self) -> None:
        lines = Lines()
        for time in range(0, 60, 10):
            lines.start(time=2 * time, cpu=0)
            lines.end(time=2 * time + 5, cpu=0)
        recording = lines.recording()
        assert unexplained(recording) == []
        assert unexplained(changed(recording, 4, time=4)) == [
            "by hand:5: time: out of the order of its processor's lines"
        ]


class TestVerification:
    def test_as_json_has_numbers_over_all_files(self) -> None:
        good, bad = by_itself().recording(), changed(by_itself().recording(), 3, new_nr=5)
        told = verify([good, bad]).as_json()
        assert json.loads(json.dumps(told)) == told
        assert {
            key: told[key] for key in ("files", "starts", "ends", "pairs", "unexplained", "unread_lines")
        } == {
            "files": 2,
            "starts": 8,
            "ends": 8,
            "pairs": 8,
            "unexplained": 1,
            "unread_lines": 0,
        }
        assert told["explained"] == {}
        assert told["details"][0]["line"] == 4
        assert [one["unexplained"] for one in told["recordings"]] == [0, 1]

    def test_each_recording_has_a_history_of_its_own(self) -> None:
        other = Lines()
        other.call(3, 3)
        assert verify([by_itself().recording(), other.recording()]).explained == {BEFORE: 1}


class TestAnExcerpt:
    """Lines that somebody picked out: what is not among them explains what nothing in them does."""

    def series(self, hours: float) -> list[str]:
        lines = Lines()
        lines.start(pid=1, time=0)
        later = int(hours * 3600 * 10**9)
        lines.start(pid=2, time=later)
        lines.end(pid=2, time=later, new_nr=77)
        return unexplained(lines.recording())

    def test_a_call_that_never_ends_is_in_one(self) -> None:
        assert self.series(hours=1.1) == []

    def test_a_call_may_take_long(self) -> None:
        assert self.series(hours=0.9) == [
            "by hand:3: new scan count: 77, but 0 were added to 0: no other call explains it"
        ]
