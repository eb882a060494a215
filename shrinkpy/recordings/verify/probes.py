# SPDX-License-Identifier: GPL-2.0-only
"""What a full recording's probes tell of each call: whose counter it used, and what was scanned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...control import SHRINK_BATCH, Flags
from ..arithmetic import delta_of_priority
from ..recording import STOP, Events, Has, Kind, Recording

__all__ = ["MEMCG_AWARE", "NUMA_AWARE", "Disagreement", "Turn", "Turns", "disagreements", "read_turns"]

NUMA_AWARE, MEMCG_AWARE = int(Flags.NUMA_AWARE), int(Flags.MEMCG_AWARE)


@dataclass(slots=True)
class Turn:
    """A call of do_shrink_slab() by its probes; the numbers are indices of events, -1 where there is none.

    :ivar scans: each scan_objects call: (asked, answer, nr_scanned).
    :ivar whole: whether every scan that was entered is seen to return.
    """

    call: int
    start: int = -1
    end: int = -1
    returned: int = -1
    count: int | None = None
    scans: list[tuple[int, int, int]] = field(default_factory=list)
    depth: int = 0
    asked: int = 0
    whole: bool = True


@dataclass(slots=True)
class Turns:
    """The turns that have a start, by its index; what the shrinkers' structs hold, by pointer."""

    by_start: dict[int, Turn]
    flags: dict[int, int]

    def __bool__(self) -> bool:
        return bool(self.by_start or self.flags)


_KINDS = (
    Kind.START,
    Kind.END,
    Kind.DO_SHRINK_SLAB,
    Kind.DO_SHRINK_SLAB_RET,
    Kind.CALLBACK,
    Kind.CALLBACK_RET,
)


def read_turns(recording: Recording) -> Turns:
    """Put the lines of each call together, by task.

    A call inside a callback (its task's reclaim) is a turn of its own. A line whose call is not seen is
    passed over.
    """
    events = recording.events
    found = Turns({}, {})
    calls = events["kind"] == Kind.DO_SHRINK_SLAB
    if not calls.any():
        return found
    known = events[calls & (events["fields"] & Has.FLAGS != 0)]
    found.flags.update(zip(known["shrinker"].tolist(), known["flags"].tolist(), strict=True))
    chosen = np.flatnonzero(np.isin(events["kind"], _KINDS))
    few = events[chosen]
    named = ("kind", "pid", "fields", "caller", "nr", "ret", "nr_scanned", "shrinker")
    by_pass = [name.partition(".")[0] == "do_shrink_slab" for name in recording.names]
    stacks: dict[int, list[Turn]] = {}
    columns = zip(chosen.tolist(), *(few[name].tolist() for name in named), strict=True)
    pointers = events["shrinker"]
    for index, kind, pid, fields, caller, nr, ret, nr_scanned, shrinker in columns:
        stack = stacks.setdefault(pid, [])
        if kind == Kind.DO_SHRINK_SLAB:
            while stack and not stack[-1].depth:
                stack.pop()  # it has returned, without a line that says so
            stack.append(Turn(index))
            continue
        if not stack:
            continue
        turn = stack[-1]
        if kind == Kind.CALLBACK_RET and not fields & Has.NR_SCANNED:
            if turn.start < 0 and not turn.depth and by_pass[caller]:
                turn.count = ret
        elif kind == Kind.CALLBACK:
            turn.depth += 1
            if turn.depth == 1:
                turn.asked = nr
        elif kind == Kind.CALLBACK_RET:
            turn.depth -= 1
            if turn.depth == 0:
                turn.scans.append((turn.asked, ret, nr_scanned))
            elif turn.depth < 0:
                turn.depth, turn.whole = 0, False
        elif kind == Kind.START:
            if pointers[turn.call] == shrinker and turn.start < 0:
                turn.start = index
                found.by_start[index] = turn
        elif kind == Kind.END:
            if pointers[turn.call] == shrinker and turn.end < 0:
                turn.end = index
                turn.whole = turn.whole and turn.depth == 0
                turn.depth = 0
        else:
            turn.returned = index
            stack.pop()
    return found


class Disagreement(NamedTuple):
    """Where a probe contradicts a start or an end.

    :ivar event: its index.
    :ivar what: which of its numbers, in the event's words; "nr_to_scan" of a scan between them.
    :ivar text: what it says, and what the probe does.
    """

    event: int
    what: str
    text: str


