# SPDX-License-Identifier: GPL-2.0-only
"""Is there an order of takes and adds that explains a counter's history? Against trying them all."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from shrinkpy.recordings.verify.history import Deed, Jump, follow, follow_pool


def take(last: int, nr: int | None, *, first: int | None = None, call: int | None = None) -> Deed:
    return Deed(last, last - 1 if first is None else first, last if call is None else call, False, nr, 0)


def add(last: int, needs: int | None, leaves: int, *, first: int | None = None, call: int = -1) -> Deed:
    return Deed(last, last - 1 if first is None else first, call, True, needs, leaves)


def some_order(deeds: list[Deed]) -> bool:
    """Whether any order within the bounds is a chain of values: all of them tried."""
    for order in permutations(deeds):
        value: int | None = None
        time = -1
        for deed in order:
            # The earliest moment after the one before; it has to be before its line is printed.
            time = max(time, deed.first)
            if time >= deed.last or (value is not None and deed.needs not in (None, value)):
                break
            value = deed.leaves
        else:
            return True
    return False


@st.composite
def a_few_deeds(draw: st.DrawFn) -> list[Deed]:
    """Up to three calls and a take, of small numbers so that many fit, with lines in any order."""
    calls = draw(st.integers(1, 3))
    times = draw(st.permutations(range(1, 2 * calls + 2)))
    values = st.integers(0, 2)
    deeds = []
    for call in range(calls):
        begin, end = sorted(times[2 * call : 2 * call + 2])
        first = draw(st.integers(max(begin - 4, 0), begin - 1))
        deeds.append(take(begin, draw(values), first=first, call=call))
        deeds.append(add(end, draw(values), draw(values), first=draw(st.integers(begin, end - 1)), call=call))
    last = times[-1]
    return [*deeds, take(last, draw(values), first=draw(st.integers(0, last - 1)))]


class TestFollow:
    def test_what_one_call_leaves_the_next_one_takes(self) -> None:
        assert follow([take(1, 7), add(2, 0, 9), take(3, 9), add(4, 0, 4)]) == []

    def test_a_first_take_may_be_of_anything(self) -> None:
        assert follow([take(1, 12345)]) == []

    def test_a_take_of_what_nobody_left(self) -> None:
        wrong = take(3, 8)
        assert follow([take(1, 7), add(2, 0, 9), wrong, add(4, 0, 4)]) == [Jump(wrong, (9,), 2)]

    def test_an_add_to_what_nobody_left(self) -> None:
        wrong = add(2, 5, 9)
        assert follow([take(1, 7), wrong]) == [Jump(wrong, (0,), 1)]

    def test_after_a_wrong_number_the_right_one_is_believed_too(self) -> None:
        # 9 of 4 added to 0: if the line should have said 4, the next one does.
        wrong = add(2, 5, 9)
        assert follow([take(1, 7), wrong, take(3, 4)]) == [Jump(wrong, (0,), 1)]
        assert follow([take(1, 7), wrong, take(3, 9)]) == [Jump(wrong, (0,), 1)]

    def test_a_start_may_print_what_a_line_above_it_has_changed(self) -> None:
        # Taken before the other's start was printed, whose take was of the 0 that this left.
        assert follow([take(1, 5), add(2, 0, 5), take(3, 0), take(4, 5, first=2)]) == []
        assert follow([take(1, 5), add(2, 0, 5), take(3, 0), take(4, 5, first=3)]) != []

    def test_an_add_may_come_before_the_end_of_another(self) -> None:
        first, second = take(1, 0, call=1), take(2, 0, call=2)
        assert follow([first, second, add(3, 4, 10, first=1, call=1), add(4, 0, 4, first=2, call=2)]) == []

    def test_an_add_whose_needs_are_not_told_fits_and_is_believed(self) -> None:
        assert follow([take(1, 5), add(2, None, 6), take(3, 6)]) == []
        assert len(follow([take(1, 5), add(2, None, 6), take(3, 5)])) == 1

    @given(a_few_deeds())
    def test_finds_an_order_if_and_only_if_there_is_one(self, deeds: list[Deed]) -> None:
        assert (follow(deeds) == []) == some_order(deeds)

    def test_many_that_may_have_been_done_long_ago_take_no_time(self) -> None:
        deeds = [take(k, k % 2 * 5, first=-1) for k in range(1, 4000, 2)]
        deeds += [add(k, 0, 5, first=-1) for k in range(2, 4000, 2)]
        follow(deeds)


class TestFollowPool:
    def test_counts_of_several_counters_come_back_in_any_order(self) -> None:
        deeds = [take(1, 0), add(2, 0, 4), take(3, 0), add(4, 0, 6), take(5, 4), take(6, 6)]
        pooled = follow_pool(deeds)
        assert (pooled.jumps, pooled.unseen) == ([], [])
        assert pooled.again == 1

    def test_a_count_that_no_line_left_is_of_a_counter_not_seen_yet(self) -> None:
        unseen = take(3, 9)
        assert follow_pool([take(1, 0), add(2, 0, 4), unseen]).unseen == [unseen]

    def test_a_count_is_there_once(self) -> None:
        unseen = take(4, 4)
        assert follow_pool([take(1, 0), add(2, 0, 4), take(3, 4), unseen]).unseen == [unseen]

    def test_what_an_add_found_was_left_within_its_call(self) -> None:
        mine, other = take(1, 0, call=1), take(2, 0, call=2)
        assert follow_pool([mine, other, add(3, 0, 4, call=2), add(4, 4, 9, first=1, call=1)]).jumps == []
        wrong = add(4, 5, 9, first=1, call=1)
        assert [j.deed for j in follow_pool([mine, other, add(3, 0, 4, call=2), wrong]).jumps] == [wrong]

    def test_an_add_to_a_count_of_a_cgroup_that_may_have_gone(self) -> None:
        # 4 and 6 show two cgroups; 6 is left over when the third call finds it.
        deeds = [take(1, 0), add(2, 0, 4), take(3, 0), add(4, 0, 6), take(5, 4, call=5), add(6, 6, 8, call=5)]
        pooled = follow_pool(deeds)
        assert [d.last for d in pooled.reparented] == [6]

    def test_with_one_counter_there_is_no_cgroup_that_went(self) -> None:
        deeds = [take(1, 0), add(2, 0, 4), take(3, 0, call=3), add(4, 4, 8, call=3)]
        assert [j.deed.last for j in follow_pool(deeds).jumps] == [4]
