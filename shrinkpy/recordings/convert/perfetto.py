# SPDX-License-Identifier: GPL-2.0-only
"""Recordings as a Perfetto trace: a track a shrinker, its calls as slices, its counts as counters.

- The track of a shrinker, below its file's, has a slice ``do_shrink_slab`` for each call, with the
  numbers of its start and its end; calls at the same time are on more tracks below it.
- A start or an end without the other is an instant of that name.
- Counters below the shrinker's track: ``deferred`` is the deferred work that a start took and that an
  end left, ``objects`` what a start counted; by node, and by cgroup where it is known. A value is
  told where it changes.

Times are the recording's, in ns. Where a clock counts something else, one of it is a ns; of an event
without a time, the number of its line is a us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ..columns import Columns
from ..recording import Has, Recording, extra, printable

__all__ = ["write_perfetto"]

_PACKETS = 4096
"""That are held at a time."""

_SEQUENCE = 1

_OF_START = ("nr", "items", "delta", "total_scan", "priority", "pgs_scanned", "lru_pgs")
_OF_END = ("nr", "new_nr", "total_scan", "ret")


class _Writer:
    """Packets into a file, and the tracks that they are on."""

    def __init__(self, file: BinaryIO) -> None:
        self._module = extra("perfetto.trace_builder.proto_builder")
        protos = extra("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
        self.event: Any = protos.TrackEvent
        self._packet: Any = protos.TracePacket
        self._file = file
        self._builder: Any = self._module.TraceProtoBuilder()
        self._held = 0
        self._tracks = 0
        self._values: dict[int, int] = {}
        self.packet().sequence_flags = self._packet.SEQ_INCREMENTAL_STATE_CLEARED

    def packet(self) -> Any:
        """A new one."""
        if self._held == _PACKETS:
            self.flush()
        self._held += 1
        packet = self._builder.add_packet()
        packet.trusted_packet_sequence_id = _SEQUENCE
        return packet

    def flush(self) -> None:
        """Traces one after the other are one trace."""
        self._file.write(self._builder.serialize())
        self._builder, self._held = self._module.TraceProtoBuilder(), 0

    def track(self, name: str, parent: int = 0, *, counter: bool = False) -> int:
        """A new track; its uuid."""
        self._tracks += 1
        descriptor = self.packet().track_descriptor
        descriptor.uuid, descriptor.name = self._tracks, name
        if parent:
            descriptor.parent_uuid = parent
        if counter:
            descriptor.counter.SetInParent()
        return self._tracks

    def put(self, kind: int, track: int, time: int) -> Any:
        """An event on a track."""
        packet = self.packet()
        packet.timestamp = time
        event = packet.track_event
        event.type, event.track_uuid = kind, track
        return event

    def count(self, track: int, time: int, value: int) -> None:
        """A counter's value, if it is another one."""
        if self._values.get(track) != value:
            self._values[track] = value
            self.put(self.event.TYPE_COUNTER, track, time).counter_value = value


def write_perfetto(
    recordings: Iterable[Recording], file: BinaryIO, progress: Callable[[int, int], None] | None = None
) -> int:
    """Write whole recordings. Gives the number of calls.

    :param progress: called now and then with the lines of a recording that are done, and all of them.

    Raises MissingExtraError; OSError.
    """
    writer = _Writer(file)
    calls = 0
    for recording in recordings:
        columns = Columns.read(recording)
        _File(writer, columns).write(progress)
        calls += len(columns)
    writer.flush()
    return calls


