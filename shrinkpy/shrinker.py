# SPDX-License-Identifier: GPL-2.0-only
"""The life of a shrinker: Shrinker, UnregisteredShrinker, RegisteredShrinker.

The names and rules are those of the Rust binding (rust/kernel/shrinker.rs): a shrinker is
allocated, set up while it is the only one's, and consumed by register(), after which nothing of it
changes until close() frees it.
"""

from __future__ import annotations

import abc
import warnings
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, cast

from .addresses import NativeShrinker
from .arguments import check_memcg, node, whole
from .closing import Closing
from .control import DEFAULT_SEEKS, CountObjects, Flags, ScanObjects
from .core import MachineBase, RegisteredShrinkerBase, ShrinkControl, check, ffi, lib
from .debugfs import entry_of, rename
from .errors import ClosedError, MovedError
from .ownership import Arc, Box, ForeignOwnable, Unique

if TYPE_CHECKING:
    from .debugfs import DebugfsEntry
    from .machine import Machine, MemCgroup

__all__ = ["RegisteredShrinker", "Shrinker", "UnregisteredShrinker"]

_FACE_FLAGS = Flags.NUMA_AWARE | Flags.MEMCG_AWARE | Flags.NONSLAB


class Shrinker(abc.ABC):
    """A cache that gives memory back; any object with the two methods will do as well.

    Both may be called from several threads at once, and while the other one runs (the Rust
    binding's ``T::Ptr: Sync``). An exception ends this shrinker's turn in the pass.

    They are called by name, so that a test may put another function in their place, on the object
    or on its class. In a pass over more than 64 shrinkers the later ones are called through their
    class: a function put on one object after its registration is not seen there.
    """

    @abc.abstractmethod
    def count_objects(self, sc: ShrinkControl) -> int | CountObjects:
        """How many objects could be freed for sc.nid and sc.memcg, cheaply and without side effects.

        0: nothing to do now. CountObjects.EMPTY: nothing at all, clear my bit in this cgroup.
        """

    @abc.abstractmethod
    def scan_objects(self, sc: ShrinkControl) -> int | ScanObjects:
        """Look at sc.nr_to_scan objects, free what can be freed, return how many were freed.

        Set sc.nr_scanned if it looked at another number. ScanObjects.STOP: no progress is possible
        now, do not call again in this pass.
        """


def _checked_flags(flags: int) -> int:
    n = whole(flags, "flags", 0, int(_FACE_FLAGS))
    if n & ~_FACE_FLAGS:
        raise ValueError(f"flags may hold NUMA_AWARE, MEMCG_AWARE and NONSLAB; {n:#x} has more")
    if n & Flags.NONSLAB and not n & Flags.MEMCG_AWARE:
        raise ValueError("NONSLAB means something only together with MEMCG_AWARE")
    return n


def _owner(data: object) -> ForeignOwnable | None:
    """Who gives data to C: itself if it is an owner, an Arc of it if not, nobody for None."""
    if isinstance(data, type):
        raise TypeError(f"register() takes an object, not the class {data.__name__}; make an instance")
    cls = type(data)
    # Not isinstance(): some versions of Python keep every class that was asked about a protocol.
    if hasattr(data, "into_foreign") and hasattr(cls, "from_foreign") and hasattr(cls, "borrow"):
        return cast(ForeignOwnable, data)
    return None if data is None else Arc(data)


def _check_callbacks(of: object) -> None:
    for name in ("count_objects", "scan_objects"):
        if not callable(getattr(of, name, None)):
            raise TypeError(
                f"{of!r} has no method {name}(); a shrinker needs count_objects(sc) and scan_objects(sc)"
            )


def _symbol(of: object) -> str:
    """What a trace prints for scan_objects: no blanks in it."""
    cls = of if isinstance(of, type) else type(of)
    return "".join(f"{cls.__qualname__}.scan_objects".split())


