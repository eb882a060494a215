# SPDX-License-Identifier: GPL-2.0-only
"""What scan_objects answers when a recorded call is made again: as recorded, or as near as can be told."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ...control import SHRINK_BATCH
from ..recording import STOP
from .calls import Turn

__all__ = ["Answers", "proportional", "recorded"]

MOST_SCANS = 10_000
"""Of one call, after which the rest is answered at once: counts may be anything, and batches small."""

Answer = tuple[int, int]
"""What scan_objects returns, and nr_scanned as it leaves it; both signed."""


class Answers(ABC):
    """The answers of one call of do_shrink_slab()."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.asked = 0  # calls so far
        self.unasked = 0  # that one answer stands for, besides those

    @abstractmethod
    def next(self, nr_to_scan: int) -> Answer:
        """The answer to a scan of so many."""


class _Recorded(Answers):
    """One after the other; STOP to what was not asked."""

    def next(self, nr_to_scan: int) -> Answer:
        scans = self.turn.scans
        k = self.asked
        self.asked += 1
        if k >= len(scans):
            return STOP, nr_to_scan
        ret = scans[k].ret
        return (STOP if ret is None else ret), scans[k].nr_scanned


class _MadeUp(Answers):
    """Of a call whose scans left no line: the sums that its start and its end tell."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        assert turn.start is not None
        assert turn.end is not None
        self.total = turn.start.total_scan
        self.to_scan = turn.scanned
        self.to_free = turn.end.ret
        self.batch = turn.batch or SHRINK_BATCH

    def next(self, nr_to_scan: int) -> Answer:
        if not self.to_scan and not self.to_free:
            return STOP, nr_to_scan
        assert self.turn.start is not None
        self.asked += 1
        more = self.to_scan > nr_to_scan and self.asked < MOST_SCANS
        scanned = nr_to_scan if more else self.to_scan
        left = self.total - scanned
        if left < self.batch and left < self.turn.start.items:
            scanned = self.to_scan  # nobody will ask again
        self.total -= scanned
        self.to_scan -= scanned
        freed, self.to_free = self.to_free, 0
        return freed, scanned


class _Proportional(Answers):
    """As much freed of what is scanned as was in the recorded call; see replay()."""

    def __init__(self, turn: Turn, ratio: tuple[int, int], total: int, batch: int) -> None:
        super().__init__(turn)
        self.left, self.batch = total, batch
        answered = [scan for scan in turn.scans if scan.ret not in (None, STOP)]
        freed, scanned = sum(scan.ret or 0 for scan in answered), sum(scan.nr_scanned for scan in answered)
        if not turn.scans and turn.end is not None:
            freed, scanned = turn.end.ret, turn.scanned
        # A call that scanned nothing goes by what its shrinker did in the others.
        self.part, self.whole = (freed, scanned) if scanned > 0 else ratio
        stopped = any(scan.ret == STOP for scan in turn.scans)
        self.stops_at = scanned if stopped else None
        self.scanned = 0
        self.freed = 0
        self.there_were = max(turn.answer or 0, 1)
        self.there = max(turn.answer or 0, freed)

    def next(self, nr_to_scan: int) -> Answer:
        if nr_to_scan <= 0 or (self.stops_at is not None and self.scanned >= self.stops_at):
            return STOP, nr_to_scan  # of nothing, a count below 0 would have it ask for ever
        self.asked += 1
        if self.asked == MOST_SCANS:
            nr_to_scan = self._rest(nr_to_scan)
        self.left -= nr_to_scan
        self.scanned += nr_to_scan
        # Of the sum, so that small scans do not lose what division cuts off.
        freed = max(0, min(self.scanned * self.part // self.whole, self.there) - self.freed)
        self.freed += freed
        return freed, nr_to_scan

    def _rest(self, nr_to_scan: int) -> int:
        """What this scan and all that would follow it take, as do_shrink_slab() goes on."""
        scans, left = divmod(self.left, self.batch)
        if left >= self.there_were:  # fewer than a batch, and all that there are
            scans, left = scans + 1, 0
        if scans <= 1:
            return nr_to_scan
        self.unasked = scans - 1
        return self.left - left


def recorded(turn: Turn) -> Answers:
    """The answers that were given."""
    return _Recorded(turn) if turn.scans_seen else _MadeUp(turn)


def proportional(turn: Turn, ratio: tuple[int, int], total: int, batch: int) -> Answers:
    """Answers to other questions than the recorded ones: total objects to scan, batch at a time.

    ratio is how many objects its shrinker freed of how many scanned, for a call that scanned none.
    """
    return _Proportional(turn, ratio, total, batch)
