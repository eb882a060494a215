# SPDX-License-Identifier: GPL-2.0-only
"""Trace text in every dialect, by the tests' own hand: what the reader of recordings is held against.

An Event is what happened; a Dialect is a tool, with its options, that prints it; write() gives the
text and, for each event of it, the row that a reader must make. Formats of events are those of
SPEC section 11; how ftrace, trace-cmd and perf print what stands around them was taken from
recordings of theirs, and from their manuals. Nothing of the product is used to write, and only the
names of its columns to compare.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from shrinkpy.recordings.recording import EVENT_DTYPE, Form, Has, Kind, Mark

I64 = (-(2**63), 2**63 - 1)

# ---- formats of events ----------------------------------------------------------------------------

_A_SCANNED = "pgs_scanned {pgs_scanned} lru_pgs {lru_pgs} "
_ITEMS = "cache items {items} delta {delta} total_scan {total_scan}"
_RET = " total_scan {total_scan} last shrinker return val {ret}"
_COUNTS = "unused scan count {nr} new scan count {new_nr}" + _RET

START_FORMATS = {
    "A": "{symbol} {shrinker}: objects to shrink {nr} gfp_flags {gfp} " + _A_SCANNED + _ITEMS,
    "B": "{symbol} {shrinker}: nid: {nid} objects to shrink {nr} gfp_flags {gfp} " + _A_SCANNED + _ITEMS,
    "C": "{symbol} {shrinker}: nid: {nid} objects to shrink {nr} gfp_flags {gfp} "
    + _ITEMS
    + " priority {priority}",
    "E": "{symbol} {shrinker}: nid: {nid} pid: {pid} memcg_id: {memcg_id} objects to shrink {nr} "
    "gfp_flags {gfp} " + _ITEMS + " priority {priority} {in_irq}",
}
END_FORMATS = {
    "A": "{symbol} {shrinker}: " + _COUNTS,
    "B": "{symbol} {shrinker}: nid: {nid} " + _COUNTS,
    "E": "{symbol} {shrinker}: nid: {nid} pid: {pid} memcg_id: {memcg_id} " + _COUNTS + " {in_irq}",
}
START_FORMATS["D"] = START_FORMATS["C"]
END_FORMATS["C"] = END_FORMATS["D"] = END_FORMATS["B"]

FORMS = {"A": Form.A, "B": Form.B, "C": Form.CD, "D": Form.CD, "E": Form.E}


@dataclass(frozen=True)
class Filled:
    """A format with its values, and where each of them stands."""

    text: str
    spans: dict[str, tuple[int, int]]


def fill(form: str, values: dict[str, str]) -> Filled:
    """Put the values in."""
    text, spans = "", {}
    for literal, name in re.findall(r"([^{]*)(?:\{(\w+)\})?", form):
        text += literal
        if name:
            spans[name] = (len(text), len(text) + len(values[name]))
            text += values[name]
    return Filled(text, spans)


# ---- events ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Event:
    """Who, where and when. Time is in ns, or a count under such a clock."""

    KIND: ClassVar[Kind]
    NAME: ClassVar[str]

    comm: str = "init"
    pid: int = 1
    tgid: int = 1
    cpu: int = 0
    time: int = 25_219_779_000

    def told(self) -> dict[str, Any]:
        """What its own text tells, by the names of the columns."""
        raise NotImplementedError

    def mark(self) -> Mark:
        """What else is to be said of it."""
        return Mark(0)

    def form(self) -> Form:
        """Which form its text has."""
        return Form.NONE

    def body(self, dialect: Dialect) -> str:
        """Its own text."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class _Shrinking(Event):
    era: str = "D"
    symbol: str = "super_cache_scan"
    module: str = ""
    size: int = 0x1C0
    address: int = 0xFFFFFFFF8145A8F0
    shrinker: int = 0x646E0461
    nid: int = 0
    memcg_id: int = 1
    in_irq: bool = False

    FORMAT: ClassVar[dict[str, str]]
    RAW: ClassVar[tuple[str, ...]]

    def form(self) -> Form:
        # The end of era B reads as those after it.
        return Form.CD if self.era == "B" and isinstance(self, End) else FORMS[self.era]

    def mark(self) -> Mark:
        return Mark.IN_IRQ if self.in_irq and self.era == "E" else Mark(0)

    def told(self) -> dict[str, Any]:
        names = re.findall(r"\{(\w+)\}", self.FORMAT[self.era])
        return {name: getattr(self, name) for name in names if name != "in_irq"}

    def filled(self, dialect: Dialect) -> Filled:
        """The text of its era, and where its fields are."""
        values = {name: str(value) for name, value in self.told().items()}
        values["symbol"] = dialect.symbol(self)
        values["shrinker"] = POINTERS[dialect.pointer].format(self.shrinker)
        values["in_irq"] = "(in-irq)" if self.in_irq else ""
        return fill(self.FORMAT[self.era], values)

    def body(self, dialect: Dialect) -> str:
        return dialect.raw(self) if dialect.raw else self.filled(dialect).text


