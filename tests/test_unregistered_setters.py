# SPDX-License-Identifier: GPL-2.0-only
"""set_seeks() and set_batch(): their ranges, what they do, and that register() ends it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support import Cache, register, warned

import shrinkpy as sp


@pytest.fixture
def unregistered(machine: sp.Machine) -> Iterator[sp.UnregisteredShrinker]:
    """One that may be set."""
    with sp.UnregisteredShrinker.alloc("cache", machine=machine) as made:
        yield made


class Number(enum.IntEnum):
    """An int of another type."""

    FIVE = 5


class TestSetSeeks:
    @pytest.mark.parametrize("seeks", [0, 1, 2, 2**31 - 1])
    def test_zero_to_int_max(self, unregistered: sp.UnregisteredShrinker, seeks: int) -> None:
        unregistered.set_seeks(seeks)
        assert unregistered.seeks == seeks

    def test_without_a_number_it_is_the_default(self, unregistered: sp.UnregisteredShrinker) -> None:
        unregistered.set_seeks(7)
        unregistered.set_seeks()
        assert unregistered.seeks == sp.DEFAULT_SEEKS

    @pytest.mark.parametrize("seeks", [-1, 2**31, 2**32 + 2, -(2**31), 2**64, 10**100])
    def test_anything_else_is_refused_and_changes_nothing(
        self, unregistered: sp.UnregisteredShrinker, seeks: int
    ) -> None:
        with pytest.raises(ValueError, match="seeks must be 0 to 2147483647"):
            unregistered.set_seeks(seeks)
        assert unregistered.seeks == sp.DEFAULT_SEEKS

    @pytest.mark.parametrize("seeks", [True, None, 2.0, "2", b"2"])
    def test_what_is_no_int_is_refused(self, unregistered: sp.UnregisteredShrinker, seeks: Any) -> None:
        with pytest.raises(TypeError, match="seeks must be an int"):
            unregistered.set_seeks(seeks)
        assert unregistered.seeks == sp.DEFAULT_SEEKS

    @pytest.mark.parametrize("seeks", [np.int8(5), np.uint64(5), Number.FIVE])
    def test_ints_of_other_types_will_do(self, unregistered: sp.UnregisteredShrinker, seeks: Any) -> None:
        unregistered.set_seeks(seeks)
        assert unregistered.seeks == 5

    @pytest.mark.parametrize(("seeks", "asked"), [(1, 400), (2, 200), (4, 100), (0, 50)])
    def test_dear_objects_are_asked_for_less(self, machine: sp.Machine, seeks: int, asked: int) -> None:
        # do_shrink_slab(): 4 · (100 >> 0) / seeks, or half of them; at most twice the cache.
        cache = Cache(100)
        with register(machine, cache, seeks=seeks, batch=2**62), machine.trace.start():
            machine.shrink_slab(priority=0)
        start = machine.trace.array()[0]
        assert start["delta"] == asked
        assert start["total_scan"] == min(asked, 200)


class TestSetBatch:
    @pytest.mark.parametrize("batch", [0, 1, 128, 2**63 - 1])
    def test_zero_to_long_max(self, unregistered: sp.UnregisteredShrinker, batch: int) -> None:
        unregistered.set_batch(batch)
        assert unregistered.batch == batch

    @pytest.mark.parametrize("batch", [-1, 2**63, 2**64, -(2**63), 10**100])
    def test_anything_else_is_refused_and_changes_nothing(
        self, unregistered: sp.UnregisteredShrinker, batch: int
    ) -> None:
        with pytest.raises(ValueError, match="batch must be 0 to 9223372036854775807"):
            unregistered.set_batch(batch)
        assert unregistered.batch == 0

    @pytest.mark.parametrize("batch", [False, None, 2.0, "2"])
    def test_what_is_no_int_is_refused(self, unregistered: sp.UnregisteredShrinker, batch: Any) -> None:
        with pytest.raises(TypeError, match="batch must be an int"):
            unregistered.set_batch(batch)

    @pytest.mark.parametrize("batch", [np.int16(5), Number.FIVE])
    def test_ints_of_other_types_will_do(self, unregistered: sp.UnregisteredShrinker, batch: Any) -> None:
        unregistered.set_batch(batch)
        assert unregistered.batch == 5

    @pytest.mark.parametrize(
        ("batch", "asked"), [(0, [128, 128]), (100, [100, 100, 100]), (300, [300]), (301, [300])]
    )
    def test_a_scan_is_asked_for_a_batch(self, machine: sp.Machine, batch: int, asked: list[int]) -> None:
        cache = Cache(300)
        with register(machine, cache, seeks=4, batch=batch) as shrinker:
            machine.shrink_slab(priority=0)
            # What does not fill a batch is deferred, unless it is all there is.
            assert shrinker.nr_deferred() == 300 - sum(asked)
        assert cache.asked == asked


METHODS: dict[str, Callable[[sp.UnregisteredShrinker], object]] = {
    "set_seeks": lambda u: u.set_seeks(3),
    "set_batch": lambda u: u.set_batch(3),
    "seeks": lambda u: u.seeks,
    "batch": lambda u: u.batch,
    "flags": lambda u: u.flags,
    "id": lambda u: u.id,
    "register": lambda u: u.register(Cache()),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
class TestUseAfterMove:
    def test_after_register(
        self, machine: sp.Machine, method: Callable[[sp.UnregisteredShrinker], object]
    ) -> None:
        unregistered = sp.UnregisteredShrinker.alloc("moved", machine=machine)
        with unregistered.register(Cache()) as shrinker:
            with pytest.raises(sp.MovedError, match="'moved' was consumed"):
                method(unregistered)
            assert (shrinker.seeks, shrinker.batch) == (2, 0)
            assert machine.ledger.registered == 1

    def test_after_the_registration_was_closed(
        self, machine: sp.Machine, method: Callable[[sp.UnregisteredShrinker], object]
    ) -> None:
        unregistered = sp.UnregisteredShrinker.alloc("moved", machine=machine)
        unregistered.register(Cache()).close()
        with pytest.raises(sp.MovedError):
            method(unregistered)

    def test_after_close(
        self, machine: sp.Machine, method: Callable[[sp.UnregisteredShrinker], object]
    ) -> None:
        unregistered = sp.UnregisteredShrinker.alloc("moved", machine=machine)
        unregistered.close()
        with pytest.raises(sp.MovedError):
            method(unregistered)

    def test_after_its_machine_was_closed(self, method: Callable[[sp.UnregisteredShrinker], object]) -> None:
        machine = sp.Machine()
        unregistered = sp.UnregisteredShrinker.alloc("left over", machine=machine)
        with warned("left over"):
            machine.close()
        with pytest.raises(sp.ClosedError):
            method(unregistered)


class TestAConsumedOne:
    def test_it_still_tells_its_name_and_machine(self, machine: sp.Machine) -> None:
        unregistered = sp.UnregisteredShrinker.alloc("moved", machine=machine)
        assert repr(unregistered) == "<UnregisteredShrinker 'moved'>"
        with unregistered.register(Cache()):
            assert unregistered.name == "moved"
            assert unregistered.machine is machine
            assert repr(unregistered) == "<UnregisteredShrinker 'moved', consumed>"


class TestTheRegistration:
    def test_it_shows_what_was_set(self, machine: sp.Machine) -> None:
        with register(machine, Cache(), seeks=5, batch=7) as shrinker:
            assert (shrinker.seeks, shrinker.batch) == (5, 7)

    @pytest.mark.parametrize("name", ["seeks", "batch", "flags", "id", "name", "private_data"])
    def test_it_can_set_nothing(self, machine: sp.Machine, name: str) -> None:
        with register(machine, Cache()) as shrinker:
            assert not hasattr(shrinker, f"set_{name}")
            with pytest.raises(AttributeError):
                setattr(shrinker, name, 1)
