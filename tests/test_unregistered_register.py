# SPDX-License-Identifier: GPL-2.0-only
"""UnregisteredShrinker.register(): one shot, in the order of the Rust binding, or nothing at all."""

from __future__ import annotations

import contextlib
import gc
import sys
import types
from typing import Any

import pytest
from support import (
    Cache,
    Doing,
    Held,
    Log,
    Running,
    in_callback,
    native_pass,
    refcount,
    register,
    survives,
    until_closing,
    warned,
)

import shrinkpy as sp
from shrinkpy.core import lib

MEMCG = sp.Flags.MEMCG_AWARE


def alloc(machine: sp.Machine, name: str = "cache", flags: int = 0) -> sp.UnregisteredShrinker:
    """One to register."""
    return sp.UnregisteredShrinker.alloc(name, machine=machine, flags=flags)


class OnlyCount:
    """Lacks scan_objects."""

    def count_objects(self, sc: sp.ShrinkControl) -> int:
        """Say nothing."""
        return 0


class OnlyScan:
    """Has a count_objects that nobody can call."""

    count_objects = 5

    def scan_objects(self, sc: sp.ShrinkControl) -> int:
        """Do nothing."""
        return 0


class TestWhatItGives:
    def test_a_registration_with_what_was_set_before(self, machine: sp.Machine) -> None:
        unregistered = alloc(machine, "inodes", MEMCG)
        unregistered.set_seeks(3)
        unregistered.set_batch(9)
        with unregistered.register(Cache()) as shrinker:
            assert isinstance(shrinker, sp.RegisteredShrinker)
            assert shrinker.name == "inodes"
            assert shrinker.machine is machine
            assert shrinker.flags == MEMCG
            assert (shrinker.id, shrinker.seeks, shrinker.batch) == (0, 3, 9)
            assert not shrinker.closed
            assert repr(shrinker) == "<RegisteredShrinker 'inodes'>"

    def test_passes_call_it_from_then_on(self, machine: sp.Machine) -> None:
        cache = Cache(10)
        with register(machine, cache) as shrinker:
            assert refcount(shrinker) == 1
            assert machine.shrink_slab(priority=0) == 10
        assert cache.counts == 1

    def test_passes_call_in_the_order_of_registration(self, machine: sp.Machine) -> None:
        order: list[str] = []
        made = [alloc(machine, name) for name in "abc"]
        with contextlib.ExitStack() as stack:
            for unregistered in reversed(made):
                cache = Doing(count=lambda _sc, name=unregistered.name: order.append(name) or 0)
                stack.enter_context(unregistered.register(cache))
            machine.shrink_slab()
        assert order == ["c", "b", "a"]

    def test_the_wrapper_may_be_collected_at_any_time(self, machine: sp.Machine) -> None:
        unregistered = alloc(machine)
        shrinker = unregistered.register(Cache(10))
        del unregistered
        gc.collect()
        assert machine.shrink_slab(priority=0) == 10
        shrinker.close()


class TestOneShot:
    def test_the_second_is_refused_and_its_data_stays(self, machine: sp.Machine) -> None:
        unregistered, second = alloc(machine), sp.Box(Cache())
        with unregistered.register(Cache()):
            with pytest.raises(sp.MovedError):
                unregistered.register(second)
            assert isinstance(second.value, Cache)
            assert machine.ledger.registered == 1

    def test_the_end_of_its_with_block_leaves_the_registration(self, machine: sp.Machine) -> None:
        with alloc(machine) as unregistered:
            shrinker = unregistered.register(Cache(10))
        assert machine.shrink_slab(priority=0) == 10
        shrinker.close()

    def test_close_leaves_the_registration(self, machine: sp.Machine) -> None:
        unregistered = alloc(machine)
        with unregistered.register(Cache(10)):
            unregistered.close()
            assert machine.shrink_slab(priority=0) == 10

    def test_not_even_into_foreign_can_use_the_handle(self, machine: sp.Machine) -> None:
        errors: list[Exception] = []

        class Nosy(Log):
            def into_foreign(self) -> object:
                unregistered.close()
                for use in (lambda: unregistered.register(Cache()), lambda: unregistered.set_seeks(1)):
                    try:
                        use()
                    except sp.MovedError as error:
                        errors.append(error)
                return super().into_foreign()

        unregistered = alloc(machine)
        with unregistered.register(Nosy(Cache(10), [])):
            assert len(errors) == 2
            assert machine.shrink_slab(priority=0) == 10


