# SPDX-License-Identifier: GPL-2.0-only
"""Passes over native shrinkers: they run without the GIL."""

from __future__ import annotations

import pytest
from native import Native
from support import Running, register

import shrinkpy as sp


class TestShrinkSlab:
    def test_other_threads_run_meanwhile(self, machine: sp.Machine, held: Native) -> None:
        def let_go() -> None:
            while not held.variable("held_inside").value:
                pass
            held.variable("held_leave").value = 1

        native_ones = [held.register(machine, "count_two") for _ in range(3)]
        thread = Running(let_go)
        assert machine.shrink_slab(priority=0) == len(native_ones) * 4
        thread.join()
        assert not held.variable("held_gave_up").value

    def test_a_python_shrinker_registered_meanwhile_is_called_in_the_same_pass(
        self, machine: sp.Machine, held: Native
    ) -> None:
        class Late(sp.Shrinker):
            def count_objects(self, sc: sp.ShrinkControl) -> int:
                return 1

            def scan_objects(self, sc: sp.ShrinkControl) -> int:
                raise ValueError("from the late one")

        def let_go() -> sp.RegisteredShrinker:
            while not held.variable("held_inside").value:
                pass
            late = register(machine, Late(), "late")
            held.variable("held_leave").value = 1
            return late

        thread = Running(let_go)
        with pytest.raises(ValueError, match="from the late one"):
            machine.shrink_slab(priority=0)
        with thread.join():
            assert machine.last_pass is not None
            assert machine.last_pass.counts == 2
