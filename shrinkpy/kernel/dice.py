# SPDX-License-Identifier: GPL-2.0-only
"""Random numbers and scripts: mostly ordinary ones, and often those where arithmetic has its edges."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, TypeVar

from ..control import SHRINK_EMPTY, SHRINK_STOP
from ..golden import Op

__all__ = ["Dice", "Weights"]

T = TypeVar("T")

ULONG = 2**64
_NEAR = (0, 1, 2, 3, 64, 128, 256, 1024, 2**31, 2**32, 2**62, ULONG // 6, ULONG // 4, 2**63, ULONG)
_EDGES = sorted({(n + d) % ULONG for n in _NEAR for d in (-2, -1, 0, 1)})
_SEEKS = (2, 2, 2, 2, 0, 1, 3, 4, 7, 100, 2**31 - 1, -1, -2, -(2**31))
_BATCHES = (0, 0, 0, 0, 1, 2, 16, 32, 100, 127, 128, 129, 1000, 1024, 4096, 2**31, 2**62, 2**63 - 1, -1)
_PRIORITIES = (0, 0, 0, 1, 2, 3, 4, 6, 8, 12, 12)
_GFPS = (0xCC0, 0xCC0, 0xCC0, 0, 0xC40, 0x100CCA, 2**32 - 1)
_NAMES = ("s", "s", "cache", "s-0", "s-1", "", "a b", "%d", "x/y", "n" * 126, "n" * 200)


class Weights:
    """Names, each as likely as its weight says."""

    def __init__(self, weights: Mapping[str, int]) -> None:
        self.names = tuple(weights)
        self.sums = tuple(accumulate(weights.values()))


class Dice(random.Random):
    """What is random of a scenario; the same for the same seed, on every machine."""

    def chance(self, percent: float) -> bool:
        """Is it one of so many in a hundred?"""
        return self.random() * 100 < percent

    def below(self, n: int) -> int:
        """A number from 0 to n - 1; quicker than randrange()."""
        return int(self.random() * n)

    def one(self, of: Sequence[T]) -> T:
        """One of them."""
        return of[int(self.random() * len(of))]

    def name(self, weights: Weights) -> str:
        """One of the names."""
        return self.choices(weights.names, cum_weights=weights.sums)[0]

    # -- numbers

    def ulong(self) -> int:
        """An unsigned long: small, at an edge, or of any length."""
        kind = self.below(10)
        if kind < 5:
            return self.below(300)
        if kind < 7:
            return self.below(6000)
        if kind < 9:
            return self.one(_EDGES)
        return self.getrandbits(1 + self.below(64))

    def long(self) -> int:
        """A signed one."""
        n = self.ulong()
        if n >= 2**63:
            return n - ULONG
        return -n if self.chance(15) else n

    def seeks(self) -> int:
        """An int for shrinker->seeks."""
        return self.one(_SEEKS) if self.chance(90) else self.getrandbits(32) - 2**31

    def batch(self) -> int:
        """A long for shrinker->batch."""
        return self.one(_BATCHES) if self.chance(90) else self.below(300)

    def priority(self) -> int:
        """0 to 63, seldom one that is none."""
        if self.chance(92):
            return self.one(_PRIORITIES)
        return self.below(64) if self.chance(90) else self.one((-1, 64, 1000))

    def gfp(self) -> int:
        """A mask, mostly GFP_KERNEL."""
        return self.one(_GFPS)

    def text(self) -> str:
        """A shrinker's name, which debugfs may refuse or cut."""
        return self.one(_NAMES)

    # -- scripts

    def counted(self) -> Any:
        """An entry of count."""
        kind = self.below(20)
        if kind < 6:
            return "objs"
        if kind < 9:
            return self.below(200)
        if kind < 13:
            return self.below(6000)
        if kind < 16:
            return SHRINK_EMPTY
        if kind < 18:
            return 0
        return SHRINK_STOP if self.chance(10) else self.ulong()

    def scanned(self) -> list[Any]:
        """An entry of scan."""
        kind = self.one(("val", "val", "free", "free", "free", "stop"))
        how = self.one(("leave", "leave", "leave", "leave", "set", "freed", "minus", "plus"))
        v = self.ulong() if self.chance(60) else ULONG - 1
        if kind == "val" and self.chance(50):
            v = self.below(128)
        w = 0
        if how in ("set", "minus", "plus"):
            w = self.ulong() if self.chance(30) else self.below(200)
        entry = [kind, 0 if kind == "stop" and self.chance(80) else v, how, w]
        return [*entry, self.ulong()] if self.chance(6) else entry

    def script(self, handle: int, hook: Callable[[], Op] | None, hooks: int) -> Op:
        """The operation that programs a shrinker; so many hooks are what hook makes."""
        op: Op = {"op": "script", "h": handle}
        if self.chance(90):
            op["count"] = [self.counted() for _ in range(1 + self.below(self.one((1, 1, 2, 4))))]
        if self.chance(85):
            op["scan"] = [self.scanned() for _ in range(1 + self.below(self.one((1, 2, 4))))]
        if self.chance(15):
            op["empty"] = self.one((0, SHRINK_EMPTY, 1))
        if self.chance(50):
            op["pool"] = self.below(4)
        if hook and hooks:
            op["hooks"] = [
                {
                    "on": "scan" if self.chance(40) else "count",
                    "at": self.below(self.one((1, 1, 2, 3))),
                    "op": hook(),
                }
                for _ in range(hooks)
            ]
        return op
