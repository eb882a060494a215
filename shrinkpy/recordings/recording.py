# SPDX-License-Identifier: GPL-2.0-only
"""What was read: events as one structured array, the names they refer to, and the lines that say nothing."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..control import SHRINK_EMPTY, SHRINK_STOP, Gfp
from ..errors import ShrinkpyError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = [
    "EMPTY",
    "EVENT_DTYPE",
    "STOP",
    "Events",
    "Form",
    "Has",
    "Kind",
    "Mark",
    "MissingExtraError",
    "Recording",
    "ScanCounts",
    "UnreadLine",
    "extra",
    "printable",
]


class Kind(IntEnum):
    """What an event is: the field ``kind``."""

    START = 0
    END = 1
    LOST = 2
    KSWAPD_WAKE = 3
    KSWAPD_SLEEP = 4
    WAKEUP_KSWAPD = 5
    DIRECT_BEGIN = 6
    DIRECT_END = 7
    MEMCG_BEGIN = 8
    MEMCG_END = 9
    SHRINK_SLAB = 10
    SHRINK_SLAB_RET = 11
    DO_SHRINK_SLAB = 12
    DO_SHRINK_SLAB_RET = 13
    CALLBACK = 14
    CALLBACK_RET = 15
    REPARENT = 16


class Form(IntEnum):
    """Which text a start or an end has: the field ``form``. CD is of era C or D, an end of B too."""

    NONE = 0
    A = 1
    B = 2
    CD = 3
    E = 4


class Has(IntFlag):
    """Which fields the line had: the field ``fields``."""

    TIME = 1 << 0
    PID = 1 << 1
    CPU = 1 << 2
    TGID = 1 << 3
    SYMBOL = 1 << 4
    SHRINKER = 1 << 5
    NID = 1 << 6
    MEMCG = 1 << 7
    MEMCG_ID = 1 << 8
    NR = 1 << 9
    NEW_NR = 1 << 10
    GFP = 1 << 11
    PGS_SCANNED = 1 << 12
    LRU_PGS = 1 << 13
    ITEMS = 1 << 14
    DELTA = 1 << 15
    TOTAL_SCAN = 1 << 16
    PRIORITY = 1 << 17
    RET = 1 << 18
    NR_SCANNED = 1 << 19
    BATCH = 1 << 20
    SEEKS = 1 << 21
    FLAGS = 1 << 22
    ID = 1 << 23
    ORDER = 1 << 24
    PARENT = 1 << 25
    CALLER = 1 << 26


class Mark(IntFlag):
    """What else is to be said of a line: the field ``mark``."""

    CUT = 1
    IN_IRQ = 2
    RAW_TIME = 4
    INTERLEAVED = 8


EVENT_DTYPE = np.dtype(
    [
        ("line", "u8"),
        ("time", "i8"),
        ("shrinker", "u8"),
        ("memcg", "u8"),
        ("memcg_id", "u8"),
        ("parent", "u8"),
        ("nr", "i8"),
        ("new_nr", "i8"),
        ("items", "i8"),
        ("delta", "u8"),
        ("total_scan", "i8"),
        ("ret", "i8"),
        ("nr_scanned", "i8"),
        ("pgs_scanned", "i8"),
        ("lru_pgs", "i8"),
        ("batch", "i8"),
        ("symbol", "u4"),
        ("caller", "u4"),
        ("gfp", "u4"),
        ("fields", "u4"),
        ("pid", "i4"),
        ("tgid", "i4"),
        ("cpu", "i4"),
        ("nid", "i4"),
        ("priority", "i4"),
        ("seeks", "i4"),
        ("flags", "i4"),
        ("id", "i4"),
        ("order", "i4"),
        ("kind", "u1"),
        ("form", "u1"),
        ("mark", "u1"),
        ("pad", "u1"),
        ("comm", "S16"),
    ]
)
"""struct sp_recorded of csrc/recordings/scan.h, field for field."""

Events = npt.NDArray[Any]

STOP, EMPTY = SHRINK_STOP - 2**64, SHRINK_EMPTY - 2**64
"""The kernel's answers as a probe prints them: a long."""


class UnreadLine(NamedTuple):
    """A line that could not be read: its number from 1, why, and its text (cut, escapes made visible)."""

    line: int
    reason: str
    text: str


class ScanCounts(NamedTuple):
    """What became of the lines."""

    lines: int = 0
    comments: int = 0
    others: int = 0
    events: int = 0
    cut: int = 0
    unread: int = 0
    names_full: int = 0


class MissingExtraError(ShrinkpyError, ImportError):
    """A package that is not installed is needed for this; the message says how to have it."""