@dataclass(frozen=True, kw_only=True)
class Start(_Shrinking):
    """mm_shrink_slab_start."""

    KIND = Kind.START
    NAME = "mm_shrink_slab_start"
    FORMAT = START_FORMATS
    # Names and types of 6.12's format file: d signed, u unsigned, l a long of either sign.
    RAW = (
        "shrinker:shr:p",
        "symbol:shrink:p",
        "nid:nid:d",
        "nr:nr_objects_to_shrink:l",
        "gfp:gfp_flags:u",
        "items:cache_items:u",
        "delta:delta:u",
        "total_scan:total_scan:u",
        "priority:priority:d",
    )

    nr: int = 6094
    gfp: str = "GFP_KERNEL|__GFP_NOWARN"
    mask: int = 0x2CC0
    pgs_scanned: int = 32
    lru_pgs: int = 942483
    items: int = 246992
    delta: int = 120
    total_scan: int = 121
    priority: int = 12


@dataclass(frozen=True, kw_only=True)
class End(_Shrinking):
    """mm_shrink_slab_end."""

    KIND = Kind.END
    NAME = "mm_shrink_slab_end"
    FORMAT = END_FORMATS
    RAW = (
        "shrinker:shr:p",
        "nid:nid:d",
        "symbol:shrink:p",
        "nr:unused_scan:l",
        "new_nr:new_scan:l",
        "ret:retval:d",
        "total_scan:total_scan:l",
    )

    nr: int = 6094
    new_nr: int = 6214
    total_scan: int = 121
    ret: int = 0


@dataclass(frozen=True, kw_only=True)
class Lost(Event):
    """Events of a CPU that nobody saw; without a number where the tool has none."""

    KIND = Kind.LOST
    NAME = ""

    nr: int | None = 53

    def told(self) -> dict[str, Any]:
        return {"cpu": self.cpu} | ({} if self.nr is None else {"nr": self.nr})


@dataclass(frozen=True, kw_only=True)
class _Pairs(Event):
    """An event whose text is name=value pairs; NAMES are column:name:format."""

    NAMES: ClassVar[tuple[str, ...]]

    def told(self) -> dict[str, Any]:
        return {name.split(":")[0]: getattr(self, name.split(":")[0]) for name in self.NAMES}

    def body(self, dialect: Dialect) -> str:
        pairs = []
        for each in self.NAMES:
            column, name, form = each.split(":")
            pairs.append(f"{name}={format(getattr(self, column), form)}")
        return " ".join(pairs)


@dataclass(frozen=True, kw_only=True)
class KswapdWake(_Pairs):
    KIND = Kind.KSWAPD_WAKE
    NAME = "mm_vmscan_kswapd_wake"
    NAMES = ("nid:nid:d", "order:order:d")

    nid: int = 0
    order: int = 0


@dataclass(frozen=True, kw_only=True)
class KswapdSleep(_Pairs):
    KIND = Kind.KSWAPD_SLEEP
    NAME = "mm_vmscan_kswapd_sleep"
    NAMES = ("nid:nid:d",)

    nid: int = 0


@dataclass(frozen=True, kw_only=True)
class WakeupKswapd(_Pairs):
    KIND = Kind.WAKEUP_KSWAPD
    NAME = "mm_vmscan_wakeup_kswapd"
    NAMES = ("nid:nid:d", "order:order:d", "gfp:gfp_flags:")

    nid: int = 0
    order: int = 0
    gfp: str = "GFP_HIGHUSER_MOVABLE|__GFP_COMP"


