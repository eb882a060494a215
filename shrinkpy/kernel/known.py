# SPDX-License-Identifier: GPL-2.0-only
"""What a generator knows of its scenario: learnt from what each operation gave."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..golden import Op
from ..scenario import is_over

__all__ = ["Known"]


@dataclass
class Shrinker:
    """A shrinker that lives."""

    id: int | None  # None: it is not memcg-aware
    listed: bool = False
    cleared: bool = False  # of SHRINKER_ALLOCATED


@dataclass
class Memcg:
    """A cgroup that has not been released."""

    parent: int
    online: bool = False
    was_online: bool = False


@dataclass
class Lru:
    """A list_lru, and where each item belongs; on: those that were added last."""

    aware: bool
    prepared: set[int] = field(default_factory=set)  # cgroups
    place: dict[int, tuple[int, int]] = field(default_factory=dict)  # node and cgroup
    on: set[int] = field(default_factory=set)


class Known:
    """The handles that there are."""

    def __init__(self, cfg: dict[str, int]) -> None:
        self.nodes = cfg["nodes"]
        self.memcg_enabled = bool(cfg["memcg"])
        self.kmem = bool(cfg["kmem"])
        self.root: int | None = 0 if cfg["root"] else None
        self.shrinkers: dict[int, Shrinker] = {}
        self.memcgs: dict[int, Memcg] = {}
        self.lrus: dict[int, Lru] = {}
        self.debugfs = False
        self.is_over = False  # the kernel would not have come back
        self._next = 1  # 0 is the root cgroup
        if cfg["root"]:
            self.memcgs[0] = Memcg(-1, cfg["root"] == 1, cfg["root"] == 1)

    def fresh(self, n: int = 1) -> int:
        """A handle that nothing has had, and so many behind it."""
        self._next += n
        return self._next - n

    def listed(self) -> list[int]:
        """The shrinkers that are registered."""
        return [h for h, s in self.shrinkers.items() if s.listed]

    def unlisted(self) -> list[int]:
        """Those that are not."""
        return [h for h, s in self.shrinkers.items() if not s.listed]

    def ids(self) -> dict[int, int]:
        """Of each shrinker that has one."""
        return {h: s.id for h, s in self.shrinkers.items() if s.id is not None}

    def children(self, m: int) -> list[Memcg]:
        """Of a cgroup, those that have not been released."""
        return [memcg for memcg in self.memcgs.values() if memcg.parent == m]

    def with_lists(self) -> list[int]:
        """The cgroups below the root that a list_lru can be asked about."""
        return [m for m, memcg in self.memcgs.items() if memcg.was_online and m != self.root]

    # -- learning

    def learn(self, done: Op) -> None:
        """Take note of an operation with its results, and of those that hooks ran in it."""
        for event in done.get("ev", ()):
            if event[0] == "hook":
                self.learn(event[3])
        self.is_over = self.is_over or is_over(done)
        r = done.get("r")
        if r == "absent":
            return
        if (method := getattr(self, f"_{done['op']}", None)) is not None:
            method(done, r)

    def _alloc(self, op: Op, r: Op | None) -> None:
        if r is not None:
            self.shrinkers[op["h"]] = Shrinker(r.get("id"))

    def _allocn(self, op: Op, r: list[bool | int | None]) -> None:
        for h, got in enumerate(r, op["h"]):
            if got is not None:
                aware = got is not True
                self.shrinkers[h] = Shrinker(got if aware else None, bool(op["reg"]))

    def _register(self, op: Op, r: int | None) -> None:
        if r is None and "w" not in op:
            self.shrinkers[op["h"]].listed = True

    def _clear_allocated(self, op: Op, _r: object) -> None:
        self.shrinkers[op["h"]].cleared = bool(op["clear"])

    def _free(self, op: Op, r: object) -> None:
        if r == "ok":
            self.shrinkers.pop(op["h"], None)

    def _memcg_new(self, op: Op, r: int | None) -> None:
        if r is None:
            self.memcgs[op["m"]] = Memcg(op["parent"])
            if op["parent"] < 0:
                self.root = op["m"]

    def _memcg_online(self, op: Op, r: int) -> None:
        if r == 0:
            self.memcgs[op["m"]].online = self.memcgs[op["m"]].was_online = True

    def _memcg_offline(self, op: Op, r: object) -> None:
        if r == "ok":
            self.memcgs[op["m"]].online = False

    def _memcg_release(self, op: Op, _r: object) -> None:
        gone = self.memcgs.pop(op["m"])
        for lru in self.lrus.values():
            for i, (nid, m) in lru.place.items():
                if m == op["m"]:
                    lru.place[i] = (nid, gone.parent)

    def _kmem(self, op: Op, _r: object) -> None:
        self.kmem = bool(op["on"])

    def _debugfs_init(self, _op: Op, _r: object) -> None:
        self.debugfs = True

    def _lru_new(self, op: Op, r: int) -> None:
        if r == 0:
            aware = bool(op["aware"]) and self.memcg_enabled and self.kmem
            self.lrus[op["l"]] = Lru(aware)

    def _lru_prepare(self, op: Op, r: int) -> None:
        if r == 0:
            self.lrus[op["l"]].prepared.add(op["m"])

    def _lru_add(self, op: Op, r: int) -> None:
        if r == 1:
            self.lrus[op["l"]].on.add(op["i"])

    def _lru_del(self, op: Op, r: int) -> None:
        if r == 1:
            self.lrus[op["l"]].on.discard(op["i"])

    def _lru_walk(self, op: Op, _r: object) -> None:
        for event in op.get("ev", ()):
            if event[0] == "i" and event[2].startswith("removed"):
                self.lrus[op["l"]].on.discard(event[1])

    def _lru_destroy(self, op: Op, _r: object) -> None:
        self.lrus.pop(op["l"], None)
