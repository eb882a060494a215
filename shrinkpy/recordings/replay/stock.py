# SPDX-License-Identifier: GPL-2.0-only
"""Deferred counters as a full recording shows them: which calls' work each call took, whoever added it.

Two operations of a call touch its counter: it takes all there is, and adds what it leaves. Neither prints
when it happens, but a line before and a line after bound it; where calls of several tasks overlap, the
values tell the order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .calls import Turn

__all__ = ["Account", "Gift", "Stock", "next_deferred", "signed"]

_STEPS = 20_000  # of one search; a recording of a kernel needs a handful
_SOON = 64  # lines
_OPEN = 400  # operations that are looked at for the next one


def signed(value: int) -> int:
    """As a long, which wraps."""
    return (value + 2**63) % 2**64 - 2**63


def next_deferred(turn: Turn) -> int:
    """What a call adds to its counter, by its own lines."""
    assert turn.start is not None
    start = turn.start
    left = max(signed(start.nr + start.delta - turn.scanned), 0)
    return min(left, signed(2 * start.items))


@dataclass(slots=True)
class Stock:
    """What lies in a counter: the calls that left it, and what came from elsewhere.

    :ivar reason: where the rest comes from, "" if that cannot be told.
    """

    turns: tuple[Turn, ...] = ()
    rest: int = 0
    reason: str = ""

    @property
    def total(self) -> int:
        """How much that is, as recorded."""
        return signed(sum(next_deferred(turn) for turn in self.turns) + self.rest)


@dataclass(slots=True)
class Gift:
    """A cgroup that goes offline adds what it has to its parent's."""

    line: int
    stock: Stock


@dataclass(slots=True)
class _Operation:
    low: int  # after this line
    high: int  # before this line
    turn: Turn | None
    takes: bool
    gift: Stock = field(default_factory=Stock)


@dataclass(slots=True)
class Account:
    """One counter: of a shrinker (on a node), or of a cgroup (on a node) for one id.

    :ivar turns: the calls that use it.
    """

    turns: list[Turn] = field(default_factory=list)
    gifts: list[Gift] = field(default_factory=list)

    def solve(
        self,
        gap: Callable[[int, int], str],
        taken: dict[int, Stock],
        met: dict[int, Stock],
        until: int | None = None,
    ) -> Stock:
        """Find the order of its operations; gives what lies in it at the end, which is at the line until.

        gap(a, b) says why values may have changed unseen between two lines, "" if they cannot have; a is 0
        before the first operation. taken gets, by id() of a call, the stock that it took, met the one that it
        added to.
        """
        operations = self._operations()
        stock = Stock()
        last = begin = 0
        for end in _clusters(operations):
            cluster = operations[begin:end]
            ordered: Sequence[_Operation] = cluster
            if len(cluster) > 1:
                ordered = _ordered(cluster, stock.total, bool(gap(last, cluster[-1].high)))
            for operation in ordered:
                why = gap(last, operation.high)
                stock = _apply(operation, stock, why, taken, met)
                if operation.turn is not None:
                    last = max(operation.low, 1)  # from then on, at the earliest, it may have changed unseen
            begin = end
        if until is not None and not stock.reason:
            stock.reason = gap(last, until)
        return stock

    def _operations(self) -> list[_Operation]:
        found = []
        for turn in self.turns:
            if turn.start is None:
                continue
            found.append(_Operation(turn.count_line or turn.line, turn.start.line, turn, True))
            if turn.end is not None:
                low = max((scan.line_after for scan in turn.scans), default=0)
                found.append(_Operation(max(low, turn.start.line), turn.end.line, turn, False))
        # A parent's counters change after the line that tells of it, soon.
        found += [_Operation(gift.line, gift.line + _SOON, None, False, gift.stock) for gift in self.gifts]
        found.sort(key=lambda operation: operation.high if operation.turn else operation.low)
        return found


