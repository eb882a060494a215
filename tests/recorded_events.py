# SPDX-License-Identifier: GPL-2.0-only
"""Events made by hand: the arrays that the reader would give, and tasks whose deeds interleave at random."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shrinkpy.recordings import EVENT_DTYPE, Form, Has, Kind, Recording

DATA = Path(__file__).parent / "data" / "recordings"
FILES = sorted(DATA.glob("*.gz")) + sorted(DATA.glob("other-tools/*.gz"))


class Lines:
    """Lines of one recording, in order; each has the fields that it was given."""

    def __init__(self, form: Form = Form.CD) -> None:
        self.rows: list[dict[str, Any]] = []
        self.names = [""]
        self.form = form

    def name(self, text: str) -> int:
        if text not in self.names:
            self.names.append(text)
        return self.names.index(text)

    def add(self, kind: Kind, **fields: Any) -> int:
        row: dict[str, Any] = {"kind": kind, "line": len(self.rows) + 1, "fields": 0}
        row["form"] = self.form if kind in (Kind.START, Kind.END) else Form.NONE
        row["mark"] = fields.pop("mark", 0)
        for name, value in fields.items():
            if value is not None:
                row[name] = self.name(value) if name in ("symbol", "caller", "gfp") else value
                row["fields"] |= Has[name.upper()]
        self.rows.append(row)
        return len(self.rows) - 1

    def start(
        self, pid: int | None = 1, shrinker: int | None = 0xA0, nid: int | None = 0, **fields: Any
    ) -> int:
        fields = {
            "symbol": "ext4_es_scan",
            "nr": 0,
            "items": 8,
            "delta": 0,
            "total_scan": 0,
            "priority": 12,
        } | fields
        return self.add(Kind.START, pid=pid, shrinker=shrinker, nid=nid, **fields)

    def end(
        self, pid: int | None = 1, shrinker: int | None = 0xA0, nid: int | None = 0, **fields: Any
    ) -> int:
        fields = {"symbol": "ext4_es_scan", "nr": 0, "new_nr": 0, "total_scan": 0, "ret": 0} | fields
        return self.add(Kind.END, pid=pid, shrinker=shrinker, nid=nid, **fields)

    def call(self, nr: int, adds: int, **fields: Any) -> None:
        """A call that has its counter for itself: takes nr, scans nothing, adds nr and 4 or 0."""
        assert adds in (nr, nr + 4)
        delta = adds - nr
        # items 8 at priority 2 make a delta of 4, at 12 of 0.
        priority = 2 if delta else 12
        total = (nr >> priority) + delta
        if total >= 8:  # it would be scanned
            raise ValueError(nr)
        self.start(nr=nr, delta=delta, total_scan=total, priority=priority, **fields)
        self.end(nr=nr, new_nr=min(adds, 16), total_scan=total, **fields)

    def recording(self) -> Recording:
        events = np.zeros(len(self.rows), EVENT_DTYPE)
        for k, row in enumerate(self.rows):
            for name, value in row.items():
                events[name][k] = value
        return Recording(events, self.names, "by hand")


Counters = dict[Any, int]


class Tasks:
    """Tasks that call shrinkers at the same time, and are preempted between any two deeds and lines.

    What they do to a counter is atomic; the line that tells of it is printed later, when others may have
    changed it.
    """

    def __init__(self, seed: int, *, nodes: int = 1, cgroups: int = 1, symbol: str = "ext4_es_scan") -> None:
        self.rng = random.Random(seed)
        self.lines = Lines()
        self.counters: Counters = {}
        self.nodes, self.cgroups, self.symbol = nodes, cgroups, symbol
        self.concurrent = 0

    def run(self, tasks: int, calls: int) -> Recording:
        left = [self.task(pid, calls) for pid in range(1, tasks + 1)]
        while left:
            task = self.rng.choice(left)
            # A task runs on for a while before it is another's turn.
            for _ in range(self.rng.choice((1, 1, 3, 10))):
                if next(task, None) is None:
                    left.remove(task)
                    break
        return self.lines.recording()

    def task(self, pid: int, calls: int) -> Iterator[bool]:
        for _ in range(calls):
            yield from self.call(pid)

    def call(self, pid: int) -> Iterator[bool]:
        rng = self.rng
        shrinker, seeks, batch = rng.choice(((0xA0, 2, 128), (0xB0, 0, 1024), (0xC0, 3, 128)))
        nid, cgroup = rng.randrange(self.nodes), rng.randrange(self.cgroups)
        items, priority = rng.choice((3, 40, 700, 20000)), rng.choice((0, 2, 5, 12))
        key = shrinker, nid, cgroup
        nr = self.counters.get(key, 0)
        self.counters[key] = 0
        yield True
        delta = (items >> priority) * 4 // seeks if seeks else items // 2
        total = left = min((nr >> priority) + delta, 2 * items)
        where = {"pid": pid, "shrinker": shrinker, "nid": nid, "symbol": self.symbol}
        self.lines.start(**where, nr=nr, items=items, delta=delta, total_scan=total, priority=priority)
        yield True
        freed = 0
        while left >= batch or left >= items:
            if rng.random() < 0.3:
                break  # SHRINK_STOP
            scanned = min(batch, left)
            left -= scanned
            freed += rng.randrange(scanned + 1)
            yield True
        adds = min(max(nr + delta - (total - left), 0), 2 * items)
        self.concurrent += self.counters[key] != 0
        self.counters[key] = new_nr = self.counters[key] + adds
        yield True
        self.lines.end(**where, nr=nr, new_nr=new_nr, total_scan=left, ret=freed)
        yield True


def changed(recording: Recording, index: int, **values: int) -> Recording:
    """The same with other numbers in one event."""
    events = recording.events.copy()
    for name, value in values.items():
        events[name][index] = value
    return Recording(events, recording.names, recording.source, recording.counts)


def of_kind(recording: Recording, kind: Kind) -> Sequence[int]:
    return [int(k) for k in np.flatnonzero(recording.events["kind"] == kind)]