class _File:
    """The tracks of one recording."""

    def __init__(self, writer: _Writer, calls: Columns) -> None:
        self._writer, self._calls = writer, calls
        self._root = writer.track(printable(calls.recording.source) or "recording")
        self._shrinkers: dict[int, int] = {}
        self._lanes: dict[int, list[tuple[int, list[int]]]] = {}
        self._counters: dict[tuple[int, tuple[int | None, int | None], str], int] = {}
        self._open: dict[int, int] = {}
        self._starts = [(name, calls.of_start(name)) for name in _OF_START]
        self._ends = [(name, calls.of_end(name)) for name in _OF_END]
        self._gfp = calls.of_start("gfp")
        events = calls.events
        timed = events["fields"] & Has.TIME != 0
        time = np.where(timed, events["time"], events["line"].astype(np.int64) * 1000)
        self._time: npt.NDArray[np.int64] = np.maximum(time, 0)

    def write(self, progress: Callable[[int, int], None] | None) -> None:
        """All calls, in the order of time; at the same time, in that of the lines."""
        calls = self._calls
        starts, ends = np.flatnonzero(calls.start >= 0), np.flatnonzero(calls.end >= 0)
        call = np.concatenate([starts, ends])
        event = np.concatenate([calls.start[starts], calls.end[ends]])
        time = self._time[event]
        # A clock that goes back makes no slice that ends before it begins.
        of_pair = np.flatnonzero(calls.whole[ends]) + len(starts)
        time[of_pair] = np.maximum(time[of_pair], self._time[calls.start[call[of_pair]]])
        order = np.lexsort((event, time))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        until = np.full(len(calls), -1, np.int64)
        until[call[of_pair]] = place[of_pair]
        for done, k in enumerate(order.tolist()):
            if progress and done % 1024 == 0:
                progress(done, len(order))
            if k < len(starts):
                self._start(int(call[k]), int(time[k]), done, int(until[call[k]]))
            else:
                self._end(int(call[k]), int(time[k]))

    def _start(self, call: int, time: int, begin: int, end: int) -> None:
        group, cell = int(self._calls.group[call]), self._cell(call)
        told = {name: int(column.value[call]) for name, column in self._starts if column.known[call]}
        self._count(group, cell, "deferred", time, told.get("nr"))
        self._count(group, cell, "objects", time, told.get("items"))
        if end >= 0:
            self._open[call] = track = self._lane(group, begin, end)
            event = self._writer.put(self._writer.event.TYPE_SLICE_BEGIN, track, time)
            event.name = "do_shrink_slab"
        else:
            event = self._instant(group, time, "start without its end")
        _annotate(event, {**self._told(call), **_named(told, "start")})

    def _end(self, call: int, time: int) -> None:
        group, cell = int(self._calls.group[call]), self._cell(call)
        told = {name: int(column.value[call]) for name, column in self._ends if column.known[call]}
        self._count(group, cell, "deferred", time, told.get("new_nr"))
        if call in self._open:
            event = self._writer.put(self._writer.event.TYPE_SLICE_END, self._open.pop(call), time)
            _annotate(event, _named(told, "end"))
        else:
            event = self._instant(group, time, "end without its start")
            _annotate(event, {**self._told(call), **_named(told, "end")})

    def _cell(self, call: int) -> tuple[int | None, int | None]:
        """Node and cgroup."""
        nid, memcg = self._calls.nid, self._calls.memcg
        return (
            int(nid.value[call]) if nid.known[call] else None,
            int(memcg.value[call]) if memcg.known[call] else None,
        )

    def _told(self, call: int) -> dict[str, int | str]:
        node, cgroup = self._cell(call)
        told: dict[str, int | str] = {"task": self._task(int(self._calls.first[call]))}
        if node is not None:
            told["nid"] = node
        if cgroup is not None:
            told["memcg"] = cgroup
        if self._gfp.known[call]:
            told["gfp_flags"] = self._calls.recording.names[int(self._gfp.value[call])]
        return told

    def _task(self, event: int) -> str:
        comm, pid = self._calls.events[["comm", "pid"]][event].item()
        return f"{printable(comm)}-{pid}"

    def _shrinker(self, group: int) -> int:
        if group not in self._shrinkers:
            who = self._calls.shrinkers[group]
            self._shrinkers[group] = self._writer.track(who.label, self._root)
        return self._shrinkers[group]

    def _lane(self, group: int, begin: int, end: int) -> int:
        """A track that has nothing then, or something that goes on for longer; by places in time."""
        lanes = self._lanes.setdefault(group, [(self._shrinker(group), [])])
        for track, open_until in lanes:
            while open_until and open_until[-1] < begin:
                open_until.pop()
            if not open_until or open_until[-1] > end:
                open_until.append(end)
                return track
        track = self._writer.track("at the same time", self._shrinker(group))
        lanes.append((track, [end]))
        return track

    def _instant(self, group: int, time: int, name: str) -> Any:
        event = self._writer.put(self._writer.event.TYPE_INSTANT, self._shrinker(group), time)
        event.name = name
        return event

    def _count(
        self, group: int, cell: tuple[int | None, int | None], what: str, time: int, value: int | None
    ) -> None:
        if value is None:
            return
        key = (group, cell, what)
        if key not in self._counters:
            node, cgroup = cell
            words = [what]
            if node is not None:
                words.append(f"node {node}")
            if cgroup is not None:
                words.append(f"cgroup {cgroup:#x}" if cgroup >= 2**32 else f"cgroup {cgroup}")
            self._counters[key] = self._writer.track(", ".join(words), self._shrinker(group), counter=True)
        self._writer.count(self._counters[key], time, value)


_NAMES = {
    ("start", "nr"): "objects to shrink",
    ("start", "items"): "cache items",
    ("end", "nr"): "unused scan count",
    ("end", "new_nr"): "new scan count",
    ("end", "total_scan"): "total_scan left",
    ("end", "ret"): "last shrinker return val",
}


def _named(told: dict[str, int], half: str) -> dict[str, int | str]:
    """Numbers under the names that the events give them."""
    return {_NAMES.get((half, name), name): value for name, value in told.items()}


def _annotate(event: Any, told: dict[str, int | str]) -> None:
    for name, value in told.items():
        annotation = event.debug_annotations.add()
        annotation.name = name
        if isinstance(value, str):
            annotation.string_value = value
        elif value < 2**63:
            annotation.int_value = value
        else:
            annotation.uint_value = value
