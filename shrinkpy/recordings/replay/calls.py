# SPDX-License-Identifier: GPL-2.0-only
"""The calls of a full recording, put together again: each task's shrink_slab() and all that was done in it.

Lines are put together by task and by what they are inside of. Processors say nothing, since a task may move,
and neither do the names of probes; a pass of reclaim inside a callback is found inside that callback.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...control import Gfp
from ..recording import EMPTY, STOP, Has, Kind, Mark, Recording

if TYPE_CHECKING:
    from .stock import Stock

__all__ = [
    "Calls",
    "FileCall",
    "Pass",
    "Reparent",
    "Scan",
    "Turn",
    "is_full",
    "read_calls",
]

BEFORE = "it began before the recording"
AFTER = "the recording ends in it"
LOST = "events were lost in it"
MISSING = "a line of it is missing"


@dataclass(slots=True)
class Scan:
    """One call of scan_objects. Numbers are signed, as printed."""

    line: int
    asked: int
    ret: int | None = None
    nr_scanned: int = 0
    line_after: int = 0


@dataclass(slots=True)
class Started:
    """A start, as printed (delta unsigned)."""

    line: int
    nr: int
    items: int
    delta: int
    total_scan: int
    priority: int
    symbol: str


@dataclass(slots=True)
class Ended:
    """An end, as printed."""

    line: int
    nr: int
    new_nr: int
    total_scan: int
    ret: int


@dataclass(slots=True)
class Turn:
    """One call of do_shrink_slab()."""

    line: int
    shrinker: int
    nid: int
    memcg: int
    gfp: int
    priority: int
    batch: int
    seeks: int
    flags: int
    id: int
    count: int | None = None
    count_line: int = 0
    count_symbol: str = ""
    start: Started | None = None
    scans: list[Scan] = field(default_factory=list)
    end: Ended | None = None
    ret: int | None = None
    probed: bool = True
    """do its scans leave lines?"""
    inner: list[tuple[int, Pass]] = field(default_factory=list)
    """reclaim inside its callbacks, and inside which of its scans"""

    @property
    def answer(self) -> int | None:
        """What count_objects said: as recorded, or as the other lines tell; None if they do not."""
        if self.count is not None:
            return self.count
        if self.start is not None:
            return self.start.items
        return self.ret if self.ret in (0, EMPTY) else None

    @property
    def scans_seen(self) -> bool:
        """Are its scans recorded? A function without a probe leaves no line, and probes miss calls."""
        start, end = self.start, self.end
        if start is None or end is None:
            return True
        if not self.scans:
            if self.scanned or end.ret:
                return False
            # It may have been asked and have stopped, unless nobody was to ask.
            return self.probed or (start.total_scan < (self.batch or 128) and start.total_scan < start.items)
        answered = [scan for scan in self.scans if scan.ret != STOP]
        if any(scan.ret is None for scan in answered):
            return False
        # Where one is missing, both sums are short; of a wrong number, one.
        freed = sum(scan.ret or 0 for scan in answered) - end.ret
        return freed % 2**32 == 0 or sum(scan.nr_scanned for scan in answered) == self.scanned

    @property
    def scanned(self) -> int:
        """How many objects were scanned, by the start and the end."""
        if self.start is None or self.end is None:
            return 0
        return self.start.total_scan - self.end.total_scan

    @property
    def whole(self) -> bool:
        """Is all there that a replay needs?"""
        if (self.start is None) != (self.end is None):
            return False
        if self.start is None and self.scans:
            return False
        answer = self.answer
        return answer is not None and (answer in (0, EMPTY)) == (self.start is None)


@dataclass(slots=True)
class Pass:
    """One call of shrink_slab().

    reason says why it cannot be replayed whole; "" if it can.
    """

    line: int
    pid: int
    gfp: int
    nid: int
    memcg: int
    ino: int | None
    priority: int
    turns: list[Turn] = field(default_factory=list)
    freed: int | None = None
    last: int = 0
    """the line of its return, or the last that was seen of it"""
    reason: str = ""
    headless: bool = False
    """its first line is missing"""
    depth: int = 0


@dataclass(slots=True)
class Reparent:
    """A cgroup handed its deferred work to its parent."""

    line: int
    memcg: int
    parent: int


@dataclass(slots=True)
class FileCall:
    """One callback that a file of debugfs called: nr is None for a count."""

    line: int
    pid: int
    symbol: str
    nr: int | None
    ret: int
    nr_scanned: int = 0


@dataclass(slots=True)
class Calls:
    """What a full recording holds.

    passes are in the order of their first lines, those inside callbacks too (depth more than 0).
    """

    passes: list[Pass] = field(default_factory=list)
    reparents: list[Reparent] = field(default_factory=list)
    files: list[FileCall] = field(default_factory=list)
    lost: list[tuple[int, int]] = field(default_factory=list)
    """between which lines events are missing"""
    broken: list[tuple[int, int]] = field(default_factory=list)
    """from which line to which there was a call of which lines are missing"""
    skipped: Counter[str] = field(default_factory=Counter)
    taken: dict[int, Stock] = field(default_factory=dict)
    met: dict[int, Stock] = field(default_factory=dict)
    """by id() of a turn, what it took and what it added to, where that is known already"""

    def is_broken(self, a: int, b: int) -> bool:
        """May something have been done between two lines that left none?"""
        return any(first <= b and last >= a for first, last in self.broken)


def is_full(recording: Recording) -> bool:
    """Does it have every call of do_shrink_slab(), or a callback that a file of debugfs called?"""
    kinds = recording.events["kind"]
    return bool(np.any((kinds >= Kind.SHRINK_SLAB) & (kinds <= Kind.CALLBACK_RET)))


def read_calls(recording: Recording) -> Calls:
    """The calls of a full recording."""
    reader = _Reader(recording)
    for event in _rows(recording):
        reader.take(event)
    return reader.finish()


# What is read of an event, in the order in which _Reader.take() unpacks it.
_COLUMNS = (
    *(
        "kind",
        "line",
        "pid",
        "cpu",
        "fields",
        "symbol",
        "caller",
        "shrinker",
        "memcg",
        "memcg_id",
        "parent",
        "nr",
    ),
    *(
        "new_nr",
        "items",
        "delta",
        "total_scan",
        "ret",
        "nr_scanned",
        "batch",
        "gfp",
        "nid",
        "priority",
        "seeks",
    ),
    *("flags", "id", "mark"),
)
_CHUNK = 1 << 16


def _rows(recording: Recording) -> Iterator[tuple[Any, ...]]:
    """The events as tuples of Python's integers, a piece at a time."""
    events = recording.events
    for begin in range(0, len(events), _CHUNK):
        piece = events[begin : begin + _CHUNK]
        yield from zip(*(piece[name].tolist() for name in _COLUMNS), strict=True)


