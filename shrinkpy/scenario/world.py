# SPDX-License-Identifier: GPL-2.0-only
"""The machine of a scenario, and what its handles stand for."""

from __future__ import annotations

from typing import Any

from ..control import SHRINK_EMPTY
from ..core import ffi, lib
from ..golden import Op, UnreadableError

__all__ = ["DIR_INODE", "ULONG", "Lru", "Script", "Shrinker", "World"]

ULONG = 2**64
DIR_INODE = 1000  # the vectors' inode of memcg m is 1000 + m
_RING = 64  # events; it is emptied at every callback, and there are two at most between those
# A core that spins where the kernel came back must not hang the run.
_STALL = 1 << 20


class Script:
    """The programmed callbacks of one shrinker (FORMAT of the vectors: Scripted callbacks)."""

    def __init__(self, op: Op | None = None) -> None:
        op = op or {}
        self.count: list[Any] = op.get("count") or ["objs"]
        self.scan: list[list[Any]] = op.get("scan") or [["free", ULONG - 1, "leave", 0]]
        self.empty: int = op.get("empty", SHRINK_EMPTY)
        self.pool: int = op.get("pool", 0)
        self.hooks: list[Op] = op.get("hooks", [])
        self.calls = {"count": 0, "scan": 0}

    def next(self, kind: str) -> int:
        """The number of this call of count or scan, from 0."""
        n = self.calls[kind]
        self.calls[kind] = n + 1
        return n


def address(pointer: Any) -> int:
    """Where a pointer points."""
    return int(ffi.cast("uintptr_t", pointer))


class Shrinker:
    """A shrinker handle of the scenario."""

    def __init__(self, handle: int, pointer: Any) -> None:
        self.handle = handle
        self.pointer = pointer
        self.serial = lib.sp_shrinker_serial(pointer)
        self.script = Script()
        self.pools: dict[tuple[int, int], int] = {}
        self.data: Any = None  # what C keeps as private data


class Lru:
    """A list_lru handle of the scenario, and its items: each the struct list_head of a structure."""

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer
        self.items: dict[int, Any] = {}
        self.item_at: dict[int, int] = {}  # handle by address

    def item(self, handle: int) -> Any:
        """The item of this handle; one that is new is on no list."""
        item = self.items.get(handle)
        if item is None:
            item = self.items[handle] = ffi.new("struct list_head *")
            item.next = item.prev = item
            self.item_at[address(item)] = handle
        return item


class World:
    """A machine as a vector's cfg has it, and the handles that operations name."""

    def __init__(self, cfg: dict[str, int]) -> None:
        self.shrinkers: dict[int, Shrinker] = {}
        self.memcgs: dict[int, Any] = {}
        self.was_online: set[int] = set()  # cgroups that are, or were
        self.lrus: dict[int, Lru] = {}
        self.shrinker_at: dict[int, Shrinker] = {}  # also of those that were freed
        self.had_lrus = False
        self.debugfs = False
        self.calls: int | None = cfg.get("calls")
        self.lax = bool(cfg.get("lax"))

        config = ffi.new("struct sp_config *")
        config.nr_nodes = self.nodes = cfg["nodes"]
        config.memcg = bool(cfg["memcg"])
        config.kmem = bool(cfg["kmem"])
        config.root = cfg["root"]
        config.root_ino = DIR_INODE
        config.max_stall = cfg.get("stall", _STALL)
        out = ffi.new("struct machine **")
        if lib.sp_machine_create(config, out):
            raise MemoryError
        self.machine = out[0]
        if cfg["root"]:
            self.add_memcg(0, lib.sp_memcg_root(self.machine))
            self.was_online.add(0)
        if lib.sp_trace_start(self.machine, _RING, lib.SP_CLOCK_NONE):
            raise MemoryError

    def close(self) -> None:
        """Free all there is; no name of the scenario means anything afterwards."""
        lib.sp_machine_destroy(self.machine)
        self.shrinkers.clear()
        self.shrinker_at.clear()

    def add_memcg(self, handle: int, pointer: Any) -> None:
        """Give a cgroup a handle."""
        self.memcgs[handle] = pointer
        # handle + 1: a private pointer of 0 would be none.
        lib.sp_memcg_set_private(pointer, ffi.cast("void *", handle + 1))

    def memcg(self, handle: int) -> Any:
        """The cgroup of a handle; NULL for -1. Raises UnreadableError."""
        if handle >= 0 and handle not in self.memcgs:
            raise UnreadableError(f"there is no memcg {handle} at that point")
        return ffi.NULL if handle < 0 else self.memcgs[handle]

    def memcg_with_lists(self, handle: int) -> Any:
        """A cgroup that a list_lru may be asked about, also NULL. Raises UnreadableError."""
        if handle >= 0 and handle not in self.was_online:
            raise UnreadableError(f"memcg {handle} was never online at that point")
        return self.memcg(handle)

    def shrinker(self, op: Op) -> Shrinker:
        """The shrinker that an operation names. Raises UnreadableError."""
        if op["h"] not in self.shrinkers:
            raise UnreadableError(f"there is no shrinker {op['h']} at that point")
        return self.shrinkers[op["h"]]

    def lru(self, op: Op) -> Lru:
        """The list_lru that an operation names. Raises UnreadableError."""
        if op["l"] not in self.lrus:
            raise UnreadableError(f"there is no list_lru {op['l']} at that point")
        return self.lrus[op["l"]]

    @staticmethod
    def handle_of(memcg: Any) -> int:
        """The handle of a cgroup; -1 for NULL."""
        return -1 if memcg == ffi.NULL else address(lib.sp_memcg_private(memcg)) - 1
