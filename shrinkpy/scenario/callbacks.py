# SPDX-License-Identifier: GPL-2.0-only
"""Callbacks that follow a script, their hooks, and the events that tell of both."""

from __future__ import annotations

from typing import Any

from ..control import SHRINK_STOP
from ..core import ffi, lib
from ..golden import Op, UnreadableError
from .world import ULONG, Shrinker, World, address

__all__ = ["Callbacks", "take_raised"]

# Results that a hook's operation is shown with.
_OF_HOOKS = ("ev", "slabs")


class Callbacks(World):
    """A world whose shrinkers are called."""

    def __init__(self, cfg: dict[str, int]) -> None:
        super().__init__(cfg)
        self.events: list[Any] = []
        self.gfp: int | None = None  # of the pass; None: no pass, whatever is found is told
        self.scans = 0  # of this operation
        self.hidden: list[tuple[int, int]] = []  # attempts of hooks, which the vectors leave out
        self._ring: Any = None  # of the trace, once there is one
        self._ring_info = ffi.new("struct sp_trace_ring *")
        self._seen = 0  # events taken from it

    def close(self) -> None:
        """Free all there is; no name of the scenario means anything afterwards."""
        if self._ring is not None:
            lib.sp_trace_ring_put(self._ring)
        super().close()

    def run(self, op: Op) -> Op:
        """Run an operation, and give the results it has beside events and state."""
        raise NotImplementedError

    # -- events

    def take_trace(self) -> None:
        """Put the start and end events since the last look between those of the callbacks."""
        if self._ring is None:
            if not lib.sp_trace_nr_rings(self.machine):
                return
            self._ring = ffi.new("struct sp_ring **")
            lib.sp_trace_ring_get(self.machine, 0, self._ring)
        info = self._ring_info
        lib.sp_trace_ring_read(self._ring[0], info)
        written = info.written
        if written == self._seen:
            return
        for i in range(self._seen, written):
            e = info.events[i % info.size]
            handle = self.shrinker_at[e.shrinker].handle
            if e.kind == lib.SP_TRACE_START:
                cache = e.freeable % ULONG
                self.events.append(
                    ["start", handle, e.nid, e.nr, e.gfp_mask, cache, e.delta, e.total_scan, e.priority]
                )
            else:
                self.events.append(["end", handle, e.nid, e.nr, e.new_nr, e.retval, e.total_scan])
        self._seen = written

    def _add_event(self, event: list[Any], sc: Any) -> None:
        if self.gfp is not None and sc.gfp_mask != self.gfp:
            event += ["gfp", sc.gfp_mask]
        last = self.events[-1] if self.events else None
        if event[0] == "s" and last and last[:7] == event[:7] and last[8:] == event[8:]:
            last[7] += 1
        else:
            self.events.append(event)

    # -- hooks

    def _run_hooks(self, s: Shrinker, kind: str, n: int) -> None:
        self.take_trace()
        for i, hook in enumerate(s.script.hooks):
            if hook["on"] == kind and hook["at"] == n:
                op = {k: v for k, v in hook["op"].items() if k not in ("r", *_OF_HOOKS)}
                self.events.append(["hook", s.handle, i, {**op, **self._run_hook(op)}])

    def _run_hook(self, op: Op) -> Op:
        outer, self.events = self.events, []
        before = lib.sp_fault_attempts(self.machine, ffi.NULL, 0)
        try:
            got = self.run(op)
        except UnreadableError:
            if not self.lax:
                raise
            got = {"r": "absent"}
        self.hidden.append((before, lib.sp_fault_attempts(self.machine, ffi.NULL, 0)))
        got["ev"], self.events = [*self.events, *got.get("ev", ())], outer
        return {"r": got.get("r"), **{key: got[key] for key in _OF_HOOKS if got.get(key)}}

    # -- the callbacks

    @staticmethod
    def pool_key(s: Shrinker, nid: int, memcg: int) -> tuple[int, int]:
        """Which of its pools of objects this is."""
        pool = s.script.pool
        return (nid if pool & 1 else 0, memcg if pool & 2 else 0)

    def count(self, s: Shrinker, sc: Any) -> int:
        """What count_objects does."""
        n = s.script.next("count")
        self._run_hooks(s, "count", n)
        memcg = self.handle_of(sc.memcg)
        entry = s.script.count[min(n, len(s.script.count) - 1)]
        if entry == "objs":
            entry = s.pools.get(self.pool_key(s, sc.nid, memcg), 0) or s.script.empty
        event = ["c", s.handle, sc.nid, memcg, entry]
        if sc.nr_to_scan or sc.nr_scanned:
            event += [sc.nr_to_scan, sc.nr_scanned]
        self._add_event(event, sc)
        return int(entry)

    def scan(self, s: Shrinker, sc: Any) -> int:
        """What scan_objects does."""
        n = s.script.next("scan")
        self.scans += 1
        clobber: list[int]
        if self.calls is not None and self.scans > self.calls:
            self.take_trace()
            kind, v, how, w, clobber = "stop", 0, "leave", 0, []
        else:
            self._run_hooks(s, "scan", n)
            kind, v, how, w, *clobber = s.script.scan[min(n, len(s.script.scan) - 1)]
        memcg = self.handle_of(sc.memcg)
        asked, found = sc.nr_to_scan, sc.nr_scanned
        key = self.pool_key(s, sc.nid, memcg)
        freed = v
        if kind != "val":
            freed = min(asked, s.pools.get(key, 0), v)
            s.pools[key] = s.pools.get(key, 0) - freed
        if how == "set":
            sc.nr_scanned = w
        elif how == "freed":
            sc.nr_scanned = freed
        elif how == "minus":
            sc.nr_scanned = (asked - w) % ULONG
        elif how == "plus":
            sc.nr_scanned = (asked + w) % ULONG
        result = SHRINK_STOP if kind == "stop" else freed
        event = ["s", s.handle, sc.nid, memcg, asked, result, sc.nr_scanned, 1]
        if found != asked:
            event.append(found)
        self._add_event(event, sc)
        if clobber:
            sc.nr_to_scan = clobber[0]
        return int(result)


