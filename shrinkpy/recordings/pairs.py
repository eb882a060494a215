# SPDX-License-Identifier: GPL-2.0-only
"""Which end belongs to which start: the calls of do_shrink_slab() that a recording shows.

A call is told by its task, its shrinker and its node; the processor says nothing, as a task may move in the
middle.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .recording import Events, Has, Kind, Mark

__all__ = ["AFTER", "BEFORE", "LOST", "UNKNOWN", "Lone", "LostWindows", "Pairs", "before_in_task", "pair"]

Indices = npt.NDArray[np.int64]

AFTER = "the trace ended before it"
BEFORE = "a start before the trace"
LOST = "lost events"
UNKNOWN = "no event that fits"


class LostWindows:
    """Where events of a processor are missing: from its last line before the remark up to that remark.

    :param events: the whole recording. Shape (events,).
    :ivar windows: both, by index; -1 where the processor has no line before it.
    """

    def __init__(self, events: Events) -> None:
        lost = events["kind"] == Kind.LOST
        has_cpu = events["fields"] & Has.CPU != 0
        remarks = np.flatnonzero(lost)
        begins = np.full(len(remarks), -1, np.int64)
        for cpu in np.unique(events["cpu"][remarks]).tolist() if len(remarks) else ():
            of_cpu = has_cpu & (events["cpu"] == cpu)
            lines = np.flatnonzero(of_cpu & ~lost)
            here = np.flatnonzero(of_cpu[remarks])
            before = np.searchsorted(lines, remarks[here]) - 1
            begins[here] = np.where(before >= 0, lines[before], -1) if len(lines) else -1
        self._begins: list[int] = np.sort(begins).tolist()
        self._ends: list[int] = remarks.tolist()
        self.windows: list[tuple[int, int]] = list(zip(begins.tolist(), self._ends, strict=True))

    def __bool__(self) -> bool:
        return bool(self._ends)

    def between(self, after: int, before: int) -> bool:
        """Whether events may be missing between these two, by index."""
        # All windows but those that are over by then and those that come later.
        return bisect_right(self._ends, after) < bisect_left(self._begins, before)


def before_in_task(events: Events) -> Indices:
    """Of each event, the last one of its task before it, by index; -1 where there is none, or no task.

    Whatever the task did for the later one, it did after the earlier. Shape (events,).
    """
    known = np.flatnonzero((events["fields"] & Has.PID != 0) & (events["kind"] != Kind.LOST))
    known = known[np.argsort(events["pid"][known], kind="stable")]
    pid = events["pid"][known]
    answer = np.full(len(events), -1, np.int64)
    same = pid[1:] == pid[:-1]
    answer[known[1:][same]] = known[:-1][same]
    return answer


@dataclass(frozen=True, slots=True)
class Lone:
    """A start or an end without the other.

    :ivar index: where it stands in the events.
    :ivar reason: ``AFTER`` (a start: the recording ends in its call), ``BEFORE`` (an end: its call was under
        way when the recording began), ``LOST`` (events were lost where the other may have been), or
        ``UNKNOWN``.
    """

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """The calls of a recording.

    :ivar start: indices of starts, one a call, rising. Shape (pairs,).
    :ivar end: of the ends that belong to them. Shape (pairs,).
    :ivar lone_starts: starts without an end, in order.
    :ivar lone_ends: ends without a start, in order.
    """

    start: Indices
    end: Indices
    lone_starts: tuple[Lone, ...] = ()
    lone_ends: tuple[Lone, ...] = ()

    def __len__(self) -> int:
        return len(self.start)

    def partner(self, events: int) -> Indices:
        """The other half of each event, by index; -1 where there is none.

        :param events: how many events the recording has. The answer's shape is (events,).
        """
        answer = np.full(events, -1, np.int64)
        answer[self.start] = self.end
        answer[self.end] = self.start
        return answer


@dataclass(slots=True)
class _Open:
    """A start whose end has not come yet."""

    index: int
    key: tuple[int | None, int | None, int | None, int | None]
    nr: int | None


class _Tasks:
    """The starts that are open, a stack for each task."""

    def __init__(self, lost: LostWindows) -> None:
        self.stacks: dict[tuple[int | None, int], list[_Open]] = {}
        self.lost = lost
        self.start: list[int] = []
        self.end: list[int] = []
        self.starts_alone: list[int] = []
        self.ends_alone: list[int] = []

    def begin(self, task: tuple[int | None, int], call: _Open) -> None:
        stack = self.stacks.setdefault(task, [])
        # A task is in one call at a time but for reclaim inside a callback. Where events were lost, the
        # end of the call before this one is among them far more likely.
        while stack and self.lost.between(stack[-1].index, call.index):
            self.starts_alone.append(stack.pop().index)
        stack.append(call)

    def finish(self, task: tuple[int | None, int], call: _Open) -> None:
        stack = self.stacks.get(task)
        if not stack or not self._close(stack, call):
            self.ends_alone.append(call.index)

    def finish_somewhere(self, call: _Open) -> None:
        """An end that does not name its task, or whose starts did not: any that it does not contradict."""
        stacks = [s for s in self.stacks.values() if any(_agree(o.key, call.key) for o in s)]
        if not stacks or not self._close(max(stacks, key=lambda s: s[-1].index), call):
            self.ends_alone.append(call.index)

    def _close(self, stack: list[_Open], call: _Open) -> bool:
        for depth in range(len(stack) - 1, -1, -1):
            opened = stack[depth]
            if opened.key != call.key and not _agree(opened.key, call.key):
                continue
            contradicted = opened.nr is not None and call.nr is not None and opened.nr != call.nr
            if contradicted and (len(stack) > 1 or self.lost.between(opened.index, call.index)):
                continue  # Two calls: the end of one and the start of the other are missing.
            # What was begun inside it and has not ended never will.
            self.starts_alone.extend(o.index for o in stack[depth + 1 :])
            del stack[depth:]
            self.start.append(opened.index)
            self.end.append(call.index)
            return True
        return False


def _agree(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> bool:
    """Whether two lines may be of one call: what both have is equal."""
    return all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def _pair_one_by_one(events: Events) -> Pairs:
    kinds = events["kind"]
    chosen = np.flatnonzero(kinds <= Kind.END)
    lost = LostWindows(events)
    few = events[chosen]
    fields = few["fields"]

    def column(name: str, has: Has) -> Iterable[int | None]:
        there = fields & has != 0
        values: list[int | None] = few[name].tolist()
        if not there.all():
            for k in np.flatnonzero(~there).tolist():
                values[k] = None
        return values

    key_complete = Has.PID | Has.SHRINKER | Has.NID
    complete = (fields & key_complete) == key_complete
    all_complete = bool(complete.all())
    tasks = _Tasks(lost)
    columns = zip(
        chosen.tolist(),
        few["kind"].tolist(),
        column("pid", Has.PID),
        column("shrinker", Has.SHRINKER),
        column("symbol", Has.SYMBOL),
        column("nid", Has.NID),
        column("nr", Has.NR),
        (few["mark"] & Mark.IN_IRQ).tolist(),
        complete.tolist(),
        strict=True,
    )
    for index, kind, pid, shrinker, symbol, nid, nr, in_irq, known in columns:
        # What an interrupt does is not the task's that it came upon.
        call = _Open(index, (pid, shrinker, None if known else symbol, nid), nr)
        if kind == Kind.START:
            tasks.begin((pid, in_irq), call)
        elif all_complete or (pid is not None and (pid, in_irq) in tasks.stacks):
            tasks.finish((pid, in_irq), call)
        else:
            tasks.finish_somewhere(call)
    tasks.starts_alone.extend(o.index for stack in tasks.stacks.values() for o in stack)
    order = np.argsort(np.array(tasks.start, np.int64), kind="stable")
    return Pairs(
        np.array(tasks.start, np.int64)[order],
        np.array(tasks.end, np.int64)[order],
        tuple(_starts_alone(events, sorted(tasks.starts_alone), lost)),
        tuple(_ends_alone(events, sorted(tasks.ends_alone), lost)),
    )


def pair(events: Events) -> Pairs:
    """The pairs of a recording.

    Key of a call are its pid, pointer and nid; the innermost open one is closed first. A line that lacks one
    of them (other kernels, shortened quotes) goes with the last that it does not contradict; without a
    pointer, the symbol tells.

    :param events: the whole recording, in the order of its lines. Shape (events,).
    :returns: every start and every end, in a pair or alone.
    """
    kind, fields = events["kind"], events["fields"]
    lines = np.flatnonzero(kind <= Kind.END)
    key = Has.PID | Has.SHRINKER | Has.NID
    # All at once, of tasks of which each start is followed by its end. Lost events, and lines that leave
    # open whose they are, are judged one by one, by all of the others.
    if (kind == Kind.LOST).any() or ((fields[lines] & key) != key).any():
        return _pair_one_by_one(events)
    in_irq = (events["mark"][lines] & Mark.IN_IRQ).astype(np.int64)
    task = events["pid"][lines].astype(np.int64) * 8 + in_irq
    order = np.argsort(task, kind="stable")
    task, lines = task[order], lines[order]
    is_start = kind[lines] == Kind.START
    fits = is_start[:-1] & ~is_start[1:] & (task[:-1] == task[1:])
    for name in ("shrinker", "nid"):
        each = events[name][lines]
        fits &= each[:-1] == each[1:]
    in_pair = np.zeros(len(lines), np.bool_)
    in_pair[:-1] |= fits
    in_pair[1:] |= fits
    odd = np.isin(task, task[~in_pair])
    begun = np.flatnonzero(fits & ~odd[:-1])
    start, end = lines[begun], lines[begun + 1]
    if not odd.any():
        rest = Pairs(start[:0], end[:0])
    else:
        kept = np.ones(len(events), np.bool_)
        kept[lines[~odd]] = False
        where = np.flatnonzero(kept)
        part = _pair_one_by_one(events[where])
        rest = Pairs(
            where[part.start],
            where[part.end],
            tuple(Lone(int(where[lone.index]), lone.reason) for lone in part.lone_starts),
            tuple(Lone(int(where[lone.index]), lone.reason) for lone in part.lone_ends),
        )
    start, end = np.concatenate([start, rest.start]), np.concatenate([end, rest.end])
    order = np.argsort(start, kind="stable")
    return Pairs(start[order], end[order], rest.lone_starts, rest.lone_ends)


def _later_of_the_task(events: Events, chosen: list[int]) -> Iterable[bool]:
    """Of each start: whether its task has a line after it that shows the call over."""
    # Lines of the call itself: its scans, and what reclaim inside it would print.
    inside = (Kind.LOST, Kind.CALLBACK, Kind.CALLBACK_RET)
    others = np.flatnonzero(~np.isin(events["kind"], inside) & (events["fields"] & Has.PID != 0))
    last: dict[int, int] = dict(zip(events["pid"][others].tolist(), others.tolist(), strict=True))
    for index in chosen:
        pid = int(events["pid"][index])
        yield bool(events["fields"][index] & Has.PID) and last.get(pid, -1) > index


def _earlier_of_the_task(events: Events, chosen: list[int]) -> Iterable[bool]:
    """Of each end: whether its task has a line before it that a call under way would not allow."""
    inside = (Kind.LOST, Kind.CALLBACK, Kind.CALLBACK_RET)
    others = np.flatnonzero(~np.isin(events["kind"], inside) & (events["fields"] & Has.PID != 0))[::-1]
    first: dict[int, int] = dict(zip(events["pid"][others].tolist(), others.tolist(), strict=True))
    for index in chosen:
        pid = int(events["pid"][index])
        yield bool(events["fields"][index] & Has.PID) and first.get(pid, index) < index


def _starts_alone(events: Events, chosen: list[int], lost: LostWindows) -> Iterable[Lone]:
    for index, later in zip(chosen, _later_of_the_task(events, chosen), strict=True):
        if lost.between(index, len(events)):
            yield Lone(index, LOST)
        else:
            yield Lone(index, UNKNOWN if later else AFTER)


def _ends_alone(events: Events, chosen: list[int], lost: LostWindows) -> Iterable[Lone]:
    for index, earlier in zip(chosen, _earlier_of_the_task(events, chosen), strict=True):
        if not earlier:
            yield Lone(index, BEFORE)
        else:
            yield Lone(index, LOST if lost.between(-1, index) else UNKNOWN)