RET = "last shrinker return val"


def disagreements(events: Events, turns: Turns) -> list[Disagreement]:
    """Where the probes contradict the starts and the ends."""
    whole = [turn for turn in turns.by_start.values() if turn.start >= 0]
    found: list[Disagreement] = []
    if not whole:
        return found
    call = events[[turn.call for turn in whole]]
    start = events[[turn.start for turn in whole]]

    def both(has: Has) -> npt.NDArray[np.bool_]:
        return np.asarray((call["fields"] & start["fields"] & has) == has)

    for name in ("nid", "priority"):
        for k in np.flatnonzero(both(Has[name.upper()]) & (call[name] != start[name])).tolist():
            told = f"{name} {start[name][k]}, but do_shrink_slab() got {call[name][k]}"
            found.append(Disagreement(whole[k].start, name, told))
    needed = Has.ITEMS | Has.DELTA | Has.PRIORITY
    known = (start["fields"] & needed == needed) & (call["fields"] & Has.SEEKS != 0)
    delta = delta_of_priority(start["items"], start["priority"], call["seeks"])
    for k in np.flatnonzero(known & (delta != start["delta"])).tolist():
        told = f"delta {start['delta'][k]}, but seeks {call['seeks'][k]} make {delta[k]}"
        found.append(Disagreement(whole[k].start, "delta", told))
    ends = events[[turn.end if turn.end >= 0 else turn.start for turn in whole]]
    returns = events[[turn.returned if turn.returned >= 0 else turn.call for turn in whole]]
    columns = zip(
        start["symbol"].tolist(),
        whole,
        *(start[name].tolist() for name in ("fields", "items", "total_scan")),
        *(ends[name].tolist() for name in ("fields", "total_scan", "ret")),
        *(call[name].tolist() for name in ("fields", "batch")),
        *(returns[name].tolist() for name in ("fields", "ret")),
        strict=True,
    )
    loop, finish = Has.ITEMS | Has.TOTAL_SCAN, Has.TOTAL_SCAN | Has.RET
    # Plain integers: an IntFlag is slow to compare.
    items_bit, loop_bits, finish_bits = int(Has.ITEMS), int(loop), int(finish)
    batch_bit, ret_bit = int(Has.BATCH), int(Has.RET)
    probed = {int(events["symbol"][turn.start]) for turn in whole if turn.scans}
    for symbol, turn, has, items, total, end_has, left, freed, call_has, batch, ret_has, answer in columns:
        if turn.count is not None and has & items_bit and turn.count != items:
            told = f"cache items {items}, but count_objects() said {turn.count}"
            found.append(Disagreement(turn.start, "cache items", told))
        if turn.end < 0 or end_has & finish_bits != finish_bits or not turn.whole:
            continue
        if turn.returned >= 0 and ret_has & ret_bit and (answer - freed) % 2**32:
            told = f"{RET} {freed}, but do_shrink_slab() returned {answer}"
            found.append(Disagreement(turn.end, RET, told))
        # A function without a probe leaves no lines.
        if has & loop_bits == loop_bits and (turn.scans or symbol in probed or total == left):
            size = (batch or SHRINK_BATCH) if call_has & batch_bit else 0
            found += _of_scans(turn, total, size, left, freed)
    return found


def _of_scans(turn: Turn, total: int, batch: int, left: int, freed: int) -> list[Disagreement]:
    """Go through the loop as it was recorded."""
    sum_freed, now, stopped = 0, total, False
    asked_otherwise = []
    for asked, answer, scanned in turn.scans:
        if batch and not stopped and asked != min(batch, now):
            told = f"a scan of {asked} where {min(batch, now)} were due"
            asked_otherwise.append(Disagreement(turn.end, "nr_to_scan", told))
        stopped = answer == STOP
        if not stopped:
            sum_freed += answer
            now -= scanned
    wrong_left, wrong_freed = now != left, bool((sum_freed - freed) % 2**32)
    if wrong_left and wrong_freed:
        return []  # a scan's lines are missing: probes do miss calls
    if wrong_left:
        return [Disagreement(turn.end, "total_scan", f"total_scan {left}, but the scans leave {now}")]
    if wrong_freed:
        return [Disagreement(turn.end, RET, f"{RET} {freed}, but the scans freed {sum_freed}")]
    return asked_otherwise
