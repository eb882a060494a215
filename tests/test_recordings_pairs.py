# SPDX-License-Identifier: GPL-2.0-only
"""Which end belongs to which start."""

from __future__ import annotations

import numpy as np
import pytest
from recorded_events import FILES, Lines, of_kind

from shrinkpy.recordings import Kind, Mark, Recording, read
from shrinkpy.recordings.pairs import AFTER, BEFORE, LOST, UNKNOWN, Lone, LostWindows, Pairs, pair


def paired(recording: Recording) -> list[tuple[int, int]]:
    found = pair(recording.events)
    return list(zip(found.start.tolist(), found.end.tolist(), strict=True))


class TestAPair:
    def test_is_of_one_task_one_shrinker_and_one_node(self) -> None:
        lines = Lines()
        starts = [
            lines.start(pid, shrinker, nid) for pid in (1, 2) for shrinker in (0xA0, 0xB0) for nid in (0, 1)
        ]
        ends = [
            lines.end(pid, shrinker, nid) for pid in (2, 1) for shrinker in (0xB0, 0xA0) for nid in (1, 0)
        ]
        # Each task's are nested, and are closed from the inside out.
        assert paired(lines.recording()) == list(zip(starts, ends[::-1], strict=True))

    def test_may_change_the_processor(self) -> None:
        lines = Lines()
        start, end = lines.start(cpu=28), lines.end(cpu=21)
        assert paired(lines.recording()) == [(start, end)]

    def test_goes_by_the_pid_whatever_the_task_is_called(self) -> None:
        lines = Lines()
        start, end = lines.start(), lines.end()
        recording = lines.recording()
        recording.events["comm"] = [b"<...>", b"init"]
        assert paired(recording) == [(start, end)]

    def test_inside_a_callback_is_a_pair_of_its_own(self) -> None:
        lines = Lines()
        outer = lines.start(nr=1)
        inner = lines.start(nr=2), lines.end(nr=2)
        end = lines.end(nr=1)
        assert paired(lines.recording()) == [(outer, end), inner]

    def test_of_an_interrupt_is_not_the_task_s_that_it_came_upon(self) -> None:
        lines = Lines()
        starts = lines.start(), lines.start(mark=Mark.IN_IRQ)
        ends = lines.end(), lines.end(mark=Mark.IN_IRQ)
        assert paired(lines.recording()) == list(zip(starts, ends, strict=True))

    def test_has_a_partner_by_index(self) -> None:
        lines = Lines()
        lines.start(), lines.end(), lines.start(pid=2)
        assert pair(lines.recording().events).partner(3).tolist() == [1, 0, -1]


class TestLinesThatLackFields:
    @pytest.mark.parametrize("lacks", ["pid", "shrinker", "nid"])
    def test_go_with_what_they_do_not_contradict(self, lacks: str) -> None:
        for which in ("start", "end", "both"):
            lines = Lines()
            other = lines.start(pid=7, shrinker=0x70, nid=7, symbol="other_scan")
            start = lines.start(**{lacks: None} if which != "end" else {})
            end = lines.end(**{lacks: None} if which != "start" else {})
            assert (start, end) in paired(lines.recording()), which
            assert [lone.index for lone in pair(lines.recording().events).lone_starts] == [other]

    def test_without_a_pointer_go_by_the_symbol(self) -> None:
        lines = Lines()
        lines.start(shrinker=None, symbol="one_scan")
        lines.end(shrinker=None, symbol="two_scan")
        assert paired(lines.recording()) == []


class TestAlone:
    def alone(self, lines: Lines) -> tuple[tuple[Lone, ...], tuple[Lone, ...]]:
        found = pair(lines.recording().events)
        return found.lone_starts, found.lone_ends

    def test_a_start_in_whose_call_the_recording_ends(self) -> None:
        lines = Lines()
        lines.start()
        assert self.alone(lines) == ((Lone(0, AFTER),), ())

    def test_an_end_whose_call_was_under_way_before(self) -> None:
        lines = Lines()
        lines.end()
        lines.call(0, 0)
        assert self.alone(lines) == ((), (Lone(0, BEFORE),))

    def test_a_start_after_which_its_task_goes_on(self) -> None:
        lines = Lines()
        lines.start()
        lines.start(shrinker=0xB0), lines.end(shrinker=0xB0)
        assert self.alone(lines) == ((Lone(0, UNKNOWN),), ())

    def test_an_end_of_a_task_that_was_there_before(self) -> None:
        lines = Lines()
        lines.call(0, 0)
        lines.end(shrinker=0xB0)
        assert self.alone(lines) == ((), (Lone(2, UNKNOWN),))

    def test_where_events_were_lost(self) -> None:
        lines = Lines()
        lines.call(0, 0, cpu=0)
        lines.start(cpu=0)
        lines.add(Kind.LOST, cpu=0, nr=5)
        lines.end(cpu=0, shrinker=0xB0)
        lines.call(0, 0, cpu=0)
        assert self.alone(lines) == ((Lone(2, LOST),), (Lone(4, LOST),))

    def test_two_calls_whose_inner_lines_were_lost_are_no_pair(self) -> None:
        lines = Lines()
        lines.call(0, 0, cpu=0)
        lines.start(cpu=0, nr=3)
        lines.add(Kind.LOST, cpu=0, nr=2)
        lines.end(cpu=0, nr=4)
        assert self.alone(lines) == ((Lone(2, LOST),), (Lone(4, LOST),))


class TestLostWindows:
    def test_reach_back_to_the_last_line_of_their_processor(self) -> None:
        lines = Lines()
        for cpu in (0, 1, 1, 0, 1):
            lines.add(Kind.KSWAPD_SLEEP, pid=1, cpu=cpu)
        lines.add(Kind.LOST, cpu=0, nr=1)
        windows = LostWindows(lines.recording().events)
        assert windows
        inside, outside = ((4, 5), (0, 4), (3, 4)), ((0, 3), (5, 9))
        assert [windows.between(*lines) for lines in (*inside, *outside)] == [True] * 3 + [False] * 2

    def test_of_an_unknown_or_silent_processor_reach_back_to_the_beginning(self) -> None:
        for cpu in (None, 3):
            lines = Lines()
            lines.call(0, 0, cpu=0)
            lines.add(Kind.LOST, cpu=cpu)
            assert LostWindows(lines.recording().events).between(0, 1)


class TestNothing:
    def test_no_events_no_pairs(self) -> None:
        found = pair(Lines().recording().events)
        assert isinstance(found, Pairs)
        assert len(found) == 0


class TestRealRecordings:
    @pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
    def test_each_start_has_its_end(self, path: str) -> None:
        recording = read(path)
        found = pair(recording.events)
        starts, ends = of_kind(recording, Kind.START), of_kind(recording, Kind.END)
        assert len(found) + len(found.lone_starts) == len(starts)
        assert len(found) + len(found.lone_ends) == len(ends)
        assert np.array_equal(recording.events["nr"][found.start], recording.events["nr"][found.end])
        lost = {lone.reason for lone in (*found.lone_starts, *found.lone_ends)}
        assert lost <= ({LOST} if np.any(recording.events["kind"] == Kind.LOST) else set())
