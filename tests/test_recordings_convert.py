# SPDX-License-Identifier: GPL-2.0-only
"""Recordings as Parquet and as Perfetto traces, read back by other programs' readers; and our own trace."""

from __future__ import annotations

import io
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from recorded_calls import Kernel, Shrinker
from recorded_text import BY_NAME, COLUMNS, DIALECTS, Dialect, End, Start, write
from support import Cache

import shrinkpy as sp
from shrinkpy.recordings import Form, Kind, Mark, MissingExtraError, read, stream
from shrinkpy.recordings.convert import write_parquet, write_perfetto

DATA = Path(__file__).parent / "data" / "recordings"
parquet = pytest.importorskip("pyarrow.parquet")
perfetto_trace = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")


def to_parquet(*texts: bytes, chunk_events: int = 65536) -> Any:
    """The file that comes of texts, opened."""
    out = io.BytesIO()
    pieces = (piece for text in texts for piece in stream(io.BytesIO(text), chunk_events=chunk_events))
    rows = write_parquet(pieces, out)
    out.seek(0)
    file = parquet.ParquetFile(out)
    assert file.metadata.num_rows == rows
    return file


class TestParquet:
    @pytest.mark.parametrize("dialect", DIALECTS, ids=str)
    def test_every_column_of_every_dialect(self, dialect: Dialect) -> None:
        events = [kind(time=10**9 + k * 1000) for k, kind in enumerate(dialect.kinds)]
        events += [kind(era=era, in_irq=True) for kind in (Start, End) for era in dialect.eras]
        written = write(events, dialect)
        rows = to_parquet(written.text).read().to_pylist()
        assert len(rows) == len(written.rows)
        for row, wanted in zip(rows, written.rows, strict=True):
            raw = bool(wanted["mark"] & Mark.RAW_TIME)
            time = row.pop("time")
            clock = row.pop("clock")
            assert clock == (wanted.get("time") if raw else None)
            expected = None if raw else wanted.get("time")
            assert (time if time is None else time.value) == expected
            assert row.pop("file") == "a stream"
            assert row.pop("line") == wanted["line"]
            assert row.pop("kind") == wanted["kind"].name
            assert row.pop("form") == (None if wanted["form"] == Form.NONE else wanted["form"].name)
            assert row.pop("comm") == (wanted["comm"].decode() or None)
            assert row.pop("in_irq") == bool(wanted["mark"] & Mark.IN_IRQ)
            assert (row.pop("cut"), row.pop("interleaved")) == (False, False)
            assert row == {name: wanted.get(name) for name in COLUMNS if name != "time"}

    def test_in_pieces_it_is_the_same(self) -> None:
        kernel = Kernel()
        for k in range(500):
            Shrinker(kernel, symbol=f"scan_{k % 7}", shrinker=k % 7 + 1).call(100 + k)
        whole, pieces = (to_parquet(kernel.text(), chunk_events=n) for n in (65536, 64))
        assert (whole.num_row_groups, pieces.num_row_groups) == (1, pytest.approx(16, abs=3))
        assert pieces.read().to_pylist() == whole.read().to_pylist()

    def test_several_files(self, tmp_path: Path) -> None:
        kernel = Kernel()
        Shrinker(kernel).call(100)
        for name in ("a", "b\x1b[m"):
            (tmp_path / name).write_bytes(kernel.text())
        out = io.BytesIO()
        write_parquet((read(tmp_path / name) for name in ("a", "b\x1b[m")), out)
        table = parquet.read_table(out)
        assert table["file"].to_pylist() == [f"{tmp_path}/a"] * 2 + [rf"{tmp_path}/b\x1b[m"] * 2

    def test_a_recording_without_events_has_the_columns_too(self) -> None:
        assert to_parquet(b"# tracer: nop\n").schema_arrow == to_parquet(Kernel().text()).schema_arrow

    def test_polars_reads_it(self) -> None:
        polars = pytest.importorskip("polars")
        out = io.BytesIO()
        write_parquet([read(DATA / "a.a-grow.txt.gz")], out)
        out.seek(0)
        frame = polars.read_parquet(out)
        ends = frame.filter(polars.col("kind") == "END")
        assert (len(ends), ends["ret"].sum()) == (174, 10897)

    def test_without_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingExtraError, match=r"needs pyarrow.* pip install 'shrinkpy\[recordings\]'"):
            write_parquet([], io.BytesIO())


