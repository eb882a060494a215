# SPDX-License-Identifier: GPL-2.0-only
"""Two threads that want the same handle, or one that wants it while another gives it up."""

from __future__ import annotations

import sys
import threading
from typing import Any, ClassVar

import pytest
from apart import survives
from attacks import alloc, hooked
from meeting import gives, meeting
from support import (
    TIMEOUT,
    Cache,
    Running,
)

import shrinkpy as sp


class TestSetters:
    """Nothing changes once registered: not by one that began before, either."""

    SETTERS: ClassVar = [("set_seeks", "seeks", 2), ("set_batch", "batch", 0)]

    @pytest.mark.parametrize(("setter", "field", "value"), SETTERS)
    def test_whose_number_registers_the_handle(
        self, machine: sp.Machine, setter: str, field: str, value: int
    ) -> None:
        made: list[sp.RegisteredShrinker] = []

        class Number:
            def __index__(self) -> int:
                made.append(unregistered.register(Cache()))
                return 77

        unregistered = alloc(machine)
        raised = gives(lambda: getattr(unregistered, setter)(Number()))
        with made[0] as shrinker:
            assert raised is sp.MovedError
            assert getattr(shrinker, field) == value

    @pytest.mark.parametrize(("setter", "field", "value"), SETTERS)
    def test_while_another_thread_registers_it(
        self, machine: sp.Machine, setter: str, field: str, value: int
    ) -> None:
        unregistered = alloc(machine)
        setting, shrinker = meeting(
            lambda: getattr(unregistered, setter)(77), lambda: unregistered.register(Cache()), "whole"
        )
        with shrinker:
            assert setting is sp.MovedError
            assert getattr(shrinker, field) == value


class TestTwoAtOnce:
    def test_the_same_handle_is_registered_twice(self, machine: sp.Machine) -> None:
        unregistered, box = alloc(machine), sp.Box(Cache(5))
        inside, leave, done = threading.Event(), threading.Event(), []

        def wait() -> None:
            inside.set()
            assert leave.wait(TIMEOUT)

        first = Running(lambda: unregistered.register(hooked("into_foreign", wait, done)))
        assert inside.wait(TIMEOUT)
        for use in (
            lambda: unregistered.register(box),
            lambda: unregistered.set_seeks(1),
            lambda: unregistered.seeks,
        ):
            with pytest.raises(sp.MovedError):
                use()
        unregistered.close()
        leave.set()
        with first.join() as shrinker:
            assert not shrinker.closed
            assert isinstance(box.value, Cache)
            assert machine.shrink_slab(priority=0) == 10

    @pytest.mark.parametrize("at", ["_live", "_owner", "_check_callbacks"])
    def test_the_second_comes_before_the_first_has_begun(self, machine: sp.Machine, at: str) -> None:
        unregistered, box, other = alloc(machine), sp.Box(Cache(5)), sp.Box(Cache(10))
        first, second = meeting(lambda: unregistered.register(box), lambda: unregistered.register(other), at)
        lost, won = (box, second) if first is sp.MovedError else (other, first)
        assert sp.MovedError in (first, second)
        assert isinstance(lost.value, Cache)
        assert machine.ledger.registered == 1
        won.close()

    @pytest.mark.parametrize("owner", [sp.Box, sp.Arc])
    def test_the_same_owner_goes_to_two_handles(self, machine: sp.Machine, owner: Any) -> None:
        handles, data = [alloc(machine), alloc(machine)], owner(Cache(10))
        outcome = meeting(
            lambda: handles[0].register(data), lambda: handles[1].register(data), "into_foreign"
        )
        assert outcome.count(sp.MovedError) == 1
        lost = outcome.index(sp.MovedError)
        assert handles[lost].seeks == 2
        handles[lost].close()
        assert machine.shrink_slab(priority=0) == 10
        outcome[1 - lost].close()

    def test_the_root_is_one(self) -> None:
        with sp.Machine() as machine:
            first, second = meeting(lambda: machine.root, lambda: machine.root, "_make")
            assert first is second
            assert machine.root is first

    def test_of_two_that_create_a_cgroup_of_a_name_one_is_refused(self, machine: sp.Machine) -> None:
        root = machine.root
        both = [*meeting(lambda: root.create("app"), lambda: root.create("app"), "_make")]
        assert both.count(FileExistsError) == 1
        both.remove(FileExistsError)
        assert root.children == tuple(both)
        both[0].remove()

    @pytest.mark.parametrize("at", ["offline", "online"])
    def test_of_two_that_remove_a_cgroup_both_find_it_gone(self, machine: sp.Machine, at: str) -> None:
        app = machine.root.create("app")
        assert meeting(app.remove, app.remove, at) == (None, None)
        assert machine.root.children == ()
        machine.root.create("app").remove()

    def test_a_cgroup_is_removed_while_a_child_is_made_in_it(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        child, removed = meeting(lambda: app.create("child"), app.remove, "_make")
        # Refused with ENODEV or EBUSY: one of the two, never a child that is online in one that is not.
        assert (removed is OSError) != (child is OSError)
        if child is not OSError:
            child.remove()
            app.remove()
        assert machine.root.children == ()

    def test_a_cgroup_goes_offline_while_a_child_is_made_in_it(self, machine: sp.Machine) -> None:
        # It looks at the first child, which is offline, when the second comes.
        app = machine.root.create("app")
        first = app.create("first")
        first.offline()
        offline, late = meeting(app.offline, lambda: app.create("late"), "online")
        assert (offline is OSError) != (late is OSError)
        for child in app.children:
            child.remove()
        app.remove()
        assert machine.root.children == ()

    @pytest.mark.parametrize("end", ["register", "close"])
    def test_the_machines_list_of_the_unregistered_may_change_under_its_close(self, end: str) -> None:
        out = survives(f"""
            import sys, threading, warnings
            import shrinkpy as sp
            from support import Cache

            warnings.simplefilter("ignore")
            sys.setswitchinterval(1e-6)
            errors = []

            def take(part):
                for unregistered in part:
                    try:
                        unregistered.register(Cache()) if {end!r} == "register" else unregistered.close()
                    except sp.ClosedError:
                        pass
                    except BaseException as error:
                        errors.append(error)

            for _ in range(60):
                machine = sp.Machine()
                made = [sp.UnregisteredShrinker.alloc("u", machine=machine) for _ in range(90)]
                threads = [threading.Thread(target=take, args=(made[i::3],)) for i in range(3)]
                for thread in threads:
                    thread.start()
                try:
                    machine.close()
                except BaseException as error:
                    errors.append(error)
                for thread in threads:
                    thread.join()
                machine.close()
                assert machine.ledger[:3] == (0, 0, 0), machine.ledger
            print(errors)
        """)
        assert out == "[]\n"

    def test_two_drop_the_same_arc_handle(self) -> None:
        value = Cache()
        arc = sp.Arc(value)
        other = arc.clone()
        assert meeting(arc.drop, arc.drop, "drop") == (None, None)
        assert other.strong_count == 1

    def test_threads_that_drop_the_same_arc_handle(self) -> None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for _ in range(200):
                arc = sp.Arc(Cache())
                other = arc.clone()
                start = threading.Barrier(3)

                def drop(arc: sp.Arc[Cache] = arc, start: threading.Barrier = start) -> None:
                    start.wait(TIMEOUT)
                    arc.drop()

                for each in [Running(drop) for _ in range(3)]:
                    each.join()
                assert other.strong_count == 1
        finally:
            sys.setswitchinterval(before)
