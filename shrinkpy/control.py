# SPDX-License-Identifier: GPL-2.0-only
"""What goes into a callback and what comes out of it: flags, masks, typed results."""

from __future__ import annotations

import enum
from typing import ClassVar, Final, Self, SupportsIndex

__all__ = [
    "DEFAULT_SEEKS",
    "DEF_PRIORITY",
    "SHRINK_BATCH",
    "SHRINK_EMPTY",
    "SHRINK_STOP",
    "CountObjects",
    "Flags",
    "Gfp",
    "ScanObjects",
]

SHRINK_STOP: Final = 2**64 - 1
"""What scan_objects says when no progress is possible (include/linux/shrinker.h)."""
SHRINK_EMPTY: Final = 2**64 - 2
"""What count_objects says when there is nothing at all (include/linux/shrinker.h)."""
DEFAULT_SEEKS: Final = 2
"""The seeks of a new shrinker (include/linux/shrinker.h)."""
SHRINK_BATCH: Final = 128
"""The batch of a shrinker whose batch is 0 (mm/shrinker.c)."""
DEF_PRIORITY: Final = 12
"""Where the reclaim loops start; 0 is the strongest (include/linux/mmzone.h)."""


class Flags(enum.IntFlag, boundary=enum.KEEP):
    """The flags that the user of shrinker_alloc() may set (include/linux/shrinker.h)."""

    NUMA_AWARE = 1 << 2
    MEMCG_AWARE = 1 << 3
    NONSLAB = 1 << 4
    """Called although kernel-memory accounting is off; only with MEMCG_AWARE."""


class Gfp(enum.IntFlag, boundary=enum.KEEP):
    """The mask of an allocation, in the kernel's names and 6.12's values (gfp_types.h).

    ``Gfp.KERNEL`` is ``GFP_KERNEL``; a single bit goes without its prefix, ``Gfp.FS`` is
    ``__GFP_FS``. The order is the one in which a trace looks for names: see words().
    """

    TRANSHUGE = 0x1C24CA
    TRANSHUGE_LIGHT = 0x1C20CA
    HIGHUSER_MOVABLE = 0x100CCA
    HIGHUSER = 0x100CC2
    USER = 0x100CC0
    KERNEL_ACCOUNT = 0x400CC0
    KERNEL = 0xCC0
    NOFS = 0xC40
    ATOMIC = 0x820
    NOIO = 0xC00
    NOWAIT = 0x2800
    DMA = 0x1
    HIGHMEM = 0x2
    DMA32 = 0x4
    HIGH = 0x20
    IO = 0x40
    FS = 0x80
    NOWARN = 0x2000
    RETRY_MAYFAIL = 0x4000
    NOFAIL = 0x8000
    NORETRY = 0x10000
    COMP = 0x40000
    ZERO = 0x100
    NOMEMALLOC = 0x80000
    MEMALLOC = 0x20000
    HARDWALL = 0x100000
    THISNODE = 0x200000
    RECLAIMABLE = 0x10
    MOVABLE = 0x8
    ACCOUNT = 0x400000
    WRITE = 0x1000
    RECLAIM = 0xC00
    DIRECT_RECLAIM = 0x400
    KSWAPD_RECLAIM = 0x800
    ZEROTAGS = 0x800000

    def words(self) -> str:
        """As a trace prints it: ``GFP_KERNEL|__GFP_NOWARN``, ``none``, what has no name in hex."""
        left = int(self)
        found = []
        for name, member in type(self).__members__.items():
            if left & member == member:
                left &= ~int(member)
                found.append(f"{'GFP_' if name in _GFP_WHOLE else '__GFP_'}{name}")
        if left:
            found.append(hex(left))
        return "|".join(found) or "none"

    @classmethod
    def from_words(cls, text: str) -> Self:
        """The mask that words() shows so, or that a number says. Raises ValueError for another name."""
        mask = cls(0)
        for word in text.split("|"):
            if word == "none":
                continue
            prefix, _, name = word.partition("GFP_")
            if prefix in ("", "__") and name in cls.__members__:
                mask |= cls[name]
            else:
                mask |= cls(int(word, 0))
        return mask


