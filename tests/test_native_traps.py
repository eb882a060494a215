# SPDX-License-Identifier: GPL-2.0-only
"""Where the processor stops in a driver: an oops, as in the kernel, and no end of the process."""

from __future__ import annotations

import ctypes
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import shrinkpy as sp
from shrinkpy import native
from shrinkpy.native.child import is_loaded

TRAPS = Path(__file__).parent / "drivers_c" / "traps.c"
NOT_UNDER_ASAN = pytest.mark.skipif(
    is_loaded("address"), reason="AddressSanitizer looks at strings and at signals itself"
)
NULL = "kernel NULL pointer dereference, address: 0000000000000000"


@pytest.fixture(scope="module")
def built() -> native.Built:
    """What stops."""
    return native.build(TRAPS)


@pytest.fixture
def driver(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """It, on a machine; that its end tells of the oops is looked at once."""
    driver = built.load(machine)
    yield driver
    if not driver.closed:
        with pytest.warns(ResourceWarning) as told:
            driver.close()
        assert "module_exit was not run" in str(told[0].message)


def pointer(driver: native.Driver, kind: str, address: int) -> Any:
    return driver.ffi.cast(kind, address)


class TestAFunction:
    @pytest.mark.parametrize(
        ("name", "arguments", "told"),
        [
            ("read_at", [("int *", 0)], NULL),
            ("write_at", [("int *", 0xFF8)], "kernel NULL pointer dereference, address: 0000000000000ff8"),
            ("write_at", [("int *", 0x1008)], "unable to handle page fault for address: 0000000000001008"),
            ("clear_at", [("char *", 0), 100], NULL),
            pytest.param("length_of", [("char *", 0)], NULL, marks=NOT_UNDER_ASAN),
            ("divide", [1, 0], "divide error"),
            ("stop", [], "invalid opcode"),
            ("unlink_twice", [], "general protection fault, probably for a non-canonical address"),
            (
                "read_at",
                [("int *", 1 << 62)],
                "general protection fault, probably for a non-canonical address",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_that_stops_raises_where_and_why(
        self, driver: native.Driver, name: str, arguments: list[Any], told: str
    ) -> None:
        given = [pointer(driver, *each) if isinstance(each, tuple) else each for each in arguments]
        with pytest.raises(sp.KernelOops) as caught:
            getattr(driver, name)(*given)
        assert re.fullmatch(rf"{re.escape(told)}, in {name}\+0x[0-9a-f]+ \(traps\.so\)", str(caught.value))
        assert driver.log[-1] == str(caught.value)
        assert driver.log[-1].level == 0

    def test_the_machine_goes_on(self, machine: sp.Machine, driver: native.Driver) -> None:
        with pytest.raises(sp.KernelOops):
            driver.read_at(driver.ffi.NULL)
        assert machine.shrink_slab(priority=0) == 0
        assert driver.divide(6, 3) == 2

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_work_that_stops_is_told_by_the_machine(
        self, machine: sp.Machine, driver: native.Driver
    ) -> None:
        driver.run_work()
        (error,) = machine.lost_exceptions
        assert "address: 0000000000000008, in write_at+0x" in str(error)
        machine.lost_exceptions.clear()


class TestACallback:
    def test_ends_its_turn(self, machine: sp.Machine, driver: native.Driver) -> None:
        driver.fill(1000)
        with pytest.raises(sp.KernelOops, match=f"shrinker 'traps', node 0, cgroup 1: {NULL}, in traps_scan"):
            machine.shrink_slab(priority=0)
        assert machine.last_pass is not None
        assert (machine.last_pass.scans, machine.last_pass.freed) == (1, 0)

    def test_by_address_too(self, machine: sp.Machine, tmp_path: Path) -> None:
        source = tmp_path / "null.c"
        source.write_text(
            "unsigned long one(void *s, void *sc) { return 1; }\n"
            "unsigned long null(void *s, void *sc) { return *(volatile unsigned long *)16; }\n"
        )
        library = tmp_path / "null.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        code = ctypes.CDLL(str(library))
        callbacks = native.NativeShrinker(count=code.one, scan=code.null)
        with sp.UnregisteredShrinker.alloc("null", machine=machine).register(callbacks):
            with pytest.raises(sp.KernelOops, match=r"address: 0000000000000010, in null\+0x"):
                machine.shrink_slab(priority=0)
            with pytest.raises(sp.KernelOops):
                machine.shrink_slab(priority=0)


@NOT_UNDER_ASAN
class TestWhatIsNoDrivers:
    @pytest.mark.thorough
    def test_ends_the_process_as_ever(self) -> None:
        code = (
            "import ctypes, faulthandler, sys; import shrinkpy as sp; from shrinkpy import native\n"
            "faulthandler.enable()\n"
            "machine = sp.Machine(); driver = native.load(sys.argv[1], machine)\n"
            "ctypes.string_at(8)\n"
        )
        ended = subprocess.run([sys.executable, "-c", code, str(TRAPS)], capture_output=True, text=True)
        assert ended.returncode == -signal.SIGSEGV
        assert "Fatal Python error: Segmentation fault" in ended.stderr

    @pytest.mark.thorough
    def test_nor_is_a_signal_that_somebody_sent(self) -> None:
        code = (
            "import os, signal, sys; import shrinkpy as sp; from shrinkpy import native\n"
            "machine = sp.Machine(); driver = native.load(sys.argv[1], machine)\n"
            "os.kill(os.getpid(), signal.SIGSEGV)\n"
        )
        ended = subprocess.run([sys.executable, "-c", code, str(TRAPS)], capture_output=True, text=True)
        assert ended.returncode == -signal.SIGSEGV


class TestFormats:
    @pytest.fixture
    def sound(self, machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
        with built.load(machine) as driver:
            yield driver

    @pytest.mark.parametrize(("address", "told"), [(0, "(null)"), (5, "(efault)"), (-12, "(efault)")])
    def test_a_bad_string_is_told_and_not_followed(
        self, sound: native.Driver, address: int, told: str
    ) -> None:
        sound.say(pointer(sound, "char *", address))
        assert sound.log[-1] == f"{told}|       abc|x   |"

    def test_numbers(self, sound: native.Driver) -> None:
        sound.say_numbers()
        assert sound.log[-1] == ("-3|   42|42   |00042|+7|ff|0x1000|9223372036854775808|-1|200|-2|z|%|   1")

    def test_pointers(self, sound: native.Driver) -> None:
        sound.say_pointers()
        assert sound.log[-1] == "-ENOMEM|read_at|0000000000001234|0000000000000000"