@dataclass(slots=True)
class _Frame:
    """A pass that has begun: its turn, and the callbacks that have."""

    of: Pass
    turn: Turn | None = None
    callbacks: list[int] = field(default_factory=list)  # functions that were entered

    @property
    def in_scans(self) -> bool:
        turn = self.turn
        return turn is not None and turn.start is not None and turn.end is None


# As integers: an enum's operators cost more than the rest of what is done with a line.
_DO_FIELDS = int(Has.SHRINKER | Has.SEEKS | Has.BATCH | Has.FLAGS)
_START, _END, _LOST, _REPARENT = int(Kind.START), int(Kind.END), int(Kind.LOST), int(Kind.REPARENT)
_WAKE, _MEMCG_END = int(Kind.KSWAPD_WAKE), int(Kind.MEMCG_END)
_SHRINK, _SHRINK_RET = int(Kind.SHRINK_SLAB), int(Kind.SHRINK_SLAB_RET)
_DO, _DO_RET = int(Kind.DO_SHRINK_SLAB), int(Kind.DO_SHRINK_SLAB_RET)
_CALLBACK, _CALLBACK_RET = int(Kind.CALLBACK), int(Kind.CALLBACK_RET)
_MEMCG_ID, _NR_SCANNED, _ID, _CUT = int(Has.MEMCG_ID), int(Has.NR_SCANNED), int(Has.ID), int(Mark.CUT)
_CPU = int(Has.CPU)


