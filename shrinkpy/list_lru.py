# SPDX-License-Identifier: GPL-2.0-only
"""Lists of objects by node and cgroup, least recently used first: ListLru."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from .arguments import check_machine, whole
from .closing import Closing
from .control import Flags
from .core import ListLruBase, RegisteredShrinkerBase, ShrinkControl, ffi

if TYPE_CHECKING:
    from .machine import Machine, MemCgroup
    from .shrinker import RegisteredShrinker

__all__ = ["Isolate", "ListLru", "LruStatus"]


class LruStatus(enum.IntEnum):
    """What a walk callback says of its item: enum lru_status of include/linux/list_lru.h."""

    REMOVED = 0
    """It goes off the list, and its reference is dropped when the walk is over."""
    REMOVED_RETRY = 1
    """The same, and the walk starts anew at the head."""
    ROTATE = 2
    """It goes to the tail."""
    SKIP = 3
    """It stays where it is."""
    RETRY = 4
    """It stays, and the walk starts anew at the head."""
    STOP = 5
    """It stays, and the walk is over."""


Isolate: TypeAlias = "Callable[[Any], int] | int | Any"
"""A walk callback: a callable that is given the item and gives an LruStatus; or a C function
(``list_lru_walk_cb`` of shrinkpy/list_lru.h) as a ctypes or cffi pointer, or by address."""


def _callback(isolate: Isolate) -> Callable[[Any], int] | int:
    if isinstance(isolate, ffi.CData):
        isolate = int(ffi.cast("uintptr_t", isolate))
    else:
        ctypes = sys.modules.get("ctypes")  # whoever has such a pointer has imported it
        if ctypes is not None and isinstance(isolate, ctypes._CFuncPtr):
            isolate = ctypes.cast(isolate, ctypes.c_void_p).value or 0
    if isinstance(isolate, int) and not isinstance(isolate, bool):
        if not 0 < isolate < 2**64:
            raise ValueError(f"the address of a walk callback cannot be {isolate}")
        return isolate
    if not callable(isolate):
        raise TypeError(f"a walk callback is a callable or a C function, not {isolate!r}")
    return isolate


def _callbacks_argument(cb_arg: int) -> int:
    return whole(cb_arg, "cb_arg", 0, 2**64 - 1)


def _walked(nr_to_walk: int | None) -> int | None:
    return None if nr_to_walk is None else whole(nr_to_walk, "nr_to_walk", 0, 2**64 - 1)


class ListLru(ListLruBase, Closing):
    """Objects on a list for each node and, when memcg_aware, for each cgroup on it.

    With a shrinker, the first item of a cgroup's list sets the shrinker's bit there, so that
    memcg passes find it. A cgroup that goes offline hands its items to its parent, at the head of
    that one's list.

    Items are any objects, told apart by identity, each held exactly once while it is on a list.
    ``in``, ``len()`` and the counts take no lock, and answer for a closed machine too; everything
    else raises ClosedError then. remove() knows node and cgroup by itself.

    Walk callbacks run under the lock of the node's lists, as the kernel's do: add(), remove() and
    walks of the same node raise DeadlockError there, other nodes and other lists may be used. What
    a callback raises ends the walk with its item where it was, and is raised by the walk.

    Raises MemoryError, ClosedError. Mirrors struct list_lru, list_lru_init() and
    list_lru_init_memcg() of mm/list_lru.c.
    """

    def __new__(
        cls, machine: Machine, shrinker: RegisteredShrinker | None = None, *, memcg_aware: bool = False
    ) -> Self:
        """See the class. Raises ValueError for a shrinker of another machine."""
        check_machine(machine)
        self = super().__new__(cls, machine, memcg_aware)
        if shrinker is not None:
            self.attach(shrinker)
        return self

    def __init__(
        self, machine: Machine, shrinker: RegisteredShrinker | None = None, *, memcg_aware: bool = False
    ) -> None:
        """Nothing: see __new__()."""

    def attach(self, shrinker: RegisteredShrinker | None) -> None:
        """Set this shrinker's bits from now on, and at once those of cgroups that have items.

        None: nobody's. Raises ClosedError, also for a closed shrinker; ValueError for one of another
        machine, and of lists by cgroup for one that is not MEMCG_AWARE: it has no bit, and the kernel
        would set that of whoever has the id 0.
        """
        if shrinker is None:
            self._attach(0)
            return
        if not isinstance(shrinker, RegisteredShrinkerBase):
            raise TypeError(f"shrinker must be a RegisteredShrinker or None, not {shrinker!r}")
        shrinker._live()
        if self.memcg_aware and not shrinker.flags & Flags.MEMCG_AWARE:
            raise ValueError(f"shrinker {shrinker.name!r} is not MEMCG_AWARE: it has no bit in a cgroup")
        self._attach(shrinker._address)

    def walk_one(
        self,
        nid: int,
        memcg: MemCgroup | None,
        isolate: Isolate,
        nr_to_walk: int | None = None,
        *,
        cb_arg: int = 0,
    ) -> int:
        """Show the items of one list to isolate, from the head; gives how many it took off.

        nr_to_walk bounds the calls (in items; None: as many as there are now). A C callback is
        called without the GIL, with cb_arg for its last argument; its item is a struct list_head,
        right behind which is the PyObject *. What it takes off is let go of with its return.

        Raises what isolate does; DeadlockError in a walk callback of this node; KernelOops where a
        C callback did what the kernel would die of; ClosedError. Mirrors list_lru_walk_one().
        """
        return self._walk_one(
            nid,
            memcg,
            _callback(isolate),
            _callbacks_argument(cb_arg),
            _walked(nr_to_walk),
        )

    def walk_node(self, nid: int, isolate: Isolate, nr_to_walk: int | None = None, *, cb_arg: int = 0) -> int:
        """walk_one() of the root's list, then of every cgroup's, as they came online.

        Mirrors list_lru_walk_node().
        """
        return self._walk_node(nid, _callback(isolate), _callbacks_argument(cb_arg), _walked(nr_to_walk))

    def shrink_walk(self, sc: ShrinkControl, isolate: Isolate, *, cb_arg: int = 0) -> int:
        """walk_one() of what a scan_objects(sc) is asked for; takes the calls off sc.nr_to_scan.

        Raises ExpiredError outside of the callback. Mirrors list_lru_shrink_walk().
        """
        return self._shrink_walk(sc, _callback(isolate), _callbacks_argument(cb_arg))

    def __repr__(self) -> str:
        if self.closed:
            return "<ListLru, closed>"
        return f"<ListLru, {len(self)} item{'s' * (len(self) != 1)}>"
