# SPDX-License-Identifier: GPL-2.0-only
"""A machine on which recorded calls are made again: shrinkers and cgroups, and who answers for them.

It goes through core.h itself, as scenarios do: a recording may hold values that the typed face refuses.
"""

from __future__ import annotations

import gc
from typing import Any, NamedTuple, Protocol

from ...control import Flags
from ...core import check, ffi, lib, take_text
from ...cores import core_info
from ...errors import OneMachineError
from ...scenario.callbacks import take_raised

__all__ = ["Actor", "End", "Player", "Stage", "Start"]

ULONG = 2**64
_RING = 1 << 12  # events; it is read at each count
_USER_FLAGS = int(Flags.NUMA_AWARE | Flags.MEMCG_AWARE | Flags.NONSLAB)


class Start(NamedTuple):
    """A start event of the core."""

    shrinker: int
    nr: int
    delta: int
    total_scan: int


class End(NamedTuple):
    """An end event of the core."""

    shrinker: int
    nr: int
    new_nr: int
    total_scan: int
    ret: int


class Player(Protocol):
    """Who answers for the shrinkers; sc is a ``struct shrink_control *``."""

    def count(self, actor: Actor, sc: Any) -> int:
        """What count_objects does."""

    def scan(self, actor: Actor, sc: Any) -> int:
        """What scan_objects does."""


class Actor:
    """A registered shrinker. life is whatever it stands for."""

    def __init__(self, pointer: Any, life: Any) -> None:
        self.pointer = pointer
        self.address = int(ffi.cast("uintptr_t", pointer))
        self.life = life
        self.data: Any = None  # what C keeps as private data
        self.settings = (2, 0)  # seeks (DEFAULT_SEEKS), batch

    def set(self, seeks: int, batch: int) -> None:
        """Give it these, if it has others."""
        if self.settings != (seeks, batch):
            self.settings = seeks, batch
            lib.sp_shrinker_set_seeks(self.pointer, seeks)
            lib.sp_shrinker_set_batch(self.pointer, batch)


