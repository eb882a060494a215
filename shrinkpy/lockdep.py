# SPDX-License-Identifier: GPL-2.0-only
"""Locks that are watched, and what their orders contradict: lockdep, with fs_reclaim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from .arguments import check_machine, whole
from .core import LockBase, check, ffi, lib, text_of
from .errors import LockdepError

if TYPE_CHECKING:
    from .machine import Machine

__all__ = ["Lock", "Lockdep", "RLock", "RWLock", "Report"]

_TRY, _SHARED, _RECURSIVE = lib.SP_LOCK_TRY, lib.SP_LOCK_SHARED, lib.SP_LOCK_RECURSIVE


class Report(NamedTuple):
    """One thing that lockdep found.

    classes are the names on the cycle, the first again at its end; stacks[i] is where classes[i + 1]
    was first taken while classes[i] was held, innermost call last. text has all of it.
    """

    text: str
    classes: tuple[str, ...]
    stacks: tuple[str, ...]

    def __str__(self) -> str:
        return self.text


class Lockdep:
    """What one machine knows of the order of its locks.

    A lock is known by its class: its name. Taking one while another is held is an order of their
    classes; so is an allocation that may enter file systems while one is held (it takes
    ``fs_reclaim``), and waiting for one in a callback (which runs with ``fs_reclaim`` held). Orders
    that contradict each other are reported once, whether they ever struck or not. Mirrors
    kernel/locking/lockdep.c.
    """

    def __init__(self, machine: Machine) -> None:
        """machine.lockdep has it."""
        self._machine = machine
        self._keys: dict[str, bytes] = {}
        self._seen = 0

    def _key(self, name: str) -> bytes:
        if not isinstance(name, str):
            raise TypeError(f"the name of a lock must be a str, not {name!r}")
        known = self._keys.get(name)
        if known is None:
            if not name or "\0" in name:
                raise ValueError(f"no name for a lock: {name!r}")
            # bytes of one character are shared by the interpreter: an address of its own each.
            known = self._keys.setdefault(name, bytes(bytearray(name.encode() + b"\0")))
        return known

    def _read(self) -> list[Report]:
        return [self._report(i) for i in range(lib.sp_lockdep_nr_reports(self._machine._pointer))]

    def _report(self, i: int) -> Report:
        pointer = self._machine._pointer
        text = text_of(lambda text, length: check(lib.sp_lockdep_report(pointer, i, text, length)))
        step = ffi.new("struct sp_lockdep_step *")
        classes: list[str] = []
        stacks: list[str] = []
        while lib.sp_lockdep_step(pointer, i, len(stacks), step) == 0:
            classes.append(_text(step.held))
            stacks.append(_text(step.stack))
        return Report(text, (*classes, *classes[:1]), tuple(stacks))

    def _take_unseen(self) -> list[Report]:
        reports = self._read()
        unseen, self._seen = reports[self._seen :], len(reports)
        return unseen

    @property
    def reports(self) -> list[Report]:
        """What was found, oldest first. Who reads it has looked: close() warns of later ones only."""
        reports = self._read()
        self._seen = len(reports)
        return reports

    def check(self) -> None:
        """Raise LockdepError with all reports, if there are any."""
        reports = self.reports
        if reports:
            raise LockdepError(tuple(reports))

    def enable(self, on: bool = True) -> None:
        """Note orders (as from the start), or no longer; locks lock all the same."""
        lib.sp_lockdep_enable(self._machine._pointer, bool(on))

    def __repr__(self) -> str:
        n = lib.sp_lockdep_nr_reports(self._machine._pointer)
        return f"<Lockdep, {n} report{'s' * (n != 1)}>"


def _text(text: object) -> str:
    return str(ffi.string(text).decode(errors="replace"))


def _subclass(subclass: int) -> int:
    return whole(subclass, "subclass", 0, 7)  # MAX_LOCKDEP_SUBCLASSES


class _Watched(LockBase):
    """What locks of every kind have."""

    _kind: int

    def __new__(cls, machine: Machine, name: str) -> Self:
        """See the class."""
        check_machine(machine)
        return super().__new__(cls, machine, machine.lockdep._key(name), cls._kind)

    def __init__(self, machine: Machine, name: str) -> None:
        """Nothing: see __new__()."""

    def release(self) -> None:
        """Give back what this thread took last of it. Raises RuntimeError where it has nothing."""
        self._give()

    def locked(self) -> bool:
        """Does any thread have it, in any way?"""
        return self._locked

    def mine(self) -> bool:
        """Does this thread have it, in any way? What lockdep_is_held() says."""
        return self._mine

    @contextmanager
    def _block(self, acquire: Callable[[], object]) -> Iterator[Self]:
        acquire()
        try:
            yield self
        finally:
            self.release()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, {'held' if self.locked() else 'free'}>"


class Lock(_Watched):
    """A mutex of a machine's code under test; a context manager, as threading.Lock.

    Locks of one name are one class. Taking a second one of a class that is held is a report, unless
    it is of another subclass (``acquire(subclass=1)``, as mutex_lock_nested()).

    Raises ValueError for a name that is empty or has a NUL.
    """

    _how = 0
    _kind = lib.SP_LOCK_MUTEX

    def acquire(self, blocking: bool = True, *, subclass: int = 0) -> bool:
        """Take it; not blocking is a try (mutex_trylock()), which says whether it did.

        Waiting lets other threads of Python run. Raises DeadlockError where this thread has it
        already, or whoever has it waits for this thread; KeyboardInterrupt and the like, and it was
        not acquired; ValueError.
        """
        return self._take(self._how | (0 if blocking else _TRY), _subclass(subclass))

    def nested(self, subclass: int) -> AbstractContextManager[Self]:
        """A with block that takes it as of that subclass: 1 to 7."""
        return self._block(lambda: self.acquire(subclass=subclass))

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.release()


class RLock(Lock):
    """A Lock that its thread may take again; it is free when it was released as often."""

    _how = _RECURSIVE


class RWLock(_Watched):
    """A lock that readers share: rw_semaphore, rwlock_t.

    As in the kernel, a reader may have to wait behind a writer that waits for another reader; so
    reading again what one reads already, and orders among readers alone, are reported like others.
    With recursive=True a reader is one that no waiting writer keeps out (rwlock_t in an interrupt).
    """

    _kind = lib.SP_LOCK_RW

    def acquire_read(self, blocking: bool = True, *, subclass: int = 0, recursive: bool = False) -> bool:
        """Share it; otherwise as Lock.acquire()."""
        how = _SHARED | (_RECURSIVE if recursive else 0) | (0 if blocking else _TRY)
        return self._take(how, _subclass(subclass))

    def acquire_write(self, blocking: bool = True, *, subclass: int = 0) -> bool:
        """Have it alone; otherwise as Lock.acquire()."""
        return self._take(0 if blocking else _TRY, _subclass(subclass))

    def read(self, *, subclass: int = 0, recursive: bool = False) -> AbstractContextManager[Self]:
        """A with block that shares it."""
        return self._block(lambda: self.acquire_read(subclass=subclass, recursive=recursive))

    def write(self, *, subclass: int = 0) -> AbstractContextManager[Self]:
        """A with block that has it alone."""
        return self._block(lambda: self.acquire_write(subclass=subclass))
