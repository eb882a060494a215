# SPDX-License-Identifier: GPL-2.0-only
"""Callbacks that are native code, known by their addresses: NativeShrinker."""

from __future__ import annotations

import sys
from typing import Any

from .core import ffi

__all__ = ["NativeShrinker"]

_WANTED = (
    "give the address of an unsigned long f(struct shrinker *, struct shrink_control *): an int, a function "
    "of ctypes or a function pointer of cffi, or what has an attribute address, as numba's @cfunc has"
)


def _of_ctypes(value: object) -> int | None:
    """The address that something of ctypes stands for; None, it is not of ctypes."""
    ctypes = sys.modules.get("ctypes")
    if ctypes is None:  # never imported: nothing can be of it
        return None
    if isinstance(value, ctypes._CFuncPtr | ctypes.c_void_p | ctypes._Pointer):
        return ctypes.cast(value, ctypes.c_void_p).value or 0
    return None


def _checked(address: int, what: str) -> int:
    if not 0 <= address < 1 << 64:
        raise ValueError(f"{what} is no address: {address:#x} does not fit in 64 bits")
    return address


def _callback(value: object, what: str) -> int:
    """The address of a callback, or the exception that teaches."""
    if value is None:
        raise TypeError(f"{what} is missing; {_WANTED}")
    address = _of_ctypes(value)
    if address is None and isinstance(value, ffi.CData):
        kind = ffi.typeof(value)
        if kind.kind == "function" and len(kind.args) != 2:
            raise TypeError(f"{what} has {len(kind.args)} parameters, a shrinker's callback has 2; {_WANTED}")
        if kind.kind not in ("function", "pointer"):
            raise TypeError(f"{what} is no function pointer but {value!r}; {_WANTED}")
        address = int(ffi.cast("uintptr_t", value))
    if address is None:
        given: Any = getattr(value, "address", value)
        if isinstance(given, bool) or not hasattr(given, "__index__"):
            raise TypeError(f"{what} has no address: {value!r}; {_WANTED}")
        address = _checked(given.__index__(), what)
    if not address:
        raise ValueError(f"{what} is NULL: the kernel would jump there; {_WANTED}")
    return address


def _private(value: object) -> int:
    """What private_data is to be, of an int or of anything that C may point to."""
    if value is None:
        return 0
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None and isinstance(value, ctypes.Structure | ctypes.Union | ctypes.Array):
        return int(ctypes.addressof(value))
    address = _of_ctypes(value)
    if address is not None:
        return address
    if isinstance(value, ffi.CData) and ffi.typeof(value).kind in ("pointer", "array", "function"):
        return int(ffi.cast("uintptr_t", value))
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(
            f"private has no address: {value!r}; give an int, a structure, an array or a pointer of ctypes, "
            "or a pointer of cffi"
        )
    return _checked(value.__index__(), "private")


class NativeShrinker:
    """A shrinker whose callbacks are native code; register() takes it in the place of data.

    count and scan are functions by address: an int, a function of a ctypes.CDLL or a CFUNCTYPE, a
    function pointer of cffi, or anything with an attribute ``address`` (numba's @cfunc). In C they
    are ``unsigned long f(struct shrinker *, struct shrink_control *)``, of core.h or linux/shrinker.h,
    and may run in several threads at once. private is what ``private_data`` of the C shrinker is: an
    int, a structure, an array or a pointer of ctypes, a pointer of cffi, or None for NULL.

    The struct shrinker has exactly these addresses. They are called without the GIL, so that they
    may block on what a Python thread holds; what is Python behind them (CFUNCTYPE) takes it itself,
    and must not raise: after an exception ctypes returns any number. What was given is kept alive as
    long as this object, and this object while it is registered, as the registration's private_data.

    Raises TypeError for what has no address (a missing callback included), ValueError for NULL and
    for what does not fit in 64 bits.
    """

    __slots__ = ("__weakref__", "_addresses", "_count", "_private", "_scan")

    def __init__(self, count: object = None, scan: object = None, private: object = 0) -> None:
        """See the class."""
        self._addresses = (_callback(count, "count"), _callback(scan, "scan"), _private(private))
        self._count = count
        self._scan = scan
        self._private = private

    @property
    def count(self) -> Any:
        """What was given for count_objects."""
        return self._count

    @property
    def scan(self) -> Any:
        """What was given for scan_objects."""
        return self._scan

    @property
    def private(self) -> Any:
        """What was given for private_data."""
        return self._private

    @property
    def addresses(self) -> tuple[int, int, int]:
        """The addresses of count_objects and scan_objects, and the value of private_data."""
        return self._addresses

    @property
    def symbol(self) -> str:
        """What a trace prints for scan_objects: its name, where that is known, or its address."""
        name = getattr(self._scan, "__name__", None)
        return "".join(name.split()) if isinstance(name, str) and name.strip() else f"{self._addresses[1]:#x}"

    def __repr__(self) -> str:
        count, scan, private = self._addresses
        return f"<NativeShrinker count={count:#x} scan={scan:#x} private={private:#x}>"
