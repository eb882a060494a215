# SPDX-License-Identifier: GPL-2.0-only
"""Random scenarios: scenario i of a seed is the same on every run, as long as the core gives the same.

A generator is interactive: it sees what each operation gave, so that what it does next has sense. Two
cores that agree up to an operation are asked the same next one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple

from ..golden import Op
from .dice import Dice, Weights
from .known import Known
from .single import MEMCG_AWARE, Single

__all__ = ["Cfg", "Operations", "generate"]

Cfg = dict[str, int]
Operations = Generator[Op, Op, None]

# Scans within one operation, and those of them that make no progress.
_CALLS, _STALL = 60, 24
# Shrinkers at a time: about as many as a shrinker_info_unit has room for.
_UNIT = 64
_MANY = (2, 60, 63, 64, 65, 66, 70)

# What any scenario may do now and then.
_SELDOM = {
    "alloc": 2,
    "register": 2,
    "free": 1,
    "clear_allocated": 1,
    "hooked": 2,
    "memcg_new": 1,
    "memcg_online": 1,
    "setbit": 1,
    "rename": 1,
    "kmem": 1,
    "dbg_count": 1,
}


class Theme(NamedTuple):
    """What a scenario is mostly about."""

    weight: int
    verbs: dict[str, int]
    nodes: tuple[int, ...] = (1, 1, 2)
    memcg: int = 100  # percent: with cgroups
    root: int = 1
    kmem: int = 100  # percent: with kernel-memory accounting
    memcgs: int = 0  # below the root, at most
    shrinkers: int = 3
    lengths: tuple[int, int] = (10, 40)
    fails: int = 0  # percent, of what allocates
    debugfs: int = 10  # percent: up from the start


_SCRIPTED = {"script": 10, "set": 4, "objs": 6, "shrink": 22}
_TREE = {"memcg_new": 2, "memcg_online": 3, "memcg_offline": 2, "memcg_release": 2, "setbit": 10, "press": 20}

_THEMES = {
    "arith": Theme(
        20,
        {**_SCRIPTED, "poke": 20, "set": 14, "shrink": 34},
        memcg=30,
        root=0,
        shrinkers=1,
        lengths=(10, 60),
    ),
    "multi": Theme(10, {**_SCRIPTED, "free": 3, "alloc": 3}, nodes=(1, 2, 3, 4), memcg=50, shrinkers=6),
    "memcg": Theme(
        20, {**_SCRIPTED, **_TREE, "poke": 6, "hand_over": 1}, memcgs=3, shrinkers=4, lengths=(15, 60)
    ),
    "kmem": Theme(6, {**_SCRIPTED, **_TREE, "kmem": 6, "free": 4}, kmem=30, memcgs=2, shrinkers=4),
    "ids": Theme(
        5,
        {
            **_TREE,
            "memcg_new": 8,
            "memcg_online": 10,
            "many": 4,
            "grow": 4,
            "hand_over": 3,
            "hooked": 4,
            "alloc": 6,
            "free": 12,
            "shrink": 6,
        },
        memcgs=2,
        shrinkers=2,
        fails=30,
    ),
    "fail": Theme(
        8,
        {**_TREE, "memcg_new": 8, "memcg_online": 10, "alloc": 20, "free": 10, "rename": 2},
        memcgs=2,
        shrinkers=1,
        fails=40,
    ),
    "debugfs": Theme(
        8,
        {**_SCRIPTED, "dbg_count": 10, "dbg_scan": 10, "rename": 6, "alloc": 5, "free": 4, "debugfs_init": 6},
        memcg=70,
        memcgs=2,
        fails=20,
        debugfs=50,
    ),
    "boot": Theme(
        4, {**_SCRIPTED, "alloc": 8, "free": 4, "memcg_new": 6, "memcg_online": 6}, memcg=80, root=0
    ),
    "disabled": Theme(
        3, {**_SCRIPTED, "alloc": 4, "free": 4, "memcg_new": 2, "setbit": 1}, memcg=0, root=2, shrinkers=3
    ),
    "hooks": Theme(14, {**_SCRIPTED, **_TREE, "hooked": 16, "shrink": 12}, memcgs=2, shrinkers=4),
    "lru": Theme(
        16,
        {
            **_SCRIPTED,
            **_TREE,
            "lru_new": 2,
            "lru_attach": 2,
            "lru_prepare": 1,
            "lru_add": 30,
            "lru_del": 8,
            "lru_count": 2,
            "lru_walk": 16,
            "lru_destroy": 1,
            "memcg_offline": 5,
            "hooked": 6,
        },
        memcgs=3,
        kmem=95,
    ),
}
_CHOICE = Weights({name: theme.weight for name, theme in _THEMES.items()})
_VERBS = {name: Weights({**_SELDOM, **theme.verbs}) for name, theme in _THEMES.items()}
# About how many allocations each makes.
_ALLOCATES = {"alloc": 8, "allocn": 8, "memcg_online": 6, "debugfs_init": 4, "register": 2, "rename": 1}


class _Scenario:
    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.name = dice.name(_CHOICE)
        self.theme = theme = _THEMES[self.name]
        self.cfg: Cfg = {
            "nodes": dice.one(theme.nodes) if dice.chance(97) else 5,
            "memcg": int(dice.chance(theme.memcg)),
            "kmem": int(dice.chance(theme.kmem)),
            "root": theme.root if dice.chance(95) else dice.below(3),
            "calls": _CALLS,
            "stall": _STALL,
            "lax": 1,
        }
        self.known = Known(self.cfg)
        self.single = Single(dice, self.known, in_order="lru_new" in theme.verbs)
        self._several: dict[str, Callable[[], Operations]] = {
            "alloc": self._new_shrinker,
            "grow": self._grow,
            "press": self._press,
            "hand_over": self._hand_over,
            "lru_add": self._lru_add,
        }

    def _made(self, name: str) -> Op:
        """One of those that can always be made."""
        op = self.single.make(name)
        assert op is not None
        return op

    # -- one after the other

    def _do(self, op: Op) -> Operations:
        theme, dice = self.theme, self.dice
        if self.known.is_over:
            return
        if op["op"] in _ALLOCATES and dice.chance(theme.fails or 1):
            op["fail"] = 1 + dice.below(_ALLOCATES[op["op"]])
        self.known.learn((yield op))

    def play(self) -> Operations:
        """All of it."""
        dice, (least, most) = self.dice, self.theme.lengths
        yield from self._set_up()
        verbs = _VERBS[self.name]
        for _ in range(least + dice.below(most - least)):
            yield from self._verb(dice.name(verbs))
        if dice.chance(30):
            yield from self._tear_down()

    def _verb(self, name: str) -> Operations:
        if name == "many":
            yield from self._do(
                {**self._made("allocn"), "h": self.known.fresh(70), "n": self.dice.one(_MANY)}
            )
        elif (several := self._several.get(name)) is not None:
            yield from several()
        elif (op := self.single.make(name)) is not None:
            yield from self._do(op)

    # -- several that belong together

    def _set_up(self) -> Operations:
        dice, theme = self.dice, self.theme
        if dice.chance(theme.debugfs):
            yield from self._do({"op": "debugfs_init"})
        for _ in range(dice.below(theme.memcgs + 1)):
            for name in ("memcg_new", "memcg_online"):
                if op := self.single.make(name):
                    yield from self._do(op)
        for _ in range(1 + dice.below(theme.shrinkers)):
            yield from self._new_shrinker()
        if self.name == "lru":
            yield from self._do(self._made("lru_new"))

    def _new_shrinker(self) -> Operations:
        dice = self.dice
        op = self._made("alloc")
        yield from self._do(op)
        h = op["h"]
        if h in self.known.shrinkers and dice.chance(93):
            yield from self._do({"op": "register", "h": h})
            if dice.chance(60):
                yield from self._do({"op": "set", "h": h, "batch": dice.batch(), "seeks": dice.seeks()})
            yield from self._do(dice.script(h, None, 0))

    def _grow(self) -> Operations:
        """Shrinkers up to where infos have no more room, and one that makes them grow: it may fail before."""
        dice, known = self.dice, self.known
        if not known.memcg_enabled or len(known.ids()) > 2 * _UNIT:
            return
        if n := -len(known.ids()) % _UNIT:
            op = {"op": "allocn", "h": known.fresh(n), "n": n, "flags": MEMCG_AWARE, "reg": 1}
            yield from self._do(op)
        for _ in range(1 + dice.below(3)):
            op = {**self._made("alloc"), "flags": MEMCG_AWARE}
            # Behind the struct, its name and its id.
            yield from self._do({**op, "fail": 4 + dice.below(10)} if dice.chance(75) else op)

    def _press(self) -> Operations:
        """A pass of a cgroup over a shrinker that has its bit set there, and maybe deferred work."""
        dice, known = self.dice, self.known
        ids = known.ids()
        online = [m for m, memcg in known.memcgs.items() if memcg.online and m != known.root]
        if not ids or not online:
            return
        h, m, nid = dice.one(list(ids)), dice.one(online), dice.below(known.nodes)
        if dice.chance(40):
            yield from self._do(dice.script(h, lambda: self.single.of_hook(h), int(dice.chance(20))))
        yield from self._do({"op": "setbit", "m": m, "nid": nid, "id": ids[h]})
        if dice.chance(30):
            yield from self._do({"op": "poke", "h": h, "nid": nid, "m": m, "v": dice.long()})
        yield from self._do({**self._made("shrink"), "m": m, "nid": nid})

    def _hand_over(self) -> Operations:
        """Deferred work of a cgroup that goes offline, often of the first or last id of a unit."""
        dice, known = self.dice, self.known
        ids = known.ids()
        edges = [h for h, i in ids.items() if i % _UNIT in (0, _UNIT - 1)]
        op = self.single.make("memcg_offline")
        if not ids or op is None:
            return
        for _ in range(1 + dice.below(3)):
            h = dice.one(edges if edges and dice.chance(60) else list(ids))
            nid = dice.below(known.nodes)
            yield from self._do({"op": "poke", "h": h, "nid": nid, "m": op["m"], "v": dice.long()})
        yield from self._do(op)

    def _lru_add(self) -> Operations:
        op = self.single.make("lru_add")
        if op is None:
            return
        ready = op["m"] < 0 or op["m"] in self.known.lrus[op["l"]].prepared
        if not ready and self.dice.chance(99):
            yield from self._do({"op": "lru_prepare", "l": op["l"], "m": op["m"]})
        yield from self._do(op)

    def _tear_down(self) -> Operations:
        """Everything goes: whatever is alive then was leaked."""
        known = self.known
        for handle in list(known.lrus):
            yield from self._do({"op": "lru_destroy", "l": handle})
        for h in list(known.shrinkers):
            yield from self._do({"op": "free", "h": h})
        for name in ("memcg_offline", "memcg_release"):
            while not known.is_over and (op := self.single.make(name)):
                yield from self._do(op)


def generate(seed: int, number: int) -> tuple[Cfg, Operations]:
    """The configuration of a scenario, and its operations: send() each as it was observed."""
    scenario = _Scenario(Dice(f"{seed}/{number}"))
    return scenario.cfg, scenario.play()