class TestOrder:
    def test_into_foreign_then_private_data_then_publish(self, machine: sp.Machine) -> None:
        done: list[str] = []
        published: list[tuple[int, int]] = []

        def look() -> None:
            machine.shrink_slab()
            assert machine.last_pass is not None
            published.append((machine.ledger.registered, machine.last_pass.counts))

        class Looking(Log):
            def into_foreign(self) -> object:
                look()
                return super().into_foreign()

            @staticmethod
            def borrow(foreign: Any, /) -> object:
                if len(published) < 2:
                    look()
                return Log.borrow(foreign)

        with alloc(machine).register(Looking(Doing(count=lambda _sc: done.append("count") or 0), done)):
            assert done == ["into_foreign", "borrow"]
            assert published == [(0, 0), (0, 0)]
            machine.shrink_slab()
        assert done == ["into_foreign", "borrow", "count", "from_foreign"]


class TestData:
    def test_any_object_with_the_two_methods(self, machine: sp.Machine) -> None:
        data = types.SimpleNamespace(count_objects=lambda _sc: 5, scan_objects=lambda sc: sc.nr_to_scan)
        with register(machine, data) as shrinker:
            assert shrinker.private_data is data
            assert machine.shrink_slab(priority=0) == 10  # it says 5, is asked for 2 · 5

    def test_a_box_is_moved(self, machine: sp.Machine) -> None:
        cache = Cache(10)
        box = sp.Box(cache)
        with register(machine, box) as shrinker:
            assert shrinker.private_data is cache
            with pytest.raises(sp.MovedError):
                _ = box.value

    def test_an_arc_keeps_its_other_handles(self, machine: sp.Machine) -> None:
        arc = sp.Arc(Cache(10))
        mine = arc.clone()
        with register(machine, arc) as shrinker:
            assert mine.strong_count == 2
            assert mine.value is shrinker.private_data
            with pytest.raises(sp.MovedError):
                _ = arc.value
        assert mine.strong_count == 1

    def test_a_plain_object_is_taken_as_an_arc_of_it(self, machine: sp.Machine) -> None:
        cache = Cache(10)
        with register(machine, cache) as one, register(machine, cache) as two:
            assert one.private_data is two.private_data is cache
        assert cache.objects == 10

    def test_an_owner_of_ones_own(self, machine: sp.Machine) -> None:
        cache, done = Cache(10), []
        with register(machine, Log(cache, done)) as shrinker:
            assert shrinker.private_data is cache
            assert machine.shrink_slab(priority=0) == 10
        assert done.count("into_foreign") == done.count("from_foreign") == 1

    @pytest.mark.parametrize("native", [False, True], ids=["from Python", "native"])
    @pytest.mark.parametrize("on", ["instance", "instance for another attribute", "class"])
    def test_a_method_put_in_its_place_later_is_called(
        self, machine: sp.Machine, monkeypatch: pytest.MonkeyPatch, on: str, native: bool
    ) -> None:
        # As tests replace them: a function on the instance, a static one on the class.
        class Mine(Cache):
            pass

        cache = Mine(10)
        with register(machine, sp.Box(Mine(0))), register(machine, cache):
            assert machine.shrink_slab(priority=0) == 10
            if on == "instance for another attribute":
                del cache.counts, cache.asked  # as many as come
            if on != "class":
                monkeypatch.setattr(cache, "count_objects", lambda _sc: 3)
                monkeypatch.setattr(cache, "scan_objects", lambda sc: sc.nr_to_scan)
            else:
                monkeypatch.setattr(Mine, "count_objects", staticmethod(lambda _sc: 3))
                monkeypatch.setattr(Mine, "scan_objects", staticmethod(lambda sc: sc.nr_to_scan))
            freed = native_pass(machine)[1].freed if native else machine.shrink_slab(priority=0)
            assert freed == (12 if on == "class" else 6)  # what two caches, or this one alone, are asked for

    def test_a_class_is_no_object(self, machine: sp.Machine) -> None:
        with alloc(machine) as unregistered:
            with pytest.raises(TypeError, match="make an instance"):
                unregistered.register(Cache)
            assert unregistered.seeks == 2


