# SPDX-License-Identifier: GPL-2.0-only
"""What a core did in a scenario, and where two of them differ."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, NamedTuple

from ..golden import Op

__all__ = ["Finding", "Outcome", "compare"]


class Outcome(NamedTuple):
    """What one core did in one scenario."""

    cfg: dict[str, int]
    init: dict[str, Any]
    ops: list[Op] | None  # with what they gave; None: its process is gone, and nobody knows
    ended: str = ""  # how, if it did not come to its end
    at: int = 0  # the operation in which it ended so; their number: when the machine was closed
    said: str = ""  # its last words


class Finding(NamedTuple):
    """The first difference of two cores in one scenario."""

    cfg: dict[str, int]
    ops: list[Op]  # what was asked
    outcomes: tuple[Outcome, Outcome]
    number: int  # of the operation that differs; -1: before the first
    key: str  # which of its results; "": one of them did not end it
    a: Any
    b: Any


def _narrow(key: str, a: Any, b: Any) -> tuple[str, Any, Any]:
    """Down to the first part of two values that differs; a state that is None is as it was."""
    if key == "state":
        a, b = a or {}, b or {}
    if isinstance(a, dict) and isinstance(b, dict):
        for k in sorted(a.keys() | b.keys()):
            if a.get(k) != b.get(k):
                return _narrow(f"{key}.{k}", a.get(k), b.get(k))
    elif key == "state.mc" and not (a and b):
        for k, value in (a or b).items():
            return f"{key}.{k}", value if a else None, value if b else None
    if isinstance(a, list) and isinstance(b, list) and key in ("ev", "al"):
        for i, (x, y) in enumerate(zip_longest(a, b)):
            if x != y:
                return f"{key}[{i}]", x, y
    return key, a, b


def _difference(a: Op, b: Op) -> tuple[str, Any, Any]:
    for key in ("r", "ev", "al", "w", "slabs", "state"):
        if a.get(key) != b.get(key):
            return _narrow(key, a.get(key), b.get(key))
    return _narrow("op", a, b)


def compare(a: Outcome, b: Outcome, cfg: dict[str, int], ops: list[Op]) -> Finding | None:
    """The first difference of two outcomes of the same operations."""
    if a.init and b.init and a.init != b.init:
        return Finding(cfg, ops, (a, b), -1, *_narrow("init", a.init, b.init))
    for number, (x, y) in enumerate(zip(a.ops or (), b.ops or (), strict=False)):
        if x != y:
            return Finding(cfg, ops, (a, b), number, *_difference(x, y))
    if (a.ended, a.at) == (b.ended, b.at):
        return None
    number = min(outcome.at for outcome in (a, b) if outcome.ended)
    return Finding(cfg, ops, (a, b), number, "", *(_end(outcome, number, ops) for outcome in (a, b)))


def _end(outcome: Outcome, number: int, ops: list[Op]) -> str:
    if not outcome.ended or outcome.at > number:
        return "goes on"
    where = "in this operation" if number < len(ops) else "when all is over"
    return f"{outcome.ended} {where}" + (f" ({outcome.said})" if outcome.said else "")
