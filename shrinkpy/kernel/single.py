# SPDX-License-Identifier: GPL-2.0-only
"""Single operations on what there is: what a scenario does, and what a hook in it does."""

from __future__ import annotations

from collections.abc import Callable

from ..golden import Op
from ..scenario import LRU_ANSWERS
from .dice import Dice, Weights
from .known import Known

__all__ = ["Single"]

NUMA_AWARE, MEMCG_AWARE, NONSLAB = 4, 8, 16
# What is written to a scan file, and mostly refused.
_ODD_TEXTS = ("", "x", "0 0", "-1 0 5", "0x10 0 1", "0 0 -3", " 0\t0\n 7 and more", "0 0 5junk")
# Characters that a scan file takes.
_SCAN_TEXT = 71
_OF_HOOKS = {
    "shrink": 16,
    "poke": 6,
    "setbit": 5,
    "free": 5,
    "alloc": 3,
    "allocn": 4,
    "register": 4,
    "script": 3,
    "objs": 3,
    "kmem": 2,
    "memcg_offline": 3,
    "memcg_online": 2,
    "memcg_new": 2,
    "set": 1,
    "rename": 1,
    "dbg_count": 1,
    "dbg_scan": 1,
    "debugfs_init": 1,
}
_HOOKS = Weights(_OF_HOOKS)
_HOOKS_AND_LISTS = Weights({**_OF_HOOKS, "lru_add": 16, "lru_del": 10, "lru_count": 6, "lru_walk": 10})


