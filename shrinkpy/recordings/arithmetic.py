# SPDX-License-Identifier: GPL-2.0-only
"""The arithmetic of do_shrink_slab(), as each era of Linux has it, and what recorded numbers tell of it.

All functions take integers or arrays that broadcast, and answer arrays (of no dimension for integers) of 64
bits that wrap as the kernel's do. ``items`` is what was counted (the kernel's freeable), ``nr`` the deferred
count that was taken, ``left`` the total_scan when the loop ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

__all__ = [
    "Rest",
    "Seeks",
    "SeeksFit",
    "Total",
    "delta_of_pages",
    "delta_of_priority",
    "fit_seeks",
    "next_deferred",
    "seeks_bounds",
    "seeks_bounds_of_pages",
    "total_scan",
]

Longs = npt.NDArray[np.int64]
Unsigned = npt.NDArray[np.uint64]
Truths = npt.NDArray[np.bool_]
Numbers = npt.ArrayLike

SEEKS_MAX = 2**32 - 1
"""seeks divides as an unsigned 32-bit number."""


class Total(Enum):
    """How total_scan comes from nr and delta."""

    CLAMPED = "clamped"
    """nr + delta; at most items / 2 when delta is under a quarter of the items. Up to 5.12."""

    SHIFTED = "shifted"
    """(nr >> priority) + delta. From 5.13 on."""


class Rest(Enum):
    """How much a call hands on."""

    LEFT = "left"
    """What was left of total_scan: deferred work past the clamp is forgotten. Up to 4.8."""

    WORK = "work"
    """nr + delta - scanned. Up to 5.12."""

    CAPPED = "capped"
    """The same, at most 2 * items. From 5.13 on."""


def _signed(value: Numbers) -> Longs:
    array = np.asarray(value)
    if array.dtype == np.uint64:
        return array.view(np.int64)
    if array.dtype == object:  # Python's integers past 63 bits
        return np.asarray(array & (2**64 - 1)).astype(np.uint64).view(np.int64)
    return array.astype(np.int64, copy=False)


def _unsigned(value: Numbers) -> Unsigned:
    return _signed(value).view(np.uint64)


def _half(items: Longs, parts: int) -> Longs:
    """A quotient as C divides: towards zero."""
    quotient = np.abs(items) // parts
    # The most negative number has no absolute value; it divides evenly by what is asked for here.
    quotient = np.where(items == np.iinfo(np.int64).min, np.int64(2**62 // (parts // 2)), quotient)
    return np.asarray(np.where(items < 0, -quotient, quotient))


def _shift(value: Longs, priority: Numbers) -> Longs:
    return np.asarray(np.right_shift(value, np.clip(_signed(priority), 0, 63)))


def delta_of_priority(items: Numbers, priority: Numbers, seeks: Numbers) -> Unsigned:
    """(items >> priority) * 4 / seeks, or items / 2 for seeks 0; unsigned. From 4.16 on.

    The shift is of the signed items, the rest unsigned; the divisor is cut to 32 bits.
    """
    counted = _signed(items)
    divisor = _unsigned(seeks) & np.uint64(SEEKS_MAX)
    with np.errstate(over="ignore"):
        product = _shift(counted, priority).view(np.uint64) * np.uint64(4)
        quotient = product // np.where(divisor == 0, np.uint64(1), divisor)
    return np.where(divisor == 0, _half(counted, 2).view(np.uint64), quotient)


def delta_of_pages(items: Numbers, pgs_scanned: Numbers, lru_pgs: Numbers, seeks: Numbers) -> Unsigned:
    """4 * pgs_scanned / seeks * items / (lru_pgs + 1), each step cut to an integer. Up to 4.15."""
    with np.errstate(over="ignore"):
        each = _unsigned(pgs_scanned) * np.uint64(4) // np.maximum(_unsigned(seeks), np.uint64(1))
        divisor = _unsigned(lru_pgs) + np.uint64(1)
        return np.asarray(each * _unsigned(items) // np.where(divisor == 0, np.uint64(1), divisor))


def total_scan(total: Total, nr: Numbers, delta: Numbers, items: Numbers, priority: Numbers = 0) -> Longs:
    """How much a call is to scan, as its start prints it.

    :param priority: unused by Total.CLAMPED.
    """
    taken, counted, unsigned = _signed(nr), _signed(items), _unsigned(delta)
    with np.errstate(over="ignore"):
        if total is Total.SHIFTED:
            wanted = _shift(taken, priority) + unsigned.view(np.int64)
            return np.asarray(np.minimum(wanted, counted * np.int64(2)))
        wanted = taken + unsigned.view(np.int64)
        wanted = np.where(wanted < 0, counted, wanted)
        few = unsigned < _half(counted, 4).view(np.uint64)
        wanted = np.where(few, np.minimum(wanted, _half(counted, 2)), wanted)
        return np.asarray(np.minimum(wanted, counted * np.int64(2)))


def next_deferred(
    rest: Rest, nr: Numbers, delta: Numbers, items: Numbers, total: Numbers, left: Numbers
) -> Longs:
    """How much a call adds to its deferred counter.

    :param total: total_scan of its start.
    :param left: total_scan of its end; what was scanned is the difference.
    """
    taken, counted, remains = _signed(nr), _signed(items), _signed(left)
    with np.errstate(over="ignore"):
        if rest is Rest.LEFT:
            return np.maximum(remains, 0)
        work = taken + _signed(delta)
        if rest is Rest.WORK:
            work = np.where(work < 0, taken, work)
        work = np.maximum(work - (_signed(total) - remains), 0)
        return work if rest is Rest.WORK else np.minimum(work, counted * np.int64(2))


# --- seeks ---


@dataclass(frozen=True, slots=True)
class Seeks:
    """What the numbers tell of a shrinker's seeks.

    :ivar zero: whether 0 explains them.
    :ivar low: the least that does, besides 0.
    :ivar high: the largest; under low if none does.
    :ivar starts: how many starts they come from.
    :ivar first: the first of them, by its place in what was given.
    """

    zero: bool
    low: int
    high: int
    starts: int
    first: int = 0

    @property
    def value(self) -> int | None:
        """The one value that explains every start, or None where several do."""
        if self.zero:
            return 0 if self.low > self.high else None
        return self.low if self.low == self.high else None

    def __contains__(self, seeks: object) -> bool:
        if not isinstance(seeks, int):
            return False
        return self.zero if seeks == 0 else self.low <= seeks <= self.high

    def __str__(self) -> str:
        words = ["0"] if self.zero else []
        if self.low == self.high:
            words.append(str(self.low))
        elif self.low < self.high:
            words.append(f"{self.low} or more" if self.high >= SEEKS_MAX else f"{self.low} to {self.high}")
        return " or ".join(words) or "none"


@dataclass(frozen=True, slots=True)
class SeeksFit:
    """The seeks of one shrinker through its starts.

    :ivar seeks: one, or more where the pointer came to serve another shrinker; in order.
    :ivar fits: of each start, whether the seeks of its time explain its delta. Shape (starts,).
    """

    seeks: tuple[Seeks, ...]
    fits: Truths


def seeks_bounds(items: Numbers, delta: Numbers, priority: Numbers) -> tuple[Unsigned, Unsigned, Truths]:
    """Of each start, which seeks explain its delta: the least, the largest, and whether 0 does.

    Least above largest: none but 0, if that.
    """
    counted, given = _signed(items), _unsigned(delta)
    with np.errstate(over="ignore"):
        product = np.asarray(_shift(counted, priority).view(np.uint64) * np.uint64(4))
        most = np.uint64(2**64 - 1)
        least = product // np.where(given == most, most, given + np.uint64(1)) + np.uint64(1)
        largest = product // np.maximum(given, np.uint64(1))
    largest = np.where(given == 0, np.uint64(SEEKS_MAX), np.minimum(largest, np.uint64(SEEKS_MAX)))
    return least, largest, given == _half(counted, 2).view(np.uint64)


def seeks_bounds_of_pages(
    items: Numbers, delta: Numbers, pgs_scanned: Numbers, lru_pgs: Numbers
) -> tuple[Unsigned, Unsigned, Truths]:
    """The same where delta comes from pages. Zero never explains one."""
    rows = np.broadcast_arrays(_signed(items), _unsigned(delta), _signed(pgs_scanned), _signed(lru_pgs))
    least, largest = np.empty(rows[0].shape, np.uint64), np.empty(rows[0].shape, np.uint64)
    columns = zip(*(row.ravel().tolist() for row in rows), strict=True)
    for k, (counted, given, pages, lru) in enumerate(columns):
        low, high = _of_pages(counted, given, 4 * pages, lru + 1)
        least.flat[k], largest.flat[k] = low, high
    return least, largest, np.zeros(rows[0].shape, np.bool_)


def _of_pages(counted: int, given: int, pages: int, lru: int) -> tuple[int, int]:
    """Which seeks make delta = (pages / seeks) * counted / lru?"""
    if counted <= 0 or lru <= 0 or pages < 0:
        return 1, SEEKS_MAX  # it wraps, or prints nothing: no word about it
    # First, which quotients pages / seeks give this delta; then, which seeks give such a quotient.
    low, high = -(-given * lru // counted), ((given + 1) * lru - 1) // counted
    if low > high or low > pages:
        return 2, 1
    return pages // (high + 1) + 1, SEEKS_MAX if low == 0 else min(pages // low, SEEKS_MAX)


def fit_seeks(least: Unsigned, largest: Unsigned, zero: Truths) -> SeeksFit:
    """One shrinker's seeks from the bounds of its starts, in their order.

    Where no value explains all, the one that explains the most does. A start that is alone in contradicting
    it does not fit. Several that agree on another value are of another shrinker that was registered at the
    same address; so is the first or the last start, if seeks 0 or 2, which nearly all have, explain it.
    """
    count = len(least)
    if not count:
        return SeeksFit((), np.zeros(0, np.bool_))
    if least.max() <= largest.min() or zero.all():
        return SeeksFit((_seeks(least, largest, zero, np.arange(count)),), np.ones(count, np.bool_))
    fits = np.zeros(count, np.bool_)
    seeks: list[Seeks] = []
    while len(seeks) < _LIVES and not fits.all():
        rest = np.flatnonzero(~fits)
        best = _most_explaining(least[rest], largest[rest], zero[rest])
        explained = zero[rest] if best == 0 else (least[rest] <= best) & (largest[rest] >= best)
        good = rest[explained]
        if seeks and len(good) < 2:
            at_an_end = len(rest) == 1 and rest[0] in (0, count - 1)
            common = zero[rest] | ((least[rest] <= 2) & (largest[rest] >= 2))
            good = rest if at_an_end and common.all() else good[:0]
        if not len(good):
            break
        fits[good] = True
        seeks.append(_seeks(least, largest, zero, good))
    return SeeksFit(tuple(sorted(seeks, key=lambda s: s.first)), fits)


_LIVES = 16


def _seeks(least: Unsigned, largest: Unsigned, zero: Truths, chosen: npt.NDArray[np.int64]) -> Seeks:
    low, high = int(least[chosen].max()), int(largest[chosen].min())
    return Seeks(bool(zero[chosen].all()), low, high, len(chosen), int(chosen[0]))


def _most_explaining(least: Unsigned, largest: Unsigned, zero: Truths) -> int:
    """The value that explains most starts: 0, or the low end of one of their intervals."""
    some = least <= largest
    low, high = np.sort(least[some]), np.sort(largest[some])
    if not len(low):
        return 0
    points = np.unique(low)
    cover = np.searchsorted(low, points, "right") - np.searchsorted(high, points, "left")
    best = int(np.argmax(cover))
    return 0 if zero.sum() >= cover[best] else int(points[best])
