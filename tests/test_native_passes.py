# SPDX-License-Identifier: GPL-2.0-only
"""Passes over native shrinkers: they run without the GIL."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from native import Native

import shrinkpy as sp


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Native:
    """Callbacks in C."""
    return Native(tmp_path_factory.mktemp("native"))


@pytest.fixture
def held(machine: sp.Machine, native: Native) -> Iterator[Native]:
    """300 native shrinkers, the first of which waits inside its count."""
    for name in ("held_inside", "held_leave", "held_gave_up"):
        native.variable(name).value = 0
    native.register(machine, "count_held")
    for _ in range(299):
        native.register(machine, "count_two")
    yield native
    native.variable("held_leave").value = 1


class TestShrinkSlab:
    def test_other_threads_run_during_a_long_native_pass(self, machine: sp.Machine, held: Native) -> None:
        def let_go() -> None:
            while not held.variable("held_inside").value:
                pass
            held.variable("held_leave").value = 1

        thread = threading.Thread(target=let_go)
        thread.start()
        assert machine.shrink_slab(priority=0) == 299 * 4
        thread.join(timeout=10)
        assert not held.variable("held_gave_up").value

    def test_a_python_shrinker_registered_meanwhile_is_called_in_the_same_pass(
        self, machine: sp.Machine, held: Native
    ) -> None:
        class Late(sp.Shrinker):
            def count_objects(self, sc: sp.ShrinkControl) -> int:
                return 1

            def scan_objects(self, sc: sp.ShrinkControl) -> int:
                raise ValueError("from the late one")

        handles: list[sp.RegisteredShrinker] = []

        def let_go() -> None:
            while not held.variable("held_inside").value:
                pass
            unregistered = sp.UnregisteredShrinker.alloc("late", machine=machine)
            handles.append(unregistered.register(Late()))
            held.variable("held_leave").value = 1

        thread = threading.Thread(target=let_go)
        thread.start()
        with pytest.raises(ValueError, match="from the late one"):
            machine.shrink_slab(priority=0)
        thread.join(timeout=10)
        assert machine.last_pass is not None
        assert machine.last_pass.counts == 301
        handles[0].close()