def extra(module: str) -> Any:
    """Import a module of the extra `recordings`. Raises MissingExtraError."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"this needs {package}, which is not installed: pip install 'shrinkpy[recordings]'"
        ) from None


def printable(text: bytes | str) -> str:
    """What a file says, fit for a terminal: all that is no printable character as an escape."""
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# Fields that are numbers of names, and those that are no column of a table of their own.
_NAMED = ("symbol", "caller", "gfp")
_ALWAYS = ("line", "kind", "form", "mark")


@dataclass
class Recording:
    """A recording, or a piece of one.

    events has shape (n,) and EVENT_DTYPE: the kernel's names and units, time in ns. A field that the
    line did not have is 0, and its bit of Has is not in ``fields``. ``symbol``, ``caller`` and ``gfp``
    are indices into names; ``comm`` is bytes, as they stand in the file: see printable().
    """

    events: Events
    names: list[str]
    source: str = ""
    counts: ScanCounts = field(default_factory=ScanCounts)
    unread: list[UnreadLine] = field(default_factory=list)
    unread_reasons: dict[str, int] = field(default_factory=dict)

    def of(self, *kinds: Kind) -> Events:
        """The events of some kinds: a copy."""
        wanted: Events = np.isin(self.events["kind"], kinds)
        return self.events[wanted]

    @property
    def gfp_masks(self) -> npt.NDArray[np.int64]:
        """The mask that each name stands for where it is one of gfp flags, by index; else -1."""
        return np.array([_mask(name) for name in self.names], "i8")

    def to_arrow(self) -> pyarrow.Table:
        """A pyarrow Table: a column a field, null where the line had none; names, kinds and forms are text.

        ``time`` is a duration in ns where the clock counts seconds, and null where it counts something else:
        then ``clock`` has the count. Raises MissingExtraError.
        """
        pa = extra("pyarrow")
        columns = dict(self._columns())
        return pa.table({name: make(pa) for name, make in columns.items()})

    def to_polars(self) -> polars.DataFrame:
        """A polars DataFrame: the columns of to_arrow(). Raises MissingExtraError."""
        frame: polars.DataFrame = extra("polars").from_arrow(self.to_arrow())
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas DataFrame: to_arrow()'s columns, in pandas' nullable types. Raises MissingExtraError."""
        pd, pa = extra("pandas"), extra("pyarrow")
        nullable = {
            pa.int64(): pd.Int64Dtype(),
            pa.uint64(): pd.UInt64Dtype(),
            pa.int32(): pd.Int32Dtype(),
            pa.bool_(): pd.BooleanDtype(),
        }
        frame: pandas.DataFrame = self.to_arrow().to_pandas(types_mapper=nullable.get)
        return frame

    def _columns(self) -> Iterable[tuple[str, Any]]:
        events = self.events
        fields = events["fields"]

        def dictionary(indices: Events, words: list[str], missing: Any = None) -> Any:
            return lambda pa: pa.DictionaryArray.from_arrays(
                pa.array(indices.astype("i4"), mask=missing), pa.array(words, pa.string())
            )

        yield "line", lambda pa: pa.array(events["line"])
        yield "kind", dictionary(events["kind"], [kind.name for kind in Kind])
        yield "form", dictionary(events["form"], [form.name for form in Form], events["form"] == Form.NONE)
        has_time = fields & Has.TIME != 0
        raw = events["mark"] & Mark.RAW_TIME != 0
        yield "time", lambda pa: pa.array(events["time"], mask=~has_time | raw).cast(pa.duration("ns"))
        yield "clock", lambda pa: pa.array(events["time"], mask=~has_time | ~raw)
        comms, which = np.unique(events["comm"], return_inverse=True)
        comms_shown = [printable(bytes(comm)) for comm in comms]
        yield "comm", dictionary(which, comms_shown, events["comm"] == b"")
        for name in EVENT_DTYPE.names or ():
            if name in _ALWAYS or name in ("fields", "pad", "comm", "time"):
                continue
            missing = fields & Has[name.upper()] == 0
            if name in _NAMED:
                # Only those that are used: a table of its own size, whatever else the file names.
                used, index = np.unique(events[name], return_inverse=True)
                yield name, dictionary(index, [self.names[i] for i in used], missing)
            else:
                yield (
                    name,
                    lambda pa, name=name, missing=missing: pa.array(
                        np.ascontiguousarray(events[name]), mask=missing
                    ),
                )
        for mark in Mark:
            if mark != Mark.RAW_TIME:
                yield (
                    str(mark.name).lower(),
                    lambda pa, mark=mark: pa.array((events["mark"] & mark) != 0),
                )


def _mask(name: str) -> int:
    try:
        mask = int(Gfp.from_words(name))
    except ValueError:
        return -1
    return mask if 0 <= mask < 2**63 else -1
