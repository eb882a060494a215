# SPDX-License-Identifier: GPL-2.0-only
"""A register() that comes to nothing, at every step and without memory."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from apart import survives
from attacks import ACTIONS, HOOKS, alloc, hooked
from support import (
    Cache,
    Log,
    register,
    unraised,
)

import shrinkpy as sp


class TestRegisterFailsHalfWay:
    @pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit, GeneratorExit])
    @pytest.mark.parametrize("at", HOOKS[:4])
    def test_whatever_is_raised_wherever_nothing_was_consumed(
        self, machine: sp.Machine, at: str, error: type[BaseException]
    ) -> None:
        def fail() -> None:
            raise error

        done: list[str] = []
        with alloc(machine) as unregistered:
            with pytest.raises(error):
                unregistered.register(hooked(at, fail, done))
            # What into_foreign() did not give cannot be given back.
            assert done.count("from_foreign") == (at != "into_foreign")
            assert unregistered.seeks == 2
            with unregistered.register(Cache(10)):
                assert machine.shrink_slab(priority=0) == 10
        assert machine.ledger.shrinker == 0

    @pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit])
    def test_undoing_it_fails_as_well(self, machine: sp.Machine, error: type[BaseException]) -> None:
        def fail() -> None:
            raise error

        done: list[str] = []
        with unraised() as seen, alloc(machine) as unregistered:
            with pytest.raises(LookupError, match="to undo"):
                unregistered.register(hooked("from_foreign", fail, done))
            assert [type(each) for each in seen] == [error]
            with unregistered.register(Cache(10)):
                assert machine.shrink_slab(priority=0) == 10
        machine.lost_exceptions.clear()

    @pytest.mark.parametrize("name", ["from_foreign", "borrow", "into_foreign"])
    def test_an_owner_whose_method_went_away(self, machine: sp.Machine, name: str) -> None:
        # It was one when it was looked at, and is none any more.
        class Fleeting(Log):
            pass

        class Meta(type(Fleeting)):  # type: ignore[misc] - a base made at run time
            looked = 0

            def __getattribute__(cls, attribute: str) -> Any:
                if attribute == name:
                    raise AttributeError(f"{name} went away")
                return super().__getattribute__(attribute)

        done: list[str] = []
        owner = Fleeting(Cache(), done)
        owner.__class__ = Meta("Gone", (Fleeting,), {"__slots__": ()})
        with alloc(machine) as unregistered:
            if name == "into_foreign":  # called on the object, whose class is not asked by name
                unregistered.register(owner).close()
                return
            with pytest.raises((AttributeError, TypeError)):
                unregistered.register(owner)
            assert unregistered.seeks == 2
            assert done.count("into_foreign") == done.count("from_foreign")

    @pytest.mark.parametrize("borrowed", [None, 5, "text", object(), Cache, type])
    def test_borrow_gives_something_else(self, machine: sp.Machine, borrowed: object) -> None:
        class Fickle(Log):
            @staticmethod
            def borrow(_foreign: Any, /) -> object:
                return borrowed

        done: list[str] = []
        with alloc(machine) as unregistered:
            if borrowed is Cache:  # has the two; calling them will tell
                shrinker = unregistered.register(Fickle(Cache(), done))
                with pytest.raises(TypeError):
                    machine.shrink_slab()
                shrinker.close()
            else:
                with pytest.raises(TypeError, match="has no method"):
                    unregistered.register(Fickle(Cache(), done))
                assert unregistered.seeks == 2
            assert done.count("from_foreign") == 1

    def test_borrow_gives_another_one_each_time(self, machine: sp.Machine) -> None:
        given: list[Cache] = []

        class Fickle(Log):
            @staticmethod
            def borrow(_foreign: Any, /) -> object:
                given.append(Cache(10))
                return given[-1]

        with register(machine, Fickle(Cache(), [])) as shrinker:
            assert machine.shrink_slab(priority=0) == 10
            assert given[0].counts == 1
            assert shrinker.private_data is given[-1] is not given[0]

    @pytest.mark.parametrize("lookups", [1, 2, 3, 4])
    def test_callbacks_that_cannot_be_looked_up_again(self, machine: sp.Machine, lookups: int) -> None:
        # They are looked up before into_foreign(), and once more after it.
        class Moody:
            left = lookups

            def __getattr__(self, name: str) -> Any:
                if self.left == 0:
                    raise LookupError("not again")
                self.left -= 1
                return getattr(TestRegisterFailsHalfWay, f"_{name}")

        done: list[str] = []
        with alloc(machine) as unregistered:
            owner = Log([1, 2, 3], done)
            if lookups >= 4:
                with unregistered.register(owner, Moody()):
                    assert machine.shrink_slab(priority=0) == 3
            else:
                with pytest.raises(LookupError, match="not again"):
                    unregistered.register(owner, Moody())
                assert unregistered.seeks == 2
            assert done.count("into_foreign") == done.count("from_foreign")

    @staticmethod
    def _count_objects(data: list[int], _sc: object) -> int:
        return len(data)

    @staticmethod
    def _scan_objects(data: list[int], sc: sp.ShrinkControl) -> int:
        return len(data)

    @pytest.mark.parametrize("name", ["two\0parts", "half \ud800 a pair", "%s%n", "line\nbreak"])
    def test_a_class_of_any_name(self, machine: sp.Machine, name: str) -> None:
        data = type("Named", (Cache,), {})(10)
        type(data).__qualname__ = name
        done: list[str] = []
        with alloc(machine) as unregistered:
            try:
                shrinker = unregistered.register(Log(data, done), type(data))
            except (ValueError, UnicodeError):
                assert done == []
                assert unregistered.seeks == 2
            else:
                assert machine.shrink_slab(priority=0) == 10
                shrinker.close()

    @pytest.mark.parametrize("action", ACTIONS)
    def test_what_is_called_meanwhile_may_do_anything(self, action: str) -> None:
        out = survives(f"""
            import contextlib, gc, signal, warnings
            import shrinkpy as sp
            from attacks import ACTIONS, HOOKS, alloc, hooked

            signal.alarm(20)
            warnings.simplefilter("ignore")
            for at in HOOKS:
                machine, done = sp.Machine(), []
                unregistered, over = alloc(machine), False

                def action():
                    if not over:
                        with contextlib.suppress(sp.ShrinkpyError):
                            ACTIONS[{action!r}](machine, unregistered)

                handle = None
                with contextlib.suppress(sp.ClosedError, LookupError):
                    handle = unregistered.register(hooked(at, action, done))
                over = True
                closes = {action!r} == "close the machine"
                if at != "from_foreign" and not closes:
                    assert not handle.closed, at
                    assert machine.shrink_slab(priority=0) == 10, at
                with contextlib.suppress(sp.ShrinkpyError):
                    unregistered.set_seeks(3)
                unregistered.close()
                if handle is not None:
                    handle.close()
                machine.close()
                assert done.count("into_foreign") == 1, (at, done)
                assert done.count("from_foreign") == 1, (at, done)
                assert machine.ledger[:3] == (0, 0, 0), (at, machine.ledger)
                del handle, unregistered
                gc.collect()
                print(at)
        """)
        assert out.split() == HOOKS


class TestNoMemory:
    """Python's own memory is short, at each allocation in turn.

    Of a function that finds no memory CPython itself loses count: what is called here makes none.
    """

    SETUP: ClassVar = """
        import gc, sys, traceback, warnings, weakref
        import _testcapi
        import shrinkpy as sp
        from attacks import alloc
        from support import Cache, register

        def at_each(call, numbers=range(120)):
            for n in numbers:
                error = None
                _testcapi.set_nomemory(n, n + 1)
                try:
                    call()
                except BaseException as raised:
                    error = raised
                finally:
                    _testcapi.remove_mem_hooks()
                if error is not None:
                    traceback.clear_frames(error.__traceback__)
                    error.__traceback__ = None
                    yield type(error).__name__
                error = raised = None
                gc.collect()

        sys.unraisablehook = lambda args: None
        warnings.simplefilter("ignore")
        machine = sp.Machine()
        alloc(machine).close()
        machine.shrink_slab()
        before = machine.ledger
    """

    def run(self, code: str) -> str:
        """What it prints; nothing where this Python was built without its own tests."""
        pytest.importorskip("_testcapi")
        return survives(self.SETUP, code)

    def test_alloc_leaves_nothing_behind(self) -> None:
        out = self.run("""
            print(set(at_each(lambda: alloc(machine).close())), machine.ledger == before)
        """)
        assert out == "{'MemoryError'} True\n"

    def test_register_consumes_nothing(self) -> None:
        out = self.run("""
            def registered():
                unregistered.register(Cache())

            consumed = 0
            for n in range(100):
                unregistered = alloc(machine)
                for error in at_each(registered, range(n, n + 1)):
                    try:
                        unregistered.seeks
                    except sp.MovedError:
                        consumed += 1
                unregistered.close()
            print(consumed)
        """)
        assert out == "0\n"

    @pytest.mark.parametrize(
        "life",
        [
            "register(machine, sp.Box(Cache(1)), flags=8).close()",
            "register(machine, sp.Arc(Cache(1))) and None",
            "[register(machine, Cache(5)), machine.shrink_slab(priority=0)].clear()",
            "[register(machine, Cache(-1)), machine.shrink_slab(priority=0)].clear()",
            "[register(machine, Cache('many')), machine.shrink_slab(priority=0)].clear()",
            "sp.Machine(nr_nodes=2).close()",
            "[machine.last_pass, machine.ledger, machine.warnings, machine.root]",
        ],
    )
    def test_whole_lives_end(self, life: str) -> None:
        out = self.run(f"""
            errors = set(at_each(lambda: {life}))
            del errors
            machine.shrink_slab(memcg=machine.root.create("app"))  # lets the last one's exceptions go
            gc.collect()
            print(machine.ledger.registered)
            machine.close()
            print(machine.ledger[:3])
        """)
        assert out == "0\n(0, 0, 0)\n"
