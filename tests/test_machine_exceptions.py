# SPDX-License-Identifier: GPL-2.0-only
"""Exceptions of callbacks: they end the shrinker's turn, the pass goes on, the outermost call raises."""

from __future__ import annotations

import gc
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from support import Cache, Doing, Running, native_pass, register, registered

import shrinkpy as sp
from shrinkpy.core import lib

MEMCG = sp.Flags.MEMCG_AWARE
E = TypeVar("E", bound=BaseException)
FATAL = [KeyboardInterrupt, SystemExit, GeneratorExit]


class BoomError(Exception):
    """What the callbacks of these tests raise."""


def raising(error: BaseException | type[BaseException]) -> Callable[[Any], Any]:
    """A callback that raises it."""

    def callback(_sc: sp.ShrinkControl) -> int:
        raise error

    return callback


def raising_at(n: int, error: BaseException) -> Callable[[Any], Any]:
    """A scan whose n-th call (from 1) raises; the others free what is asked for."""
    calls = iter(range(1, 10_000))

    def callback(sc: sp.ShrinkControl) -> int:
        if next(calls) == n:
            sc.nr_scanned = 1  # of a failing call it is ignored
            raise error
        return sc.nr_to_scan

    return callback


def last(machine: sp.Machine) -> sp.LastPass:
    """The last pass, of which there was one."""
    assert machine.last_pass is not None
    return machine.last_pass


def raised(machine: sp.Machine, kind: type[E], *data: object, match: str | None = None) -> E:
    """What a pass over these raises."""
    with registered(machine, *data), pytest.raises(kind, match=match) as caught:
        machine.shrink_slab(priority=0)
    return caught.value


def events(machine: sp.Machine) -> list[dict[str, Any]]:
    """The trace, without what differs from run to run."""
    array = machine.trace.array()
    skip = ("seq", "time", "shrinker", "tid", "cpu", "name")
    return [
        {key: value for key, value in zip(array.dtype.names, event, strict=True) if key not in skip}
        for event in array.tolist()
    ]


