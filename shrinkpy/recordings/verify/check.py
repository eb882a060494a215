# SPDX-License-Identifier: GPL-2.0-only
"""Does a recording agree with the kernel's arithmetic? Each number of an event is derived, or reported.

What does not follow from the lines alone has a reason, and is counted under it. What has none is a Finding.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...control import SHRINK_BATCH
from ..arithmetic import (
    SEEKS_MAX,
    Rest,
    Seeks,
    Total,
    delta_of_priority,
    fit_seeks,
    next_deferred,
    seeks_bounds,
    seeks_bounds_of_pages,
    total_scan,
)
from ..pairs import UNKNOWN, Lone, LostWindows, Pairs, pair
from ..recording import Form, Has, Kind, Mark, Recording
from .counters import histories
from .probes import Turns, disagreements, read_turns

__all__ = [
    "NOT_RECORDED",
    "FileVerification",
    "Finding",
    "ShrinkerSeeks",
    "Verification",
    "verify",
]

Truths = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.int64]

NOT_RECORDED = "calls that are not in the recording"
"""The recording is an excerpt: of some tasks, of some events, or of some lines."""

# The other reasons stand where they are found: in pairs.py and counters.py.


_NO_CALL_TAKES = 3600 * 10**9  # ns: the longest that anybody posted took 144 s


@dataclass(frozen=True, slots=True)
class Finding:
    """An event that does not fit, and nothing explains why.

    :ivar file: the recording's source.
    :ivar line: its line, from 1.
    :ivar what: which of its numbers, in the event's words; several with commas.
    :ivar text: what it says and what was to be expected.
    """

    file: str
    line: int
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}: {self.text}"


@dataclass(frozen=True, slots=True)
class ShrinkerSeeks:
    """What the numbers tell of a shrinker's seeks.

    :ivar symbol: its scan function.
    :ivar shrinker: its pointer, as printed.
    :ivar seeks: in order; more than one if the pointer came to serve another.
    """

    symbol: str
    shrinker: int
    seeks: tuple[Seeks, ...]


@dataclass(frozen=True, slots=True)
class FileVerification:
    """One recording.

    :ivar source: its name.
    :ivar eras: letters of SPEC's table, as the numbers tell.
    :ivar explained: events that do not follow from the lines alone, by reason.
    """

    source: str
    starts: int
    ends: int
    pairs: int
    eras: str
    explained: dict[str, int]
    unexplained: tuple[Finding, ...]
    unread_lines: int
    seeks: tuple[ShrinkerSeeks, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """Recordings, each with a history of its own.

    :ivar files: in the order in which they were given.
    """

    files: tuple[FileVerification, ...]

    @property
    def starts(self) -> int:
        """How many start events."""
        return sum(f.starts for f in self.files)

    @property
    def ends(self) -> int:
        """How many end events."""
        return sum(f.ends for f in self.files)

    @property
    def pairs(self) -> int:
        """How many of them belong together."""
        return sum(f.pairs for f in self.files)

    @property
    def explained(self) -> dict[str, int]:
        """How many events each reason explains."""
        total: Counter[str] = Counter()
        for f in self.files:
            total.update(f.explained)
        return dict(total)

    @property
    def unexplained(self) -> tuple[Finding, ...]:
        """The events that do not fit, in the order of files and lines."""
        return tuple(finding for f in self.files for finding in f.unexplained)

    @property
    def unread_lines(self) -> int:
        """How many lines could not be read."""
        return sum(f.unread_lines for f in self.files)

    def as_json(self) -> dict[str, Any]:
        """For json.dumps(): numbers over all files; ``details`` are findings, ``recordings`` files."""
        return {
            "files": len(self.files),
            "starts": self.starts,
            "ends": self.ends,
            "pairs": self.pairs,
            "explained": self.explained,
            "unexplained": len(self.unexplained),
            "unread_lines": self.unread_lines,
            "details": [
                {"file": f.file, "line": f.line, "what": f.what, "text": f.text} for f in self.unexplained
            ],
            "recordings": [
                {
                    "file": f.source,
                    "starts": f.starts,
                    "ends": f.ends,
                    "pairs": f.pairs,
                    "eras": f.eras,
                    "explained": f.explained,
                    "unexplained": len(f.unexplained),
                    "unread_lines": f.unread_lines,
                    "seeks": [
                        {
                            "symbol": s.symbol,
                            "shrinker": f"{s.shrinker:x}",
                            "seeks": [str(one) for one in s.seeks],
                        }
                        for s in f.seeks
                    ],
                }
                for f in self.files
            ],
        }

    def lines(self) -> list[str]:
        """The findings, one a line: ``file:line: what: text``."""
        return [str(finding) for finding in self.unexplained]


def verify(recordings: Recording | Iterable[Recording]) -> Verification:
    """Verify recordings.

    Of every start: delta and total_scan from items, priority, nr and the seeks that the shrinker's other
    starts tell. Of every end: that it has a start, the same nr, and as new scan count what the start and
    total_scan make, or what an order of all that was done to the counter makes. Of a full recording also:
    every number that its probes tell.

    :param recordings: whole ones, each a file's: what came before matters.
    """
    if isinstance(recordings, Recording):
        recordings = (recordings,)
    return Verification(tuple(_File(recording).verify() for recording in recordings))


class _File:
    """One recording on its way through."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.events = recording.events
        self.pairs: Pairs = pair(self.events)
        self.lost = LostWindows(self.events)
        self.turns: Turns = read_turns(recording)
        self.found: dict[int, list[tuple[str, str]]] = defaultdict(list)
        self.explained: Counter[str] = Counter()
        self.seeks: list[ShrinkerSeeks] = []
        self.starts = np.flatnonzero(self.events["kind"] == Kind.START)
        self.ends = np.flatnonzero(self.events["kind"] == Kind.END)
        self.excerpt = self._is_excerpt()
        self.totals: dict[bool, Total] = {}
        self.rests: dict[bool, Rest] = {}

    def verify(self) -> FileVerification:
        self._lone(self.pairs.lone_starts, "no end")
        self._lone(self.pairs.lone_ends, "no start")
        self._choose_arithmetic()
        self._check_totals()
        self._check_deltas()
        for found in disagreements(self.events, self.turns):
            self.report(*found)
        self._check_ends()
        self._check_batches()
        self._check_times()
        self._check_histories()
        findings = tuple(
            Finding(
                self.recording.source,
                int(self.events["line"][index]),
                ", ".join(dict.fromkeys(what for what, _ in reports)),
                "; ".join(text for _, text in reports),
            )
            for index, reports in sorted(self.found.items())
        )
        return FileVerification(
            self.recording.source,
            len(self.starts),
            len(self.ends),
            len(self.pairs),
            self._eras(),
            {reason: count for reason, count in sorted(self.explained.items()) if count},
            findings,
            self.recording.counts.unread,
            tuple(self.seeks),
        )

    def report(self, index: int, what: str, text: str) -> None:
        self.found[index].append((what, text))

    def column(self, rows: Longs, name: str) -> npt.NDArray[Any]:
        return np.asarray(self.events[name][rows])

    def have(self, rows: Longs, has: Has) -> Truths:
        return np.asarray((self.events["fields"][rows] & has) == has)

    # -- pairs

    def _is_excerpt(self) -> bool:
        """Whether the recording plainly lacks lines: one kind of event only, or ends that must have been."""
        if not len(self.starts) or not len(self.ends):
            return True
        timed = (self.events["fields"] & Has.TIME != 0) & (self.events["mark"] & Mark.RAW_TIME == 0)
        unfinished = [lone.index for lone in self.pairs.lone_starts if timed[lone.index]]
        if unfinished:
            times = self.events["time"]
            if times[timed].max() - times[unfinished].min() > _NO_CALL_TAKES:
                return True
        alone = sum(lone.reason == UNKNOWN for lone in (*self.pairs.lone_starts, *self.pairs.lone_ends))
        return alone >= 4 and alone * 20 >= len(self.starts) + len(self.ends)

    def _lone(self, lone: Sequence[Lone], what: str) -> None:
        for one in lone:
            if one.reason != UNKNOWN:
                self.explained[one.reason] += 1
            elif self.excerpt:
                self.explained[NOT_RECORDED] += 1
            else:
                self.report(
                    one.index, what, "its task goes on, and no line between says that events were lost"
                )

    # -- which arithmetic

    def _choose_arithmetic(self) -> None:
        """By votes, for starts whose delta comes from pages, and for those with a priority."""
        starts, ends = self.pairs.start, self.pairs.end
        for pages in (False, True):
            rows = self.starts[self._of_pages(self.starts) == pages]
            if not pages:  # Without a priority nothing can be said of their totals.
                rows = rows[self.have(rows, Has.PRIORITY)]
            votes = {total: int(self._totals_fit(rows, total).sum()) for total in Total}
            both = self._of_pages(starts) == pages
            works = {
                rest: int((self._excess(starts[both], ends[both], rest) == 0).sum())
                for rest in ((Rest.WORK, Rest.LEFT) if pages else (Rest.CAPPED, Rest.WORK, Rest.LEFT))
            }
            self.rests[pages] = max(works, key=lambda rest: works[rest])
            shifted, clamped = votes[Total.SHIFTED], votes[Total.CLAMPED]
            if pages or clamped > shifted or (clamped == shifted and self.rests[pages] is not Rest.CAPPED):
                self.totals[pages] = Total.CLAMPED
            else:
                self.totals[pages] = Total.SHIFTED

    def _of_pages(self, rows: Longs) -> Truths:
        form = self.column(rows, "form")
        return np.asarray((form == Form.A) | (form == Form.B))

    def _totals_fit(self, rows: Longs, total: Total) -> Truths:
        needed = Has.NR | Has.ITEMS | Has.DELTA | Has.TOTAL_SCAN
        if total is Total.SHIFTED:
            needed |= Has.PRIORITY
        equal = self._expected_total(rows, total) == self.column(rows, "total_scan")
        return np.asarray(self.have(rows, needed) & equal)

    def _expected_total(self, rows: Longs, total: Total) -> Longs:
        names = ("nr", "delta", "items", "priority")
        return total_scan(total, *(self.column(rows, name) for name in names))

    def _excess(self, starts: Longs, ends: Longs, rest: Rest) -> Longs:
        """new_nr less what the call itself added: what the counter held just before."""
        nr, delta, items, total = (
            self.column(starts, name) for name in ("nr", "delta", "items", "total_scan")
        )
        added = next_deferred(rest, nr, delta, items, total, self.column(ends, "total_scan"))
        return np.asarray(self.column(ends, "new_nr") - added)

    def _eras(self) -> str:
        eras = set()
        for index in self.starts.tolist():
            form = int(self.events["form"][index])
            if form in (Form.A, Form.B):
                eras.add("A" if form == Form.A else "B")
            elif form == Form.E:
                eras.add("E")
            else:
                eras.add("D" if self.totals[False] is Total.SHIFTED else "C")
        return "".join(sorted(eras))

    # -- starts

    def _check_totals(self) -> None:
        for pages in (False, True):
            rows = self.starts[self._of_pages(self.starts) == pages]
            total = self.totals[pages]
            needed = Has.NR | Has.ITEMS | Has.DELTA | Has.TOTAL_SCAN
            rows = rows[self.have(rows, needed if pages else needed | Has.PRIORITY)]
            expected = self._expected_total(rows, total)
            given = self.column(rows, "total_scan")
            for k in np.flatnonzero(expected != given).tolist():
                self.report(
                    int(rows[k]),
                    "total_scan",
                    f"{given[k]}, but nr, delta and cache items make {expected[k]}",
                )
        nothing = self.starts[self.have(self.starts, Has.ITEMS) & (self.column(self.starts, "items") == 0)]
        for index in nothing.tolist():
            self.report(index, "cache items", "0, but what has nothing is not started on")

    def _check_deltas(self) -> None:
        rows = self.starts
        if not len(rows):
            return
        pages = self._of_pages(rows)
        needed = np.where(pages, Has.PGS_SCANNED | Has.LRU_PGS, Has.PRIORITY) | Has.ITEMS | Has.DELTA
        told = (self.column(rows, "fields") & needed) == needed
        rows, pages = rows[told], pages[told]
        items, delta = self.column(rows, "items"), self.column(rows, "delta")
        least, largest, zero = seeks_bounds(items, delta, self.column(rows, "priority"))
        if pages.any():
            old = rows[pages]
            least[pages], largest[pages], zero[pages] = seeks_bounds_of_pages(
                items[pages], delta[pages], self.column(old, "pgs_scanned"), self.column(old, "lru_pgs")
            )
        self._allow_floor(items, delta, self.column(rows, "priority"), pages, least, largest, zero)
        for (symbol, shrinker), members in self._by_shrinker(rows).items():
            fit = fit_seeks(least[members], largest[members], zero[members])
            if shrinker is not None:
                self.seeks.append(ShrinkerSeeks(self.recording.names[symbol], shrinker, fit.seeks))
            elif not fit.fits.all():
                # Several shrinkers may be behind one name: each start stands for itself.
                fit = type(fit)(fit.seeks, (least <= largest)[members] | zero[members])
            for k in np.flatnonzero(~fit.fits).tolist():
                at = members[k]
                if int(rows[at]) in self.turns.by_start:
                    continue  # The struct's own seeks decide.
                known = ", ".join(str(seeks) for seeks in fit.seeks) or "none"
                self.report(
                    int(rows[at]),
                    "delta",
                    f"{delta[at]} of {items[at]} cache items, but by its other starts seeks are {known}",
                )

    def _allow_floor(
        self,
        items: Longs,
        delta: npt.NDArray[np.uint64],
        priority: Longs,
        pages: Truths,
        least: npt.NDArray[np.uint64],
        largest: npt.NDArray[np.uint64],
        zero: Truths,
    ) -> None:
        """4.19 had a least delta, min(items, batch). Where many show it, they tell nothing of seeks."""
        if self.totals[False] is not Total.CLAMPED:
            return
        small = ~pages & (delta_of_priority(items, priority, 2) < delta)
        floored = small & (
            (delta == items.astype(np.uint64)) | np.isin(delta, np.array([128, 1024], np.uint64))
        )
        if floored.sum() >= 3 and floored.sum() * 10 >= (~pages).sum():
            least[floored], largest[floored], zero[floored] = 1, SEEKS_MAX, True

    def _by_shrinker(self, rows: Longs) -> dict[tuple[int, int | None], Longs]:
        """Places in rows of each shrinker's starts: by symbol, and pointer where it is printed."""
        if not len(rows):
            return {}
        has = self.have(rows, Has.SHRINKER)
        pointer = np.where(has, self.column(rows, "shrinker"), 0)
        symbol = self.column(rows, "symbol")
        order = np.lexsort((np.arange(len(rows)), pointer, has, symbol))
        keys = np.stack([symbol[order].astype(np.uint64), has[order].astype(np.uint64), pointer[order]])
        edges = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
        return {
            (int(symbol[group[0]]), int(pointer[group[0]]) if has[group[0]] else None): group
            for group in np.split(order, edges)
        }

    # -- ends

    def _check_ends(self) -> None:
        starts, ends = self.pairs.start, self.pairs.end
        nr, unused = self.column(starts, "nr"), self.column(ends, "nr")
        told = self.have(starts, Has.NR) & self.have(ends, Has.NR)
        for k in np.flatnonzero(told & (nr != unused)).tolist():
            self.report(int(ends[k]), "unused scan count", f"{unused[k]}, but its start has {nr[k]}")
        old = self.column(ends, "form") == Form.A
        left, new = self.column(ends, "total_scan"), self.column(ends, "new_nr")
        told = self.have(ends, Has.NR | Has.NEW_NR | Has.TOTAL_SCAN)
        for k in np.flatnonzero(old & told & (left != new - unused)).tolist():
            self.report(int(ends[k]), "total_scan", f"{left[k]}, but new less unused is {new[k] - unused[k]}")
        told = ~old & self.have(starts, Has.TOTAL_SCAN) & self.have(ends, Has.TOTAL_SCAN)
        total = self.column(starts, "total_scan")
        for k in np.flatnonzero(told & (left > total)).tolist():
            self.report(int(ends[k]), "total_scan", f"{left[k]}, more than the {total[k]} of its start")
        freed = self.column(ends, "ret")
        idle = told & self.have(ends, Has.RET) & (left == total)
        for k in np.flatnonzero(idle & (freed != 0)).tolist():
            self.report(int(ends[k]), "last shrinker return val", f"{freed[k]}, but nothing was scanned")

    def _check_batches(self) -> None:
        """A scan that the shrinker's other calls say was too small to be begun."""
        starts, ends = self.pairs.start, self.pairs.end
        told = self.have(starts, Has.ITEMS | Has.TOTAL_SCAN) & self.have(ends, Has.TOTAL_SCAN | Has.RET)
        told &= self.column(ends, "form") != Form.A
        starts, ends = starts[told], ends[told]
        total, items = self.column(starts, "total_scan"), self.column(starts, "items")
        left = self.column(ends, "total_scan")
        few = (total < items) & (total < SHRINK_BATCH)
        for members in self._by_shrinker(starts).values():
            mine = members[few[members]]
            scanned = mine[left[mine] != total[mine]]
            # One alone, and others at least as large that were not begun.
            if len(scanned) != 1 or (total[mine] >= total[scanned[0]]).sum() < 4:
                continue
            k = int(scanned[0])
            self.report(
                int(ends[k]),
                "total_scan",
                f"{left[k]}, but a scan of {total[k]} is not begun: its other calls show it",
            )

    def _check_times(self) -> None:
        """A line whose time is not between its processor's lines beside it, while these are in order."""
        events = self.events
        timed = (events["fields"] & (Has.TIME | Has.CPU)) == Has.TIME | Has.CPU
        rows = np.flatnonzero(timed & (events["kind"] != Kind.LOST))
        rows = rows[np.argsort(events["cpu"][rows], kind="stable")]
        if len(rows) < 3:
            return
        time, cpu, raw = (events[name][rows] for name in ("time", "cpu", "mark"))
        raw = raw & Mark.RAW_TIME
        same = (cpu[2:] == cpu[:-2]) & (raw[2:] == raw[:-2]) & (raw[2:] == raw[1:-1])
        middle = time[1:-1]
        odd = same & (time[:-2] <= time[2:]) & ((middle < time[:-2]) | (middle > time[2:]))
        places = np.flatnonzero(odd) + 1
        # Of two neighbours that both look odd, the one that strays is further off.
        for k in places.tolist():
            if events["kind"][rows[k]] <= Kind.END:
                self.report(int(rows[k]), "time", "out of the order of its processor's lines")

    # -- counters

    def _check_histories(self) -> None:
        starts, ends = self.pairs.start, self.pairs.end
        pages = self._of_pages(starts)
        held = np.zeros(len(starts), np.int64)
        for old in (False, True):
            mine = pages == old
            held[mine] = self._excess(starts[mine], ends[mine], self.rests[old])
        told = self.have(starts, Has.NR | Has.ITEMS | Has.DELTA | Has.TOTAL_SCAN)
        # The end of era A does not tell what was left.
        told &= self.have(ends, Has.NEW_NR | Has.TOTAL_SCAN) & (self.column(ends, "form") != Form.A)
        found = histories(self.recording, self.pairs, self.turns, self.lost, held, told, self.found.keys())
        self.explained.update(found.explained)
        odd = len(found.left)
        excerpt = self.excerpt or (odd >= 5 and odd * 100 >= len(starts)) or (odd >= 3 and self._one_task())
        for left in found.left:
            if excerpt and (left.goes_on > 0 or (left.goes_on < 0 and self.excerpt)):
                self.explained[NOT_RECORDED] += 1
            else:
                self.report(left.jump.deed.last, *left.text())

    def _one_task(self) -> bool:
        rows = np.concatenate([self.starts, self.ends])
        return len(np.unique(self.events["pid"][rows])) == 1
