# SPDX-License-Identifier: GPL-2.0-only
"""Kinds of failures of callbacks: what they raise, wrong results, wrong words on nr_scanned."""

from __future__ import annotations

import asyncio
import builtins
import ctypes
import fractions
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import pytest
from model import (
    SHRINK_EMPTY,
    SHRINK_STOP,
)
from support import Doing, register

import shrinkpy as sp

FATAL = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""What ends a pass at once."""


class Kind(NamedTuple):
    """A way for a callback to fail.

    act() gives what to do in the callback: it raises, or returns what no callback may return. error
    is the exception's class. lazy: nobody may look at the exception on its way (so it is known by
    its class alone). where names the only callback that it is wrong in.
    """

    name: str
    act: Callable[[], Callable[[Any], Any]]
    error: type[BaseException]
    lazy: bool = False
    where: str | None = None

    @property
    def fatal(self) -> bool:
        return issubclass(self.error, FATAL)


@dataclass(eq=False)
class Fault:
    """One failure that a script asks for; asked for again, it raises the same object."""

    kind: Kind
    raised: BaseException | None = None
    """what was raised, once it was"""

    def __post_init__(self) -> None:
        self._act = self.kind.act()

    def strike(self, sc: Any) -> Any:
        """Fail, in a callback."""
        if self.kind.lazy:
            return self._act(sc)
        if self.raised is not None:
            raise self.raised
        try:
            return self._act(sc)
        except BaseException as error:
            self.raised = error
            raise

    def is_in(self, error: BaseException | None) -> bool:
        """Is this what it raised?"""
        if self.raised is not None:
            return error is self.raised
        return type(error) is self.kind.error

    def __repr__(self) -> str:
        return f"Fault({self.kind.name})"


# ---- kinds of it ----------------------------------------------------------------------------------


def throw(error: BaseException) -> NoReturn:
    """Raise it."""
    raise error


class BoomError(Exception):
    """An ordinary one."""


class CancelledError(BaseException):
    """No Exception, and none of those that end a pass."""


class Interrupted(KeyboardInterrupt):
    """One that ends a pass."""


class BothError(SystemExit, ValueError):
    """An error and an exit."""


class FussyError(Exception):
    """Cannot be made of one argument."""

    def __init__(self, one: object, two: object) -> None:
        super().__init__(one, two)


class UnmakeableError(Exception):
    def __init__(self, *_args: object) -> None:
        raise LookupError("not even made")


class InterruptingError(Exception):
    def __init__(self, *_args: object) -> None:
        raise Interrupted


class OddError(Exception):
    """Whatever is asked of it raises, and it is false."""

    __slots__ = ("slot",)
    __hash__ = None  # type: ignore[assignment]  # an exception that cannot be hashed

    def __str__(self) -> str:
        raise RuntimeError("no str")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no eq")

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        raise RuntimeError("no len")


class FrozenError(Exception):
    """Refuses every attribute, as a frozen dataclass does."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"frozen: {name}")


RAISING: dict[str, Kind] = {}
"""Those that raise by themselves, wherever they are asked to."""
RESULTS: dict[str, Kind] = {}
"""Those that return what a callback may not."""
SETTING: dict[str, Kind] = {}
"""Those that do with the ShrinkControl what may not be done."""


def kind(error: type[BaseException], *, lazy: bool = False) -> Callable[[Callable[[], Any]], Any]:
    """Note a function that raises error."""

    def note(do: Callable[[], Any]) -> Any:
        name = do.__name__.removesuffix("_")
        RAISING[name] = Kind(name, lambda: lambda _sc: do(), error, lazy)
        return do

    return note


@kind(BoomError)
def ordinary() -> None:
    raise BoomError("ordinary")


@kind(CancelledError)
def no_exception() -> None:
    raise CancelledError


@kind(Interrupted)
def fatal_subclass() -> None:
    raise Interrupted


@kind(BothError)
def fatal_and_an_error() -> None:
    raise BothError(3)


@kind(ExceptionGroup)
def group() -> None:
    raise ExceptionGroup("mine", [BoomError(), ExceptionGroup("inner", [ValueError()])])


@kind(BaseExceptionGroup)
def group_with_an_interrupt() -> None:
    raise BaseExceptionGroup("mine", [KeyboardInterrupt(), BoomError()])


@kind(asyncio.CancelledError)
def asyncio_cancelled() -> None:
    raise asyncio.CancelledError


