# SPDX-License-Identifier: GPL-2.0-only
"""A driver in C under pressure: what `shrinkpy run driver.c` does."""

from __future__ import annotations

import contextlib
import ctypes
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .drivers.binder import DamagedError
from .errors import KernelWouldError
from .machine import MemCgroup
from .native import BuildError, Driver, DriverShrinker, build, load
from .pressure import DEFAULT_SIZE, Reclaiming, TargetError

__all__ = ["DriverPressure"]

Source = str | os.PathLike[str]


# What a driver may have for pressure.Target, as functions that are not static.
_HOOKS = """
void shrinkpy_fill(unsigned long bytes);
void shrinkpy_step(void);
int shrinkpy_verify(void);
void shrinkpy_close(void);
"""


class _DriverTarget:
    """pressure.Target by the hooks of a driver."""

    def __init__(self, driver: Driver, size: int, places: list[tuple[MemCgroup, int]]) -> None:
        self._driver = driver
        self._size = size
        self._places = places

    def hook(self, name: str) -> Callable[..., Any] | None:
        """The driver's shrinkpy_name(), or None."""
        return getattr(self._driver, f"shrinkpy_{name}", None)

    def fill(self) -> None:
        """Call shrinkpy_fill(), by a task of each cgroup on each node."""
        fill = self.hook("fill")
        if not fill:
            return
        for memcg, nid in self._places:
            with memcg.machine.task(memcg, nid):
                fill(self._size // len(self._places))

    def step(self) -> None:
        """Call shrinkpy_step()."""
        if step := self.hook("step"):
            step()

    def verify(self) -> str | None:
        """Call shrinkpy_verify(): 0, or -errno where something is broken."""
        verify = self.hook("verify")
        if not verify:
            return None
        if status := verify():
            raise DamagedError(f"shrinkpy_verify() gave {status}")
        return "shrinkpy_verify() found nothing wrong"

    def close(self) -> None:
        """Call shrinkpy_close()."""
        if close := self.hook("close"):
            close()


class DriverPressure(Reclaiming):
    """A driver in C, built and loaded on a machine of its own, and what reclaim did to its shrinkers.

    source is one file or several, the driver's first; include is as for native.build(). Among them
    they may have the functions void shrinkpy_fill(unsigned long bytes) (size, or 256 MiB),
    void shrinkpy_step(void), int shrinkpy_verify(void) and void shrinkpy_close(void), which are called
    when Target's of that name are; but shrinkpy_fill() is called by a task of each child cgroup (the
    root, if there is none) on each node, with its share of the bytes. See Reclaiming.

    Attribute: empty, nothing was there to be freed before the first pass.

    Raises TargetError if it cannot be built or its module_init fails.
    """

    def __init__(
        self,
        source: Source | Iterable[Source],
        *,
        include: Iterable[Source] = (),
        size: int | None = None,
        nodes: int = 1,
        cgroups: int = 0,
    ) -> None:
        """See the class."""
        self._sources = [source] if isinstance(source, str | os.PathLike) else list(source)
        self._include = include
        self._size = DEFAULT_SIZE if size is None else size
        self.empty, self._fills = True, False
        super().__init__(os.fspath(self._sources[0]), nodes=nodes, cgroups=cgroups)

    def _set_up(self, stack: contextlib.ExitStack) -> None:
        try:
            built = build(self._sources, include=self._include, cdef=_HOOKS)
            self._driver = load(built, self.machine)
        except (BuildError, OSError, KernelWouldError) as error:
            raise TargetError(f"cannot run {self.name}: {error}") from error
        stack.callback(self._unload)
        nodes = range(self.machine.nr_nodes)
        places = [(memcg, nid) for memcg in self.cgroups[1:] or self.cgroups for nid in nodes]
        self.target = _DriverTarget(self._driver, self._size, places)
        stack.callback(self._call, "close")

    def _shrinkers(self) -> Iterable[DriverShrinker]:
        return self._driver.shrinkers

    def fill(self) -> None:
        """Let the driver fill itself."""
        super().fill()
        self._fills = self.target.hook("fill") is not None
        self.empty = not any(map(any, self._counted().values()))

    def _settle(self) -> None:
        super()._settle()
        # Its objects were malloc's, which keeps what is freed.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
        if trim:
            trim(ctypes.c_size_t(0))

    def _unload(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # told by leaks
            self._driver.close()
        self.log, self.leaks = list(self._driver.log), self._driver.leaks

    def remarks(self) -> Iterator[str]:
        """Tell, after close(), what a reader of the numbers should know, a line each."""
        if self.empty and self._fills:
            yield f"{self.name}: there was nothing to free after its shrinkpy_fill()"
        elif self.empty:
            yield (
                f"{self.name} had nothing to free: give it a function void shrinkpy_fill(unsigned long "
                "bytes), or name a file that has one after it"
            )
        yield from super().remarks()

    def result(self) -> dict[str, Any]:
        """All of it, as JSON has it; after close()."""
        return {**super().result(), "log": self.log, "leaks": self.leaks, "lockdep": self.lockdep}
