# SPDX-License-Identifier: GPL-2.0-only
"""Calls of a recording that has starts and ends only: what its lines leave out is inferred, or made up.

Each pair becomes the pass of a cgroup over one shrinker. Which counter it used the text does not tell, but
for era E's: one for the shrinker, if that explains the numbers, or one a node; else there is a pool of them,
of which each call took one that held what it took.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...control import Flags, Gfp
from ..arithmetic import Seeks, Total, fit_seeks, seeks_bounds, total_scan
from ..pairs import LostWindows, before_in_task, pair
from ..recording import Form, Has, Recording
from .calls import Calls, Ended, Pass, Started, Turn
from .stock import Account, Stock, next_deferred, signed

__all__ = ["calls_of_pairs"]

OTHER_ERA = "its kernel's arithmetic is another one than that of 5.13 and later"
NO_FIELDS = "its lines lack numbers"
VAGUE = "another cgroup's or task's, which the text does not tell"

AWARE = int(Flags.MEMCG_AWARE | Flags.NONSLAB)
_START = Has.SHRINKER | Has.NID | Has.NR | Has.ITEMS | Has.DELTA | Has.TOTAL_SCAN | Has.PRIORITY
_END = Has.NEW_NR | Has.TOTAL_SCAN | Has.RET
_BATCHES = (128, 1024, 32, 64, 256, 512, 2048, 4096)


def calls_of_pairs(recording: Recording) -> Calls:
    """One pass for each pair of a start and an end."""
    events = recording.events
    calls = Calls()
    pairs = pair(events)
    calls.skipped.update(lone.reason for lone in (*pairs.lone_starts, *pairs.lone_ends))
    line = events["line"]
    windows = LostWindows(events).windows
    calls.lost = calls.broken = [(int(line[a]) if a >= 0 else 0, int(line[b])) for a, b in windows]
    start, end = events[pairs.start], events[pairs.end]
    complete = (start["fields"] & _START == _START) & (end["fields"] & _END == _END)
    older = np.isin(start["form"], (Form.A, Form.B))
    complete &= ~older
    older |= complete & _is_older(start, complete)
    usable = complete & ~older
    _skip(calls, OTHER_ERA, int(older.sum()))
    _skip(calls, NO_FIELDS, int((~complete & ~older).sum()))
    index = before_in_task(events)
    before = np.where(index >= 0, line[index], 0)
    chosen = np.flatnonzero(usable)
    keys = list(zip(start["shrinker"][chosen].tolist(), start["symbol"][chosen].tolist(), strict=True))
    groups: dict[tuple[int, int], list[int]] = {}
    for at, key in zip(chosen.tolist(), keys, strict=True):
        groups.setdefault(key, []).append(at)
    masks = recording.gfp_masks
    pointer = 1
    for number, ((shrinker, symbol), members) in enumerate(groups.items()):
        few, ends = start[members], end[members]
        seeks, batch = _seeks_of(few), _batch_of(few, ends)
        turns: list[Turn] = []
        for k, (s, e) in enumerate(zip(few, ends, strict=True)):
            mask = int(masks[s["gfp"]])
            turn = Turn(
                line=int(s["line"]),
                shrinker=shrinker,
                nid=int(s["nid"]),
                memcg=0,
                gfp=mask if mask >= 0 else int(Gfp.KERNEL),
                priority=int(s["priority"]),
                # A scan with less than that is one with a smaller one: of another shrinker here before, say.
                batch=min(batch, max(int(s["total_scan"]), 1))
                if s["total_scan"] != e["total_scan"]
                else batch,
                seeks=seeks[k],
                flags=AWARE,
                id=number,
                count=int(s["items"]),
                count_line=int(before[pairs.start[members[k]]]),
                start=Started(
                    line=int(s["line"]),
                    nr=int(s["nr"]),
                    items=int(s["items"]),
                    delta=int(s["delta"]),
                    total_scan=int(s["total_scan"]),
                    priority=int(s["priority"]),
                    symbol=recording.names[symbol],
                ),
                end=Ended(*(int(e[name]) for name in ("line", "nr", "new_nr", "total_scan", "ret"))),
                probed=False,
            )
            turns.append(turn)
        named = (few["fields"] & Has.MEMCG_ID != 0).all()
        counters = few["memcg_id"].tolist() if named else _counters(turns, calls)
        cgroups: dict[int, int] = {}
        for turn, pid, counter in zip(turns, few["pid"].tolist(), counters, strict=True):
            if counter not in cgroups:
                cgroups[counter] = pointer
                pointer += 1
            turn.memcg = cgroups[counter]
            assert turn.end is not None
            calls.passes.append(
                Pass(
                    turn.line,
                    pid,
                    turn.gfp,
                    turn.nid,
                    turn.memcg,
                    None,
                    turn.priority,
                    [turn],
                    last=turn.end.line,
                )
            )
    calls.passes.sort(key=lambda found: found.line)
    return calls


def _skip(calls: Calls, reason: str, number: int) -> None:
    if number:
        calls.skipped[reason] += number


def _is_older(start: Any, complete: Any) -> bool:
    """Do the numbers of the starts speak for a kernel before 5.13?"""
    few = start[complete]
    numbers = (few["nr"], few["delta"], few["items"], few["priority"])
    shifted = total_scan(Total.SHIFTED, *numbers) == few["total_scan"]
    clamped = total_scan(Total.CLAMPED, *numbers) == few["total_scan"]
    return bool((clamped & ~shifted).sum() > (shifted & ~clamped).sum())


# -- seeks and batch


def _seeks_of(start: Any) -> list[int]:
    """Of each start of a shrinker, the seeks that explain its delta."""
    fit = fit_seeks(*seeks_bounds(start["items"], start["delta"], start["priority"]))
    segments = sorted(fit.seeks, key=lambda seeks: seeks.first)
    answer = []
    at = 0
    for k in range(len(start)):
        while at + 1 < len(segments) and segments[at + 1].first <= k:
            at += 1
        answer.append(_likely(segments[at]) if segments else 2)
    return answer


def _likely(seeks: Seeks) -> int:
    if 2 in seeks:
        return 2
    return 0 if seeks.zero else seeks.low


def _batch_of(start: Any, end: Any) -> int:
    """The batch that explains best when scans began and ended."""
    total, left, items = start["total_scan"], end["total_scan"], start["items"]
    scanned = total != left

    def odd(batch: int) -> tuple[int, int]:
        begins_early = scanned & (total < batch) & (total < items)
        in_parts = scanned & (left > 0) & ((total - left) % batch != 0)
        ends_early = (left >= batch) | (left >= items)  # as SHRINK_STOP makes it, too
        return int(begins_early.sum() + in_parts.sum()), int(ends_early.sum())

    return min(_BATCHES, key=odd)


# -- counters


def _counters(turns: list[Turn], calls: Calls) -> list[int]:
    """Of each call of a shrinker, which of its counters it used: any numbers."""
    one = [0] * len(turns)
    if _explains(turns, one, calls):
        return one
    nodes = [turn.nid for turn in turns]
    if len(set(nodes)) > 1 and _explains(turns, nodes, calls):
        return nodes
    return _Pool(calls).follow(turns)


def _explains(turns: list[Turn], counters: list[int], calls: Calls) -> bool:
    accounts: dict[int, Account] = {}
    for turn, counter in zip(turns, counters, strict=True):
        accounts.setdefault(counter, Account()).turns.append(turn)

    def gap(a: int, b: int) -> str:
        return "before" if a == 0 else "lost" if calls.is_broken(a, b) else ""

    for account in accounts.values():
        taken: dict[int, Stock] = {}
        met: dict[int, Stock] = {}
        account.solve(gap, taken, met)
        if any(stock.rest and not stock.reason for found in (taken, met) for stock in found.values()):
            return False
    return True


@dataclass(slots=True)
class _Slot:
    number: int
    value: int = 0
    by: Turn | None = None  # who left that


class _Pool:
    """Counters of one shrinker, told apart by what they hold."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.slots: list[_Slot] = []

    def follow(self, turns: list[Turn]) -> list[int]:
        """The counter of each call, going through their lines; says what each took, and met."""
        lines: list[tuple[int, bool, int]] = []
        for k, turn in enumerate(turns):
            assert turn.start is not None
            assert turn.end is not None
            lines += [(turn.start.line, True, k), (turn.end.line, False, k)]
        lines.sort()
        of = [_Slot(-1)] * len(turns)
        overlap = _overlaps(turns)
        for _line, takes, k in lines:
            if takes:
                of[k] = self._take(turns[k])
            else:
                self._add(turns[k], of[k], overlap[k])
        return [slot.number for slot in of]

    def _take(self, turn: Turn) -> _Slot:
        assert turn.start is not None
        nr = turn.start.nr
        slot = next((slot for slot in self.slots if slot.value == nr), None)
        if slot is None:
            slot = _Slot(len(self.slots), nr)
            self.slots.append(slot)
        by = slot.by
        rest = signed(nr - (next_deferred(by) if by else 0))
        self.calls.taken[id(turn)] = Stock((by,) if by else (), rest, VAGUE if rest else "")
        slot.value, slot.by = 0, None
        return slot

    def _add(self, turn: Turn, slot: _Slot, overlaps: bool) -> None:
        assert turn.end is not None
        missing = signed(turn.end.new_nr - next_deferred(turn))
        # What another task added meanwhile: or else, one number is wrong.
        may = overlaps or self.calls.is_broken(turn.count_line, turn.end.line)
        self.calls.met[id(turn)] = Stock((), missing, VAGUE if missing and may else "")
        slot.value, slot.by = turn.end.new_nr, turn


def _overlaps(turns: list[Turn]) -> list[bool]:
    """Of each call, whether another may have been under way since the line of its task before its start."""
    answer = [False] * len(turns)
    latest, longest = -1, -1  # the one that is over last, of those that began before
    for k in sorted(range(len(turns)), key=lambda k: turns[k].count_line):
        end = turns[k].end
        assert end is not None
        if longest > turns[k].count_line:
            answer[k] = answer[latest] = True
        if end.line > longest:
            latest, longest = k, end.line
    return answer