# The names that stand for a whole kind of allocation; the others are __GFP_ bits.
_GFP_WHOLE = frozenset(
    {
        *("TRANSHUGE", "TRANSHUGE_LIGHT", "HIGHUSER_MOVABLE", "HIGHUSER", "USER", "KERNEL_ACCOUNT"),
        *("KERNEL", "NOFS", "ATOMIC", "NOIO", "NOWAIT", "DMA", "DMA32"),
    }
)


class _Result(int):
    """An unsigned long that a callback may return."""

    __slots__ = ()
    MAX: ClassVar[int]
    _names: ClassVar[dict[int, str]]

    def __new__(cls, n: SupportsIndex) -> Self:
        value = cls._int(n, "")
        if not 0 <= value <= cls.MAX:
            raise ValueError(
                f"{cls.__name__}() takes 0 to {cls.MAX}, not {value}; raw(n) takes any unsigned long"
            )
        return super().__new__(cls, value)

    @classmethod
    def _int(cls, n: SupportsIndex, method: str) -> int:
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(f"{cls.__name__}{method}() takes an int, not {n!r}")
        return n.__index__()

    @classmethod
    def raw(cls, n: SupportsIndex) -> Self:
        """Any unsigned long (0 to 2**64 - 1), to study what the kernel does with it.

        Raises ValueError for what is none, and TypeError for what is no int.
        """
        value = cls._int(n, ".raw")
        if not 0 <= value < 2**64:
            raise ValueError(f"{cls.__name__}.raw() takes 0 to 2**64 - 1, not {value}")
        return super().__new__(cls, value)

    @classmethod
    def from_count(cls, count: SupportsIndex) -> Self:
        """As first posted: more than MAX becomes MAX."""
        return cls(min(cls._int(count, ".from_count"), cls.MAX))

    def __repr__(self) -> str:
        name = type(self).__name__
        if int(self) in self._names:
            return f"{name}.{self._names[int(self)]}"
        raw = "" if self <= self.MAX else ".raw"
        return f"{name}{raw}({int(self)})"

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return type(self).raw, (int(self),)


class CountObjects(_Result):
    """The result of count_objects(): 0 to MAX, or EMPTY.

    0 says that there is nothing to do now, and keeps the cgroup's bit; EMPTY says that there is
    nothing at all, and clears it. MAX is LONG_MAX // 6: with more, some combination of seeks,
    priority and deferred work wraps. Mirrors CountObjects of rust/kernel/shrinker.rs.

    Raises ValueError for a number outside, TypeError for what is no int (bool is none).
    """

    __slots__ = ()
    MAX: ClassVar[int] = (2**63 - 1) // 6
    EMPTY: ClassVar[CountObjects]
    UNKNOWN: ClassVar[CountObjects]
    _names: ClassVar[dict[int, str]] = {SHRINK_EMPTY: "EMPTY"}

    @classmethod
    def from_count(cls, count: SupportsIndex) -> Self:
        """As first posted: 0 becomes EMPTY, and more than MAX becomes MAX."""
        return super().from_count(count) or cls.raw(SHRINK_EMPTY)


class ScanObjects(_Result):
    """The result of scan_objects(): how many objects were freed, 0 to MAX, or STOP.

    MAX is SHRINK_EMPTY - 1: a scan cannot say EMPTY. Mirrors ScanObjects of rust/kernel/shrinker.rs.

    Raises ValueError for a number outside, TypeError for what is no int (bool is none).
    """

    __slots__ = ()
    MAX: ClassVar[int] = SHRINK_EMPTY - 1
    STOP: ClassVar[ScanObjects]
    _names: ClassVar[dict[int, str]] = {SHRINK_STOP: "STOP"}


CountObjects.EMPTY = CountObjects.raw(SHRINK_EMPTY)
CountObjects.UNKNOWN = CountObjects(0)
ScanObjects.STOP = ScanObjects.raw(SHRINK_STOP)
