# SPDX-License-Identifier: GPL-2.0-only
"""What recordings show of each shrinker: how often it was called, what that gave, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arithmetic import Seeks
from ..columns import Column, Columns
from ..recording import Has, Kind, Mark, Recording, printable
from .findings import Finding, find
from .pool import least_counters

__all__ = ["FileSummary", "Report", "ShrinkerSummary", "TaskSummary", "report"]

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TaskSummary:
    """A task that reclaimed: latency_ns is the sum of its calls."""

    comm: str
    pid: int
    calls: int
    useless: int
    latency_ns: int


@dataclass(frozen=True)
class FileSummary:
    """One file.

    :ivar lost: events that the kernel says it lost.
    :ivar begin_ns: the first time in it, by the kernel's clock; None if none has one, or it counts
        something else.
    """

    source: str
    events: int
    starts: int
    ends: int
    pairs: int
    lost: int
    unread_lines: int
    begin_ns: int | None
    end_ns: int | None
    tasks: list[TaskSummary] = field(repr=False, default_factory=list)

    @property
    def span_s(self) -> float | None:
        """From the first event to the last, in seconds."""
        if self.begin_ns is None or self.end_ns is None:
            return None
        return (self.end_ns - self.begin_ns) / 1e9


@dataclass(frozen=True)
class ShrinkerSummary:
    """One shrinker of one file. What the file does not tell is None.

    :ivar shrinker: the pointer as ftrace prints it, hashed or not.
    :ivar calls: of do_shrink_slab(), as far as count_objects counted anything.
    :ivar useless: those of them that scanned nothing.
    :ivar objects: the most that it counted in one call.
    :ivar efficiency: freed / scanned.
    :ivar stops: scans that answered SHRINK_STOP, where ``stops_told`` is "probes"; where it is
        "leftover", calls that left so much to scan that nothing else can have ended them.
    :ivar deferred: what its last call left; with several nodes or cgroups, of one of its counters.
    :ivar deferred_peak: the most that was seen in a counter.
    :ivar batch: what a probe saw, or the greatest number that all it scanned is a multiple of.
    :ivar seeks: what a probe saw, or the one value that explains all of its deltas.
    :ivar seeks_told: the values that explain them, in words.
    :ivar nodes: those that it was called for.
    :ivar cgroups: how many it was called for; where ``cgroups_told`` is "counters", the least
        number that explains its deferred counts.
    """

    source: str
    symbol: str
    shrinker: str | None
    calls: int
    useless: int | None
    objects: int | None
    scanned: int | None
    freed: int | None
    efficiency: float | None
    stops: int | None
    stops_told: str | None
    deferred: int | None
    deferred_peak: int | None
    latency_ns: int | None
    latency_median_us: float | None
    latency_p99_us: float | None
    latency_max_us: float | None
    batch: int | None
    seeks: int | None
    seeks_told: str | None
    nodes: list[int]
    cgroups: int | None
    cgroups_told: str | None


@dataclass(frozen=True)
class Report:
    """What report() found; the shrinkers by the time that their calls took."""

    files: list[FileSummary]
    shrinkers: list[ShrinkerSummary]
    findings: list[Finding]

    def as_json(self) -> dict[str, Any]:
        """Every number of it, for json.dumps."""
        return {
            "files": [{**_json(file), "span_s": file.span_s} for file in self.files],
            "shrinkers": [_json(shrinker) for shrinker in self.shrinkers],
            "findings": [finding.as_json() for finding in self.findings],
        }


def _json(row: Any) -> dict[str, Any]:
    told = asdict(row)
    return {"file": told.pop("source"), **told}


def report(recordings: Iterable[Recording]) -> Report:
    """Put whole recordings together, one after the other: each is let go of before the next is asked for."""
    result = Report([], [], [])
    for recording in recordings:
        calls = Columns.read(recording)
        source = printable(recording.source)
        result.files.append(_file(calls, source))
        rows = [_shrinker(calls, source, k) for k in range(len(calls.shrinkers))]
        rows.sort(key=lambda row: (-(row.latency_ns or 0), -row.calls, row.symbol, row.shrinker or ""))
        result.shrinkers.extend(rows)
        result.findings.extend(find(calls))
    return result


# ---- a file


def _file(calls: Columns, source: str) -> FileSummary:
    events = calls.events
    kind, fields = events["kind"], events["fields"]
    timed = (fields & Has.TIME != 0) & (events["mark"] & Mark.RAW_TIME == 0)
    times = events["time"][timed]
    return FileSummary(
        source=source,
        events=len(events),
        starts=int(np.count_nonzero(kind == Kind.START)),
        ends=int(np.count_nonzero(kind == Kind.END)),
        pairs=len(calls.pairs),
        lost=int(events["nr"][kind == Kind.LOST].sum()),
        unread_lines=calls.recording.counts.unread,
        begin_ns=int(times.min()) if len(times) else None,
        end_ns=int(times.max()) if len(times) else None,
        tasks=_tasks(calls),
    )


def _tasks(calls: Columns) -> list[TaskSummary]:
    of_task = np.flatnonzero(calls.of_first("pid").known)
    events = calls.events[["comm", "pid"]][calls.first[of_task]]
    useless = (calls.idle.known & calls.idle.value)[of_task]
    took = np.where(calls.latency.known, calls.latency.value, 0)[of_task]
    pids, first, task = np.unique(events["pid"], return_index=True, return_inverse=True)
    number = np.bincount(task, minlength=len(pids))
    vain = np.bincount(task, useless, minlength=len(pids)).astype(np.int64)
    total = np.zeros(len(pids), np.int64)
    np.add.at(total, task, took)
    tasks = [
        TaskSummary(printable(bytes(comm)), *row)
        for comm, *row in zip(
            events["comm"][first].tolist(),
            pids.tolist(),
            number.tolist(),
            vain.tolist(),
            total.tolist(),
            strict=True,
        )
    ]
    return sorted(tasks, key=lambda task: (-task.calls, task.pid))


# ---- a shrinker


def _sum(column: Column, mine: Indices) -> int | None:
    known = column.of(mine)
    return int(known.sum()) if len(known) else None


def _most(column: Column, mine: Indices) -> int | None:
    known = column.of(mine)
    return int(known.max()) if len(known) else None


def _shrinker(calls: Columns, source: str, k: int) -> ShrinkerSummary:
    who, mine = calls.shrinkers[k], calls.members[k]
    # Of the same calls: one whose end is lost says nothing of what it freed.
    both = mine[calls.scanned.known[mine] & calls.freed.known[mine]]
    scanned, freed = _sum(calls.scanned, both), _sum(calls.freed, both)
    took = np.sort(calls.latency.of(mine))
    batch, seeks = calls.batch.of(mine), calls.seeks[k]
    deferred = [calls.of_start("nr"), calls.of_end("nr"), calls.of_end("new_nr")]
    peaks = [peak for column in deferred if (peak := _most(column, mine)) is not None]
    left = deferred[-1].of(mine[np.argsort(calls.end[mine], kind="stable")])
    stops, stops_told = calls.stops[k], "probes"
    if stops is None:
        stops, stops_told = _sum(calls.stopped, mine), "leftover"
    cgroups, cgroups_told = _cgroups(calls, mine)
    return ShrinkerSummary(
        source=source,
        symbol=printable(who.symbol),
        shrinker=who.pointer or None,
        calls=len(mine),
        useless=_sum(calls.idle, mine),
        objects=_most(calls.items, mine),
        scanned=_sum(calls.scanned, mine) if scanned is None else scanned,
        freed=_sum(calls.freed, mine) if freed is None else freed,
        efficiency=freed / scanned if scanned and freed is not None else None,
        stops=stops,
        stops_told=None if stops is None else stops_told,
        deferred=int(left[-1]) if len(left) else None,
        deferred_peak=max(peaks, default=None),
        latency_ns=int(took.sum()) if len(took) else None,
        latency_median_us=float(np.median(took)) / 1e3 if len(took) else None,
        # The least that 99 % of the calls are not over: one that was measured.
        latency_p99_us=float(took[-(-99 * len(took) // 100) - 1]) / 1e3 if len(took) else None,
        latency_max_us=float(took[-1]) / 1e3 if len(took) else None,
        batch=int(batch[-1]) if len(batch) else None,
        seeks=seeks.value if isinstance(seeks, Seeks) else seeks,
        seeks_told=None if seeks is None else str(seeks),
        nodes=np.unique(calls.nid.of(mine)).tolist(),
        cgroups=cgroups,
        cgroups_told=cgroups_told,
    )


def _cgroups(calls: Columns, mine: Indices) -> tuple[int | None, str | None]:
    known = calls.memcg.of(mine)
    if len(known):
        return len(np.unique(known)), "recorded"
    least = least_counters(calls, mine)
    if least is None:
        return None, None
    # Where each node has its own counter, a cgroup has one a node.
    return -(-least // max(len(np.unique(calls.nid.of(mine))), 1)), "counters"
