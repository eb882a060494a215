# SPDX-License-Identifier: GPL-2.0-only
"""ScanObjects: what scan_objects() may say, as a type and as what a callback returns."""

from __future__ import annotations

import copy
import enum
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Doing, register

import shrinkpy as sp
from shrinkpy import CountObjects, ScanObjects

MAX = 2**64 - 3
NO_INTS = [True, False, None, 1.0, 0.0, 1e30, "1", b"1", [1], 1j]


class Number(enum.IntEnum):
    """An int of another type."""

    SEVEN = 7


def result(machine: sp.Machine, value: object) -> int:
    """What a pass makes of value as the result of its one scan, in objects freed."""
    with register(machine, Doing(count=lambda _sc: 1, scan=lambda _sc: value), seeks=4):
        return machine.shrink_slab(priority=0)


class TestValue:
    def test_its_limits(self) -> None:
        assert ScanObjects.MAX == MAX == sp.SHRINK_EMPTY - 1
        assert ScanObjects.STOP == 2**64 - 1 == sp.SHRINK_STOP

    @pytest.mark.parametrize("n", [0, 1, 128, 2**63, MAX])
    def test_it_is_exact(self, n: int) -> None:
        assert ScanObjects(n) == n

    @pytest.mark.parametrize("n", [-1, 2**64 - 2, 2**64 - 1, 2**64])
    def test_what_is_outside_is_refused(self, n: int) -> None:
        with pytest.raises(ValueError, match=r"0 to 18446744073709551613.*raw\(n\)"):
            ScanObjects(n)

    @pytest.mark.parametrize("n", NO_INTS)
    def test_what_is_no_int_is_refused(self, n: Any) -> None:
        with pytest.raises(TypeError, match="takes an int"):
            ScanObjects(n)

    @pytest.mark.parametrize("n", [np.int64(7), np.uint8(7), Number.SEVEN])
    def test_ints_of_other_types_will_do(self, n: Any) -> None:
        assert ScanObjects(n) == 7

    def test_empty_cannot_be_said(self) -> None:
        assert not hasattr(ScanObjects, "EMPTY")
        with pytest.raises(ValueError, match="takes 0 to"):
            ScanObjects(sp.SHRINK_EMPTY)


class TestFromCount:
    """As first posted: 0 stays 0, and too much is MAX."""

    @pytest.mark.parametrize(
        ("count", "expected"), [(0, 0), (1, 1), (MAX, MAX), (MAX + 1, MAX), (2**70, MAX)]
    )
    def test_it_clamps(self, count: int, expected: int) -> None:
        assert ScanObjects.from_count(count) == expected
        assert isinstance(ScanObjects.from_count(count), ScanObjects)

    def test_less_than_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not -1"):
            ScanObjects.from_count(-1)

    @pytest.mark.parametrize("count", NO_INTS)
    def test_what_is_no_int_is_refused(self, count: Any) -> None:
        with pytest.raises(TypeError):
            ScanObjects.from_count(count)


class TestRaw:
    @pytest.mark.parametrize("n", [0, 1, 2**63, 2**64 - 2, 2**64 - 1])
    def test_any_unsigned_long(self, n: int) -> None:
        assert ScanObjects.raw(n) == n

    @pytest.mark.parametrize("n", [-1, 2**64])
    def test_nothing_else(self, n: int) -> None:
        with pytest.raises(ValueError, match=r"2\*\*64 - 1"):
            ScanObjects.raw(n)

    @pytest.mark.parametrize("n", NO_INTS)
    def test_no_other_type(self, n: Any) -> None:
        with pytest.raises(TypeError):
            ScanObjects.raw(n)


class TestAsAnObject:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (ScanObjects(5), "ScanObjects(5)"),
            (ScanObjects.STOP, "ScanObjects.STOP"),
            (ScanObjects.raw(2**64 - 2), "ScanObjects.raw(18446744073709551614)"),
        ],
    )
    def test_its_repr_makes_it_again(self, value: ScanObjects, text: str) -> None:
        assert repr(value) == text
        assert eval(text, {"ScanObjects": ScanObjects}) == value

    @given(st.integers(0, 2**64 - 1))
    def test_copies_keep_value_and_type(self, n: int) -> None:
        value = ScanObjects.raw(n)
        for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
            assert (type(again), again) == (ScanObjects, n)


class TestAsAResult:
    @pytest.mark.parametrize("value", [0, 1, 2**63, MAX])
    def test_an_int_is_taken_unchecked_against_what_was_asked(self, machine: sp.Machine, value: int) -> None:
        assert result(machine, value) == value
        assert result(machine, ScanObjects(value)) == value

    @pytest.mark.parametrize("value", [np.int64(7), np.uint64(7), np.int8(7), Number.SEVEN])
    def test_so_are_ints_of_other_types(self, machine: sp.Machine, value: object) -> None:
        assert result(machine, value) == 7

    @pytest.mark.parametrize("stop", [ScanObjects.STOP, ScanObjects.raw(2**64 - 1)])
    def test_stop_counts_as_nothing_and_ends_the_turn(self, machine: sp.Machine, stop: object) -> None:
        cache = Doing(scan=lambda _sc: stop, objects=1000)
        with register(machine, cache):
            assert machine.shrink_slab(priority=0) == 0
        assert len(cache.asked) == 1

    def test_a_raw_empty_is_summed_up_like_any_number(self, machine: sp.Machine) -> None:
        # Summed up to SHRINK_EMPTY a turn is taken for an empty cache by shrink_slab(): 0.
        assert result(machine, ScanObjects.raw(2**64 - 2)) == 0
        assert machine.last_pass is not None
        assert machine.last_pass.scanned == 1

    @pytest.mark.parametrize("value", [-1, 2**64 - 2, 2**64 - 1, 2**64, 10**40])
    def test_an_int_outside_is_refused(self, machine: sp.Machine, value: int) -> None:
        with pytest.raises(ValueError, match=r"scan_objects\(\) returned .*ScanObjects\.STOP"):
            result(machine, value)

    @pytest.mark.parametrize("value", [np.int64(-1), np.uint64(2**64 - 1)])
    def test_so_is_one_of_another_type(self, machine: sp.Machine, value: object) -> None:
        with pytest.raises(ValueError, match="must be 0 to"):
            result(machine, value)

    @pytest.mark.parametrize(
        "value", [*NO_INTS, np.float64(1.0), np.bool_(True), CountObjects(5), CountObjects.EMPTY]
    )
    def test_what_is_no_int_and_what_count_says_is_refused(self, machine: sp.Machine, value: object) -> None:
        with pytest.raises(TypeError, match=r"scan_objects\(\) returned .*an int or ScanObjects"):
            result(machine, value)

    def test_forgetting_to_return_is_told(self, machine: sp.Machine) -> None:
        with pytest.raises(TypeError, match=r"scan_objects\(\) returned None"):
            result(machine, None)
