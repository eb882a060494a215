# SPDX-License-Identifier: GPL-2.0-only
"""ListLru against an independent model: plain lists by node and cgroup, and a set of bits."""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support import Cache, register

import shrinkpy as sp
from shrinkpy import LruStatus
from shrinkpy.core import ffi, lib

NODES = 2
NAMES = ("a", "b", "c", "d")
PARENTS = {"a": None, "b": "a", "c": "b", "d": None}
MEMCGS = st.sampled_from((None, *NAMES))
NIDS = st.integers(0, NODES - 1)
ITEMS = st.integers(0, 11)


class Item:
    """An item; its number tells it."""

    def __init__(self, n: int) -> None:
        """Have that number."""
        self.n = n


class Model:
    """What there should be, in nothing but lists and sets."""

    def __init__(self) -> None:
        """Every list is empty."""
        self.lists: dict[tuple[int, str | None], list[int]] = {}
        self.bits: set[tuple[int, str]] = set()
        self.offline: set[str] = set()

    def takes(self, memcg: str | None) -> str | None:
        """Who has the items of this cgroup."""
        while memcg is not None and memcg in self.offline:
            memcg = PARENTS[memcg]
        return memcg

    def list(self, nid: int, memcg: str | None) -> list[int]:
        """The list that takes its items."""
        return self.lists.setdefault((nid, self.takes(memcg)), [])

    def where(self, n: int) -> list[int] | None:
        """The list that has it."""
        return next((each for each in self.lists.values() if n in each), None)

    def first(self, nid: int, memcg: str | None) -> None:
        """Items came where there were none, or from a child: the bit is memcg's, whoever has its items."""
        if memcg is not None:
            self.bits.add((nid, memcg))

    def add(self, n: int, nid: int, memcg: str | None) -> bool:
        """At the tail, unless it is on one."""
        if self.where(n) is not None:
            return False
        target = self.list(nid, memcg)
        if not target:
            self.first(nid, memcg)
        target.append(n)
        return True

    def remove(self, n: int) -> bool:
        """Off whatever list."""
        target = self.where(n)
        if target is None:
            return False
        target.remove(n)
        return True

    def go_offline(self, memcg: str) -> None:
        """Its items come first in its parent's lists."""
        had = [self.list(nid, memcg)[:] for nid in range(NODES)]
        for nid in range(NODES):
            self.list(nid, memcg).clear()
        self.offline.add(memcg)
        for nid, items in enumerate(had):
            if items:
                self.list(nid, memcg)[:0] = items
                self.first(nid, PARENTS[memcg])

    @staticmethod
    def walk(target: list[int], say: dict[int, LruStatus], nr: int) -> tuple[list[int], int, int]:
        """Who is shown, how many go, how many calls are left."""
        seen: list[int] = []
        gone = 0
        todo = target[:]
        while todo and nr:
            nr -= 1
            n = todo.pop(0)
            seen.append(n)
            status = say[n]
            if status in (LruStatus.REMOVED, LruStatus.REMOVED_RETRY):
                target.remove(n)
                gone += 1
            if status == LruStatus.ROTATE:
                target.remove(n)
                target.append(n)
                if todo:  # the last one's successor was the head already
                    todo.append(n)
            if status in (LruStatus.RETRY, LruStatus.REMOVED_RETRY):
                todo = target[:]
            if status == LruStatus.STOP:
                return seen, gone, -1
        return seen, gone, nr


