# SPDX-License-Identifier: GPL-2.0-only
"""Drivers that are loaded: their functions, their shrinkers, their log, their leaks, their end."""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import TIMEOUT, Running, script, warned

import shrinkpy as sp
from shrinkpy import native
from shrinkpy.native.child import is_loaded

COUNTER = Path(__file__).parent / "drivers_c" / "counter.c"


@pytest.fixture(scope="module")
def built() -> native.Built:
    """The smallest whole driver."""
    return native.build(COUNTER)


@pytest.fixture
def driver(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """It, on a machine; what it leaks is an error."""
    with built.load(machine) as driver:
        yield driver


class TestFunctions:
    def test_are_called_by_name(self, driver: native.Driver) -> None:
        assert driver.counter_add(100) == 100
        assert driver.counter_first().number == 0

    def test_those_that_are_not_static_in_the_order_of_the_source(self, driver: native.Driver) -> None:
        assert driver.functions == (
            "counter_add",
            "counter_first",
            "counter_temper",
            "counter_narrow",
            "counter_leak",
            "counter_say",
            "counter_call",
            "counter_oops",
        )
        assert set(driver.functions) <= set(dir(driver))

    def test_have_their_types(self, driver: native.Driver) -> None:
        thing = driver.ffi.new("struct thing *", {"number": 3, "odd": 1})
        assert driver.ffi.sizeof("struct thing") == 32
        assert driver.counter_temper(thing) == driver.ffi.typeof("enum temper").relements["ODD"]

    def test_a_struct_that_cffi_would_lay_out_otherwise_is_opaque(self, driver: native.Driver) -> None:
        pointer = driver.counter_narrow()
        assert driver.ffi.typeof(pointer).cname == "struct narrow *"
        with pytest.raises(ValueError, match="size"):
            driver.ffi.sizeof("struct narrow")

    def test_there_is_none_of_that_name(self, driver: native.Driver) -> None:
        with pytest.raises(
            AttributeError, match=r"driver 'counter' has no function nothing\(\); it has coun"
        ):
            driver.nothing()

    def test_what_python_shrinkers_below_them_raise_comes_out(self, driver: native.Driver) -> None:
        class Raising(sp.Shrinker):
            def count_objects(self, sc: sp.ShrinkControl) -> int:
                raise ValueError("from count")

            def scan_objects(self, sc: sp.ShrinkControl) -> int:
                return 0

        machine = driver.machine
        machine.faults.reclaim_nth(1)  # the allocation of the first thing
        with (
            sp.UnregisteredShrinker.alloc("python", machine=machine).register(Raising()),
            pytest.raises(ExceptionGroup) as caught,
        ):
            driver.counter_add(1)
        assert {str(error) for error in caught.value.exceptions} == {"from count"}

    def test_may_be_declared_by_hand(self, machine: sp.Machine) -> None:
        built = native.build(COUNTER, cdef="unsigned long counter_add(unsigned long n);")
        with built.load(machine) as driver:
            assert driver.counter_add(2) == 2
            assert driver.functions == ()
            with pytest.raises(AttributeError, match=r"no function counter_say\(\)$"):
                driver.counter_say(b"x")

    def test_are_refused_once_it_is_closed(self, machine: sp.Machine, built: native.Built) -> None:
        driver = built.load(machine)
        add = driver.counter_add
        driver.close()
        with pytest.raises(sp.ClosedError, match="driver 'counter' was closed"):
            add(1)
        with pytest.raises(sp.ClosedError):
            _ = driver.counter_add


class TestWithoutPyelftools:
    @pytest.fixture(autouse=True)
    def without(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "elftools.elf.elffile", None)

    def test_it_runs_and_says_why_nothing_of_it_can_be_called(self, machine: sp.Machine) -> None:
        with native.load(COUNTER, machine) as driver:
            assert [each.name for each in driver.shrinkers] == ["counter-1"]
            assert driver.functions == ()
            with pytest.raises(AttributeError, match=r"needs pyelftools: pip install 'shrinkpy\[native\]'"):
                _ = driver.counter_add

    def test_what_cdef_declares_can_be(self, machine: sp.Machine) -> None:
        with native.load(COUNTER, machine, cdef="unsigned long counter_add(unsigned long n);") as driver:
            assert driver.counter_add(3) == 3
            assert machine.shrink_slab(priority=0) == 3
            with pytest.raises(AttributeError, match="has no function other"):
                _ = driver.other


class TestItsShrinkers:
    def test_are_under_reclaim(self, machine: sp.Machine, driver: native.Driver) -> None:
        driver.counter_add(100)
        assert machine.shrink_slab(priority=0) == 100
        assert driver.counter_add(0) == 0

    def test_have_fields(self, driver: native.Driver) -> None:
        (shrinker,) = driver.shrinkers
        assert (shrinker.name, shrinker.seeks, shrinker.batch) == ("counter-1", 1, 16)
        assert (shrinker.flags, shrinker.id, shrinker.nr_deferred()) == (sp.Flags(0), None, 0)
        assert shrinker.machine is driver.machine

    def test_stay_to_be_asked_after_their_end(self, machine: sp.Machine, built: native.Built) -> None:
        driver = built.load(machine)
        (shrinker,) = driver.shrinkers
        driver.close()
        assert shrinker.freed
        assert driver.shrinkers == []
        with pytest.raises(sp.ClosedError, match="'counter-1' was freed by its driver"):
            _ = shrinker.seeks


class TestTheLoad:
    def test_has_variables_of_its_own(self, machine: sp.Machine, built: native.Built) -> None:
        with sp.Machine() as other, built.load(machine) as one, built.load(other) as two:
            one.counter_add(50)
            two.counter_add(70)
            assert machine.shrink_slab(priority=0) == 50
            assert (one.counter_add(0), two.counter_add(0)) == (0, 70)

    def test_twice_on_one_machine(self, machine: sp.Machine, built: native.Built) -> None:
        with built.load(machine) as one, built.load(machine) as two:
            one.counter_add(5)
            assert (one.counter_add(0), two.counter_add(0)) == (5, 0)
            assert machine.ledger.registered == 2

    def test_of_a_source_file(self, machine: sp.Machine) -> None:
        with native.load(COUNTER, machine, name="other") as driver:
            assert driver.name == "other"

    def test_a_module_init_that_fails_leaves_nothing(self, machine: sp.Machine) -> None:
        built = native.build(COUNTER, cflags=["-DFAIL_INIT=19"])
        with pytest.raises(OSError, match="driver 'counter': its module_init gave -ENODEV") as caught:
            built.load(machine)
        assert caught.value.errno == errno.ENODEV
        assert machine.ledger.registered == 0
        assert machine._drivers == []

    def test_what_a_module_init_that_fails_forgets_is_told(self, machine: sp.Machine) -> None:
        built = native.build(COUNTER, cflags=["-DFAIL_INIT=12", "-DLEAK_INIT"])
        with (
            pytest.warns(ResourceWarning, match=r"driver 'counter' leaked: kmalloc 77 \S*counter\.c:\d+$"),
            pytest.raises(OSError, match="ENOMEM"),
        ):
            built.load(machine)
        assert machine.ledger.kmalloc == 0

    def test_without_memory(self, machine: sp.Machine, built: native.Built) -> None:
        machine.faults.fail_nth(1, "shrinker")
        with pytest.raises(OSError, match="ENOMEM"):
            built.load(machine)
        with built.load(machine):
            assert machine.ledger.registered == 1

    def test_on_no_machine(self, built: native.Built) -> None:
        with pytest.raises(TypeError, match="machine must be a Machine"):
            native.load(built, None)  # type: ignore[arg-type]
        machine = sp.Machine()
        machine.close()
        with pytest.raises(sp.ClosedError):
            built.load(machine)

    def test_with_options_for_what_is_built_already(self, machine: sp.Machine, built: native.Built) -> None:
        with pytest.raises(TypeError, match="give the options to build"):
            native.load(built, machine, name="x")


class TestTheLog:
    def test_has_what_it_printed(self, machine: sp.Machine, built: native.Built) -> None:
        with built.load(machine) as driver:
            driver.counter_say(b"hello")
            assert driver.log == ["counter: loaded", "counter: hello"]
            assert [line.level for line in driver.log] == [6, 4]
        assert driver.log[-1] == "counter: unloaded"


class TestLeaks:
    def test_are_told_with_where_they_were_taken(self, machine: sp.Machine, built: native.Built) -> None:
        driver = built.load(machine)
        driver.counter_leak(100)
        with warned(r"driver 'counter' leaked: kmalloc 100 .*counter\.c:\d+"):
            driver.close()
        assert len(driver.leaks) == 1

    def test_none(self, driver: native.Driver) -> None:
        driver.counter_add(10)
        driver.close()
        assert driver.leaks == []


class TestTheEnd:
    def test_comes_with_the_machines(self, built: native.Built) -> None:
        machine = sp.Machine()
        driver = built.load(machine)
        driver.counter_add(3)
        machine.close()
        assert driver.closed
        assert driver.leaks == []

    def test_again_is_nothing(self, driver: native.Driver) -> None:
        driver.close()
        driver.close()

    def test_waits_for_a_call_in_another_thread(self, machine: sp.Machine, built: native.Built) -> None:
        driver = built.load(machine)
        inside, leave = threading.Event(), threading.Event()

        def wait(n: int) -> int:
            inside.set()
            assert leave.wait(TIMEOUT)
            return n

        function = driver.ffi.callback("int(int)", wait)
        running = Running(lambda: driver.counter_call(function, 7))
        assert inside.wait(TIMEOUT)
        closing = Running(driver.close)
        leave.set()
        assert running.join() == 7
        closing.join()
        assert driver.closed

    def test_in_one_of_its_functions_is_refused(self, machine: sp.Machine, built: native.Built) -> None:
        driver = built.load(machine)
        seen: list[BaseException] = []

        def close(n: int) -> int:
            try:
                driver.close()
            except sp.DeadlockError as error:
                seen.append(error)
            return n

        assert driver.counter_call(driver.ffi.callback("int(int)", close), 1) == 1
        assert len(seen) == 1
        assert not driver.closed
        driver.close()

    @pytest.mark.thorough
    def test_comes_at_the_exit_of_the_interpreter_too(self) -> None:
        ended = script(
            """
            import shrinkpy, sys
            from shrinkpy import native
            machine = shrinkpy.Machine()
            driver = native.load(sys.argv[1], machine)
            driver.counter_add(5)
            """,
            str(COUNTER),
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""  # the machine's end, at exit, unloads it in order


class TestOops:
    def test_is_raised_and_module_exit_is_not_run(self, machine: sp.Machine, built: native.Built) -> None:
        driver = built.load(machine)
        driver.counter_add(3)
        with pytest.raises(sp.KernelOops):
            driver.counter_oops()
        with pytest.warns(ResourceWarning) as told:
            driver.close()
        assert "driver 'counter' oopsed, so that its module_exit was not run: " in str(told[0].message)
        assert "counter: unloaded" not in driver.log
        assert "shrinker counter-1" in driver.leaks
        assert machine.ledger.registered == 0
        assert machine.shrink_slab(priority=0) == 0

    def test_in_a_callback_counts_too(self, machine: sp.Machine) -> None:
        driver = native.build(COUNTER, cflags=["-DOOPS_IN_SCAN"]).load(machine)
        driver.counter_add(3)
        with pytest.raises(sp.KernelOops):
            machine.shrink_slab(priority=0)
        with pytest.warns(ResourceWarning) as told:
            driver.close()
        assert "its module_exit was not run" in str(told[0].message)


def leaps(path: str) -> None:
    """In the child: reads what was freed."""
    with sp.Machine() as machine, native.load(path, machine, sanitize="address,undefined") as driver:
        driver.counter_add(1)
        thing = driver.counter_first()
        machine.shrink_slab(priority=0)
        driver.counter_temper(thing)


def works(path: str, n: int) -> int:
    """In the child."""
    with sp.Machine() as machine, native.load(path, machine, sanitize="address,undefined") as driver:
        driver.counter_add(n)
        return machine.shrink_slab(priority=0)


def raises() -> None:
    """In the child."""
    raise KeyError("from the child")


class TestSanitizers:
    @pytest.mark.skipif(is_loaded("address"), reason="this process has the sanitizer's runtime")
    def test_need_a_process_of_their_own(self, machine: sp.Machine) -> None:
        with pytest.raises(native.SanitizerError, match=r"call that by native\.run_sanitized\(\)"):
            native.load(COUNTER, machine, sanitize="address")

    @pytest.mark.thorough
    def test_which_gives_the_result(self) -> None:
        assert native.run_sanitized(works, str(COUNTER), 40) == 40

    def test_or_the_exception(self) -> None:
        with pytest.raises(KeyError, match="from the child"):
            native.run_sanitized(raises)

    @pytest.mark.thorough
    def test_or_what_the_sanitizer_found(self) -> None:
        with pytest.raises(native.SanitizerError, match="heap-use-after-free") as caught:
            native.run_sanitized(leaps, str(COUNTER))
        assert "counter_temper" in caught.value.report

    def test_a_function_that_the_child_cannot_have(self) -> None:
        with pytest.raises(TypeError, match="must be picklable"):
            native.run_sanitized(lambda: None)
