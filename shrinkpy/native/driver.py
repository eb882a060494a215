# SPDX-License-Identifier: GPL-2.0-only
"""A driver on a machine: load(), and what comes of it, Driver."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import cffi

from ..closing import Closing
from ..core import call, check, ffi, lib, take_text
from ..errors import ClosedError, DeadlockError, KernelOops
from ..machine import Machine
from ..shrinker import _Listed
from ..toolchain import scratch
from .child import is_loaded
from .compile import Built, build
from .errors import BuildError, SanitizerError

__all__ = ["Driver", "DriverShrinker", "LogLine", "load"]

# driver.h, with pointers that two FFIs can pass to each other.
_FACE = """
struct sp_symbol { unsigned long offset; const char *name; bool inner; };
int sp_driver_attach(void *m);
int sp_driver_init(void);
void sp_driver_exit(void);
int sp_driver_log(unsigned long from, char **text, size_t *len);
int sp_driver_leaks(char **text, size_t *len);
size_t sp_driver_shrinkers(void **out, size_t max);
void sp_driver_detach(void);
void sp_driver_set_symbols(const struct sp_symbol *sorted, size_t n);
extern char kernel_last_oops[256];
"""


@functools.cache
def _face() -> cffi.FFI:
    face = cffi.FFI()
    face.cdef(_FACE)
    return face


class LogLine(str):
    """A line that a driver printed. Attribute: level, 0 (emergency) to 7 (debug)."""

    __slots__ = ("level",)
    level: int

    def __new__(cls, line: str) -> Self:
        """Of "<level>text"."""
        level = line[1:2] if line[:1] == "<" and line[2:3] == ">" else ""
        self = super().__new__(cls, line[3:] if level.isdigit() else line)
        self.level = int(level) if level.isdigit() else 4
        return self


class DriverShrinker(_Listed):
    """A shrinker that a driver registered; the driver frees it."""

    def __init__(self, machine: Machine, pointer: Any) -> None:
        self._machine = machine
        lib.sp_shrinker_pin(pointer)
        self._pointer = pointer
        buffer = ffi.new("char[]", lib.sp_shrinker_name(pointer, ffi.NULL, 0) + 1)
        lib.sp_shrinker_name(pointer, buffer, len(buffer))
        self._name = str(ffi.string(buffer).decode(errors="replace"))

    def __del__(self) -> None:
        if hasattr(self, "_pointer"):
            lib.sp_shrinker_unpin(self._pointer)

    def _live(self) -> Any:
        if lib.sp_shrinker_freed(self._pointer):
            raise ClosedError(f"shrinker {self._name!r} was freed by its driver")
        return self._pointer

    @property
    def machine(self) -> Machine:
        """The Machine it is registered with."""
        return self._machine

    @property
    def name(self) -> str:
        """The name that the driver gave it."""
        return self._name

    @property
    def freed(self) -> bool:
        """Has the driver freed it?"""
        return bool(lib.sp_shrinker_freed(self._pointer))

    def __repr__(self) -> str:
        return f"<DriverShrinker {self._name!r}{', freed' * self.freed}>"


def _oopsed(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_oopsed(each) for each in error.exceptions)
    return isinstance(error, KernelOops)


class Driver(Closing):
    """A driver that is loaded on a machine: a copy of its own, with its own variables.

    load() makes it. Its functions (those of its sources that are not static) are attributes:
    ``driver.mb_cache_create(4)``. They are called without the GIL, with and giving what cffi does;
    what Python callbacks below them raise, and KernelOops, come out of the call. close() runs its
    module_exit; the machine's close() closes it first.

    Attributes: name; machine; ffi (cffi's, with the driver's types); built.
    """

    def __init__(self, built: Built, machine: Machine) -> None:
        """Made by load()."""
        self.built = built
        self.name = built.name
        self.machine = machine
        self._closed = True  # until there is something to close
        self._state = threading.Condition(threading.Lock())
        self._inside: dict[int, int] = {}
        self._oops: str | None = None
        self._ending = False
        self._last_log: list[LogLine] = []
        self._last_leaks: list[str] = []
        self._declare()
        self._path = Path(tempfile.mkdtemp(prefix=f"{built.name}-load-", dir=scratch())) / built.path.name
        shutil.copyfile(built.path, self._path)
        self._runtime: Any = _face().dlopen(str(self._path), os.RTLD_NOW | os.RTLD_LOCAL)
        self._library: Any = self.ffi.dlopen(str(self._path), os.RTLD_NOW | os.RTLD_LOCAL)
        _kept[id(self._library)] = (self._library, self._runtime)
        self._start()

    def _declare(self) -> None:
        self.ffi = cffi.FFI()
        self._names: tuple[str, ...] = ()
        self._undeclared = ""
        self._symbols: Any = None
        try:
            declared = self.built._declarations
            self.ffi.cdef(declared.cdef)
            self._names = declared.functions
            self._texts = [_face().new("char[]", symbol.name.encode()) for symbol in self.built._symbols]
            self._symbols = _face().new(
                "struct sp_symbol[]",
                [
                    (symbol.offset, text, symbol.inner)
                    for symbol, text in zip(self.built._symbols, self._texts, strict=True)
                ],
            )
        except BuildError as error:  # there is nothing to read them with
            self._undeclared = str(error)

    def _start(self) -> None:
        if self._symbols is not None:
            self._runtime.sp_driver_set_symbols(self._symbols, len(self._symbols))
        pointer = _face().cast("void *", self.machine._address)
        try:
            self._check(call(self._runtime.sp_driver_attach, pointer), "attaching it to the machine")
        except BaseException:
            self._unload()
            raise
        self._closed = False
        self.machine._drivers.append(self)
        try:
            self._check(call(self._runtime.sp_driver_init), "its module_init")
        except BaseException as error:
            self._note(error)
            self._end(run_exit=False)
            self._tell()  # an error path that forgets something
            raise

    def _check(self, status: int, what: str) -> None:
        if status:
            raise OSError(
                -status, f"driver {self.name!r}: {what} gave -{errno.errorcode.get(-status, -status)}"
            )

    # ---- calls

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        library = self.__dict__.get("_library")
        if library is None:
            raise AttributeError(name)
        self._live()
        try:
            value = getattr(library, name)
        except (AttributeError, cffi.FFIError):
            known = f"; it has {', '.join(self._names)}" if self._names else ""
            why = self._undeclared if self.built._given is None else ""
            raise AttributeError(
                f"driver {self.name!r}: {why}"
                if why
                else f"driver {self.name!r} has no function {name}(){known}"
            ) from None
        if not (isinstance(value, self.ffi.CData) and self.ffi.typeof(value).kind == "function"):
            return value
        return self._function(name, value)

    def _function(self, name: str, function: Any) -> Callable[..., Any]:
        def called(*args: object) -> Any:
            with self._entered():
                try:
                    return call(function, *args)
                except BaseException as error:
                    self._note(error)
                    raise

        called.__name__ = called.__qualname__ = name
        called.__doc__ = self.ffi.typeof(function).cname
        return called

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of its functions, in the order of its source; empty where that did not declare them."""
        return self._names

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names]

    def _entered(self) -> _Entered:
        return _Entered(self)

    def _note(self, error: BaseException) -> None:
        if _oopsed(error):
            self._oops = self._oops or str(error)

    def _live(self) -> None:
        if self._closed or self._ending:
            raise ClosedError(f"driver {self.name!r} was closed")

    # ---- what there is to see

    @property
    def closed(self) -> bool:
        """Was close() called, or the machine closed?"""
        return self._closed

    @property
    def shrinkers(self) -> list[DriverShrinker]:
        """Those that it has registered, in order; empty once it is closed."""
        if self._closed:
            return []
        with self._entered():
            n = self._runtime.sp_driver_shrinkers(_face().NULL, 0)
            out = _face().new("void *[]", n or 1)
            n = min(n, self._runtime.sp_driver_shrinkers(out, n))
            return [
                DriverShrinker(
                    self.machine, ffi.cast("struct shrinker *", int(_face().cast("uintptr_t", each)))
                )
                for each in out[0:n]
            ]

    @property
    def log(self) -> list[LogLine]:
        """What it printed (printk), without what had to make room."""
        return self._last_log if self._closed else [LogLine(each) for each in self._text("sp_driver_log", 0)]

    @property
    def leaks(self) -> list[str]:
        """What it has not given back, a line each: now, or (once it is closed) after its module_exit."""
        return self._last_leaks if self._closed else self._text("sp_driver_leaks")

    def _text(self, name: str, *args: int) -> list[str]:
        text, length = ffi.new("char **"), ffi.new("size_t *")
        face = _face()
        out = [
            face.cast(kind, int(ffi.cast("uintptr_t", each)))
            for kind, each in (("char **", text), ("size_t *", length))
        ]
        check(getattr(self._runtime, name)(*args, *out))
        return take_text(text, length).splitlines()

    # ---- its end

    def close(self) -> None:
        """Run its module_exit, unload it, and warn (ResourceWarning) of each thing it leaked.

        leaks and log stay. Again: nothing. Waits for calls in other threads. After an oops
        module_exit is not run, as the kernel would not get there, and a warning says so. Raises
        DeadlockError inside one of its functions, and what module_exit does (KernelOops).
        """
        if self._closed:
            return
        with self._state:
            if threading.get_ident() in self._inside:
                raise DeadlockError(f"driver {self.name!r} is closed in a call of one of its functions")
            self._ending = True
            while self._inside:
                self._state.wait()
            if self._closed:
                return
        # In a callback: the pass raised it, and not a call of ours.
        last = _face().string(self._runtime.kernel_last_oops).decode(errors="replace")
        self._oops = self._oops or last or None
        try:
            self._end(run_exit=self._oops is None)
        finally:
            self._tell()

    def _end(self, *, run_exit: bool) -> None:
        self._ending = True
        try:
            if run_exit:
                try:
                    call(self._runtime.sp_driver_exit)
                except BaseException as error:
                    self._note(error)
                    raise
        finally:
            self._last_log = [LogLine(each) for each in self._text("sp_driver_log", 0)]
            self._last_leaks = self._text("sp_driver_leaks")
            self._closed = True
            if self in self.machine._drivers:
                self.machine._drivers.remove(self)
            call(self._runtime.sp_driver_detach)
            self._unload()

    def _unload(self) -> None:
        # A thread that oopsed may still stand in its code.
        if self._oops is None:
            del _kept[id(self._library)]
            self.ffi.dlclose(self._library)
            _face().dlclose(self._runtime)
        shutil.rmtree(self._path.parent, ignore_errors=True)

    def _tell(self) -> None:
        texts = [f"driver {self.name!r} leaked: {leak}" for leak in self._last_leaks]
        if self._oops is not None:
            texts.insert(0, f"driver {self.name!r} oopsed, so that its module_exit was not run: {self._oops}")
        failed: ResourceWarning | None = None
        for text in texts:
            try:
                warnings.warn(text, ResourceWarning, stacklevel=3)
            except ResourceWarning as error:  # a filter made it one; the others are still due
                failed = failed or error
        if failed is not None:
            raise failed

    def __del__(self) -> None:
        # Never waits: the code stays, and the machine frees the shrinkers at its own end.
        if not self.__dict__.get("_closed", True):
            warnings.warn(
                f"driver {self.name!r} was still loaded when its last handle went; call close()",
                ResourceWarning,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        return f"<Driver {self.name!r}{', closed' * self._closed}>"


_kept: dict[int, Any] = {}
"""Shared objects that must stay mapped: what is loaded, and what a thread may still stand in."""


class _Entered:
    """A call in a driver: it is not unloaded meanwhile."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def __enter__(self) -> None:
        driver, me = self._driver, threading.get_ident()
        with driver._state:
            if me not in driver._inside:
                driver._live()
            driver._inside[me] = driver._inside.get(me, 0) + 1

    def __exit__(self, *_: object) -> None:
        driver, me = self._driver, threading.get_ident()
        with driver._state:
            driver._inside[me] -= 1
            if not driver._inside[me]:
                del driver._inside[me]
                driver._state.notify_all()


def load(driver: Built | str | os.PathLike[str], machine: Machine, **options: Any) -> Driver:
    """Load a driver on a machine: a copy of it, its variables in their first state, its module_init run.

    driver is what build() gave, or a source file, which is built first (options are build()'s).

    Raises OSError with module_init's errno, everything unloaded again, and warns (ResourceWarning) of what
    it left behind; KernelOops; SanitizerError for one built with sanitizers whose runtime is not in this
    process (see run_sanitized()); BuildError; ClosedError for a closed machine.
    """
    if not isinstance(machine, Machine):
        raise TypeError(f"machine must be a Machine, not {machine!r}")
    built = driver if isinstance(driver, Built) else build(driver, **options)
    if isinstance(driver, Built) and options:
        raise TypeError("a Built is built already: give the options to build()")
    if machine.closed:
        raise ClosedError("the machine was closed")
    for sanitizer in filter(None, (each.strip() for each in built.sanitize.split(","))):
        if not is_loaded(sanitizer):
            raise SanitizerError(
                f"driver {built.name!r} was built with sanitize={built.sanitize!r}, whose runtime must be in "
                "the process from its start: load it in a function, and call that by native.run_sanitized()"
            )
    return Driver(built, machine)