class ListLruMachine(RuleBasedStateMachine):
    """The list and the model, side by side."""

    def __init__(self) -> None:
        """A shrinker whose bits are looked at; it never clears them itself."""
        super().__init__()
        self.machine = sp.Machine(NODES)
        self.memcgs: dict[str | None, sp.MemCgroup | None] = {None: None}
        for name in NAMES:
            parent = self.memcgs[PARENTS[name]] or self.machine.root
            self.memcgs[name] = parent.create(name)
        flags = sp.Flags.MEMCG_AWARE | sp.Flags.NUMA_AWARE
        self.shrinker = register(self.machine, Cache(), flags=flags)
        self.lru = sp.ListLru(self.machine, self.shrinker, memcg_aware=True)
        self.items = [Item(n) for n in range(12)]
        self.refs = self.held()
        self.model = Model()

    def held(self) -> list[int]:
        """Who holds each item."""
        return [sys.getrefcount(item) for item in self.items]

    @rule(n=ITEMS, nid=NIDS, memcg=MEMCGS)
    def add(self, n: int, nid: int, memcg: str | None) -> None:
        """Anywhere."""
        expected = self.model.add(n, nid, memcg)
        assert self.lru.add(self.items[n], nid, self.memcgs[memcg]) == expected

    @rule(n=ITEMS, nid=NIDS, memcg=MEMCGS)
    def add_without_memory(self, n: int, nid: int, memcg: str | None) -> None:
        """It is added, or nothing has changed."""
        self.machine.faults.fail_nth(1, "list_lru")
        try:
            done = self.lru.add(self.items[n], nid, self.memcgs[memcg])
        except MemoryError:
            return
        finally:
            self.machine.faults.fail_nth(0)
        assert done == self.model.add(n, nid, memcg)

    @rule(n=ITEMS)
    def remove(self, n: int) -> None:
        """From wherever it is."""
        assert self.lru.remove(self.items[n]) == self.model.remove(n)

    @rule(
        nid=NIDS,
        memcg=MEMCGS,
        nr=st.integers(0, 20),
        say=st.lists(st.sampled_from(LruStatus), min_size=12, max_size=12),
    )
    def walk_one(self, nid: int, memcg: str | None, nr: int, say: list[LruStatus]) -> None:
        """Each item has a status that it is given whenever it comes."""
        seen: list[int] = []

        def isolate(item: Item) -> LruStatus:
            seen.append(item.n)
            return say[item.n]

        expected, gone, _ = self.model.walk(self.model.list(nid, memcg), dict(enumerate(say)), nr)
        assert self.lru.walk_one(nid, self.memcgs[memcg], isolate, nr) == gone
        assert seen == expected

    @rule(
        nid=NIDS,
        nr=st.integers(0, 20),
        say=st.lists(st.sampled_from([LruStatus.REMOVED, LruStatus.SKIP]), min_size=12, max_size=12),
    )
    def walk_node(self, nid: int, nr: int, say: list[LruStatus]) -> None:
        """The root's list, then a, b, c, d."""
        seen: list[int] = []

        def isolate(item: Item) -> LruStatus:
            seen.append(item.n)
            return say[item.n]

        expected: list[int] = []
        gone, left = 0, nr
        for memcg in (None, *NAMES):
            if memcg not in self.model.offline:
                more, went, left = self.model.walk(self.model.list(nid, memcg), dict(enumerate(say)), left)
                expected += more
                gone += went
        assert self.lru.walk_node(nid, isolate, nr) == gone
        assert seen == expected

    @precondition(lambda self: len(self.model.offline) < len(NAMES))
    @rule(data=st.data())
    def offline(self, data: st.DataObject) -> None:
        """One that has no child online."""
        may = [
            name
            for name in NAMES
            if name not in self.model.offline
            and all(child in self.model.offline for child in NAMES if PARENTS[child] == name)
        ]
        name = data.draw(st.sampled_from(may))
        memcg: Any = self.memcgs[name]
        memcg.offline()
        self.model.go_offline(name)

    @rule()
    def attach_again(self) -> None:
        """Bits are set wherever there are items."""
        self.lru.attach(self.shrinker)
        for (nid, memcg), items in self.model.lists.items():
            if items:
                self.model.first(nid, memcg)

    @invariant()
    def same_items(self) -> None:
        """On every list, by every name of it."""
        for nid in range(NODES):
            for name, memcg in self.memcgs.items():
                assert self.lru.count_one(nid, memcg) == len(self.model.list(nid, name))
                seen: list[int] = []

                def look(item: Item, seen: list[int] = seen) -> LruStatus:
                    seen.append(item.n)
                    return LruStatus.SKIP

                self.lru.walk_one(nid, memcg, look)
                assert seen == self.model.list(nid, name)
            on_node = sum(len(items) for (at, _), items in self.model.lists.items() if at == nid)
            assert self.lru.count_node(nid) == on_node
        assert len(self.lru) == sum(map(len, self.model.lists.values()))

    @invariant()
    def same_references(self) -> None:
        """One for each item that is on a list."""
        on = [self.model.where(n) is not None for n in range(12)]
        assert [item in self.lru for item in self.items] == on
        assert self.held() == [before + is_on for before, is_on in zip(self.refs, on, strict=True)]

    @invariant()
    def same_bits(self) -> None:
        """Of cgroups that are online; nobody looks at others."""
        pointer = ffi.cast("struct shrinker *", self.shrinker._address)
        bits = {
            (nid, name)
            for nid in range(NODES)
            for name in NAMES
            if name not in self.model.offline
            and lib.sp_peek_bit(self.memcgs[name]._pointer, nid, lib.sp_shrinker_id(pointer))  # type: ignore[union-attr]
        }
        assert bits == {(nid, name) for nid, name in self.model.bits if name not in self.model.offline}

    def teardown(self) -> None:
        """All of it goes."""
        self.lru.close()
        self.shrinker.close()
        assert self.held() == self.refs
        assert self.machine.ledger.list_lru == 0
        self.machine.close()


TestListLru = ListLruMachine.TestCase
TestListLru.settings = settings(TestListLru.settings, deadline=None)
