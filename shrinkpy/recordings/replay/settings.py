# SPDX-License-Identifier: GPL-2.0-only
"""What is to be otherwise than recorded, in a replay that asks what if."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...control import DEF_PRIORITY
from .lives import Life

__all__ = ["Settings"]


def _positive(value: int | Mapping[str, int] | None, name: str, largest: int) -> None:
    values = value.values() if isinstance(value, Mapping) else () if value is None else (value,)
    for one in values:
        if not 0 <= one <= largest:
            raise ValueError(f"{name} must be 0 to {largest}, not {one}")


class Settings:
    """What is to be otherwise than recorded."""

    def __init__(
        self,
        seeks: int | Mapping[str, int] | None,
        batch: int | Mapping[str, int] | None,
        priority_shift: int,
    ) -> None:
        _positive(seeks, "seeks", 2**31 - 1)
        _positive(batch, "batch", 2**63 - 1)
        self.seeks, self.batch, self.shift = seeks, batch, priority_shift
        self.any = seeks is not None or batch is not None or bool(priority_shift)

    def as_dict(self) -> dict[str, Any]:
        """Those that there are."""
        named = {"seeks": self.seeks, "batch": self.batch, "priority_shift": self.shift or None}
        return {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in named.items()
            if value is not None
        }

    @staticmethod
    def _of(value: int | Mapping[str, int] | None, life: Life, otherwise: int) -> int:
        if isinstance(value, Mapping):
            return value.get(life.symbol, otherwise)
        return otherwise if value is None else value

    def of(self, life: Life, seeks: int, batch: int) -> tuple[int, int]:
        """Seeks and batch of a shrinker that has these as recorded."""
        if not self.any:
            return seeks, batch
        return self._of(self.seeks, life, seeks), self._of(self.batch, life, batch)

    def priority(self, priority: int) -> int:
        """That of a pass."""
        if not self.shift:
            return priority
        return max(0, min(priority + self.shift, max(priority, DEF_PRIORITY)))
