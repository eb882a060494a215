# SPDX-License-Identifier: GPL-2.0-only
"""shrinkpy.recordings.read() and stream(): files of every packing, pieces of every size, real recordings."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_strategies import events
from recorded_text import (
    BY_NAME,
    DIALECTS,
    End,
    Event,
    KswapdWake,
    Lost,
    ScanRet,
    Start,
    Written,
    add_up,
    reading,
    rows_of,
    write,
)
from support import Cache, environment_of_programs, register

import shrinkpy as sp
from shrinkpy.recordings import (
    EVENT_DTYPE,
    Form,
    Has,
    Kind,
    Mark,
    MissingExtraError,
    Recording,
    RecordingError,
    ScanCounts,
    UnreadLine,
    read,
    stream,
)

TRACE = BY_NAME["trace"]


def sample(n: int = 40) -> Written:
    """A text with something of all that a file may have: events, others, comments, lost ones."""
    told: list[Event] = []
    for i in range(n):
        told += [Start(pid=i, nr=i), End(pid=i, nr=i, symbol=f"scan_{i % 7}"), KswapdWake(cpu=i), Lost(cpu=i)]
    return write(told, TRACE, others=True)


def equal(a: Recording, b: Recording) -> None:
    """Hold that they say the same, whatever they are called."""
    assert a.events.dtype == b.events.dtype == EVENT_DTYPE
    assert a.events.tobytes() == b.events.tobytes()
    assert a.names == b.names
    assert a.counts == b.counts
    assert a.unread == b.unread
    assert a.unread_reasons == b.unread_reasons


# ---- files ----------------------------------------------------------------------------------------

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda text: text,
    "gzip": gzip.compress,
    "gzip of two members": lambda text: gzip.compress(text[:999]) + gzip.compress(text[999:]),
    "xz": lzma.compress,
    "xz of two streams": lambda text: lzma.compress(text[:999]) + lzma.compress(text[999:]),
    "zstd": lambda text: zstandard.ZstdCompressor().compress(text),
    "zstd of two frames": lambda text: b"".join(
        zstandard.ZstdCompressor().compress(part) for part in (text[:999], text[999:])
    ),
}
PACKED = pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)


class Dribble(io.RawIOBase):
    """A stream that gives a few bytes at a time, as pipes and terminals may."""

    def __init__(self, text: bytes, sizes: Iterator[int]) -> None:
        self._text = io.BytesIO(text)
        self._sizes = sizes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._text.readinto(memoryview(buffer)[: next(self._sizes)])


class TestFiles:
    @PACKED
    @pytest.mark.parametrize("name", ["trace", "trace.txt", "trace.gz", "trace.log.zst"])
    def test_the_packing_is_told_by_the_bytes(
        self, tmp_path: Path, pack: Callable[[bytes], bytes], name: str
    ) -> None:
        written = sample()
        path = tmp_path / name
        path.write_bytes(pack(written.text))
        recording = read(path)
        add_up(recording)
        assert rows_of(recording) == written.rows
        assert recording.source == str(path)
        equal(recording, read(str(path)))

    @PACKED
    def test_a_binary_stream(self, pack: Callable[[bytes], bytes]) -> None:
        written = sample()
        recording = read(io.BytesIO(pack(written.text)))
        assert rows_of(recording) == written.rows

    @PACKED
    @pytest.mark.parametrize("size", [1, 2, 7, 1000])
    def test_a_stream_that_gives_little(self, pack: Callable[[bytes], bytes], size: int) -> None:
        written = sample(10)
        recording = read(Dribble(pack(written.text), iter(lambda: size, None)))
        assert rows_of(recording) == written.rows

    @PACKED
    def test_a_pipe(self, pack: Callable[[bytes], bytes]) -> None:
        written = sample()
        inlet, outlet = os.pipe()

        def fill() -> None:
            with open(outlet, "wb") as file:
                file.write(pack(written.text))

        filling = threading.Thread(target=fill)
        filling.start()
        with open(inlet, "rb") as file:
            recording = read(file)
        filling.join()
        assert rows_of(recording) == written.rows

    def test_a_stream_is_not_closed(self) -> None:
        file = io.BytesIO(sample().text)
        read(file)
        assert not file.closed

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="nothing"):
            read(tmp_path / "nothing")

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(IsADirectoryError):
            read(tmp_path)

    @PACKED
    def test_an_empty_file(self, tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
        path = tmp_path / "empty"
        path.write_bytes(pack(b""))
        recording = read(path)
        assert recording.events.shape == (0,)
        assert recording.events.dtype == EVENT_DTYPE
        assert recording.names[0] == ""
        assert recording.counts == ScanCounts()
        assert (recording.unread, recording.unread_reasons) == ([], {})
        (only,) = stream(path)
        equal(only, recording)

    @pytest.mark.parametrize("text", [b"\x1f", b"\xfd7z", b"\x28", b"#", b"\n", b"x", b"\n\n\n\n\n\n\n"])
    def test_a_file_of_a_few_bytes(self, tmp_path: Path, text: bytes) -> None:
        recording = reading(text)
        add_up(recording)
        assert recording.counts.lines == max(1, text.count(b"\n"))
        assert recording.counts.events == 0

    @pytest.mark.parametrize("packing", ["gzip", "xz", "zstd"])
    def test_damaged_bytes(self, tmp_path: Path, packing: str) -> None:
        """Never another exception, and never other events than those that are there."""
        written = sample()
        good = PACKINGS[packing](written.text)
        path = tmp_path / "trace"
        damaged = 0
        for at in range(0, len(good), max(1, len(good) // 60)):
            path.write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
            try:
                recording = read(path)
            except RecordingError as error:
                assert str(path) in str(error)  # noqa: PT017 - some of them are read
                damaged += 1
            else:
                add_up(recording)
        assert damaged > 20

    @pytest.mark.parametrize("packing", ["gzip", "xz", "zstd"])
    def test_one_that_is_cut_short(self, tmp_path: Path, packing: str) -> None:
        good = PACKINGS[packing](sample().text)
        path = tmp_path / "trace"
        path.write_bytes(good[: len(good) // 2])
        with pytest.raises(RecordingError, match="damaged, or cut short") as caught:
            read(path)
        assert str(path) in str(caught.value)
        with pytest.raises(RecordingError):
            list(stream(path))

    def test_zstd_without_its_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "trace"
        path.write_bytes(PACKINGS["zstd"](sample().text))
        monkeypatch.setitem(sys.modules, "zstandard", None)
        with pytest.raises(
            MissingExtraError, match=r"needs zstandard, .*: pip install 'shrinkpy\[recordings\]'"
        ):
            read(path)

    def test_what_a_file_is_called_is_shown_as_text(self) -> None:
        file = io.BytesIO(b"#\n")
        file.name = "a\x1b[31m"
        assert "\x1b" not in read(file).source

    @PACKED
    def test_progress(self, tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
        path = tmp_path / "trace"
        path.write_bytes(pack(long_text()))
        seen: list[tuple[int, int]] = []
        read(path, progress=lambda done, total: seen.append((done, total)), piece=1)
        size = path.stat().st_size
        assert {total for _, total in seen} == {size}
        done = [done for done, _ in seen]
        assert done == sorted(done)
        assert done[-1] == size

    def test_progress_may_raise(self, tmp_path: Path) -> None:
        """To stop: the file is closed."""
        path = tmp_path / "trace"
        path.write_bytes(sample().text)

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            read(path, progress=stop)


# ---- lines ----------------------------------------------------------------------------------------


class TestLines:
    def test_each_is_counted_once(self) -> None:
        written = sample()
        recording = reading(written.text + b"what is this\n")
        add_up(recording)
        counts = recording.counts
        assert counts == ScanCounts(
            lines=written.lines + 1,
            comments=written.comments,
            others=written.others,
            events=len(written.rows),
            unread=1,
        )

    def test_lost_events(self) -> None:
        recording = reading(b"CPU:0 [LOST 53 EVENTS]\nCPU:131 [LOST EVENTS]\nCPU:1 [7 EVENTS DROPPED]\n")
        add_up(recording)
        assert recording.events["kind"].tolist() == [Kind.LOST] * 3
        assert recording.events["cpu"].tolist() == [0, 131, 1]
        assert recording.events["nr"].tolist() == [53, 0, 7]
        both = Has.CPU | Has.NR
        assert recording.events["fields"].tolist() == [both, Has.CPU, both]

    def test_a_header_that_tells_of_lost_events(self) -> None:
        """The buffer holds fewer than were written."""
        recording = reading(b"# entries-in-buffer/entries-written: 397/1000   #P:2\n")
        add_up(recording)
        assert rows_of(recording) == [
            {"line": 1, "kind": Kind.LOST, "form": Form.NONE, "mark": Mark(0), "comm": b"", "nr": 603}
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "# entries-in-buffer/entries-written: 397/",
            "# entries-in-buffer/entries-written: x/y",
            f"# entries-in-buffer/entries-written: 1/{2**64}",
            f"# entries-in-buffer/entries-written: 1/{2**64 - 1}",
            "# entries-in-buffer/entries-written: -9/5",
            "# entries-in-buffer/entries-written: 1000/397",
            "##### CPU x buffer started ####",
            "##### CPU 4294967296 buffer started ####",
        ],
    )
    def test_a_header_that_does_not(self, text: str) -> None:
        assert reading(f"{text}\n".encode()).counts == ScanCounts(lines=1, comments=1)

    def test_a_buffer_that_began_late(self) -> None:
        recording = reading(b"##### CPU 131 buffer started ####\n")
        add_up(recording)
        assert rows_of(recording) == [
            {"line": 1, "kind": Kind.LOST, "form": Form.NONE, "mark": Mark(0), "comm": b"", "cpu": 131}
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "CPU:x [LOST 53 EVENTS]",
            "CPU:0 [LOST many EVENTS]",
            "CPU:0 [LOST 53",
            "CPU:0 [LOST -5 EVENTS]",
            f"CPU:0 [LOST {2**63} EVENTS]",
            f"CPU:0 [LOST {2**64} EVENTS]",
            "CPU:-1 [LOST 5 EVENTS]",
        ],
    )
    def test_what_looks_like_lost_events(self, text: str) -> None:
        recording = reading(f"{text}\n".encode())
        add_up(recording)
        assert (recording.counts.events, recording.counts.unread) == (0, 1)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "# tracer: nop",
            "# entries-in-buffer/entries-written: 397/397   #P:2",
            "cpus=2",
            "CPU 1 is empty",
            "version = 6",
            " => shrink_slab",
            " => shrink_slab+0xe2/0x3d0 <ffffffff8124b9f1>",
            "\tffffffff8124b9f1 do_shrink_slab+0x131 ([kernel.kallsyms])",
            "            7f0c2b1a9c3e __libc_read+0xe (/usr/lib/libc.so.6)",
        ],
    )
    def test_remarks(self, text: str) -> None:
        recording = reading(f"{text}\n".encode())
        assert recording.counts == ScanCounts(lines=1, comments=1)

    @pytest.mark.parametrize(
        "text",
        [
            "a-1 [000] d..2. 1.000000: sched_switch: prev_comm=a ==> next_comm=b",
            "a-1 [000] d..2. 1.000000: vfs_read <-ksys_read",
            "a-1 [000] d..2. 1.000000: <stack trace>",
            "a-1 [000] d..2. 1.000000: bprint: do_it: what: ever",
            "a 1 [000] 1.000000:     sched:sched_switch: prev_comm=a",
            "a 1 [000] 1.000000:          1 cycles:  ffffffff8124b9f1 do_shrink_slab+0x131 ([kernel])",
        ],
    )
    def test_other_events(self, text: str) -> None:
        recording = reading(f"{text}\n".encode())
        assert recording.counts == ScanCounts(lines=1, others=1)

    def test_a_line_that_cannot_be_read_is_kept(self) -> None:
        recording = reading(b"# tracer\nDear all,\na-1 [000] .... 1.0: mm_shrink_slab_end: f+0x0 0: nid: x\n")
        assert recording.unread == [
            UnreadLine(2, "no event in it", "Dear all,"),
            UnreadLine(
                3,
                "something else where a field belongs",
                "a-1 [000] .... 1.0: mm_shrink_slab_end: f+0x0 0: nid: x",
            ),
        ]
        assert recording.unread_reasons == {"no event in it": 1, "something else where a field belongs": 1}

    def test_of_many_some_are_kept_and_all_are_counted(self) -> None:
        recording = reading(b"not a line of a trace\n" * 5000)
        assert recording.counts.unread == 5000
        assert recording.unread_reasons == {"no event in it": 5000}
        assert len(recording.unread) == 1000
        assert [unread.line for unread in recording.unread] == list(range(1, 1001))

    def test_a_long_one_is_shown_in_part(self) -> None:
        (unread,) = reading(b"not a line " * 1000 + b"\n").unread
        assert len(unread.text) == 1001
        assert unread.text.endswith("…")

    def test_line_numbers_are_those_of_the_file(self) -> None:
        written = sample()
        lines = written.text.split(b"\n")
        for row in rows_of(reading(written.text)):
            if row["kind"] == Kind.START:
                assert f"-{row['pid']:<7d}".encode() in lines[row["line"] - 1]


# ---- pieces ---------------------------------------------------------------------------------------


@cache
def long_text() -> bytes:
    """Many pieces of the smallest size."""
    return sample(600).text


@cache
def some_text() -> bytes:
    """All dialects, one after the other, and lines that are none."""
    told = [Start(pid=7, module="ext4"), End(pid=7, era="B"), Start(era="E", in_irq=True)]
    parts = [
        write(told, dialect, others=bool(dialect.tells)).text for dialect in DIALECTS if "E" in dialect.eras
    ]
    return (
        b"who knows\n".join(parts) + b"a-1 [000] .... 1.0: mm_shrink_slab_end: f+0x0 0: unused scan count 12"
    )


class TestBorders:
    """How the bytes come makes no difference."""

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 255, 4096])
    def test_little_at_a_time(self, size: int) -> None:
        text = some_text()
        equal(read(Dribble(text, iter(lambda: size, None)), piece=1), read(io.BytesIO(text)))

    @settings(max_examples=settings().max_examples // 4)
    @given(st.lists(st.integers(1, 700), min_size=1, max_size=20))
    def test_any_amount_at_a_time(self, sizes: list[int]) -> None:
        text = some_text()
        again = (size for _ in iter(int, 1) for size in sizes)
        equal(read(Dribble(text, again), piece=1), read(io.BytesIO(text)))

    @pytest.mark.parametrize("piece", [1, 65536, 65537, 65538, 65539, 70001, 131072, 1 << 20, 1 << 24])
    def test_pieces_of_any_size(self, tmp_path: Path, piece: int) -> None:
        path = tmp_path / "trace"
        path.write_bytes(long_text())
        recording = read(path, piece=piece)
        add_up(recording)
        equal(recording, read(path))
        assert recording.counts.events == 2400

    @pytest.mark.parametrize("end", [b"\n", b"\r\n"])
    def test_a_border_at_every_byte_of_a_line(self, end: bytes) -> None:
        """Before and after the end of a piece."""
        line = write([Start(module="ext4")], BY_NAME["trace_pipe"]).text.rstrip(b"\n") + end
        size = 65538
        for before in range(len(line) + 2):
            padding = b"\n" + b"#" * (size - before - 2) + b"\n"
            recording = read(io.BytesIO(padding + line * 3), piece=1)
            assert recording.counts == ScanCounts(lines=5, events=3, comments=2), before
            for column in ("nr", "items", "delta", "total_scan", "priority", "time", "pid", "symbol"):
                assert len(set(recording.events[column].tolist())) == 1, (before, column)


class TestStream:
    @pytest.mark.parametrize("chunk_events", [1, 16, 17, 100, 1000, 65536])
    def test_is_the_same_in_pieces(self, chunk_events: int) -> None:
        text = some_text() + sample().text
        whole = read(io.BytesIO(text))
        parts = list(stream(io.BytesIO(text), chunk_events=chunk_events))
        assert all(len(part.events) <= max(chunk_events, 16) for part in parts)
        events = np.concatenate([part.events for part in parts])
        assert events.tobytes() == whole.events.tobytes()
        assert parts[-1].names == whole.names
        assert [sum(count) for count in zip(*(part.counts for part in parts), strict=True)] == list(
            whole.counts
        )
        assert [line for part in parts for line in part.unread] == whole.unread
        reasons = Counter[str]()
        for part in parts:
            reasons.update(part.unread_reasons)
        assert reasons == whole.unread_reasons

    def test_names_keep_their_numbers(self) -> None:
        parts = stream(io.BytesIO(sample().text), chunk_events=16)
        before: list[str] = []
        for part in parts:
            assert part.names[: len(before)] == before
            before = list(part.names)
            used = {i for column in ("symbol", "caller", "gfp") for i in part.events[column].tolist()}
            assert max(used) < len(part.names)

    def test_a_piece_is_the_callers(self) -> None:
        """What comes later does not write into it."""
        parts, copies = [], []
        for part in stream(io.BytesIO(sample().text), chunk_events=16):
            parts.append(part)
            copies.append((part.events.copy(), part.counts, list(part.unread)))
        for part, (then, counts, unread) in zip(parts, copies, strict=True):
            assert part.events.tobytes() == then.tobytes()
            assert (part.counts, part.unread) == (counts, unread)

    def test_may_be_left_early(self, tmp_path: Path) -> None:
        """The file is closed then: an open one would be a warning, which is an error here."""
        path = tmp_path / "trace"
        path.write_bytes(gzip.compress(sample(200).text))
        parts = stream(path, chunk_events=16)
        next(parts)
        parts.close()  # type: ignore[attr-defined]

    def test_opens_nothing_before_it_is_asked(self, tmp_path: Path) -> None:
        parts = stream(tmp_path / "nothing")
        with pytest.raises(FileNotFoundError):
            next(parts)

    @settings(max_examples=settings().max_examples // 4)
    @given(data=st.data(), chunk_events=st.integers(1, 40))
    def test_any_events(self, data: Any, chunk_events: int) -> None:
        written = write(data.draw(events(TRACE, max_size=40)), TRACE)
        parts = list(stream(io.BytesIO(written.text), chunk_events=chunk_events))
        assert [row for part in parts for row in rows_of(part)] == written.rows


# ---- tables ---------------------------------------------------------------------------------------

NOT_COLUMNS = {"fields", "pad", "mark"}
TABLES = [
    Start(cpu=3, module="ext4", shrinker=2**64 - 1, delta=-1, nr=-(2**63)),
    End(cpu=1, era="A", ret=-5),
    Start(era="E", memcg_id=2**64 - 1, in_irq=True, comm="a\x1b[31m\xff"),
    Lost(cpu=2),
    KswapdWake(order=3),
    ScanRet(),
]


def as_python(value: Any) -> Any:
    """A cell, in plain types; None where there is nothing."""
    if value is None or value != value or str(value) in ("<NA>", "NaT"):
        return None
    if isinstance(value, timedelta):
        return round(value.total_seconds() * 10**9)
    return value.item() if hasattr(value, "item") else getattr(value, "value", value)


class TestTables:
    @pytest.fixture
    def recording(self) -> Recording:
        return reading(write(TABLES, TRACE).text)

    @pytest.mark.parametrize("make", ["to_arrow", "to_polars", "to_pandas"])
    def test_values_and_nulls(self, recording: Recording, make: str) -> None:
        table = getattr(recording, make)()
        rows = {
            "to_arrow": lambda: table.to_pylist(),
            "to_polars": lambda: table.to_dicts(),
            "to_pandas": lambda: table.to_dict("records"),
        }[make]()
        assert len(rows) == len(TABLES)
        columns = set(rows[0])
        assert columns >= set(EVENT_DTYPE.names or ()) - NOT_COLUMNS
        for row, true in zip(rows, rows_of(recording), strict=True):
            row = {name: as_python(value) for name, value in row.items()}
            assert row["kind"] == true["kind"].name
            assert row["form"] == (None if true["form"] == Form.NONE else true["form"].name)
            assert row["cut"] is False
            assert row["interleaved"] is False
            assert row["in_irq"] is bool(true["mark"] & Mark.IN_IRQ)
            for name in columns - {"kind", "form", "cut", "interleaved", "in_irq", "comm", "clock"}:
                assert row[name] == true.get(name), name
            assert row["clock"] is None

    @pytest.mark.parametrize("make", ["to_arrow", "to_polars", "to_pandas"])
    def test_a_comm_is_shown_as_text(self, recording: Recording, make: str) -> None:
        table = getattr(recording, make)()
        comms = [
            as_python(value) for value in (table["comm"].to_pylist() if make == "to_arrow" else table["comm"])
        ]
        assert comms == ["init", "init", "a\\x1b[31m\\xff", None, "init", "init"]

    def test_a_clock_that_counts_has_a_column_of_its_own(self) -> None:
        recording = reading(write([Start(time=77)], BY_NAME["trace, clock counter"]).text)
        (row,) = recording.to_arrow().to_pylist()
        assert (row["time"], row["clock"]) == (None, 77)

    @pytest.mark.parametrize("make", ["to_arrow", "to_polars", "to_pandas"])
    def test_of_nothing(self, make: str) -> None:
        full = getattr(reading(write([Start()], TRACE).text), make)()
        empty = getattr(reading(b""), make)()
        names = {"to_arrow": lambda table: table.column_names}.get(make, lambda table: list(table.columns))
        assert names(empty) == names(full)
        assert len(empty) == 0
        if make == "to_arrow":
            assert empty.schema.equals(full.schema)

    def test_of(self, recording: Recording) -> None:
        assert recording.of(Kind.LOST)["cpu"].tolist() == [2]
        assert len(recording.of(Kind.START, Kind.END)) == 3
        assert len(recording.of()) == 0


# ---- our own traces -------------------------------------------------------------------------------


def own_rows(machine: sp.Machine) -> list[dict[str, Any]]:
    """The events of a machine's trace, as they must be read back."""
    array = machine.trace.array()
    rows = []
    for e in array.tolist():
        event = dict(zip(array.dtype.names or (), e, strict=True))
        row = {name: event[name] for name in ("shrinker", "nid", "nr", "total_scan")}
        row |= {"pid": event["tid"], "symbol": machine.trace.names(event["name"])[0]}
        if event["kind"] == 0:
            row |= {
                "kind": Kind.START,
                "items": event["freeable"],
                "delta": event["delta"] % 2**64,
                "priority": event["priority"],
                "gfp_mask": event["gfp_mask"],
            }
        else:
            row |= {"kind": Kind.END, "new_nr": event["new_nr"], "ret": event["retval"]}
        if event["cpu"] < 0:
            row |= {"cpu": 0, "time": event["seq"], "mark": Mark.RAW_TIME}
        else:
            row |= {"cpu": event["cpu"], "time": event["time"] // 1000 * 1000, "mark": Mark(0)}
        rows.append(row)
    return rows


def read_rows(recording: Recording) -> list[dict[str, Any]]:
    """What was read, in the shape of own_rows()."""
    rows = rows_of(recording)
    for row, gfp in zip(rows, recording.events["gfp"], strict=True):
        assert row.pop("form") == Form.CD
        for name in ("line", "comm"):
            del row[name]
        if row.pop("gfp", None) is not None:
            row["gfp_mask"] = recording.gfp_masks[gfp]
    return rows


class TestOurOwnTraces:
    @pytest.mark.parametrize("clock", [True, False])
    def test_of_a_machine(self, machine: sp.Machine, clock: bool) -> None:
        with register(machine, Cache(100_000)), register(machine, Cache(7), "b", seeks=0, batch=3):
            with machine.trace.start(clock=clock):
                for priority in range(12, -1, -1):
                    machine.shrink_slab(priority=priority, gfp_mask=sp.Gfp.NOFS)
                    machine.shrink_slab(priority=priority)
            recording = reading(machine.trace.text().encode())
            add_up(recording)
            assert recording.unread == []
            assert len(recording.events) >= 40
            assert read_rows(recording) == own_rows(machine)

    @pytest.mark.parametrize("comm", ["Web Content-12", "a: b", "[x] (y)", "1", "é"])
    def test_of_a_thread_of_any_name(self, machine: sp.Machine, comm: str) -> None:
        def rename_and_shrink() -> None:
            Path("/proc/thread-self/comm").write_text(comm)
            machine.shrink_slab(priority=0)

        with register(machine, Cache(1000)), machine.trace.start():
            thread = threading.Thread(target=rename_and_shrink)
            thread.start()
            thread.join()
        recording = reading(machine.trace.text().encode())
        assert set(recording.events["comm"].tolist()) == {comm.encode()}
        assert read_rows(recording) == own_rows(machine)

    def test_of_a_run(self, tmp_path: Path) -> None:
        (tmp_path / "cache.py").write_text(
            "class Cache:\n"
            "    objects = 1000\n"
            "    def count_objects(self, sc):\n"
            "        return self.objects\n"
            "    def scan_objects(self, sc):\n"
            "        freed = min(self.objects, sc.nr_to_scan)\n"
            "        self.objects -= freed\n"
            "        return freed\n"
        )
        subprocess.run(
            [sys.executable, "-m", "shrinkpy", "run", "cache:Cache", "--trace", "trace.txt"],
            cwd=tmp_path,
            env=environment_of_programs(),
            check=True,
            capture_output=True,
        )
        recording = read(tmp_path / "trace.txt")
        add_up(recording)
        assert recording.unread == []
        assert recording.counts.others == 0
        kinds = Counter(recording.events["kind"].tolist())
        assert kinds[Kind.START] == kinds[Kind.END] > 0
        assert kinds.total() == kinds[Kind.START] * 2
        assert recording.counts.lines == kinds.total() + recording.counts.comments
