# SPDX-License-Identifier: GPL-2.0-only
"""The arithmetic of each era, held against the same in plain integers, and what numbers tell of seeks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shrinkpy.recordings.arithmetic import (
    SEEKS_MAX,
    Rest,
    Total,
    delta_of_pages,
    delta_of_priority,
    fit_seeks,
    next_deferred,
    seeks_bounds,
    seeks_bounds_of_pages,
    total_scan,
)

LONGS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-300, 300),
    st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63), 2**62, -(2**62), 2**31, 2**32]),
)
PRIORITIES = st.integers(0, 12)
SEEKS = st.one_of(st.integers(0, 12), st.integers(-(2**31), 2**31 - 1))


def signed(value: int) -> int:
    """As a C long."""
    return (value + 2**63) % 2**64 - 2**63


def halved(value: int, parts: int) -> int:
    """As C divides."""
    return abs(value) // parts * (-1 if value < 0 else 1)


class TestDelta:
    @given(LONGS, PRIORITIES, SEEKS)
    def test_of_a_priority(self, items: int, priority: int, seeks: int) -> None:
        if seeks:
            expected = (items >> priority) * 4 % 2**64 // (seeks % 2**32)
        else:
            expected = halved(items, 2) % 2**64
        assert int(delta_of_priority(items, priority, seeks)) == expected

    @given(*[st.integers(0, 2**20)] * 3, st.integers(1, 16))
    def test_of_pages(self, items: int, pages: int, lru: int, seeks: int) -> None:
        assert int(delta_of_pages(items, pages, lru, seeks)) == 4 * pages // seeks * items // (lru + 1)

    def test_as_kernels_printed_them(self) -> None:
        assert int(delta_of_priority(93689873, 12, 2)) == 45746
        assert int(delta_of_priority(87, 12, 0)) == 43
        assert int(delta_of_pages(642, 32, 0, 2)) == 41088
        assert int(delta_of_pages(246404277, 1, 15721, 2)) == 31345
        assert int(delta_of_pages(4, 1000, 1000, 2)) == 7


class TestTotalScan:
    @given(LONGS, st.integers(0, 2**64 - 1), LONGS, PRIORITIES)
    def test_since_5_13(self, nr: int, delta: int, items: int, priority: int) -> None:
        expected = min(signed((nr >> priority) + delta), signed(2 * items))
        assert int(total_scan(Total.SHIFTED, nr, delta, items, priority)) == expected

    @given(LONGS, st.integers(0, 2**64 - 1), LONGS)
    def test_before(self, nr: int, delta: int, items: int) -> None:
        expected = signed(nr + delta)
        if expected < 0:
            expected = items
        if delta < halved(items, 4) % 2**64:
            expected = min(expected, halved(items, 2))
        assert int(total_scan(Total.CLAMPED, nr, delta, items)) == min(expected, signed(2 * items))

    @pytest.mark.parametrize(
        ("nr", "items", "delta", "total"),
        [
            (945211, 600456, 1363, 300228),
            (122, 241754, 10, 132),
            (59291940, 20, 1280, 40),
            (5895, 5049, 0, 2524),
            (3641681686040, 246404277, 31345, 123202138),
            (4994376020, 93689873, 45746, 46844936),
            (42, 87, 43, 85),
        ],
    )
    def test_as_old_kernels_printed_it(self, nr: int, items: int, delta: int, total: int) -> None:
        assert int(total_scan(Total.CLAMPED, nr, delta, items)) == total


class TestNextDeferred:
    @given(LONGS, st.integers(0, 2**64 - 1), LONGS, LONGS, LONGS)
    def test_since_5_13(self, nr: int, delta: int, items: int, total: int, left: int) -> None:
        expected = min(max(signed(nr + delta - (total - left)), 0), signed(2 * items))
        assert int(next_deferred(Rest.CAPPED, nr, delta, items, total, left)) == expected

    @given(LONGS, st.integers(0, 2**62), LONGS, st.integers(0, 2**61), st.integers(0, 2**61))
    def test_before(self, nr: int, delta: int, items: int, total: int, left: int) -> None:
        work = signed(nr + delta)
        expected = max(signed((nr if work < 0 else work) - (total - left)), 0)
        assert int(next_deferred(Rest.WORK, nr, delta, items, total, left)) == expected

    def test_as_a_kernel_of_era_c_printed_it(self) -> None:
        numbers = 4994376020, 45746, 93689873, 46844936, 8
        assert int(next_deferred(Rest.WORK, *numbers)) == 4947576838
        assert int(next_deferred(Rest.CAPPED, *numbers)) == 2 * 93689873

    def test_at_first_was_what_was_left(self) -> None:
        assert next_deferred(Rest.LEFT, [9, 9], [1, 1], [100, 100], [10, 10], [4, -4]).tolist() == [4, 0]

    def test_takes_arrays_that_broadcast(self) -> None:
        assert next_deferred(Rest.CAPPED, np.array([1, 100]), 4, 8, 5, 5).tolist() == [5, 16]


def fitted(rows: list[tuple[int, int, int]]) -> tuple[list[str], list[bool]]:
    """What rows of (items, delta, priority) tell."""
    items, delta, priority = (np.array(column) for column in zip(*rows, strict=True))
    fit = fit_seeks(*seeks_bounds(items, delta, priority))
    return [str(seeks) for seeks in fit.seeks], fit.fits.tolist()


class TestSeeks:
    @given(st.lists(st.tuples(LONGS, PRIORITIES), min_size=1), st.integers(0, 100))
    def test_those_that_made_the_deltas_are_among_those_that_fit(
        self, starts: list[tuple[int, int]], seeks: int
    ) -> None:
        rows = [(items, int(delta_of_priority(items, prio, seeks)), prio) for items, prio in starts]
        items, priority = np.array([r[0] for r in rows]), np.array([r[2] for r in rows])
        fit = fit_seeks(*seeks_bounds(items, np.array([r[1] for r in rows], np.uint64), priority))
        assert fit.fits.all()
        assert len(fit.seeks) == 1
        assert seeks in fit.seeks[0]

    @given(st.integers(0, 10**6), PRIORITIES, st.integers(0, 10**6))
    def test_bounds_are_all_that_explain_a_delta_and_no_more(
        self, items: int, priority: int, delta: int
    ) -> None:
        least, largest, zero = (int(bound) for bound in seeks_bounds(items, delta, priority))
        for seeks in {least - 1, least, largest, largest + 1}:
            if not 1 <= seeks <= SEEKS_MAX:
                continue
            explains = int(delta_of_priority(items, priority, seeks)) == delta
            assert explains == (least <= seeks <= largest)
        assert bool(zero) == (int(delta_of_priority(items, priority, 0)) == delta)

    @given(st.integers(0, 10**6), st.integers(0, 2000), st.integers(0, 10**5), st.integers(1, 64))
    def test_bounds_from_pages_have_the_seeks_that_made_them(
        self, items: int, pages: int, lru: int, seeks: int
    ) -> None:
        delta = int(delta_of_pages(items, pages, lru, seeks))
        least, largest, _ = seeks_bounds_of_pages(items, delta, pages, lru)
        assert int(least) <= seeks <= int(largest)

    def test_a_value_where_one_is_told(self) -> None:
        assert fitted([(1000, 250, 3), (3, 0, 12)]) == (["2"], [True, True])

    def test_zero_where_half_the_items_at_a_low_pressure(self) -> None:
        assert fitted([(1000, 500, 4)]) == (["0"], [True])

    def test_several_where_nothing_tells_them_apart(self) -> None:
        assert fitted([(3, 0, 12)]) == (["1 or more"], [True])
        assert fitted([(8, 4, 0)]) == (["0 or 7 to 8"], [True])
        assert fitted([(1000, 7, 6)]) == (["8"], [True])

    def test_no_value_is_claimed_where_two_fit(self) -> None:
        seeks = fit_seeks(*seeks_bounds([8], [4], [0])).seeks[0]
        assert seeks.value is None
        assert [s for s in (0, 1, 6, 7, 8, 9, "8") if s in seeks] == [0, 7, 8]

    def test_one_start_among_others_does_not_fit(self) -> None:
        rows = [(1000, 250, 3), (1000, 251, 3), (1000, 250, 3)]
        assert fitted(rows) == (["2"], [True, False, True])

    def test_a_shrinker_registered_at_the_same_address(self) -> None:
        rows = [(1000, 250, 3), (1000, 250, 3), (900, 450, 6), (800, 400, 6)]
        assert fitted(rows) == (["2", "0"], [True] * 4)

    def test_the_last_start_may_be_the_first_of_another(self) -> None:
        rows = [(1000, 250, 3), (1000, 250, 3), (900, 450, 6)]
        assert fitted(rows) == (["2", "0"], [True] * 3)

    def test_no_starts(self) -> None:
        none = np.zeros(0, np.int64)
        assert fit_seeks(*seeks_bounds(none, none, none)).seeks == ()