# ---- called by C

# What callbacks raised; C cannot carry it, so that the operation raises it when it is over.
_raised: list[BaseException] = []


def take_raised() -> None:
    """Raise what a callback did; the next operation starts clean."""
    if _raised:
        error = _raised[0]
        _raised.clear()
        raise error


def _keep(_kind: object, error: BaseException, _traceback: object) -> None:
    _raised.append(error)


def _called(pointer: Any) -> tuple[Callbacks, Shrinker]:
    return ffi.from_handle(lib.sp_shrinker_private(pointer))  # type: ignore[no-any-return]  # our own handle


@ffi.def_extern(error=0, onerror=_keep)  # type: ignore[untyped-decorator]  # cffi has no types
def sp_raw_count(pointer: Any, sc: Any) -> int:
    scenario, shrinker = _called(pointer)
    return scenario.count(shrinker, sc)


@ffi.def_extern(error=SHRINK_STOP, onerror=_keep)  # type: ignore[untyped-decorator]  # cffi has no types
def sp_raw_scan(pointer: Any, sc: Any) -> int:
    scenario, shrinker = _called(pointer)
    return scenario.scan(shrinker, sc)


class Walk:
    """The answers of one walk of a list_lru, and what it was asked about."""

    def __init__(self, item_at: dict[int, int], answers: list[str]) -> None:
        self.item_at = item_at
        self.answers = answers
        self.events: list[list[Any]] = []

    def isolate(self, item: Any, one: Any) -> int:
        """What the walk's callback does: its answer."""
        answer = self.answers[min(len(self.events), len(self.answers) - 1)]
        self.events.append(["i", self.item_at[address(item)], answer])
        if answer in ("removed", "removed_retry"):
            lib.sp_list_lru_isolate(one, item)
        return int(getattr(lib, f"LRU_{answer.upper()}"))


@ffi.def_extern(error=lib.LRU_STOP, onerror=_keep)  # type: ignore[untyped-decorator]  # cffi has no types
def sp_raw_isolate(item: Any, one: Any, _lock: Any, walk: Any) -> int:
    found: Walk = ffi.from_handle(walk)
    return found.isolate(item, one)