class Stage:
    """See the module. Raises MemoryError, OneMachineError."""

    def __init__(self, player: Player, nodes: int, memcg: bool) -> None:
        self.player = player
        self.memcg = memcg
        config = ffi.new("struct sp_config *")
        config.nr_nodes, config.memcg, config.kmem = nodes, memcg, True
        config.root = lib.SP_ROOT_ONLINE if memcg else lib.SP_ROOT_BARE
        config.max_stall = 0  # scans that are not recorded are answered by SHRINK_STOP
        out = ffi.new("struct machine **")
        status = lib.sp_machine_create(config, out)
        if status == lib.SP_BUSY:
            gc.collect()  # the other one may be garbage
            status = lib.sp_machine_create(config, out)
        if status == lib.SP_BUSY:
            raise OneMachineError(
                f"{core_info().name} is built on globals: it has one machine at a time; "
                "close() the other one before"
            )
        check(status)
        self.machine = out[0]
        self.root = lib.sp_memcg_root(self.machine)
        self.actors: dict[int, Actor] = {}  # by address
        self._fillers: dict[int, Any] = {}  # shrinkers that only hold an id
        self._ring: Any = None
        self._info = ffi.new("struct sp_trace_ring *")
        self._seen = 0
        self._value = ffi.new("long *")
        self._pass = ffi.new("struct sp_pass *")
        self._reason = ffi.new("struct sp_reason *")
        check(lib.sp_trace_start(self.machine, _RING, lib.SP_CLOCK_NONE))

    def close(self) -> None:
        """Free all there is."""
        if self._ring is not None:
            lib.sp_trace_ring_put(self._ring)
            self._ring = None
        lib.sp_machine_destroy(self.machine)
        self.actors.clear()

    # -- shrinkers

    def _alloc(self, flags: int, name: bytes) -> Any:
        out = ffi.new("struct shrinker **")
        check(lib.sp_shrinker_alloc(self.machine, flags & _USER_FLAGS, name, out))
        return out[0]

    def register(self, life: Any, flags: int, ident: int | None, name: str) -> Actor:
        """A shrinker with these flags, and this id if it is not None; last in the list."""
        text = name.encode(errors="replace")
        if ident is None:
            pointer = self._alloc(flags, text)
        else:
            # The lowest free id is given: those below have to be taken, this one not.
            filler = self._fillers.pop(ident, None)
            if filler is not None:
                lib.sp_shrinker_free(filler, ffi.NULL)
            pointer = self._alloc(flags, text)
            while lib.sp_shrinker_id(pointer) < ident:
                self._fillers[lib.sp_shrinker_id(pointer)] = pointer
                pointer = self._alloc(flags, text)
        actor = Actor(pointer, life)
        actor.data = ffi.new_handle((self.player, actor))
        lib.sp_shrinker_set_private(pointer, actor.data)
        lib.sp_shrinker_set_callbacks(pointer, lib.sp_raw_count, lib.sp_raw_scan)
        check(lib.sp_shrinker_register(pointer, self._reason), self._reason)
        self.actors[actor.address] = actor
        return actor

    def free(self, actor: Actor) -> None:
        """Unregister and free it."""
        check(lib.sp_shrinker_free(actor.pointer, self._reason), self._reason)
        self.actors.pop(actor.address, None)

    @staticmethod
    def ident(actor: Actor) -> int:
        """Its id."""
        return int(lib.sp_shrinker_id(actor.pointer))

    # -- cgroups

    def create(self, parent: Any) -> Any:
        """A cgroup that is online."""
        out = ffi.new("struct mem_cgroup **")
        check(lib.sp_memcg_create(self.machine, parent, 0, out))
        check(lib.sp_memcg_online(out[0]))
        return out[0]

    def offline(self, memcg: Any) -> None:
        """Its deferred work goes to its parent."""
        check(lib.sp_memcg_offline(memcg, self._reason), self._reason)

    def set_bit(self, memcg: Any, nid: int, ident: int) -> None:
        """Say that there are objects."""
        check(lib.sp_set_shrinker_bit(self.machine, memcg, nid, ident, self._reason), self._reason)

    @staticmethod
    def has_bit(memcg: Any, nid: int, ident: int) -> bool:
        """Were there said to be any?"""
        return bool(lib.sp_peek_bit(memcg, nid, ident))

    # -- counters

    def peek(self, actor: Actor, memcg: Any, nid: int) -> int:
        """What is deferred. memcg NULL: the shrinker's own."""
        return int(self._value[0]) if lib.sp_peek_deferred(actor.pointer, memcg, nid, self._value) else 0

    def own_deferred(self, actor: Actor) -> list[int]:
        """What is deferred in its own counters, by node; none if cgroups have them."""
        return [self.peek(actor, ffi.NULL, nid) for nid in range(lib.sp_peek_nr_own_deferred(actor.pointer))]

    def poke(self, actor: Actor, memcg: Any, nid: int, value: int) -> None:
        """Change it."""
        lib.sp_poke_deferred(actor.pointer, memcg, nid, value)

    # -- passes

    def shrink(self, gfp: int, nid: int, memcg: Any, priority: int) -> int:
        """shrink_slab(): what was freed, as a long. Raises what a callback raised, and errors of the core."""
        status = lib.sp_shrink_slab(self.machine, gfp, nid, memcg, priority, self._pass)
        freed = int(self._pass.freed)
        take_raised()
        if status != lib.SP_ABORTED:
            check(status, self._pass.reason)
        return (freed + 2**63) % ULONG - 2**63

    def end_pass(self) -> None:
        """In a callback: the pass ends after this shrinker's turn."""
        lib.sp_pass_abort(self.machine)

    # -- files of debugfs

    def read_count(self, actor: Actor) -> str:
        """The text of a shrinker's ``count``."""
        text, length = ffi.new("char **"), ffi.new("size_t *")
        check(lib.sp_debugfs_count(actor.pointer, text, length))
        found = take_text(text, length)
        take_raised()
        return found

    def write_scan(self, actor: Actor, nr: int) -> None:
        """Write to its ``scan``: so many objects of node 0."""
        text = b"0 0 %d" % nr
        check(lib.sp_debugfs_scan(actor.pointer, text, len(text), ffi.new("size_t *")))
        take_raised()

    # -- events

    def events(self) -> list[Start | End]:
        """Those since the last look."""
        if self._ring is None:
            if not lib.sp_trace_nr_rings(self.machine):
                return []
            self._ring = ffi.new("struct sp_ring **")
            lib.sp_trace_ring_get(self.machine, 0, self._ring)
        info = self._info
        lib.sp_trace_ring_read(self._ring[0], info)
        written = info.written
        if written == self._seen:
            return []
        found: list[Start | End] = []
        for i in range(max(self._seen, written - info.size), written):
            e = info.events[i % info.size]
            if e.kind == lib.SP_TRACE_START:
                found.append(Start(e.shrinker, e.nr, e.delta, e.total_scan))
            else:
                found.append(End(e.shrinker, e.nr, e.new_nr, e.total_scan, e.retval))
        self._seen = written
        return found