class Slice(NamedTuple):
    """What stands on a track."""

    track: str
    begin: int
    end: int
    told: dict[str, Any]


class Trace:
    """A Perfetto trace, as its documentation says that it is to be read."""

    def __init__(self, data: bytes) -> None:
        self.names: dict[int, str] = {}
        self.parents: dict[int, int] = {}
        self.slices: list[Slice] = []
        self.instants: list[Slice] = []
        self.counters: dict[str, list[tuple[int, int]]] = defaultdict(list)
        counters = set()
        begun: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        packets = perfetto_trace.Trace.FromString(data).packet
        for packet in packets:
            if packet.HasField("track_descriptor"):
                track = packet.track_descriptor
                assert track.uuid not in self.names
                self.names[track.uuid], self.parents[track.uuid] = track.name, track.parent_uuid
                if track.HasField("counter"):
                    counters.add(track.uuid)
        assert all(parent in {0, *self.names} for parent in self.parents.values())
        # By time; where that is the same, in the order of the file.
        for packet in sorted((p for p in packets if p.HasField("track_event")), key=lambda p: p.timestamp):
            event, time = packet.track_event, packet.timestamp
            told = {
                note.name: getattr(note, str(note.WhichOneof("value"))) for note in event.debug_annotations
            }
            track = event.track_uuid
            assert (track in counters) == (event.type == event.TYPE_COUNTER)
            if event.type == event.TYPE_SLICE_BEGIN:
                assert event.name == "do_shrink_slab"
                begun[track].append((time, told))
            elif event.type == event.TYPE_SLICE_END:
                begin, before = begun[track].pop()
                self.slices.append(Slice(self.shrinker(track), begin, time, before | told))
            elif event.type == event.TYPE_INSTANT:
                self.instants.append(Slice(self.shrinker(track), time, time, told | {"": event.name}))
            else:
                self.counters[f"{self.shrinker(track)}: {self.names[track]}"].append(
                    (time, event.counter_value)
                )
        assert not any(begun.values())

    def shrinker(self, track: int) -> str:
        """The shrinker's track that this is, or is below of: one below its file's."""
        while self.parents[self.parents[track]]:
            track = self.parents[track]
        return self.names[track]


def to_perfetto(*texts: bytes) -> Trace:
    out = io.BytesIO()
    write_perfetto((read(io.BytesIO(text)) for text in texts), out)
    return Trace(out.getvalue())


def call(k: int, **values: Any) -> list[Any]:
    """A start and an end of task k, with numbers of their own."""
    who = {"pid": 100 + k, "comm": f"task{k}", "symbol": "demo_scan", "shrinker": 0xD0}
    first = {"nr": 10 + k, "items": 20 + k, "delta": 30 + k, "total_scan": 40 + k}
    last = {"nr": 10 + k, "new_nr": 50 + k, "total_scan": 6, "ret": 60 + k}
    return [Start(**who, **first, **values), End(**who, **last, **values)]


TEXT = BY_NAME["trace"]