class _Reader:
    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.names = recording.names
        self.stacks: dict[int, list[_Frame]] = {}
        self.scans: dict[int, tuple[int, int, int]] = {}  # of a file of debugfs, by task: symbol, line, nr
        self.seen: dict[int, int] = {}  # the last line of each processor
        self.began: set[int] = set()  # tasks of which a pass was seen
        self.probed: set[str] = set()  # functions whose entry leaves a line
        self.calls = Calls()
        self.masks: list[int] = recording.gfp_masks.tolist()

    # -- frames

    def _mask(self, name: int) -> int:
        mask = self.masks[name]
        return mask if mask >= 0 else int(Gfp.KERNEL)

    def _close(self, frame: _Frame, reason: str = "") -> None:
        found = frame.of
        if found.reason:
            return
        found.reason = reason
        turns = found.turns[:-1] if reason == AFTER else found.turns
        if reason in ("", AFTER) and not all(turn.whole for turn in turns):
            found.reason = MISSING

    def _promote(self, found: Pass, base: int) -> None:
        """What was inside the callbacks of a pass that cannot be replayed stands for itself."""
        found.depth = base
        for turn in found.turns:
            for _number, inner in turn.inner:
                self._promote(inner, 0 if found.reason else base + 1)
            if found.reason:
                turn.inner = []

    def _open_turn(self, pid: int) -> Turn | None:
        stack = self.stacks.get(pid)
        return stack[-1].turn if stack else None

    # -- events

    def take(self, event: tuple[Any, ...]) -> None:
        (kind, line, pid, cpu, fields, symbol, caller, shrinker, memcg, ino, parent, nr) = event[:12]
        (
            new_nr,
            items,
            delta,
            total,
            ret,
            nr_scanned,
            batch,
            gfp,
            nid,
            priority,
            seeks,
            flags,
            ident,
            mark,
        ) = event[12:]
        if kind == _LOST:
            # The line stands where the processor's events go on: what is missing came after its last one.
            since = self.seen.get(cpu, 0) if fields & _CPU else 0
            self.calls.lost.append((since, line))
            # Whoever was in a call since then may have lost lines of it: a task may have been on that
            # processor.
            for found in reversed(self.calls.passes):
                if since <= found.last:
                    found.reason = found.reason or LOST
            for stack in self.stacks.values():
                for frame in stack:
                    frame.of.reason = frame.of.reason or LOST
                    frame.of.last = line
            return
        self.seen[cpu] = line
        if mark & _CUT:
            # What it would have told is missing in its task's calls.
            for frame in self.stacks.get(pid, ()):
                frame.of.reason = frame.of.reason or MISSING
            return
        if kind == _REPARENT:
            self.calls.reparents.append(Reparent(line, memcg, parent))
            return
        if _WAKE <= kind <= _MEMCG_END:
            return
        stack = self.stacks.setdefault(pid, [])
        if kind == _SHRINK:
            self._shrink_slab(
                stack,
                Pass(
                    line,
                    pid,
                    self._mask(gfp),
                    nid,
                    memcg,
                    ino if fields & _MEMCG_ID else None,
                    priority,
                    last=line,
                ),
            )
            return
        if len(stack) > 1 and stack[-1].turn is None and kind in (_END, _CALLBACK_RET, _CALLBACK):
            self._close(stack.pop())  # inside a callback, and it has returned without a line that says so
        if stack:
            stack[-1].of.last = line
        if kind == _SHRINK_RET:
            if not stack:
                self._orphan(line)
                return
            frame = stack.pop()
            frame.of.freed = ret
            self._close(frame)
        elif kind == _DO:
            if not stack:
                # Of a pass that the recording does not show from its beginning.
                self._shrink_slab(
                    stack, Pass(line, pid, self._mask(gfp), nid, memcg, None, priority, reason=BEFORE)
                )
                stack[-1].of.reason = LOST if self.calls.lost else BEFORE
            frame = stack[-1]
            if fields & _DO_FIELDS != _DO_FIELDS:
                frame.of.reason = frame.of.reason or MISSING
            frame.callbacks.clear()
            frame.turn = Turn(
                line,
                shrinker,
                nid,
                memcg,
                self._mask(gfp),
                priority,
                batch,
                seeks,
                flags,
                ident if fields & _ID else 0,
            )
            frame.of.turns.append(frame.turn)
        elif kind == _DO_RET:
            if not stack or stack[-1].turn is None:
                self._orphan_in(stack, line)
                return
            stack[-1].turn.ret = ret
            stack[-1].turn = None
            stack[-1].callbacks.clear()
        elif kind == _START:
            turn = self._open_turn(pid)
            if turn is not None and turn.start is None:
                turn.start = Started(line, nr, items, delta, total, priority, self.names[symbol])
            else:
                self._orphan_in(stack, line)
        elif kind == _END:
            turn = self._open_turn(pid)
            if turn is not None and turn.start is not None and turn.end is None:
                turn.end = Ended(line, nr, new_nr, total, ret)
                stack[-1].callbacks.clear()
            else:
                self._orphan_in(stack, line)
        elif kind == _CALLBACK:
            self._callback(stack, pid, line, symbol, nr)
        elif kind == _CALLBACK_RET:
            counted = not fields & _NR_SCANNED
            self._callback_ret(stack, pid, line, symbol, caller, ret, None if counted else nr_scanned)

    def _shrink_slab(self, stack: list[_Frame], found: Pass) -> None:
        # Between a start and its end, it is reclaim inside a callback.
        if stack and not stack[-1].in_scans:
            # It has returned, without a line that says so: return probes miss calls.
            self._close(stack.pop())
        if stack:
            turn = stack[-1].turn
            if turn is not None:
                found.depth = len(stack)
                turn.inner.append((max(len(turn.scans) - 1, 0), found))
        self.began.add(found.pid)
        stack.append(_Frame(found))
        self.calls.passes.append(found)

    def _callback(self, stack: list[_Frame], pid: int, line: int, symbol: int, nr: int) -> None:
        self.probed.add(self.names[symbol])
        frame = stack[-1] if stack else None
        if frame is None or frame.turn is None:
            self.scans[pid] = symbol, line, nr
            return
        if not frame.callbacks:
            frame.turn.scans.append(Scan(line, nr))
        frame.callbacks.append(symbol)

    def _callback_ret(
        self,
        stack: list[_Frame],
        pid: int,
        line: int,
        symbol: int,
        caller: int,
        ret: int,
        nr_scanned: int | None,
    ) -> None:
        name = self.names[caller].partition(".")[0]
        if name.startswith("shrinker_debugfs"):
            entered = self.scans.pop(pid, None)
            if nr_scanned is None:
                self.calls.files.append(FileCall(line, pid, self.names[symbol], None, ret))
            elif entered is not None and entered[0] == symbol:
                self.calls.files.append(FileCall(line, pid, self.names[symbol], entered[2], ret, nr_scanned))
            else:
                self._orphan(line)
            return
        frame = stack[-1] if stack else None
        if frame is None or frame.turn is None:
            self._orphan_in(stack, line)
            return
        turn = frame.turn
        if nr_scanned is None:
            # A count inside another callback is that one's business.
            if not frame.callbacks and turn.count is None and turn.start is None:
                turn.count, turn.count_line = ret, line
                turn.count_symbol = self.names[symbol]
            return
        if symbol not in frame.callbacks:
            frame.of.reason = frame.of.reason or MISSING
            return
        while frame.callbacks.pop() != symbol:
            pass  # that one's return left no line
        if not frame.callbacks:
            scan = turn.scans[-1]
            scan.ret, scan.nr_scanned, scan.line_after = ret, nr_scanned, line

    def _orphan(self, line: int) -> None:
        self.calls.skipped["a line without the call that it is of"] += 1
        self.calls.broken.append((self._last_lost(line), line))

    def _last_lost(self, line: int) -> int:
        """From where on lines before this one may be missing."""
        return max((since for since, at in self.calls.lost if at <= line), default=0)

    def _orphan_in(self, stack: list[_Frame], line: int) -> None:
        if stack:
            stack[-1].of.reason = stack[-1].of.reason or MISSING
        else:
            self._orphan(line)

    def finish(self) -> Calls:
        for stack in self.stacks.values():
            for frame in stack:
                self._close(frame, AFTER)
        for found in self.calls.passes:
            for turn in found.turns:
                turn.probed = turn.start is None or turn.start.symbol in self.probed
            if not found.depth:
                self._promote(found, 0)
            if found.reason == AFTER:
                # What it did last may have left its mark, and no line.
                self.calls.broken.append((found.last, 2**63))
            elif found.reason:
                begin = self._last_lost(found.line) if found.headless else found.line
                self.calls.broken.append((begin, found.last))
        self.calls.broken += self.calls.lost
        return self.calls
