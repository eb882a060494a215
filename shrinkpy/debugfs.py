# SPDX-License-Identifier: GPL-2.0-only
"""The debugfs of CONFIG_SHRINKER_DEBUG: a directory a shrinker, with the files count and scan.

Mirrors mm/shrinker_debug.c, its texts and its errno included.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from .core import call, check, ffi, lib, text_of

if TYPE_CHECKING:
    from .machine import Machine
    from .shrinker import RegisteredShrinker

__all__ = ["Debugfs", "DebugfsEntry", "entry_of", "rename"]

T = TypeVar("T")

_KERNEL_WOULD = -1000
"""Statuses below are no errno."""


def _check(status: int, path: str | None = None) -> None:
    if _KERNEL_WOULD < status < 0 and status != -errno.ENOMEM:
        raise OSError(-status, os.strerror(-status), path)
    check(status)


def _look(machine: Machine, use: Callable[[Any, int], T]) -> T:
    """What use makes of an array of struct sp_debugfs_dir, and how many there are."""
    n = lib.sp_debugfs_dirs(machine._pointer, ffi.NULL, 0)
    while True:
        room = n + 1
        out = ffi.new("struct sp_debugfs_dir[]", room)
        try:
            n = lib.sp_debugfs_dirs(machine._pointer, out, room)
            if n <= room:
                return use(out, n)
        finally:
            lib.sp_debugfs_dirs_put(out, room)  # of zeroed memory: also where memory is short


def _name(of: Any) -> str:
    return str(ffi.string(of.name).decode(errors="surrogateescape"))


def _names(dirs: Any, n: int) -> list[str]:
    return [_name(dirs[i]) for i in range(n)]


class _Found:
    """The shrinker of a directory, pinned for the time of a with block."""

    def __init__(self, machine: Machine, path: str) -> None:
        self._machine = machine
        self._path = path
        self._shrinker = ffi.NULL

    def _find(self, dirs: Any, n: int) -> None:
        for i in range(n):
            if _name(dirs[i]) == self._path:
                shrinker = dirs[i].shrinker
                lib.sp_shrinker_pin(shrinker)
                self._shrinker = shrinker

    def __enter__(self) -> Any:
        _look(self._machine, self._find)
        if self._shrinker == ffi.NULL:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._path)
        return self._shrinker

    def __exit__(self, *_: object) -> None:
        lib.sp_shrinker_unpin(self._shrinker)


class DebugfsEntry:
    """A directory of debugfs, by its path: once its shrinker is closed or renamed, nothing is there.

    Every method raises FileNotFoundError then. What callbacks raise comes out of it as of a pass.
    """

    __slots__ = ("_debugfs", "name")
    name: str
    """``<name of the shrinker>-<id>``, cut to 127 bytes"""

    def __init__(self, debugfs: Debugfs, name: str) -> None:
        """Made by machine.debugfs[name]."""
        self._debugfs = debugfs
        self.name = name

    @property
    def files(self) -> tuple[str, ...]:
        """The files in it."""
        with self._found():
            return ("count", "scan")

    @property
    def count(self) -> str:
        """The text of the file count: a line a cgroup that has objects, its inode number and a count a node.

        A shrinker that is not memcg-aware has one line, with the root's number; one that is not
        NUMA-aware is asked for node 0 only.
        """

        def give(text: Any, length: Any) -> None:
            with self._found() as shrinker:
                _check(call(lib.sp_debugfs_count, shrinker, text, length), f"{self.name}/count")

        return text_of(give)

    def scan(self, text: str | bytes) -> int:
        """Write to the file scan: ``<cgroup's inode> <node> <objects>``; gives the bytes written.

        One call of scan_objects(), whatever it gives: no events, nothing counted, nothing deferred. A
        shrinker that is not memcg-aware wants the inode 0.

        Raises OSError: EINVAL for a text that is not that, a node that there is not, or an inode for
        one that is not memcg-aware; ENOENT for that of no online cgroup.
        """
        written = ffi.new("size_t *")
        if not isinstance(text, str | bytes):
            raise TypeError(f"what is written is a str or bytes, not {text!r}")
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        with self._found() as shrinker:
            status = call(lib.sp_debugfs_scan, shrinker, data, len(data), written)
            _check(status, f"{self.name}/scan")
        return int(written[0])

    def read(self, file: str) -> str:
        """Read a file. Raises OSError: EINVAL for scan, which can only be written; ENOENT."""
        self._refuse(file, "scan")
        return self.count

    def write(self, file: str, text: str | bytes) -> int:
        """Write a file. Raises OSError: EINVAL for count, which can only be read; ENOENT."""
        self._refuse(file, "count")
        return self.scan(text)

    def _refuse(self, file: str, other_way: str) -> None:
        if file not in self.files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self.name}/{file}")
        if file == other_way:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), f"{self.name}/{file}")

    def _found(self) -> _Found:
        return _Found(self._debugfs._machine, self.name)

    def __eq__(self, other: object) -> bool:
        """Is it the same path on the same machine?"""
        if not isinstance(other, DebugfsEntry):
            return NotImplemented
        return self._debugfs is other._debugfs and self.name == other.name

    def __hash__(self) -> int:
        """As of the path."""
        return hash((id(self._debugfs), self.name))

    def __repr__(self) -> str:
        return f"<DebugfsEntry {self.name}>"


class Debugfs(Mapping[str, DebugfsEntry]):
    """The directories below /sys/kernel/debug/shrinker, by name, in order of creation.

    It is up once somebody looks (or calls mount()): what a shrinker then has of it are allocations that
    faults, the ledger and a test of a driver would otherwise count without having asked for it.
    The ids in the names go by the order of registration, the lowest free one first, from then on.
    """

    def __init__(self, machine: Machine) -> None:
        """Made with its Machine."""
        self._machine = machine
        self._mounted = False

    def mount(self) -> None:
        """Bring it up: directories for all that are registered, and from now on. Again: nothing.

        As if it had been up before them: a name that has no directory (a ``/`` in it, or one that is
        there) keeps none of the others from having theirs.
        Raises MemoryError if memory is short (or a fault was injected): it is up all the same, and
        the shrinker that found none and those after it have no directory. Mirrors the
        late_initcall of mm/shrinker_debug.c.
        """
        self._machine._handover.acquire()
        try:
            first = not self._mounted
            self._mounted = True
            if first:
                status = lib.sp_debugfs_init(self._machine._pointer)
                if status in (-errno.EACCES, -errno.EEXIST):
                    status = lib.sp_debugfs_catch_up(self._machine._pointer)
                _check(status)
        finally:
            self._machine._handover.release()

    @property
    def mounted(self) -> bool:
        """Is it up?"""
        return self._mounted

    def _names(self) -> list[str]:
        self.mount()
        return _look(self._machine, _names)

    def __getitem__(self, name: str) -> DebugfsEntry:
        """The directory of that name. Raises KeyError if there is none."""
        if name not in self._names():
            raise KeyError(name)
        return DebugfsEntry(self, name)

    def __iter__(self) -> Iterator[str]:
        """Names, in order of creation."""
        return iter(self._names())

    def __len__(self) -> int:
        """How many directories there are."""
        return len(self._names())

    def __repr__(self) -> str:
        return f"<Debugfs: {', '.join(self._names())}>" if self._mounted else "<Debugfs, not mounted>"


def entry_of(debugfs: Debugfs, pointer: Any) -> DebugfsEntry | None:
    """Find the directory of a struct shrinker *."""

    def find(dirs: Any, n: int) -> DebugfsEntry | None:
        found = (_name(dirs[i]) for i in range(n) if dirs[i].shrinker == pointer)
        return next((DebugfsEntry(debugfs, name) for name in found), None)

    debugfs.mount()
    return _look(debugfs._machine, find)


def rename(shrinker: RegisteredShrinker, pointer: Any, name: str) -> None:
    """See RegisteredShrinker.debugfs_rename()."""
    if not isinstance(name, str):
        raise TypeError(f"the name must be a str, not {name!r}")
    if "\0" in name:
        raise ValueError(f"the name must not have a NUL in it: {name!r}")
    text = str.encode(name, errors="surrogateescape")
    status = lib.sp_debugfs_rename(pointer, text)
    if status != -errno.ENOMEM:
        shrinker._name = name
    _check(status, name)
