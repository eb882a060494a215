# SPDX-License-Identifier: GPL-2.0-only
"""NativeShrinker: callbacks by address, from wherever they come."""

from __future__ import annotations

import ctypes
import gc
import threading
import weakref
from typing import Any

import cffi
import pytest
from native import Cache, Native
from support import TIMEOUT, Running, script

import shrinkpy as sp
from shrinkpy.core import ffi, lib

PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p)
SIGNATURE = "unsigned long(void *, void *)"


@pytest.fixture
def cache() -> Cache:
    """What the C callbacks count in."""
    return Cache(objects=100)


def registered(machine: sp.Machine, data: Any, flags: int = 0) -> sp.RegisteredShrinker:
    """Data, registered as "native"."""
    return sp.UnregisteredShrinker.alloc("native", machine=machine, flags=flags).register(data)


def address_of(function: Any) -> int:
    """Of a function of a CDLL."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


class WithAddress:
    """What numba's @cfunc looks like from here."""

    def __init__(self, function: Any) -> None:
        """Point to it."""
        self.address = address_of(function)


def of_its_own_ffi(function: Any) -> Any:
    """The same as a pointer of somebody's own FFI."""
    return cffi.FFI().cast("unsigned long(*)(void *, void *)", address_of(function))


KINDS = [
    pytest.param(address_of, id="an int"),
    pytest.param(lambda f: f, id="a function of a CDLL"),
    pytest.param(lambda f: ctypes.c_void_p(address_of(f)), id="a c_void_p"),
    pytest.param(lambda f: PROTOTYPE(address_of(f)), id="a CFUNCTYPE of an address"),
    pytest.param(lambda f: ffi.cast("sp_shrink_fn", address_of(f)), id="a pointer of our ffi"),
    pytest.param(of_its_own_ffi, id="a pointer of an ffi of one's own"),
    pytest.param(lambda f: ffi.cast("void *", address_of(f)), id="a void pointer"),
    pytest.param(WithAddress, id="anything with an address"),
]


class TestCallbacks:
    @pytest.mark.parametrize("kind", KINDS)
    def test_of_every_kind_are_called(
        self, machine: sp.Machine, native: Native, cache: Cache, kind: Any
    ) -> None:
        data = sp.NativeShrinker(kind(native.cdll.count_cache), kind(native.cdll.scan_cache), cache)
        with registered(machine, data):
            assert machine.shrink_slab(priority=0) == 128  # a batch: this cache frees what it is asked for
        assert (cache.objects, cache.inside) == (100 - 128 + 300, 0)
        assert cache.calls > 1

    def test_python_behind_a_cfunctype_may_come_into_the_core_again(self, machine: sp.Machine) -> None:
        seen = []

        def count(shrinker: int, sc: int) -> int:
            seen.append(lib.sp_pass_depth(machine._pointer))
            if seen[-1] == 1:
                # Through lib, and as everybody does; both while this pass has a Python shrinker.
                out = ffi.new("struct sp_pass *")
                lib.sp_shrink_slab(machine._pointer, sp.Gfp.KERNEL, 0, machine.root._pointer, 0, out)
                machine.shrink_slab(priority=0)
            return 1

        class Python(sp.Shrinker):
            def count_objects(self, sc: sp.ShrinkControl) -> int:
                return 0

            def scan_objects(self, sc: sp.ShrinkControl) -> sp.ScanObjects:
                return sp.ScanObjects.STOP

        data = sp.NativeShrinker(PROTOTYPE(count), PROTOTYPE(lambda shrinker, sc: 1))
        with registered(machine, Python()), registered(machine, data):
            machine.shrink_slab(priority=0)
        assert seen == [1, 2, 2]

    def test_callbacks_of_cffi(self, machine: sp.Machine) -> None:
        asked = []
        count = ffi.callback(SIGNATURE, lambda shrinker, sc: 7 - len(asked) * 7)
        scan = ffi.callback(SIGNATURE, lambda shrinker, sc: asked.append(shrinker) or 7)
        with registered(machine, sp.NativeShrinker(count, scan)) as shrinker:
            machine.shrink_slab(priority=0)
            assert [int(ffi.cast("uintptr_t", each)) for each in asked] == [shrinker._address]

    def test_of_numba(self, machine: sp.Machine) -> None:
        numba = pytest.importorskip("numba")
        signature = numba.types.uint64(numba.types.voidptr, numba.types.voidptr)
        count = numba.cfunc(signature)(lambda shrinker, sc: 3)
        scan = numba.cfunc(signature)(lambda shrinker, sc: 3)
        with registered(machine, sp.NativeShrinker(count, scan)):
            assert machine.shrink_slab(priority=0) > 0

    def test_run_side_by_side_with_a_thread_that_wants_the_gil(
        self, machine: sp.Machine, native: Native
    ) -> None:
        """The pass has a Python shrinker too, and keeps the GIL for that one's calls only."""
        for name in ("held_inside", "held_leave", "held_gave_up"):
            native.variable(name).value = 0

        def let_go() -> None:
            while not native.variable("held_inside").value:
                pass
            native.variable("held_leave").value = 1

        data = sp.NativeShrinker(native.cdll.count_held, native.cdll.scan_all)
        python = sp.UnregisteredShrinker.alloc("python", machine=machine)
        with python.register(sp.Arc(Counting())) as other, registered(machine, data):
            thread = threading.Thread(target=let_go)
            thread.start()
            machine.shrink_slab(priority=0)
            thread.join(TIMEOUT)
            assert other.private_data.counted == 1
        assert not native.variable("held_gave_up").value

    def test_a_close_waits_for_the_last_one(self, machine: sp.Machine, native: Native) -> None:
        for name in ("held_inside", "held_leave", "held_gave_up"):
            native.variable(name).value = 0
        shrinker = registered(machine, sp.NativeShrinker(native.cdll.count_held, native.cdll.scan_all))
        running = Running(lambda: machine.shrink_slab(priority=0))
        while not native.variable("held_inside").value:
            pass
        closing = Running(shrinker.close)
        assert closing.alive
        native.variable("held_leave").value = 1
        running.join()
        closing.join()
        assert shrinker.closed


