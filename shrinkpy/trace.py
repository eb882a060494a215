# SPDX-License-Identifier: GPL-2.0-only
"""The trace of a machine: mm_shrink_slab_start and _end, as arrays and as ftrace's text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from .control import Gfp
from .core import check, ffi, lib

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .machine import Machine

__all__ = ["Ring", "Trace"]

START, END = 0, 1  # enum sp_trace_kind

_HEADER = """\
# tracer: nop
#
# entries-in-buffer/entries-written: {kept}/{written}   #P:{cpus}
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


def event_dtype() -> np.dtype[Any]:
    """The layout of struct sp_trace_event, taken from the compiled module."""
    import numpy as np

    event = ffi.typeof("struct sp_trace_event")
    fields = dict(event.fields)
    code = {
        f"{sign}int{bits}_t": f"{kind}{bits // 8}"
        for sign, kind in (("", "i"), ("u", "u"))
        for bits in (32, 64)
    }
    return np.dtype(
        {
            "names": list(fields),
            "formats": [code[f.type.cname] for f in fields.values()],
            "offsets": [f.offset for f in fields.values()],
            "itemsize": ffi.sizeof(event),
        }
    )


class Ring(NamedTuple):
    """The events of one reclaiming thread.

    slots is the core's own memory, not a copy: shape (size,), and overwritten while the trace is
    on. With overrun events, the oldest that is left is slots[written % size].
    """

    slots: npt.NDArray[Any]
    written: int
    overrun: int
    comm: str
    tid: int

    def array(self) -> npt.NDArray[Any]:
        """The events that are left, oldest first: a view if none was overwritten, else a copy."""
        import numpy as np

        if not self.overrun:
            return self.slots[: self.written]
        return np.roll(self.slots, -(self.written % len(self.slots)))


class Trace:
    """The trace of one machine: a ring of events for each thread that reclaims.

    Off until start(). When a ring is full the oldest events are overwritten, and counted in
    overrun.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def start(self, entries: int = 65536, *, clock: bool = True) -> Self:
        """Forget what was there and trace from now on; stop(), or the end of a with block, ends it.

        Each ring holds that many events (rounded up to a power of two). Without clock, events have
        no time and no cpu, only their order. Raises ValueError, MemoryError, and OSError(EBUSY)
        while a pass runs.
        """
        if entries < 1:
            raise ValueError(f"entries must be 1 or more, not {entries}")
        check(lib.sp_trace_start(self._machine._pointer, min(entries, 2**62), int(clock)))
        return self

    def stop(self) -> None:
        """Trace no more; what was traced stays until the next start()."""
        lib.sp_trace_stop(self._machine._pointer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def on(self) -> bool:
        """Is it tracing?"""
        return bool(lib.sp_trace_is_on(self._machine._pointer))

    @property
    def overrun(self) -> int:
        """Events lost: overwritten before they were read, or without memory for a ring."""
        return sum(ring.overrun for ring in self.rings) + int(lib.sp_trace_dropped(self._machine._pointer))

    @property
    def rings(self) -> list[Ring]:
        """One a thread, in the order in which they first reclaimed; zero-copy."""
        pointer = self._machine._pointer
        rings = []
        for i in range(lib.sp_trace_nr_rings(pointer)):
            ring = ffi.gc(ffi.new("struct sp_ring **"), lib.sp_trace_ring_put)
            # None where another thread started the trace anew meanwhile.
            if lib.sp_trace_ring_get(pointer, i, ring):
                rings.append(self._ring(ring))
        return rings

    @staticmethod
    def _ring(ring: Any) -> Ring:
        import numpy as np

        info = ffi.new("struct sp_trace_ring *")
        lib.sp_trace_ring_read(ring[0], info)
        # The array keeps the buffer, the buffer this pointer, and the pointer our reference.
        events = ffi.gc(info.events, lambda _: ring)
        slots = np.frombuffer(
            ffi.buffer(events, info.size * ffi.sizeof("struct sp_trace_event")), dtype=event_dtype()
        )
        slots.flags.writeable = False
        return Ring(
            slots, info.written, info.overrun, ffi.string(info.comm).decode(errors="replace"), info.tid
        )

    def array(self) -> npt.NDArray[Any]:
        """All events that are left, of all rings, in the order of their seq: a structured array.

        Shape (n,); the fields are those of struct sp_trace_event in core.h: seq, time (ns of
        CLOCK_MONOTONIC), shrinker (address), memcg_ino, nr, new_nr, freeable, delta, total_scan,
        gfp_mask, name (for names()), nid, priority, retval, kind (0 start, 1 end), tid, cpu.
        """
        return _merged(self.rings)

    def names(self, name: int) -> tuple[str, str]:
        """What a shrinker is called: its scan function's symbol and its own name."""
        symbol, text = ffi.new("char[128]"), ffi.new("char[128]")
        if not lib.sp_trace_name(self._machine._pointer, name, symbol, text):
            return "?", "?"
        return ffi.string(symbol).decode(errors="replace"), ffi.string(text).decode(errors="replace")

    def lines(self) -> Iterator[str]:
        """The text of text(), line by line."""
        rings = self.rings
        events = _merged(rings)
        written = sum(ring.written for ring in rings)
        yield from _HEADER.format(kept=len(events), written=written, cpus=os.cpu_count() or 1).splitlines(
            True
        )
        comm = {ring.tid: ring.comm for ring in rings}
        symbols: dict[int, str] = {}
        for e in events.tolist():
            event = dict(zip(events.dtype.names or (), e, strict=True))
            name = event["name"]
            if name not in symbols:
                symbols[name] = self.names(name)[0]
            yield _line(event, comm[event["tid"]], symbols[name])

    def text(self) -> str:
        """All events as ftrace's `trace` file shows those of Linux 6.12, header included.

        Without clock, the time is the event's number, as with ftrace's clock ``counter``.
        """
        return "".join(self.lines())


def _merged(rings: list[Ring]) -> npt.NDArray[Any]:
    import numpy as np

    parts = [ring.array() for ring in rings]
    events = np.concatenate(parts) if parts else np.empty(0, event_dtype())
    events.sort(order="seq", kind="stable")
    return events


def _line(e: dict[str, int], comm: str, symbol: str) -> str:
    if e["cpu"] < 0:
        cpu, time = 0, f"{e['seq']:12d}"
    else:
        seconds, ns = divmod(e["time"], 10**9)
        cpu, time = e["cpu"], f"{seconds:5d}.{ns // 1000:06d}"
    task = f"{comm:>16}-{e['tid']:<7} [{cpu:03d}] ..... {time}: "
    who = f"{symbol} {e['shrinker']:016x}: nid: {e['nid']} "
    if e["kind"] == START:
        return (
            f"{task}mm_shrink_slab_start: {who}objects to shrink {e['nr']} "
            f"gfp_flags {Gfp(e['gfp_mask']).words()} cache items {e['freeable']} delta {_signed(e['delta'])} "
            f"total_scan {e['total_scan']} priority {e['priority']}\n"
        )
    return (
        f"{task}mm_shrink_slab_end: {who}unused scan count {e['nr']} new scan count {e['new_nr']} "
        f"total_scan {e['total_scan']} last shrinker return val {e['retval']}\n"
    )


def _signed(n: int) -> int:
    """What %lld prints for an unsigned 64-bit number."""
    return n - 2**64 if n >= 2**63 else n
