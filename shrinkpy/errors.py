# SPDX-License-Identifier: GPL-2.0-only
"""Every error of the package, and how the core's statuses become them."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .lockdep import Report
    from .reclaim import Reclaimed

__all__ = [
    "BuildError",
    "ClosedError",
    "DeadlockError",
    "ExpiredError",
    "HungError",
    "KernelOops",
    "KernelWouldError",
    "LivelockError",
    "LockdepError",
    "LockdepWarning",
    "MovedError",
    "NestingError",
    "OneMachineError",
    "ReclaimShortError",
    "ShrinkpyError",
]


class ShrinkpyError(Exception):
    """The root of the hierarchy; each error is also a standard one."""


class MovedError(ShrinkpyError, RuntimeError):
    """The object was consumed: by register(), or by into_foreign()."""


class ClosedError(ShrinkpyError, RuntimeError):
    """The registration or the machine was closed."""


class ExpiredError(ShrinkpyError, RuntimeError):
    """A ShrinkControl was used after its callback returned, or in another thread."""


class NestingError(ShrinkpyError, RecursionError):
    """Passes were nested deeper than the core allows (8)."""


class OneMachineError(ShrinkpyError, RuntimeError):
    """The core is built around a kernel's own files, on globals: it has one machine at a time."""


class BuildError(ShrinkpyError, RuntimeError):
    """What is in C could not be built; the message is one line that says where, and what to do.

    Attribute: log, all that the compiler and the linker printed.
    """

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class ReclaimShortError(ShrinkpyError, OSError):
    """memory.reclaim freed less than it was asked for; errno is EAGAIN.

    Attributes: reclaimed says what was freed, and by which passes.
    """

    def __init__(self, text: str, reclaimed: Reclaimed) -> None:
        super().__init__(errno.EAGAIN, text)
        self.reclaimed = reclaimed

    def __reduce__(self) -> tuple[type[ReclaimShortError], tuple[str, Reclaimed]]:
        """By its own arguments: those of OSError are not the constructor's."""
        return type(self), (str(self.strerror), self.reclaimed)


class KernelWouldError(ShrinkpyError, RuntimeError):
    """The kernel would not come back from this.

    Attributes: shrinker (name, or None), nid (node, or None), memcg (inode number of the cgroup, or
    None) and reason say where and why.
    """

    def __init__(
        self,
        reason: str,
        *,
        shrinker: str | None = None,
        nid: int | None = None,
        memcg: int | None = None,
    ) -> None:
        self.reason = reason
        self.shrinker = shrinker
        self.nid = nid
        self.memcg = memcg
        where = [f"shrinker {shrinker!r}"] if shrinker is not None else []
        where += [f"node {nid}"] if nid is not None else []
        where += [f"cgroup {memcg}"] if memcg is not None else []
        super().__init__(f"{', '.join(where)}: {reason}" if where else reason)


class DeadlockError(KernelWouldError):
    """A wait that would be for oneself, or close a ring of waits. Nothing has changed."""


class HungError(KernelWouldError):
    """shrinker_free() would wait for ever for references that passes lost."""


class LivelockError(KernelWouldError):
    """Scans without progress: the shrinker's turn was ended where the kernel would spin."""


class KernelOops(KernelWouldError):  # noqa: N818 - the kernel's own word for it
    """The kernel would have dereferenced NULL, or worse."""


class LockdepError(ShrinkpyError, RuntimeError):
    """Orders of locks that contradict each other were seen; its text is that of the reports.

    Attributes: reports, a tuple.
    """

    def __init__(self, reports: tuple[Report, ...]) -> None:
        self.reports = reports
        super().__init__("\n".join(report.text for report in reports))


class LockdepWarning(UserWarning):
    """A machine was closed with reports of lockdep that nobody had looked at."""


# The values of enum sp_status in core.h (tests hold them against the header).
_OOPS, _HANG, _SPIN, _DEADLOCK, _DEPTH, _ABORTED, _CLOSED = range(-1001, -1008, -1)

_WOULD: dict[int, type[KernelWouldError]] = {
    _OOPS: KernelOops,
    _HANG: HungError,
    _SPIN: LivelockError,
    _DEADLOCK: DeadlockError,
}


def from_status(status: int, shrinker: bytes | str, nid: int, ino: int, text: bytes | str) -> Exception:
    """The exception for a status of the core other than SP_OK."""
    shrinker = shrinker.decode(errors="replace") if isinstance(shrinker, bytes) else shrinker
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    if status in _WOULD:
        return _WOULD[status](
            text,
            shrinker=shrinker or None,
            nid=nid if nid >= 0 else None,
            memcg=ino or None,
        )
    if status == _DEPTH:
        return NestingError(text)
    if status == _CLOSED:
        return ClosedError(text or "the machine was closed")
    if status == -errno.ENOMEM:
        return MemoryError("no memory, or a fault was injected")
    if status == -errno.EINVAL:
        return ValueError(text or "invalid argument")
    return OSError(-status, text or errno.errorcode.get(-status, "unknown status"))


def combine(
    exceptions: list[BaseException] | None, dropped: int, fatal: BaseException | None
) -> BaseException:
    """What one call raises for all that its callbacks raised.

    A fatal one (KeyboardInterrupt, SystemExit, GeneratorExit) is raised itself, the others as its
    context; one exception is raised itself; several as a group, which says how many were not kept.
    """
    group: BaseException | None = None
    if exceptions:
        if len(exceptions) == 1 and not dropped:
            group = exceptions[0]
        else:
            total = len(exceptions) + dropped
            message = f"{total} exceptions in callbacks of one pass"
            if dropped:
                message += f", {dropped} of them not kept"
            group = BaseExceptionGroup(message, exceptions)
    if fatal is None:
        assert group is not None
        return group
    if group is not None and group is not fatal:
        _insert_context(fatal, group, sys.exception())
    return fatal


def _insert_context(error: BaseException, context: BaseException, handled: BaseException | None) -> None:
    """Put context behind what error was raised in the context of, and before what its caller handles."""
    seen = {id(error)}
    at = error
    while (next_ := at.__context__) is not None and next_ is not handled and id(next_) not in seen:
        if next_ is context:
            return
        seen.add(id(next_))
        at = next_
    # No ring: error may be what context was raised in the context of.
    _cut(context, error)
    _set_context(at, context)
    if handled is not None and isinstance(context, BaseExceptionGroup) and context.__context__ is None:
        _set_context(context, handled)


def _cut(error: BaseException, before: BaseException) -> None:
    seen: set[int] = set()
    while error.__context__ is not None and id(error) not in seen:
        seen.add(id(error))
        if error.__context__ is before:
            _set_context(error, None)
            return
        error = error.__context__


# Some refuse attributes, as frozen dataclasses do.
_set_context = vars(BaseException)["__context__"].__set__