class Counting(sp.Shrinker):
    """Counts its counts."""

    counted = 0

    def count_objects(self, sc: sp.ShrinkControl) -> int:
        """One more."""
        self.counted += 1
        return 0

    def scan_objects(self, sc: sp.ShrinkControl) -> sp.ScanObjects:
        """Never called."""
        return sp.ScanObjects.STOP


class TestTheStruct:
    def test_has_the_addresses_themselves(self, machine: sp.Machine, native: Native, cache: Cache) -> None:
        data = sp.NativeShrinker(native.cdll.count_cache, native.cdll.scan_cache, cache)
        with registered(machine, data) as shrinker:
            head = lib.sp_shrinker_head(ffi.cast("struct shrinker *", shrinker._address))
            count, scan, private = (
                int(ffi.cast("uintptr_t", each))
                for each in (head.count_objects, head.scan_objects, head.private_data)
            )
            assert (count, scan) == (
                address_of(native.cdll.count_cache),
                address_of(native.cdll.scan_cache),
            )
            assert private == ctypes.addressof(cache)

    @pytest.mark.parametrize(
        ("private", "value"),
        [(0, 0), (None, 0), (0xDEAD, 0xDEAD), (2**64 - 1, 2**64 - 1), (ctypes.c_void_p(), 0)],
    )
    def test_private_data_may_be_a_number(
        self, machine: sp.Machine, native: Native, private: object, value: int
    ) -> None:
        data = sp.NativeShrinker(native.cdll.count_two, native.cdll.scan_all, private)
        with registered(machine, data) as shrinker:
            pointer = lib.sp_shrinker_private(ffi.cast("struct shrinker *", shrinker._address))
            assert int(ffi.cast("uintptr_t", pointer)) == value

    def test_or_a_pointer_of_cffi(self, machine: sp.Machine, native: Native) -> None:
        private = ffi.new("long *", 5)
        data = sp.NativeShrinker(native.cdll.count_two, native.cdll.scan_all, private)
        assert data.addresses[2] == int(ffi.cast("uintptr_t", private))
        assert data.private is private

    def test_its_trace_has_the_symbol(self, machine: sp.Machine, native: Native) -> None:
        named = sp.NativeShrinker(native.cdll.count_two, native.cdll.scan_all)
        unnamed = sp.NativeShrinker(native.cdll.count_two, address_of(native.cdll.scan_all))
        assert named.symbol == "scan_all"
        assert unnamed.symbol == hex(address_of(native.cdll.scan_all))
        with registered(machine, named):
            machine.trace.start()
            machine.shrink_slab(priority=0)
            assert any("scan_all" in line for line in machine.trace.lines())


