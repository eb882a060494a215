# SPDX-License-Identifier: GPL-2.0-only
"""Handles copied, subclassed, called by their underscores, counted wrong, used after their time."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from apart import survives
from attacks import COPIES, alloc
from meeting import gives
from support import (
    Cache,
    Doing,
    Held,
    Running,
    in_callback,
    interrupted,
    register,
)

import shrinkpy as sp

MEMCG = sp.Flags.MEMCG_AWARE


class TestAnotherMachinesCgroup:
    def test_keeps_no_deferred_work_of_this_shrinker(self) -> None:
        # It may have fewer nodes, too.
        out = survives("""
            import shrinkpy as sp
            from support import Cache, register

            machine, other = sp.Machine(nr_nodes=1024), sp.Machine()
            flags = sp.Flags.MEMCG_AWARE | sp.Flags.NUMA_AWARE
            with register(other, Cache(), flags=flags), register(machine, Cache(), flags=flags) as shrinker:
                answers = set()
                for each in [other.root, *(other.root.create(f"c{i}") for i in range(30))]:
                    for nid in range(1024):
                        try:
                            answers.add(shrinker.nr_deferred(each, nid))
                        except ValueError:
                            answers.add("refused")
                print(answers)
        """)
        assert out == "{'refused'}\n"

    @pytest.mark.parametrize("memcg", [5, "app", object(), [], sp.Box(5)])
    def test_what_is_no_cgroup_is_refused_as_such(self, machine: sp.Machine, memcg: Any) -> None:
        with register(machine, Cache(), flags=MEMCG) as shrinker:
            with pytest.raises(TypeError, match="MemCgroup"):
                shrinker.nr_deferred(memcg)
            with pytest.raises(TypeError, match="MemCgroup"):
                shrinker.set_bit(memcg)


class TestCopies:
    """Whatever owns something is there once."""

    @pytest.mark.parametrize("way", COPIES)
    @pytest.mark.parametrize(
        "which", ["machine", "cgroup", "registered", "closed", "Box", "Arc", "moved Box"]
    )
    def test_are_refused(self, machine: sp.Machine, which: str, way: str) -> None:
        with register(machine, Cache(10)) as shrinker:
            closed = register(machine, Cache())
            closed.close()
            moved = sp.Box(Cache())
            moved.into_foreign()
            each = {
                "machine": machine,
                "cgroup": machine.root.create("app"),
                "registered": shrinker,
                "closed": closed,
                "Box": sp.Box(5),
                "Arc": sp.Arc(5),
                "moved Box": moved,
            }[which]
            with pytest.raises((TypeError, pickle.PicklingError)):
                COPIES[way](each)
            assert machine.shrink_slab(priority=0) == 10

    @pytest.mark.parametrize("way", COPIES)
    def test_of_a_handle_that_is_not_registered_are_refused(self, way: str) -> None:
        out = survives(f"""
            import gc, warnings
            import shrinkpy as sp
            from support import Cache
            from attacks import COPIES, alloc

            warnings.simplefilter("ignore")
            machine = sp.Machine()
            unregistered = alloc(machine)
            try:
                second = COPIES[{way!r}](unregistered)
            except TypeError:
                print("refused")
            else:
                print("copied")
                del second
            gc.collect()
            with unregistered.register(Cache(10)):
                print(machine.shrink_slab(priority=0))
        """)
        assert out == "refused\n10\n"

    @pytest.mark.parametrize("way", COPIES)
    def test_of_what_a_callback_is_lent_are_refused(self, machine: sp.Machine, way: str) -> None:
        def count(sc: sp.ShrinkControl) -> int:
            with pytest.raises((TypeError, pickle.PicklingError)):
                pickle.loads(COPIES[way](sc))  # an old one has the class's name in it, and no more
            return 0

        with register(machine, Doing(count=count)):
            machine.shrink_slab()

    def test_of_what_was_told_are_values(self, machine: sp.Machine) -> None:
        with register(machine, Cache(10)):
            machine.shrink_slab(priority=0)
        told = (machine.ledger, machine.last_pass._replace(memcg=None), sp.CountObjects(5), sp.Flags(0))
        assert pickle.loads(pickle.dumps(told)) == copy.deepcopy(told) == told


class TestSubclasses:
    def test_of_the_handles_are_not_made_by_hand(self, machine: sp.Machine) -> None:
        for base in (sp.RegisteredShrinker, sp.UnregisteredShrinker):

            class Mine(base):  # type: ignore[misc,valid-type]
                """One of ours."""

                extra = 5

            with pytest.raises(TypeError):
                Mine()

    def test_of_a_handle_that_end_in_their_own_way(self) -> None:
        # An end that forgets super() leaves the shrinker to the machine.
        out = survives("""
            import gc, warnings
            import shrinkpy as sp
            from support import Cache

            warnings.simplefilter("ignore")

            class Mine(sp.UnregisteredShrinker):
                __slots__ = ("extra",)

                def __del__(self):
                    print("ended")

            machine = sp.Machine()
            mine = Mine.alloc("mine", machine=machine)
            mine.extra = mine
            del mine
            gc.collect()
            machine.close()
            print(machine.ledger[:3])
        """)
        assert out == "ended\n(0, 0, 0)\n"

    def test_that_a_handle_became_later(self) -> None:
        out = survives("""
            import gc, warnings
            import shrinkpy as sp
            from support import Cache, Log, register

            class Mine(sp.RegisteredShrinker):
                __slots__ = ()

                def __del__(self):
                    print("ended")

            warnings.simplefilter("ignore")
            machine, done = sp.Machine(), []
            for cycle in (False, True):
                data = Cache(10)
                handle = register(machine, Log(data, done))
                handle.__class__ = Mine
                data.handle = handle if cycle else None
                del data, handle
                gc.collect()
                machine.shrink_slab(priority=0)
            machine.close()
            print(done.count("from_foreign"), machine.ledger[:3])
        """)
        assert out == "ended\nended\n2 (0, 0, 0)\n"

    def test_of_a_machine(self) -> None:
        out = survives("""
            import gc, warnings
            import shrinkpy as sp
            from support import Cache, register

            warnings.simplefilter("ignore")

            class Failing(sp.Machine):
                def __init__(self):
                    self.shrinker = register(self, Cache(10))
                    raise LookupError("no")

                def __del__(self):
                    self.shrink_slab(priority=0)
                    print("ended")
                    self.close()

            class Single(sp.Machine):
                one = None

                def __new__(cls):
                    cls.one = cls.one or super().__new__(cls)
                    return cls.one

            class Unhashable(sp.Machine):
                __eq__ = object.__eq__
                __hash__ = None

            class Slotted(sp.Machine):
                __slots__ = ()

            class Foreign(sp.Machine):
                def __new__(cls):
                    return 5

            for cls in (Failing, Single, Single, Unhashable, Slotted, Foreign):
                try:
                    machine = cls()
                    if cls is not Foreign:
                        with register(machine, Cache(10)):
                            print(cls.__name__, machine.shrink_slab(priority=0))
                except (LookupError, TypeError) as error:
                    print(type(error).__name__)
                machine = error = None
                gc.collect()
        """)
        assert out == "LookupError\nended\nSingle 10\nSingle 10\nTypeError\nSlotted 10\n"


class TestUnderscores:
    """What is not for users must not be used; but the interpreter survives it."""

    CODES: ClassVar = {
        "an empty handle": """
            handle = sp.RegisteredShrinker.__new__(sp.RegisteredShrinker)
            repr(handle), handle.closed, handle.name, handle.machine, handle._address, handle._borrow()
            for name in ("flags", "id", "seeks", "batch", "private_data"):
                refused(lambda: getattr(handle, name))
            refused(lambda: handle.set_bit(machine.root))
            handle.close()
        """,
        "an empty unregistered one": """
            handle = sp.UnregisteredShrinker.__new__(sp.UnregisteredShrinker)
            for name in ("name", "machine", "flags", "close", "register"):
                refused(lambda: getattr(handle, name)(*((Cache(),) if name == "register" else ())))
        """,
        "registering into one handle twice": """
            handle = RegisteredShrinkerBase()
            for unregistered in (alloc(machine), alloc(machine)):
                refused(lambda: give(handle, unregistered))
            del handle
            gc.collect()
            machine.shrink_slab(priority=0)
        """,
        "registering one shrinker into two handles": """
            unregistered = alloc(machine)
            handles = [RegisteredShrinkerBase() for _ in range(2)]
            for handle in handles:
                refused(lambda: give(handle, unregistered))
            machine.shrink_slab(priority=0)
            del handles, handle
            gc.collect()
            machine.shrink_slab(priority=0)
        """,
        "with another machine": """
            other, handle = sp.Machine(), RegisteredShrinkerBase()
            refused(lambda: give(handle, alloc(machine), other))
            other.close()
            del other
            gc.collect()
            machine.shrink_slab(priority=0)
            del handle
            gc.collect()
        """,
        "without a shrinker": """
            box = sp.Box(Cache())
            refused(lambda: RegisteredShrinkerBase()._register(machine, 0, "n", "s", box, None, True))
        """,
        "a base that is closed by its warning": """
            handle = RegisteredShrinkerBase()
            unregistered = alloc(machine)
            give(handle, unregistered)
            warnings.simplefilter("always")
            warnings.showwarning = lambda *args, **kwargs: machine.close()
            del handle
        """,
        "handles that are initialised again": """
            for each in (machine, machine.root, register(machine, Cache()), alloc(machine)):
                refused(each.__init__)
        """,
        "a second root": """
            root = MemCgroupBase.__new__(sp.MemCgroup, machine, None, 0)
            del root
            gc.collect()
            machine.root.create("app").remove()
        """,
        "a base of a machine": """
            for args in ((1, 1, 1, 1, 0), (0, 1, 1, 1, 0), (1, 0, 1, 2, 0), (1, 1, 1, 7, 0), (1, 1, 1, 0, 0)):
                base = None
                try:
                    base = MachineBase(*args)
                except (ValueError, TypeError):
                    continue
                refused(base.shrink_slab)
                refused(lambda: MemCgroupBase(base, None, 0))
                refused(lambda: alloc(base))
                base._close()
        """,
    }

    @pytest.mark.parametrize("what", CODES)
    def test_used_wrongly(self, what: str) -> None:
        setup = """
            import gc, warnings
            import shrinkpy as sp
            from shrinkpy.core import MachineBase, MemCgroupBase, RegisteredShrinkerBase, ffi
            from support import Cache, register
            from attacks import alloc

            def refused(call):
                try:
                    call()
                except Exception:
                    pass

            def give(handle, unregistered, to=None):
                address = int(ffi.cast("uintptr_t", unregistered._pointer))
                handle._register(to or machine, address, "n", "s", sp.Box(Cache(10)), None, True, (0, 0, 0))
                unregistered._consumed = True

            warnings.simplefilter("ignore")
            machine = sp.Machine()
        """
        end = "machine.close()\nprint('ended')"
        assert survives(setup, self.CODES[what], end) == "ended\n"


class TestArcCounts:
    """Each handle counts once, that of the registration included, however it ends."""

    ENDS: ClassVar = [
        "close",
        "forgotten",
        "in a cycle",
        "the machine",
        "interrupted",
        "hung",
        "refused",
        "raising",
    ]

    @pytest.mark.parametrize("end", ENDS)
    def test_after(self, end: str) -> None:
        machine = sp.Machine()
        held = Held(10)
        held.leave.set()
        mine = sp.Arc(held)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            if end == "refused":
                with alloc(machine) as unregistered, pytest.raises(TypeError):
                    unregistered.register(mine.clone(), callbacks=object())
            else:
                shrinker: Any = register(machine, mine.clone(), flags=MEMCG)
                assert mine.strong_count == 2
                self.end(end, machine, shrinker, held)
                del shrinker
            gc.collect()
            machine.close()
        assert mine.strong_count == 1
        assert mine.value is held

    @staticmethod
    def end(end: str, machine: sp.Machine, shrinker: sp.RegisteredShrinker, held: Held) -> None:
        """Bring it there."""
        if end == "close":
            shrinker.close()
        elif end == "in a cycle":
            cycle: list[Any] = [shrinker]
            cycle.append(cycle)
        elif end == "the machine":
            machine.close()
        elif end == "interrupted":
            held.leave.clear()
            with in_callback(machine, held), pytest.raises(KeyboardInterrupt):
                interrupted(shrinker.close, shrinker)
            shrinker.close()
        elif end == "hung":
            app = machine.root.create("app")
            shrinker.set_bit(app)
            machine.kmem = False
            machine.shrink_slab(memcg=app)
            with pytest.raises(sp.HungError):
                shrinker.close()
        elif end == "raising":
            held.objects = -1
            with pytest.raises(ValueError, match="returned -1"):
                machine.shrink_slab()
            shrinker.close()

    def test_a_thousand_registrations_of_one(self, machine: sp.Machine) -> None:
        arc = sp.Arc(Cache(0))
        shrinkers = [register(machine, arc.clone()) for _ in range(1000)]
        assert arc.strong_count == 1001
        machine.shrink_slab()
        for each in [Running(lambda i=i: [s.close() for s in shrinkers[i::2]]) for i in range(3)]:
            each.join()
        assert arc.strong_count == 1

    def test_the_last_handle_may_go_under_a_callback(self, machine: sp.Machine) -> None:
        # The registration's is the last then: the object stays until it is closed.
        seen: list[object] = []
        arc = sp.Arc(Doing(count=lambda _sc: arc.drop() or 0))
        gone = weakref.ref(arc.value)
        shrinker = register(machine, arc.clone())
        machine.shrink_slab()
        assert gone() is not None
        with pytest.raises(sp.MovedError):
            seen.append(arc.value)
        shrinker.close()
        assert gone() is None


class TestControl:
    def test_in_a_generator_that_goes_on_later(self, machine: sp.Machine) -> None:
        made: list[Any] = []

        def work(sc: sp.ShrinkControl) -> Iterator[int]:
            yield sc.nid
            sc.nr_scanned = 5
            yield sc.nid

        def count(sc: sp.ShrinkControl) -> int:
            made.append(work(sc))
            return next(made[-1])

        with register(machine, Doing(count=count)):
            machine.shrink_slab()
            machine.shrink_slab()
        for each in made:
            with pytest.raises(sp.ExpiredError):
                next(each)

    def test_kept_in_each_place_that_outlives_the_callback(self, machine: sp.Machine) -> None:
        kept: list[Callable[[], sp.ShrinkControl]] = []

        def count(sc: sp.ShrinkControl) -> int:
            cycle: list[Any] = [sc]
            cycle.append(cycle)
            try:
                raise LookupError(sc)
            except LookupError as error:
                kept.append(lambda error=error: error.args[0])
            kept.append(lambda: cycle[0])
            frame = sys._getframe()
            kept.append(lambda: frame.f_locals["sc"])
            return 10

        with register(machine, Doing(count=count)):
            for _ in range(3):
                machine.shrink_slab(priority=0)
        for each in kept:
            with pytest.raises(sp.ExpiredError):
                _ = each().nid
            assert "expired" in repr(each())

    def test_a_thread_of_the_callback_cannot_use_it(self, machine: sp.Machine) -> None:
        outcome: list[Any] = []

        def scan(sc: sp.ShrinkControl) -> int:
            uses = (lambda: sc.nr_to_scan, lambda: sc.memcg, lambda: setattr(sc, "nr_scanned", 3))
            outcome.extend(Running(lambda use=use: gives(use)).join() for use in uses)
            repr(sc)
            return sc.nr_to_scan

        with register(machine, Doing(scan=scan), seeks=4):
            machine.shrink_slab(priority=0)
        assert outcome == [sp.ExpiredError] * 3

    def test_a_thread_that_has_the_same_ident_later_cannot(self, machine: sp.Machine) -> None:
        kept: list[sp.ShrinkControl] = []
        with register(machine, Doing(count=lambda sc: kept.append(sc) or 0)):
            for _ in range(5):
                Running(machine.shrink_slab).join()
        assert {Running(lambda sc=sc: gives(lambda: sc.nid)).join() for sc in kept} == {sp.ExpiredError}

    def test_its_last_reference_may_go_in_another_thread(self) -> None:
        out = survives("""
            import threading
            import shrinkpy as sp
            from support import Doing, Running, register

            machine, kept = sp.Machine(), []

            def count(sc):
                kept.append(sc)
                del sc
                Running(kept.clear).join()
                return 0

            with register(machine, Doing(count=count)):
                for _ in range(3):
                    print(machine.shrink_slab(priority=0))
        """)
        assert out == "0\n0\n0\n"