@kind(pytest.fail.Exception)
def pytest_fail() -> None:
    pytest.fail("in a callback")


@kind(pytest.skip.Exception)
def pytest_skip() -> None:
    raise pytest.skip.Exception("in a callback")


@kind(AssertionError)
def assertion() -> None:
    assert not RAISING


@kind(SystemExit)
def exit_() -> None:
    sys.exit("in a callback")


@kind(TypeError)
def class_that_needs_arguments() -> None:
    raise FussyError


@kind(LookupError)
def class_that_cannot_be_made() -> None:
    raise UnmakeableError


@kind(TypeError)
def no_class_of_exceptions() -> None:
    raise object  # type: ignore[misc]  # no exception at all: Python makes a TypeError of it


def set_from_c(error: type[BaseException], value: object) -> None:
    """Set an exception as C does: class and value apart, so that who takes it has to make it."""
    ctypes.pythonapi.PyErr_SetObject(ctypes.py_object(error), ctypes.py_object(value))


@kind(BoomError, lazy=True)
def made_by_who_takes_it() -> None:
    set_from_c(BoomError, ("a", "tuple"))


@kind(TypeError, lazy=True)
def made_of_the_wrong_arguments() -> None:
    set_from_c(FussyError, "one")


@kind(LookupError, lazy=True)
def made_by_a_constructor_that_raises() -> None:
    set_from_c(UnmakeableError, "x")


@kind(Interrupted, lazy=True)
def made_by_a_constructor_that_is_interrupted() -> None:
    set_from_c(InterruptingError, "x")


@kind(OddError)
def odd() -> None:
    raise OddError


@kind(FrozenError)
def frozen() -> None:
    raise FrozenError


@kind(RecursionError)
def real_recursion() -> None:
    def deeper() -> None:
        deeper()

    deeper()


@kind(MemoryError)
def real_memory_error() -> None:
    bytearray(2**62)


@kind(BoomError)
def with_cause_context_and_notes() -> None:
    error = BoomError()
    error.add_note("a note")
    try:
        raise KeyError
    except KeyError:
        raise error from ValueError("cause")


@kind(BoomError)
def raised_before() -> None:
    try:
        raise BoomError
    except BoomError as caught:
        error = caught
    raise error


@kind(BoomError)
def its_own_context() -> None:
    error = BoomError()
    error.__context__ = KeyError()
    error.__context__.__context__ = error
    raise error


def generator() -> Iterator[None]:
    """Yields for ever, also when it is closed."""
    while True:
        try:
            yield
        except GeneratorExit:
            yield


def started() -> Any:
    each = generator()
    next(each)
    return each


@kind(BoomError)
def thrown_into_a_generator() -> None:
    started().throw(BoomError())


@kind(RuntimeError)
def generator_that_will_not_close() -> None:
    started().close()


@kind(GeneratorExit)
def generator_exit_let_out() -> None:
    def honest() -> Iterator[None]:
        yield

    each = honest()
    next(each)
    each.throw(GeneratorExit())


@kind(RuntimeError)
def stop_iteration_in_a_generator() -> None:
    def stops() -> Iterator[None]:
        raise StopIteration
        yield

    next(stops())


@kind(DeprecationWarning)
def warning_made_an_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.warn("in a callback", DeprecationWarning, stacklevel=1)


@kind(Interrupted)
def signal_handler() -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: throw(Interrupted()))
    try:
        signal.raise_signal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, before)


@kind(KeyboardInterrupt)
def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


@kind(sp.ExpiredError)
def an_error_of_the_package() -> None:
    kept: list[sp.ShrinkControl] = []
    with sp.Machine() as machine, register(machine, Doing(count=lambda sc: kept.append(sc) or 0)):
        machine.shrink_slab()
    _ = kept[0].nid


# ---- every wrong result ---------------------------------------------------------------------------


class Index:
    """An int by __index__()."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __index__(self) -> Any:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


class Shy:
    """Will not be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


HUGE = (-1, -(2**63), -(2**63) - 1, -(2**200), 2**64, 10**30, -(10**5000), 10**5000)
"""No unsigned longs; the largest Python will not even print."""


def named_number(n: int) -> str:
    return str(n) if abs(n) < 10**40 else f"{'-' * (n < 0)}10**30 and more"