class TestPerfetto:
    def test_a_slice(self) -> None:
        trace = to_perfetto(Kernel(call(0, time=5000)).text())
        (only,) = trace.slices
        assert only == (
            "demo_scan 00000000000000d0",
            5000,
            5000,
            {
                "task": "task0-100",
                "nid": 0,
                "gfp_flags": "GFP_KERNEL|__GFP_NOWARN",
                "objects to shrink": 10,
                "cache items": 20,
                "delta": 30,
                "total_scan": 40,
                "priority": 12,
                "unused scan count": 10,
                "new scan count": 50,
                "total_scan left": 6,
                "last shrinker return val": 60,
            },
        )
        assert trace.counters == {
            "demo_scan 00000000000000d0: deferred, node 0": [(5000, 10), (5000, 50)],
            "demo_scan 00000000000000d0: objects, node 0": [(5000, 20)],
        }

    @pytest.mark.parametrize(
        "order",
        ["SsEe", "SEse", "SseE", "SsteTE", "SsSsEeEe"],
        ids=["across", "after", "inside", "three", "four"],
    )
    def test_calls_at_the_same_time(self, order: str) -> None:
        """Capitals are one task, the others more; an s inside of a pair ends before it, or after."""
        events: list[Any] = []
        spans: dict[int, list[int]] = defaultdict(list)
        tasks = {"S": 0, "E": 0, "s": 1, "e": 1, "t": 2, "T": 2}
        opened: dict[int, list[int]] = defaultdict(list)
        number = 0
        for k, letter in enumerate(order):
            task = tasks[letter]
            begins = letter in "Sst"
            if begins:
                opened[task].append(number)
                spans[number].append(k * 1000)
                number += 1
            else:
                spans[opened[task].pop()].append(k * 1000)
            events.append(replace(call(task)[not begins], time=k * 1000))
        trace = to_perfetto(write(events, TEXT).text)
        assert sorted((each.begin, each.end) for each in trace.slices) == sorted(
            (begin, end) for begin, end in spans.values()
        )

    @pytest.mark.parametrize("name", ["a.a-grow", "c.c-drop", "b.b-reclaim", "c-full.c-drop"])
    def test_every_call_of_a_recording(self, name: str) -> None:
        recording = read(DATA / f"{name}.txt.gz")
        out = io.BytesIO()
        assert write_perfetto([recording], out) == len(recording.of(Kind.START))
        trace = Trace(out.getvalue())
        # By hand: the next end of the same task and shrinker.
        wanted, open_calls = [], {}
        for event in recording.events.tolist():
            row = dict(zip(recording.events.dtype.names or (), event, strict=True))
            key = row["pid"], row["shrinker"]
            if row["kind"] == Kind.START:
                open_calls[key] = row
            elif row["kind"] == Kind.END:
                start = open_calls.pop(key)
                who = f"{recording.names[row['symbol']]} {row['shrinker']:016x}"
                numbers = (start["nr"], start["items"], start["total_scan"], row["new_nr"], row["ret"])
                wanted.append((who, start["time"], row["time"], *numbers))
        names = (
            *("objects to shrink", "cache items", "total_scan"),
            *("new scan count", "last shrinker return val"),
        )
        found = [(each.track, each.begin, each.end, *(each.told[n] for n in names)) for each in trace.slices]
        assert sorted(found) == sorted(wanted)
        assert trace.instants == []

    def test_counters_are_told_where_they_change(self) -> None:
        kernel = Kernel()
        shrinker = Shrinker(kernel, probed=True)
        for memcg in (0, 0xFF00_0000_1000):
            for _ in range(3):
                shrinker.call(1000, priority=6, nid=1, memcg=memcg)
        counters = to_perfetto(kernel.text()).counters
        who = "demo_scan 000000001234abcd"
        for memcg in ("0x7000", "0xff0000001000"):
            cgroup = int(memcg, 16)
            cell = f"node 1, cgroup {memcg if cgroup >= 2**32 else cgroup}"
            values = [value for _, value in counters[f"{who}: deferred, {cell}"]]
            assert values == [0, 30, 60, 90]
            assert [value for _, value in counters[f"{who}: objects, {cell}"]] == [1000]

    def test_a_start_and_an_end_alone_are_instants(self) -> None:
        kernel = Kernel()
        kernel.add(End, ret=7, pid=1)
        kernel.add(Start, nr=8, pid=2)
        first, second = to_perfetto(kernel.text()).instants
        assert (first.told[""], first.told["last shrinker return val"]) == ("end without its start", 7)
        assert (second.told[""], second.told["objects to shrink"]) == ("start without its end", 8)

    def test_numbers_as_large_as_they_come(self) -> None:
        kernel = Kernel()
        kernel.add(Start, delta=2**64 - 1 - 2**64, nr=-(2**63), items=2**63 - 1)
        (instant,) = to_perfetto(kernel.text()).instants
        assert instant.told["delta"] == 2**64 - 1
        assert (instant.told["objects to shrink"], instant.told["cache items"]) == (-(2**63), 2**63 - 1)

    @pytest.mark.parametrize(
        ("dialect", "times"),
        [("trace, clock counter", [(1, 2)]), ("trace, no context-info", [(13_000, 14_000)])],
    )
    def test_without_times_in_seconds(self, dialect: str, times: list[tuple[int, int]]) -> None:
        start, end = call(0, time=1)
        text = write([start, replace(end, time=2)], BY_NAME[dialect]).text
        assert [(each.begin, each.end) for each in to_perfetto(text).slices] == times

    def test_several_files_have_a_track_each(self, tmp_path: Path) -> None:
        for name in "ab":
            (tmp_path / name).write_bytes(Kernel(call(0)).text())
        out = io.BytesIO()
        assert write_perfetto((read(tmp_path / name) for name in "ab"), out) == 2
        trace = Trace(out.getvalue())
        roots = [trace.names[track] for track, parent in trace.parents.items() if not parent]
        assert roots == [f"{tmp_path}/a", f"{tmp_path}/b"]

    @pytest.mark.thorough
    def test_more_than_is_held_at_a_time(self) -> None:
        kernel = Kernel()
        for k in range(3000):
            Shrinker(kernel).call(100 + k)
        assert len(to_perfetto(kernel.text()).slices) == 3000

    def test_without_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "perfetto.trace_builder.proto_builder", None)
        with pytest.raises(MissingExtraError, match=r"needs perfetto.* pip install 'shrinkpy\[recordings\]'"):
            write_perfetto([], io.BytesIO())