class Single:
    """Makes operations; each maker gives None where there is nothing to do it to.

    in_order: cgroups come and go as the kernel lets them (order.py).
    """

    def __init__(self, dice: Dice, known: Known, in_order: bool) -> None:
        self.dice = dice
        self.known = known
        self.in_order = in_order

    def make(self, name: str) -> Op | None:
        """The operation of that name, with something to do."""
        maker: Callable[[], Op | None] = getattr(self, f"_{name}")
        return maker()

    def _shrinker(self) -> int | None:
        handles = list(self.known.shrinkers)
        return self.dice.one(handles) if handles else None

    def _listed(self) -> int | None:
        handles = self.known.listed()
        return self.dice.one(handles) if handles else None

    def _nid(self) -> int:
        return self.dice.below(self.known.nodes)

    def _memcg(self) -> int:
        """One that there is, mostly; -1: none."""
        memcgs = list(self.known.memcgs)
        return self.dice.one(memcgs) if memcgs else -1

    # -- shrinkers

    def _flags(self) -> int:
        """Of an alloc: those that mean something, seldom others."""
        dice = self.dice
        flags = 0
        if dice.chance(60 if self.known.memcg_enabled else 10):
            flags |= MEMCG_AWARE
        if dice.chance(50):
            flags |= NUMA_AWARE
        if dice.chance(20):
            flags |= NONSLAB
        return dice.getrandbits(32) & ~1 | flags if dice.chance(2) else flags | dice.chance(1)

    def _alloc(self) -> Op:
        return {
            "op": "alloc",
            "h": self.known.fresh(),
            "flags": self._flags(),
            "name": self.dice.text() if self.dice.chance(20) else "s",
        }

    def _allocn(self) -> Op:
        # Now and then as many as make infos grow.
        n = 1 + self.dice.below(2) if self.dice.chance(75) else 66
        op: Op = {"op": "allocn", "h": self.known.fresh(n), "n": n, "flags": self._flags()}
        return {**op, "reg": int(self.dice.chance(90))}

    def _register(self) -> Op | None:
        handles = self.known.unlisted()
        return {"op": "register", "h": self.dice.one(handles)} if handles else None

    def _free(self) -> Op | None:
        h = self._shrinker()
        return None if h is None else {"op": "free", "h": h}

    def _clear_allocated(self) -> Op | None:
        handles = self.known.unlisted()
        if not handles:
            return None
        return {"op": "clear_allocated", "h": self.dice.one(handles), "clear": int(self.dice.chance(60))}

    def _set(self) -> Op | None:
        h = self._shrinker()
        if h is None:
            return None
        return {"op": "set", "h": h, "batch": self.dice.batch(), "seeks": self.dice.seeks()}

    def _script(self) -> Op | None:
        h = self._shrinker()
        return None if h is None else self.dice.script(h, None, 0)

    def _hooked(self) -> Op | None:
        """A script with hooks."""
        h = self._listed()
        if h is None:
            return None
        dice = self.dice
        return dice.script(h, lambda: self.of_hook(h), dice.one((1, 1, 1, 2, 3)))

    def _objs(self) -> Op | None:
        h = self._shrinker()
        if h is None:
            return None
        n = self.dice.below(6000) if self.dice.chance(85) else self.dice.ulong()
        return {"op": "objs", "h": h, "m": self._memcg(), "nid": self._nid(), "n": n}

    def _poke(self) -> Op | None:
        h = self._shrinker()
        if h is None:
            return None
        return {"op": "poke", "h": h, "nid": self._nid(), "m": self._memcg(), "v": self.dice.long()}

    # -- cgroups

    def _memcg_new(self) -> Op | None:
        known = self.known
        m = known.fresh()
        if known.root is None:
            return {"op": "memcg_new", "m": m, "parent": -1} if self.dice.chance(20) else None
        return {"op": "memcg_new", "m": m, "parent": self._memcg()}

    def _memcg_online(self) -> Op | None:
        known = self.known
        online = {m for m, memcg in known.memcgs.items() if memcg.online} | {-1, known.root}
        offline = [
            m
            for m, memcg in known.memcgs.items()
            if not memcg.was_online and (memcg.parent in online or not self.in_order)
        ]
        return {"op": "memcg_online", "m": self.dice.one(offline)} if offline else None

    def _memcg_offline(self) -> Op | None:
        """The kernel takes no parent offline before its children."""
        known = self.known
        online = [
            m
            for m, memcg in known.memcgs.items()
            if memcg.online
            and m != known.root
            and not (self.in_order and any(child.online for child in known.children(m)))
        ]
        return {"op": "memcg_offline", "m": self.dice.one(online)} if online else None

    def _memcg_release(self) -> Op | None:
        known = self.known
        gone = [
            m
            for m, memcg in known.memcgs.items()
            if not memcg.online and m != known.root and not known.children(m)
        ]
        return {"op": "memcg_release", "m": self.dice.one(gone)} if gone else None

    def _setbit(self) -> Op | None:
        dice, known = self.dice, self.known
        with_info = [m for m, memcg in known.memcgs.items() if memcg.was_online]
        ids = list(known.ids().values())
        m = dice.one(with_info) if with_info and dice.chance(98) else self._memcg()
        i = dice.one(ids) if ids and dice.chance(90) else dice.one((-1, 0, 1, 63, 64, 127, 200))
        nid = self._nid() if dice.chance(99) else known.nodes
        return {"op": "setbit", "m": m, "nid": nid, "id": i}

    def _kmem(self) -> Op:
        return {"op": "kmem", "on": int(not self.known.kmem) if self.dice.chance(80) else 1}

    # -- passes

    def _target(self) -> int:
        """The cgroup of a pass: one that the kernel would give, but for one in a hundred."""
        dice, known = self.dice, self.known
        if not known.memcg_enabled or known.root is None:
            return -1 if not known.memcgs or dice.chance(70) else self._memcg()
        below = [m for m, memcg in known.memcgs.items() if memcg.was_online and m != known.root]
        if below and dice.chance(70):
            return dice.one(below)
        if dice.chance(99):
            return known.root if dice.chance(80) else self._memcg()
        return -1

    def _shrink(self) -> Op:
        dice = self.dice
        return {
            "op": "shrink",
            "gfp": dice.gfp(),
            "nid": self._nid() if dice.chance(99) else dice.one((-1, self.known.nodes)),
            "m": self._target(),
            "prio": dice.priority(),
        }

    # -- debugfs

    def _debugfs_init(self) -> Op | None:
        return None if self.known.debugfs else {"op": "debugfs_init"}

    def _rename(self) -> Op | None:
        h = self._shrinker()
        return None if h is None else {"op": "rename", "h": h, "name": self.dice.text()}

    def _dbg_count(self) -> Op | None:
        h = self._listed()
        return None if h is None else {"op": "dbg_count", "h": h}

    def _dbg_scan(self) -> Op | None:
        h = self._listed()
        return None if h is None else {"op": "dbg_scan", "h": h, "text": self._scan_text(h)}

    def _scan_text(self, h: int) -> str:
        dice = self.dice
        if dice.chance(12):
            return dice.one(_ODD_TEXTS)
        aware = self.known.shrinkers[h].id is not None
        ino = 1000 + self._memcg() if aware or dice.chance(10) else 0
        nid = self._nid() if dice.chance(92) else dice.one((-1, self.known.nodes, 2**31, 2**32))
        nr = dice.below(dice.one((2, 300, 300, 300))) if dice.chance(80) else dice.ulong()
        text = f"{ino if dice.chance(95) else 0} {nid} "
        # The kernel reads so much of it: of a number that goes further, its beginning.
        return f"{text:<{_SCAN_TEXT - dice.below(4)}}{nr}" if dice.chance(15) else f"{text}{nr}"

    # -- list_lrus

    def _lru_new(self) -> Op:
        h = self._shrinker() if self.dice.chance(85) else None
        op: Op = {"op": "lru_new", "l": self.known.fresh(), "aware": int(self.dice.chance(80))}
        return {**op, "h": -1 if h is None else h}

    def _lru(self) -> int | None:
        handles = list(self.known.lrus)
        return self.dice.one(handles) if handles else None

    def _lru_memcg(self, handle: int) -> int:
        memcgs = self.known.with_lists() if self.known.lrus[handle].aware else []
        return self.dice.one(memcgs) if memcgs and self.dice.chance(85) else -1

    def _lru_attach(self) -> Op | None:
        handle, h = self._lru(), self._shrinker()
        if handle is None:
            return None
        return {"op": "lru_attach", "l": handle, "h": -1 if h is None or self.dice.chance(10) else h}

    def _lru_prepare(self) -> Op | None:
        handle = self._lru()
        return None if handle is None else {"op": "lru_prepare", "l": handle, "m": self._lru_memcg(handle)}

    def _lru_add(self) -> Op | None:
        handle = self._lru()
        if handle is None:
            return None
        lru, i = self.known.lrus[handle], self.dice.below(12)
        if i not in lru.place:
            # Lists of some length, since walks go from one item to the next.
            others = [lru.place[other] for other in lru.on]
            fresh = not others or self.dice.chance(45)
            lru.place[i] = (self._nid(), self._lru_memcg(handle)) if fresh else self.dice.one(others)
        nid, m = lru.place[i]
        return {"op": "lru_add", "l": handle, "i": i, "nid": nid, "m": m}

    def _lru_del(self) -> Op | None:
        handle = self._lru()
        if handle is None or not self.known.lrus[handle].place:
            return None
        lru = self.known.lrus[handle]
        i = self.dice.one(list(lru.on or lru.place))
        nid, m = lru.place[i]
        return {"op": "lru_del", "l": handle, "i": i, "nid": nid, "m": m}

    def _lru_count(self) -> Op | None:
        handle = self._lru()
        if handle is None:
            return None
        return {"op": "lru_count", "l": handle, "nid": self._nid(), "m": self._lru_memcg(handle)}

    def _lru_walk(self) -> Op | None:
        handle = self._lru()
        if handle is None:
            return None
        dice = self.dice
        lru = self.known.lrus[handle]
        nid, m = lru.place[dice.one(list(lru.on))] if lru.on else (self._nid(), self._lru_memcg(handle))
        answers = [dice.one(LRU_ANSWERS) for _ in range(1 + dice.below(4))]
        op: Op = {"op": "lru_walk", "l": handle, "nid": nid, "m": m, "n": dice.below(16)}
        return {**op, "node": int(dice.chance(40)), "answers": answers}

    def _lru_destroy(self) -> Op | None:
        handle = self._lru()
        return None if handle is None else {"op": "lru_destroy", "l": handle}

    # -- hooks

    def of_hook(self, h: int) -> Op:
        """What a hook of that shrinker does."""
        dice = self.dice
        weights = _HOOKS_AND_LISTS if self.known.lrus else _HOOKS
        for _ in range(4):
            name = dice.name(weights)
            op = self.make(name)
            if op is None:
                continue
            # What one does to oneself is seen where others' would not be: deferred work that is added.
            if name == "poke" and dice.chance(60):
                op["h"] = h
            if name == "free" and op["h"] == h and dice.chance(70):
                continue
            if name == "register" and self.known.shrinkers[op["h"]].cleared:
                continue
            return op
        return self._shrink()
