# SPDX-License-Identifier: GPL-2.0-only
"""A difference made small: operations, hooks and entries go, numbers get smaller, as far as it shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from ..golden import Op
from .order import is_in_order
from .outcome import Finding

__all__ = ["CANDIDATES", "SECONDS", "reduce"]

SECONDS, CANDIDATES = 30.0, 2000
"""After which it is small enough."""

Cfg = dict[str, int]
Try = Callable[[Cfg, list[Op]], Finding | None]

# What an operation does without, and what says whom it is about.
_OPTIONAL = ("fail", "hooks", "count", "scan", "empty", "pool")
_KEPT = ("op", "on", "h", "m", "l", "i", "parent")
_BOUNDS = ("calls", "stall", "lax")


class _Reducer:
    def __init__(self, found: Finding, attempt: Try) -> None:
        self.best = found
        self.attempt = attempt
        self.until = time.monotonic() + SECONDS
        self.left = CANDIDATES

    def is_spent(self) -> bool:
        return self.left <= 0 or time.monotonic() > self.until

    def shows(self, cfg: Cfg, ops: list[Op]) -> bool:
        """Is it there still? Then this is the best, up to the operation in which it is."""
        if self.is_spent():
            return False
        self.left -= 1
        if not is_in_order(ops):
            return False
        found = self.attempt(cfg, ops)
        if found is None:
            return False
        self.best = found._replace(ops=found.ops[: found.number + 1])
        return True

    # -- fewer operations

    def drop_ops(self) -> None:
        size = max(1, len(self.best.ops) // 2)
        while size and not self.is_spent():
            # From the end: what comes late needs what was early.
            start = len(self.best.ops) - size
            while start > -size:
                ops = self.best.ops
                fewer = ops[: max(start, 0)] + ops[max(start + size, 0) :]
                if len(fewer) < len(ops):
                    self.shows(self.best.cfg, fewer)
                start = min(start, len(self.best.ops)) - size
            size //= 2

    # -- simpler ones

    def simplify(self) -> bool:
        """One round; did it find anything?"""
        before = self.best
        for cfg in _simpler_cfgs(before.cfg):
            self.shows({**self.best.cfg, **cfg}, self.best.ops)
        at = 0
        while at < len(self.best.ops) and not self.is_spent():
            if not self._simplify_op(at):
                at += 1
        return self.best is not before

    def drop_bounds(self) -> None:
        """What kept long ones short; a small one has little use for it."""
        for key in _BOUNDS:
            self.shows({k: v for k, v in self.best.cfg.items() if k != key}, self.best.ops)

    def _simplify_op(self, at: int) -> bool:
        ops = self.best.ops
        return any(
            self.shows(self.best.cfg, [*ops[:at], simpler, *ops[at + 1 :]])
            for simpler in _simpler_op(ops[at])
        )


def _simpler_cfgs(cfg: Cfg) -> Iterator[Cfg]:
    if cfg["nodes"] > 1:
        yield from ({"nodes": n} for n in range(cfg["nodes"] - 1, 0, -1))
    if not cfg["kmem"]:
        yield {"kmem": 1}
    if cfg["root"] != 1:
        yield {"root": 1}


def _simpler_op(op: Op) -> Iterator[Op]:
    for key in _OPTIONAL:
        if key in op:
            yield {k: v for k, v in op.items() if k != key}
    if op.get("m", 0) > 0:
        yield {**op, "m": 0}  # the root, which is there without operations
    for key, value in op.items():
        if key == "name":
            yield from ({**op, key: "s"} for _ in range(len(value) > 1))
        elif key not in _KEPT:
            yield from ({**op, key: simpler} for simpler in _simpler(value))


def _simpler(value: Any) -> Iterator[Any]:
    """Values that are simpler than this one, the simplest first."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield from _smaller(value)
    elif isinstance(value, list):
        if len(value) > 1 and not isinstance(value[0], str):
            yield from (value[:i] + value[i + 1 :] for i in range(len(value)))
        for i, item in enumerate(value):
            yield from ([*value[:i], simpler, *value[i + 1 :]] for simpler in _simpler(item))
    elif isinstance(value, dict):
        yield from _simpler_op(value)


def _smaller(value: int) -> Iterator[int]:
    near = (0, 1, 2, value & (value - 1), value // 2, value // 2 + value // 4, value - 1)
    seen = {value}
    for n in near if value >= 0 else (0, -1, -(-value // 2), value + 1):
        if n not in seen and abs(n) < abs(value):
            seen.add(n)
            yield n


def reduce(found: Finding, attempt: Try) -> Finding:
    """The smallest that is found of what still differs; attempt runs both cores on a candidate."""
    reducer = _Reducer(found, attempt)
    reducer.shows(found.cfg, found.ops[: found.number + 1])
    reducer.drop_ops()
    while reducer.simplify() and not reducer.is_spent():
        reducer.drop_ops()
    reducer.drop_bounds()
    return reducer.best
