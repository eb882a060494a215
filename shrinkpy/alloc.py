# SPDX-License-Identifier: GPL-2.0-only
"""Memory as the code under test takes it, and the scopes that say what it may do for it."""

from __future__ import annotations

import abc
import threading
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from . import stack
from .arguments import check_memcg, node, whole
from .closing import Closing
from .control import Gfp
from .core import charge, ffi, lib, scope_restore, task_move, uncharge

if TYPE_CHECKING:
    from .machine import Machine, MemCgroup

__all__ = ["Allocation", "Allocations", "Scope", "Task", "allocate", "memalloc_nofs", "memalloc_noio"]


class Allocation(Closing):
    """Memory of machine.allocate(); only its size is real.

    Attributes: machine, gfp (as asked for), size (bytes).
    """

    __slots__ = ("__weakref__", "_live", "_lock", "gfp", "machine", "size")

    def __init__(self, machine: Machine, gfp: Gfp, size: int) -> None:
        """See machine.allocate()."""
        self._live: set[int] = set()
        self.machine = machine
        self.gfp = gfp
        self.size = size

    @property
    def freed(self) -> bool:
        """Was free() called?"""
        return not self._live

    def free(self) -> None:
        """Give it back; again: nothing."""
        try:
            size = self._live.pop()  # of two threads, one; and without memory, unlike a list's
        except KeyError:
            return
        uncharge(self.machine, size)

    def close(self) -> None:
        """What a with block does at its end: free()."""
        self.free()

    def __del__(self) -> None:
        if hasattr(self, "size"):
            self.free()

    def __repr__(self) -> str:
        return f"<Allocation, {self.size} bytes, {self.gfp.words()}{', freed' * self.freed}>"


def allocate(machine: Machine, gfp: int, size: int) -> Allocation:
    """See machine.allocate()."""
    size = whole(size, "size", 1, 2**63 - 1)
    gfp = whole(gfp, "gfp", 0, 2**32 - 1)
    made = Allocation(machine, Gfp(gfp), size)
    made._live.add(size)
    done = False
    try:
        where = stack.caller() if lib.sp_task_reclaims(machine._pointer) else None
        done = charge(machine, gfp, size, where)
    finally:
        if not done:
            made._live.clear()
    if not done:  # in a callback, whose outermost call says why
        raise MemoryError("the reclaim for this allocation was ended")
    return made


class Allocations(NamedTuple):
    """What a machine's allocations did.

    charged is in bytes, now; the others in calls: all, those that ran direct reclaim, those that
    failed, and those in callbacks that would have been allowed to reclaim elsewhere, which a
    shrinker had better not make. places has where the last 16 of these were, oldest first.
    """

    charged: int
    calls: int
    reclaims: int
    failures: int
    in_callbacks: int
    places: tuple[str, ...]

    @classmethod
    def _read(cls, machine: Machine) -> Self:
        out, where = ffi.new("struct sp_alloc_stats *"), ffi.new("char[128]")
        lib.sp_alloc_read(machine._pointer, out)
        places: list[str] = []
        while lib.sp_alloc_in_callback(machine._pointer, len(places), where):
            places.append(ffi.string(where).decode(errors="replace"))
        return cls(
            out.charged, out.allocations, out.reclaims, out.failures, out.in_callbacks, tuple(places[::-1])
        )


# ---- what holds for a while, in one thread


class _Open(threading.local):
    """The innermost of those that this thread is in."""

    innermost: _Bound | None = None


_open = _Open()


class _Bound(abc.ABC):
    """A with block that belongs to the thread it was begun in, and ends before those around it.

    Its end takes no memory: without any, it would be open for ever.
    """

    _what: str
    _entered = False
    _outer: _Bound | None = None

    @abc.abstractmethod
    def _begin(self) -> None: ...

    @abc.abstractmethod
    def _end(self) -> None: ...

    def __enter__(self) -> Self:
        if self._entered:
            raise RuntimeError(f"{self._what} is entered already; make another one to nest them")
        self._outer = _open.innermost
        self._entered = True
        try:
            _open.innermost = self
            self._begin()
        except BaseException:  # no memory: it is not inside those around it
            self._entered = False
            _open.innermost = self._outer
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        if not self._entered:
            raise RuntimeError(f"{self._what} was not entered")
        innermost = at = _open.innermost
        while at is not None and at is not self:
            at = at._outer
        if innermost is None or at is None:
            raise RuntimeError(f"{self._what} is left in another thread than it was entered in")
        if innermost is not self:
            raise RuntimeError(f"{self._what} is left before {innermost._what}, which is inside it")
        self._end()
        _open.innermost = self._outer
        self._outer = None
        self._entered = False


class Scope(_Bound):
    """What memalloc_nofs() and memalloc_noio() give: a context manager of one thread.

    Raises RuntimeError where it is entered twice, left in another thread, or left before one that
    was entered inside it; nothing has changed then.
    """

    def __init__(self, what: str, bits: int) -> None:
        """Call memalloc_nofs() or memalloc_noio()."""
        self._what = what
        self._bits = bits
        self._saved = 0

    def _begin(self) -> None:
        self._saved = lib.sp_scope_save(self._bits)

    def _end(self) -> None:
        scope_restore(self._bits, self._saved)


def memalloc_nofs() -> Scope:
    """A with block whose allocations have no __GFP_FS: memalloc_nofs_save() and _restore().

    It holds for this thread, on every machine (include/linux/sched/mm.h).
    """
    return Scope("memalloc_nofs()", lib.SP_NOFS)


def memalloc_noio() -> Scope:
    """A with block whose allocations have neither __GFP_IO nor __GFP_FS: memalloc_noio_save()."""
    return Scope("memalloc_noio()", lib.SP_NOIO)


class Task(_Bound):
    """What machine.task() gives: whose memory it is, and on which node, in a with block."""

    _what = "machine.task()"

    def __init__(self, machine: Machine, memcg: MemCgroup | None, nid: int) -> None:
        """Call machine.task()."""
        check_memcg(machine, memcg)
        self.machine = machine
        self.memcg = memcg
        self.nid = node(machine, nid)

    def _begin(self) -> None:
        to, was = ffi.new("struct sp_place *"), ffi.new("struct sp_place *")
        to.memcg = ffi.NULL if self.memcg is None else self.memcg._pointer
        to.nid = self.nid
        self._was = was
        self._was_at = int(ffi.cast("uintptr_t", was))
        task_move(self.machine, int(ffi.cast("uintptr_t", to)), self._was_at)

    def _end(self) -> None:
        task_move(self.machine, self._was_at, 0)