@dataclass(frozen=True, kw_only=True)
class DirectBegin(_Pairs):
    KIND = Kind.DIRECT_BEGIN
    NAME = "mm_vmscan_direct_reclaim_begin"
    NAMES = ("order:order:d", "gfp:gfp_flags:")

    order: int = 0
    gfp: str = "GFP_NOFS"


@dataclass(frozen=True, kw_only=True)
class DirectEnd(_Pairs):
    KIND = Kind.DIRECT_END
    NAME = "mm_vmscan_direct_reclaim_end"
    NAMES = ("ret:nr_reclaimed:d",)

    ret: int = 51


@dataclass(frozen=True, kw_only=True)
class MemcgBegin(DirectBegin):
    KIND = Kind.MEMCG_BEGIN
    NAME = "mm_vmscan_memcg_reclaim_begin"


@dataclass(frozen=True, kw_only=True)
class MemcgEnd(DirectEnd):
    KIND = Kind.MEMCG_END
    NAME = "mm_vmscan_memcg_reclaim_end"


@dataclass(frozen=True, kw_only=True)
class _Probe(_Pairs):
    """An event of a kprobe: where it is, then pairs. A return probe has an arrow, and who called."""

    symbol: str = ""
    caller: str = ""
    module: str = ""
    place: str = "+0x4/0x3d0"

    def told(self) -> dict[str, Any]:
        who = {"symbol": self.symbol} | ({"caller": self.caller} if self.caller else {})
        return who | super().told()

    def body(self, dialect: Dialect) -> str:
        module = f" [{self.module}]" if self.module else ""
        where = f"{self.symbol}{self.place}{module}"
        if self.caller:
            where = f"{self.caller}{self.place} <- {self.symbol}{module}"
        return f"({where}) {super().body(dialect)}".rstrip()


@dataclass(frozen=True, kw_only=True)
class ShrinkSlab(_Probe):
    KIND = Kind.SHRINK_SLAB
    NAME = "shrink_slab"
    NAMES = ("gfp:gfp:", "nid:nid:d", "memcg:memcg:#x", "priority:prio:d", "memcg_id:ino:d")

    symbol: str = "shrink_slab"
    gfp: str = "0x40c50"
    nid: int = 0
    memcg: int = 0xFF26B84C8104D000
    priority: int = 12
    memcg_id: int = 104


@dataclass(frozen=True, kw_only=True)
class ShrinkSlabRet(_Probe):
    KIND = Kind.SHRINK_SLAB_RET
    NAME = "shrink_slab_ret"
    NAMES = ("ret:freed:d",)

    symbol: str = "shrink_slab"
    caller: str = "shrink_node"
    ret: int = 0


@dataclass(frozen=True, kw_only=True)
class DoShrinkSlab(_Probe):
    KIND = Kind.DO_SHRINK_SLAB
    NAME = "do_shrink_slab"
    NAMES = (
        "shrinker:shr:#x",
        "nid:nid:d",
        "memcg:memcg:#x",
        "gfp:gfp:",
        "priority:prio:d",
        "batch:batch:d",
        "seeks:seeks:d",
        "flags:flags:#x",
        "id:id:d",
    )

    symbol: str = "do_shrink_slab"
    shrinker: int = 0xFF26B84C81136F80
    nid: int = 0
    memcg: int = 0xFF26B84C8104D000
    gfp: str = "0xcc0"
    priority: int = 0
    batch: int = 1024
    seeks: int = 2
    flags: int = 0xF
    id: int = 20


@dataclass(frozen=True, kw_only=True)
class DoShrinkSlabRet(_Probe):
    KIND = Kind.DO_SHRINK_SLAB_RET
    NAME = "do_shrink_slab_ret"
    NAMES = ("ret:ret:d",)

    symbol: str = "do_shrink_slab"
    caller: str = "shrink_slab"
    ret: int = -2


@dataclass(frozen=True, kw_only=True)
class Callback(_Probe):
    KIND = Kind.CALLBACK
    NAME = "ext4_es_scan"
    NAMES = ("nr:nr:d",)

    symbol: str = "ext4_es_scan"
    module: str = "ext4"
    nr: int = 128


