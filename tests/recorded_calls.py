# SPDX-License-Identifier: GPL-2.0-only
"""Calls that agree with Linux 6.12, by the arithmetic of the tests: what reports are made of."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from recorded_text import BY_NAME, DoShrinkSlab, End, Event, ScanRet, Start, write

from shrinkpy.recordings import Recording, read

TRACE = BY_NAME["trace"]


@dataclass
class Kernel:
    """A kernel whose trace is on: what happens to its shrinkers stands in events."""

    events: list[Event] = field(default_factory=list)
    now: int = 10**9  # ns

    def add(self, event: type[Event], **values: Any) -> None:
        """Print one more, a microsecond later."""
        self.now += 1000
        self.events.append(event(time=self.now, **values))

    def text(self) -> bytes:
        """As ftrace prints it."""
        return write(self.events, TRACE).text

    def recording(self) -> Recording:
        """As it is read back."""
        return read(io.BytesIO(self.text()))


@dataclass
class Shrinker:
    """One of its shrinkers, with a counter a node (or one for all), and a cgroup."""

    kernel: Kernel
    symbol: str = "demo_scan"
    shrinker: int = 0x1234ABCD
    seeks: int = 2
    batch: int = 128
    numa_aware: bool = True
    probed: bool = False
    deferred: dict[Any, int] = field(default_factory=dict)

    def call(
        self,
        items: int,
        priority: int = 0,
        *,
        freed: float = 1.0,
        stop: bool = False,
        took: int = 1000,
        nid: int = 0,
        memcg: int = 0,
        add: int = 0,
        **who: Any,
    ) -> None:
        """Have a task call it: of what it scans it frees a part, or it stops at once. took is in ns.

        add is what another task defers meanwhile.
        """
        who = {"comm": "kswapd0", "pid": 51, **who}
        place = {"symbol": self.symbol, "shrinker": self.shrinker, "nid": nid}
        key = (nid if self.numa_aware else 0, memcg)
        nr = self.deferred.get(key, 0)
        delta = (items >> priority) * 4 // self.seeks if self.seeks else items // 2
        total = left = min((nr >> priority) + delta, 2 * items)
        if self.probed:
            flags = 0x7 if self.numa_aware else 0x3
            settings = {"seeks": self.seeks, "batch": self.batch, "flags": flags, "priority": priority}
            self.kernel.add(
                DoShrinkSlab, shrinker=self.shrinker, nid=nid, memcg=memcg or 0x7000, **settings, **who
            )
        start = {"nr": nr, "items": items, "delta": delta, "total_scan": total, "priority": priority}
        self.kernel.add(Start, **start, **place, **who)
        number = 0
        while left >= self.batch or left >= items:
            scanned = min(self.batch, left)
            if self.probed:
                ret = -1 if stop else int(scanned * freed)
                scan = {"symbol": self.symbol, "caller": "do_shrink_slab"}
                self.kernel.add(ScanRet, ret=ret, nr_scanned=scanned, **scan, **who)
            if stop:
                break
            left -= scanned
            number += int(scanned * freed)
        rest = min(max(nr + delta - (total - left), 0), 2 * items)
        self.deferred[key] = rest + add
        self.kernel.now += took - 1000
        self.kernel.add(End, nr=nr, new_nr=rest + add, total_scan=left, ret=number, **place, **who)
