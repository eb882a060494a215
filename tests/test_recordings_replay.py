# SPDX-License-Identifier: GPL-2.0-only
"""Recordings of real kernels, decided again: nothing differs, and a changed recording does."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recorded_text
from recorded_calls import Kernel, Shrinker

from shrinkpy.recordings import Kind, Recording, read
from shrinkpy.recordings.replay import Replay, Work, replay
from shrinkpy.recordings.replay.stage import End, Stage, Start

DATA = Path(__file__).parent / "data" / "recordings"
FULL = ("a-full.a-grow", "b-full.b-limits", "b-full.b-rmdir", "c-full.c-drop", "k-full.k-scan")
BARE = ("a.a-grow", "b.b-limits", "b.b-reclaim", "b.b-rmdir", "c.c-drop", "e.e-zram")
HERE = {"symbol": "demo_scan", "shrinker": 0x1234ABCD, "nid": 0, "comm": "kswapd0", "pid": 51}


@functools.cache
def recorded(name: str) -> Recording:
    return read(DATA / f"{name}.txt.gz")


def changed(name: str, kind: Kind, field: str, by: int = 1, which: int = 0, **where: int) -> Recording:
    """A recording in which one event of a kind has another number."""
    recording = recorded(name)
    events = recording.events.copy()
    chosen = events["kind"] == kind
    for key, value in where.items():
        chosen &= events[key] != value
    events[field][np.flatnonzero(chosen)[which]] += by
    return dataclasses.replace(recording, events=events)


def without(name: str, kind: Kind, which: int = 0, count: int = 1) -> Recording:
    recording = recorded(name)
    gone = np.flatnonzero(recording.events["kind"] == kind)[which : which + count]
    return dataclasses.replace(recording, events=np.delete(recording.events, gone))


def what(found: Replay) -> set[str]:
    return {difference.what for difference in found.differences}


class TestFull:
    @pytest.mark.parametrize("name", FULL)
    def test_the_core_decides_as_the_kernel_did(self, name: str) -> None:
        found = replay(recorded(name))
        assert found.differences == []
        assert found.different == 0
        assert not found.skipped
        assert found.full
        assert found.decisions > 300

    def test_every_call_is_made_again(self) -> None:
        events = recorded("a-full.a-grow").events
        found = replay(recorded("a-full.a-grow"))
        assert found.passes == np.count_nonzero(events["kind"] == Kind.SHRINK_SLAB)
        assert found.calls == np.count_nonzero(events["kind"] == Kind.DO_SHRINK_SLAB)

    def test_counters_are_the_cores_own_where_one_task_reclaims(self) -> None:
        assert not replay(recorded("b-full.b-limits")).given

    def test_what_was_deferred_before_the_recording_is_given_and_said(self) -> None:
        assert dict(replay(recorded("b-full.b-rmdir")).given) == {
            "it was deferred before the recording began": 7
        }

    def test_files_of_debugfs_call_what_they_called(self) -> None:
        found = replay(recorded("k-full.k-scan"))
        assert found.decisions == found.calls == 362


class TestBare:
    @pytest.mark.parametrize("name", BARE)
    def test_the_core_decides_as_the_kernel_did(self, name: str) -> None:
        found = replay(recorded(name))
        assert found.differences == []
        assert not found.skipped
        assert not found.full
        assert found.calls == np.count_nonzero(recorded(name).events["kind"] == Kind.START)
        assert bool(found.given) == (name != "b.b-limits")  # one task and two counters need no help

    @pytest.mark.parametrize(
        "tool", ["perf-script", "trace-cmd-report", "trace_pipe", "trace_pipe-lost", "trace-lat"]
    )
    def test_as_other_tools_print_it(self, tool: str) -> None:
        found = replay(read(DATA / "other-tools" / f"{tool}.txt.gz"))
        assert found.differences == []
        assert found.decisions > 2000
        assert set(found.skipped) <= {"lost events"}

    def test_another_eras_arithmetic_is_not_ours(self) -> None:
        recording = recorded("a.a-grow")
        events = recording.events.copy()
        events["form"] = 2
        found = replay(dataclasses.replace(recording, events=events))
        assert sum(found.skipped.values()) == np.count_nonzero(events["kind"] == Kind.START)
        assert found.decisions == 0


class TestChanged:
    """Each of these numbers is held against the core's."""

    @pytest.mark.parametrize(
        ("kind", "field", "by", "named"),
        [
            (Kind.START, "nr", 1 << 13, "objects to shrink"),
            (Kind.START, "delta", 1, "delta"),
            (Kind.START, "total_scan", 1, "total_scan"),
            (Kind.END, "nr", 1, "unused scan count"),
            (Kind.END, "new_nr", 1, "new scan count"),
            (Kind.END, "total_scan", 1, "total_scan left"),
            (Kind.END, "ret", 1, "last shrinker return val"),
            (Kind.CALLBACK, "nr", 1, "nr_to_scan"),
            (Kind.CALLBACK_RET, "nr_scanned", 1, "total_scan left"),
            (Kind.DO_SHRINK_SLAB, "nid", 0, ""),
            (Kind.DO_SHRINK_SLAB_RET, "ret", 1, "result"),
            (Kind.SHRINK_SLAB_RET, "ret", 1, "freed by the pass"),
        ],
    )
    def test_a_number(self, kind: Kind, field: str, by: int, named: str) -> None:
        where = {"nr_scanned": 0} if field == "nr_scanned" else {}
        found = replay(changed("a-full.a-grow", kind, field, by, 3, **where))
        assert named in what(found) if by else not found.differences

    def test_the_line_is_told(self) -> None:
        recording = changed("a-full.a-grow", Kind.CALLBACK, "nr", which=5)
        line = recording.of(Kind.CALLBACK)["line"][5]
        [difference] = replay(recording).differences
        assert difference.line == line
        assert difference.what == "nr_to_scan"
        assert difference.recorded == difference.decided + 1
        assert difference.shrinker == "super_cache_scan"

    def test_seeks_of_one_call(self) -> None:
        events = recorded("a-full.a-grow").events
        start = np.flatnonzero((events["kind"] == Kind.START) & (events["delta"] > 100))[0]
        assert events["kind"][start - 2] == Kind.DO_SHRINK_SLAB
        which = np.count_nonzero(events["kind"][: start - 2] == Kind.DO_SHRINK_SLAB)
        assert "delta" in what(replay(changed("a-full.a-grow", Kind.DO_SHRINK_SLAB, "seeks", 5, which)))

    def test_two_shrinkers_in_the_other_order(self) -> None:
        recording = recorded("a-full.a-grow")
        events = recording.events.copy()
        calls = np.flatnonzero(events["kind"] == Kind.DO_SHRINK_SLAB)
        # Two superblocks that had nothing to count, in the middle of a pass.
        silent = [k for k in calls[400:] if events["kind"][k + 2] == Kind.DO_SHRINK_SLAB_RET]
        a, b = next(
            (a, b)
            for a, b in itertools.pairwise(silent)
            if b == a + 3 and events["symbol"][a + 1] == events["symbol"][b + 1]
        )
        for field in ("shrinker", "id"):
            events[field][[a, b]] = events[field][[b, a]]
        found = replay(dataclasses.replace(recording, events=events))
        assert what(found) == {"is called"}

    def test_a_shrinker_that_is_left_out_once(self) -> None:
        recording = recorded("a-full.a-grow")
        calls = np.flatnonzero(recording.events["kind"] == Kind.DO_SHRINK_SLAB)
        events = np.delete(recording.events, slice(calls[500], calls[501]))
        assert replay(dataclasses.replace(recording, events=events)).different

    def test_a_second_call_that_was_not_made(self) -> None:
        events = recorded("b-full.b-rmdir").events
        empty = np.flatnonzero((events["kind"] == Kind.DO_SHRINK_SLAB_RET) & (events["ret"] == -2))
        again = next(k for k in empty if events["kind"][k + 1] == Kind.DO_SHRINK_SLAB)
        cut = np.delete(events, slice(again + 1, again + 4))
        found = replay(dataclasses.replace(recorded("b-full.b-rmdir"), events=cut))
        assert "is called" in what(found)

    def test_a_bare_recording(self) -> None:
        for field in ("delta", "total_scan"):
            assert field in what(replay(changed("b.b-reclaim", Kind.START, field, which=100)))
        assert "new scan count" in what(replay(changed("b.b-reclaim", Kind.END, "new_nr", which=100)))