class TestTheOwner:
    def test_private_data_is_the_native_shrinker(self, machine: sp.Machine, native: Native) -> None:
        data = sp.NativeShrinker(native.cdll.count_two, native.cdll.scan_all)
        with registered(machine, data) as shrinker:
            assert shrinker.private_data is data
        with pytest.raises(sp.ClosedError):
            _ = shrinker.private_data

    @pytest.mark.parametrize("owner", [sp.Box, sp.Arc])
    def test_a_box_or_an_arc_of_one_will_do(self, machine: sp.Machine, native: Native, owner: Any) -> None:
        data = sp.NativeShrinker(native.cdll.count_two, native.cdll.scan_all)
        with registered(machine, owner(data)) as shrinker:
            assert shrinker.private_data is data
            assert machine.shrink_slab(priority=0) > 0

    def test_what_was_given_lives_as_long_as_the_registration(self, machine: sp.Machine) -> None:
        count, scan = PROTOTYPE(lambda shrinker, sc: 1), PROTOTYPE(lambda shrinker, sc: 1)
        alive = weakref.ref(count)
        shrinker = registered(machine, sp.NativeShrinker(count, scan))
        del count, scan
        gc.collect()
        assert machine.shrink_slab(priority=0) > 0
        assert alive() is not None
        shrinker.close()
        gc.collect()
        assert alive() is None

    def test_a_registration_that_fails_gives_it_back(self, machine: sp.Machine, native: Native) -> None:
        box = sp.Box(sp.NativeShrinker(native.cdll.count_two, native.cdll.scan_all))
        unregistered = sp.UnregisteredShrinker.alloc("native", machine=machine, flags=sp.Flags.MEMCG_AWARE)
        lib.sp_debugfs_init(machine._pointer)
        machine.faults.fail_nth(1)
        try:
            shrinker = unregistered.register(box)
        except MemoryError:
            head = lib.sp_shrinker_head(unregistered._pointer)
            assert head.count_objects == ffi.NULL
            assert head.private_data == ffi.NULL
            assert box.value.addresses[0]
            machine.faults.fail_nth(0)
            shrinker = unregistered.register(box)
        assert machine.shrink_slab(priority=0) > 0
        shrinker.close()

    def test_a_collected_handle_still_frees_it(self, machine: sp.Machine, native: Native) -> None:
        shrinker = registered(machine, sp.NativeShrinker(native.cdll.count_two, native.cdll.scan_all))
        with pytest.warns(ResourceWarning, match="still registered"):
            del shrinker
        assert machine.ledger.registered == 0

    def test_the_exit_of_the_interpreter_finds_one_open(self) -> None:
        ended = script(
            """
            import ctypes, shrinkpy as sp
            f = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p)(lambda s, sc: 1)
            machine = sp.Machine()
            kept = sp.UnregisteredShrinker.alloc("n", machine=machine).register(sp.NativeShrinker(f, f))
            machine.shrink_slab(priority=0)
            """
        )
        assert ended.returncode == 0, ended.stderr
        assert "still registered" in ended.stderr

    def test_passes_of_natives_alone_give_the_gil_up(self, machine: sp.Machine, native: Native) -> None:
        """Of 300: the same, whoever registered them; a thread could not end the first's wait else."""
        for name in ("held_inside", "held_leave", "held_gave_up"):
            native.variable(name).value = 0
        shrinkers = [registered(machine, sp.NativeShrinker(native.cdll.count_held, native.cdll.scan_all))]
        data = sp.NativeShrinker(native.cdll.count_two, native.cdll.scan_all)
        shrinkers += [registered(machine, data) for _ in range(299)]
        thread = threading.Thread(target=lambda: native.variable("held_leave").__setattr__("value", 1))
        running = Running(lambda: machine.shrink_slab(priority=0))
        thread.start()
        assert running.join() == 299 * 4
        thread.join(TIMEOUT)
        for shrinker in shrinkers:
            shrinker.close()


class TestMisuse:
    @pytest.mark.parametrize("which", ["count", "scan"])
    @pytest.mark.parametrize(
        ("value", "error", "told"),
        [
            (None, TypeError, "{} is missing; give the address of an unsigned long f"),
            (0, ValueError, "{} is NULL"),
            (ctypes.c_void_p(), ValueError, "{} is NULL"),
            (ffi.NULL, ValueError, "{} is NULL"),
            (PROTOTYPE(), ValueError, "{} is NULL"),
            (-1, ValueError, "{} is no address"),
            (2**64, ValueError, "{} is no address"),
            (True, TypeError, "{} has no address: True"),
            (1.5, TypeError, "{} has no address: 1.5"),
            ("scan", TypeError, "{} has no address: 'scan'"),
            (len, TypeError, "{} has no address: <built-in"),
            (ffi.cast("long(*)(int)", 4096), TypeError, "{} has 1 parameters"),
            (ffi.new("int[2]"), TypeError, "{} is no function pointer"),
        ],
    )
    def test_what_is_no_callback_is_refused(
        self, which: str, value: object, error: type[Exception], told: str
    ) -> None:
        good = {"count": 4096, "scan": 4096}
        with pytest.raises(error, match=told.format(which)):
            sp.NativeShrinker(**{**good, which: value})

    def test_a_missing_callback(self) -> None:
        with pytest.raises(TypeError, match="scan is missing"):
            sp.NativeShrinker(4096)

    @pytest.mark.parametrize(
        ("private", "error"), [(True, TypeError), ("x", TypeError), (-1, ValueError), (2**64, ValueError)]
    )
    def test_what_private_data_cannot_be(self, private: object, error: type[Exception]) -> None:
        with pytest.raises(error, match="private"):
            sp.NativeShrinker(4096, 4096, private)

    def test_callbacks_beside_it(self, machine: sp.Machine) -> None:
        unregistered = sp.UnregisteredShrinker.alloc("native", machine=machine)
        with pytest.raises(TypeError, match="without callbacks="):
            unregistered.register(sp.NativeShrinker(4096, 4096), callbacks=Counting())
        unregistered.close()
