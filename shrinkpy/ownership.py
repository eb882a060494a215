# SPDX-License-Identifier: GPL-2.0-only
"""Who owns a shrinker's private data: ForeignOwnable, Box and Arc (rust/kernel/types.rs)."""

from __future__ import annotations

from typing import Any, Generic, Protocol, Self, SupportsIndex, TypeVar, runtime_checkable

from .errors import MovedError

__all__ = ["Arc", "Box", "ForeignOwnable"]

T = TypeVar("T")


@runtime_checkable
class ForeignOwnable(Protocol):
    """An owner that can hand its object to C and take it back.

    register() calls into_foreign() once and borrow() for every use; close() calls from_foreign()
    once, when no callback can run any more, and drops the owner it gives. Mirrors the trait
    ForeignOwnable of the Rust binding.
    """

    def into_foreign(self) -> object:
        """Give the object up: the owner is moved, what comes back is C's."""
        ...

    @staticmethod
    def from_foreign(foreign: Any, /) -> object:
        """Take back what into_foreign() gave, exactly once."""
        ...

    @staticmethod
    def borrow(foreign: Any, /) -> object:
        """The object itself, while C has it; count_objects and scan_objects are called on it."""
        ...


class Unique:
    """What there is once: copying or pickling a handle of it would make two."""

    __slots__ = ()

    def __copy__(self) -> Self:
        raise TypeError(f"{type(self).__name__} owns what it holds and cannot be copied")

    def __deepcopy__(self, _memo: object) -> Self:
        return self.__copy__()

    def __reduce_ex__(self, _protocol: SupportsIndex) -> str:
        raise TypeError(f"{type(self).__name__} owns what it holds and cannot be pickled")


# Of Box and Arc, _held is what into_foreign() gives up; a register() that fails puts it back there.
# _drop_foreign() is from_foreign(), and the end of the handle that it gives, without taking memory.


class Box(Unique, Generic[T]):
    """The only handle of an object: using it after the move raises MovedError.

    Python cannot forbid other references to the object; the handle is what is unique.
    Mirrors Box<T> (KBox<T>) of the Rust binding.
    """

    __slots__ = ("_held",)
    _held: T

    def __init__(self, value: T) -> None:
        self._held = value

    @property
    def value(self) -> T:
        """The object. Raises MovedError once it was given away."""
        try:
            return self._held
        except AttributeError:
            raise MovedError("this Box was moved; its registration has the object now") from None

    @staticmethod
    def _drop_foreign(_foreign: object, /) -> None:
        pass

    def into_foreign(self) -> T:
        """Give the object up. Raises MovedError if that was done already."""
        value = self.value
        del self._held
        return value

    @classmethod
    def from_foreign(cls, foreign: T, /) -> Self:
        """A Box of what into_foreign() gave."""
        return cls(foreign)

    @staticmethod
    def borrow(foreign: T, /) -> T:
        """The object: a Box adds nothing to it."""
        return foreign

    def __repr__(self) -> str:
        return f"Box({self._held!r})" if hasattr(self, "_held") else "<Box, moved>"


class _ArcInner(Generic[T]):
    """What the handles of one Arc share."""

    __slots__ = ("strong", "value")

    def __init__(self, value: T) -> None:
        self.value: T | None = value
        self.strong = 1


class Arc(Unique, Generic[T]):
    """A counted handle of a shared object; each clone() is a handle of its own.

    The object is let go with the last handle: the registration's counts as one. Mirrors Arc<T> of
    the Rust binding.
    """

    __slots__ = ("_held",)
    _held: _ArcInner[T]

    def __init__(self, value: T) -> None:
        self._held = _ArcInner(value)

    def _live(self) -> _ArcInner[T]:
        try:
            return self._held
        except AttributeError:
            raise MovedError("this Arc was moved or dropped; clone() it first to keep a handle") from None

    @property
    def value(self) -> T:
        """The object. Raises MovedError once this handle was given away."""
        value: T = self.borrow(self._live())
        return value

    @property
    def strong_count(self) -> int:
        """How many handles there are, those of registrations included."""
        return self._live().strong

    def clone(self) -> Arc[T]:
        """Another handle of the same object."""
        inner = self._live()
        clone = type(self).__new__(type(self))
        inner.strong += 1
        clone._held = inner
        return clone

    @staticmethod
    def _drop_foreign(inner: Any, /) -> None:
        inner.strong -= 1
        if inner.strong == 0:
            inner.value = None

    def into_foreign(self) -> object:
        """Give this handle up. Raises MovedError if that was done already."""
        inner = self._live()
        del self._held
        return inner

    @classmethod
    def from_foreign(cls, foreign: Any, /) -> Arc[T]:
        """The handle that into_foreign() gave up."""
        arc = cls.__new__(cls)
        arc._held = foreign
        return arc

    @staticmethod
    def borrow(foreign: Any, /) -> Any:
        """The object, while some handle lives."""
        return foreign.value

    def drop(self) -> None:
        """Let this handle go, as its end of life does; again is harmless."""
        try:
            inner = self._held
            del self._held  # of two threads, one
        except AttributeError:
            return
        try:
            self._drop_foreign(inner)
        except MemoryError:
            self._held = inner
            raise

    def __del__(self) -> None:
        self.drop()

    def __repr__(self) -> str:
        return f"Arc({self._held.value!r})" if hasattr(self, "_held") else "<Arc, moved>"
