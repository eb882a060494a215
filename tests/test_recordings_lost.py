# SPDX-License-Identifier: GPL-2.0-only
"""What a text says of events that are not in it: in its header, between its lines, in its tools' words."""

from __future__ import annotations

import io

import pytest

from shrinkpy.recordings import Has, Kind, Recording, read

HEADER = "# tracer: nop\n#\n# entries-in-buffer/entries-written: {}/{}   #P:2\n#\n"


def reading(text: str) -> Recording:
    return read(io.BytesIO(text.encode()))


class TestLost:
    @pytest.mark.parametrize(
        ("line", "cpu", "lost"),
        [
            ("CPU:0 [LOST 53 EVENTS]", 0, 53),
            ("CPU:12 [LOST EVENTS]", 12, None),
            ("CPU:3 [17 EVENTS DROPPED]", 3, 17),
            ("CPU:3 [EVENTS DROPPED]", 3, None),
            ("##### CPU 1 buffer started ####", 1, None),
            (" swapper     0 [002]     1.500000: PERF_RECORD_LOST lost 9", 2, 9),
        ],
    )
    def test_each_tools_words(self, line: str, cpu: int, lost: int | None) -> None:
        (event,) = reading(f"{line}\n").events
        assert event["kind"] == Kind.LOST
        assert event["cpu"] == cpu
        assert bool(event["fields"] & Has.NR) is (lost is not None)
        assert event["nr"] == (lost or 0)

    def test_a_header_that_tells_of_overwritten_ones(self) -> None:
        (event,) = reading(HEADER.format(4106, 5000)).events
        assert (event["kind"], event["line"], event["nr"]) == (Kind.LOST, 3, 894)
        assert event["fields"] == Has.NR

    @pytest.mark.parametrize("kept", [0, 4106])
    def test_a_header_that_tells_of_none(self, kept: int) -> None:
        recording = reading(HEADER.format(kept, kept))
        assert len(recording.events) == 0
        assert recording.counts.comments == 4

    @pytest.mark.parametrize(
        "line",
        ["CPU:0 [LOST", "CPU:x [LOST 1 EVENTS]", "CPU:99999999999 [LOST 1 EVENTS]", "CPU 1 buffer started"],
    )
    def test_what_is_nearly_that(self, line: str) -> None:
        recording = reading(f"{line}\n")
        assert len(recording.events) == 0
        assert [unread.reason for unread in recording.unread] == ["no event in it"]
