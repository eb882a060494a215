# SPDX-License-Identifier: GPL-2.0-only
"""RegisteredShrinker.private_data: borrowed, and bound to the registration."""

from __future__ import annotations

import types
from typing import Any

import pytest
from support import Cache, Doing, Held, Log, in_callback, interrupted, register, warned

import shrinkpy as sp

QUIET = types.SimpleNamespace(count_objects=lambda _data, _sc: 0, scan_objects=lambda _data, _sc: 0)


class TestWhatIsBorrowed:
    @pytest.mark.parametrize("owner", [lambda cache: cache, sp.Box, sp.Arc, lambda cache: Log(cache, [])])
    def test_it_is_the_object_itself(self, machine: sp.Machine, owner: Any) -> None:
        cache = Cache()
        with register(machine, owner(cache)) as shrinker:
            assert shrinker.private_data is cache
            assert shrinker.private_data is cache

    def test_what_is_passed_as_none_is_none(self, machine: sp.Machine) -> None:
        with register(machine, None, callbacks=QUIET) as shrinker:
            assert shrinker.private_data is None

    @pytest.mark.parametrize("data", [[], {}, 5, "text"])
    def test_with_callbacks_it_may_be_anything(self, machine: sp.Machine, data: object) -> None:
        with register(machine, data, callbacks=QUIET) as shrinker:
            assert shrinker.private_data is data

    def test_an_owner_of_ones_own_is_asked_each_time(self, machine: sp.Machine) -> None:
        done: list[str] = []
        with register(machine, Log(Cache(), done)) as shrinker:
            before = done.count("borrow")
            _ = shrinker.private_data, shrinker.private_data
            assert done.count("borrow") == before + 2

    def test_what_its_borrow_raises_comes_through(self, machine: sp.Machine) -> None:
        class Moody(Log):
            @staticmethod
            def borrow(foreign: Any, /) -> object:
                if "moody" in foreign[1]:
                    raise LookupError("not now")
                return Log.borrow(foreign)

        done: list[str] = []
        with register(machine, Moody(Cache(), done)) as shrinker:
            done.append("moody")
            with pytest.raises(LookupError, match="not now"):
                _ = shrinker.private_data
            assert not shrinker.closed

    def test_a_callback_sees_the_same(self, machine: sp.Machine) -> None:
        seen: list[bool] = []
        cache = Doing(count=lambda _sc: seen.append(shrinker.private_data is cache) or 0)
        with register(machine, cache) as shrinker:
            machine.shrink_slab()
        assert seen == [True]

    def test_it_may_not_be_set(self, machine: sp.Machine) -> None:
        with register(machine, Cache()) as shrinker, pytest.raises(AttributeError):
            shrinker.private_data = Cache()  # type: ignore[misc]


class TestHowLong:
    def test_after_close_there_is_none(self, machine: sp.Machine) -> None:
        shrinker = register(machine, Cache(), "inodes")
        shrinker.close()
        with pytest.raises(sp.ClosedError, match="'inodes' was closed"):
            _ = shrinker.private_data

    def test_after_the_machine_was_closed_there_is_none(self) -> None:
        machine = sp.Machine()
        shrinker = register(machine, Cache())
        with warned():
            machine.close()
        with pytest.raises(sp.ClosedError):
            _ = shrinker.private_data

    def test_in_from_foreign_there_is_none_any_more(self, machine: sp.Machine) -> None:
        errors: list[sp.ClosedError] = []

        class Looking(Log):
            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                try:
                    _ = shrinker.private_data
                except sp.ClosedError as error:
                    errors.append(error)
                return Log.from_foreign(foreign)

        shrinker = register(machine, Looking(Cache(), []))
        shrinker.close()
        assert len(errors) == 1

    def test_half_closed_it_is_still_there(self, machine: sp.Machine) -> None:
        held = Held()
        shrinker = register(machine, held)
        with in_callback(machine, held):
            with pytest.raises(KeyboardInterrupt):
                interrupted(shrinker.close, shrinker)
            assert shrinker.private_data is held
        shrinker.close()