class TestCallbacks:
    """callbacks= has the functions, of (data, sc)."""

    class Functions:
        """As a class, whose functions need no self."""

        @staticmethod
        def count_objects(data: list[int], sc: sp.ShrinkControl) -> int:
            """Count the list."""
            return len(data)

        @staticmethod
        def scan_objects(data: list[int], sc: sp.ShrinkControl) -> int:
            """Empty the list."""
            n = len(data)
            data.clear()
            return n

    @pytest.mark.parametrize("callbacks", [Functions, Functions(), types.SimpleNamespace(**vars(Functions))])
    def test_they_get_what_is_borrowed(self, machine: sp.Machine, callbacks: object) -> None:
        if isinstance(callbacks, types.SimpleNamespace):
            callbacks.count_objects = TestCallbacks.Functions.count_objects
            callbacks.scan_objects = TestCallbacks.Functions.scan_objects
        data = [1, 2, 3]
        with register(machine, sp.Box(data), callbacks=callbacks) as shrinker:
            assert shrinker.private_data is data
            assert machine.shrink_slab(priority=0) == 3
        assert data == []

    def test_functions_of_a_class_that_take_the_data_as_self(self, machine: sp.Machine) -> None:
        cache = Cache(10)
        with register(machine, cache, callbacks=Cache):
            assert machine.shrink_slab(priority=0) == 10

    def test_they_win_over_the_datas_own(self, machine: sp.Machine) -> None:
        cache = Cache(10)
        quiet = types.SimpleNamespace(count_objects=lambda _data, _sc: 0, scan_objects=lambda _data, _sc: 0)
        with register(machine, cache, callbacks=quiet):
            assert machine.shrink_slab(priority=0) == 0
        assert cache.counts == 0

    def test_none_is_rusts_unit(self, machine: sp.Machine) -> None:
        got: list[object] = []
        unit = types.SimpleNamespace(
            count_objects=lambda data, _sc: got.append(data) or 0, scan_objects=lambda _data, _sc: 0
        )
        with register(machine, None, callbacks=unit) as shrinker:
            machine.shrink_slab()
            assert shrinker.private_data is None
        assert got == [None]

    def test_none_without_them_is_refused(self, machine: sp.Machine) -> None:
        with alloc(machine) as unregistered:
            with pytest.raises(TypeError, match="callbacks="):
                unregistered.register(None)
            assert unregistered.seeks == 2