class TestOurOwnTrace:
    """What machine.trace.text() says is read back event for event."""

    @pytest.mark.parametrize("clock", [True, False])
    def test_every_field(self, clock: bool) -> None:
        with sp.Machine(nr_nodes=2) as machine, machine.trace.start(clock=clock):
            unregistered = sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=sp.Flags.NUMA_AWARE)
            with unregistered.register(sp.Box(Cache(5000))):
                for priority in range(12, -1, -1):
                    for nid in (0, 1):
                        machine.shrink_slab(nid=nid, priority=priority, gfp_mask=sp.Gfp.NOFS)
            traced, text = machine.trace.array(), machine.trace.text()
            symbols = [machine.trace.names(name)[0] for name in traced["name"].tolist()]
        recording = read(io.BytesIO(text.encode()))
        events = recording.events
        assert (recording.counts.unread, recording.counts.others) == (0, 0)
        assert len(events) == len(traced) > 20
        same = {"shrinker": "shrinker", "nr": "nr", "nid": "nid", "pid": "tid", "total_scan": "total_scan"}
        assert events["kind"].tolist() == traced["kind"].tolist()
        for ours, theirs in same.items():
            assert events[ours].tolist() == traced[theirs].tolist()
        for half, more in (
            (0, {"items": "freeable", "delta": "delta", "priority": "priority"}),
            (1, {"new_nr": "new_nr", "ret": "retval"}),
        ):
            for ours, theirs in more.items():
                of = traced["kind"] == half
                assert events[ours][of].tolist() == traced[theirs][of].tolist()
        assert [recording.names[k] for k in events["symbol"].tolist()] == symbols
        starts = events[events["kind"] == Kind.START]
        assert recording.gfp_masks[starts["gfp"]].tolist() == [int(sp.Gfp.NOFS)] * len(starts)
        if clock:
            assert events["time"].tolist() == (traced["time"] // 1000 * 1000).tolist()
            assert events["cpu"].tolist() == traced["cpu"].tolist()
        else:
            assert events["time"].tolist() == traced["seq"].tolist()
            assert (events["mark"] == Mark.RAW_TIME).all()