class _Fields(abc.ABC):
    """What both handles read of struct shrinker."""

    __slots__ = ()

    @abc.abstractmethod
    def _live(self) -> Any:
        """The struct shrinker *, or the exception that says why there is none any more."""

    @property
    def flags(self) -> Flags:
        """The user's flags; MEMCG_AWARE is dropped on a machine without cgroups."""
        return Flags(lib.sp_shrinker_flags(self._live()) & int(_FACE_FLAGS))

    @property
    def id(self) -> int | None:
        """The id by which cgroups know it, None if it is not memcg-aware."""
        pointer = self._live()
        return lib.sp_shrinker_id(pointer) if self.flags & Flags.MEMCG_AWARE else None

    @property
    def seeks(self) -> int:
        """What an object costs to bring back, DEFAULT_SEEKS (2) at first."""
        return int(lib.sp_shrinker_seeks(self._live()))

    @property
    def batch(self) -> int:
        """Objects a scan call, 0 for SHRINK_BATCH (128)."""
        return int(lib.sp_shrinker_batch(self._live()))


class _Listed(_Fields):
    """What is asked of a shrinker that passes call, whoever registered it."""

    __slots__ = ()

    @property
    @abc.abstractmethod
    def machine(self) -> Machine:
        """The Machine it is registered with."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """Its name."""

    @property
    def debugfs(self) -> DebugfsEntry | None:
        """Its directory of machine.debugfs; None if it has none, for want of memory or by its name."""
        return entry_of(self.machine.debugfs, self._live())

    def set_bit(self, memcg: MemCgroup, nid: int = 0) -> None:
        """Say that objects were added on (memcg, nid): its passes call this shrinker from now on.

        Nothing for the root, whose passes call everybody. Raises ValueError for a shrinker that is
        not memcg-aware, a bad nid, or a cgroup of another machine; ClosedError. Mirrors
        set_shrinker_bit().
        """
        pointer = self._live()
        if memcg is None:
            raise TypeError("memcg must be a MemCgroup, not None: every pass of the root calls everybody")
        check_memcg(self.machine, memcg)
        nid = node(self.machine, nid)
        if not self.flags & Flags.MEMCG_AWARE:
            if not self.machine.memcg_enabled:
                return
            raise ValueError(f"shrinker {self.name!r} is not MEMCG_AWARE: it has no bit in a cgroup")
        reason = ffi.new("struct sp_reason *")
        check(
            lib.sp_set_shrinker_bit(
                self.machine._pointer, memcg._pointer, nid, lib.sp_shrinker_id(pointer), reason
            ),
            reason,
        )

    def nr_deferred(self, memcg: MemCgroup | None = None, nid: int = 0) -> int:
        """Work deferred on (memcg, nid), in objects; it may be negative, as in the kernel.

        A shrinker that is not memcg-aware has its own count whatever the cgroup, one that is not
        NUMA-aware node 0's. memcg None is the root.
        """
        pointer = self._live()
        flags = self.flags
        check_memcg(self.machine, memcg)
        nid = node(self.machine, nid)
        if not flags & Flags.NUMA_AWARE:
            nid = 0
        where = ffi.NULL
        if flags & Flags.MEMCG_AWARE:
            where = (memcg if memcg is not None else self.machine.root)._pointer
        value = ffi.new("long *")
        if not lib.sp_peek_deferred(pointer, where, nid, value):
            raise ValueError(f"{memcg!r} keeps no deferred work")
        return int(value[0])


class UnregisteredShrinker(Unique, _Fields, Closing):
    """An allocated shrinker that no pass can see yet, and whose fields may be set.

    Get one from alloc(). register() consumes it; until then close(), the end of a with block or the
    finalizer (which warns) free it. Mirrors UnregisteredShrinker of rust/kernel/shrinker.rs.
    """

    __slots__ = ("__weakref__", "_consumed", "_key", "_machine", "_name", "_pointer")
    _machine: Machine
    _name: str
    _pointer: Any  # pinned: whoever frees the shrinker, the memory stays
    _consumed: bool
    _key: int  # in the machine's _unregistered

    def __init__(self) -> None:
        raise TypeError("UnregisteredShrinker is made by UnregisteredShrinker.alloc(name, machine=...)")

    @classmethod
    def alloc(cls, name: str, *, machine: Machine, flags: int = 0) -> Self:
        """Allocate a shrinker on a machine. name is text, never a format; flags are Flags.

        Raises MemoryError when memory is short (or a fault was injected), and nothing is left
        behind; ValueError for a NUL in the name or bad flags; ClosedError for a closed machine.
        Mirrors shrinker_alloc().
        """
        if not isinstance(name, str):
            raise TypeError(f"the name must be a str, not {name!r}")
        if "\0" in name:
            raise ValueError(f"the name must not have a NUL in it: {name!r}")
        flags = _checked_flags(flags)
        if not isinstance(machine, MachineBase):
            raise TypeError(f"machine must be a Machine, not {machine!r}")
        text = str.encode(name, errors="surrogateescape")  # no code of the user's under the lock
        self = object.__new__(cls)
        self._machine = machine
        self._name = name
        self._consumed = True
        self._key = id(self)
        out = ffi.new("struct shrinker **")
        machine._handover.acquire()
        try:
            if machine._ending:
                raise ClosedError("the machine was closed")
            machine._unregistered[self._key] = weakref.ref(self)
            try:
                check(lib.sp_shrinker_alloc(machine._pointer, flags, text, out))
                try:
                    pointer = out[0]
                except BaseException:  # no memory for a pointer; there may be, now
                    lib.sp_shrinker_free_deferred(out[0])
                    raise
            except BaseException:
                del machine._unregistered[self._key]
                raise
            lib.sp_shrinker_pin(pointer)
            self._pointer = pointer
            self._consumed = False
        finally:
            machine._handover.release()
        return self

    def _live(self) -> Any:
        if self._machine._ending:
            raise ClosedError(f"the machine of shrinker {self._name!r} was closed")
        if self._consumed:
            raise MovedError(f"shrinker {self._name!r} was consumed by register() or close()")
        return self._pointer

    @property
    def name(self) -> str:
        """The name given to alloc()."""
        return self._name

    @property
    def machine(self) -> Machine:
        """The Machine it was allocated on."""
        return self._machine

    def set_seeks(self, seeks: SupportsIndex = DEFAULT_SEEKS) -> None:
        """Set what an object costs to bring back: 0 to 2**31 - 1. 0 trims half the cache a pass.

        Raises MovedError once it was registered.
        """
        self._set(lib.sp_shrinker_set_seeks, whole(seeks, "seeks", 0, 2**31 - 1))

    def set_batch(self, batch: SupportsIndex) -> None:
        """Set how many objects a scan call is asked for: 0 (for 128) to LONG_MAX.

        Raises MovedError once it was registered.
        """
        self._set(lib.sp_shrinker_set_batch, whole(batch, "batch", 0, 2**63 - 1))

    def _set(self, setter: Callable[[Any, int], None], value: int) -> None:
        self._machine._handover.acquire()
        try:
            setter(self._live(), value)  # and nobody registers it meanwhile
        finally:
            self._machine._handover.release()

    def register(self, data: object, callbacks: object = None) -> RegisteredShrinker:
        """Consume this handle, hand data over, and let passes call it.

        data is a ForeignOwnable (Box, Arc or your own), or any object, which is taken as an Arc of
        it, or None. What is borrowed of it has the methods count_objects(sc) and scan_objects(sc);
        or callbacks has them, as functions of (data, sc). A NativeShrinker (or a Box or an Arc of one)
        has native callbacks instead. In the order of the Rust binding: into_foreign, private_data,
        callbacks, publish.

        Raises TypeError if a callback is missing, MovedError if this handle or data was moved
        already, ClosedError, MemoryError; nothing is consumed then, except that an owner of your own,
        if it is only found wanting after its into_foreign(), gets its object back by from_foreign().
        """
        self._live()
        owner = _owner(data)
        held = owner.value if isinstance(owner, Box | Arc) else None
        native = held if isinstance(held, NativeShrinker) else None
        if native is not None:
            if callbacks is not None:
                raise TypeError("a NativeShrinker has its callbacks: register it without callbacks=")
        elif callbacks is not None:
            _check_callbacks(callbacks)
        elif isinstance(owner, Box | Arc):
            _check_callbacks(held)
        elif owner is None:
            raise TypeError("register(None) needs callbacks=: there is no object to call")
        seen = callbacks if callbacks is not None else getattr(owner, "value", owner)
        handle = RegisteredShrinker.__new__(RegisteredShrinker)
        address = int(ffi.cast("uintptr_t", self._live()))
        symbol = native.symbol if native is not None else _symbol(seen)
        addresses = native.addresses if native is not None else (0, 0, 0)
        # mem::forget: from here on no end of this wrapper frees the shrinker. Of two threads, one
        # comes here first.
        self._machine._handover.acquire()
        try:
            self._live()
            self._consumed = True
        finally:
            self._machine._handover.release()
        try:
            handle._register(
                self._machine,
                address,
                self._name,
                symbol,
                owner,
                callbacks,
                type(owner) in (Box, Arc),
                addresses,
            )
        except BaseException:
            # Unless its machine's close() has freed it meanwhile.
            self._consumed = self._machine._ending
            raise
        self._machine._unregistered.pop(self._key, None)
        return handle

    def close(self) -> None:
        """Free it without registering; nothing if it was consumed, or its machine closed.

        Mirrors Drop for UnregisteredShrinker.
        """
        self._machine._handover.acquire()
        try:
            if not self._consumed:
                lib.sp_shrinker_free_deferred(self._pointer)  # never registered: at once, and without memory
                self._consumed = True
                self._machine._unregistered.pop(self._key, None)
        finally:
            self._machine._handover.release()

    def __del__(self) -> None:
        if not hasattr(self, "_pointer"):
            return  # alloc() failed
        left_over, self._consumed = not self._consumed, True
        if left_over:
            # Without the lock, for a finalizer never waits: nobody else has this handle any more.
            lib.sp_shrinker_free_deferred(self._pointer)
            self._machine._unregistered.pop(self._key, None)
        lib.sp_shrinker_unpin(self._pointer)
        if left_over:  # last: a filter may turn the warning into an error
            warnings.warn(
                f"shrinker {self._name!r} was neither registered nor closed", ResourceWarning, stacklevel=2
            )

    def __repr__(self) -> str:
        return f"<UnregisteredShrinker {self._name!r}{', consumed' * self._consumed}>"


class RegisteredShrinker(RegisteredShrinkerBase, _Listed, Closing):
    """A registration: passes call its callbacks until close() frees it.

    register() makes it. It owns the private data; close(), the end of a with block, or its
    finalizer (which warns, and never waits) give that back. Mirrors RegisteredShrinker of
    rust/kernel/shrinker.rs.
    """

    __slots__ = ("__weakref__",)

    def __init__(self) -> None:
        raise TypeError("a RegisteredShrinker is made by UnregisteredShrinker.register(data)")

    def _live(self) -> Any:
        if self.closed:
            raise ClosedError(f"shrinker {self.name!r} was closed")
        return ffi.cast("struct shrinker *", self._address)

    @property
    def private_data(self) -> Any:
        """What is borrowed of the private data. Raises ClosedError after close()."""
        data = self._borrow()
        if data is NotImplemented:
            self._live()
        return data

    def debugfs_rename(self, name: str) -> None:
        """Give it another name, and its directory with it: ``<name>-<the same id>``.

        Raises MemoryError, and nothing has changed; OSError: EACCES for a ``/`` in it and EINVAL for a
        directory that there is, its own too: the shrinker has the new name then, and its directory
        keeps the old one. ValueError for a NUL, ClosedError. Mirrors shrinker_debugfs_rename().
        """
        rename(self, self._live(), name)

    def __repr__(self) -> str:
        return f"<RegisteredShrinker {self.name!r}{', closed' if self.closed else ''}>"