class TestCount:
    def test_it_is_raised_itself_when_the_pass_is_over(self, machine: sp.Machine) -> None:
        boom = BoomError("count")
        with registered(machine, Cache(5), Doing(count=raising(boom)), Cache(7)):
            with pytest.raises(BoomError) as caught:
                machine.shrink_slab(priority=0)
            assert caught.value is boom
            assert (last(machine).freed, last(machine).counts) == (12, 3)
            assert last(machine).exceptions == (boom,)

    def test_it_counts_as_0_not_as_empty(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        cache = Doing(count=raising(BoomError))
        with register(machine, cache, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            with pytest.raises(BoomError):
                machine.shrink_slab(memcg=app)
            assert lib.sp_peek_bit(app._pointer, 0, 0)
            assert (cache.counts, last(machine).freeable) == (1, 0)

    def test_the_second_count_after_empty(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")

        def count(_sc: sp.ShrinkControl) -> sp.CountObjects:
            if cache.counts == 2:
                raise BoomError
            return sp.CountObjects.EMPTY

        cache = Doing(count=count)
        with register(machine, cache, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            with pytest.raises(BoomError):
                machine.shrink_slab(memcg=app)
            assert lib.sp_peek_bit(app._pointer, 0, 0)
            assert last(machine).counts == 2

    def test_deferred_work_is_left_alone(self, machine: sp.Machine) -> None:
        cache = Doing(count=lambda _sc: 1000)
        with register(machine, cache, seeks=4) as shrinker:
            machine.shrink_slab(priority=5)
            assert shrinker.nr_deferred() == 31
            cache._count = raising(BoomError)
            with pytest.raises(BoomError):
                machine.shrink_slab(priority=5)
            assert shrinker.nr_deferred() == 31

    def test_no_event_is_traced(self, machine: sp.Machine) -> None:
        with register(machine, Doing(count=raising(BoomError))), machine.trace.start():
            with pytest.raises(BoomError):
                machine.shrink_slab()
            assert len(machine.trace.array()) == 0


class TestScan:
    """As STOP: that call counts neither as scanned nor as freed, the rest is deferred, the end is traced."""

    @pytest.mark.parametrize("n", [1, 2, 4])
    def test_the_nth_of_four(self, machine: sp.Machine, n: int) -> None:
        with register(machine, Doing(scan=raising_at(n, BoomError())), seeks=4, batch=25) as shrinker:
            with pytest.raises(BoomError):
                machine.shrink_slab(priority=0)
            done = 25 * (n - 1)
            assert shrinker.nr_deferred() == 100 - done
            assert last(machine)[4:11] == (done, 100, done, 100 - done, 1, n, 0)
        assert machine.slabs_scanned == done

    @pytest.mark.parametrize("n", [1, 2, 4])
    def test_trace_and_deferred_work_are_those_of_stop(self, n: int) -> None:
        seen = []
        for boom in (True, False):
            stop = raising_at(n, BoomError())

            def scan(sc: sp.ShrinkControl, stop: Any = stop) -> Any:
                try:
                    return stop(sc)
                except BoomError:
                    return sp.ScanObjects.STOP

            with sp.Machine() as machine, machine.trace.start():
                cache = Doing(scan=stop if boom else scan)
                with register(machine, cache, seeks=4, batch=25) as shrinker:
                    if boom:
                        with pytest.raises(BoomError):
                            machine.shrink_slab(priority=0)
                    else:
                        machine.shrink_slab(priority=0)
                    seen.append((events(machine), shrinker.nr_deferred(), cache.asked, last(machine)[:11]))
        assert seen[0] == seen[1]
        assert len(seen[0][0]) == 2

    def test_the_next_shrinker_is_called(self, machine: sp.Machine) -> None:
        with registered(machine, Doing(scan=raising(BoomError)), Cache(7)):
            with pytest.raises(BoomError):
                machine.shrink_slab(priority=0)
            assert last(machine).freed == 7

    def test_in_a_cgroup_the_bit_stays(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with register(machine, Doing(scan=raising(BoomError)), flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            with pytest.raises(BoomError):
                machine.shrink_slab(memcg=app, priority=0)
            assert lib.sp_peek_bit(app._pointer, 0, 0)
            assert shrinker.nr_deferred(app) == 200


class TestTraceback:
    def test_it_points_at_the_callback(self, machine: sp.Machine) -> None:
        def helper() -> None:
            raise BoomError

        with register(machine, Doing(count=lambda _sc: helper())), pytest.raises(BoomError) as caught:
            machine.shrink_slab()
        names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert names[-3:] == ["count_objects", "<lambda>", "helper"]
        assert names[0] == "test_it_points_at_the_callback"

    def test_those_of_a_group_as_well(self, machine: sp.Machine) -> None:
        error = raised(
            machine, ExceptionGroup, Doing(count=raising(BoomError())), Doing(scan=raising(BoomError()))
        )
        methods = [traceback.extract_tb(e.__traceback__)[-2].name for e in error.exceptions]
        assert methods == ["count_objects", "scan_objects"]

    def test_an_error_of_the_result_is_one_of_the_pass(self, machine: sp.Machine) -> None:
        with register(machine, Doing(count=lambda _sc: "5")), pytest.raises(TypeError, match="'5'"):
            machine.shrink_slab()

    def test_a_cause_is_kept(self, machine: sp.Machine) -> None:
        def count(_sc: sp.ShrinkControl) -> int:
            try:
                raise KeyError("inner")
            except KeyError as error:
                raise BoomError from error

        with register(machine, Doing(count=count)), pytest.raises(BoomError) as caught:
            machine.shrink_slab()
        assert isinstance(caught.value.__cause__, KeyError)


class TestSeveral:
    def test_they_come_as_a_group_in_order(self, machine: sp.Machine) -> None:
        booms = [BoomError(i) for i in range(3)]
        with registered(machine, *(Doing(count=raising(boom)) for boom in booms), Cache(5)):
            with pytest.raises(ExceptionGroup, match="3 exceptions in callbacks") as caught:
                machine.shrink_slab(priority=0)
            assert list(caught.value.exceptions) == booms
            assert last(machine).exceptions == tuple(booms)
            assert last(machine).freed == 5

    def test_sixteen_are_kept_and_the_rest_is_counted(self, machine: sp.Machine) -> None:
        booms = [BoomError(i) for i in range(20)]
        error = raised(
            machine,
            ExceptionGroup,
            *(Doing(count=raising(boom)) for boom in booms),
            match=r"20 exceptions .*4 of them not kept",
        )
        assert list(error.exceptions) == booms[:16]
        assert last(machine).exceptions == tuple(booms[:16])

    def test_sixteen_are_all_kept(self, machine: sp.Machine) -> None:
        error = raised(machine, ExceptionGroup, *(Doing(count=raising(BoomError(i))) for i in range(16)))
        assert "not kept" not in str(error)

    def test_one_that_is_no_exception_makes_it_a_base_group(self, machine: sp.Machine) -> None:
        class Cancelled(BaseException):
            pass

        with registered(machine, Doing(count=raising(Cancelled)), Doing(count=raising(BoomError))):
            with pytest.raises(BaseExceptionGroup) as caught:
                machine.shrink_slab()
            assert not isinstance(caught.value, ExceptionGroup)
            assert last(machine).counts == 2

    def test_the_same_object_twice(self, machine: sp.Machine) -> None:
        boom = BoomError()
        error = raised(machine, ExceptionGroup, Doing(count=raising(boom)), Doing(count=raising(boom)))
        assert list(error.exceptions) == [boom, boom]

    def test_a_group_of_the_callbacks_own_is_one_exception(self, machine: sp.Machine) -> None:
        mine = ExceptionGroup("mine", [BoomError(), BoomError()])
        with register(machine, Doing(count=raising(mine))), pytest.raises(ExceptionGroup) as caught:
            machine.shrink_slab()
        assert caught.value is mine

    def test_with_an_error_of_the_pass_itself(self) -> None:
        def scan(sc: sp.ShrinkControl) -> int:
            sc.nr_scanned = 0
            return 0

        with sp.Machine(max_stall=3) as machine:
            error = raised(machine, ExceptionGroup, Doing(count=raising(BoomError)), Doing(scan=scan))
        assert [type(e) for e in error.exceptions] == [BoomError, sp.LivelockError]

    def test_the_next_pass_starts_with_none(self, machine: sp.Machine) -> None:
        cache = Doing(count=raising(BoomError))
        with register(machine, cache):
            with pytest.raises(BoomError):
                machine.shrink_slab()
            cache._count = None
            assert machine.shrink_slab(priority=0) == 100
            assert last(machine).exceptions == ()


class TestNested:
    """What a nested pass collects is raised by the outermost call."""

    @staticmethod
    def outer(machine: sp.Machine, results: list[object], *, error: BaseException | None = None) -> Doing:
        """A cache whose count reclaims once, notes how that ended, and may raise."""

        def count(_sc: sp.ShrinkControl) -> int:
            if cache.counts == 1:
                try:
                    results.append(machine.shrink_slab(priority=0))
                except BaseException as inner:
                    results.append(inner)
                    raise
                if error is not None:
                    raise error
            return 0

        cache = Doing(count=count)
        return cache

    def test_the_inner_call_gives_its_result(self, machine: sp.Machine) -> None:
        results: list[object] = []
        boom = BoomError()
        failing = Doing(count=lambda _sc: raising(boom)(_sc) if failing.counts == 1 else 0)
        error = raised(machine, BoomError, self.outer(machine, results), failing, Cache(5))
        assert error is boom
        assert results == [5]

    def test_outer_and_inner_come_together_in_order(self, machine: sp.Machine) -> None:
        inner, outer = BoomError("inner"), BoomError("outer")
        failing = Doing(count=lambda _sc: raising(inner)(_sc) if failing.counts == 1 else 0)
        error = raised(machine, ExceptionGroup, self.outer(machine, [], error=outer), failing)
        assert list(error.exceptions) == [inner, outer]

    def test_across_machines(self, machine: sp.Machine) -> None:
        with sp.Machine() as other:
            results: list[object] = []
            boom = BoomError()
            count = Doing(count=lambda _sc: results.append(other.shrink_slab()) or 0)
            with register(other, Doing(count=raising(boom))):
                assert raised(machine, BoomError, count) is boom
        assert results == [0]

    @pytest.mark.parametrize("fatal", FATAL)
    def test_a_fatal_one_goes_through_every_level(
        self, machine: sp.Machine, fatal: type[BaseException]
    ) -> None:
        results: list[object] = []
        failing, never = Doing(count=raising(fatal)), Cache()
        with registered(machine, self.outer(machine, results), failing, never), pytest.raises(fatal):
            machine.shrink_slab()
        assert [type(each) for each in results] == [fatal]
        assert never.counts == 0

    def test_a_fatal_one_caught_by_the_outer_callback_ends_the_inner_pass_alone(
        self, machine: sp.Machine
    ) -> None:
        def count(_sc: sp.ShrinkControl) -> int:
            if cache.counts == 1:
                with pytest.raises(KeyboardInterrupt):
                    machine.shrink_slab()
            return 0

        cache, after = Doing(count=count), Cache(5)
        failing = Doing(count=lambda _sc: raising(KeyboardInterrupt)(_sc) if failing.counts == 1 else 0)
        with registered(machine, cache, failing, after):
            assert machine.shrink_slab(priority=0) == 5
        assert after.counts == 1


@pytest.mark.parametrize("fatal", FATAL)
class TestFatal:
    """KeyboardInterrupt, SystemExit and GeneratorExit end the pass at once."""

    def test_in_count(self, machine: sp.Machine, fatal: type[BaseException]) -> None:
        error, after = fatal(), Cache(7)
        with registered(machine, Cache(5), Doing(count=raising(error)), after):
            with pytest.raises(fatal) as caught:
                machine.shrink_slab(priority=0)
            assert caught.value is error
            assert (last(machine).freed, last(machine).counts) == (5, 2)
        assert after.counts == 0

    def test_in_scan_the_turn_is_still_ended_properly(
        self, machine: sp.Machine, fatal: type[BaseException]
    ) -> None:
        after = Cache(7)
        cache = Doing(scan=raising_at(2, fatal()))
        with register(machine, cache, seeks=4, batch=25) as shrinker, register(machine, after):
            with machine.trace.start(), pytest.raises(fatal):
                machine.shrink_slab(priority=0)
            assert shrinker.nr_deferred() == 75
            assert [e["kind"] for e in machine.trace.array()] == [0, 1]
            assert (last(machine).freed, last(machine).scans) == (25, 2)
        assert after.counts == 0

    def test_in_a_cgroup(self, machine: sp.Machine, fatal: type[BaseException]) -> None:
        app, after = machine.root.create("app"), Cache(7)
        with registered(machine, Doing(count=raising(fatal)), after, flags=MEMCG) as shrinkers:
            for shrinker in shrinkers:
                shrinker.set_bit(app)
            with pytest.raises(fatal):
                machine.shrink_slab(memcg=app)
            assert lib.sp_peek_bit(app._pointer, 0, 0)
        assert after.counts == 0

    def test_an_earlier_one_is_its_context(self, machine: sp.Machine, fatal: type[BaseException]) -> None:
        boom = BoomError()
        error = raised(machine, fatal, Doing(count=raising(boom)), Doing(count=raising(fatal)))
        assert error.__context__ is boom
        assert boom in last(machine).exceptions

    def test_earlier_ones_are_its_context_as_a_group(
        self, machine: sp.Machine, fatal: type[BaseException]
    ) -> None:
        booms = [BoomError(), BoomError()]
        error = raised(machine, fatal, *(Doing(count=raising(e)) for e in (*booms, fatal())))
        assert isinstance(error.__context__, ExceptionGroup)
        assert list(error.__context__.exceptions) == booms

    def test_earlier_ones_are_not_lost_where_it_has_a_context_of_its_own(
        self, machine: sp.Machine, fatal: type[BaseException]
    ) -> None:
        def count(_sc: sp.ShrinkControl) -> int:
            try:
                raise KeyError("own")
            except KeyError:
                raise fatal from None

        boom = BoomError()
        error = raised(machine, fatal, Doing(count=raising(boom)), Doing(count=count))
        chain = list(contexts(error))
        assert [type(e) for e in chain[:2]] == [fatal, KeyError]
        assert boom in chain

    def test_the_next_pass_is_whole(self, machine: sp.Machine, fatal: type[BaseException]) -> None:
        cache = Doing(count=raising(fatal))
        with registered(machine, cache, Cache(7)):
            with pytest.raises(fatal):
                machine.shrink_slab()
            cache._count = lambda _sc: 0
            assert machine.shrink_slab(priority=0) == 7

    def test_a_subclass_of_it_too(self, machine: sp.Machine, fatal: type[BaseException]) -> None:
        mine = type("Mine", (fatal,), {})
        after = Cache()
        with registered(machine, Doing(count=raising(mine)), after), pytest.raises(mine):
            machine.shrink_slab()
        assert after.counts == 0


def contexts(error: BaseException | None) -> Iterator[BaseException]:
    """It and its contexts, those in groups included."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            yield from error.exceptions
        error = error.__context__


class TestNoCallToRaiseFrom:
    """A pass with no call of Python below it: lost_exceptions, and sys.unraisablehook."""

    @pytest.fixture
    def unraisable(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """What the hook got."""
        got: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda args: got.append((args.exc_value, args.object)))
        return got

    @pytest.mark.parametrize("where", ["count", "scan"])
    def test_they_are_lost_but_kept(self, machine: sp.Machine, unraisable: list[Any], where: str) -> None:
        boom = BoomError()
        failing = Doing(**{where: raising(boom)})
        with registered(machine, failing, Cache(7)):
            status, done = Running(lambda: native_pass(machine)).join()
        assert (status, done.freed) == (0, 7)
        assert machine.lost_exceptions == [boom]
        assert unraisable == [(boom, failing)]
        assert machine.last_pass is None

    def test_bad_results_too(self, machine: sp.Machine, unraisable: list[Any]) -> None:
        with register(machine, Doing(count=lambda _sc: None)):
            native_pass(machine)
        assert [type(error) for error, _ in unraisable] == [TypeError]

    def test_and_livelocks(self, unraisable: list[Any]) -> None:
        def scan(sc: sp.ShrinkControl) -> int:
            sc.nr_scanned = 0
            return 0

        with sp.Machine(max_stall=3) as machine, register(machine, Doing(scan=scan)):
            status, _done = native_pass(machine)
            assert status == lib.SP_SPIN
            assert [type(error) for error in machine.lost_exceptions] == [sp.LivelockError]
            assert unraisable[0][1] is machine

    def test_the_list_may_be_emptied(self, machine: sp.Machine, unraisable: list[Any]) -> None:
        with register(machine, Doing(count=raising(BoomError()))):
            native_pass(machine)
            machine.lost_exceptions.clear()
            assert machine.lost_exceptions == []
            native_pass(machine)
        assert len(machine.lost_exceptions) == 1
        assert len(unraisable) == 2

    def test_in_a_callback_the_outer_call_raises_them(
        self, machine: sp.Machine, unraisable: list[Any]
    ) -> None:
        boom = BoomError()
        failing = Doing(count=lambda _sc: raising(boom)(_sc) if failing.counts == 1 else 0)
        outer = Doing(count=lambda _sc: native_pass(machine)[0] if outer.counts == 1 else 0)
        with registered(machine, outer, failing), pytest.raises(BoomError):
            machine.shrink_slab()
        assert (machine.lost_exceptions, unraisable) == ([], [])

    @pytest.mark.parametrize("fatal", FATAL)
    def test_a_fatal_one_ends_the_pass_here_too(
        self, machine: sp.Machine, unraisable: list[Any], fatal: type[BaseException]
    ) -> None:
        after = Cache(7)
        with registered(machine, Doing(count=raising(fatal)), after):
            status, _done = native_pass(machine)
        assert [type(error) for error in machine.lost_exceptions] == [fatal]
        assert len(unraisable) == 1
        assert after.counts == 0
        assert status == lib.SP_ABORTED


class TestWhatTheyKeep:
    def test_the_next_pass_lets_them_go(self, machine: sp.Machine) -> None:
        class Big:
            pass

        big = Big()
        gone = weakref.ref(big)

        def count(_sc: sp.ShrinkControl, big: object = big) -> int:
            raise BoomError(big)

        cache = Doing(count=count)
        with register(machine, cache):
            with pytest.raises(BoomError):
                machine.shrink_slab()
            cache._count = None
            del big, count
            assert gone() is not None
            machine.shrink_slab()
            gc.collect()
            assert gone() is None