class TestMissing:
    """What is missing is skipped with its reason, and is no difference."""

    def test_returns(self) -> None:
        for kind in (Kind.DO_SHRINK_SLAB_RET, Kind.SHRINK_SLAB_RET):
            found = replay(without("a-full.a-grow", kind, 7))
            assert not found.differences
            assert not found.skipped

    def test_an_end(self) -> None:
        found = replay(without("a-full.a-grow", Kind.END, 30))
        assert not found.differences
        assert found.skipped == {"a line of it is missing": 1}

    def test_a_start(self) -> None:
        found = replay(without("a-full.a-grow", Kind.START, 30))
        assert not found.differences
        assert found.skipped["a line of it is missing"] == 1

    def test_the_beginning_and_the_end(self) -> None:
        recording = recorded(
            "a-full.a-pressure" if (DATA / "a-full.a-pressure.txt.gz").exists() else "c-full.c-drop"
        )
        n = len(recording.events)
        for begin, end in ((100, n), (0, n - 100), (333, n - 777), (n // 2, n // 2 + 300)):
            found = replay(dataclasses.replace(recording, events=recording.events[begin:end]))
            assert not found.differences
            assert set(found.skipped) <= {
                "it began before the recording",
                "the recording ends in it",
                "a line without the call that it is of",
            }

    def test_nothing(self) -> None:
        found = replay(dataclasses.replace(recorded("a.a-grow"), events=recorded("a.a-grow").events[:0]))
        assert (found.decisions, found.calls, found.differences) == (0, 0, [])


class TestWhatIf:
    @pytest.mark.parametrize("name", [*FULL, "a.a-grow", "b.b-reclaim", "c.c-drop"])
    def test_with_nothing_changed_it_is_what_was_recorded(self, name: str) -> None:
        found = replay(recorded(name), seeks={})
        assert found.decisions == 0  # nothing is held against the recording
        for shrinker in found.shrinkers:
            decided = shrinker.decided
            if shrinker.recorded.scans is None:
                decided = decided._replace(scans=None)
            assert decided == shrinker.recorded

    def test_of_the_recorded_seeks(self) -> None:
        found = replay(recorded("a-full.a-grow"), seeks={"super_cache_scan": 2})
        biggest = max(found.shrinkers, key=lambda s: s.recorded.scanned)
        assert biggest.decided == biggest.recorded

    def test_seeks_weigh(self) -> None:
        scanned = [
            sum(
                shrinker.decided.scanned
                for shrinker in replay(recorded("a-full.a-grow"), seeks=seeks).shrinkers
            )
            for seeks in (1, 2, 4, 16)
        ]
        assert scanned == sorted(scanned, reverse=True)
        assert scanned[0] > 2 * scanned[2]

    def test_a_lower_priority_scans_more(self) -> None:
        for name in ("a-full.a-grow", "a.a-grow"):
            found = replay(recorded(name), priority_shift=-1)
            recorded_, decided = (
                sum(getattr(shrinker, which).scanned for shrinker in found.shrinkers)
                for which in ("recorded", "decided")
            )
            assert decided > recorded_

    def test_a_batch_of_one_shrinker(self) -> None:
        found = replay(recorded("a-full.a-grow"), batch={"super_cache_scan": 64})
        for shrinker in found.shrinkers:
            if shrinker.shrinker != "super_cache_scan":
                assert shrinker.decided == shrinker.recorded
        biggest = max(found.shrinkers, key=lambda s: s.recorded.scanned)
        assert biggest.batch == 64
        assert biggest.decided.scans * 64 == biggest.decided.scanned
        assert biggest.decided.deferred < biggest.recorded.deferred

    def test_as_much_is_freed_of_what_is_scanned(self) -> None:
        found = replay(recorded("a-full.a-grow"), seeks=1)
        biggest = max(found.shrinkers, key=lambda s: s.recorded.scanned)
        then, now = biggest.recorded, biggest.decided
        assert abs(now.freed / now.scanned - then.freed / then.scanned) < 0.02

    @pytest.mark.parametrize("batch", [0, 1, 1000])
    @pytest.mark.parametrize("items", [2 * 10**6, 3 * 10**12])
    def test_any_number_of_objects(self, items: int, batch: int) -> None:
        """After ten thousand scans of a call, its rest is one answer: the sums are those of all of them."""
        kernel = Kernel()
        Shrinker(kernel).call(items, priority=12, stop=True)
        [played] = replay(kernel.recording(), batch=batch, priority_shift=-12, seeks=4).shrinkers
        step = batch or 128
        assert played.decided.scans == items // step
        assert played.decided.scanned == items // step * step
        assert played.decided.deferred == items % step

    def test_a_count_below_zero_is_not_scanned_for_ever(self) -> None:
        """Its loop goes on while what is left is at least that: with nothing left, too."""
        kernel = Kernel()
        kernel.add(recorded_text.Start, nr=64, items=-(2**63), delta=0, total_scan=64, priority=12, **HERE)
        kernel.add(recorded_text.End, nr=0, new_nr=64, total_scan=0, ret=0, **HERE)
        [played] = replay(kernel.recording(), batch=1).shrinkers
        assert played.decided.calls == 1

    @pytest.mark.parametrize("bad", [{"seeks": -1}, {"batch": -1}, {"seeks": 2**31}, {"batch": {"x": 2**63}}])
    def test_settings_that_a_kernel_cannot_have(self, bad: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="must be 0 to"):
            replay(recorded("a.a-grow"), **bad)


class TestJson:
    def test_has_the_three_that_are_asked_for(self) -> None:
        found = json.loads(json.dumps(replay(changed("a-full.a-grow", Kind.CALLBACK, "nr")).as_json()))
        assert found["decisions"] > 1000
        assert found["skipped"] == {}
        [difference] = found["differences"]
        assert set(difference) == {"line", "shrinker", "what", "recorded", "decided"}
        assert found["different"] == 1
        assert "what_if" not in found

    def test_says_that_what_if_is_of_first_order(self) -> None:
        found = json.loads(json.dumps(replay(recorded("c.c-drop"), seeks=3, priority_shift=1).as_json()))
        assert found["what_if"]["seeks"] == 3
        assert found["what_if"]["priority_shift"] == 1
        assert "counts are as recorded" in found["what_if"]["note"]
        assert set(found["shrinkers"][0]["decided"]) == set(Work._fields)


class TestAnotherCore:
    """A core that decides otherwise is found out, and nothing is put into its counters to help it."""

    def test_one_that_forgets_what_it_deferred(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shrink = Stage.shrink

        def forgetful(stage: Stage, *where: Any) -> int:
            freed = shrink(stage, *where)
            for actor in stage.actors.values():
                stage.poke(actor, stage.root, 0, 0)
            return freed

        before = replay(recorded("a-full.a-grow"))
        monkeypatch.setattr(Stage, "shrink", forgetful)
        found = replay(recorded("a-full.a-grow"))
        assert "objects to shrink" in what(found)
        assert sum(found.given.values()) <= sum(before.given.values())

    def test_one_that_says_another_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        events = Stage.events

        def off_by_one(stage: Stage) -> list[Start | End]:
            return [
                event._replace(new_nr=event.new_nr + 1) if isinstance(event, End) else event
                for event in events(stage)
            ]

        monkeypatch.setattr(Stage, "events", off_by_one)
        assert "new scan count" in what(replay(recorded("b-full.b-limits")))

    def test_one_that_calls_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Stage, "shrink", lambda *_: 0)
        found = replay(recorded("c-full.c-drop"))
        calls = np.count_nonzero(recorded("c-full.c-drop").events["kind"] == Kind.DO_SHRINK_SLAB)
        assert sum(difference.what == "is called" for difference in found.differences) == calls