@dataclass(frozen=True, kw_only=True)
class CountRet(_Probe):
    KIND = Kind.CALLBACK_RET
    NAME = "super_cache_count_ret"
    NAMES = ("ret:ret:d",)

    symbol: str = "super_cache_count"
    caller: str = "do_shrink_slab"
    ret: int = -2


@dataclass(frozen=True, kw_only=True)
class ScanRet(_Probe):
    KIND = Kind.CALLBACK_RET
    NAME = "super_cache_scan_ret"
    NAMES = ("ret:ret:d", "nr_scanned:nr_scanned:d")

    symbol: str = "super_cache_scan"
    caller: str = "shrinker_debugfs_scan_write"
    ret: int = 130
    nr_scanned: int = 128


@dataclass(frozen=True, kw_only=True)
class Reparent(_Probe):
    KIND = Kind.REPARENT
    NAME = "reparent"
    NAMES = ("memcg:memcg:#x", "parent:parent:#x")

    symbol: str = "reparent_shrinker_deferred"
    memcg: int = 0xFF39CA5E026C7000
    parent: int = 0xFF39CA5E026C1000


SHRINKING = (Start, End)
VMSCAN = (KswapdWake, KswapdSleep, WakeupKswapd, DirectBegin, DirectEnd, MemcgBegin, MemcgEnd)
PROBES = (
    ShrinkSlab,
    ShrinkSlabRet,
    DoShrinkSlab,
    DoShrinkSlabRet,
    Callback,
    CountRet,
    ScanRet,
    Reparent,
)

# ---- how symbols and pointers are printed ---------------------------------------------------------

POINTERS = {
    "16 digits": "{:016x}",
    "8 digits": "{:08x}",
    "0x": "0x{:x}",
    "twice": "{0:016x}(0x{0:016x})",
    "left out": "",
    "ptrval": "(____ptrval____)",
}
NO_POINTER = ("left out", "ptrval")


def kernel_symbol(e: _Shrinking) -> str:
    """``%pS``: with its size and its module."""
    return f"{e.symbol}+0x0/{e.size:#x}" + (f" [{e.module}]" if e.module else "")


def tool_symbol(e: _Shrinking) -> str:
    """By libtraceevent, which knows neither."""
    return f"{e.symbol}+0x0"


def bare_symbol(e: _Shrinking) -> str:
    """A name only."""
    return e.symbol


def no_symbol(e: _Shrinking) -> str:
    """``%pS`` where no symbol is known."""
    return f"{e.address:#x}"


def trace_cmd_pairs(e: _Shrinking) -> str:
    """``trace-cmd report -R``: signed fields in decimal, pointers and unsigned longs in hex."""
    text = ""
    for each in e.RAW:
        column, name, kind = each.split(":")
        value = {"symbol": "address", "gfp": "mask"}.get(column, column)
        n = getattr(e, value)
        text += f" {name}={n % 2**64:#x}" if kind in "pu" else f" {name}={n}"
    return text


def fields_pairs(e: _Shrinking) -> str:
    """Option ``fields`` of ftrace: each in hex and in signed decimal."""
    pairs = []
    for each in e.RAW:
        column, name, kind = each.split(":")
        value = {"symbol": "address", "gfp": "mask"}.get(column, column)
        bits = 32 if kind == "d" else 64
        n = getattr(e, value) % 2**bits
        pairs.append(f"{name}={n:#x} ({n - 2**bits if n >> bits - 1 else n})")
    return " ".join(pairs)


