# SPDX-License-Identifier: GPL-2.0-only
"""CountObjects: what count_objects() may say, as a type and as what a callback returns."""

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

LONG_MAX = 2**63 - 1
MAX = LONG_MAX // 6
NO_INTS = [True, False, None, 1.0, 0.0, 1e30, "1", b"1", [1], 1j]


class Number(enum.IntEnum):
    """An int of another type."""

    SEVEN = 7


def result(machine: sp.Machine, value: object) -> int:
    """What a pass makes of value as the result of count, in objects counted."""
    with register(machine, Doing(count=lambda _sc: value, scan=lambda _sc: ScanObjects.STOP)):
        machine.shrink_slab()
    assert machine.last_pass is not None
    return machine.last_pass.freeable


class TestValue:
    def test_its_limits(self) -> None:
        assert CountObjects.MAX == LONG_MAX // 6
        assert CountObjects.EMPTY == 2**64 - 2 == sp.SHRINK_EMPTY
        assert CountObjects.UNKNOWN == 0
        assert CountObjects.UNKNOWN != CountObjects.EMPTY

    @pytest.mark.parametrize("n", [0, 1, 128, LONG_MAX // 6])
    def test_it_is_exact(self, n: int) -> None:
        assert CountObjects(n) == n
        assert int(CountObjects(n)) == n

    @pytest.mark.parametrize("n", [-1, LONG_MAX // 6 + 1, LONG_MAX, 2**64 - 2, 2**64 - 1, 2**64, -(2**80)])
    def test_what_is_outside_is_refused(self, n: int) -> None:
        with pytest.raises(ValueError, match=r"0 to 1537228672809129301.*raw\(n\)"):
            CountObjects(n)

    @pytest.mark.parametrize("n", NO_INTS)
    def test_what_is_no_int_is_refused(self, n: Any) -> None:
        with pytest.raises(TypeError, match="takes an int"):
            CountObjects(n)

    @pytest.mark.parametrize("n", [np.int64(7), np.uint8(7), Number.SEVEN])
    def test_ints_of_other_types_will_do(self, n: Any) -> None:
        assert CountObjects(n) == 7

    def test_stop_cannot_be_said(self) -> None:
        assert not hasattr(CountObjects, "STOP")
        with pytest.raises(ValueError, match="takes 0 to"):
            CountObjects(sp.SHRINK_STOP)


class TestFromCount:
    """As first posted: 0 is EMPTY, and too much is MAX."""

    @pytest.mark.parametrize(
        ("count", "expected"),
        [(0, sp.SHRINK_EMPTY), (1, 1), (MAX, MAX), (MAX + 1, MAX), (LONG_MAX, MAX), (2**70, MAX)],
    )
    def test_it_clamps(self, count: int, expected: int) -> None:
        assert CountObjects.from_count(count) == expected
        assert isinstance(CountObjects.from_count(count), CountObjects)

    def test_less_than_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not -1"):
            CountObjects.from_count(-1)

    @pytest.mark.parametrize("count", NO_INTS)
    def test_what_is_no_int_is_refused(self, count: Any) -> None:
        with pytest.raises(TypeError):
            CountObjects.from_count(count)

    def test_ints_of_other_types_will_do(self) -> None:
        assert CountObjects.from_count(np.int32(7)) == 7
        assert CountObjects.from_count(np.int32(0)) == CountObjects.EMPTY


class TestRaw:
    @pytest.mark.parametrize("n", [0, 1, LONG_MAX, 2**63, 2**64 - 2, 2**64 - 1])
    def test_any_unsigned_long(self, n: int) -> None:
        assert CountObjects.raw(n) == n

    @pytest.mark.parametrize("n", [-1, 2**64])
    def test_nothing_else(self, n: int) -> None:
        with pytest.raises(ValueError, match=r"2\*\*64 - 1"):
            CountObjects.raw(n)

    @pytest.mark.parametrize("n", NO_INTS)
    def test_no_other_type(self, n: Any) -> None:
        with pytest.raises(TypeError):
            CountObjects.raw(n)


class TestAsAnObject:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (CountObjects(5), "CountObjects(5)"),
            (CountObjects.EMPTY, "CountObjects.EMPTY"),
            (CountObjects.UNKNOWN, "CountObjects(0)"),
            (CountObjects.raw(2**63), "CountObjects.raw(9223372036854775808)"),
        ],
    )
    def test_its_repr_makes_it_again(self, value: CountObjects, text: str) -> None:
        assert repr(value) == text
        assert eval(text, {"CountObjects": CountObjects}) == value

    @given(st.integers(0, 2**64 - 1))
    def test_copies_keep_value_and_type(self, n: int) -> None:
        value = CountObjects.raw(n)
        for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
            assert (type(again), again) == (CountObjects, n)

    def test_it_takes_no_attributes(self) -> None:
        with pytest.raises(AttributeError):
            CountObjects(5).name = "five"  # type: ignore[attr-defined]


class TestAsAResult:
    @pytest.mark.parametrize("value", [0, 1, LONG_MAX // 6])
    def test_an_int_is_taken(self, machine: sp.Machine, value: int) -> None:
        assert result(machine, value) == value
        assert result(machine, CountObjects(value)) == value

    @pytest.mark.parametrize("value", [np.int64(7), np.uint64(7), np.int8(7), Number.SEVEN])
    def test_so_are_ints_of_other_types(self, machine: sp.Machine, value: object) -> None:
        assert result(machine, value) == 7

    @pytest.mark.parametrize("value", [2**63 - 1, 2**63, 2**64 - 1])
    def test_a_raw_one_is_taken_as_it_is(self, machine: sp.Machine, value: int) -> None:
        assert result(machine, CountObjects.raw(value)) == value

    def test_empty_counts_as_nothing(self, machine: sp.Machine) -> None:
        assert result(machine, CountObjects.EMPTY) == 0

    @pytest.mark.parametrize("value", [-1, -(2**63), LONG_MAX // 6 + 1, 2**64 - 2, 2**64 - 1, 2**64, 10**40])
    def test_an_int_outside_is_refused(self, machine: sp.Machine, value: int) -> None:
        with pytest.raises(ValueError, match=r"count_objects\(\) returned .*CountObjects\.EMPTY"):
            result(machine, value)

    @pytest.mark.parametrize("value", [np.int64(-1), np.uint64(2**64 - 1)])
    def test_so_is_one_of_another_type(self, machine: sp.Machine, value: object) -> None:
        with pytest.raises(ValueError, match="must be 0 to"):
            result(machine, value)

    @pytest.mark.parametrize("value", [*NO_INTS, np.float64(1.0), ScanObjects(5), ScanObjects.STOP])
    def test_what_is_no_int_and_what_scan_says_is_refused(self, machine: sp.Machine, value: object) -> None:
        with pytest.raises(TypeError, match=r"count_objects\(\) returned .*an int or CountObjects"):
            result(machine, value)

    def test_a_bool_of_numpy_is_none_either(self, machine: sp.Machine) -> None:
        with pytest.raises(TypeError):
            result(machine, np.bool_(True))

    def test_one_whose_index_raises(self, machine: sp.Machine) -> None:
        class Moody:
            def __index__(self) -> int:
                raise LookupError("no number today")

        with pytest.raises(LookupError, match="no number today"):
            result(machine, Moody())

    def test_after_a_refused_one_the_machine_goes_on(self, machine: sp.Machine) -> None:
        with pytest.raises(TypeError):
            result(machine, None)
        assert result(machine, 5) == 5