class TestFailing:
    """Whatever goes wrong: nothing was consumed, nothing is registered, and a second try works."""

    @pytest.mark.parametrize("make", [OnlyCount, OnlyScan, object])
    def test_a_plain_object_without_a_method(self, machine: sp.Machine, make: Any) -> None:
        with alloc(machine) as unregistered:
            with pytest.raises(TypeError, match=r"has no method (count|scan)_objects.*needs count_objects"):
                unregistered.register(make())
            assert machine.ledger.registered == 0
            with unregistered.register(Cache(10)):
                assert machine.shrink_slab(priority=0) == 10

    def test_a_box_keeps_its_object(self, machine: sp.Machine) -> None:
        data = OnlyCount()
        box = sp.Box(data)
        with alloc(machine) as unregistered:
            with pytest.raises(TypeError, match="scan_objects"):
                unregistered.register(box)
            assert box.value is data
            assert unregistered.seeks == 2

    def test_an_arc_keeps_its_count(self, machine: sp.Machine) -> None:
        arc = sp.Arc(OnlyCount())
        mine = arc.clone()
        with alloc(machine) as unregistered, pytest.raises(TypeError, match="scan_objects"):
            unregistered.register(arc)
        assert arc.strong_count == mine.strong_count == 2

    @pytest.mark.parametrize("callbacks", [OnlyCount, OnlyScan(), object(), 5])
    def test_callbacks_without_one(self, machine: sp.Machine, callbacks: object) -> None:
        box = sp.Box(Cache())
        with alloc(machine) as unregistered:
            with pytest.raises(TypeError, match="has no method"):
                unregistered.register(box, callbacks)
            assert isinstance(box.value, Cache)
            assert unregistered.seeks == 2

    @pytest.mark.parametrize("callbacks", [None, Cache])
    @pytest.mark.parametrize("owner", [sp.Box, sp.Arc])
    def test_an_owner_that_was_moved(self, machine: sp.Machine, owner: Any, callbacks: object) -> None:
        moved = owner(Cache())
        moved.into_foreign()
        with alloc(machine) as unregistered:
            with pytest.raises(sp.MovedError, match="moved"):
                unregistered.register(moved, callbacks)
            assert unregistered.seeks == 2
            assert machine.ledger.registered == 0

    def test_a_closed_machine(self) -> None:
        machine = sp.Machine()
        unregistered, box = alloc(machine), sp.Box(Cache())
        with warned():
            machine.close()
        with pytest.raises(sp.ClosedError):
            unregistered.register(box)
        assert isinstance(box.value, Cache)

    def test_into_foreign_raises(self, machine: sp.Machine) -> None:
        done: list[str] = []

        class Stubborn(Log):
            def into_foreign(self) -> object:
                raise LookupError("mine")

        with alloc(machine) as unregistered:
            with pytest.raises(LookupError, match="mine"):
                unregistered.register(Stubborn(Cache(), done))
            assert done == []
            with unregistered.register(Cache(10)):
                assert machine.shrink_slab(priority=0) == 10

    def test_borrow_raises(self, machine: sp.Machine) -> None:
        done: list[str] = []

        class Stubborn(Log):
            @staticmethod
            def borrow(_foreign: Any, /) -> object:
                raise LookupError("not for lending")

        with alloc(machine) as unregistered:
            with pytest.raises(LookupError, match="not for lending"):
                unregistered.register(Stubborn(Cache(), done))
            assert done == ["into_foreign", "from_foreign"]
            assert machine.ledger.registered == 0
            with unregistered.register(Cache(10)):
                assert machine.shrink_slab(priority=0) == 10

    def test_what_is_borrowed_has_no_methods(self, machine: sp.Machine) -> None:
        done: list[str] = []
        with alloc(machine) as unregistered:
            with pytest.raises(TypeError, match="has no method scan_objects"):
                unregistered.register(Log(OnlyCount(), done))
            assert done == ["into_foreign", "borrow", "from_foreign"]
            assert machine.ledger.registered == 0
            assert unregistered.seeks == 2

    def test_giving_it_back_raises_too(self, machine: sp.Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        class Stubborn(Log):
            @staticmethod
            def from_foreign(_foreign: Any, /) -> object:
                raise LookupError("not wanted back")

        unraisable: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_value))
        with alloc(machine) as unregistered, pytest.raises(TypeError, match="has no method"):
            unregistered.register(Stubborn(OnlyCount(), []))
        assert [str(error) for error in unraisable] == ["not wanted back"]

    def test_a_method_that_raises_when_looked_up(self, machine: sp.Machine) -> None:
        class Moody(Cache):
            @property
            def scan_objects(self) -> Any:  # type: ignore[override]
                raise LookupError("not today")

        with alloc(machine) as unregistered:
            with pytest.raises(LookupError, match="not today"):
                unregistered.register(Log(Moody(), done := []))
            assert done == ["into_foreign", "borrow", "from_foreign"]
            assert unregistered.seeks == 2

    def test_the_machine_is_being_closed_by_another_thread(self) -> None:
        machine = sp.Machine()
        held = Held()
        shrinker = register(machine, held, "held")
        unregistered, box = alloc(machine), sp.Box(Cache())
        with warned(times=2):
            with in_callback(machine, held):
                closing = Running(machine.close)
                until_closing(shrinker)
                with pytest.raises(sp.ClosedError):
                    unregistered.register(box)
                moved = "moved" in repr(box)
            closing.join()
        assert not moved

    def test_into_foreign_closes_the_machine(self) -> None:
        out = survives("""
            import warnings
            import shrinkpy as sp
            from support import Cache, Log

            warnings.simplefilter("ignore")
            machine = sp.Machine()
            done = []

            class Closing(Log):
                def into_foreign(self):
                    machine.close()
                    return super().into_foreign()

            try:
                sp.UnregisteredShrinker.alloc("cache", machine=machine).register(Closing(Cache(), done))
            except sp.ClosedError:
                print(done[0], done[-1])
        """)
        assert out == "into_foreign from_foreign\n"


