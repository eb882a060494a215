# SPDX-License-Identifier: GPL-2.0-only
"""Arc: counted handles of a shared object, which goes with the last of them."""

from __future__ import annotations

import contextlib
import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from support import Cache, Running, register, registered

import shrinkpy as sp

USES: dict[str, Callable[[sp.Arc[Cache]], object]] = {
    "value": lambda arc: arc.value,
    "strong_count": lambda arc: arc.strong_count,
    "clone": lambda arc: arc.clone(),
    "into_foreign": lambda arc: arc.into_foreign(),
}


class TestCounting:
    def test_the_first_handle(self) -> None:
        cache = Cache()
        arc = sp.Arc(cache)
        assert arc.value is cache
        assert arc.strong_count == 1

    def test_each_clone_is_one_more(self) -> None:
        arc = sp.Arc(Cache())
        clones = [arc.clone() for _ in range(3)]
        assert all(clone.value is arc.value for clone in clones)
        assert {each.strong_count for each in (arc, *clones)} == {4}

    def test_a_clone_that_goes_is_one_less(self) -> None:
        arc = sp.Arc(Cache())
        clone = arc.clone()
        del clone
        assert arc.strong_count == 1

    def test_drop_is_its_end_and_again_is_harmless(self) -> None:
        arc = sp.Arc(Cache())
        clone = arc.clone()
        clone.drop()
        clone.drop()
        del clone
        assert arc.strong_count == 1

    def test_the_object_goes_with_the_last(self) -> None:
        cache = Cache()
        gone = weakref.ref(cache)
        arc = sp.Arc(cache)
        clone = arc.clone()
        del cache
        arc.drop()
        assert gone() is not None
        assert clone.value is gone()
        clone.drop()
        assert gone() is None

    def test_in_a_cycle_it_is_collected(self) -> None:
        cache: Any = Cache()
        cache.arc = sp.Arc(cache)
        gone = weakref.ref(cache)
        del cache
        gc.collect()
        assert gone() is None

    def test_threads_that_clone_and_drop_leave_the_count(self) -> None:
        arc = sp.Arc(Cache())

        def work() -> None:
            for _ in range(500):
                arc.clone().drop()

        for running in [Running(work) for _ in range(4)]:
            running.join()
        assert arc.strong_count == 1


class TestRegistration:
    def test_it_counts_as_one_until_the_close(self, machine: sp.Machine) -> None:
        arc = sp.Arc(Cache())
        with register(machine, arc.clone()):
            gc.collect()
            assert arc.strong_count == 2
        assert arc.strong_count == 1

    def test_several_share_one_object(self, machine: sp.Machine) -> None:
        arc = sp.Arc(Cache(10))
        with registered(machine, arc.clone(), arc.clone()) as shrinkers:
            assert arc.strong_count == 3
            assert shrinkers[0].private_data is shrinkers[1].private_data is arc.value
            machine.shrink_slab(priority=0)
        assert (arc.strong_count, arc.value.objects, arc.value.counts) == (1, 0, 2)

    def test_it_alone_may_keep_the_object(self, machine: sp.Machine) -> None:
        arc = sp.Arc(Cache(10))
        gone = weakref.ref(arc.value)
        with register(machine, arc) as shrinker:
            assert shrinker.private_data is gone()
            assert machine.shrink_slab(priority=0) == 10
        assert gone() is None

    def test_dropping_ones_own_leaves_its(self, machine: sp.Machine) -> None:
        arc = sp.Arc(Cache(10))
        with register(machine, arc.clone()):
            arc.drop()
            assert machine.shrink_slab(priority=0) == 10


class TestMove:
    def test_out_and_back(self) -> None:
        arc = sp.Arc(cache := Cache())
        other = arc.clone()
        foreign = arc.into_foreign()
        assert sp.Arc.borrow(foreign) is cache
        assert other.strong_count == 2
        back = sp.Arc.from_foreign(foreign)
        assert back.value is cache
        assert other.strong_count == 2
        del back
        assert other.strong_count == 1

    @pytest.mark.parametrize("use", USES.values(), ids=USES)
    def test_after_into_foreign(self, use: Callable[[sp.Arc[Cache]], object]) -> None:
        arc = sp.Arc(Cache())
        foreign = arc.into_foreign()
        with pytest.raises(sp.MovedError, match="clone"):
            use(arc)
        sp.Arc.from_foreign(foreign)

    @pytest.mark.parametrize("use", USES.values(), ids=USES)
    def test_after_drop(self, use: Callable[[sp.Arc[Cache]], object]) -> None:
        arc = sp.Arc(Cache())
        arc.drop()
        with pytest.raises(sp.MovedError):
            use(arc)

    @pytest.mark.parametrize("use", USES.values(), ids=USES)
    def test_after_register(self, machine: sp.Machine, use: Callable[[sp.Arc[Cache]], object]) -> None:
        arc = sp.Arc(Cache())
        with register(machine, arc), pytest.raises(sp.MovedError):
            use(arc)

    def test_its_end_after_the_move_takes_no_count(self, machine: sp.Machine) -> None:
        arc = sp.Arc(Cache())
        mine = arc.clone()
        with register(machine, arc):
            arc.drop()
            del arc
            gc.collect()
            assert mine.strong_count == 2

    def test_its_repr_shows_what_it_holds_or_that_it_was_moved(self) -> None:
        arc = sp.Arc([1])
        assert repr(arc) == "Arc([1])"
        arc.drop()
        assert repr(arc) == "<Arc, moved>"

    def test_a_copy_is_counted_or_refused(self) -> None:
        # One that shares the object without being counted would let it go too early.
        arc = sp.Arc(cache := Cache())
        with contextlib.suppress(TypeError):
            copied = copy.copy(arc)
            assert arc.strong_count == 2
            del copied
        assert arc.value is cache
