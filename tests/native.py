# SPDX-License-Identifier: GPL-2.0-only
"""Shrinkers in C for the tests: compiled on the spot, and reached through ctypes."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import shrinkpy as sp
from shrinkpy.core import ffi, lib

HERE = Path(__file__).parent
SOURCE = HERE / "native_shrinkers.c"
CORE = (
    *("shrink_slab", "wait_begin", "wait_end", "memcg_root", "set_shrinker_bit", "peek_deferred"),
    *("shrinker_alloc", "shrinker_register", "shrinker_free", "shrinker_machine"),
    *("shrinker_set_callbacks", "shrinker_set_private", "shrinker_private"),
)


class Native:
    """The compiled native_shrinkers.c: cdll, and the same to be called without giving the GIL up.

    The core is inside of shrinkpy's own module and exports nothing: what the C code calls of it is
    given by address, into the variables named core_….
    """

    def __init__(self, where: Path, source: Path = SOURCE) -> None:
        """Compile it into where, and load it."""
        library = where / "native_shrinkers.so"
        include = HERE.parent / "csrc" / "include"
        subprocess.run(
            [
                *("cc", "-std=gnu11", "-Wall", "-Werror", "-g", "-O1", "-shared", "-fPIC", "-pthread"),
                *(f"-I{include}", "-o", str(library), str(source)),
            ],
            check=True,
        )
        self.cdll = ctypes.CDLL(str(library))
        self.with_the_gil = ctypes.PyDLL(str(library))
        for name in CORE:
            address = int(ffi.cast("uintptr_t", ffi.addressof(lib, f"sp_{name}")))
            ctypes.c_void_p.in_dll(self.cdll, f"core_{name}").value = address

    def callback(self, name: str) -> Any:
        """A function of the C code, as sp_shrinker_set_callbacks() takes it."""
        return ffi.cast("sp_shrink_fn", ctypes.cast(getattr(self.cdll, name), ctypes.c_void_p).value)

    def variable(self, name: str) -> ctypes.c_int:
        """A volatile int of the C code."""
        return ctypes.c_int.in_dll(self.cdll, name)

    def alloc(self, machine: sp.Machine, count: str, scan: str, private: Any = None, flags: int = 0) -> Any:
        """A struct shrinker *, set up and not registered; private is a ctypes structure."""
        out = ffi.new("struct shrinker **")
        assert lib.sp_shrinker_alloc(machine._pointer, flags, b"native", out) == 0
        self.set_up(out[0], count, scan, private)
        return out[0]

    def set_up(self, shrinker: Any, count: str, scan: str, private: Any = None) -> None:
        """Its callbacks by name, and its private data, which the caller keeps."""
        lib.sp_shrinker_set_callbacks(shrinker, self.callback(count), self.callback(scan))
        if private is not None:
            lib.sp_shrinker_set_private(shrinker, ffi.cast("void *", ctypes.addressof(private)))

    def register(
        self, machine: sp.Machine, count: str, scan: str = "scan_all", private: Any = None, flags: int = 0
    ) -> Any:
        """The same, registered; whoever has it frees it, or the machine's close() does."""
        shrinker = self.alloc(machine, count, scan, private, flags)
        assert lib.sp_shrinker_register(shrinker, ffi.NULL) == 0
        return shrinker


class Cache(ctypes.Structure):
    """struct cache: the private data of the counting callbacks, and what they noted."""

    _fields_ = (
        ("objects", ctypes.c_long),
        ("calls", ctypes.c_long),
        ("inside", ctypes.c_long),
        ("dropped", ctypes.c_long),
        ("late", ctypes.c_long),
    )


class Job(ctypes.Structure):
    """struct job: what a thread of the C code is to do, and what came of it."""

    _fields_ = (
        ("machine", ctypes.c_void_p),
        ("memcg", ctypes.c_void_p),
        ("shrinker", ctypes.c_void_p),
        ("priority", ctypes.c_int),
        ("rounds", ctypes.c_long),
        ("stop", ctypes.c_int),
        ("done", ctypes.c_long),
        ("refused", ctypes.c_long),
        ("freed", ctypes.c_ulong),
        ("thread", ctypes.c_ulong),
        ("tid", ctypes.c_int),
    )


class Thread:
    """A thread that Python has never seen, at one of the C code's jobs: reclaim, or set_bits.

    It does so many rounds (0: until stop()).
    """

    def __init__(
        self,
        native: Native,
        machine: sp.Machine,
        memcg: sp.MemCgroup | None = None,
        rounds: int = 0,
        *,
        what: str = "reclaim",
        shrinker: Any = ffi.NULL,
    ) -> None:
        """Start it."""
        self._native = native
        self._keep = (machine, memcg)
        self.job = Job(
            machine=machine._address,
            memcg=(machine.root if memcg is None else memcg)._address,
            shrinker=int(ffi.cast("uintptr_t", shrinker)),
            rounds=rounds,
        )
        assert native.with_the_gil.job_start(getattr(native.cdll, what), ctypes.byref(self.job)) == 0

    def sleeps(self) -> None:
        """Return when it waits; what it waits for may be the GIL, which is kept meanwhile."""
        self._native.with_the_gil.job_sleeps(ctypes.byref(self.job))

    def stop(self) -> None:
        """Let it come to its end."""
        self.job.stop = 1

    def join(self) -> Job:
        """Wait for its end; gives what it did."""
        assert self._native.cdll.job_join(ctypes.byref(self.job)) == 0
        return self.job
