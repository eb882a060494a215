# SPDX-License-Identifier: GPL-2.0-only
"""Passes over native shrinkers: the GIL is given up when they are long."""

from __future__ import annotations

import ctypes
import subprocess
import threading
from collections.abc import Iterator

import pytest

import shrinkpy as sp
from shrinkpy.core import ffi, lib

SOURCE = """
#include <unistd.h>

volatile int waiting, go_on, gave_up;

/* Waits for another thread to say go on; for ten seconds at most. */
unsigned long count_waiting(void *shrinker, void *sc)
{
	int i;

	waiting = 1;
	for (i = 0; i < 100000 && !go_on; i++)
		usleep(100);
	gave_up = !go_on;
	return 0;
}

unsigned long count_two(void *shrinker, void *sc)
{
	return 2;
}

unsigned long scan_two(void *shrinker, void *sc)
{
	return 2;
}
"""


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Callbacks in C."""
    where = tmp_path_factory.mktemp("native")
    (where / "callbacks.c").write_text(SOURCE)
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", str(where / "callbacks.so"), str(where / "callbacks.c")], check=True
    )
    return ctypes.CDLL(str(where / "callbacks.so"))


def add(machine: sp.Machine, native: ctypes.CDLL, count: str) -> None:
    """Register a shrinker whose callbacks are C; machine.close() frees it."""
    out = ffi.new("struct shrinker **")
    assert lib.sp_shrinker_alloc(machine._pointer, 0, b"native", out) == 0
    callbacks = [
        ffi.cast("sp_shrink_fn", ctypes.cast(getattr(native, name), ctypes.c_void_p).value)
        for name in (count, "scan_two")
    ]
    lib.sp_shrinker_set_callbacks(out[0], *callbacks)
    assert lib.sp_shrinker_register(out[0], ffi.NULL) == 0


@pytest.fixture
def waiting(machine: sp.Machine, native: ctypes.CDLL) -> Iterator[ctypes.CDLL]:
    """300 native shrinkers, the first of which waits inside its count."""
    for name in ("waiting", "go_on", "gave_up"):
        ctypes.c_int.in_dll(native, name).value = 0
    add(machine, native, "count_waiting")
    for _ in range(299):
        add(machine, native, "count_two")
    yield native
    ctypes.c_int.in_dll(native, "go_on").value = 1


class TestShrinkSlab:
    def test_other_threads_run_during_a_long_native_pass(
        self, machine: sp.Machine, waiting: ctypes.CDLL
    ) -> None:
        def let_go() -> None:
            while not ctypes.c_int.in_dll(waiting, "waiting").value:
                pass
            ctypes.c_int.in_dll(waiting, "go_on").value = 1

        thread = threading.Thread(target=let_go)
        thread.start()
        assert machine.shrink_slab(priority=0) == 299 * 2
        thread.join(timeout=10)
        assert not ctypes.c_int.in_dll(waiting, "gave_up").value

    def test_a_python_shrinker_registered_meanwhile_is_called_in_the_same_pass(
        self, machine: sp.Machine, waiting: ctypes.CDLL
    ) -> None:
        class Late(sp.Shrinker):
            def count_objects(self, sc: sp.ShrinkControl) -> int:
                return 1

            def scan_objects(self, sc: sp.ShrinkControl) -> int:
                raise ValueError("from the late one")

        handles: list[sp.RegisteredShrinker] = []

        def let_go() -> None:
            while not ctypes.c_int.in_dll(waiting, "waiting").value:
                pass
            unregistered = sp.UnregisteredShrinker.alloc("late", machine=machine)
            handles.append(unregistered.register(Late()))
            ctypes.c_int.in_dll(waiting, "go_on").value = 1

        thread = threading.Thread(target=let_go)
        thread.start()
        with pytest.raises(ValueError, match="from the late one"):
            machine.shrink_slab(priority=0)
        thread.join(timeout=10)
        assert machine.last_pass is not None
        assert machine.last_pass.counts == 301
        handles[0].close()
