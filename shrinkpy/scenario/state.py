# SPDX-License-Identifier: GPL-2.0-only
"""The state of a scenario's machine, as the vectors write it down (FORMAT: STATE)."""

from __future__ import annotations

from itertools import compress, repeat
from typing import Any

from ..core import ffi, lib, take_text
from ..machine import Faults
from .world import Lru, World, address

__all__ = ["State", "StateReader", "changes"]

State = dict[str, Any]

REGISTERED, MEMCG_AWARE = 1, 8
# What the vectors' ledger names.
_LIVE = tuple(
    (site, i)
    for i, site in enumerate(Faults.sites)
    if site in ("shrinker", "name", "nr_deferred", "info", "unit")
)


class StateReader:
    """Looks at a machine from outside; what C fills is made once, there are many looks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._value = ffi.new("long *")
        self._ledger = ffi.new("struct sp_ledger *")
        self._values: Any = ffi.NULL
        self._places: list[Any] = []  # of each of the values

    def read(self) -> State:
        """All of it, but for what no allocation or directory ever was."""
        world = self.world
        ids, ref, deferred = {}, {}, {}
        for handle, s in world.shrinkers.items():
            pointer = s.pointer
            flags = lib.sp_shrinker_flags(pointer)
            if flags & MEMCG_AWARE:
                ids[str(handle)] = lib.sp_shrinker_id(pointer)
            if flags & REGISTERED and (count := lib.sp_peek_refcount(pointer)) != 1:
                ref[str(handle)] = count
            own = [self._own_deferred(pointer, nid) for nid in range(lib.sp_peek_nr_own_deferred(pointer))]
            if any(own):
                deferred[str(handle)] = own
        state = {
            "nr_max": lib.sp_peek_nr_max(world.machine),
            "list": self._list(),
            "ids": ids,
            "ref": ref,
            "def": deferred,
            "mc": {str(handle): self._memcg(memcg) for handle, memcg in world.memcgs.items()},
            "live": self._live(),
        }
        if world.debugfs:
            text, length = ffi.new("char **"), ffi.new("size_t *")
            lib.sp_debugfs_list(world.machine, text, length)
            state["dbg"] = take_text(text, length).splitlines()
        if world.had_lrus:
            state["lru"] = {str(handle): self._lru(lru) for handle, lru in world.lrus.items()}
        return state

    def _list(self) -> list[int]:
        by_serial = {s.serial: h for h, s in self.world.shrinkers.items()}
        n = lib.sp_peek_list(self.world.machine, ffi.NULL, 0)
        serials = ffi.new("unsigned long[]", n)
        lib.sp_peek_list(self.world.machine, serials, n)
        return [by_serial[serial] for serial in serials]

    def _own_deferred(self, pointer: Any, nid: int) -> int:
        lib.sp_peek_deferred(pointer, ffi.NULL, nid, self._value)
        return int(self._value[0])

    def _memcg(self, memcg: Any) -> State:
        nr_max = [lib.sp_peek_map_nr_max(memcg, nid) for nid in range(self.world.nodes)]
        bits: list[list[int]] = []
        deferred: list[list[int]] = []
        for nid, n in enumerate(nr_max):
            if n > 0:
                bits += ([nid, i] for i in self._bits(memcg, nid, n))
                deferred += ([nid, i, value] for i, value in self._unit_deferred(memcg, nid, n))
        return {"on": int(lib.sp_memcg_is_online(memcg)), "max": nr_max, "map": bits, "def": deferred}

    # map() calls C from C: these two are most of what a scenario costs.

    @staticmethod
    def _bits(memcg: Any, nid: int, n: int) -> list[int]:
        return list(compress(range(n), map(lib.sp_peek_bit, repeat(memcg), repeat(nid), range(n))))

    def _unit_deferred(self, memcg: Any, nid: int, n: int) -> list[tuple[int, int]]:
        if len(self._places) < n:
            self._values = ffi.new("long[]", n)
            self._places = [self._values + i for i in range(n)]
        places = self._places[:n] if len(self._places) > n else self._places
        is_there = list(map(lib.sp_peek_unit_deferred, repeat(memcg), repeat(nid), range(n), places))
        values = ffi.unpack(self._values, n)
        if not any(values):
            return []
        return [(i, value) for i, value in enumerate(values) if value and is_there[i]]

    def _live(self) -> dict[str, int]:
        lib.sp_ledger_read(self.world.machine, self._ledger)
        live = self._ledger.live
        return {site: live[i] for site, i in _LIVE if live[i]}

    # -- list_lrus

    def _lru(self, lru: Lru) -> State:
        pointer, nodes = lru.pointer, range(self.world.nodes)
        aware = bool(lib.sp_list_lru_memcg_aware(pointer))
        asked = [handle for handle in self.world.memcgs if handle in self.world.was_online] if aware else [-1]
        ones = (
            [nid, handle, lib.sp_list_lru_count_one(pointer, nid, self.world.memcg(handle))]
            for handle in asked
            for nid in nodes
        )
        return {
            "aware": int(aware),
            "nodes": [lib.sp_list_lru_count_node(pointer, nid) for nid in nodes],
            "ones": [one for one in ones if one[2]],
            "lists": self._lists(lru),
        }

    @staticmethod
    def _lists(lru: Lru) -> list[list[int]]:
        """The items that are linked to each other, in the order in which they are."""
        linked = {h: item for h, item in lru.items.items() if item.next != item}
        after = {h: lru.item_at.get(address(item.next)) for h, item in linked.items()}
        lists = []
        for h in sorted(linked.keys() - set(after.values())):
            found: list[int] = []
            at: int | None = h  # None: the head
            while at in after and len(found) <= len(after):
                found.append(at)
                at = after[at]
            lists.append(found)
        return lists


def changes(before: State, after: State) -> State:
    """The keys whose value is another one, whole; below mc only the memcgs, None for those that are gone."""
    found = {key: value for key, value in after.items() if key != "mc" and value != before.get(key)}
    was, now = before["mc"], after["mc"]
    if was != now:
        mc = {handle: memcg for handle, memcg in now.items() if memcg != was.get(handle)}
        found["mc"] = {**mc, **{handle: None for handle in was if handle not in now}}
    return found
