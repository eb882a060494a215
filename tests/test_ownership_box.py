# SPDX-License-Identifier: GPL-2.0-only
"""Box: the only handle of an object; using it after the move raises MovedError."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable

import pytest
from support import Cache, register

import shrinkpy as sp

MOVED: dict[str, Callable[[sp.Box[Cache]], object]] = {
    "value": lambda box: box.value,
    "into_foreign": lambda box: box.into_foreign(),
}


class TestOwning:
    def test_it_shows_its_object(self) -> None:
        cache = Cache()
        assert sp.Box(cache).value is cache

    @pytest.mark.parametrize("value", [None, 0, [], (), "text"])
    def test_it_owns_anything(self, value: object) -> None:
        box = sp.Box(value)
        assert box.value is value
        assert box.into_foreign() is value

    def test_it_is_a_foreign_ownable(self) -> None:
        assert isinstance(sp.Box(1), sp.ForeignOwnable)

    def test_its_repr_shows_what_it_owns_or_that_it_was_moved(self) -> None:
        box = sp.Box([1])
        assert repr(box) == "Box([1])"
        box.into_foreign()
        assert repr(box) == "<Box, moved>"

    def test_it_can_be_given_nothing_else(self) -> None:
        box = sp.Box(1)
        with pytest.raises(AttributeError):
            box.value = 2  # type: ignore[misc]
        with pytest.raises(AttributeError):
            box.other = 2  # type: ignore[attr-defined]


class TestMove:
    def test_out_and_back(self) -> None:
        cache = Cache()
        foreign = sp.Box(cache).into_foreign()
        assert sp.Box.borrow(foreign) is cache
        back = sp.Box.from_foreign(foreign)
        assert isinstance(back, sp.Box)
        assert back.value is cache

    @pytest.mark.parametrize("use", MOVED.values(), ids=MOVED)
    def test_after_into_foreign(self, use: Callable[[sp.Box[Cache]], object]) -> None:
        box = sp.Box(Cache())
        box.into_foreign()
        with pytest.raises(sp.MovedError, match="moved"):
            use(box)

    @pytest.mark.parametrize("use", MOVED.values(), ids=MOVED)
    def test_after_register(self, machine: sp.Machine, use: Callable[[sp.Box[Cache]], object]) -> None:
        box = sp.Box(Cache())
        with register(machine, box), pytest.raises(sp.MovedError):
            use(box)

    @pytest.mark.parametrize("use", MOVED.values(), ids=MOVED)
    def test_after_the_close_as_well(
        self, machine: sp.Machine, use: Callable[[sp.Box[Cache]], object]
    ) -> None:
        box = sp.Box(Cache())
        register(machine, box).close()
        with pytest.raises(sp.MovedError):
            use(box)

    def test_two_registrations_cannot_have_the_same(self, machine: sp.Machine) -> None:
        box = sp.Box(Cache())
        with register(machine, box), sp.UnregisteredShrinker.alloc("second", machine=machine) as second:
            with pytest.raises(sp.MovedError):
                second.register(box)
            assert second.seeks == 2

    def test_a_copy_would_be_a_second_handle(self) -> None:
        with pytest.raises(TypeError):
            copy.copy(sp.Box(Cache()))

    def test_after_the_close_its_object_is_gone(self, machine: sp.Machine) -> None:
        box = sp.Box(Cache())
        gone = weakref.ref(box.value)
        with register(machine, box):
            gc.collect()
            assert gone() is not None
        assert gone() is None