# ---- dialects -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A tool with its options."""

    name: str
    head: Callable[[Event], str]
    named: Callable[[Event], str] = lambda e: f"{e.NAME}: "
    symbol: Callable[[_Shrinking], str] = kernel_symbol
    pointer: str = "16 digits"
    raw: Callable[[_Shrinking], str] | None = None
    tells: frozenset[str] = frozenset({"time", "pid", "cpu", "comm"})
    step: int = 1000
    """Nanoseconds of its clock's step; 0: its clock counts."""
    comm: int = 15
    """Bytes of a comm that it shows."""
    opening: str = ""
    after: str = ""
    """What follows each event."""
    after_row: dict[str, Any] | None = None
    """And what its first line tells, if it tells anything."""
    kinds: tuple[type[Event], ...] = (*SHRINKING, *VMSCAN)
    eras: str = "ABCDE"

    def __str__(self) -> str:
        return self.name

    def line(self, e: Event) -> str:
        """An event's lines, each with its newline."""
        if isinstance(e, Lost):
            events = "EVENTS" if e.nr is None else f"{e.nr} EVENTS"
            return f"CPU:{e.cpu} [LOST {events}]\n"
        return f"{self.head(e)}{self.named(e)}{e.body(self)}\n{self.after}"

    def row(self, e: Event) -> dict[str, Any]:
        """What a reader must make of it: kind, form, mark, comm, and each column that it has."""
        told = e.told()
        row = {"kind": e.KIND, "form": e.form(), "mark": e.mark(), "comm": b""}
        if isinstance(e, Lost):
            return row | told
        if isinstance(e, _Shrinking):
            if self.symbol is no_symbol or self.raw:
                told["symbol"] = f"{e.address:#x}"
            if self.pointer in NO_POINTER:
                del told["shrinker"]
        if isinstance(e, Start):
            told["delta"] = e.delta % 2**64
            if self.raw:
                told["gfp"] = f"{e.mask:#x}"
        head = {name: getattr(e, name) for name in self.tells - {"comm"}}
        if "time" in head:
            head["time"] = e.time // self.step * self.step if self.step else e.time
            if not self.step:
                row["mark"] |= Mark.RAW_TIME
        if "comm" in self.tells:
            row["comm"] = e.comm.encode("latin-1")[: self.comm].strip(b" ")
        return row | head | told


def seconds(ns: int, digits: int = 6) -> str:
    """As ``s.us``, or ``s.ns``."""
    whole, rest = divmod(ns, 10**9)
    return f"{whole:5d}.{rest // 10 ** (9 - digits):0{digits}d}"


TRACE_HEADER = """\
# tracer: nop
#
# entries-in-buffer/entries-written: 397/397   #P:2
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""
LATENCY_HEADER = """\
# tracer: nop
#
# nop latency trace v1.1.5 on 6.12.117+deb12-amd64
# --------------------------------------------------------------------
# latency: 0 us, #1166/1166, CPU#0 | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:2)
#    -----------------
#    | task: -0 (uid:0 nice:0 policy:0 rt_prio:0)
#    -----------------
#
#                    _------=> CPU#
#  cmd     pid     |||||| time  |   caller
#     \\   /        ||||||  \\    |    /
"""


def ftrace_head(irq: str = ".....", width: int = 7, tgid: bool = False, counts: bool = False) -> Any:
    """``%16s-%-7d`` and on."""

    def head(e: Event) -> str:
        who = f"{e.comm:>16}-{e.pid:<{width}d} " + (f"({e.tgid:7d}) " if tgid else "")
        time = f"{e.time:12d}" if counts else seconds(e.time)
        return f"{who}[{e.cpu:03d}] {irq} {time}: "

    return head


def latency_head(counts: bool = False, irq: str = ".....") -> Any:
    """Option ``latency-format``: comm cut to 8, CPU and flags in one column, a mark for a delay."""

    def head(e: Event) -> str:
        mark = " +!#*@$"[e.time // 1000 % 7]
        time = f" {e.time:4d}: " if counts else f" {e.time // 1000:4d}us{mark}: "
        return f"{e.comm.encode('latin-1')[:8].decode('latin-1'):>8}-{e.pid:<7d} {e.cpu:3d}{irq}{time}"

    return head


def verbose_head(e: Event) -> str:
    """The same with option ``verbose``: numbers in columns, the time in milliseconds."""
    us = e.time // 1000
    stamp = f"[{us:08x}] {us // 1000}.{us % 1000:03d}ms (+0.{e.cpu % 1000:03d}ms): "
    return f"{e.comm:>16} {e.pid:7d} {e.cpu:3d} 0 {0:08x} {e.tgid:08x} {stamp}"


def trace_cmd_head(digits: int = 6, latency: bool = False) -> Any:
    """``trace-cmd report``, with -t 9 digits, with -l the flags."""

    def head(e: Event) -> str:
        if latency:
            comm = e.comm.encode("latin-1")[:8].decode("latin-1")
            return f"{comm:>8}-{e.pid:<5d} {e.cpu:3d}d..2 {seconds(e.time, digits):>12}: "
        return f"{e.comm:>16}-{e.pid:<5d} [{e.cpu:03d}] {seconds(e.time, digits):>12}: "

    return head


def perf_head(digits: int = 6, both: bool = False, period: int | None = None) -> Any:
    """``perf script``, with pid/tid, and with the period."""

    def head(e: Event) -> str:
        who = f"{e.tgid:5d}/{e.pid:<5d}" if both else f"{e.pid:5d}"
        count = "" if period is None else f"{period:10d} "
        return f"{e.comm:>16} {who} [{e.cpu:03d}] {seconds(e.time, digits)}: {count}"

    return head


def perf_named(e: Event) -> str:
    """The event with its group, padded to the longest."""
    return f"{'vmscan:' + e.NAME:>37}: "


CALL_STACK = """\
\tffffffff8124b9f1 do_shrink_slab+0x131 ([kernel.kallsyms])
\tffffffff8124bd2a shrink_slab+0xe2 (/lib/modules/6.12/build/vmlinux)
\t    7f0c2b1a9c3e __libc_read+0xe (/usr/lib/x86_64-linux-gnu/libc.so.6)