def result(name: str, value: object, error: type[BaseException], where: str | None = None) -> None:
    """Note a value that a callback may not return."""
    RESULTS[name] = Kind(name, lambda: lambda _sc: value, error, lazy=True, where=where)


for value in (True, False, None, 1.5, 1j, "5", b"5", [5], Ellipsis, NotImplemented, fractions.Fraction(5)):
    result(f"returns_{value!r}", value, TypeError)
result("returns_a_class", int, TypeError)
result("returns_an_error", BoomError(), TypeError)
result("returns_what_cannot_be_shown", Shy(), TypeError)
for n in HUGE:
    result(f"returns_{named_number(n)}", n, ValueError)
    result(f"returns_index_of_{named_number(n)}", Index(n), ValueError)
result("returns_index_that_raises", Index(BoomError()), BoomError)
result("returns_index_that_is_interrupted", Index(Interrupted()), Interrupted)
result("returns_index_that_is_no_int", Index("5"), TypeError)
for n in (SHRINK_STOP, SHRINK_EMPTY):
    result(f"returns_{n}", n, ValueError)
for n in (sp.CountObjects.MAX + 1, 2**63 - 1, 2**63):
    result(f"returns_{n}", n, ValueError, where="count")
for typed in (sp.ScanObjects(5), sp.ScanObjects.STOP):
    result(f"returns_{typed!r}", typed, TypeError, where="count")
for typed in (sp.CountObjects(5), sp.CountObjects.EMPTY):
    result(f"returns_{typed!r}", typed, TypeError, where="scan")
for n in (-5, 2**64):
    result(f"returns_a_forged_count_of_{n}", int.__new__(sp.CountObjects, n), OverflowError, where="count")
    result(f"returns_a_forged_scan_of_{n}", int.__new__(sp.ScanObjects, n), OverflowError, where="scan")


# ---- every wrong word on nr_scanned ---------------------------------------------------------------


def does(name: str, what: Callable[[Any], object], error: type[BaseException]) -> None:
    """Note what may not be done with a ShrinkControl."""
    SETTING[name] = Kind(name, lambda: what, error)


def says(name: str, value: object, error: type[BaseException]) -> None:
    """Note a value that nr_scanned may not be set to."""
    does(f"nr_scanned_{name}", lambda sc: setattr(sc, "nr_scanned", value), error)


for value in (True, False, None, 1.5, "5", b"5", [5]):
    says(repr(value), value, TypeError)
says("that_cannot_be_shown", Shy(), TypeError)
for n in HUGE:
    says(named_number(n), n, ValueError)
says("index_that_raises", Index(BoomError()), BoomError)
says("index_of_-1", Index(-1), ValueError)
for name in ("nr_to_scan", "nid", "gfp_mask", "memcg", "new"):
    does(f"sets_{name}", lambda sc, name=name: setattr(sc, name, 1), AttributeError)
does("deletes_nr_scanned", lambda sc: delattr(sc, "nr_scanned"), TypeError)
does("deletes_nid", lambda sc: delattr(sc, "nid"), AttributeError)
does("reads_what_is_not_there", lambda sc: sc.nr_to_free, AttributeError)


def builtin_classes() -> list[type[BaseException]]:
    """Those that can be reached from BaseException, itself included, in the order of their names."""
    found: set[type[BaseException]] = set()
    left: list[type[BaseException]] = [BaseException]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left += [sub for sub in type.__subclasses__(each) if sub.__module__ == builtins.__name__]
    return sorted(found, key=lambda each: each.__name__)


def arguments(of: type[BaseException]) -> tuple[Any, ...]:
    """What an instance is made of."""
    if issubclass(of, UnicodeTranslateError):
        return ("text", 0, 1, "why")
    if issubclass(of, UnicodeEncodeError):
        return ("utf-8", "text", 0, 1, "why")
    if issubclass(of, UnicodeDecodeError):
        return ("utf-8", b"bytes", 0, 1, "why")
    if issubclass(of, BaseExceptionGroup):
        inner = ValueError() if issubclass(of, ExceptionGroup) else KeyboardInterrupt()
        return ("message", [inner])
    return ("why",)


def builtin_kind(of: type[BaseException]) -> Kind:
    return Kind(of.__name__, lambda: lambda _sc: throw(of(*arguments(of))), of)


BUILTIN = {of.__name__: builtin_kind(of) for of in builtin_classes()}
EVERY = RAISING | RESULTS | SETTING | BUILTIN