class TestInACallback:
    def test_it_is_called_later_in_the_same_pass(self, machine: sp.Machine) -> None:
        late = Cache(7)
        made: list[sp.RegisteredShrinker] = []
        first = Doing(count=lambda _sc: made.append(register(machine, late, "late")) or 0)
        with register(machine, first):
            assert machine.shrink_slab(priority=0) == 7
            assert late.counts == 1
        made[0].close()

    def test_each_call_of_a_callback_may_register_one_more(self, machine: sp.Machine) -> None:
        made: list[sp.RegisteredShrinker] = []

        def count(_sc: sp.ShrinkControl) -> int:
            if len(made) < 5:
                made.append(register(machine, Doing(count=count), f"s{len(made)}"))
            return 0

        with register(machine, Doing(count=count), "first"):
            machine.shrink_slab()
        assert machine.last_pass is not None
        assert machine.last_pass.counts == 6
        for shrinker in made:
            shrinker.close()

    def test_in_a_cgroup_its_bit_is_still_ahead(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        late = Cache(7)
        made: list[sp.RegisteredShrinker] = []

        def count(sc: sp.ShrinkControl) -> int:
            made.append(register(machine, late, "late", flags=MEMCG))
            made[0].set_bit(sc.memcg)
            return 0

        with register(machine, Doing(count=count), "first", flags=MEMCG) as first:
            first.set_bit(app)
            assert machine.shrink_slab(memcg=app, priority=0) == 7
        made[0].close()


class TestNoMemory:
    def test_without_memory_for_its_debugfs_entry_it_is_registered_all_the_same(
        self, machine: sp.Machine
    ) -> None:
        assert lib.sp_debugfs_init(machine._pointer) == 0
        before = machine.ledger
        for n in (1, 2, 3):
            unregistered = alloc(machine)
            machine.faults.fail_nth(n)
            machine.faults.record()
            with unregistered.register(Cache(10)):
                struck = machine.faults.pending == 0
                assert machine.ledger.registered == 1
                assert machine.ledger.dentry == (not struck)
                assert struck == (n < 3)
                assert [a.site for a in machine.faults.attempts()] == ["ida", "dentry"][:n]
                machine.faults.fail_nth(0)
                assert machine.shrink_slab(priority=0) == 10
            assert machine.ledger == before