"""

FTRACE_KINDS = (*SHRINKING, *VMSCAN, *PROBES, Lost)
_FTRACE = Dialect(name="trace", head=ftrace_head(), opening=TRACE_HEADER, kinds=FTRACE_KINDS)
_PERF = Dialect(name="perf script", head=perf_head(), named=perf_named, symbol=tool_symbol, pointer="0x")
_TRACE_CMD = Dialect(
    name="trace-cmd report",
    head=trace_cmd_head(),
    named=lambda e: f"{e.NAME + ':':<21} ",
    symbol=tool_symbol,
    pointer="0x",
    opening="cpus=2\n",
)
_NO_HEAD = frozenset[str]()

DIALECTS = (
    _FTRACE,
    replace(_FTRACE, name="trace, flags of 4", head=ftrace_head("d..1", width=5)),
    replace(_FTRACE, name="trace, flags of 6", head=ftrace_head("dNh2.1")),
    replace(_FTRACE, name="trace, no flags", head=ftrace_head("")),
    replace(_FTRACE, name="trace, real pointers twice", pointer="twice"),
    replace(_FTRACE, name="trace, 32 bits", pointer="8 digits"),
    replace(_FTRACE, name="trace, pointers left out", pointer="left out"),
    replace(_FTRACE, name="trace, pointers not yet hashed", pointer="ptrval"),
    replace(_FTRACE, name="trace, no symbols", symbol=no_symbol),
    replace(_FTRACE, name="trace, bare symbols", symbol=bare_symbol),
    replace(_FTRACE, name="trace, clock counter", head=ftrace_head(counts=True), step=0),
    replace(
        _FTRACE,
        name="trace, record-tgid",
        head=ftrace_head(tgid=True),
        tells=_FTRACE.tells | {"tgid"},
    ),
    replace(_FTRACE, name="trace, stacktrace", after=" => shrink_slab\n => kthread+0xea/0x120 [ext4]\n"),
    # Where a CPU's buffer begins, its older events are lost.
    replace(
        _FTRACE,
        name="trace, annotated",
        after="##### CPU 1 buffer started ####\n",
        after_row={"kind": Kind.LOST, "form": Form.NONE, "mark": Mark(0), "comm": b"", "cpu": 1},
    ),
    # A probe's name says nothing, and without a head it might be any text.
    replace(
        _FTRACE,
        name="trace, no context-info",
        head=lambda e: "",
        tells=_NO_HEAD,
        kinds=(*SHRINKING, *VMSCAN, Lost),
    ),
    replace(
        _FTRACE,
        name="trace, fields",
        named=lambda e: f"{e.NAME}: ",
        raw=fields_pairs,
        kinds=SHRINKING,
        eras="CD",
    ),
    replace(_FTRACE, name="trace_pipe", opening=""),
    replace(_FTRACE, name="latency-format", head=latency_head(), opening=LATENCY_HEADER, comm=8),
    replace(
        _FTRACE,
        name="latency-format, clock counter",
        head=latency_head(counts=True, irq="d..2."),
        opening=LATENCY_HEADER,
        comm=8,
        step=0,
    ),
    replace(_FTRACE, name="latency-format, verbose", head=verbose_head, opening=LATENCY_HEADER),
    _TRACE_CMD,
    replace(_TRACE_CMD, name="trace-cmd report -t", head=trace_cmd_head(9), step=1),
    replace(_TRACE_CMD, name="trace-cmd report -l", head=trace_cmd_head(latency=True), comm=8),
    replace(
        _TRACE_CMD,
        name="trace-cmd report -R",
        named=lambda e: f"{e.NAME + ':':<21} ",
        raw=trace_cmd_pairs,
        kinds=SHRINKING,
        eras="CD",
    ),
    _PERF,
    replace(_PERF, name="perf script, old", named=lambda e: f"{e.NAME}: "),
    replace(_PERF, name="perf script --ns", head=perf_head(9), step=1),
    replace(_PERF, name="perf script -F pid,tid", head=perf_head(both=True), tells=_PERF.tells | {"tgid"}),
    replace(_PERF, name="perf script -F period", head=perf_head(period=1)),
    replace(_PERF, name="perf script -g", after=CALL_STACK),
)
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


# ---- writing, and what was read -------------------------------------------------------------------


@dataclass
class Written:
    """A text, the rows that must come of it, and how many of its lines are no event."""

    text: bytes = b""
    rows: list[dict[str, Any]] = field(default_factory=list)
    comments: int = 0
    others: int = 0

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.text.count(b"\n")


def other_event(dialect: Dialect, e: Event) -> str:
    """A line of the same dialect that tells of something else."""
    return f"{dialect.head(e)}sched_switch: prev_comm=a prev_pid=1 prev_prio=120 ==> next_comm=b\n"


def write(events: Iterable[Event], dialect: Dialect, *, others: bool = False) -> Written:
    """The whole text; with others, an event of another kind before each."""
    parts: list[str] = [dialect.opening]
    written = Written(comments=dialect.opening.count("\n"))
    line = dialect.opening.count("\n")
    for e in events:
        if others:
            parts.append(other_event(dialect, e))
            written.others += 1
            line += 1
        text = dialect.line(e)
        parts.append(text)
        written.rows.append({"line": line + 1} | dialect.row(e))
        written.comments += text.count("\n") - 1
        if dialect.after_row and not isinstance(e, Lost):
            written.rows.append({"line": line + 2} | dialect.after_row)
            written.comments -= 1
        line += text.count("\n")
    written.text = "".join(parts).encode("latin-1")
    return written


NAMED = ("symbol", "caller", "gfp")
COLUMNS = [member.name.lower() for member in Has if member.name]


def rows_of(recording: Any) -> list[dict[str, Any]]:
    """What was read, in the shape of Dialect.row(); holds that a column that a line had not is 0."""
    found = []
    for values in recording.events.tolist():
        event = dict(zip(EVENT_DTYPE.names or (), values, strict=True))
        has = Has(event["fields"])
        row: dict[str, Any] = {
            "line": event["line"],
            "kind": Kind(event["kind"]),
            "form": Form(event["form"]),
            "mark": Mark(event["mark"]),
            "comm": event["comm"],
        }
        for column in COLUMNS:
            if Has[column.upper()] in has:
                value = event[column]
                row[column] = recording.names[value] if column in NAMED else value
            else:
                assert event[column] == 0, (column, event)
        found.append(row)
    return found


def reading(text: bytes) -> Any:
    """Read a text by shrinkpy.recordings.read(), from a file."""
    from shrinkpy.recordings import read

    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(text)
        file.flush()
        return read(file.name, piece=1)  # small ones: most texts are


def add_up(recording: Any) -> None:
    """Hold that every line is accounted for, once, and that what is counted is there."""
    counts = recording.counts
    assert counts.events == len(recording.events)
    lines = recording.events["line"]
    assert (lines[1:] >= lines[:-1]).all()
    read_lines = len(set(lines.tolist()))
    assert counts.lines == counts.comments + counts.others + read_lines + counts.unread
    assert counts.cut == sum(bool(mark & Mark.CUT) for mark in recording.events["mark"].tolist())
    assert sum(recording.unread_reasons.values()) == counts.unread
    assert len(recording.unread) <= counts.unread
    numbers = [unread.line for unread in recording.unread]
    assert numbers == sorted(set(numbers))
    assert not set(numbers) & set(lines.tolist())