def _apply(
    operation: _Operation, stock: Stock, why: str, taken: dict[int, Stock], met: dict[int, Stock]
) -> Stock:
    turn, gift = operation.turn, operation.gift
    if turn is None:
        rest = signed(stock.rest + gift.rest)
        return Stock(stock.turns + gift.turns, rest, stock.reason or gift.reason)
    assert turn.start is not None
    if operation.takes:
        there = stock
        if turn.start.nr != stock.total:
            rest = signed(stock.rest + turn.start.nr - stock.total)
            there = Stock(stock.turns, rest, why or stock.reason)
        taken[id(turn)] = there
        return Stock()
    assert turn.end is not None
    there = stock
    missing = signed(turn.end.new_nr - next_deferred(turn) - stock.total)
    if missing:
        there = Stock(stock.turns, signed(stock.rest + missing), why or stock.reason)
    met[id(turn)] = there
    # Of a number that nothing explains it is the sum that goes on, or one wrong line would spoil all.
    kept = there if there.reason else stock
    return Stock((*kept.turns, turn), kept.rest, kept.reason)


def _clusters(operations: list[_Operation]) -> list[int]:
    """Where operations may be cut into groups whose order is known: the end of each."""
    lowest = [2**63] * (len(operations) + 1)  # of those from there on
    for k in range(len(operations) - 1, -1, -1):
        lowest[k] = min(lowest[k + 1], operations[k].low)
    ends = []
    highest = 0
    for k, operation in enumerate(operations):
        highest = max(highest, operation.high)
        if highest <= lowest[k + 1]:
            ends.append(k + 1)
    return ends


def _ordered(operations: list[_Operation], value: int, unsure: bool) -> list[_Operation]:
    """An order in which the values are explained, as near to that of the lines as can be.

    value is what lies in the counter before; unsure, that it may be something else. What no order explains
    stays where its line is.
    """
    search = _Search(operations)
    if search.run(value) or (unsure and search.run(None)):
        return [operations[k] for k in search.order]
    order: list[_Operation] = []
    while operations:
        found = [operations[k] for k in search.longest]
        order += found
        kept = set(map(id, found))
        operations = [operation for operation in operations if id(operation) not in kept]
        if not operations:
            break
        order.append(operations.pop(0))
        search = _Search(operations, search.steps)
        search.run(None)  # of what comes next, nothing is known
    return order


class _Search:
    """Depth first, without recursion: a cluster may be long."""

    def __init__(self, operations: list[_Operation], steps: int = _STEPS) -> None:
        self.operations = operations
        self.steps = steps
        self.order: list[int] = []
        self.longest: list[int] = []
        self.done = [False] * len(operations)
        self.first = 0  # that is not done
        # An add comes after the take of its call, if that is one of these.
        self.take_of = {id(operation.turn): k for k, operation in enumerate(operations) if operation.takes}

    def run(self, value: int | None) -> bool:
        """Is there an order? value is what lies in the counter before; None: not known."""
        self.longest = []
        if not self.operations:
            return True
        stack = [(iter(self._next()), value)]
        while stack and self.steps > 0:
            self.steps -= 1
            candidates, value = stack[-1]
            for k in candidates:
                fits, left = self._after(k, value)
                if fits:
                    self._do(k)
                    if len(self.order) == len(self.operations):
                        return True
                    stack.append((iter(self._next()), left))
                    break
            else:
                stack.pop()
                self._undo()
        while self.order:
            self._undo()
        return False

    def _do(self, k: int) -> None:
        self.done[k] = True
        self.order.append(k)
        if len(self.order) > len(self.longest):
            self.longest = list(self.order)
        while self.first < len(self.done) and self.done[self.first]:
            self.first += 1

    def _undo(self) -> None:
        if self.order:
            k = self.order.pop()
            self.done[k] = False
            self.first = min(self.first, k)

    def _next(self) -> list[int]:
        """Those that may come next: begun before any other has to be over."""
        open_ones: list[int] = []
        k = self.first
        while k < len(self.done) and len(open_ones) < _OPEN:
            if not self.done[k]:
                open_ones.append(k)
            k += 1
        bound = min((self.operations[k].high for k in open_ones), default=0)
        return [k for k in open_ones if self.operations[k].low < bound]

    def _after(self, k: int, value: int | None) -> tuple[bool, int | None]:
        """Does it fit, and what does it leave?"""
        operation = self.operations[k]
        turn = operation.turn
        if turn is None:
            return True, None if value is None else signed(value + operation.gift.total)
        assert turn.start is not None
        if operation.takes:
            return value in (None, turn.start.nr), 0
        assert turn.end is not None
        take = self.take_of.get(id(turn))
        if take is not None and not self.done[take]:
            return False, None
        fits = value is None or turn.end.new_nr == signed(value + next_deferred(turn))
        return fits, turn.end.new_nr
