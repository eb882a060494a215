# SPDX-License-Identifier: GPL-2.0-only
"""How many deferred counters a shrinker has at least, where lines do not name the cgroup.

A count that a call left, and that no call has taken, lies in a counter of its own. So counters are
counted by what lies there at the same time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..columns import Columns
from ..recording import Kind

__all__ = ["alone_in", "least_counters"]

Indices = npt.NDArray[np.int64]


def least_counters(calls: Columns, mine: Indices) -> int | None:
    """The least number of counters that can have held what one shrinker's calls left and took.

    Only what is left by calls that nothing else of the shrinker overlaps is believed to lie there: of
    others, the order of their deeds is not that of their lines.

    :param mine: its calls, in order. None if they do not tell.
    """
    before, after = calls.of_start("nr"), calls.of_end("new_nr")
    told = mine[calls.whole[mine] & before.known[mine] & after.known[mine]]
    if not len(told):
        return None
    nr, new = before.value[told], after.value[told]
    start = calls.start[told]
    alone = alone_in(calls, told)
    if (nr[1:] == new[:-1])[alone[1:] & alone[:-1]].all():
        return 1
    lost = np.flatnonzero(calls.events["kind"] == Kind.LOST)
    gaps = np.searchsorted(lost, start)
    # Calls that take what the one before has left, one after the other, are as one call.
    linked = (nr[1:] == new[:-1]) & alone[1:] & alone[:-1] & (gaps[1:] == gaps[:-1])
    first = np.flatnonzero(np.concatenate([[True], ~linked]))
    last = np.concatenate([first[1:], [len(nr)]]) - 1
    between = np.maximum.reduceat((new != 0).astype(np.int8), first)
    lying: dict[int, int] = {}
    number, most, gap = 0, 1, int(gaps[0])

    def take(value: int) -> bool:
        nonlocal number
        there = lying.pop(value, 0)
        if there > 1:
            lying[value] = there - 1
        number -= there > 0
        return there > 0

    columns = (nr[first], new[last], alone[first], gaps[first], between)
    for taken, left, by_itself, here, some in zip(*(each.tolist() for each in columns), strict=True):
        if here != gap:  # what lay there may be gone
            lying.clear()
            number, gap = 0, here
        if taken and not take(taken) and 2 <= number <= _FEW:
            # A cgroup that goes hands what it has to its parent.
            for value in lying:
                if lying.get(taken - value, 0) > (taken - value == value):
                    take(value)
                    take(taken - value)
                    break
        if by_itself and some:
            most = max(most, number + 1)
        if by_itself and left:
            lying[left] = lying.get(left, 0) + 1
            number += 1
        elif left and lying:
            # It was added to something that lay there, of which there is one less.
            take(next(iter(lying)))
    return most


def alone_in(calls: Columns, chosen: Indices) -> npt.NDArray[np.bool_]:
    """Of each of these whole calls, whether no other of them can have touched a counter during it."""
    # What a start prints was taken some time before, after the line that its task wrote last.
    before, end = calls.before[chosen], calls.end[chosen]
    low = np.where(before >= 0, before, calls.start[chosen] - _SOON)
    order = np.argsort(end, kind="stable")
    low, end = low[order], end[order]
    first = np.minimum(np.searchsorted(end, low, "right"), np.arange(len(low)))
    edges = np.zeros(len(low) + 1, np.int64)
    np.add.at(edges, first, 1)
    edges[1:] -= 1  # each covers from the first that it overlaps up to itself
    covered = np.cumsum(edges)[:-1]
    answer = np.empty(len(low), np.bool_)
    answer[order] = (covered == 1) & (first == np.arange(len(low)))
    return answer


_FEW = 64
"""Sums of two are looked for among so many."""

_SOON = 64
"""Lines, before the first of a task."""
