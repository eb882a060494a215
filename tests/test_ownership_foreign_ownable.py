# SPDX-License-Identifier: GPL-2.0-only
"""ForeignOwnable: into_foreign once, borrow for every use, from_foreign exactly once."""

from __future__ import annotations

import gc
from typing import Any, ClassVar

import pytest
from support import Cache, Held, Log, Running, in_callback, interrupted, register, until_closing, warned

import shrinkpy as sp


class Handle:
    """An owner whose foreign form is a number, as a C driver's would be."""

    table: ClassVar[dict[int, Cache]] = {}

    def __init__(self, cache: Cache) -> None:
        self.cache = cache

    def into_foreign(self) -> int:
        """Put it into the table."""
        key = id(self.cache)
        self.table[key] = self.cache
        return key

    @classmethod
    def from_foreign(cls, key: int, /) -> Handle:
        """Take it out of the table."""
        return cls(cls.table.pop(key))

    @classmethod
    def borrow(cls, key: int, /) -> Cache:
        """Look it up."""
        return cls.table[key]


class TestProtocol:
    @pytest.mark.parametrize("owner", [sp.Box(1), sp.Arc(1), Log(1, []), Handle(Cache())])
    def test_what_has_the_three_is_one(self, owner: object) -> None:
        assert isinstance(owner, sp.ForeignOwnable)

    @pytest.mark.parametrize("other", [Cache(), None, object(), [], 5])
    def test_anything_else_is_not(self, other: object) -> None:
        assert not isinstance(other, sp.ForeignOwnable)

    def test_the_foreign_form_may_be_anything(self, machine: sp.Machine) -> None:
        cache = Cache(10)
        with register(machine, Handle(cache)) as shrinker:
            assert list(Handle.table) == [id(cache)]
            assert shrinker.private_data is cache
            assert machine.shrink_slab(priority=0) == 10
        assert Handle.table == {}

    def test_the_calls_get_what_into_foreign_gave(self, machine: sp.Machine) -> None:
        token = object()
        got: list[tuple[str, bool]] = []

        class Owner(Log):
            def into_foreign(self) -> object:
                return token

            @staticmethod
            def borrow(foreign: Any, /) -> object:
                got.append(("borrow", foreign is token))
                return Cache()

            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                got.append(("from_foreign", foreign is token))
                return None

        with register(machine, Owner(None, [])) as shrinker:
            _ = shrinker.private_data
        assert set(got) == {("borrow", True), ("from_foreign", True)}
        assert got[-1][0] == "from_foreign"

    def test_what_is_borrowed_at_first_is_called(self, machine: sp.Machine) -> None:
        caches = [Cache(), Cache(), Cache()]

        class Owner(Log):
            @staticmethod
            def borrow(foreign: Any, /) -> object:
                return foreign[0].pop(0)

        with register(machine, Owner(list(caches), [])):
            machine.shrink_slab()
            machine.shrink_slab()
        assert [cache.counts for cache in caches] == [2, 0, 0]


class TestExactlyOnce:
    """However the registration ends, from_foreign() is called once, after the last callback."""

    def dropped_once(self, done: list[str]) -> None:
        """Hold it."""
        gc.collect()
        assert done.count("into_foreign") == done.count("from_foreign") == 1

    def test_by_close(self, machine: sp.Machine) -> None:
        register(machine, Log(Cache(), done := [])).close()
        self.dropped_once(done)

    def test_by_its_finalizer(self, machine: sp.Machine) -> None:
        with warned():
            register(machine, Log(Cache(), done := []))
        self.dropped_once(done)

    def test_by_the_machines_close(self) -> None:
        machine = sp.Machine()
        shrinker = register(machine, Log(Cache(), done := []))
        with warned():
            machine.close()
        shrinker.close()
        del shrinker
        self.dropped_once(done)

    def test_by_a_close_that_was_interrupted_and_went_on(self, machine: sp.Machine) -> None:
        held = Held()
        shrinker = register(machine, Log(held, done := []))
        with in_callback(machine, held), pytest.raises(KeyboardInterrupt):
            interrupted(shrinker.close, shrinker)
        shrinker.close()
        shrinker.close()
        self.dropped_once(done)

    def test_by_closes_in_many_threads(self, machine: sp.Machine) -> None:
        held = Held()
        shrinker = register(machine, Log(held, done := []))
        with in_callback(machine, held):
            closing = [Running(shrinker.close) for _ in range(4)]
            until_closing(shrinker)
        for each in closing:
            each.join()
        self.dropped_once(done)

    def test_by_the_collector(self, machine: sp.Machine) -> None:
        cache: Any = Cache()
        done: list[str] = []
        cache.shrinker = register(machine, Log(cache, done))
        with warned():
            del cache
            gc.collect()
        self.dropped_once(done)

    def test_by_a_finalizer_under_its_callback(self, machine: sp.Machine) -> None:
        held = Held()
        shrinker = register(machine, Log(held, done := []))
        with in_callback(machine, held):
            with warned():
                del shrinker
            assert "from_foreign" not in done
        self.dropped_once(done)
